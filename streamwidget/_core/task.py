"""One task on the event loop on which it was started, to be cancelled from any thread, and by no forked child."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine

from streamwidget._core.loop import running_loop


class LoopTask:
    """A task, its loop and its process. Empty until it is started; it is started once.

    Attributes
    ----------
    loop : AbstractEventLoop or None
        None before the start.
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
        """True in a forked child, whose copy of the task shares the parent's sockets and wake-up pipe."""
        return self._process not in (None, os.getpid())

    @property
    def is_on_another_loop(self) -> bool:
        """True where it was started on another loop than the one that runs in this thread."""
        return self.loop is not None and self.loop is not running_loop()

    def start(self, coroutine: Coroutine[object, object, None], name: str, done: Callable[[], None]) -> None:
        """Start it on the loop that runs here; ``done`` is called at its end, even if its body was never entered."""
        self.loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._task = self.loop.create_task(coroutine, name=name)
        self._task.add_done_callback(lambda _: done())

    def cancel(self) -> None:
        """Cancel it, from any thread; not where its loop is closed."""
        task, loop = self._task, self.loop
        if task is not None and loop is not None and not loop.is_closed():
            self.call(task.cancel)

    def call(self, function: Callable[[], object]) -> None:
        """Call a function on its loop: at once where that runs here or never will, else soon."""
        loop = self.loop
        if loop is None or loop.is_closed() or running_loop() is loop:
            function()
        else:
            loop.call_soon_threadsafe(function)

    async def wait(self, timeout: float | None = None) -> None:
        """Wait for its end, on its loop; for ``timeout`` seconds at most."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=timeout)
