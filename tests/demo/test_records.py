"""The demo server's record of its requests and of the clients that leave."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from typing import Any

import pytest

import streamwidget as sw
from streamwidget.demo import DemoServer, shared_server
from streamwidget.demo._records import MAX_RECORDS, RequestLog, RequestRecord
from tests.demo.wire import KEY, ask, begin, body_of, raw_connection, raw_post
from tests.support.deadlines import SOON


@pytest.mark.parametrize(
    "demo",
    [
        {"fault": "stall"},
        {"fault": "stall", "after": 0},
        {"fault": "headers"},
        {"fault": "ping"},
        {"fault": "noline"},
        {"first_delta": 600},
        {"tokens_per_second": 5},
        {"tokens": 1_000_000},
    ],
    ids=str,
)
@pytest.mark.parametrize("how", ["close", "reset", "shutdown"])
def test_client_that_leaves_is_noticed(server: DemoServer, demo: dict[str, Any], how: str) -> None:
    """The server notices FIN and RST while it sends, while it waits, and while the client does not read."""
    sock, record = begin(server, **demo)
    assert record.client_left is None
    before = time.monotonic()
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    if how == "shutdown":
        sock.shutdown(socket.SHUT_RDWR)
    else:
        sock.close()
    assert record.left.wait(SOON)
    assert record.client_left is not None
    assert record.client_left >= before
    assert record.over.wait(SOON)
    sock.close()


def test_client_that_leaves_a_silent_server_is_noticed(server: DemoServer) -> None:
    """The server notices it even if it has sent no byte."""
    sock = raw_connection(server, raw_post(body_of(model="demo-silent")))
    record = server.wait_for_requests(1)[-1]
    sock.close()
    assert record.left.wait(SOON)
    assert (record.status, record.bytes_sent) == (None, 0)


def test_client_that_stays_has_not_left(server: DemoServer) -> None:
    """A client that closes after the last byte is not recorded as gone."""
    ask(server).read()
    (record,) = server.requests
    assert record.over.wait(SOON)
    assert record.client_left is None
    assert not record.left.is_set()
    assert record.bytes_sent > record.deltas_sent > 100


def test_records_show_the_request_but_not_the_key(server: DemoServer) -> None:
    """The record has method, path, headers and body, but only the end of the key. Over HTTP it has wall times too."""
    ask(server, "secret plans").read()
    (record,) = server.requests
    assert (record.method, record.path, record.status) == ("POST", "/v1/chat/completions", 200)
    assert record.body["messages"][0]["content"] == "secret plans"
    assert record.headers["authorization"] == "Bearer ***WXYZ"
    with urllib.request.urlopen(f"{server.control_url}/requests") as response:
        text = response.read().decode()
    assert KEY not in text + repr(record)
    (seen,) = json.loads(text)["requests"]
    assert seen["body"] == record.body
    assert seen["received"] == record.received
    assert seen["ended_wall"] - seen["received_wall"] == pytest.approx(seen["ended"] - seen["received"], abs=1e-3)
    assert seen["client_left"] is seen["client_left_wall"] is None
    urllib.request.urlopen(urllib.request.Request(f"{server.control_url}/reset", method="POST")).close()
    assert server.requests == []


def test_the_servers_of_a_notebook_keeps_no_prompts() -> None:
    """The server that answers without a configuration counts requests, and keeps their text nowhere."""
    client = sw.ChatClient(shared_server().url)
    assert client.stream("a secret plan", demo={"tokens_per_second": 0, "first_delta": 0}).wait().text
    assert "secret plan" not in repr(shared_server().requests)


def test_records_are_bounded() -> None:
    """The oldest records are dropped if there are too many, or if their bodies are too large."""
    log = RequestLog()
    for number in range(MAX_RECORDS + 5):
        log.add(RequestRecord(number, 1, "GET", "/", {}))
    assert [log.snapshot()[0].number, len(log.snapshot())] == [5, MAX_RECORDS]
    for number in range(3):
        log.add(RequestRecord(number, 1, "GET", "/", {}, body_bytes=30 * 1024 * 1024))
    assert [record.number for record in log.snapshot()] == [1, 2]


def test_wait_for_requests_has_a_bound(server: DemoServer) -> None:
    """It raises TimeoutError and does not wait forever."""
    with pytest.raises(TimeoutError):
        server.wait_for_requests(1, timeout=0.01)
