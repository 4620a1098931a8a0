"""One task on an event loop. Any thread can cancel it. A forked child process cannot."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine

from streamwidget._core.loop import call_on, running_loop


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
        return self._task is not None

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
        if self._task is None or self.loop is None or self._task.done() or self.is_in_parent_process:
            return False
        return self.loop.is_closed()

    @property
    def is_on_a_running_loop(self) -> bool:
        return self.loop is not None and self.loop.is_running()

    def start(self, coroutine: Coroutine[object, object, None], name: str, done: Callable[[], None]) -> None:
        """Start it on the loop of this thread. ``done`` is called at its end, even if its body never ran."""
        self.loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._task = self.loop.create_task(coroutine, name=name)
        self._task.add_done_callback(lambda _: done())

    def cancel(self) -> None:
        """Cancel it, from any thread. Ignored if its loop is closed."""
        task, loop = self._task, self.loop
        if task is not None and loop is not None and not loop.is_closed():
            call_on(loop, task.cancel)

    async def wait(self, timeout: float | None = None) -> None:
        """Wait for its end, on its loop, for at most ``timeout`` seconds."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=timeout)
