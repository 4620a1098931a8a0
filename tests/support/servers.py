"""For the tests of the core: a raw server, a canary key, the end of a stream. Not a test module."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, Self

import streamwidget as sw
from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON

#: It looks like a key and is set in every place for keys. Only its own request may hold it.
CANARY = "sk-canary-0123456789abcdefWXYZ"
#: A long text at a slow pace, so there is time to act in the middle.
PACED = {"tokens": 200, "tokens_per_second": 100}
#: No test waits for a retry longer than it must.
QUICK = sw.RetryPolicy(wait_initial=0.01)

Answer = bytes | Callable[[socket.socket], None]


class RawServer:
    """Reads each request whole, keeps its bytes in ``requests``, and answers with bytes or a function of the socket.

    With a TLS ``context`` it speaks https. ``connections`` counts all connections, also failed ones.
    """

    def __init__(self, answer: Answer, host: str = "127.0.0.1", *, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._context = context
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    @property
    def newest(self) -> bytes:
        """The newest request. Connections without one are left out. Empty: there was none yet."""
        return next((request for request in reversed(self.requests) if request), b"")

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        if self._context is not None:
            try:
                connection = self._context.wrap_socket(connection, server_side=True)
            except OSError:
                return  # the client did not trust it
        with connection:
            self.requests.append(_read_request(connection))
            try:
                if callable(self._answer):
                    self._answer(connection)
                else:
                    connection.sendall(self._answer)
            except OSError:
                pass  # the client left


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and not data.startswith(b"\x16"):  # 0x16: a TLS hello has no such end
        part = connection.recv(65536)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        part = connection.recv(65536)
        if not part:
            break
        data, body = data + part, body + part
    return data


def response(body: bytes, *headers: str, status: str = "200 OK", kind: str = "text/event-stream") -> bytes:
    """Return a whole HTTP response. Its end is the end of the connection."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def sse(*chunks: Any) -> bytes:
    """Return server-sent events: a str is a text delta, bytes stay as they are, and anything else becomes JSON."""
    body = b""
    for chunk in chunks:
        if isinstance(chunk, bytes):
            body += chunk
            continue
        value = {"choices": [{"index": 0, "delta": {"content": chunk}}]} if isinstance(chunk, str) else chunk
        body += b"data: " + json.dumps(value).encode() + b"\n\n"
    return body


async def failure_of(stream: sw.ChatStream) -> sw.StreamError:
    """Await a failing stream, and return its error."""
    try:
        completion = await stream
    except sw.StreamError as raised:
        failure = raised
    else:
        raise AssertionError(f"it did not fail: {completion}")
    assert failure.completion.outcome == failure.outcome
    assert failure.completion.error == failure.error
    return failure


async def events_of(stream: sw.ChatStream) -> list[sw.StreamEvent]:
    """Read a stream to its end and return its events. A failure is left out."""
    events: list[sw.StreamEvent] = []
    try:
        async for event in stream:
            events.append(event)  # noqa: PERF401  (what came before a failure counts too)
    except sw.StreamError:
        pass
    return events


async def first_delta(stream: sw.ChatStream) -> None:
    """Start a stream and wait until its first text is there, without counting as a reader afterwards."""
    there = asyncio.Event()
    remove = stream.subscribe(lambda events: there.set() if any(isinstance(e, sw.TextDelta) for e in events) else None)
    stream.start()
    async with asyncio.timeout(SOON):
        await there.wait()
    remove()


async def client_left(server: DemoServer) -> bool:
    """True once the server has seen the newest request's connection close, False if it does not."""
    return await asyncio.to_thread(server.requests[-1].left.wait, SOON)
