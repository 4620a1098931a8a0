"""What one reader of a stream has not read yet, in ``async for`` or in ``for``."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from streamwidget._core.events import Finish, StreamEvent

if TYPE_CHECKING:
    from streamwidget._core.stream import ChatStream


class Backlog:
    """The events that one reader has not read yet.

    Parameters
    ----------
    stream : ChatStream

    Attributes
    ----------
    pending : deque of StreamEvent
        A reader that comes late first gets the text so far.
    leave : callable
        Takes no more events.
    """

    def __init__(self, stream: ChatStream) -> None:
        self.pending: deque[StreamEvent] = deque()
        self._stream = stream
        self._wake = asyncio.Event()
        self._begun = self._ended = False
        self.leave = stream.subscribe(self._take)
        stream._tell_so_far(self._begin)

    async def more(self) -> bool:
        """Wait for events. False: the stream is over, and all of them are read."""
        self._stream.start()
        while not self.pending and not self._ended:
            self._wake.clear()
            await self._wake.wait()
        return bool(self.pending)

    def _begin(self, so_far: list[StreamEvent]) -> None:
        self._begun = True
        if so_far:
            self._take(so_far)

    def _take(self, events: list[StreamEvent]) -> None:
        if self._begun:
            self.pending.extend(events)
            self._ended = isinstance(events[-1], Finish)
            self._wake.set()
