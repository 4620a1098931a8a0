"""A saved answer that was cut: the page can ask for its rest, as long as this kernel lives.

The output has the answer's id in its metadata. The page's tools have the ids of all answers that this kernel can go on
with, and the view of one that goes on. The page puts that view in place of the saved answer, also after a reload.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamwidget._core.completion import shown
from streamwidget._core.loop import running_loop
from streamwidget._core.outcomes import OUTCOMES
from streamwidget._core.stream import ChatStream
from streamwidget._view import control
from streamwidget._view.page_tools import bring_tools

_MOST = 50  # answers. Each one holds its request
_kept: dict[str, CutAnswer] = {}  # the oldest first


class CutAnswer:
    """One saved answer.

    Parameters
    ----------
    stream : ChatStream
        It is over.
    go_on : callable
        Asks for the rest of the answer, and returns the model id of its view.
    """

    def __init__(self, stream: ChatStream, go_on: Callable[[], str]) -> None:
        self._stream = stream
        self._go_on = go_on
        self._view = ""
        control.register(stream.id, self._hear)
        _kept[stream.id] = self
        while len(_kept) > _MOST:
            del _kept[next(iter(_kept))]
        _tell()

    @property
    def metadata(self) -> dict[str, Any]:
        """For the output, so that the page finds it."""
        return {"streamwidget": {"answer": self._stream.id}}

    def forget(self) -> None:
        """Offer Continue no longer: another answer is in this one's place."""
        if _kept.pop(self._stream.id, None) is not None:
            _tell()

    def _hear(self, message: Any) -> None:
        """Take a message of the page. May run on any thread."""
        if isinstance(message, dict) and message.get("op") == "continue":
            self._stream.call(self._begin)

    def _begin(self) -> None:
        if not self._view and running_loop() is not None:
            self._view = self._go_on()
            _tell()


def can_go_on(stream: ChatStream) -> bool:
    """Return True if the stream's answer was cut, and has text to go on with."""
    completion = stream.completion
    is_cut = completion.outcome is not None and "continue" in OUTCOMES[completion.outcome].remedies
    return is_cut and stream.repeatable and shown(completion) != ""


def _tell() -> None:
    bring_tools().set_trait("answers", {name: cut._view for name, cut in _kept.items()})
