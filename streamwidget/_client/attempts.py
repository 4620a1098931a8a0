"""The requests of one stream: the first, and those that follow a failure, each watched by the same clock.

The exchange knows one request; the stream knows its readers, and how it was stopped. Here is what lies between: when a
failure is tried again, and when a limit of :class:`~streamwidget.Timeout` ends it all.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from streamwidget._client.exchange import Exchange, Request
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.tap import Tap
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import Outcome, Retry, StreamEvent
from streamwidget._core.exceptions import StreamError, StreamTimeout
from streamwidget._core.recording import Recording
from streamwidget._core.timeout import TICK, Deadlines, PendingLimit, Timeout

_GO_ON = "Go on exactly where you stopped. Do not repeat what you have written."


class Attempts:
    """Ask until there is an answer, or no more may be asked. A :class:`~streamwidget._core.work.Work`.

    Parameters
    ----------
    request : Request
    limits : Timeout
    retry : RetryPolicy
    text : str, default ""
        What the answer begins with.

    Attributes
    ----------
    accumulator : Accumulator
        The text of the last attempt. Earlier ones had none, or they would not have been followed by another.
    exchange : Exchange or None
        The last attempt; None before the first.
    """

    repeatable = True

    def __init__(self, request: Request, limits: Timeout, retry: RetryPolicy, text: str = "") -> None:
        self.accumulator = Accumulator(text)
        self.exchange: Exchange | None = None
        self.request = request
        self._sent = request  # the same, by way of the tap that records it
        self._limits = limits
        self._retry = retry
        self._text = text
        self._deadlines: Deadlines | None = None
        self._stopped = False
        self._passed: str | None = None  # the limit that ended it

    @property
    def model(self) -> str | None:
        return self.request.model

    @property
    def request_id(self) -> str | None:
        return self.exchange.request_id if self.exchange else None

    @property
    def demo(self) -> bool:
        return bool(self.exchange and self.exchange.demo)

    @property
    def pending_limit(self) -> PendingLimit | None:
        return self._deadlines.pending() if self._deadlines else None

    async def run(self, publish: Callable[[list[StreamEvent]], None]) -> Outcome:
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
        deadlines = self._deadlines = Deadlines(self._limits, time.monotonic())
        clock = asyncio.create_task(self._watch(deadlines, task))
        try:
            return await self._ask(deadlines, publish)
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

    def record(self) -> Recording:
        transport = self.request.transport
        recording = Recording(self.request.model, self._limits, transport.api_key)
        self._sent = replace(self.request, transport=Tap(transport, recording))
        return recording

    def again(self, *, go_on: bool) -> Attempts:
        if not go_on:
            return Attempts(self.request, self._limits, self._retry)
        text = self.accumulator.text
        rest: list[dict[str, Any]] = [{"role": "assistant", "content": text}, {"role": "user", "content": _GO_ON}]
        request = replace(self.request, messages=[*self.request.messages, *rest])
        return Attempts(request, self._limits, self._retry, text)

    async def _ask(self, deadlines: Deadlines, publish: Callable[[list[StreamEvent]], None]) -> Outcome:
        for attempt in itertools.count(1):
            deadlines.new_attempt(time.monotonic())
            self.accumulator = Accumulator(self._text)
            self.exchange = Exchange(self._sent, self.accumulator, deadlines, publish)
            try:
                return await self.exchange.run(self._limits.connect)
            except StreamError as exc:
                if not exc.retryable or self.accumulator.delta_count or self._stopped:
                    raise
                delay = self._retry.delay(attempt, exc.error.retry_after)
                if delay is None:
                    raise
                deadlines.wait_for_retry(time.monotonic(), delay)
                publish([Retry(attempt + 1, delay, exc.error.message)])
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
