"""The requests of one stream: the first, and those that follow a failure, each watched by the same clock.

The exchange knows one request; the stream knows its readers, and how it was stopped. Here is what lies between: when a
failure is tried again, and when a limit of :class:`~streamwidget.Timeout` ends it all.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

from streamwidget._accumulator import Accumulator
from streamwidget._completion import ErrorInfo
from streamwidget._events import Outcome, Retry, StreamEvent
from streamwidget._exceptions import StreamError, StreamTimeout
from streamwidget._exchange import Exchange, Request
from streamwidget._retry import RetryPolicy
from streamwidget._timeout import TICK, Deadlines, Timeout


class Attempts:
    """Ask until there is an answer, or no more may be asked.

    Parameters
    ----------
    request : Request
    limits : Timeout
    retry : RetryPolicy
    publish : callable
        Is given each batch of events.
    text : str
        What the answer begins with.

    Attributes
    ----------
    accumulator : Accumulator
        The text of the last attempt. Earlier ones had none, or they would not have been followed by another.
    exchange : Exchange or None
        The last attempt; None before the first.
    deadlines : Deadlines or None
        The clock; None before the first attempt.
    """

    def __init__(
        self,
        request: Request,
        limits: Timeout,
        retry: RetryPolicy,
        publish: Callable[[list[StreamEvent]], None],
        text: str,
    ) -> None:
        self.accumulator = Accumulator(text)
        self.exchange: Exchange | None = None
        self.deadlines: Deadlines | None = None
        self._request = request
        self._limits = limits
        self._retry = retry
        self._publish = publish
        self._text = text
        self._stopped = False
        self._passed: str | None = None  # the limit that ended it

    async def run(self) -> Outcome:
        """Ask, and return how the answer ended.

        Raises
        ------
        StreamError
            If there is no whole answer.
        asyncio.CancelledError
            If the task is cancelled by somebody else than the clock.
        """
        task = asyncio.current_task()
        assert task is not None  # a coroutine that asyncio runs has one
        deadlines = self.deadlines = Deadlines(self._limits, time.monotonic())
        clock = asyncio.create_task(self._watch(deadlines, task))
        try:
            return await self._ask(deadlines)
        except (asyncio.CancelledError, StreamError):
            self._raise_if_passed()
            raise
        finally:
            clock.cancel()

    def stop(self) -> None:
        """End the connection at once, from any thread, and ask no more. The task is still to be cancelled."""
        self._stopped = True
        if self.exchange is not None:
            self.exchange.shut()

    async def _ask(self, deadlines: Deadlines) -> Outcome:
        for attempt in itertools.count(1):
            deadlines.new_attempt(time.monotonic())
            self.accumulator = Accumulator(self._text)
            self.exchange = Exchange(self._request, self.accumulator, deadlines, self._publish)
            try:
                return await self.exchange.run(self._limits.connect)
            except StreamError as exc:
                if not exc.retryable or self.accumulator.delta_count or self._stopped:
                    raise
                delay = self._retry.delay(attempt, exc.error.retry_after)
                if delay is None:
                    raise
                deadlines.wait_for_retry(time.monotonic(), delay)
                self._publish([Retry(attempt + 1, delay, exc.error.message)])
                await asyncio.sleep(delay)
        raise AssertionError("unreachable")

    async def _watch(self, deadlines: Deadlines, task: asyncio.Task[None]) -> None:
        while self._passed is None:
            exchange = self.exchange
            passed = deadlines.tick(time.monotonic(), connecting=exchange is not None and exchange.connecting)
            if passed == "connect" and exchange is not None:
                exchange.gave_up = True  # this attempt only: another may follow
            else:
                self._passed = passed
            if passed is not None:
                task.cancel()
            await asyncio.sleep(TICK)

    def _raise_if_passed(self) -> None:
        if self._passed is not None:
            message = self._limits.explain(self._passed)
            raise StreamTimeout(ErrorInfo(message, kind=self._passed), retryable=True) from None
