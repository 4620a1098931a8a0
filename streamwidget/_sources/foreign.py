"""The work of a stream from another library. That library sends the request, and we read its items.

Rules
-----
- No limit is in force. The other library decides when to give up, and an iterable may be slow on purpose. The view
  shows the waiting time and a Stop button.
- An exception of the source becomes a ``SourceError``. The text before it is kept. Example: ``ValueError("bad")``
  after ``Hel`` gives the outcome ``error``, the message ``ValueError: bad`` and the text ``Hel``.
- A stop closes the source. If the source does not end within half a second, it is abandoned with a warning
  (``not_stopped``). Later items from it are ignored.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import DEMO_SERVER, ErrorInfo
from streamwidget._core.events import Outcome, ParsedEvent, StreamEvent, StreamWarning
from streamwidget._core.exceptions import (
    ConfigurationError,
    InStreamError,
    ProtocolError,
    SourceError,
    StreamInterrupted,
)
from streamwidget._core.secrets import mask, mask_error
from streamwidget._core.timeout import TICK
from streamwidget._core.visible import one_line
from streamwidget._dialects import reader_for
from streamwidget._dialects.dialect import MalformedItem, Reader, ServerReportedError
from streamwidget._dialects.fields import field
from streamwidget._sources.shapes import check, is_async
from streamwidget._sources.threaded import Threaded

if TYPE_CHECKING:
    from streamwidget._core.recording import Recording

_PATIENCE = 0.5  # seconds to wait for a stopped source
_TURN = 0.02  # seconds. Then a source that never waits must let other tasks run
_MAX_MESSAGE = 2_000  # characters
_DEPTH = 10  # causes of causes

Publish = Callable[[list[StreamEvent]], None]


class Foreign:
    """Read one source. A :class:`~streamwidget._core.work.Work`.

    Parameters
    ----------
    source : Any
        A stream. :func:`~streamwidget._sources.shapes.check` has accepted it.
    """

    repeatable = False
    model = None
    mark = ""
    pending_limit = None

    def __init__(self, source: Any) -> None:
        self.accumulator = Accumulator()
        self._source = source
        self._items: Any = source
        self._reader: Reader | None = None
        self._stopped = False
        self._closing = False

    @property
    def request_id(self) -> str | None:
        """None, because an SDK puts the id into its items."""
        return None

    @property
    def demo(self) -> bool:
        source = self._items.source if isinstance(self._items, Threaded) else self._items
        # openai's `.stream()` keeps its response to itself.
        headers = (field(source, name, "headers") for name in ("response", "_response"))
        return any(field(found, "server") == DEMO_SERVER for found in headers)

    async def run(self, publish: Publish) -> Outcome:
        reading = asyncio.create_task(self._read(publish))
        try:
            while not reading.done():
                # An awaiting cell notices a kernel interrupt only when something wakes the loop.
                await asyncio.wait([reading], timeout=TICK)
            if reading.cancelled() and not self._stopped:
                # The source did it. A Stop would have cancelled the task that waits here.
                message = "The source cancelled its own task: the answer is cut."
                raise SourceError(ErrorInfo(message, kind="source"))
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
        return self._outcome()

    def stop(self) -> None:
        self._stopped = True

    def record(self) -> Recording:
        raise ConfigurationError("Another library made this stream. Only streams of a ChatClient can be recorded.")

    def again(self, *, go_on: bool) -> Foreign:  # noqa: ARG002
        raise ConfigurationError("Another library made this stream. To ask again, make a new stream there.")

    def _outcome(self) -> Outcome:
        finish = self.accumulator.finish
        if finish is not None or (self._reader is not None and self._reader.plain_end):
            outcome: Outcome = finish.outcome if finish is not None else "complete"
            if outcome == "complete" and not (self.accumulator.delta_count or self.accumulator.warnings):
                # The items fit a dialect, and hold the answer where nobody looks.
                raise ProtocolError(ErrorInfo("The source ended, and its items held no text: there is no answer."))
            return outcome
        message = "The source ended without a finish reason: the answer is cut."
        if self._reader is None:
            message = "The source ended without a single item: there is no answer."
        raise StreamInterrupted(ErrorInfo(message), retryable=True)

    def _leave(self, reading: asyncio.Task[None], publish: Publish) -> None:
        reading.add_done_callback(lambda task: task.cancelled() or task.exception())  # or asyncio complains
        warning = StreamWarning("not_stopped", "the source did not stop and was abandoned: it may still be running")
        self._apply([warning], publish)

    async def _read(self, publish: Publish) -> None:
        async with contextlib.AsyncExitStack() as stack:
            self._items = await self._open(stack)
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
                    self._take(item, publish)
                    if time.monotonic() - turn > _TURN:
                        await asyncio.sleep(0)  # let the loop run, with a Stop that may wait there
                        turn = time.monotonic()
            finally:
                if not whole:
                    self._closing = True
                    await _close(iterator, self._items)

    async def _open(self, stack: contextlib.AsyncExitStack) -> Any:
        source = self._source
        if inspect.isawaitable(source) and not hasattr(source, "__aiter__"):
            with _theirs():
                source = await source
            try:
                check(source)
            except ConfigurationError as exc:
                raise ProtocolError(ErrorInfo(str(exc))) from None
        if not is_async(source):
            return Threaded(source)
        if not hasattr(source, "__aiter__"):
            with _theirs():
                source = await stack.enter_async_context(source)
        return source

    def _take(self, item: Any, publish: Publish) -> None:
        if item is None:
            return
        if self._reader is None:
            self._reader = reader_for(item, lambda: self.accumulator.text)
            if self._reader is None:
                raise ProtocolError(
                    ErrorInfo(
                        f"The source gave a {type(item).__name__}. It is neither text nor a chunk of a known SDK. "
                        "Pass strings instead: show(text_of(item) for item in source)."
                    )
                )
        try:
            parsed = self._reader.parse(item)
        except ServerReportedError as exc:
            self._apply(exc.events, publish)
            raise InStreamError(mask_error(exc.info)) from None
        except MalformedItem as exc:
            raise ProtocolError(ErrorInfo(f"The source gave {mask(str(exc))}.")) from None
        self._apply(parsed, publish)

    def _apply(self, parsed: list[ParsedEvent], publish: Publish) -> None:
        publish(self.accumulator.take(parsed))


@contextlib.contextmanager
def _theirs() -> Iterator[None]:
    """Turn an exception of the source into a SourceError."""
    try:
        yield
    except StopAsyncIteration:
        raise
    except Exception as exc:
        raise SourceError(ErrorInfo(one_line(mask(_said(exc)), _MAX_MESSAGE), kind="source")) from exc


def _said(exc: BaseException) -> str:
    """Describe an exception, with its root cause if the SDK hides it.

    ``APIConnectionError: Connection error. (All connection attempts failed)``
    """
    root, depth = exc, 0
    while root.__cause__ is not None and depth < _DEPTH:
        root, depth = root.__cause__, depth + 1
    said = f"{type(exc).__name__}: {exc}".rstrip(": ")
    return said if root is exc or not str(root) or str(root) in said else f"{said} ({root})"


async def _close(iterator: AsyncIterator[Any], source: Any) -> None:
    for part in (iterator, source):
        close = getattr(part, "aclose", None) or getattr(part, "close", None)
        if callable(close):
            with contextlib.suppress(Exception):
                result = close()
                if inspect.isawaitable(result):
                    await result
