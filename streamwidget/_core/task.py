"""One task on an event loop. Any thread can cancel it. A forked child process cannot."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine

from streamwidget._core.loop import call_on, running_loop, settler


class LoopTask:
    """A task with its loop and its process. It is started once, or never.

    Attributes
    ----------
    loop : AbstractEventLoop or None
        The loop that the task runs on. None before the start.
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._process: int | None = None

    @property
    def started(self) -> bool:
        return self.loop is not None

    @property
    def is_in_parent_process(self) -> bool:
        """True in a forked child. The child's copy of the task shares the parent's sockets and wake-up pipe."""
        return self._process not in (None, os.getpid())

    @property
    def is_on_another_loop(self) -> bool:
        """True if the task was started on another loop than the one of this thread."""
        return self.loop is not None and self.loop is not running_loop()

    @property
    def is_stranded(self) -> bool:
        """True if its loop was closed before its end. No step of it will follow. False in a forked child."""
        if self.loop is None or self.is_in_parent_process or (self._task is not None and self._task.done()):
            return False
        return self.loop.is_closed()

    @property
    def is_on_a_running_loop(self) -> bool:
        return self.loop is not None and self.loop.is_running()

    def start(
        self,
        make: Callable[[], Coroutine[object, object, None]],
        name: str,
        done: Callable[[], None],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Start the coroutine that ``make`` gives. ``done`` is called at its end, even if its body never ran.

        It runs on the loop of this thread, or else on that of another thread, in the context of this one.
        """
        self.loop = own = loop or asyncio.get_running_loop()
        self._process = os.getpid()

        def create() -> None:
            self._task = own.create_task(make(), name=name)
            self._task.add_done_callback(lambda _: done())

        call_on(own, create)

    def cancel(self) -> None:
        """Cancel it, from any thread. Ignored if its loop is closed."""
        if self.loop is not None and not self.loop.is_closed():
            call_on(self.loop, self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def wait(self, timeout: float | None = None) -> None:
        """Wait for its end, for at most ``timeout`` seconds. On any loop."""
        if self.loop is None or (self._task is not None and self._task.done()):
            return
        if not self.is_on_another_loop:
            assert self._task is not None
            await asyncio.wait([self._task], timeout=timeout)
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        tell = settler(over)

        def watch() -> None:
            assert self._task is not None
            self._task.add_done_callback(lambda _: tell(None))

        call_on(self.loop, watch)
        await asyncio.wait([over], timeout=timeout)
