"""A view's messages on their way to its pages: by the view's own comm, or in a message that many views share."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from streamwidget._view import control
from streamwidget._view.bundle import Bundle
from streamwidget._view.transcript import JSON

_keys = itertools.count(1)


class Outbox:
    """Sends the messages of one view, or holds them for a shared message.

    Parameters
    ----------
    send : callable
        Sends one message by the view's own comm.
    bundle : Bundle
        The shared messages go by its comm.

    Attributes
    ----------
    key : str
        The name of the view, in shared messages and in those of its pages. No other view of the kernel has it.
    shares : bool
        True once the pages of the view have said that they read shared messages. False as soon as one of them does not.
    """

    def __init__(self, send: Callable[[JSON], None], bundle: Bundle) -> None:
        self.key = control.name_for_pages(str(next(_keys)))
        self.bundle = bundle
        self._send = send
        self._reads: bool | None = None  # the pages' own word
        self._rests = False
        self._held: list[JSON] | None = None

    @property
    def shares(self) -> bool:
        return self._reads is True and self.bundle.comm is not None

    def hear(self, reads: Any) -> None:
        """Note whether a page that asks for the state reads shared messages. Any thread may call this."""
        self._rests = False
        self._reads = reads is True and self._reads is not False

    def rest(self) -> None:
        """Send nothing until a page asks for the state: no page shows the view. Any thread may call this."""
        self._rests = True

    def send(self, message: JSON) -> None:
        """Send a message, or hold it within :meth:`hold`. Nobody misses one that is not sent: the state has it."""
        if self._rests:
            return
        if self._held is None:
            self._send(message)
        else:
            self._held.append(message)

    def hold(self, flush: Callable[[], None]) -> list[JSON]:
        """Return the messages that ``flush`` sends."""
        held: list[JSON] = []
        self._held = held
        try:
            flush()
        finally:
            self._held = None
        return held
