"""The event loop in a thread of our own: streams run on it whose text is to arrive while a cell blocks the kernel.

One loop serves all of them. Its thread is a daemon. When the process ends, the streams are cancelled and their
connections are closed.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading

_SETTLED = 1.0  # seconds to wait for the end of the thread when the process ends


class _OwnLoop:
    """A thread with its loop.

    Attributes
    ----------
    loop : AbstractEventLoop or None
        None if it could not be made.
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._process = os.getpid()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="streamwidget streams", daemon=True)
        self._thread.start()
        self._ready.wait()
        atexit.register(self._end)

    @property
    def is_alive(self) -> bool:
        """False in the child of a fork."""
        return self._process == os.getpid() and self._thread.is_alive()

    def _run(self) -> None:
        try:
            # OSError: too many files are open. Not asyncio.run, because nest_asyncio may have patched it.
            with contextlib.suppress(OSError), asyncio.Runner() as runner:
                runner.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._ready.set()
        await self._over.wait()

    def _end(self) -> None:
        if self.is_alive and self.loop is not None:
            with contextlib.suppress(RuntimeError):  # it has just been closed
                self.loop.call_soon_threadsafe(self._over.set)
            self._thread.join(_SETTLED)


_own: _OwnLoop | None = None
_starting = threading.Lock()


def own_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop, and start it if it does not run. None where no thread can start, as in Pyodide."""
    global _own  # noqa: PLW0603  (one in a process)
    with _starting:
        if _own is None or not _own.is_alive:
            try:
                _own = _OwnLoop()
            except RuntimeError:
                return None
        return _own.loop
