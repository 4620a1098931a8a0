"""Make a saved answer in a thread, so that the event loop hears an interrupt and the next cell meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# Two threads that calculate would only take the interpreter from each other, and from the loop.
_one_at_a_time = threading.Lock()


async def off_loop(make: Callable[[], T]) -> T:
    """Return ``make()``. Without threads, as in Pyodide, the loop itself calls it.

    If you no longer wait, the thread goes on until ``make`` returns. It is a daemon, so the process can end.
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
            with _one_at_a_time:
                result = make()
        except BaseException as exc:  # noqa: BLE001  (the loop raises it again)
            failure = exc
        with contextlib.suppress(RuntimeError):  # the loop may be closed
            loop.call_soon_threadsafe(settle, result, failure)

    try:
        threading.Thread(target=work, name="streamwidget saved answer", daemon=True).start()
    except RuntimeError:  # Pyodide, and a process that may start no more threads
        return make()
    return await made
