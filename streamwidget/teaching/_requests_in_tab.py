"""The naive loops in a browser tab: `requests` reaches the tab's demo servers, where the browser can let Python wait.

Its own way out of a tab is a request of the page, which no demo server gets.
"""

from __future__ import annotations

import asyncio
import io
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from streamwidget.demo._memory import Listener, Reader, listener_at


def connect_requests() -> None:
    """Let `requests` reach the demo servers of this tab. Nothing happens without it, or without JSPI."""
    try:
        from pyodide.ffi import can_run_sync
        from requests.adapters import HTTPAdapter
    except ImportError:
        return
    elsewhere = HTTPAdapter.send

    def send(self: Any, request: Any, stream: bool = False, timeout: Any = None, *args: Any, **kwargs: Any) -> Any:
        listener = listener_at(urlsplit(request.url).port)
        if listener is None or not can_run_sync():
            return elsewhere(self, request, stream, timeout, *args, **kwargs)
        limit = timeout[1] if isinstance(timeout, tuple) else timeout
        response = self.build_response(request, _ask(listener, request, limit))
        if not stream:
            response.content  # noqa: B018  (reads it)
        return response

    if elsewhere.__module__ == HTTPAdapter.__module__:  # not connected yet
        HTTPAdapter.send = send  # type: ignore[method-assign]


def _ask(listener: Listener, request: Any, timeout: float | None) -> Any:
    from pyodide.ffi import run_sync
    from urllib3 import HTTPResponse as RawResponse

    url = urlsplit(request.url)
    reader, transport = run_sync(listener.open())
    head = [f"{request.method} {url.path} HTTP/1.1", f"Host: {url.netloc}"]
    head += [f"{name}: {value}" for name, value in request.headers.items()]
    transport.write("\r\n".join([*head, "\r\n"]).encode("latin-1") + (request.body or b""))
    answer = HTTPResponse(_Socket(reader, transport, timeout), method=request.method)  # type: ignore[arg-type]
    answer.begin()
    return RawResponse(
        body=answer,
        headers=dict(answer.headers),
        status=answer.status,
        reason=answer.reason,
        preload_content=False,
        original_response=answer,
    )


class _Socket(io.RawIOBase):
    """What http.client needs of a socket: a file to read. Each read waits for the server, within the limit."""

    def __init__(self, reader: Reader, transport: asyncio.Transport, timeout: float | None) -> None:
        self._reader, self._transport, self._timeout = reader, transport, timeout

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        from pyodide.ffi import run_sync

        read = run_sync(self._read(len(buffer)))
        if isinstance(read, OSError):
            raise read
        buffer[: len(read)] = read
        return len(read)

    async def _read(self, size: int) -> bytes | OSError:
        """Return an error, because one that is raised would come by way of JavaScript."""
        try:
            return await asyncio.wait_for(self._reader.read(size), self._timeout)
        except OSError as exc:  # TimeoutError is one
            return exc

    def close(self) -> None:
        self._transport.close()
        super().close()
