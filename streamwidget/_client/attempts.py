"""The requests of one stream: the first one and its retries. One clock watches them all.

An exchange knows one request. The stream knows its readers and how it was stopped. This file decides the rest: whether
to make a failed request again, and when a limit of :class:`~streamwidget.Timeout` ends the stream.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from streamwidget._client.calls import Call, watched
from streamwidget._client.exchange import Exchange, Publish
from streamwidget._client.lasting import LastingExchange
from streamwidget._client.request import Request
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.urls import host_of
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ChatCompletion, ErrorInfo, shown
from streamwidget._core.cost import Cost, total
from streamwidget._core.events import Outcome, Retry, StreamEvent, StreamWarning
from streamwidget._core.exceptions import InvalidValue, StreamError, StreamTimeout
from streamwidget._core.messages import Message
from streamwidget._core.seam import Seam
from streamwidget._core.timeout import TICK, Deadlines, PendingLimit, Timeout

if TYPE_CHECKING:
    from streamwidget._client.parser import StreamParser
    from streamwidget._core.receipt import SentRequest
    from streamwidget._core.recording import Recording

T = TypeVar("T")
_QUEUED = 10  # ticks. A request that has no connection by then waits for another one's
MakeExchange = Callable[[Request, Accumulator, Deadlines, Publish], Exchange]


class Attempts:
    """Ask until there is an answer or no attempt is left. A :class:`~streamwidget._core.work.Work`.

    Parameters
    ----------
    request : Request
        The person's own question, also if the model is to go on with an answer.
    limits : Timeout
    retry : RetryPolicy
    so_far : ChatCompletion or None, default None
        The beginning of the answer, if the model is to go on with it.
    exchange : callable, optional
        Makes the exchange of one attempt. Default: one that reads an answer.
    asks_again : int, default 0
        How many times an answer that is not a valid value is asked for again, with what is wrong.
    accumulator : Accumulator, optional
        Has the steps before this request, and takes what it brings. Default: a new one for each attempt.
    sent : tuple of SentRequest, optional
        What left for the steps before this request.
    rest : tuple, optional
        A parser and its accumulator, of an answer that the provider has written on.

    Attributes
    ----------
    accumulator : Accumulator
        The text of the last attempt. Earlier attempts brought no text, because text ends the retries.
    consents : None
        No tool runs here.
    exchange : Exchange or None
        The last attempt. None before the first.
    """

    repeatable = True
    reused_from = None
    consents = None

    def __init__(
        self,
        request: Request,
        limits: Timeout,
        retry: RetryPolicy,
        so_far: ChatCompletion | None = None,
        *,
        exchange: MakeExchange = LastingExchange,
        asks_again: int = 0,
        accumulator: Accumulator | None = None,
        sent: tuple[SentRequest, ...] = (),
        rest: tuple[StreamParser, Accumulator] | None = None,
    ) -> None:
        self._before = sent
        self.exchange: Exchange | None = None
        self.request = request
        self._left_at: float | None = None
        self._calls: list[Call] = []
        self._so_far = so_far
        self._first = self._sent = request if so_far is None else _going_on(request, so_far)
        self._earlier = accumulator
        self._replaces = False  # this request asks again for the answer before it
        self._rest = None if rest is None else rest[0]
        self.accumulator = rest[1] if rest is not None else accumulator or self._new_accumulator()
        self._limits = limits
        self._retry = retry
        self._make_exchange = exchange
        self._asks_again = asks_again
        self._deadlines: Deadlines | None = None
        self._step: asyncio.Task[Any] | None = None  # the clock may cancel it
        self._stopped = False
        self._queued = False  # the request has waited for a connection of the client for some time
        self._passed: str | None = None  # the limit's name, once the clock has ended the step

    @property
    def is_ours(self) -> bool:
        return self.request.transport.is_ours

    @property
    def model(self) -> str | None:
        return self.request.question.model

    @property
    def request_hash(self) -> str | None:
        return self._first.hash

    @property
    def sent(self) -> tuple[SentRequest, ...]:
        return (*self._before, *(self.exchange.sent if self.exchange else ()))

    @property
    def request_id(self) -> str | None:
        return self.exchange.request_id if self.exchange else None

    @property
    def demo(self) -> bool:
        return bool(self.exchange and self.exchange.demo)

    @property
    def mark(self) -> str:
        return self.exchange.mark if self.exchange else ""

    @property
    def cost(self) -> Cost:
        before = [] if self._so_far is None else [self._so_far.cost]
        return total([*before, *(call.cost for call in self._calls)])

    @property
    def left_at(self) -> float | None:
        if self._left_at is None and self.exchange is not None:
            self._left_at = self.exchange.left_at
        return self._left_at

    @property
    def pending_limit(self) -> PendingLimit | None:
        return self._deadlines.pending() if self._deadlines else None

    async def run(self, publish: Publish) -> Outcome:
        """Ask, and return how the answer ended.

        Raises
        ------
        StreamError
            If the answer is not whole.
        asyncio.CancelledError
            If the task is cancelled.
        """
        deadlines = self._deadlines = Deadlines(self._limits, time.monotonic())
        clock = asyncio.create_task(self._watch(deadlines))
        try:
            outcome = await self._ask(deadlines, publish)
            for _ in range(self._asks_again):
                problem = self._problem() if outcome == "complete" else ""
                if not problem:
                    break
                self._ask_again(problem)
                outcome = await self._ask(deadlines, publish)
            return outcome
        finally:
            clock.cancel()

    def _problem(self) -> str:
        """Return why the answer is not a valid value, or an empty text."""
        try:
            if (kind := self.request.question.value) is not None and not self.accumulator.calls_tools:
                kind.read(self.accumulator.last_text)
        except InvalidValue as exc:
            return str(exc)
        return ""

    def _ask_again(self, problem: str) -> None:
        """Put the answer and what is wrong with it into the next request. What comes then is a step of its own."""
        from streamwidget._dialects.schemas import asked_again  # late: few questions ask for a value

        accumulator, exchange = self.accumulator, self.exchange
        answer = Message("assistant", accumulator.last_text, completion=accumulator.snapshot())
        question = exchange.question if exchange is not None else self._sent.question
        self._sent = replace(self._sent, question=asked_again(question, answer, problem))
        self._earlier, self._replaces = accumulator, True

    def stop(self) -> None:
        """Close the connection now, and make no more requests, from any thread. The caller cancels the task too."""
        self._stopped = True
        if self.exchange is not None:
            self.exchange.shut()

    def record(self) -> Recording:
        from streamwidget._client.recorder import record  # late: few streams are recorded

        recording, self._sent = record(self._sent, self._limits)
        return recording

    def again(self, *, go_on: bool) -> Attempts:
        cut = self.exchange
        if go_on and isinstance(cut, LastingExchange) and cut.may_go_on:
            return Attempts(self.request, self._limits, self._retry, asks_again=self._asks_again, rest=cut.copied())
        so_far = self.accumulator.snapshot(cost=self.cost) if go_on else None
        return Attempts(self.request, self._limits, self._retry, so_far, asks_again=self._asks_again)

    def _new_accumulator(self) -> Accumulator:
        so_far, prefix = self._so_far, self._first.question.prefix
        if so_far is None or self._is_the_same_answer:
            return Accumulator(so_far, resumes=so_far is not None)
        echoes = prefix is not None and self.request.dialect.echoes
        return Accumulator(so_far, seam=Seam(so_far.text, continues=prefix is not None, echoes=echoes))

    @property
    def _is_the_same_answer(self) -> bool:
        """True if the provider paused, so nothing is joined."""
        return self._so_far is not None and self.request.dialect.resumes(self._so_far)

    async def _ask(self, deadlines: Deadlines, publish: Publish) -> Outcome:
        for attempt in itertools.count(1):
            deadlines.new_attempt(time.monotonic())
            if self._earlier is None:
                self.accumulator = self.accumulator if self._rest else self._new_accumulator()
            else:
                publish(self.accumulator.begin_call(replaces=self._replaces))
            self._before = self.sent
            exchange = self.exchange = self._make_exchange(self._sent, self.accumulator, deadlines, publish)
            if self._rest is not None and isinstance(exchange, LastingExchange):
                exchange.go_on_with(self._rest)
            try:
                with watched(self._sent, self.accumulator) as call:
                    self._calls.append(call)
                    try:
                        call.outcome = await self._limited(exchange.run(), call.context)
                    finally:
                        publish(self._seam())
                    return call.outcome
            except StreamError as exc:
                gave_up = self._passed not in (None, "connect")
                if not exc.retryable or self.accumulator.has_begun or self._stopped or gave_up:
                    raise
                self._left_at = self.left_at  # the next attempt has another exchange
                delay = self._retry.delay(attempt, exc.error.retry_after)
                if delay is None:
                    raise
                deadlines.wait_for_retry(time.monotonic(), delay)
                publish([Retry(attempt + 1, delay, exc.error.message)])
            await self._limited(asyncio.sleep(delay))
        raise AssertionError("unreachable")

    def _seam(self) -> list[StreamEvent]:
        """Return a warning about where the rest of a cut answer begins, so that people see it in the line below."""
        so_far = self._so_far
        if so_far is None or not self.accumulator.has_begun or self._is_the_same_answer:
            return []
        place = f"after {len(so_far.text):,} characters"
        before = next((warning.detail for warning in so_far.warnings if warning.code == "continued"), "")
        detail = f"{before}, and {place}" if before else f"cut and continued {place}"
        return self.accumulator.take([StreamWarning("continued", detail)])

    async def _limited(self, coroutine: Coroutine[object, object, T], context: Context | None = None) -> T:
        """Run one step. The clock may end it. Only after the limit ``connect`` may another attempt follow."""
        self._passed = None
        self._step = step = asyncio.get_running_loop().create_task(coroutine, context=context)
        try:
            return await step
        except (asyncio.CancelledError, StreamError):
            # The clock has cancelled the step. The connection may look broken before the cancellation arrives.
            task = asyncio.current_task()
            timeout = self._timeout_error()
            if timeout is None or (task is not None and task.cancelling()):
                raise
            raise timeout from None
        except KeyboardInterrupt:
            # The loop has raised the interrupt already, in the code that it hit. Here it would hit another task.
            raise asyncio.CancelledError from None

    def _timeout_error(self) -> StreamTimeout | None:
        """Return the error if a limit ended the step, or else None."""
        if self._passed is None:
            return None
        if self._passed == "headers" and self._queued:
            message = f"The http_client had no free connection within {self._limits.headers:g} s. Raise max_connections"
            return StreamTimeout(ErrorInfo(message, kind=self._passed), retryable=True)
        proxy = self.exchange.waits_for if self.exchange else ""
        message = self._limits.explain(self._passed, proxy or host_of(self.request.transport.base_url))
        return StreamTimeout(ErrorInfo(message, kind=self._passed), retryable=True)

    async def _watch(self, deadlines: Deadlines) -> None:
        queued = 0
        while True:
            exchange, step = self.exchange, self._step
            queued = queued + 1 if exchange is not None and exchange.queued else 0
            if exchange is not None and queued == _QUEUED:
                exchange.tell_of_queue()
            self._queued = queued >= _QUEUED
            passed = deadlines.tick(time.monotonic(), connecting=exchange is not None and exchange.connecting)
            if passed is not None and step is not None and not step.done() and self._passed is None:
                self._passed = passed
                step.cancel()
            await asyncio.sleep(TICK)


def _going_on(request: Request, so_far: ChatCompletion) -> Request:
    """Return the request for the rest of an answer."""
    answer = Message("assistant", shown(so_far), completion=so_far)
    return replace(request, question=request.dialect.go_on(request.question, answer))
