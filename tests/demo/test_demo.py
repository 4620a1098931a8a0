"""The demo server: its answers, its faults on the wire, and its record of its clients."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import http.client
import io
import json
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget.demo import DemoServer, shared_server
from streamwidget.demo._answers import answer_pieces, split_pieces, topic_of
from streamwidget.demo._faults import FAULTS
from streamwidget.demo._records import MAX_RECORDS, RequestLog, RequestRecord
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


# ---- its answers


@given(st.text())
def test_joined_pieces_are_the_text(text: str) -> None:
    """The pieces joined are the text, in any script."""
    assert "".join(split_pieces(text)) == text


def test_answer_is_deterministic_and_sized_like_an_answer() -> None:
    """The same messages give the same pieces: 150 to 250 of them, with four to five characters each."""
    messages = [{"role": "user", "content": "Explain generators"}]
    first, second = list(answer_pieces(messages, "demo")), list(answer_pieces(messages, "demo"))
    assert first == second
    assert 150 <= len(first) <= 250
    assert 3.5 <= len("".join(first)) / len(first) <= 5.5


def test_answer_is_about_the_question_and_has_every_kind_of_block() -> None:
    """The answer has a heading with the topic, a list, code, a table and math, and mentions system and history."""
    messages = [
        {"role": "system", "content": "Be terse"},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": [{"type": "text", "text": "Explain generators"}]},
    ]
    text = "".join(answer_pieces(messages, "demo"))
    assert text.startswith("## Explain generators\n")
    for part in ("\n1. ", "```python\n", "|---|", "$r = n / t$", "system prompt", "Be terse", "1 earlier answer "):
        assert part in text


@pytest.mark.parametrize(
    "question", ["<script>alert(1)</script>", "# a](javascript:x) `b` $c$ |d|", "\u202eevil\x1b[31m"]
)
def test_topic_carries_no_markup(question: str) -> None:
    """The answer repeats no markup of the question: no Markdown, HTML or terminal codes."""
    assert not set(topic_of(question)) & set("<>[]`$|#()*_\u202e\x1b")


def test_prompt_words_shape_the_answer() -> None:
    """The words "count to N" count, "essay" is long, and ``tokens`` is the exact number."""

    def answer(question: str, tokens: int | None = None) -> list[str]:
        return list(answer_pieces([{"role": "user", "content": question}], "demo", tokens))

    assert "".join(answer("Please count slowly from 1 to 12!")).split() == [str(i) for i in range(1, 13)]
    assert len(answer("Write an essay on rain")) > 1_000
    assert len(answer("How long is the Elbe?")) < 300
    assert [len(answer("rain", tokens)) for tokens in (1, 50, 4_000)] == [1, 50, 4_000]


def test_stream_has_the_shape_of_openai(server: DemoServer) -> None:
    """The role, the content, the finish_reason, usage if it was asked for, and [DONE]."""
    response = ask(server, stream_options={"include_usage": True})
    assert response.status == 200
    assert response.headers["server"] == "streamwidget-demo"
    assert response.headers["x-request-id"]
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.read())
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert events[-1] == "[DONE]"
    assert reasons_of(events) == ["stop"]
    assert events[-2]["choices"] == []
    deltas = deltas_of(events)
    assert events[-2]["usage"]["completion_tokens"] == len(deltas) == server.requests[0].deltas_sent
    assert deltas == list(answer_pieces([{"role": "user", "content": "Explain streams"}], "demo"))
    assert not [event for event in events_of(ask(server).read()) if "usage" in event]


def test_whole_answer_is_the_streamed_text(server: DemoServer) -> None:
    """Without ``stream`` the same text comes as one chat.completion."""
    whole = json.loads(ask(server, stream=False).read())
    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["message"]["content"] == "".join(deltas_of(events_of(ask(server).read())))
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["total_tokens"] == sum(whole["usage"][f"{part}_tokens"] for part in ("prompt", "completion"))


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_token_limit_cuts(server: DemoServer, name: str) -> None:
    """A limit gives exactly that many deltas and finish_reason length. A large limit changes nothing."""
    events = events_of(ask(server, **{name: 7}).read())
    assert len(deltas_of(events)) == 7
    assert reasons_of(events) == ["length"]
    assert reasons_of(events_of(ask(server, **{name: 100_000}).read())) == ["stop"]


def test_demo_field_sets_text_pieces_and_length(server: DemoServer) -> None:
    """A test can set the answer's length, its text, or each delta, even a lone surrogate."""
    assert len(deltas_of(events_of(ask(server, model="demo-long").read()))) == 4_000
    assert "".join(deltas_of(events_of(ask(server, demo={"text": "naïve 👩‍👩‍👧 <b>"}).read()))) == "naïve 👩‍👩‍👧 <b>"
    pieces = ["a", "a", "\ud83d", "\ude00"]
    assert deltas_of(events_of(ask(server, demo={"pieces": pieces}).read())) == pieces


def test_pace_is_never_faster_than_asked(server: DemoServer) -> None:
    """Delta i is not sent before first_delta + i / rate. Each delta is one HTTP chunk."""
    demo = {"tokens": 40, "tokens_per_second": 400, "first_delta": 0.05}
    sock = raw_connection(server, raw_post(body_of(demo=demo)))
    data = read_until(sock, b"0\r\n\r\n")
    (record,) = server.requests
    assert record.over.wait(SOON)
    assert record.first_delta is not None
    assert record.ended is not None
    assert record.first_delta - record.received >= 0.05
    assert record.ended - record.received >= 0.05 + 39 / 400
    assert data.count(b"\r\ndata: ") == data.count(b"data: ") - data.count(b"\n\ndata: ") == 40 + 3


def test_jitter_delays_deltas_and_changes_none(server: DemoServer) -> None:
    """With jitter each delta is late by a random time. The times are the same in each answer, and the text stays."""
    demo = {"tokens": 40, "jitter": 0.2}
    jittered = ask(server, demo=demo).read()
    (record,) = server.requests
    assert record.over.wait(SOON)
    assert record.ended is not None
    chance = random.Random(0)
    assert record.ended - record.received >= max(chance.uniform(0, 0.2) for _ in range(40))
    assert deltas_of(events_of(jittered)) == deltas_of(events_of(ask(server, demo={"tokens": 40}).read()))


@pytest.mark.parametrize("size", [1, 7, 200])
@pytest.mark.parametrize("fault", ["", "gzip"])
def test_a_chunk_size_cuts_the_stream_elsewhere(server: DemoServer, size: int, fault: str) -> None:
    """Each HTTP chunk except the last has exactly the requested size, and the bytes are the same."""
    demo = {"tokens": 40, "chunk": size, "fault": fault}
    sock = raw_connection(server, raw_post(body_of(demo=demo)))
    data = read_until(sock, b"0\r\n\r\n").partition(b"\r\n\r\n")[2]
    chunks: list[bytes] = []
    while (length := int(data.partition(b"\r\n")[0], 16)) > 0:
        data = data.partition(b"\r\n")[2]
        chunks.append(data[:length])
        data = data[length + 2 :]
    assert {len(chunk) for chunk in chunks[:-1]} == {size}
    assert 0 < len(chunks[-1]) <= size
    body = b"".join(chunks)
    assert deltas_of(events_of(gzip.decompress(body) if fault else body)) == deltas_of(
        events_of(ask(server, demo={"tokens": 40}).read())
    )


def test_openai_sdk_can_use_it(server: DemoServer) -> None:
    """The openai package streams, completes and lists models."""
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=server.url, api_key=KEY, max_retries=0) as client:
        messages = [{"role": "user", "content": "Explain streams"}]
        chunks = list(client.chat.completions.create(model="demo", messages=messages, stream=True))
        whole = client.chat.completions.create(model="demo", messages=messages)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
        assert {"demo", "demo-long", "demo-stall"} <= {model.id for model in client.models.list()}
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model="gpt-4o", messages=messages)
        assert caught.value.code == "model_not_found"


# ---- HTTP


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


# ---- its record of the clients


def begin(server: DemoServer, **demo: Any) -> tuple[socket.socket, RequestRecord]:
    """Return a stream that has begun: its socket and its record."""
    sock = raw_connection(server, raw_post(body_of(demo=demo)))
    read_until(sock, b"HTTP/1.1 200")
    return sock, server.wait_for_requests(1)[-1]


CITY = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}}}
ADD = {"properties": {"first": {"type": "integer"}, "second": {"type": "integer"}}, "required": ["first", "second"]}
LONGEST = {"properties": {"rivers": {"type": "array", "items": {"type": "string"}}}, "required": ["rivers"]}
COLOUR = {"properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}
OFFERED = {"weather": CITY | {"required": ["city"]}, "add": ADD, "longest": LONGEST, "colour": COLOUR, "read_clock": {}}


@pytest.mark.parametrize(
    ("question", "calls"),
    [
        ("How warm is it in Bonn and in New York?", ['weather {"city": "Bonn"}', 'weather {"city": "New York"}']),
        ("The weather in `köln`, in Celsius?", ['weather {"city": "köln", "unit": "celsius"}']),
        ("Add 2 and -40, please.", ['add {"first": 2, "second": -40}']),
        ("Is it blue, or is it red?", ['colour {"colour": "blue"}', 'colour {"colour": "red"}']),
        ("Which is the longest of Elbe and Po?", ['longest {"rivers": ["Elbe", "Po"]}']),
        ("what does the clock say?", ["read_clock {}"]),
        ("who are you?", []),
        ("", []),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_tool_that_fits_is_called_and_its_result_is_the_answer(
    server: DemoServer, question: str, calls: list[str], stream: bool
) -> None:
    """The question fills the arguments. The results, once they are there, become the answer. Ids are never the same."""
    tools = [{"type": "function", "function": {"name": name, "parameters": one}} for name, one in OFFERED.items()]
    client = sw.ChatClient(server.url)
    asked: list[Any] = [{"role": "user", "content": question}]
    first = client.stream(asked, stream=stream, tools=tools).wait()
    assert [f"{call.name} {call.arguments}" for call in first.tool_calls] == calls
    assert bool(first.text) == (not calls)
    assert first.finish_reason == ("tool_calls" if calls else "stop")
    if not calls:
        return
    said = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in first.tool_calls
    ]
    asked.append({"role": "assistant", "content": None, "tool_calls": said})
    asked += [{"role": "tool", "tool_call_id": call["id"], "content": f"({place})"} for place, call in enumerate(said)]
    answer = client.stream(asked, stream=stream, tools=tools).wait()
    assert not answer.tool_calls
    assert all(f"({place})" in answer.text for place in range(len(said)))
    again = client.stream([*asked, {"role": "assistant", "content": answer.text}, asked[0]], tools=tools).wait()
    assert [call.arguments for call in again.tool_calls] == [call.arguments for call in first.tool_calls]
    assert not {call.id for call in again.tool_calls} & {call["id"] for call in said}


def test_no_tool_is_called_against_the_request(server: DemoServer) -> None:
    """A request that forbids it, brings a text of its own, or offers what is not a function, gets its answer."""
    client = sw.ChatClient(server.url)
    tools: list[Any] = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    for fields in (
        {"tools": tools, "tool_choice": "none"},
        {"tools": tools, "demo": {"text": "mine"}},
        {"tools": [{"type": "web_search"}, {"function": {"name": "x", "parameters": {"required": 7}}}]},
    ):
        answer = client.stream("The weather?", **fields).wait()
        assert (answer.outcome, answer.tool_calls) == ("complete", ())
        assert answer.text


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


# ---- the faults


def test_every_fault_is_listed_as_a_model(server: DemoServer) -> None:
    """Every fault is in the list of models."""
    connection = connect(server)
    connection.request("GET", "/v1/models")
    names = {model["id"] for model in json.loads(connection.getresponse().read())["data"]}
    assert names == {"demo", "demo-long"} | {f"demo-{name}" for name in FAULTS}


@pytest.mark.parametrize(("name", "status"), [("429", 429), ("401", 401), ("500", 500), ("503", 503), ("529", 529),
                                              ("502", 502), ("quota", 429), ("redirect", 307)])  # fmt: skip
@pytest.mark.parametrize("stream", [True, False])
def test_status_faults(server: DemoServer, name: str, status: int, stream: bool) -> None:
    """They answer with their status, streamed or not."""
    assert ask(server, model=f"demo-{name}", stream=stream).status == status


def test_429_says_how_long_to_wait_and_can_pass(server: DemoServer) -> None:
    """Retry-After is the requested value, even nonsense. After ``times`` failures for a key comes an answer."""
    assert ask(server, model="demo-429").headers["retry-after"] == "1"
    demo = {"fault": "429", "times": 2, "key": "a", "retry_after": "soon"}
    responses = [ask(server, demo=demo) for _ in range(3)]
    assert [response.status for response in responses] == [429, 429, 200]
    assert responses[0].headers["retry-after"] == "soon"
    assert ask(server, demo={**demo, "key": "b"}).status == 429


def test_401_shows_part_of_the_key_or_all_of_it(server: DemoServer) -> None:
    """The message shows part of the key, like OpenAI's. "401-echo" repeats the whole key, like some proxies."""
    message = json.loads(ask(server, model="demo-401").read())["error"]["message"]
    assert "sk-canar****" in message
    assert KEY not in message
    assert KEY in json.loads(ask(server, model="demo-401-echo").read())["error"]["message"]


def test_quota_is_told_by_its_code(server: DemoServer) -> None:
    """The word insufficient_quota distinguishes it from a rate limit."""
    assert json.loads(ask(server, model="demo-quota").read())["error"]["code"] == "insufficient_quota"


def test_redirect_goes_where_the_request_says(server: DemoServer) -> None:
    """The answer is 307 with the requested location."""
    response = ask(server, demo={"fault": "redirect", "location": "http://127.0.0.1:9/x"})
    assert response.headers["location"] == "http://127.0.0.1:9/x"


def test_usage_option_can_be_refused(server: DemoServer) -> None:
    """The answer is 400 with stream_options, and whole without."""
    refused = ask(server, model="demo-no-usage-option", stream_options={"include_usage": True})
    assert refused.status == 400
    assert "stream_options" in json.loads(refused.read())["error"]["message"]
    assert events_of(ask(server, model="demo-no-usage-option").read())[-1] == "[DONE]"


def test_html_and_json_come_instead_of_a_stream(server: DemoServer) -> None:
    """The answer is 200, but not an event stream."""
    assert ask(server, model="demo-html").headers["content-type"] == "text/html; charset=utf-8"
    response = ask(server, model="demo-json")
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.read())["object"] == "chat.completion"


def test_drop_resets_in_the_middle_of_a_chunk(server: DemoServer) -> None:
    """The deltas before the fault arrive, then the connection is reset."""
    sock = raw_connection(server, raw_post(body_of(demo={"fault": "drop", "after": 5})))
    record = server.wait_for_requests(1)[-1]
    assert record.over.wait(SOON)
    data = b""
    with pytest.raises(ConnectionResetError):
        while True:
            part = sock.recv(65536)
            assert part, "closed by FIN"
            data += part
    assert data.count(b'"content":') >= 1 + 5
    assert not data.endswith(b"\r\n")
    assert record.deltas_sent == 5
    assert record.client_left is None


def test_fin_closes_in_the_middle_of_a_chunk(server: DemoServer) -> None:
    """A FIN comes without the last chunk. http.client calls it an incomplete read."""
    with pytest.raises(http.client.IncompleteRead):
        ask(server, model="demo-fin").read()
    with pytest.raises(http.client.IncompleteRead):
        ask(server, model="demo-fin", stream=False).read()


def test_cut_ends_cleanly_without_an_ending(server: DemoServer) -> None:
    """For HTTP the response is whole, but finish_reason and [DONE] are missing."""
    events = events_of(ask(server, demo={"fault": "cut", "after": 9}).read())
    assert len(deltas_of(events)) == 9
    assert reasons_of(events) == []
    assert "[DONE]" not in events


def test_half_is_a_body_without_length_cut_in_an_event(server: DemoServer) -> None:
    """The body comes without chunks and without a length, and ends in half an event."""
    response = ask(server, model="demo-half")
    assert response.headers["transfer-encoding"] is response.headers["content-length"] is None
    assert b"\n" not in response.read()[-20:]


def test_error_comes_inside_the_stream(server: DemoServer) -> None:
    """After some deltas comes an error object, and then the end."""
    events = events_of(ask(server, model="demo-error").read())
    assert len(deltas_of(events)) == 12
    assert events[-1]["error"]["type"] == "server_error"


def test_garble_sends_broken_events_among_good_ones(server: DemoServer) -> None:
    """The requested number of broken events comes, and the rest of the answer is whole."""
    body = ask(server, demo={"fault": "garble", "count": 2}).read()
    broken = b'data: {"choices":[{"delta":{"content":"bro\n\n'
    assert body.count(broken) == 2
    assert "".join(deltas_of(events_of(body.replace(broken, b"")))).endswith("as they are.")


def test_ping_sends_comments_alone(server: DemoServer) -> None:
    """Bytes come again and again, but no delta."""
    sock, record = begin(server, fault="ping")
    read_until(sock, b": ping\n\n\r\n8\r\n: ping")
    assert record.deltas_sent == 0
    sock.close()


@pytest.mark.parametrize("name", ["length", "filter", "tools", "reasoning", "refusal"])
def test_streamed_and_whole_answers_agree(server: DemoServer, name: str) -> None:
    """Each special ending has the same content and finish_reason, streamed or not."""
    events = events_of(ask(server, model=f"demo-{name}").read())
    choice = json.loads(ask(server, model=f"demo-{name}", stream=False).read())["choices"][0]
    assert reasons_of(events) == [choice["finish_reason"]]
    expected = {"length": "length", "filter": "content_filter", "tools": "tool_calls"}.get(name, "stop")
    assert choice["finish_reason"] == expected
    for field in ("content", "reasoning_content", "refusal"):
        assert "".join(deltas_of(events, field)) == (choice["message"].get(field) or "")
    calls = [event["choices"][0]["delta"].get("tool_calls") for event in events[:-1]]
    arguments = "".join(call[0]["function"]["arguments"] for call in calls if call)
    assert bool(arguments) is (name == "tools")
    if arguments:
        assert choice["message"]["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": arguments}
        assert json.loads(arguments)["city"] == "Zürich"


def test_crlf_dribble_and_gzip_carry_the_same_events(server: DemoServer) -> None:
    """The line ends, segments or coding differ, and the text is the same."""
    plain = deltas_of(events_of(ask(server).read()))
    crlf = ask(server, demo={"fault": "crlf"}).read()
    assert crlf.count(b"\n") == crlf.count(b"\r\n") > 100
    packed = ask(server, demo={"fault": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    dribbled = ask(server, demo={"fault": "dribble"}).read()
    for body in (crlf, gzip.decompress(packed.read()), dribbled):
        assert deltas_of(events_of(body)) == plain


def test_gzip_cut_is_truncated(server: DemoServer) -> None:
    """The compressed stream is cut."""
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(server, model="demo-gzip-cut").read()
    with pytest.raises((EOFError, zlib.error)):
        gzip.GzipFile(fileobj=io.BytesIO(caught.value.partial)).read()


def test_bomb_unpacks_to_far_more_than_it_sends(server: DemoServer) -> None:
    """It grows more than a thousand times."""
    response = ask(server, model="demo-bomb")
    part = response.read(20_000)
    assert len(zlib.decompressobj(31).decompress(part)) > 500 * len(part)
    response.close()


def test_slow_sends_two_a_second_unless_told_otherwise(server: DemoServer) -> None:
    """The second delta does not come within half a second of the first."""
    events = events_of(ask(server, model="demo-slow", demo={"tokens": 2}).read())
    (record,) = server.requests
    assert record.over.wait(SOON)
    assert len(deltas_of(events)) == 2
    assert record.ended is not None
    assert record.first_delta is not None
    assert record.ended - record.first_delta >= 0.45


def test_big_event_is_one_event(server: DemoServer) -> None:
    """The delta has the requested size, and the answer goes on after it."""
    events = events_of(ask(server, demo={"fault": "big-event", "size": 300_000}).read())
    assert max(map(len, deltas_of(events))) == 300_000
    assert events[-1] == "[DONE]"


def test_endless_goes_on_after_the_answer(server: DemoServer) -> None:
    """More deltas come than the answer has."""
    sock, record = begin(server, fault="endless", tokens=5)
    received = b""
    while received.count(b"data: ") < 50:
        received += sock.recv(65536)
    sock.close()
    assert record.left.wait(SOON)


# ---- the server itself


def test_stop_closes_open_connections() -> None:
    """A stalled stream, an unread stream and an idle connection end with the server. A second stop does nothing."""
    server = DemoServer(first_delta=0, tokens_per_second=0).start()
    stalled, _ = begin(server, fault="stall")
    unread, _ = begin(server, fault="noline")
    idle = raw_connection(server, b"GET / HTTP/1.1\r\n\r\n")
    read_until(idle, b"\r\n\r\n{")
    port = server.port
    server.stop()
    server.stop()
    for sock in (stalled, unread, idle):
        with contextlib.suppress(ConnectionResetError):
            read_all(sock)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=SOON)


def test_a_connection_that_comes_as_the_server_stops_is_closed() -> None:
    """A connection that was accepted but not served yet is closed too. Otherwise its client would wait."""
    server = DemoServer().start()
    assert server._loop is not None and server._thread is not None and server._stopping is not None
    late: list[socket.socket] = []

    def stop_as_one_comes() -> None:  # the server's event loop accepts and stops in its next round
        late.append(raw_connection(server, b"GET / HTTP/1.1\r\n"))
        server._loop.call_soon(server._stopping.set)

    gc.disable()
    try:
        server._loop.call_soon_threadsafe(stop_as_one_comes)
        server._thread.join(10)
        with contextlib.suppress(ConnectionResetError):
            read_all(late[0])
    finally:
        gc.enable()


def test_a_port_in_use_is_told_by_start(server: DemoServer) -> None:
    """OSError is raised in the caller's thread, not in the server's."""
    with pytest.raises(OSError, match="in use"):
        DemoServer(server.port).start()


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_a_pace_that_cannot_be_is_refused(value: float) -> None:
    """It raises ValueError at once."""
    with pytest.raises(ValueError, match="tokens_per_second"):
        DemoServer(tokens_per_second=value)


def test_shared_server_is_one() -> None:
    """Everything in a process uses the same server, and it answers."""
    assert shared_server() is shared_server()
    with urllib.request.urlopen(f"{shared_server().url}/models") as response:
        assert response.headers["server"] == "streamwidget-demo"


async def test_many_streams_at_once(server: DemoServer) -> None:
    """Each of two hundred clients gets the whole answer."""

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(raw_post(body_of(demo={"tokens": 20, "tokens_per_second": 200})))
        data = await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.close()
        return data

    assert all(b"[DONE]" in data for data in await asyncio.gather(*(one() for _ in range(200))))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_command_line_serves_until_a_signal(how: signal.Signals) -> None:
    """It prints its address on one line, answers, and ends with status 0, even with an open stream."""
    command = [sys.executable, "-m", "streamwidget.demo", "--port", "0", "--first-delta", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        request = urllib.request.Request(f"{url}/chat/completions", body_of(model="demo-stall"))
        with urllib.request.urlopen(request, timeout=SOON) as response:
            assert response.readline().startswith(b"data: ")
            process.send_signal(how)
            assert process.wait(SOON) == 0
        assert process.stdout.read() == ""


def test_command_line_lists_the_faults() -> None:
    """Each line has the model name of a fault and its sentence."""
    listed = subprocess.run(
        [sys.executable, "-m", "streamwidget.demo", "--list"], capture_output=True, text=True, check=True
    )
    lines = dict(line.split(maxsplit=1) for line in listed.stdout.splitlines())
    assert set(lines) == {f"demo-{name}" for name in FAULTS}
