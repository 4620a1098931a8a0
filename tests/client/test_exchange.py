"""One request and its response. Each ending has its outcome, and no text is lost."""

from __future__ import annotations

import io
import json
import re
import socket
import threading
import time
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._client import exchange
from streamwidget._core.completion import shown
from streamwidget._core.gaps import MARK
from streamwidget._notebook.terminal import TerminalView
from streamwidget._view.transcript import Transcript
from streamwidget.demo import DemoServer
from streamwidget.demo._faults import FAULTS
from tests.support.servers import CANARY, QUICK, RawServer, events_of, failure_of, first_delta, response, sse

STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
DONE = b"data: [DONE]\n\n"

#: Fault -> outcome, whether text came, and the exception. Faults that never end are in test_timeout.
ENDINGS: dict[str, tuple[str, bool, type[sw.StreamError] | None]] = {
    "401": ("http_error", False, sw.HTTPStatusError),
    "401-echo": ("http_error", False, sw.HTTPStatusError),
    "429": ("http_error", False, sw.HTTPStatusError),
    "quota": ("http_error", False, sw.HTTPStatusError),
    "500": ("http_error", False, sw.HTTPStatusError),
    "502": ("http_error", False, sw.HTTPStatusError),
    "503": ("http_error", False, sw.HTTPStatusError),
    "529": ("http_error", False, sw.HTTPStatusError),
    "redirect": ("http_error", False, sw.HTTPStatusError),
    "html": ("protocol_error", False, sw.ProtocolError),
    "garble": ("protocol_error", True, sw.ProtocolError),
    "noline": ("protocol_error", True, sw.ProtocolError),
    "error": ("error", True, sw.InStreamError),
    "drop": ("interrupted", True, sw.StreamInterrupted),
    "fin": ("interrupted", True, sw.StreamInterrupted),
    "cut": ("interrupted", True, sw.StreamInterrupted),
    "half": ("interrupted", True, sw.StreamInterrupted),
    "gzip-cut": ("interrupted", True, sw.StreamInterrupted),
    "bomb": ("interrupted", False, sw.StreamInterrupted),
    "json": ("complete", True, None),
    "no-usage-option": ("complete", True, None),
    "no-schema": ("complete", True, None),
    "wrong-value": ("complete", True, None),
    "dribble": ("complete", True, None),
    "big-event": ("complete", True, None),
    "crlf": ("complete", True, None),
    "gzip": ("complete", True, None),
    "reasoning": ("complete", True, None),
    "tools": ("complete", False, None),
    "refusal": ("complete", False, None),
    "length": ("length", True, None),
    "filter": ("filtered", True, None),
}
ENDLESS = {"silent", "headers", "stall", "ping", "endless", "slow"}


def test_every_fault_of_the_server_is_proved() -> None:
    """A new fault of the demo server is added here, or to the faults that a limit ends."""
    assert set(FAULTS) == set(ENDINGS) | ENDLESS


@pytest.mark.parametrize("fault", ENDINGS)
async def test_each_fault_has_its_outcome(server: DemoServer, fault: str) -> None:
    """The outcome, the exception or none, and all the text that the server sent before it."""
    outcome, has_text, failure_type = ENDINGS[fault]
    client = sw.ChatClient(server.url, retry=sw.RetryPolicy(attempts=1))
    demo: dict[str, Any] = {"tokens": 30}
    if fault == "drop":
        demo["tokens_per_second"] = 200  # an RST discards bytes that the client has not read yet
    stream = client.stream("x", f"demo-{fault}", demo=demo)
    if fault == "noline":
        object.__setattr__(stream._work.request, "max_event_size", 100_000)
    if failure_type is None:
        completion = await stream
        assert completion.error is None
    else:
        failure = await failure_of(stream)
        assert type(failure) is failure_type
        assert failure.completion.error is not None
        assert 0 < len(str(failure)) <= 400
        assert "\n" not in str(failure)
        completion = failure.completion
    assert completion.outcome == outcome
    assert bool(completion.text) is has_text
    assert completion == stream.completion
    assert completion.timing.total > 0
    if fault in ("error", "fin", "cut", "half", "gzip-cut", "length", "filter", "reasoning", "refusal"):
        assert completion.timing.deltas == server.requests[-1].deltas_sent > 0


async def test_a_failure_has_the_words_of_the_server(server: DemoServer) -> None:
    """The error has the status, the provider's code and message, and the request's id."""
    client = sw.ChatClient(server.url, CANARY, retry=QUICK)
    failure = await failure_of(client.stream("x", "demo-401"))
    assert (failure.error.status, failure.error.code) == (401, "invalid_api_key")
    assert "Incorrect API key" in str(failure)
    assert failure.completion.request_id == f"req_demo_{server.requests[0].number:06}"
    assert failure.completion.demo
    page = await failure_of(client.stream("x", "demo-502"))
    assert (page.error.status, str(page)) == (502, "nginx")
    missing = await failure_of(client.stream("x", "nope"))
    assert (missing.error.status, missing.error.code) == (404, "model_not_found")


@pytest.mark.fault("N29", "not followed; the host named, key and prompt not sent on")
async def test_a_redirect_is_not_followed() -> None:
    """Neither the key nor the prompt reaches another server. The error names the new address (N29)."""
    with RawServer(response(b"")) as other, DemoServer(first_delta=0) as server:
        client = sw.ChatClient(server.url, CANARY, retry=QUICK)
        location = f"http://localhost:{other.port}/v1/chat/completions"
        failure = await failure_of(client.stream("the prompt", "demo-redirect", demo={"location": location}))
        assert (failure.error.status, failure.error.kind) == (307, "redirect")
        assert "localhost" in str(failure)
        assert other.requests == []
        assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["/elsewhere", "", "http://[bad", "//host"])
async def test_a_redirect_to_nowhere_is_only_a_redirect(location: str) -> None:
    """The outcome is the same for any Location."""
    with RawServer(response(b"", f"location: {location}", status="302 Found")) as server:
        failure = await failure_of(sw.ChatClient(server.url, retry=QUICK).stream("x"))
    assert (failure.error.status, failure.error.kind) == (302, "redirect")


async def test_a_refusal_of_stream_options_is_survived(server: DemoServer) -> None:
    """One more request is sent without them. The answer is whole, and a warning says why usage is unknown."""
    stream = sw.ChatClient(server.url, retry=QUICK).stream("x", "demo-no-usage-option")
    events = await events_of(stream)
    assert [record.body.get("stream_options") for record in server.requests] == [{"include_usage": True}, None]
    assert [event.code for event in events if isinstance(event, sw.StreamWarning)] == ["stream_options_refused"]
    assert (stream.completion.outcome, stream.completion.usage) == ("complete", None)
    assert [warning.code for warning in stream.completion.warnings] == ["stream_options_refused"]


async def test_stream_options_of_the_caller_are_not_dropped(server: DemoServer) -> None:
    """If you asked for them, you get the server's error."""
    stream = sw.ChatClient(server.url, retry=QUICK).stream(
        "x", "demo-no-usage-option", stream_options={"include_usage": True}
    )
    failure = await failure_of(stream)
    assert failure.error.status == 400
    assert len(server.requests) == 1


@pytest.mark.fault("N24", "`complete`, warning not_streamed")
async def test_one_whole_reply_to_a_streaming_request_is_taken(server: DemoServer) -> None:
    """Its text is the answer. A warning says that it was not streamed (N24)."""
    completion = await sw.ChatClient(server.url).stream("x", "demo-json")
    whole = await sw.ChatClient(server.url).complete("x", "demo-json")
    assert completion.text == whole.text != ""
    assert [warning.code for warning in completion.warnings] == ["not_streamed"]
    assert not whole.warnings


@pytest.mark.parametrize(
    ("answer", "outcome", "text"),
    [
        (response(sse("a", "b", STOP)), "complete", "ab"),
        (response(sse("a", "b", DONE)), "complete", "ab"),
        (response(sse("a", DONE, "b")), "complete", "a"),
        (response(sse("a"), kind="text/plain"), "interrupted", "a"),
        (response(sse("a", STOP, DONE), kind=""), "complete", "a"),
        (response(b""), "interrupted", ""),
        (response(b"", status="204 No Content"), "http_error", ""),
        (response(b"{}", kind="application/json"), "protocol_error", ""),
        (response(b"[", kind="application/json"), "protocol_error", ""),
        (response(b"x" * 300_000, status="500 Oops"), "http_error", ""),
        (response(sse("a", {"error": {"message": "overloaded", "type": "server_error"}})), "error", "a"),
        (response(sse("a"), "content-length: 9999"), "interrupted", "a"),
        (b"", "http_error", ""),
        (b"HTTP/1.1 200 OK\r\n", "http_error", ""),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "http_error", ""),
    ],
)
async def test_a_response_of_any_kind_has_an_outcome(answer: bytes, outcome: str, text: str) -> None:
    """Whole, cut, empty or not HTTP: it gets a named outcome. A cut one is never ``complete``."""
    with RawServer(answer) as server:
        stream = sw.ChatClient(server.url, retry=sw.RetryPolicy(attempts=1)).stream("x")
        await events_of(stream)
    assert (stream.completion.outcome, stream.completion.text) == (outcome, text)


async def test_an_error_page_is_read_only_so_far() -> None:
    """An endless error body does not hold the stream up. Its beginning is enough."""
    with RawServer(lambda sock: endless(sock, response(b"", status="500 Oops", kind="text/plain"))) as server:
        failure = await failure_of(sw.ChatClient(server.url, retry=sw.RetryPolicy(attempts=1)).stream("x"))
    assert failure.error.status == 500
    assert len(str(failure)) <= 400


def endless(sock: Any, head: bytes) -> None:
    sock.sendall(head)
    while True:
        sock.sendall(b"y" * 65536)  # until the client leaves


async def test_the_request_has_all_that_it_needs(server: DemoServer) -> None:
    """Messages, model, parameters, a stream and usage, the key as a bearer token, and no compression."""
    client = sw.ChatClient(server.url, CANARY, "demo")
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "ü\ud800"}]
    await client.stream(messages, temperature=0.5, stream_options=None)
    await client.complete("x", "demo-x")
    streamed, whole = server.requests
    assert streamed.body == {
        "messages": [messages[0], {"role": "user", "content": "ü?"}],
        "model": "demo",
        "stream": True,
        "temperature": 0.5,
    }
    assert whole.body == {"messages": [{"role": "user", "content": "x"}], "model": "demo-x"}
    assert streamed.headers["authorization"] == f"Bearer ***{CANARY[-4:]}"
    assert streamed.headers["accept-encoding"] == "identity"


@pytest.mark.fault("N39", "in the terminal, the page, a replay and the request that goes on")
async def test_a_gap_goes_wherever_the_answer_goes() -> None:
    """A recording holds what came, so its replay has the same gap. Continue sends the mark, and keeps the place."""
    marked = f"5 mg,{MARK} more than twice"
    broken = b'data: {"choices": [{"index": 0, "delta": {"content": " NOT\n\n'
    body = sse("5 mg,", broken, " more than twice", {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
    out, page = io.StringIO(), Transcript()
    with RawServer(response(body + b"data: [DONE]\n\n")) as server:
        stream = sw.ChatClient(server.url, model="m").stream("How much?")
        recording = stream.record()
        stream.subscribe(TerminalView(lambda: stream.completion, out))
        stream.subscribe(lambda events: [page.add(event) for event in events])
        completion = await stream
        assert (completion.text, completion.gaps) == ("5 mg, more than twice", (sw.Gap("text", 5),))
        assert out.getvalue().startswith(f"{marked}\n")
        assert [message["text"] for message in page.flush(None)] == [marked]
        assert (await sw.replay(recording, speed=100)).gaps == completion.gaps
        further = await stream.again(go_on=True)
        assert json.loads(server.requests[-1].partition(b"\r\n\r\n")[2])["messages"][1]["content"] == marked
        assert further.gaps == (sw.Gap("text", 5), sw.Gap("text", len(completion.text) + 5))
        assert shown(further) == marked + marked


USED = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}
EACH = [{"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]} for text in ("One, ", "two, ", "three")]


@pytest.mark.parametrize(
    ("parts", "pings", "outcome", "text"),
    [
        (["Hi", STOP], False, "complete", "Hi"),
        (["Hi", STOP], True, "complete", "Hi"),
        (["Hi", STOP, USED], False, "complete", "Hi"),
        (EACH[:1], False, "complete", "One, "),
        (["Hi", {"choices": [{"delta": {}, "finish_reason": "length"}]}], False, "length", "Hi"),
        (EACH, False, "timeout", "One, two, three"),
        (["Hi"], False, "timeout", "Hi"),
    ],
    ids=["silent", "pings", "usage", "one piece", "length", "a reason in each piece", "no reason"],
)
@pytest.mark.fault("N40", "complete after a moment, with the warning no_done")
async def test_an_end_that_does_not_come_is_waited_for_only_a_moment(
    monkeypatch: pytest.MonkeyPatch, parts: list[Any], pings: bool, outcome: str, text: str
) -> None:
    """The server neither says that it is done nor closes. The moment is longer than the limits of silence here."""
    monkeypatch.setattr(exchange, "_GRACE", 0.6)
    left = threading.Event()

    def hold(connection: socket.socket) -> None:
        connection.sendall(response(b"").replace(b"connection: close\r\n", b""))
        for part in parts:
            connection.sendall(sse(part))
            time.sleep(0.05)
        while not left.wait(0.1):
            if pings:
                connection.sendall(b": ping\n\n")

    with RawServer(hold) as server:
        stream = sw.ChatClient(server.url, timeout=sw.Timeout(stall=0.4, progress=0.4)).stream("x")
        try:
            completion = await stream
        except sw.StreamError as failure:
            completion = failure.completion
        left.set()
    assert (completion.outcome, completion.text) == (outcome, text)
    assert [warning.code for warning in completion.warnings] == (["no_done"] if outcome != "timeout" else [])
    assert (completion.usage is not None) is (USED in parts)
    assert len(server.requests) == 1


async def test_a_cut_after_a_long_silence_says_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's read timeout ends the connection like the server would."""
    monkeypatch.setattr(exchange, "_SILENT", 0.2)

    def drop(connection: socket.socket) -> None:
        connection.sendall(response(sse("Hi")))
        time.sleep(1)

    with RawServer(drop) as server:
        failure = await failure_of(sw.ChatClient(server.url).stream("x"))
    assert re.search(r"ended before the answer did\. Nothing had come for [1-9]\d* s$", str(failure))


@pytest.mark.parametrize("kind", ["text", "reasoning", "refusal", "arguments", "calls"])
async def test_an_answer_has_a_greatest_length(kind: str) -> None:
    """An endless answer is cut, kept, and said to be cut by us. Its connection is closed."""
    delta: dict[str, object] = {
        "text": {"content": "word "},
        "reasoning": {"reasoning_content": "word "},
        "refusal": {"refusal": "word "},
        "arguments": {"tool_calls": [{"index": 0, "function": {"arguments": "word "}}]},
        "calls": {"tool_calls": [{"function": {"name": "f", "arguments": ""}}]},
    }[kind]  # type: ignore[assignment]

    def endless(connection: socket.socket) -> None:
        connection.sendall(response(b""))
        event = sse({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        while True:  # until the client leaves
            connection.sendall(event * 100)

    with RawServer(endless) as server:
        completion = await sw.ChatClient(server.url, max_text=20_000).stream("x")
    assert completion.outcome == "length"
    assert completion.finish_reason is None
    assert "max_text" in [warning.code for warning in completion.warnings]
    assert "longer than 20,000 characters" in completion._repr_mimebundle_()["text/plain"]
    length = len(completion.text + completion.reasoning + completion.refusal)
    assert kind in ("arguments", "calls") or 20_000 < length < 200_000


def test_a_greatest_length_is_at_least_one_character() -> None:
    """No answer could come otherwise."""
    with pytest.raises(sw.ConfigurationError, match="max_text must be a whole number"):
        sw.ChatClient(max_text=0)


@pytest.mark.parametrize(
    "last",
    [{"error": {"message": "Overloaded"}}, b"data: {bad\n\n" * 3, b""],
    ids=["an error", "events that are not JSON", "a cut"],
)
async def test_the_last_letter_is_kept_whatever_the_end(last: Any) -> None:
    """It waits for the next delta, because a key might begin there. No next delta comes."""
    with RawServer(response(sse("The end is nears", last))) as server:
        failure = await failure_of(sw.ChatClient(server.url, CANARY, "m").stream("x"))
    assert failure.completion.text == "The end is nears"


async def test_a_stop_keeps_the_last_letter(server: DemoServer) -> None:
    """It was held back as well."""
    stream = sw.ChatClient(server.url, CANARY).stream("x", "demo-stall", demo={"pieces": ["The end is nears"]})
    await first_delta(stream)
    stream.cancel()
    assert (await stream).text == "The end is nears"
