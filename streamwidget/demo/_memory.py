"""Connections within this process, for a browser tab: Python there can open no socket and start no thread.

The server of such a port reads and writes the same bytes as over a socket. ``close`` is a FIN and ``abort`` an RST.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from streamwidget.demo._http import WatchedReader

Serve: TypeAlias = Callable[[WatchedReader, asyncio.StreamWriter], Awaitable[None]]
_FIRST_PORT = 49152  # of those that a system gives to whoever asks for any port


def in_tab() -> bool:
    """Return True in a browser tab."""
    return sys.platform == "emscripten"


class Listener:
    """A port of this process, and its open connections.

    Parameters
    ----------
    port : int
        0 takes a free one.
    serve : callable
        Serves one connection to its end.

    Raises
    ------
    OSError
        If the port is in use.
    """

    def __init__(self, port: int, serve: Serve) -> None:
        self.port = port or next(free for free in itertools.count(_FIRST_PORT) if free not in _listening)
        if self.port in _listening:
            raise OSError(f"Port {self.port} is in use by another demo server of this tab.")
        self._serve = serve
        self._tasks: set[asyncio.Task[None]] = set()
        _listening[self.port] = self

    def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the client's end of a new connection."""
        loop = asyncio.get_running_loop()
        near, far = asyncio.StreamReader(loop=loop), WatchedReader(loop)
        ends = _End(loop, near), _End(loop, far)
        ends[0].peer, ends[1].peer = ends[1], ends[0]
        task = asyncio.ensure_future(self._serve(far, ends[1].writer))
        self._tasks.add(task)  # an event loop holds its tasks weakly
        task.add_done_callback(self._tasks.discard)
        return near, ends[0].writer

    def close(self) -> None:
        """Give the port back, and break off the open connections."""
        _listening.pop(self.port, None)
        for task in list(self._tasks):
            task.cancel()


_listening: dict[int, Listener] = {}


def listener_at(port: int | None) -> Listener | None:
    """Return who listens on a port of this process. None: nobody."""
    return _listening.get(port or 0)


class _End(asyncio.Transport):
    """One end of a connection. What it writes, the peer reads one round of the loop later.

    The loop of a tab does not keep the order of its callbacks. So each end has a queue of what happens to it.
    """

    peer: _End

    def __init__(self, loop: asyncio.AbstractEventLoop, reader: asyncio.StreamReader) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        self._closing = False
        self._coming: deque[Callable[[], object]] = deque()
        self._protocol.connection_made(self)
        self.writer = asyncio.StreamWriter(self, self._protocol, reader, loop)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        return default  # there is no socket

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass  # nothing waits here: the peer's reader is the buffer

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self.peer._protocol.pause_writing()

    def resume_reading(self) -> None:
        self.peer._protocol.resume_writing()

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        copy = bytes(data)
        self.peer._soon(lambda: self.peer._protocol.data_received(copy))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.peer._soon(self.peer._protocol.eof_received)

    def close(self) -> None:
        self.write_eof()
        self._end(None)

    def abort(self) -> None:
        self.peer._soon(lambda: self.peer._end(ConnectionResetError("Connection reset by peer")))
        self._end(None)

    def _soon(self, happen: Callable[[], object]) -> None:
        self._coming.append(happen)
        self._loop.call_soon(self._next)

    def _next(self) -> None:
        happen = self._coming.popleft()
        if not self._closing:
            happen()

    def _end(self, why: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self._protocol.connection_lost(why)
