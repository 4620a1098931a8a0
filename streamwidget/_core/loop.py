"""From synchronous code into an event loop. The only file that imports nest_asyncio2.

Three places to stand, three ways:

- no loop runs in this thread (a script, ``python -i``, ``%autoawait off`` in a terminal): a loop of our own, kept
  for the thread so that connections are reused;
- a loop runs in this thread (a notebook cell): it is run nested, which needs it patched. That is done here, at the
  first such call, and never at import;
- the stream runs on another thread's loop: wait for it from here.
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
    """The loop that runs in this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def run(make: Callable[[], Coroutine[Any, Any, T]], cancel: Callable[[], None]) -> T:
    """Run a coroutine to its end and return its result.

    Parameters
    ----------
    make : callable
        Makes the coroutine; it may be called once.
    cancel : callable
        Makes the coroutine end soon. Called at an interrupt, before KeyboardInterrupt is raised.

    Raises
    ------
    KeyboardInterrupt
        At an interrupt, once the coroutine has ended: nothing goes on behind it.
    RuntimeError
        If a loop runs here that cannot be run nested (uvloop).
    """
    loop = running_loop()
    if loop is None:
        return _own_runner().run(make())
    return _run_nested(loop, make, cancel)


def _own_runner() -> asyncio.Runner:
    runners: dict[int, asyncio.Runner] = _own.__dict__.setdefault("runners", {})
    runner = runners.get(os.getpid())
    if runner is None:
        # By process: a forked child shares its parent's selector. There it neither uses the parent's loop nor lets go
        # of it, since closing it would take the parent's sockets out of that selector.
        runner = runners[os.getpid()] = asyncio.Runner()
        # A thread that ends leaves its loop open, and the loop's connections would keep it so for ever.
        weakref.finalize(threading.current_thread(), runner.get_loop().close).atexit = False
    return runner


def run_on_another_loop(
    loop: asyncio.AbstractEventLoop, make: Callable[[], Coroutine[Any, Any, T]], cancel: Callable[[], None]
) -> T:
    """The same, for a coroutine that belongs to a loop in another thread."""
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
    if not isinstance(loop, asyncio.BaseEventLoop):  # looked at first: a refusal leaves asyncio half patched
        kind = type(loop).__module__
        raise RuntimeError(f"An event loop of {kind} cannot run nested, so nothing can wait here. Use `await` instead.")
    import nest_asyncio2

    nest_asyncio2.apply(loop)
    task = loop.create_task(make())
    # In a cell that awaits something, ipykernel's own handler cancels the cell's task. That task is the one that called
    # us: it could not see the cancellation before we return, and the kernel would then never answer the request.
    with interrupts(lambda: loop.call_soon_threadsafe(cancel)) as interrupted:
        loop.run_until_complete(_until_done(task))
    if interrupted:
        raise KeyboardInterrupt
    return task.result()


async def _until_done(task: asyncio.Task[Any]) -> None:
    # Waking each TICK lets the interpreter see a signal that arrived while the loop slept.
    while not task.done():
        await asyncio.wait([task], timeout=TICK)


@contextmanager
def interrupts(cancel: Callable[[], object]) -> Iterator[list[int]]:
    """Let the first SIGINT call ``cancel`` and be noted in the list; a second one raises KeyboardInterrupt.

    Raised at once, KeyboardInterrupt would strike in the middle of whichever task's step the loop is at.
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
