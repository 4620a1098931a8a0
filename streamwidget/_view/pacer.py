"""When a feed's next message goes out: the timer and the turn of one feed.

Rules
-----
- Text within :data:`message_rate.FLUSH <streamwidget._view.message_rate.FLUSH>` seconds goes out together.
  Example: 30 deltas in 60 ms become one message.
- Each flush claims a slot of the kernel's :mod:`~streamwidget._view.message_rate`. One feed alone finds it free. Among
  many feeds, each waits for its slot.
- A flush runs on the loop of its request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from streamwidget._core.loop import running_loop
from streamwidget._view import message_rate


class Pacer:
    """Calls ``flush`` when it is the feed's turn.

    Parameters
    ----------
    flush : callable
        Sends all that is new.
    deferred : bool, default False
        False flushes inside of the call if it is the feed's turn already. True always leaves it to the loop's next
        step. Without a running loop it then flushes nothing.
    """

    def __init__(self, flush: Callable[[], None], *, deferred: bool = False) -> None:
        self._flush = flush
        self._deferred = deferred
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # the timer's
        self._last_flush = float("-inf")
        self._then: Callable[[], None] | None = None  # the step after the end

    def flush_soon(self) -> None:
        """Flush when it is the feed's turn. Further calls before that are joined with this one."""
        if self._timer is None:
            self._flush_at(max(self._last_flush + message_rate.FLUSH, message_rate.claim()))

    def flush_end(self, slots: int, *, in_turn: bool, then: Callable[[], None] | None = None) -> None:
        """Flush for the last time. Text that still waits for its turn goes out with it.

        Parameters
        ----------
        slots : int
            How many messages the end takes.
        in_turn : bool
            False flushes immediately. The slots are claimed all the same, and other feeds slow down.
        then : callable, optional
            Called when the end was sent.
        """
        self.stop()
        self._then = then
        slot = message_rate.claim(slots)
        self._flush_at(slot if in_turn else 0)

    @property
    def shares(self) -> bool:
        """True if the feed's messages are parts of a larger one."""
        return False

    def flush_now(self) -> None:
        """Flush immediately. The next turn comes a flush later."""
        then = self._then
        self.stop()
        self._last_flush = time.monotonic()
        self._send()
        if then is not None:
            then()

    def stop(self) -> None:
        """Forget the flush that waits for its turn, and what follows it."""
        self._then = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def flushed(self) -> None:
        """Wait until no flush waits for its turn. On another loop than the timer's this returns immediately."""
        loop = asyncio.get_running_loop()
        while self._timer is not None and self._loop is loop:  # noqa: ASYNC110  (a flush may set the next timer)
            await asyncio.sleep(self._timer.when() - loop.time())

    def _send(self) -> None:
        self._flush()

    def _flush_at(self, due: float) -> None:
        wait, loop = due - time.monotonic(), running_loop()
        if loop is not None and (wait > 0 or self._deferred):
            self._loop, self._timer = loop, loop.call_later(max(0.0, wait), self.flush_now)
        elif not self._deferred:
            self.flush_now()  # also without a loop: the stream never ran
