"""A network within this process, for a browser tab: Python there can open no socket and start no thread.

Servers and clients write the same bytes as over a socket. With :func:`give_to` asyncio's own functions use it too, and
with them httpx.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import sys
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

MakeProtocol: TypeAlias = Callable[[], asyncio.BaseProtocol]
_FIRST_PORT = 49152  # of those that a system gives to whoever asks for any port
_FULL = 64 * 1024  # bytes on the way, from which on the writer waits


def in_tab() -> bool:
    """Return True in a browser tab."""
    return sys.platform == "emscripten"


class Listener:
    """A port of this process. It has what programs use of an ``asyncio.Server``.

    Parameters
    ----------
    port : int
        0 takes a free one.
    make_protocol : callable
        Makes the server's protocol of a new connection.

    Raises
    ------
    OSError
        If the port is in use.
    """

    def __init__(self, port: int, make_protocol: MakeProtocol) -> None:
        self.port = port or next(free for free in itertools.count(_FIRST_PORT) if free not in _listening)
        if self.port in _listening:
            raise OSError(f"Port {self.port} is in use in this tab.")
        self._make_protocol = make_protocol
        _listening[self.port] = self

    @property
    def sockets(self) -> tuple[_Socket, ...]:
        return (_Socket(self.port),)

    def connect(self, protocol: asyncio.BaseProtocol) -> asyncio.Transport:
        """Return the client's transport of a new connection."""
        loop = asyncio.get_running_loop()
        near, far = _End(loop, protocol, self.port), _End(loop, self._make_protocol(), self.port)
        near.peer, far.peer = far, near
        far.protocol.connection_made(far)
        near.protocol.connection_made(near)
        return near

    async def open(self) -> tuple[Reader, asyncio.Transport]:
        """Return the client's reader and transport of a new connection."""
        loop = asyncio.get_running_loop()
        reader = Reader(loop=loop)
        return reader, self.connect(asyncio.StreamReaderProtocol(reader, loop=loop))

    def close(self) -> None:
        """Give the port back. Open connections stay."""
        _listening.pop(self.port, None)

    async def wait_closed(self) -> None:
        pass


_listening: dict[int, Listener] = {}


def listener_at(port: int | None) -> Listener | None:
    """Return who listens on a port of this process. None: nobody."""
    return _listening.get(port or 0)


def give_to(loop: Any) -> None:
    """Let asyncio's ``create_server`` and ``create_connection`` work within this tab. Its loop has neither."""

    async def create_server(make: MakeProtocol, host: Any = None, port: int = 0, **_: Any) -> Listener:  # noqa: ARG001
        return Listener(port, make)

    async def create_connection(make: MakeProtocol, host: Any = None, port: int = 0, **_: Any) -> tuple[Any, Any]:
        listener = listener_at(port)
        if listener is None:
            raise ConnectionRefusedError(f"A browser tab opens no sockets, and nobody in it listens at {host}:{port}.")
        protocol = make()
        return listener.connect(protocol), protocol

    loop.create_server, loop.create_connection = create_server, create_connection


class Reader(asyncio.StreamReader):
    """Gives all that has come before it raises, as a socket does. asyncio's own would raise at once, and lose it."""

    _lost: Exception | None = None

    def set_exception(self, exc: Exception) -> None:
        self._lost = exc
        self.feed_eof()

    async def read(self, n: int = -1) -> bytes:
        if not (piece := await super().read(n)) and self._lost is not None:
            raise self._lost
        return piece

    async def readuntil(self, separator: Any = b"\n") -> bytes:
        try:
            return await super().readuntil(separator)
        except asyncio.IncompleteReadError:
            if self._lost is not None:
                raise self._lost from None
            raise


class _Socket:
    """What libraries ask of a socket that they get from asyncio."""

    family = socket.AF_INET

    def __init__(self, port: int) -> None:
        self._port = port

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    getpeername = getsockname

    def setsockopt(self, *_: object) -> None:
        pass

    def fileno(self) -> int:
        return -1  # as of a closed one


class _End(asyncio.Transport):
    """One end of a connection. What it writes, the peer reads one round of the loop later.

    The loop of a tab does not keep the order of its callbacks. So each end has a queue of what happens to it.
    """

    peer: _End

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any, port: int) -> None:
        super().__init__({"socket": _Socket(port)})
        self.protocol = protocol
        self._loop = loop
        self._coming: deque[tuple[int, Callable[[], object]]] = deque()  # with the size of each
        self._size = 0
        self._closing = self._reading_waits = self._peer_waits = False

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self.protocol
        return protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass  # a writer waits for the peer only

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading_waits = True

    def resume_reading(self) -> None:
        self._reading_waits = False
        self._loop.call_soon(self._go_on)

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if data and not self._closing:
            copy = bytes(data)
            self.peer._soon(len(copy), lambda: self.peer.protocol.data_received(copy))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._closing:
            self.peer._soon(0, self.peer._got_eof)

    def close(self) -> None:
        self.write_eof()
        self._end()

    def abort(self) -> None:
        if not self._closing:
            self.peer._soon(0, self.peer._reset)
            self._end()

    def _got_eof(self) -> None:
        if not self.protocol.eof_received():  # True: it may still write
            self.close()

    def _soon(self, size: int, happen: Callable[[], object]) -> None:
        self._coming.append((size, happen))
        self._size += size
        self._loop.call_soon(self._go_on)
        if self._size > _FULL and not self._peer_waits:
            self._peer_waits = True
            self.peer.protocol.pause_writing()

    def _go_on(self) -> None:
        while self._coming and not (self._reading_waits or self._closing):
            size, happen = self._coming.popleft()
            self._size -= size
            happen()
        if self._peer_waits and not self._size:
            self._peer_waits = False
            if not self.peer._closing:
                self.peer.protocol.resume_writing()

    def _reset(self) -> None:
        self._closing = True
        self.protocol.connection_lost(ConnectionResetError("Connection reset by peer"))

    def _end(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self.protocol.connection_lost, None)
