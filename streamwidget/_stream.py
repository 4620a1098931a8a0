"""ChatStream: one answer, its task, its readers and its outcome.

Rules
-----
- One owner: the task of :meth:`ChatStream._run` is the only one that reads, parses and decides the outcome.
- One end: the outcome is set once, in ``_finish``; ``Finish`` is the last event that anybody is told.
- One way to stop: :meth:`ChatStream.cancel`, from any thread, any number of times. A Stop button, an interrupt, a
  closed widget and a cell that is run again all come here.
- Text that arrived is kept, whatever happens after it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import replace
from typing import Any

from streamwidget import _loop
from streamwidget._accumulator import Accumulator
from streamwidget._attempts import Attempts
from streamwidget._completion import ChatCompletion, ErrorInfo, Timing
from streamwidget._events import Finish, Outcome, StreamEvent, TextDelta
from streamwidget._exceptions import ProtocolError, StreamError
from streamwidget._exchange import Request
from streamwidget._retry import RetryPolicy
from streamwidget._subscribers import Subscriber, Subscribers
from streamwidget._timeout import Timeout, Wait

_GO_ON = "Go on exactly where you stopped. Do not repeat what you have written."


class ChatStream:
    """The stream of one chat completion. Made by :meth:`ChatClient.stream <streamwidget.ChatClient.stream>`.

    Nothing is sent before the stream is iterated, awaited, waited for, started or shown. Any number of readers may
    share it; one that comes late first gets the text so far as a single ``TextDelta``.

    Attributes
    ----------
    completion : ChatCompletion
        What has arrived so far; its ``outcome`` is None while the stream runs.
    id : str
        Names the stream, in this process and in the page.
    model : str or None
        The model that was asked for.
    """

    def __init__(self, request: Request, timeout: Timeout, retry: RetryPolicy, *, text: str = "") -> None:
        self.id = uuid.uuid4().hex
        self._request = request
        self._limits = timeout
        self._retry = retry
        self._attempts = Attempts(request, timeout, retry, self._publish, text)
        self._subscribers = Subscribers()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._process: int | None = None  # in which it was started
        self._lock = threading.RLock()  # a subscriber that is told of the end may call cancel()
        self._awaiting = 0
        self._cancelled = False
        self._begun: float | None = None
        self._first_delta: float | None = None
        self._ended: float | None = None
        self._outcome: Outcome | None = None
        self._failure: StreamError | None = None

    def __repr__(self) -> str:
        state = self._outcome or ("running" if self._task else "not started")
        return f"<ChatStream {self.model or 'default model'}: {state}, {self._accumulator.length} characters>"

    @property
    def model(self) -> str | None:
        return self._request.model

    @property
    def over(self) -> bool:
        """True once the outcome is known."""
        return self._outcome is not None

    @property
    def elapsed(self) -> float:
        """Seconds since the request; 0 before it."""
        return 0.0 if self._begun is None else (self._ended or time.monotonic()) - self._begun

    @property
    def waits(self) -> Wait | None:
        """What it waits for now, for how long it has, and how long it will; None where it waits for nothing."""
        deadlines = self._attempts.deadlines
        return None if deadlines is None or self.over else deadlines.wait()

    @property
    def completion(self) -> ChatCompletion:
        exchange = self._attempts.exchange
        return self._accumulator.snapshot(
            outcome=self._outcome,
            error=self._failure.error if self._failure else None,
            timing=Timing(self._first_delta, self.elapsed, self._accumulator.delta_count),
            model=self._accumulator.model or self.model,
            request_id=(exchange and exchange.request_id) or self._accumulator.request_id,
            demo=bool(exchange and exchange.demo),
        )

    @property
    def _accumulator(self) -> Accumulator:
        return self._attempts.accumulator

    # ---- reading

    def start(self) -> None:
        """Send the request, on the event loop that runs here; once. The stream goes on by itself.

        Raises
        ------
        RuntimeError
            If no event loop runs in this thread (use :meth:`wait`), or the stream runs on another one.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            if self.over:
                return
            if self._loop is not None and self._loop is not loop:
                raise RuntimeError("The stream runs on another event loop; use wait(), or make a new stream.")
            if self._task is not None:
                return
            self._loop = loop
            self._process = os.getpid()
            self._begun = time.monotonic()
            self._task = loop.create_task(self._run(), name=f"streamwidget {self.id[:8]}")
            self._task.add_done_callback(self._never_ran)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber(events)`` on the stream's loop for each batch of events from now on.

        A subscriber that raises is warned about once and dropped after three times; the stream goes on.

        Returns
        -------
        callable
            Ends the subscription.
        """
        return self._subscribers.add(subscriber)

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self._events()

    async def _events(self) -> AsyncIterator[StreamEvent]:
        so_far = self._accumulator.text
        pending: deque[StreamEvent] = deque([TextDelta(so_far)] if so_far else [])
        if self.over:
            pending.append(Finish(self._accumulator.finish_reason, self._outcome or "cancelled"))
        wake = asyncio.Event()

        def take(events: list[StreamEvent]) -> None:
            pending.extend(events)
            wake.set()

        unsubscribe = self.subscribe(take)
        try:
            self.start()
            while not (self.over and not pending):
                while pending:
                    yield pending.popleft()
                if not self.over:
                    wake.clear()
                    await wake.wait()
        finally:
            unsubscribe()
            if not self._subscribers and not self._awaiting and not self.over:
                # The only reader left before the end: nobody is there to read the rest.
                self.cancel()
                await self._settled()
        if self._failure:
            raise self._failure

    def __await__(self) -> Generator[None, None, ChatCompletion]:
        return self._result().__await__()

    async def _result(self) -> ChatCompletion:
        self.start()
        self._awaiting += 1
        try:
            if self._task is not None and not self.over:
                await asyncio.wait([self._task])
        except asyncio.CancelledError:
            self.cancel()
            await self._settled()
            raise
        finally:
            self._awaiting -= 1
        if self._failure:
            raise self._failure
        return self.completion

    def wait(self) -> ChatCompletion:
        """Wait for the end, from synchronous code: a script, a thread, or a notebook cell whose loop already runs.

        Returns
        -------
        ChatCompletion
            With outcome ``complete``, ``length``, ``filtered`` or ``cancelled``.

        Raises
        ------
        StreamError
            On a failure; its ``.completion`` holds what arrived.
        KeyboardInterrupt
            At an interrupt, once the connection is closed.
        RuntimeError
            If it cannot be waited for here: its loop has stopped, this thread's loop cannot run nested (uvloop), or it
            runs in the process that this one was forked from.
        """
        if self._is_parents:
            raise RuntimeError("The stream runs in the process that this one was forked from. Make a new stream.")
        if self._loop is not None and self._loop is not _loop.running_loop() and not self.over:
            return _loop.run_elsewhere(self._loop, self._result, self.cancel)
        if self.over:
            if self._failure:
                raise self._failure
            return self.completion
        return _loop.run(self._result, self.cancel)

    def cancel(self) -> None:
        """Stop: close the connection, keep the text, end with outcome ``cancelled``. After the end: nothing."""
        if self._is_parents:
            return
        with self._lock:
            if self._cancelled or self.over:
                return
            self._cancelled = True
            loop, task = self._loop, self._task
            if loop is None or task is None:
                self._finish("cancelled")  # under the lock, or start() could slip in between
                return
        if _loop.running_loop() is loop:
            task.cancel()
        elif not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)
        self._attempts.stop()

    def again(self, *, go_on: bool = False) -> ChatStream:
        """Make a new stream of the same request; nothing is sent yet.

        Parameters
        ----------
        go_on : bool, default False
            Ask for the rest of this answer instead: the new stream begins with the text that came.
        """
        if not go_on:
            return ChatStream(self._request, self._limits, self._retry)
        text = self._accumulator.text
        rest: list[dict[str, Any]] = [{"role": "assistant", "content": text}, {"role": "user", "content": _GO_ON}]
        request = replace(self._request, messages=[*self._request.messages, *rest])
        return ChatStream(request, self._limits, self._retry, text=text)

    def call(self, function: Callable[[], None]) -> None:
        """Call a function on the stream's loop: at once where that runs here or never will, else soon."""
        loop = self._loop
        if loop is None or loop.is_closed() or _loop.running_loop() is loop:
            function()
        else:
            loop.call_soon_threadsafe(function)

    @property
    def _is_parents(self) -> bool:
        """True in a forked child, whose copy of a running stream shares the parent's socket and wake-up pipe."""
        return self._process not in (None, os.getpid()) and not self.over

    async def _settled(self) -> None:
        """Wait until the connection is closed; bounded, since a person waits for it."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=1)

    # ---- running

    async def _run(self) -> None:
        outcome: Outcome = "cancelled"
        failure: StreamError | None = None
        try:
            outcome = await self._attempts.run()
        except StreamError as exc:
            outcome, failure = exc.outcome, exc
        except asyncio.CancelledError:
            pass
        except Exception as exc:  # noqa: BLE001
            # A fault of ours. The stream still ends, says so, and keeps its text; the cause is in the traceback.
            failure = ProtocolError(ErrorInfo(f"streamwidget failed: {type(exc).__name__}. Please report it."))
            failure.__cause__, outcome = exc, failure.outcome
        finally:
            # In `finally`, since KeyboardInterrupt may strike in the middle of a step and must end the stream too.
            if self._cancelled:
                # A connection that we shut ourselves looks broken before the cancellation arrives.
                outcome, failure = "cancelled", None
            self._finish(outcome, failure)

    def _never_ran(self, _: asyncio.Task[None]) -> None:
        # A task that is cancelled before its first step does not enter its body, so that no `finally` ends the stream.
        if not self.over:
            self._finish("cancelled")

    def _publish(self, events: list[StreamEvent]) -> None:
        if not events:
            return
        if self._first_delta is None and self._accumulator.delta_count:
            self._first_delta = self.elapsed
        self._subscribers.tell(events)

    def _finish(self, outcome: Outcome, failure: StreamError | None = None) -> None:
        last = self._accumulator.flush()
        self._ended = time.monotonic()
        self._failure = failure
        self._outcome = outcome
        if failure is not None:
            failure.completion = self.completion
        self._publish([*last, Finish(self._accumulator.finish_reason, outcome)])
        self._subscribers.clear()
