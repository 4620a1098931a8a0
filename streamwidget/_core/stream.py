"""ChatStream: one answer, its task, its readers and its outcome.

Rules
-----
- One owner: only the task of :meth:`ChatStream._run` takes events and sets the outcome. Its work brings the events
  (:mod:`streamwidget._core.work`).
- One end: ``_finish`` sets the outcome, once. ``Finish`` is the readers' last event.
- One way to stop: :meth:`ChatStream.cancel`. Any thread may call it, any number of times. A Stop button, an interrupt,
  a closed widget and a second run of a cell all call it.
- Received text is kept at every end.
- A stream may run apart, on a loop in a thread of our own. Then no blocked cell holds it up. The code of a person stays
  on the loop that started it (:mod:`~streamwidget._core.delivery`).
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from streamwidget._core import files, loop
from streamwidget._core.backlog import Backlog
from streamwidget._core.completion import ChatCompletion, ErrorInfo
from streamwidget._core.delivery import Delivery
from streamwidget._core.events import Outcome, StreamEvent, StreamWarning, TextDelta
from streamwidget._core.exceptions import StreamError, StreamInterrupted
from streamwidget._core.own_loop import own_loop
from streamwidget._core.progress import Progress
from streamwidget._core.subscribers import Subscriber
from streamwidget._core.surrogates import well_formed
from streamwidget._core.task import LoopTask
from streamwidget._core.timeline import Timeline
from streamwidget._core.timeout import PendingLimit
from streamwidget._core.unexpected import failure_of
from streamwidget._core.visible import one_line
from streamwidget._core.work import Work

if TYPE_CHECKING:
    from streamwidget._core.consent import Consents, Decision
    from streamwidget._core.recording import Recording
    from streamwidget._core.values import ValueType

T = TypeVar("T")
_FORKED = "The stream runs in the process that this one was forked from. Make a new stream."
_SETTLED = 1.0  # seconds to wait for the connection to close, while a person waits too


class ChatStream:
    """The stream of one answer. :meth:`ChatClient.stream <streamwidget.ChatClient.stream>` makes it.

    Nothing is sent until you iterate, await or show the stream, or call :meth:`wait` or :meth:`start`. Many readers may
    share it. A reader that comes late first gets the text so far, as one ``TextDelta``.

    ``await stream`` returns the ChatCompletion. ``async for event in stream`` gives the StreamEvents. Both raise a
    StreamError on a failure. So do :meth:`wait` and ``for event in stream`` in synchronous code.

    Attributes
    ----------
    id : str
        The stream's name, in this process and in the page.

    Raises
    ------
    StreamError
        From ``await``, at the end of ``async for``, and from :meth:`wait`. Its ``.completion`` holds the answer so far.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> async def first_words():
    ...     stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
    ...     async for event in stream:
    ...         if isinstance(event, sw.TextDelta):
    ...             print(event.text, end="|")
    ...     return stream.completion.outcome
    >>> asyncio.run(first_words())
    ##| Name| three|'length'

    In a script, or in a plain function:

    >>> for event in sw.ChatClient().stream("Name three rivers.", max_tokens=3):
    ...     if isinstance(event, sw.TextDelta):
    ...         print(event.text, end="|")
    ##| Name| three|
    """

    def __init__(self, work: Work, value_type: ValueType | None = None) -> None:
        self.id = uuid.uuid4().hex
        self._work = work
        self._progress = Progress(work, value_type)
        self._delivery = Delivery()
        self._task = LoopTask()
        self._home: asyncio.AbstractEventLoop | None = None  # the loop that started it
        self._apart = False
        self._recording: Recording | None = None
        self._lock = threading.RLock()  # reentrant: a subscriber may call cancel() in _finish
        self._awaiting = 0
        self._cancelled = False

    def __repr__(self) -> str:
        state = "running" if self._task.started else "not started"
        if self.over:
            state = str(self._progress.outcome)
        model = one_line(self.model or "default model", 100)
        return f"<ChatStream {model}: {state}, {self._work.accumulator.length} characters>"

    def __reduce__(self) -> str:
        raise TypeError("A ChatStream cannot be pickled or copied. Its result can: stream.completion.")

    @property
    def model(self) -> str | None:
        """The model of the request. None: the server chooses."""
        return self._work.model

    @property
    def request_hash(self) -> str | None:
        """A hash of the request: the messages with their files, the model, the server, the parameters, the tools.

        Known before anything is sent, without the key. None if another library makes the request.

        Examples
        --------
        >>> import streamwidget as sw
        >>> one, two, other = (sw.ChatClient().stream(f"Name {what}.") for what in ("a river", "a river", "a lake"))
        >>> one.request_hash == two.request_hash, one.request_hash == other.request_hash
        (True, False)
        """
        return self._work.request_hash

    @property
    def repeatable(self) -> bool:
        """True if :meth:`again` can ask the same again."""
        return self._work.repeatable

    @property
    def value_type(self) -> ValueType | None:
        """The type of the answer, if the question has ``as_=``."""
        return self._progress.value_type

    @property
    def over(self) -> bool:
        """True once the outcome is known."""
        self._end_if_stranded()
        return self._progress.outcome is not None

    @property
    def elapsed(self) -> float:
        """Seconds since the request. 0 before it."""
        return self._progress.elapsed

    @property
    def pending_limit(self) -> PendingLimit | None:
        """The limit of :class:`Timeout` nearest to its end now, and its seconds so far.

        None if no limit is in force, and after the end.
        """
        return None if self.over else self._work.pending_limit

    @property
    def completion(self) -> ChatCompletion:
        """The answer so far. Its ``outcome`` is None while the stream runs."""
        self._end_if_stranded()
        return self._progress.completion

    @property
    def timeline(self) -> Timeline:
        """The arrival times of the text. A notebook shows it as a picture."""
        return self._progress.timeline

    @property
    def recording(self) -> Recording | None:
        """The recording of :meth:`record`. None before it."""
        return self._recording

    def record(self, path: str | Path | None = None) -> Recording:
        """Record all bytes of the wire, for :func:`~streamwidget.replay`. Call this before the stream starts.

        Parameters
        ----------
        path : str or Path, optional
            The file to write at the end. It contains the prompt and the answer, but not the API key.

        Returns
        -------
        Recording
            It grows while the stream runs.

        Raises
        ------
        RuntimeError
            If the stream has started, or is being recorded.
        ConfigurationError
            If another library reads the stream. Its bytes are not seen here.
        OSError
            If the file cannot be written, or is a device or a pipe.

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
        >>> recording = stream.record()
        >>> completion = stream.wait()
        >>> type(recording.records[0]).__name__
        'RequestSent'
        """
        if self._recording is not None or self._task.started or self.over:
            raise RuntimeError("A stream is recorded once, from its beginning. Call record() before it starts.")
        recording = self._work.record()
        if path is not None:
            # A wrong path fails now, not at the end. An old file keeps its content until the end.
            files.check_writable(path)
            recording.path = Path(path).absolute()  # your code may change the working folder before the end
        self._recording = recording
        return recording

    # ---- reading

    def start(self) -> None:
        """Send the request, on the event loop of this thread. Later calls do nothing.

        Raises
        ------
        RuntimeError
            If no event loop runs in this thread (use :meth:`wait`), or the stream runs on another loop.

        Examples
        --------
        >>> import asyncio
        >>> import streamwidget as sw
        >>> async def compare():
        ...     first = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
        ...     second = sw.ChatClient().stream("Name three lakes.", max_tokens=3)
        ...     first.start()  # both run at the same time
        ...     second.start()
        ...     return (await first).outcome, (await second).outcome
        >>> asyncio.run(compare())
        ('length', 'length')
        """
        here = asyncio.get_running_loop()  # or RuntimeError
        with self._lock:
            if self.over:
                return
            if self._task.started:
                if here not in (self._home, self._task.loop):
                    raise RuntimeError("The stream runs on another event loop. Use wait(), or make a new stream.")
                return
            self._progress.begin()
            self._home = here
            own = own_loop() if self._apart else None
            if own is not None:
                self._delivery.relay()
            self._task.start(self._run, f"streamwidget {self.id[:8]}", self._never_ran, own)

    def _run_apart(self) -> None:
        """Run on a loop in a thread of our own, so that no blocked cell holds it up. Call this before the start.

        If code of the person runs in it, the stream stays on the loop that starts it, because the code may not be safe
        in another thread. Examples: tools, a callable model, an ``http_client``, a type with validators.
        """
        kind = self.value_type
        self._apart = self._work.is_ours and (kind is None or kind.is_ours)

    def _subscribe_apart(self, subscriber: Subscriber) -> Callable[[], None]:
        """Subscribe in the stream's own thread. For views: all others subscribe in the thread of the person's code.

        To read the text so far and to subscribe, without a delta in between, do both in :meth:`_between`.
        """
        return self._delivery.add(subscriber, apart=self._apart)

    def _between(self, function: Callable[[], T]) -> T:
        """Call a function between two batches of events, in the stream's own thread, and wait for it."""
        own = self._task.loop
        if not self._delivery.is_relayed or own is None or self._is_in_parent_process:
            return function()
        return loop.call_and_wait(own, function)

    def _tell_so_far(self, begin: Callable[[list[StreamEvent]], None]) -> None:
        """Call ``begin`` with the text so far as events. Subscribers get all later events after this call."""

        def tell() -> None:
            text = self._work.accumulator.text
            events: list[StreamEvent] = [TextDelta(text)] if text else []
            if self.over:
                events.append(self._progress.finish())
            self._delivery.call(lambda: begin(events))

        self._between(tell)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber(events)`` for each batch of events from now on, on the loop that started the stream.

        If it raises, the stream goes on. The first exception gives a warning, and the third one ends the subscription.

        Parameters
        ----------
        subscriber : callable
            Takes a list of StreamEvents. It must return quickly, because all else on the loop waits for it.

        Returns
        -------
        callable
            Call it to end the subscription.

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
        >>> events = []
        >>> unsubscribe = stream.subscribe(events.extend)
        >>> completion = stream.wait()
        >>> type(events[-1]).__name__
        'Finish'
        """
        return self._delivery.add(subscriber)

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self._events()

    async def _events(self) -> AsyncGenerator[StreamEvent, None]:
        backlog = Backlog(self)
        try:
            while await backlog.more():
                while backlog.pending:
                    yield backlog.pending.popleft()
        finally:
            await self._left_with(backlog)
        self._progress.result()  # raises the failure, if there is one

    async def _batches(self, rest: Callable[[], float]) -> AsyncGenerator[None, None]:
        """Yield at each new batch. After it, wait for ``rest()`` seconds before the next time."""
        backlog = Backlog(self)
        try:
            while await backlog.more():
                backlog.pending.clear()
                yield
                if not self.over:
                    await asyncio.sleep(rest())
        finally:
            await self._left_with(backlog)
        self._progress.result()

    async def _left_with(self, backlog: Backlog) -> None:
        backlog.leave()
        if self._is_unread:
            self.cancel()
            await self._settled(_SETTLED)

    def __iter__(self) -> Iterator[StreamEvent]:
        """Give the events to synchronous code. Between two of them, nothing else of this thread's loop runs."""
        backlog = Backlog(self)
        try:
            while self._run_here(backlog.more):
                while backlog.pending:
                    yield backlog.pending.popleft()
        except KeyboardInterrupt:  # it has cancelled the stream. The end needs a moment
            self._cancel_here()
            raise
        finally:
            backlog.leave()
            if self._is_unread:
                self._cancel_here()
        self._progress.result()

    def _cancel_here(self) -> None:
        """Cancel the stream, and wait for its end in this thread."""
        self.cancel()
        self._run_here(partial(self._settled, _SETTLED))

    @property
    def _is_unread(self) -> bool:
        """True if the last reader left before the end. Nobody would read the rest."""
        return not (self._delivery or self._awaiting or self.over)

    def values(self) -> AsyncIterator[Any]:
        """Give the value while it grows, for a question with ``as_=``.

        Each is the valid part so far, as in :attr:`ChatCompletion.partial`. The last one is the whole value. A cut or
        invalid answer ends without a whole value, so look at ``stream.completion.value``.

        Returns
        -------
        async iterator
            Use it in ``async for``.

        Raises
        ------
        ConfigurationError
            If the question has no ``as_``.
        StreamError
            At the end, on a failure.

        Examples
        --------
        >>> import asyncio
        >>> import streamwidget as sw
        >>> schema = {"type": "array", "items": {"type": "integer"}}
        >>> async def grow():
        ...     stream = sw.ChatClient().stream("Count.", demo={"text": "[1, 2, 3]"}, as_=schema)
        ...     return [value async for value in stream.values()][-1]
        >>> asyncio.run(grow())
        [1, 2, 3]
        """
        from streamwidget._core.value_readers import values_of  # late: few streams bring values

        return values_of(self)

    def rows(self) -> AsyncIterator[Any]:
        """Give each row as soon as it is complete, for a question with a list as its ``as_=``.

        Each is valid. Invalid rows are left out, and the warning ``invalid_value`` names them at the end.

        Returns
        -------
        async iterator
            Use it in ``async for``.

        Raises
        ------
        ConfigurationError
            If the question did not ask for a list.
        StreamError
            At the end, on a failure.

        Examples
        --------
        >>> import asyncio
        >>> import streamwidget as sw
        >>> schema = {"type": "array", "items": {"type": "integer"}}
        >>> async def double():
        ...     stream = sw.ChatClient().stream("Count.", demo={"text": "[1, 2, 3]"}, as_=schema)
        ...     return [2 * row async for row in stream.rows()]
        >>> asyncio.run(double())
        [2, 4, 6]
        """
        from streamwidget._core.value_readers import rows_of

        return rows_of(self)

    def __await__(self) -> Generator[None, None, ChatCompletion]:
        return self._result().__await__()

    async def _result(self) -> ChatCompletion:
        self.start()
        self._awaiting += 1
        try:
            await self._settled()
        except asyncio.CancelledError:
            self.cancel()
            await self._settled(_SETTLED)
            raise
        finally:
            self._awaiting -= 1
        return self._progress.result()

    async def _settled(self, timeout: float | None = None) -> None:
        """Wait for the end, and until its subscribers here were told of it, for at most ``timeout`` seconds each."""
        if not self.over:
            await self._task.wait(timeout)
        if self._delivery.is_relayed and loop.running_loop() is self._home:
            told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._delivery.call(partial(loop.settler(told), None))
            await asyncio.wait([told], timeout=timeout)

    def wait(self) -> ChatCompletion:
        """Wait for the end, from synchronous code: a script, a thread or a notebook cell.

        Returns
        -------
        ChatCompletion
            With outcome ``complete``, ``length``, ``filtered`` or ``cancelled``.

        Raises
        ------
        StreamError
            On a failure. Its ``.completion`` holds the answer so far.
        KeyboardInterrupt
            At an interrupt, after the connection is closed.
        RuntimeError
            If the stream's loop has stopped, this thread's loop cannot run nested (uvloop), or the stream runs in the
            parent process of this fork.
        RecursionError
            If the calls are nested too deeply. Nothing is sent then.
        Exception
            The exception of your own signal handler. The stream is cancelled first.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.ChatClient().stream("Name three rivers.").wait().outcome
        'complete'
        """
        if self._is_in_parent_process:
            raise RuntimeError(_FORKED)
        if self.over and not self._delivery.is_relayed:
            return self._progress.result()
        own, home = self._task.loop, self._home
        if own is not None and home is not None and home is not loop.running_loop() and not loop.is_own(home):
            return loop.run_on_another_loop(own, self._result, self.cancel)
        return self._run_here(self._result)

    def _run_here(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine of the stream to its end, in this thread."""
        if self._is_in_parent_process:
            raise RuntimeError(_FORKED)
        try:
            return loop.run(make, self.cancel)
        except BaseException:
            if self._task.is_in_parent_process and not self.over:  # a subscriber has forked, and the loop has stopped
                failure = StreamInterrupted(ErrorInfo(_FORKED))
                self._finish(failure.outcome, failure)
                raise failure from None
            if self._task.started and not self._task.is_on_a_running_loop:
                # The exception has hit the loop itself, so no later step of the task would end the stream.
                self.cancel()
                self._finish("cancelled")
            raise

    def cancel(self, reason: str = "") -> None:
        """Stop the stream: close the connection, keep the text, and end with outcome ``cancelled``.

        Any thread may call this. After the end it does nothing.

        Parameters
        ----------
        reason : str, default ""
            For the line under the answer, if your code stops it and not a person. Example: ``"because the budget is
            spent"`` becomes "stopped because the budget is spent; the text so far is kept".

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.")
        >>> unsubscribe = stream.subscribe(lambda events: stream.cancel())
        >>> stream.wait().outcome
        'cancelled'
        """
        if self._is_in_parent_process:
            return
        with self._lock:
            if self._cancelled or self.over:
                return
            self._cancelled = True
            if reason:
                self._work.accumulator.apply(StreamWarning("stopped", well_formed(reason)))
            if not self._task.started:
                self._finish("cancelled")  # under the lock: start() must not come between
                return
        self._task.cancel()
        self._work.stop()

    @property
    def consents(self) -> Consents | None:
        """The tools waiting for a person. None if this stream runs no tools."""
        return self._work.consents

    def confirm(self, key: str, decision: Decision, reason: str = "") -> bool:
        """Let a waiting tool run, or refuse it. Any thread may call this.

        A view does this for the person. Your own program calls it for its own person, after a :class:`ConsentNeeded`.

        Parameters
        ----------
        key : str
            The key of the :class:`Consent`.
        decision : str
            ``"once"``, ``"always"`` (for this function, as long as this process runs) or ``"refuse"``.
        reason : str, default ""
            The model is told why it was refused.

        Returns
        -------
        bool
            False if no tool of this key waits.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.ChatClient().stream("Name three rivers.").confirm("no such key", "once")
        False
        """
        return self.consents is not None and self.consents.decide(key, decision, well_formed(reason))

    def again(self, *, go_on: bool = False) -> ChatStream:
        """Make a new stream of the same request. Nothing is sent yet.

        Parameters
        ----------
        go_on : bool, default False
            Ask for the rest of this answer instead. The new stream begins with the text of this one.

        Returns
        -------
        ChatStream
            The new stream.

        Raises
        ------
        ConfigurationError
            If the stream is not :attr:`repeatable`.

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
        >>> stream.wait().text == stream.again().wait().text
        True
        """
        stream = ChatStream(self._work.again(go_on=go_on), self.value_type)
        stream._apart = self._apart
        return stream

    def call(self, function: Callable[[], None]) -> None:
        """Call a function on the loop that started the stream.

        Immediately if the loop runs in this thread, is closed or is not known yet. Otherwise it is scheduled there.

        Parameters
        ----------
        function : callable
            Takes no argument.

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.")
        >>> stream.call(lambda: print("not started, so it is called now"))
        not started, so it is called now
        """
        loop.call_on(self._home, function)

    def _call_apart(self, function: Callable[[], None]) -> None:
        """Call a function in the stream's own thread, between two batches of events."""
        loop.call_on(self._task.loop, function)

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
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as exc:  # noqa: BLE001
            # The stream still ends and keeps its text. The traceback shows the cause.
            failure = StreamInterrupted(ErrorInfo(_FORKED)) if self._task.is_in_parent_process else failure_of(exc)
            outcome = failure.outcome
        finally:
            # In `finally`, because a KeyboardInterrupt in the middle of a step must end the stream too.
            if self._cancelled:
                # We shut the connection, and it may look broken before the cancellation arrives.
                outcome, failure = "cancelled", None
            self._finish(outcome, failure)

    def _never_ran(self) -> None:
        # If it is cancelled before its first step, a task never enters its body, and no `finally` ends the stream.
        self._finish("cancelled")

    def _publish(self, events: list[StreamEvent]) -> None:
        if events:
            self._progress.note(events)
            self._delivery.tell(events)

    def _end_if_stranded(self) -> None:
        """End a stream after its loop was closed in mid-stream. Nobody tells us, so we notice it at the next look."""
        if self._progress.outcome is not None or not self._task.is_stranded:
            return
        with self._lock:
            if not self._cancelled:
                self._cancelled = True
                self._work.accumulator.apply(StreamWarning("stopped", "because its event loop was closed"))
            self._finish("cancelled")
        self._work.stop()

    def _finish(self, outcome: Outcome, failure: StreamError | None = None) -> None:
        if self._progress.outcome is not None:
            return
        last = self._progress.end(outcome, failure)
        if self._recording is not None:
            self._recording.end(outcome)
        self._delivery.end(last)
        if self._recording is not None:
            self._recording.keep()  # last, because a disk may be slow or full
