"""The doctor's messenger: a widget without a view. The page names itself, and answers pings."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import anywidget
import traitlets

from streamwidget._core.loop import settler
from streamwidget._view import control
from streamwidget._view.bundle import STATIC

_MOST = 20  # facts of a page


class Pong(NamedTuple):
    """A page's answer to a ping.

    Attributes
    ----------
    seconds : float
        To the page and back.
    late : float
        Of these, the seconds of a page that was busy with other things.
    """

    seconds: float
    late: float


class PageProbe(anywidget.AnyWidget):
    """Asks the page of the notebook. A page makes the model of a widget as soon as it hears of it."""

    _esm = (STATIC / "doctor.js").read_text(encoding="utf-8")
    name = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Callable[[float], None]] = {}
        self._facts: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        self._hello = settler(self._facts)
        super().__init__(name=control.name_for_pages(uuid4().hex))
        self.on_msg(lambda _, content, __: self._receive(content))
        control.register(self.name, self._receive)  # the way of a browser tab

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Do nothing. The page sets no trait."""

    async def facts(self, patience: float) -> Mapping[str, str] | None:
        """Return the facts of the page. None: no page has answered in time."""
        try:
            async with asyncio.timeout(patience):
                return await asyncio.shield(self._facts)
        except TimeoutError:
            return None

    async def ping(self, patience: float, size: int = 0) -> Pong | None:
        """Send a message with so many characters, and wait for the answer. None: it has not come in time."""
        number = next(self._numbers)
        answered: asyncio.Future[tuple[float, float]] = asyncio.get_running_loop().create_future()
        settle = settler(answered)
        self._waiting[number] = lambda late: settle((time.monotonic(), late))
        begun = time.monotonic()
        self.send({"op": "ask", "n": number, "pad": "x" * size})
        try:
            async with asyncio.timeout(patience):
                at, late = await answered
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(number, None)
        return Pong(at - begun, late)

    def _receive(self, content: Any) -> None:
        """Take a message of the page. It may be anything, and on any thread."""
        match content:
            case {"op": "hello", "facts": dict(facts)}:
                texts = ((name, value) for name, value in facts.items() if isinstance(value, str))
                self._hello({name[:40]: value[:200] for name, value in itertools.islice(texts, _MOST)})
            case {"op": "answer", "n": int(number), "late": int() | float() as late}:
                if (answer := self._waiting.get(number)) is not None:
                    answer(late / 1000)
