"""Read a blocking source in a thread of its own.

That one thread opens, reads and closes the source, because no SDK lets a second thread close a stream during a read. So
a stop takes effect at the next item. If no item comes, the thread stays. It is a daemon, so the process can still end.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import queue
import threading
from typing import Any, NamedTuple, Self

from streamwidget._core.timeout import TICK

_AHEAD = 256  # items that the thread reads ahead of the loop


class _End(NamedTuple):
    failure: BaseException | None


class Threaded:
    """Iterate over a blocking source from an event loop.

    Parameters
    ----------
    source : iterable or context manager
        The context manager gives an iterable.

    Attributes
    ----------
    source : iterable
        The iterable. A context manager is replaced by its iterable when the thread enters it.
    """

    def __init__(self, source: Any) -> None:
        self.source = source
        self._items: queue.Queue[Any] = queue.Queue(_AHEAD)
        self._wake = asyncio.Event()
        self._told = False  # whether the loop has been told of new items
        self._stopped = threading.Event()
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

    async def aclose(self) -> None:
        """Stop at the next item. Wait until the source is closed."""
        self._stopped.set()
        await self._ended.wait()

    # ---- in the thread

    def _read(self) -> None:
        failure: BaseException | None = None
        try:
            with contextlib.ExitStack() as stack:
                if not hasattr(self.source, "__iter__"):
                    self.source = stack.enter_context(self.source)
                self._iterate(self.source)
        except BaseException as exc:  # noqa: BLE001  (the loop raises it again)
            failure = exc
        self._put(_End(failure))
        with contextlib.suppress(RuntimeError):  # the loop may be closed
            self._loop.call_soon_threadsafe(self._ended.set)

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
                for part in (iterator, source):
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
