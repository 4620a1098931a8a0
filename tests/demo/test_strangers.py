"""The demo server answers this machine alone: no page of another site, no other user."""

from __future__ import annotations

import json
import socket
import urllib.request

import pytest

from streamwidget.demo import DemoServer
from tests.demo.wire import ask, raw_connection, read_all

HERE = socket.gethostname()
FOREIGN = [
    {"host": "evil.example"},
    {"host": "evil.example:80"},
    {"host": "localhost.evil.example"},
    {"host": "127.0.0.1.evil.example"},
    {"host": "127.0.0.1@evil.example"},
    {"host": "evil.example#localhost"},
    {"host": ""},
    {"host": "127.0.0.1 evil.example"},
    {"host": "fade.cafe"},
    {"host": "[::1"},
    {"host": "xn--localhost-.example"},
    {"host": "127.0.0.1.evil.example:80"},
    {"host": "127-0-0-1.evil.example"},
    {"host": "LOCALHOST.evil.example"},
    {"host": "evil.example."},
    {"host": "localhost.."},
    {"host": ".localhost"},
    {"host": "notlocalhost"},
    {"host": "localhost@evil.example"},
    {"host": "evil.example@localhost"},
    {"host": "localhost/evil.example"},
    {"host": "localhost?evil.example"},
    {"host": "evil.example\\@localhost"},
    {"host": "localhost:evil.example"},
    {"host": "localhost:80:80"},
    {"host": "localhost:-1"},
    {"host": "local%68ost"},
    {"host": "localhost, evil.example"},
    {"host": "localhost\r\nhost: evil.example"},
    {"host": "localhost\r\nhost: localhost"},
    {"host": "[::1]evil.example"},
    {"host": "[evil.example]"},
    {"host": "[::1]:evil.example"},
    {":authority": "evil.example", "host": "localhost"},
    {":authority": "localhost", "host": "evil.example"},
    {":authority": "localhost@evil.example", "host": "localhost"},
    {":authority": "", "host": "localhost"},
    {},  # HTTP/1.0 allows it, and no client of ours does it
    {"host": "localhost", "referer": "https://evil.example/"},
    {"host": "localhost", "origin": ""},
    {"host": "localhost", "ORIGIN": "https://evil.example"},
    {"host": "localhost", "sec-fetch-site": "none\r\nsec-fetch-site: cross-site"},
    {"host": "localhost", "sec-fetch-site": "same-origin"},
    {"host": "localhost", "origin": "https://evil.example"},
    {"host": "localhost", "origin": "null"},
    {"host": "localhost", "origin": "http://localhost:8888"},
    {"host": "localhost", "sec-fetch-site": "cross-site"},
    {"host": "localhost", "sec-fetch-site": "same-site"},
]  # fmt: skip


@pytest.mark.fault("S19", "403; nothing is answered, recorded or cleared")
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("target", ["completions", "requests", "reset", "models", "preflight"])
def test_a_page_gets_nothing(server: DemoServer, headers: dict[str, str], target: str) -> None:
    """A page that the person visits, also under a name that was made to lead here."""
    ask(server, "mine").read()
    control = server.control_url.partition("/demo/")[2]
    body = json.dumps({"model": "demo-forever", "stream": True, "messages": [{"role": "user", "content": "x"}]})
    method, path = {
        "completions": ("POST", "/v1/chat/completions"),
        "requests": ("GET", f"/demo/{control}/requests"),
        "reset": ("POST", f"/demo/{control}/reset"),
        "models": ("GET", "/v1/models"),
        "preflight": ("OPTIONS", "/v1/chat/completions"),
    }[target]
    named = f"http://{headers[':authority']}" if ":authority" in headers else ""
    version = "1.1" if headers else "1.0"
    fields = [f"{name}: {value}" for name, value in headers.items() if name != ":authority"]
    lines = [f"{method} {named}{path} HTTP/{version}", *fields]
    head = "\r\n".join([*lines, f"content-length: {len(body)}", "content-type: text/plain"])
    answer = read_all(raw_connection(server, f"{head}\r\n\r\n{body}".encode()))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"mine" not in answer
    assert b"access-control" not in answer.lower()
    assert len(server.requests) == 1


@pytest.mark.fault("S19", "the records need the secret address, which no record holds")
@pytest.mark.parametrize(
    "path", ["requests", "x/requests", "TOKEN/requests", "%2e/requests", "../demo/requests", "/requests"]
)
def test_another_user_cannot_read_the_prompts(server: DemoServer, path: str) -> None:
    """Everybody on the machine can connect, but only its owner knows the address of the records."""
    ask(server, "mine").read()
    answer = read_all(raw_connection(server, f"GET /demo/{path} HTTP/1.0\r\nhost: localhost\r\n\r\n".encode()))
    assert b"404 Not Found" in answer
    assert b"mine" not in answer
    urllib.request.urlopen(f"{server.control_url}/requests").close()
    assert server.control_url.rpartition("/")[2] not in repr(server.requests)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:1", "localhost.", "LocalHost.:80", "localhost:", "a.localhost", "A.b.LOCALHOST:8080"),
        *("127.0.0.1", "127.1", "127.0.0.1.", "0x7f.1", "2130706433", "[::1]:80", "[::ffff:127.0.0.1]", "10.0.0.7"),
        *("[fe80::1%eth0]:80", HERE, HERE.upper()),
    ],
)
def test_our_own_names_are_answered(server: DemoServer, host: str) -> None:
    """The names of this machine, and addresses of numbers, which no page can be named by."""
    answer = read_all(
        raw_connection(server, f"GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
    )
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_whole_address_is_answered(server: DemoServer) -> None:
    """A proxy sends one."""
    head = f"GET http://localhost:{server.port}/health?x=1 HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
    assert read_all(raw_connection(server, head.encode())).startswith(b"HTTP/1.1 200 ")
