"""The work of a stream from another library. That library sends the request, and we read its items.

Rules
-----
- No limit of time is in force. The other library decides when to give up, and an iterable may be slow on purpose. The
  view shows the waiting time and a Stop button.
- An answer of more than 16 Mi characters is cut there, with outcome ``length``, and its source is closed.
- An exception of the source becomes a ``SourceError``. The text before it is kept. Example: ``ValueError("bad")``
  after ``Hel`` gives the outcome ``error``, the message ``ValueError: bad`` and the text ``Hel``.
- A source that is a call (:mod:`streamwidget._sources.calls`) is made when the stream starts, and anew for a retry.
- A stop closes the source. If the source does not end within half a second, it is abandoned with a warning
  (``not_stopped``). Later items from it are ignored.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from streamwidget._client.prices import cost_of
from streamwidget._client.spending import SPENDING
from streamwidget._core.accumulator import MAX_TEXT, Accumulator
from streamwidget._core.causes import causes
from streamwidget._core.completion import DEMO_SERVER, ChatCompletion, ErrorInfo
from streamwidget._core.cost import Cost, total
from streamwidget._core.events import Outcome, StreamEvent, StreamWarning
from streamwidget._core.exceptions import ConfigurationError, ProtocolError, SourceError, StreamError
from streamwidget._core.secrets import mask
from streamwidget._core.stream import ChatStream
from streamwidget._core.tab import in_tab
from streamwidget._core.timeout import TICK
from streamwidget._core.unexpected import said_by
from streamwidget._core.visible import one_line
from streamwidget._dialects.fields import field
from streamwidget._sources.calls import Call
from streamwidget._sources.intake import Intake
from streamwidget._sources.shapes import check, is_async
from streamwidget._sources.threaded import LAYERS, Threaded
from streamwidget._sources.wrappers import unwrap

if TYPE_CHECKING:
    from streamwidget._core.recording import Recording

_PATIENCE = 0.5  # seconds to wait for a stopped source
_TURN = 0.02  # seconds. Then a source that never waits must let other tasks run
_MAX_MESSAGE = 2_000  # characters
_DEPTH = 10  # causes of causes

_CLOSES = ("aclose", "close", "cancel_run", "cancel")  # the last two are of agents' runs

Publish = Callable[[list[StreamEvent]], None]


class Foreign:
    """Read one source. A :class:`~streamwidget._core.work.Work`.

    Parameters
    ----------
    source : Any
        A stream that :func:`~streamwidget._sources.shapes.check` has accepted, or a :class:`Call` that makes one.
    text : str or callable, optional
        Where an item holds its text. Default: a dialect knows it.
    so_far : ChatCompletion or None, default None
        The beginning of the answer, if the model is to go on with it.
    """

    mark = ""
    request_hash = None
    reused_from = None
    sent = ()
    pending_limit = None
    left_at = None
    is_ours = False

    def __init__(
        self, source: Any, text: str | Callable[[Any], Any] | None = None, so_far: ChatCompletion | None = None
    ) -> None:
        resumes = isinstance(source, Call) and so_far is not None and source.resumes(so_far)
        self.accumulator = Accumulator(so_far, resumes=resumes)
        self._asked = source  # what a retry asks again
        self._source: Any = source.go_on(so_far) if isinstance(source, Call) and so_far is not None else source
        self._text = text
        self._items: Any = source
        self._opened: list[Any] = []  # what wraps the items. A stop closes it too
        self._intake: Intake | None = None
        self._stopped = False
        self._closing = False
        self._too_long = False
        self._over = False
        self._before = None if so_far is None else so_far.cost

    @property
    def cost(self) -> Cost:
        """What the provider has charged, if the source says so, or the price where an SDK's client names its server."""
        url = self._source.url if isinstance(self._source, Call) and self._over else ""
        now = cost_of(self.accumulator.usage, url, self.accumulator.model, self.model)
        return now if self._before is None else total([self._before, now])

    #: Consent to the tools of another library is that library's.
    consents = None

    @property
    def repeatable(self) -> bool:
        return isinstance(self._source, Call)

    @property
    def model(self) -> str | None:
        return self._source.model if isinstance(self._source, Call) else None

    @property
    def request_id(self) -> str | None:
        """None, because an SDK puts the id into its items."""
        return None

    @property
    def demo(self) -> bool:
        source = self._items.source if isinstance(self._items, Threaded) else self._items
        if any(isinstance(opened, ChatStream) and opened.completion.demo for opened in self._opened):
            return True
        # openai's `.stream()` keeps its response to itself.
        headers = (field(source, name, "headers") for name in ("response", "_response"))
        return any(field(found, "server") == DEMO_SERVER for found in headers)

    async def run(self, publish: Publish) -> Outcome:
        try:
            return await self._to_the_end(publish)
        finally:
            self._over, usage = True, self.accumulator.usage
            if usage is not None and isinstance(self._source, Call) and self._source.url:
                tokens = usage.total_tokens or (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
                SPENDING.add(cost_of(usage, self._source.url, self.accumulator.model, self.model), tokens)

    async def _to_the_end(self, publish: Publish) -> Outcome:
        in_loop = lambda: not isinstance(self._items, Threaded)  # noqa: E731
        dialect = self._source.dialect if isinstance(self._source, Call) else None
        intake = self._intake = Intake(self.accumulator, publish, self._text, in_loop, dialect)
        reading = asyncio.create_task(self._read(intake))
        try:
            while not (reading.done() or self._too_long):
                # An awaiting cell notices a kernel interrupt only when something wakes the loop.
                await asyncio.wait([reading], timeout=TICK)
            if reading.cancelled() and not self._stopped:
                # The source did it. A Stop would have cancelled the task that waits here.
                message = "The source cancelled its own task: the answer is cut."
                raise SourceError(ErrorInfo(message, kind="source"))
            if reading.done():
                await reading
        finally:
            self._stopped = True
            if not reading.done():
                if not self._closing:  # cancelling would interrupt the closing
                    reading.cancel()
                await asyncio.wait([reading], timeout=_PATIENCE)
            if not reading.done():
                self._leave(reading, publish)
            elif not reading.cancelled():
                reading.exception()  # was raised above, or does not matter after a stop
        if self._too_long:
            publish(self.accumulator.cut(MAX_TEXT))
            return "length"
        return intake.end()

    def stop(self) -> None:
        self._stopped = True

    def record(self) -> Recording:
        raise ConfigurationError("Another library made this stream. Only streams of a ChatClient can be recorded.")

    def again(self, *, go_on: bool) -> Foreign:
        if not isinstance(self._asked, Call):
            raise ConfigurationError("Another library made this stream. To ask again, make a new stream there.")
        return Foreign(self._asked, self._text, self.accumulator.snapshot(cost=self.cost) if go_on else None)

    def _leave(self, reading: asyncio.Task[None], publish: Publish) -> None:
        reading.add_done_callback(lambda task: task.cancelled() or task.exception())  # or asyncio complains
        warning = StreamWarning("not_stopped", "the source did not stop and was abandoned: it may still be running")
        self.accumulator.apply(warning)
        publish([warning])

    async def _read(self, intake: Intake) -> None:
        async with contextlib.AsyncExitStack() as stack:
            self._items = await self._open(stack)
            for warning in self._source.warnings if isinstance(self._source, Call) else ():
                self.accumulator.apply(warning)
            iterator = aiter(self._items)
            whole = False
            turn = time.monotonic()
            try:
                while True:
                    try:
                        with _theirs():
                            item = await anext(iterator)
                    except StopAsyncIteration:
                        whole = True
                        return
                    if self._stopped:
                        return
                    intake.take(item)
                    if self.accumulator.size > MAX_TEXT and not self._has_own_limit:
                        self._too_long = True
                        return
                    if time.monotonic() - turn > _TURN:
                        await asyncio.sleep(0)  # let the loop run, with a Stop that may wait there
                        turn = time.monotonic()
            finally:
                if not whole:
                    self._closing = True
                    await _close(iterator, self._items, *self._opened)

    @property
    def _has_own_limit(self) -> bool:
        """True for an answer of ours within another source. Its client was told how long it may be."""
        return any(isinstance(opened, ChatStream | ChatCompletion) for opened in self._opened)

    async def _open(self, stack: contextlib.AsyncExitStack) -> Any:
        """Call, await, enter and unwrap until there is an async iterable."""
        source = self._source
        for layer in range(LAYERS):
            with _theirs():
                if isinstance(source, Call) and (source.runs_on_the_loop or layer):
                    if layer:  # a thread has found out that it needs the loop
                        twice = f"{source.name} was called twice, because it needs the event loop. Make it async def."
                        self.accumulator.apply(StreamWarning("called_twice", twice))
                    source = source.make()
            with _theirs():
                wrapper, source = source, unwrap(source)
            if source is not wrapper:
                self._opened.append(wrapper)
            if not isinstance(source, Call):
                _check(source)
            if inspect.isawaitable(source) and not hasattr(source, "__aiter__"):
                with _theirs():
                    source = await source
                if isinstance(self._source, Call):
                    source = self._source.checked(source)
            elif not isinstance(source, Call) and hasattr(source, "__aiter__") and is_async(source):
                return source
            elif not isinstance(source, Call) and is_async(source):
                with _theirs():
                    source = await stack.enter_async_context(source)
            else:
                threaded = self._items = _in_thread(source)
                source = await threaded.handed_over()
                self._opened += threaded.wrappers
                if source is None:
                    return threaded
        raise ProtocolError(ErrorInfo("The source wraps its stream too often to be read."))


def _check(source: Any) -> None:
    try:
        check(source)
    except ConfigurationError as exc:
        raise ProtocolError(ErrorInfo(str(exc))) from None


def _in_thread(source: Any) -> Threaded:
    try:
        return Threaded(source)
    except RuntimeError as exc:
        message = (
            "A source that is not async is read in a thread, and Python in a browser tab has none. Pass an async "
            "generator, or the stream of an async client."
            if in_tab()
            else f"A blocking source is read in a thread, and none can start here ({exc}). Pass an async source."
        )
        raise SourceError(ErrorInfo(message, kind="thread")) from exc


@contextlib.contextmanager
def _theirs() -> Iterator[None]:
    """Turn an exception of the source into a SourceError."""
    try:
        yield
    except (StopAsyncIteration, StreamError):
        raise
    except ConfigurationError as exc:  # a thread has found that what it was given is not a stream
        raise ProtocolError(ErrorInfo(str(exc))) from None
    except Exception as exc:  # noqa: BLE001  (it is raised again, as ours)
        failure = SourceError(ErrorInfo(one_line(mask(_said(exc)), _MAX_MESSAGE), kind="source"))
        raise failure from (exc if _hides_keys(exc) else None)


def _hides_keys(exc: BaseException) -> bool:
    """Mask the keys in the messages of an exception and its causes, because Python prints them below ours.

    False if an exception still shows one. Then it must not be a cause: ``Incorrect API key provided: sk-...``
    """
    for link in causes(exc):
        link.args = tuple(mask(part) if isinstance(part, str) else part for part in link.args)
        if mask(said := said_by(link)) != said:
            return False
    return True


def _said(exc: BaseException) -> str:
    """Describe an exception, with its root cause if the SDK hides it.

    ``APIConnectionError: Connection error. (All connection attempts failed)``
    """
    root, depth = exc, 0
    while root.__cause__ is not None and depth < _DEPTH:
        root, depth = root.__cause__, depth + 1
    said, cause = f"{type(exc).__name__}: {said_by(exc)}".rstrip(": "), said_by(root)
    return said if root is exc or not cause or cause in said else f"{said} ({cause})"


async def _close(*parts: Any) -> None:
    for part in parts:
        close = next((found for name in _CLOSES if (found := getattr(part, name, None)) is not None), None)
        if callable(close):
            with contextlib.suppress(Exception):
                result = close()
                if inspect.isawaitable(result):
                    await result
