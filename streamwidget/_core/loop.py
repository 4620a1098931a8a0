"""Run a coroutine from synchronous code. The only file that imports nest_asyncio2.

There are four cases:

- No loop runs in this thread (a script, ``python -i``, ``%autoawait off`` in a terminal). We run a loop of our own.
  Each thread keeps one, so that connections are reused.
- A loop runs in this thread (a notebook cell). We run it nested. That needs a patch of asyncio. We apply it at the
  first such call, and never at import.
- The stream runs on another thread's loop. We wait for it.
- The code runs in a browser tab, on the tab's loop. Some browsers can let Python wait there (JSPI).
"""

from __future__ import annotations

import asyncio
import functools
import math
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType
from typing import Any, TypeVar

from streamwidget._core.tab import in_tab
from streamwidget._core.timeout import TICK
from streamwidget._core.unexpected import TOO_MANY_FILES, is_too_many_files

T = TypeVar("T")
_ROOM = 200  # nested calls that a stream needs, with the imports of its first request. Measured: up to 110
_FILES = 3  # a loop has a selector and two ends of a wake-up pipe
_SETTLED = 1.0  # seconds to wait for the end of a cancelled stream on another thread's loop
_SIGNALS = tuple(signal.valid_signals() - {signal.SIGINT})
_own = threading.local()
_noticed: list[list[int]] = []  # for each block of `interrupts_noticed`, the interrupts that came in it


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


def call_and_wait(loop: asyncio.AbstractEventLoop, function: Callable[[], T]) -> T:
    """Call a function on a loop, from any thread, and return its result. Immediately if the loop does not run."""
    if running_loop() is loop or not loop.is_running():
        return function()

    async def call() -> T:
        return function()

    return result_of(asyncio.run_coroutine_threadsafe(call(), loop))


def result_of(future: Future[T], timeout: float = math.inf) -> T:
    """Wait for the result of another thread. TimeoutError after ``timeout`` seconds.

    In steps, because on Windows an interrupt does not end a wait for another thread. Python sees it after the step.
    """
    end = time.monotonic() + timeout
    while not future.done() and (left := end - time.monotonic()) > 0:
        wait([future], min(left, TICK))
    return future.result(0)


def settler(future: asyncio.Future[T]) -> Callable[[T], None]:
    """Return a function that gives a future of this loop its result, from any thread.

    It does nothing if the future is settled, or if the loop has closed meanwhile.
    """
    own = future.get_loop()

    def settle(result: T) -> None:
        if not future.done():
            future.set_result(result)

    def tell(result: T) -> None:
        with suppress(RuntimeError):  # the loop is closed
            own.call_soon_threadsafe(settle, result)

    return tell


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
    BaseException
        What a person's signal handler raised, after the coroutine has ended.
    RecursionError
        If the calls are nested too deeply to run it.
    OSError
        If too many files are open to make a loop.
    RuntimeError
        If the loop of this thread cannot be run nested (uvloop, and the loop of a browser tab without JSPI).
    """
    _check_room()
    loop = running_loop()
    if loop is not None:
        return _run_nested(loop, make, cancel)
    own = _own_runner().get_loop()

    def stop() -> None:  # in the loop, which runs when there is a task
        task.cancel()

    # Not Runner.run: an interrupt just before its handler stands would drop a coroutine that has not begun.
    is_pythons = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with (
        signal_handlers_wait(lambda: own.call_soon_threadsafe(cancel)),
        interrupts(lambda: own.call_soon_threadsafe(stop)) if is_pythons else nullcontext() as interrupted,
    ):
        task = own.create_task(make())
        with suppress(asyncio.CancelledError):
            own.run_until_complete(task)
    if interrupted:
        raise KeyboardInterrupt
    return task.result()


def is_own(loop: asyncio.AbstractEventLoop) -> bool:
    """Return True for the loop on which :func:`run` runs what this thread waits for, if no other loop runs here."""
    runner = _own.__dict__.get("runners", {}).get(os.getpid())
    return runner is not None and running_loop() is None and runner.get_loop() is loop


def _check_room() -> None:
    """Raise RecursionError if a stream would meet the recursion limit. It would fail at any place of any library."""
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    room = sys.getrecursionlimit() - depth
    if room < _ROOM:
        raise RecursionError(
            f"The calls are nested too deeply to wait for a stream: {room} more fit, and it needs {_ROOM}. "
            "Wait further up in your program, or raise sys.setrecursionlimit()."
        )


def _own_runner() -> asyncio.Runner:
    runners: dict[int, asyncio.Runner] = _own.__dict__.setdefault("runners", {})
    runner = runners.get(os.getpid())
    if runner is None:
        # One for each process, because a forked child shares its parent's selector. The child must not use the parent's
        # loop. It must not close it either, because that would remove the parent's sockets from the selector.
        _check_files()
        runner = runners[os.getpid()] = asyncio.Runner()
        # A thread that ends does not close its loop, and the loop's connections would keep it alive.
        weakref.finalize(threading.current_thread(), _close, runner.get_loop(), os.getpid())  # also at exit
    return runner


def _close(loop: asyncio.AbstractEventLoop, process: int) -> None:
    """Close the loop of a thread that has ended, and its connections before. Any thread may call this."""
    if process != os.getpid() or loop.is_running():  # a daemon thread may still run it at exit
        return
    if running_loop() is not None:  # one thread runs one loop at a time
        threading.Thread(target=_close, args=(loop, process), name="streamwidget close").start()
        return
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _stop_in_child() -> None:
    """Stop the parent's loop in a forked child, if the fork came while we ran it.

    asyncio runs no task there, so it would wait for ever. Before Python 3.14 each step of a task failed instead.
    """
    for runner in _own.__dict__.get("runners", {}).values():
        loop = runner.get_loop()
        loop.set_exception_handler(lambda *_: None)  # it would print what its tasks cannot do
        loop.stop()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_stop_in_child)


def _check_files() -> None:
    """Raise OSError if a loop cannot be made. asyncio would print a traceback when the half of a loop is deleted."""
    opened: list[int] = []
    try:
        while len(opened) < _FILES:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as exc:
        raise OSError(exc.errno, TOO_MANY_FILES if is_too_many_files(exc) else exc.strerror) from None
    finally:
        for number in opened:
            os.close(number)


def run_on_another_loop(
    loop: asyncio.AbstractEventLoop, make: Callable[[], Coroutine[Any, Any, T]], cancel: Callable[[], None]
) -> T:
    """Run a coroutine on the loop of another thread, and wait for it. Otherwise like :func:`run`."""
    if not loop.is_running():
        raise RuntimeError("The stream belongs to an event loop that no longer runs. Make a new stream.")
    future = asyncio.run_coroutine_threadsafe(make(), loop)
    try:
        return result_of(future)
    except BaseException:  # an interrupt, or what a signal handler raised
        cancel()
        wait([future], _SETTLED)
        raise


def _run_nested(
    loop: asyncio.AbstractEventLoop, make: Callable[[], Coroutine[Any, Any, T]], cancel: Callable[[], None]
) -> T:
    if in_tab():
        return _wait_in_tab(make)
    if not isinstance(loop, asyncio.BaseEventLoop):  # checked first: nest_asyncio2 would leave asyncio half patched
        kind = type(loop).__module__
        raise RuntimeError(
            f"An event loop of {kind} cannot run nested, so this code cannot wait. Use `await` or `async for` instead."
        )
    _let_nest(loop)

    def soon() -> None:
        loop.call_soon_threadsafe(cancel)

    # In a cell that awaits, ipykernel's own handler cancels the cell's task. That task called us, so it would only see
    # the cancellation after we return. The kernel would then never reply to the request.
    with signal_handlers_wait(soon), interrupts(soon) as interrupted:
        task = loop.create_task(make())
        loop.run_until_complete(_until_done(task))
    if interrupted:
        raise KeyboardInterrupt
    return task.result()


def _let_nest(loop: asyncio.AbstractEventLoop) -> None:
    """Patch asyncio so that this loop can run nested.

    The patched ``asyncio.run`` also leaves its loop open, with its tasks and connections. So where nothing is nested,
    Python's own one runs.
    """
    import nest_asyncio2

    own = asyncio.run
    nest_asyncio2.apply(loop)
    nested = asyncio.run
    if nested is not own:

        @functools.wraps(own)
        def run(*args: Any, **options: Any) -> Any:
            return (own if running_loop() is None else nested)(*args, **options)

        asyncio.run = run


def _wait_in_tab(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    from pyodide.ffi import can_run_sync, run_sync

    if not can_run_sync():
        raise RuntimeError(
            "This browser cannot let Python wait here (it lacks JSPI), so use `await` or `async for` instead."
        )
    result: T = run_sync(make())
    return result


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
    # The handler is None in a program that embeds Python and has its own.
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield interrupted
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        if interrupted:
            signal.default_int_handler(number, frame)
        interrupted.append(number)
        cancel()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        if any(_noticed):  # one came before this block, and was perhaps lost
            interrupted.append(signal.SIGINT)
            cancel()
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interrupts_noticed() -> Iterator[None]:
    """Let no SIGINT be lost in the block. One that came before a wait in the block ends the wait at once.

    It raises KeyboardInterrupt as usual. But Python ignores that in a weakref's callback and in ``__del__``, and prints
    "Exception ignored in". In a cell that awaits, ipykernel would cancel the cell's task, and never reply if the task
    runs to its end without another ``await``. So there KeyboardInterrupt is raised after the block.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    noticed: list[int] = []

    def notice(number: int, frame: FrameType | None) -> None:
        noticed.append(number)
        if before is signal.default_int_handler or len(noticed) > 1:
            signal.default_int_handler(number, frame)

    _noticed.append(noticed)
    signal.signal(signal.SIGINT, notice)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _noticed.pop()
    if noticed:
        raise KeyboardInterrupt


@contextmanager
def interrupts_raise() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt at once in the block, which runs a person's own code.

    In a cell that awaits, ipykernel's handler only leaves a note for the loop. The loop cannot read it while the code
    keeps it busy: ``time.sleep(600)`` could not be interrupted. :func:`interrupts_noticed` around it hears of it too,
    because the code may ignore the exception.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        for noticed in _noticed[-1:]:
            noticed.append(number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def signal_handlers_wait(cancel: Callable[[], object]) -> Iterator[None]:
    """Call ``cancel`` when a person's signal handler raises, and raise that exception at the end of the block.

    Python runs a handler between any two instructions. What it raises there would break some step of some task, or the
    loop itself. Example: ``signal.alarm`` with a handler that raises TimeoutError. If a handler raises once more, that
    goes through, so that nobody is locked in. An interrupt has :func:`interrupts`.
    """
    raised: list[BaseException] = []
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def waiting(handler: Callable[[int, FrameType | None], object]) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except BaseException as exc:
                if raised:
                    raise
                raised.append(exc)
                cancel()

        return handle

    before = {number: handler for number in _SIGNALS if callable(handler := signal.getsignal(number))}
    during = {number: waiting(handler) for number, handler in before.items()}
    for number, handler in during.items():
        signal.signal(number, handler)
    try:
        yield
    except BaseException:
        if not raised:
            raise
    finally:
        for number, handler in during.items():
            if signal.getsignal(number) is handler:  # or else the handler has set another one
                signal.signal(number, before[number])
    if raised:
        raise raised[0]
