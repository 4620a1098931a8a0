"""From a stream on the loop of our own thread, back to the loop of the person's code.

The thread never waits for that loop, because a cell may block it. The events of that time are handed over at once,
in order.
As long as the stream runs, the loop wakes up at each TICK. The interpreter sees an interrupt only when it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import deque
from collections.abc import Callable

from streamwidget._core.events import StreamEvent
from streamwidget._core.timeout import TICK


class Relay:
    """Calls ``publish`` on the loop of the thread in which this was made.

    Parameters
    ----------
    publish : callable
        Takes a batch of events. It is called in the context of the maker, so a cell's outputs stay the cell's.

    Attributes
    ----------
    over : bool
        Set it at the end of the stream.
    """

    def __init__(self, publish: Callable[[list[StreamEvent]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._publish = publish
        self._waiting: deque[list[StreamEvent] | Callable[[], object]] = deque()
        self._woken = False
        self.over = False
        self._tick()

    def _tick(self) -> None:
        if not self.over:
            self._loop.call_later(TICK, self._tick)

    def put(self, item: list[StreamEvent] | Callable[[], object]) -> None:
        """Hand over a batch of events, or call a function between two batches. Any thread may call this."""
        self._waiting.append(item)
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop is closed, and so is the person's code
                self._loop.call_soon_threadsafe(self._hand_over, context=self._context.copy())

    def _hand_over(self) -> None:
        self._woken = False  # first: the next item wakes the loop again
        events: list[StreamEvent] = []
        while self._waiting:
            item = self._waiting.popleft()
            if isinstance(item, list):
                events += item
                continue
            if events:
                self._publish(events)
            events = []
            item()
        if events:
            self._publish(events)
