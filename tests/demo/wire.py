"""Requests to a demo server as bytes, without our own client, and the events of its answers."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from streamwidget.demo import DemoServer
from streamwidget.demo._records import RequestRecord
from tests.support.deadlines import SOON

KEY = "sk-canary-0123456789abcdefWXYZ"


def body_of(question: str = "Explain streams", model: str = "demo", stream: bool = True, **fields: Any) -> bytes:
    messages = [{"role": "user", "content": question}]
    return json.dumps({"model": model, "messages": messages, "stream": stream, **fields}).encode()


def connect(server: DemoServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=SOON)


def post(server: DemoServer, body: bytes) -> http.client.HTTPResponse:
    connection = connect(server)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", body, headers)
    return connection.getresponse()


def ask(server: DemoServer, *args: Any, **fields: Any) -> http.client.HTTPResponse:
    return post(server, body_of(*args, **fields))


def events_of(body: bytes) -> list[Any]:
    """Return the JSON of the events in order, and "[DONE]" as a string."""
    lines = [line[6:] for line in body.decode().splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def deltas_of(events: list[Any], field: str = "content") -> list[str]:
    choices = [event["choices"][0] for event in events if isinstance(event, dict) and event.get("choices")]
    return [choice["delta"][field] for choice in choices if choice["delta"].get(field)]


def reasons_of(events: list[Any]) -> list[str]:
    choices = [event["choices"][0] for event in events if isinstance(event, dict) and event.get("choices")]
    return [choice["finish_reason"] for choice in choices if choice["finish_reason"]]


def raw_connection(server: DemoServer, data: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=SOON)
    sock.sendall(data)
    return sock


def raw_post(body: bytes, version: str = "1.1") -> bytes:
    return b"POST /v1/chat/completions HTTP/%b\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (
        version.encode(),
        len(body),
        body,
    )


def read_all(sock: socket.socket) -> bytes:
    """Read everything until FIN. An RST raises ConnectionResetError, and the bytes are lost: count them first."""
    data = b""
    while part := sock.recv(65536):
        data += part
    return data


def read_until(sock: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        part = sock.recv(65536)
        assert part, f"closed before {mark!r}: {data[-200:]!r}"
        data += part
    return data


def begin(server: DemoServer, **demo: Any) -> tuple[socket.socket, RequestRecord]:
    """Return a stream that has begun: its socket and its record."""
    sock = raw_connection(server, raw_post(body_of(demo=demo)))
    read_until(sock, b"HTTP/1.1 200")
    return sock, server.wait_for_requests(1)[-1]
