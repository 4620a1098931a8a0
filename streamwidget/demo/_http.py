"""HTTP/1.1 by hand: one connection, its requests, and the bytes of its responses.

The server must misbehave on purpose, and an HTTP library would not let it stop in the middle of a chunk. Two rules:

1. The server notices at once when a client leaves, even while it sends nothing (:class:`WatchedReader`).
2. Everything that a client sends has a limit. For example, a body over 32 MiB gets a 413.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import sys
import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from streamwidget.demo._json import RequestError, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_HEAD = 64 * 1024
MAX_BODY = 32 * 1024 * 1024
SERVER = "streamwidget-demo"

_LINGER = "hh" if sys.platform == "win32" else "ii"  # the C struct linger: on, seconds
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are in lower case, the body is bytes.

    ``hosts`` has the names under which the server was asked: the ``Host``, and the one of a whole address
    (``GET http://a.example/v1/models``).
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    hosts: tuple[str, ...]


class Meter(Protocol):
    """The fields of a request's record that a connection fills in."""

    status: int | None
    bytes_sent: int


class WatchedReader(asyncio.StreamReader):
    """A StreamReader that notices when the client leaves.

    A FIN or an RST sets the event ``gone`` and the monotonic time ``gone_at``.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=MAX_HEAD, loop=loop)
        self.gone = asyncio.Event()
        self.gone_at: float | None = None

    def _leave(self) -> None:
        if self.gone_at is None:
            self.gone_at = time.monotonic()
            self.gone.set()

    def feed_eof(self) -> None:
        self._leave()
        super().feed_eof()

    def set_exception(self, exc: Exception) -> None:
        self._leave()
        super().set_exception(exc)


class Connection:
    """One client connection: reads requests, writes responses, and breaks off as the faults ask.

    With ``dribble`` each byte is a TCP write of its own. ``meter`` is the record of the request being answered.
    """

    def __init__(self, reader: WatchedReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.number = number
        self.keep_alive = True
        self.dribble = False
        self.request_id = ""
        self.meter: Meter | None = None
        self._writer = writer
        self._head_only = False
        self._http_1_0 = False
        self._chunked = False
        # With this, drain() waits until the operating system has the last byte. An RST must not overtake the deltas.
        writer.transport.set_write_buffer_limits(high=0)

    async def read_request(self) -> Request | None:
        """Return the next request, or None if the client is done.

        After a broken request (RequestError) the connection cannot be used any more.
        """
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
        except asyncio.LimitOverrunError:
            raise RequestError(431, f"The request's head is larger than {MAX_HEAD} bytes.") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        line, *fields = head[:-4].split(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise RequestError(400, "The request line is not HTTP/1.1.")
        headers: dict[str, str] = {}
        for field in fields:
            match = _HEADER.fullmatch(field)
            if match is None:
                raise RequestError(400, "A header line is malformed.")
            name, value = match[1].decode("latin-1").lower(), match[2].decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self._head_only = words[0] == "HEAD"
        self._http_1_0 = words[2] == "HTTP/1.0"
        self.keep_alive = not self._http_1_0 and "close" not in headers.get("connection", "").lower()
        try:
            is_path = words[1].startswith("/")  # "//a.example" is one too
            target = urlsplit(f"http://_{words[1]}" if is_path else words[1])
            body = await self._read_body(headers)
        except ValueError:
            raise RequestError(400, "The target, a length or a chunk size is malformed.") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        named = (headers.get("host"), None if is_path else target.netloc)
        hosts = tuple(host for host in named if host is not None)
        return Request(words[0], target.path or "/", headers, body, hosts)

    async def _read_body(self, headers: Mapping[str, str]) -> bytes:
        coding, length = headers.get("transfer-encoding", "").lower(), headers.get("content-length")
        if not coding and length is None:
            return b""
        if coding and (coding != "chunked" or length is not None):
            raise RequestError(400, "A body has either a Content-Length or Transfer-Encoding: chunked.")
        if length is not None and not re.fullmatch(r"[0-9]{1,15}", length):
            raise ValueError(length)
        too_large = RequestError(413, f"The request's body is larger than {MAX_BODY} bytes.")
        if length is not None and int(length) > MAX_BODY:
            raise too_large
        if headers.get("expect", "").lower() == "100-continue":
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if length is not None:
            return await self.reader.readexactly(int(length))
        return await self._read_chunks(too_large)

    async def _read_chunks(self, too_large: RequestError) -> bytes:
        body = bytearray()
        try:
            while size := self._chunk_size(await self.reader.readuntil(b"\r\n")):
                if len(body) + size > MAX_BODY:
                    raise too_large
                body += await self.reader.readexactly(size)
                if await self.reader.readexactly(2) != b"\r\n":
                    raise ValueError("a chunk is longer than its size")
            for _ in range(100):  # trailers are read and ignored
                if await self.reader.readuntil(b"\r\n") == b"\r\n":
                    return bytes(body)
        except asyncio.LimitOverrunError:
            raise RequestError(400, "A chunk's size line or trailer is too long.") from None
        raise ValueError("trailers")

    @staticmethod
    def _chunk_size(line: bytes) -> int:
        digits = line.partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,12}", digits):
            raise ValueError("chunk size")
        return int(digits, 16)

    async def write(self, data: bytes) -> None:
        """Write ``data`` unchanged, and wait until the operating system has it."""
        for part in [data[i : i + 1] for i in range(len(data))] if self.dribble else [data]:
            self._writer.write(part)
            if self.meter is not None:
                self.meter.bytes_sent += len(part)
            if self.dribble:
                await asyncio.sleep(0)
        await self._writer.drain()

    def _head(self, status: int, headers: Mapping[str, str]) -> bytes:
        if self.meter is not None:
            self.meter.status = status
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = "Unknown"
        fields = {"server": SERVER, "date": formatdate(usegmt=True), "x-request-id": self.request_id, **headers}
        fields["connection"] = "keep-alive" if self.keep_alive else "close"
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"HTTP/1.1 {status} {phrase}\r\n{lines}\r\n".encode("latin-1", "replace")

    async def send(
        self,
        status: int,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        """Send a whole response. ``length`` is a Content-Length that differs from the body's."""
        fields = {"content-type": content_type, "content-length": str(len(body) if length is None else length)}
        await self.write(self._head(status, {**fields, **(headers or {})}) + (b"" if self._head_only else body))

    async def send_json(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        """Send ``value`` as a whole JSON response."""
        await self.send(status, to_json(value), "application/json", headers)

    async def start(self, headers: Mapping[str, str], *, chunked: bool = True) -> None:
        """Send the head of a 200 response of unknown length. It comes in chunks, or ends when the connection closes."""
        self._chunked = chunked and not self._http_1_0
        self.keep_alive = self.keep_alive and self._chunked
        await self.write(self._head(200, {**headers, **({"transfer-encoding": "chunked"} if self._chunked else {})}))

    def framed(self, data: bytes) -> bytes:
        """Return ``data`` as one HTTP chunk."""
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked and data else data

    async def end(self) -> None:
        """End the response that :meth:`start` began, cleanly."""
        if self._chunked:
            await self.write(b"0\r\n\r\n")

    async def read_out(self) -> None:
        """Send a FIN, then read and discard what the client still sends. Unread bytes would turn into an RST."""
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while await self.reader.read(MAX_HEAD):
                    pass

    def close(self) -> None:
        """Close the connection with a FIN, even in the middle of a response."""
        self.keep_alive = False
        self._writer.close()

    def reset(self) -> None:
        """Close the connection with an RST (linger 0), after all that was written: the system may hold its end back."""
        self.keep_alive = False
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 1, 0))
        self._writer.transport.abort()
