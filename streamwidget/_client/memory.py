"""Requests to the demo server of this process, in a browser tab. They take the same bytes as over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

from streamwidget._client.connection import Connection
from streamwidget._client.http import BodyError, HTTPRequest, Response, read_out
from streamwidget._client.inflate import inflated
from streamwidget._client.urls import host_of, join
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConnectionFailed
from streamwidget._core.secrets import Secrets
from streamwidget.demo._memory import Listener

_AT_ONCE = 64 * 1024  # bytes of one read


class MemoryTransport:
    """Sends requests to a server that listens in this process.

    Parameters
    ----------
    base_url : str
    secrets : Secrets
    listener : Listener
        The server's end of it.
    """

    is_ours = True

    def __init__(self, base_url: str, secrets: Secrets, listener: Listener) -> None:
        self.base_url = base_url
        self.secrets = secrets
        self._listener = listener

    @contextlib.asynccontextmanager
    async def open(self, request: HTTPRequest, *, connection: Connection) -> AsyncIterator[Response]:
        connection.go_by("", tunnel=False)
        reader, transport = await self._listener.open()
        connection.queued, connection.carried = False, True
        try:
            transport.write(_written(request, self.base_url, self.secrets))
            try:
                response = await _answer(reader)
            except (EOFError, ConnectionError, ValueError) as exc:
                host = host_of(self.base_url)
                info = ErrorInfo(f"{host} closed the connection before it answered: {exc}.", kind="connect")
                raise ConnectionFailed(info, retryable=True) from None
            yield response
        finally:
            transport.close()


def _written(request: HTTPRequest, base_url: str, secrets: Secrets) -> bytes:
    url = urlsplit(join(base_url, request.path))
    body = request.body or b""
    head = {"Host": url.netloc, **request.revealed(secrets), "Content-Length": str(len(body)), "Connection": "close"}
    target = url.path + (f"?{url.query}" if url.query else "")
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1", "replace") + body


async def _answer(reader: asyncio.StreamReader) -> MemoryResponse:
    line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")[:-4].split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    return MemoryResponse(int(line.split(" ")[1]), headers, reader)


class MemoryResponse:
    """A response of HTTP/1.1, whose body comes in chunks, with a length, or until the connection closes."""

    def __init__(self, status: int, headers: Mapping[str, str], reader: asyncio.StreamReader) -> None:
        self.status = status
        self.headers = headers
        self._reader = reader
        self._raw = self._body()

    def chunks(self) -> AsyncIterator[bytes]:
        return inflated(self._raw, self.headers.get("content-encoding", ""))

    async def drain(self) -> None:
        await read_out(self._raw, BodyError)

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            if self.headers.get("transfer-encoding") == "chunked":
                while size := await self._chunk_size():
                    async for piece in self._exactly(size):
                        yield piece
                    await self._reader.readexactly(2)
            elif (length := self.headers.get("content-length")) is not None:
                async for piece in self._exactly(int(length)):
                    yield piece
            else:
                while piece := await self._reader.read(_AT_ONCE):
                    yield piece
        except EOFError:
            raise BodyError("the server closed the connection in the middle of the response") from None
        except (ConnectionError, ValueError) as exc:
            raise BodyError(str(exc)) from None

    async def _chunk_size(self) -> int:
        line = await self._reader.readuntil(b"\r\n")
        if not re.fullmatch(rb"[0-9a-f]+\r\n", line):
            raise ValueError(f"{line[:20]!r} is not the size of a chunk")
        return int(line, 16)

    async def _exactly(self, size: int) -> AsyncIterator[bytes]:
        while size:
            piece = await self._reader.read(min(size, _AT_ONCE))
            if not piece:
                raise EOFError
            size -= len(piece)
            yield piece
