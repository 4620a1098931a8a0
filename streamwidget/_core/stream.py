"""ChatStream: one answer, its task, its readers and its outcome.

Rules
-----
- One owner: the task of :meth:`ChatStream._run` is the only one that takes events and decides the outcome. Where they
  come from is its work's concern (:mod:`streamwidget._core.work`).
- One end: the outcome is set once, in ``_finish``; ``Finish`` is the last event that anybody is told.
- One way to stop: :meth:`ChatStream.cancel`, from any thread, any number of times. A Stop button, an interrupt, a
  closed widget and a cell that is run again all come here.
- Text that arrived is kept, whatever happens after it.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path

from streamwidget._core import loop
from streamwidget._core.completion import ChatCompletion, ErrorInfo
from streamwidget._core.events import Outcome, StreamEvent, TextDelta
from streamwidget._core.exceptions import ProtocolError, StreamError
from streamwidget._core.progress import Progress
from streamwidget._core.recording import Recording
from streamwidget._core.subscribers import Subscriber, Subscribers
from streamwidget._core.task import LoopTask
from streamwidget._core.timeline import Timeline
from streamwidget._core.timeout import PendingLimit
from streamwidget._core.work import Work

_SETTLED = 1.0  # seconds: for a person waits until the connection is closed


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
    repeatable : bool
        True if :meth:`again` can ask the same again.
    """

    def __init__(self, work: Work) -> None:
        self.id = uuid.uuid4().hex
        self._work = work
        self._progress = Progress(work)
        self._subscribers = Subscribers()
        self._task = LoopTask()
        self._recording: Recording | None = None
        self._lock = threading.RLock()  # a subscriber that is told of the end may call cancel()
        self._awaiting = 0
        self._cancelled = False

    def __repr__(self) -> str:
        state = self._progress.outcome or ("running" if self._task.started else "not started")
        return f"<ChatStream {self.model or 'default model'}: {state}, {self._work.accumulator.length} characters>"

    @property
    def model(self) -> str | None:
        return self._work.model

    @property
    def repeatable(self) -> bool:
        return self._work.repeatable

    @property
    def over(self) -> bool:
        """True once the outcome is known."""
        return self._progress.outcome is not None

    @property
    def elapsed(self) -> float:
        """Seconds since the request; 0 before it."""
        return self._progress.elapsed

    @property
    def pending_limit(self) -> PendingLimit | None:
        """The limit of :class:`Timeout` that is nearest to its end now, and the seconds of it that have passed.

        None where no limit is in force, and once the stream is over.
        """
        return None if self.over else self._work.pending_limit

    @property
    def completion(self) -> ChatCompletion:
        return self._progress.completion

    @property
    def timeline(self) -> Timeline:
        """When the text came, as far as it has come. At the end of a cell it is a picture."""
        return self._progress.timeline

    @property
    def recording(self) -> Recording | None:
        """What :meth:`record` returned; None before it."""
        return self._recording

    def record(self, path: str | Path | None = None) -> Recording:
        """Record what comes over the wire, for :func:`streamwidget.replay`. Call before the stream is started.

        Parameters
        ----------
        path : str or Path, optional
            The file to write at the end. The prompt and the answer are in it; the key and private headers are not.

        Raises
        ------
        RuntimeError
            If the stream is started, or recorded already.
        ConfigurationError
            If it is a stream of another library, whose bytes are not seen here.
        OSError
            If the file cannot be written.
        """
        if self._recording is not None or self._task.started or self.over:
            raise RuntimeError("A stream is recorded once, from its beginning: call record() before it is started.")
        recording = self._work.record()
        if path is not None:
            # To fail now rather than at the end; what the file holds stays until then.
            with Path(path).open("ab"):
                recording.path = path
        self._recording = recording
        return recording

    # ---- reading

    def start(self) -> None:
        """Send the request, on the event loop that runs here; once. The stream goes on by itself.

        Raises
        ------
        RuntimeError
            If no event loop runs in this thread (use :meth:`wait`), or the stream runs on another one.
        """
        asyncio.get_running_loop()  # or RuntimeError
        with self._lock:
            if self.over:
                return
            if self._task.is_on_another_loop:
                raise RuntimeError("The stream runs on another event loop; use wait(), or make a new stream.")
            if self._task.started:
                return
            self._progress.begin()
            self._task.start(self._run(), f"streamwidget {self.id[:8]}", self._never_ran)

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
        so_far = self._work.accumulator.text
        pending: deque[StreamEvent] = deque([TextDelta(so_far)] if so_far else [])
        if self.over:
            pending.append(self._progress.finish())
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
                await self._task.wait(_SETTLED)
        self._progress.result()  # or its failure

    def __await__(self) -> Generator[None, None, ChatCompletion]:
        return self._result().__await__()

    async def _result(self) -> ChatCompletion:
        self.start()
        self._awaiting += 1
        try:
            if not self.over:
                await self._task.wait()
        except asyncio.CancelledError:
            self.cancel()
            await self._task.wait(_SETTLED)
            raise
        finally:
            self._awaiting -= 1
        return self._progress.result()

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
        if self._is_in_parent_process:
            raise RuntimeError("The stream runs in the process that this one was forked from. Make a new stream.")
        if self._task.loop is not None and self._task.is_on_another_loop and not self.over:
            return loop.run_on_another_loop(self._task.loop, self._result, self.cancel)
        if self.over:
            return self._progress.result()
        return loop.run(self._result, self.cancel)

    def cancel(self) -> None:
        """Stop: close the connection, keep the text, end with outcome ``cancelled``. After the end: nothing."""
        if self._is_in_parent_process:
            return
        with self._lock:
            if self._cancelled or self.over:
                return
            self._cancelled = True
            if not self._task.started:
                self._finish("cancelled")  # under the lock, or start() could slip in between
                return
        self._task.cancel()
        self._work.stop()

    def again(self, *, go_on: bool = False) -> ChatStream:
        """Make a new stream of the same request; nothing is sent yet.

        Parameters
        ----------
        go_on : bool, default False
            Ask for the rest of this answer instead: the new stream begins with the text that came.

        Raises
        ------
        ConfigurationError
            If the stream is not :attr:`repeatable`.
        """
        return ChatStream(self._work.again(go_on=go_on))

    def call(self, function: Callable[[], None]) -> None:
        """Call a function on the stream's loop: at once where that runs here or never will, else soon."""
        self._task.call(function)

    @property
    def _is_in_parent_process(self) -> bool:
        return self._task.is_in_parent_process and not self.over

    # ---- running

    async def _run(self) -> None:
        outcome: Outcome = "cancelled"
        failure: StreamError | None = None
        try:
            outcome = await self._work.run(self._publish)
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

    def _never_ran(self) -> None:
        # A task that is cancelled before its first step does not enter its body, so that no `finally` ends the stream.
        if not self.over:
            self._finish("cancelled")

    def _publish(self, events: list[StreamEvent]) -> None:
        if events:
            self._progress.note(events)
            self._subscribers.publish(events)

    def _finish(self, outcome: Outcome, failure: StreamError | None = None) -> None:
        last = self._progress.end(outcome, failure)
        if self._recording is not None:
            self._recording.end(outcome)
        self._subscribers.publish(last)
        self._subscribers.clear()
