"""Make a saved answer in a thread, so that the event loop hears an interrupt and the next cell meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class _Worker:
    """A thread for one job after the other.

    There is one for all answers. Two busy threads would only take the interpreter from each other, and from
    the loop. And the process keeps the memory of each new thread. It is a daemon, so the process can end.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="streamwidget saved answer", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """False in the child of a fork."""
        return self._thread.is_alive()

    def add(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            self._jobs.get()()


_worker: _Worker | None = None
_starting = threading.Lock()


def _the_worker() -> _Worker:
    global _worker  # noqa: PLW0603  (one in a process)
    with _starting:
        if _worker is None or not _worker.is_alive:
            _worker = _Worker()
        return _worker


async def off_loop(make: Callable[[], T]) -> T:
    """Return ``make()``. Without threads, as in Pyodide, the loop itself calls it.

    If you no longer wait, the thread goes on until ``make`` returns.
    """
    loop = asyncio.get_running_loop()
    made: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, failure: BaseException | None) -> None:
        if made.cancelled():
            return
        if failure is not None:
            made.set_exception(failure)
        else:
            made.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, failure = None, None
        try:
            result = make()
        except BaseException as exc:  # noqa: BLE001  (the loop raises it again)
            failure = exc
        with contextlib.suppress(RuntimeError):  # the loop may be closed
            loop.call_soon_threadsafe(settle, result, failure)

    try:
        worker = _the_worker()
    except RuntimeError:  # Pyodide, and a process that may start no more threads
        return make()
    worker.add(work)
    return await made
