"""The demo server's HTTP: one connection for many requests, and an error body for each wrong one."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from streamwidget.demo import DemoServer
from tests.demo.wire import ask, body_of, connect, post, raw_connection, raw_post, read_all


def test_connection_is_reused(server: DemoServer) -> None:
    """Many requests (streamed or not, GET and POST) use one connection, as the records show."""
    connection = connect(server)
    for stream in (True, False, True):
        connection.request("POST", "/v1/chat/completions", body_of(stream=stream))
        connection.getresponse().read()
    connection.request("GET", "/v1/models")
    assert connection.getresponse().read()
    connection.request("HEAD", "/health")
    assert connection.getresponse().read() == b""
    assert len({record.connection for record in server.requests}) == 1
    assert len(server.requests) == 4
    ask(server).read()
    assert server.requests[-1].connection != server.requests[0].connection


def test_chunked_request_body_is_read(server: DemoServer) -> None:
    """A request body may come in chunks."""
    connection = connect(server)
    body = body_of(stream=False)
    connection.request("POST", "/v1/chat/completions", iter([body[:9], body[9:]]), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})  # fmt: skip
    assert connection.getresponse().status == 200
    assert server.requests[0].body == json.loads(body)


def test_pipelined_requests_are_answered_in_order(server: DemoServer) -> None:
    """A second request in the buffer does not mean that the client left."""
    last = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    data = read_all(raw_connection(server, raw_post(body_of()) + last))
    assert data.index(b"[DONE]") < data.index(b'"object":"list"')


def test_http_1_0_gets_a_body_that_the_close_ends(server: DemoServer) -> None:
    """HTTP/1.0 does not have chunks."""
    data = read_all(raw_connection(server, raw_post(body_of(), "1.0")))
    assert b"transfer-encoding" not in data
    assert data.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n", 404),
        (b"GET /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n\r\n", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 999999999\r\n\r\n", 413),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 400),
        (raw_post(b"{not json"), 400),
        (raw_post(b"[1]"), 400),
        (raw_post(b"[" * 100_000), 400),
    ],
)
def test_bad_requests_get_an_error_body(server: DemoServer, request_bytes: bytes, status: int) -> None:
    """For every wrong request the answer is JSON in OpenAI's format and names the server."""
    response = http.client.HTTPResponse(raw_connection(server, request_bytes))
    response.begin()
    assert response.status == status
    assert response.headers["server"] == "streamwidget-demo"
    assert set(json.loads(response.read())["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"messages": ["hello"]},
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": [{"role": "assistant", "tool_calls": 5}]},
        {"tools": {"type": "function"}},
        {"temperature": 3},
        {"temperature": "hot"},
        {"max_tokens": 0},
        {"max_tokens": True},
        {"n": 2},
        {"stream": False, "stream_options": {"include_usage": True}},
        {"demo": {"fualt": "drop"}},
        {"demo": {"fault": "no such fault"}},
        {"demo": {"tokens": -1}},
        {"demo": {"pieces": [1]}},
        {"demo": {"jitter": "some"}},
        {"demo": {"chunk": 1.5}},
    ],
)
def test_invalid_fields_are_refused(server: DemoServer, fields: dict[str, Any]) -> None:
    """A wrong field is refused by name, and so is a misspelt demo option."""
    response = post(server, json.dumps({**json.loads(body_of()), **fields}).encode())
    assert response.status == 400
    assert json.loads(response.read())["error"]["param"]


def test_unknown_model_is_not_found_and_no_model_is_fine(server: DemoServer) -> None:
    """Only demo models exist. Without a name the model is "demo"."""
    response = ask(server, model="gpt-4o")
    assert response.status == 404
    assert json.loads(response.read())["error"]["code"] == "model_not_found"
    answered = post(server, json.dumps({"messages": [{"role": "user", "content": "Hi"}]}).encode())
    assert json.loads(answered.read())["model"] == "demo"
