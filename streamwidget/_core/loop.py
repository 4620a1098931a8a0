"""Run a coroutine from synchronous code. The only file that imports nest_asyncio2.

There are three cases:

- No loop runs in this thread (a script, ``python -i``, ``%autoawait off`` in a terminal). We run a loop of our own.
  Each thread keeps one, so that connections are reused.
- A loop runs in this thread (a notebook cell). We run it nested. That needs a patch of asyncio. We apply it at the
  first such call, and never at import.
- The stream runs on another thread's loop. We wait for it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from streamwidget._core.timeout import TICK

T = TypeVar("T")
_own = threading.local()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs in this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def call_on(loop: asyncio.AbstractEventLoop | None, function: Callable[[], object]) -> None:
    """Call a function on a loop, from any thread.

    Immediately if the loop runs in this thread, is closed, or is None. Otherwise it is scheduled there.
    """
    if loop is None or loop.is_closed() or running_loop() is loop:
        function()
    else:
        loop.call_soon_threadsafe(function)


def run(make: Callable[[], Coroutine[Any, Any, T]], cancel: Callable[[], None]) -> T:
    """Run a coroutine to its end and return its result.

    Parameters
    ----------
    make : callable
        Makes the coroutine. It is called at most once.
    cancel : callable
        Makes the coroutine end soon. Called at an interrupt, before KeyboardInterrupt is raised.

    Returns
    -------
    object
        The coroutine's result.

    Raises
    ------
    KeyboardInterrupt
        At an interrupt, after the coroutine has ended, so that nothing keeps running.
    RuntimeError
        If the loop of this thread cannot be run nested (uvloop).
    """
    loop = running_loop()
    if loop is None:
        return _own_runner().run(make())
    return _run_nested(loop, make, cancel)


def _own_runner() -> asyncio.Runner:
    runners: dict[int, asyncio.Runner] = _own.__dict__.setdefault("runners", {})
    runner = runners.get(os.getpid())
    if runner is None:
        # One for each process, because a forked child shares its parent's selector. The child must not use the parent's
        # loop. It must not close it either, because that would remove the parent's sockets from the selector.
        runner = runners[os.getpid()] = asyncio.Runner()
        # A thread that ends does not close its loop, and the loop's connections would keep it alive.
        weakref.finalize(threading.current_thread(), runner.get_loop().close).atexit = False
    return runner


def run_on_another_loop(
    loop: asyncio.AbstractEventLoop, make: Callable[[], Coroutine[Any, Any, T]], cancel: Callable[[], None]
) -> T:
    """Run a coroutine on the loop of another thread, and wait for it. Otherwise like :func:`run`."""
    if not loop.is_running():
        raise RuntimeError("The stream belongs to an event loop that no longer runs. Make a new stream.")
    future = asyncio.run_coroutine_threadsafe(make(), loop)
    try:
        return future.result()
    except KeyboardInterrupt:
        cancel()
        raise


def _run_nested(
    loop: asyncio.AbstractEventLoop, make: Callable[[], Coroutine[Any, Any, T]], cancel: Callable[[], None]
) -> T:
    if not isinstance(loop, asyncio.BaseEventLoop):  # checked first: nest_asyncio2 would leave asyncio half patched
        kind = type(loop).__module__
        raise RuntimeError(f"An event loop of {kind} cannot run nested, so this code cannot wait. Use `await` instead.")
    import nest_asyncio2

    nest_asyncio2.apply(loop)
    task = loop.create_task(make())
    # In a cell that awaits, ipykernel's own handler cancels the cell's task. That task called us, so it would only see
    # the cancellation after we return. The kernel would then never reply to the request.
    with interrupts(lambda: loop.call_soon_threadsafe(cancel)) as interrupted:
        loop.run_until_complete(_until_done(task))
    if interrupted:
        raise KeyboardInterrupt
    return task.result()


async def _until_done(task: asyncio.Task[Any]) -> None:
    # The interpreter sees a signal only when the loop wakes up, so it wakes up at each TICK.
    while not task.done():
        await asyncio.wait([task], timeout=TICK)


@contextmanager
def interrupts(cancel: Callable[[], object]) -> Iterator[list[int]]:
    """Call ``cancel`` at the first SIGINT, and add it to the list. A second SIGINT raises KeyboardInterrupt.

    The first does not raise, because the exception would break into the middle of some task's step.
    """
    interrupted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        if interrupted:
            signal.default_int_handler(number, frame)
        interrupted.append(number)
        cancel()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
