"""Read a blocking source in a thread of its own.

That one thread calls, opens, reads and closes the source, because no SDK lets a second thread close a stream during a
read. So a stop takes effect at the next item. If no item comes, the thread stays. It is a daemon, so the process can
still end.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import queue
import threading
from typing import Any, NamedTuple, Self

from streamwidget._core.timeout import TICK
from streamwidget._sources.calls import Call
from streamwidget._sources.shapes import check, is_async
from streamwidget._sources.wrappers import unwrap

_AHEAD = 256  # items to read ahead of the loop
LAYERS = 8  # of wrappers around a stream
#: The words of asyncio to a function in a thread that needs the loop.
_NEEDS_LOOP = ("no running event loop", "no current event loop")


class _End(NamedTuple):
    failure: BaseException | None


class Threaded:
    """Iterate over a blocking source from an event loop.

    Parameters
    ----------
    source : iterable, context manager or Call
        The context manager gives an iterable. The call gives any source.

    Attributes
    ----------
    source : iterable
        The iterable, after the thread has opened it.
    wrappers : list
        The objects around it.
    """

    def __init__(self, source: Any) -> None:
        self.source = source
        self.wrappers: list[Any] = []
        self._handed_over = False
        self._items: queue.Queue[Any] = queue.Queue(_AHEAD)
        self._wake = asyncio.Event()
        self._told = False  # whether the loop has been told of new items
        self._stopped = threading.Event()
        self._open = asyncio.Event()
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(self._read,), name="streamwidget source", daemon=True)
        thread.start()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        while True:
            try:
                item = self._items.get_nowait()
            except queue.Empty:
                self._wake.clear()
                self._told = False  # from now on, `_put` wakes us
                if self._items.empty():
                    await self._wake.wait()
                continue
            if not isinstance(item, _End):
                return item
            if item.failure is None:
                raise StopAsyncIteration
            raise _as_exception(item.failure)

    async def handed_over(self) -> Any:
        """Wait until the source is open. Return a source for the loop alone, or None if this thread reads it."""
        await self._open.wait()
        return self.source if self._handed_over else None

    async def aclose(self) -> None:
        """Stop at the next item. Wait until the source is closed."""
        self._stopped.set()
        await self._ended.wait()

    # ---- in the thread

    def _read(self) -> None:
        failure: BaseException | None = None
        try:
            with contextlib.ExitStack() as stack:
                self._handed_over = not self._open_source(stack)
                self._tell(self._open)
                if not self._handed_over:
                    self._iterate(self.source)
        except BaseException as exc:  # noqa: BLE001  (the loop raises it again)
            failure = exc
        self._put(_End(failure))
        self._tell(self._open)
        self._tell(self._ended)

    def _tell(self, event: asyncio.Event) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be closed
            self._loop.call_soon_threadsafe(event.set)

    def _open_source(self, stack: contextlib.ExitStack) -> bool:
        """Call and enter until there is an iterable. Return False if only the loop can read it."""
        for _ in range(LAYERS):
            if isinstance(self.source, Call):
                try:
                    self.source = self.source.make()
                except RuntimeError as exc:
                    if not any(words in str(exc) for words in _NEEDS_LOOP):
                        raise
                    return False
            wrapper, self.source = self.source, unwrap(self.source)
            if self.source is not wrapper:
                self.wrappers.append(wrapper)
            check(self.source)
            if inspect.isawaitable(self.source) or is_async(self.source):
                return False
            if hasattr(self.source, "__iter__"):
                return True
            self.source = stack.enter_context(self.source)
        return True

    def _iterate(self, source: Any) -> None:
        iterator = iter(source)
        whole = False
        try:
            while not self._stopped.is_set():
                try:
                    item = next(iterator)
                except StopIteration:
                    whole = True
                    return
                self._put(item)
        finally:
            if not whole:
                for part in (iterator, source, *self.wrappers):
                    with contextlib.suppress(Exception):
                        part.close()

    def _put(self, item: Any) -> None:
        while not self._stopped.is_set():
            try:
                self._items.put(item, timeout=TICK)
            except queue.Full:
                continue
            if not self._told:
                self._told = True
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._wake.set)
            return


def _as_exception(failure: BaseException) -> Exception:
    """Wrap an exception if it would end the event loop (``SystemExit``) or look like the end (``StopIteration``)."""
    if isinstance(failure, Exception) and not isinstance(failure, StopIteration | StopAsyncIteration):
        return failure
    wrapped = RuntimeError(f"{type(failure).__name__}: {failure}")
    wrapped.__cause__ = failure
    return wrapped
