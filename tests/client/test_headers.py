"""A client's own headers: they are checked, sent with every request, and never shown."""

from __future__ import annotations

import base64
import json
import logging
import pickle
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest

import streamwidget as sw
from streamwidget._client.config import Defaults, resolve, set_defaults
from streamwidget._core.secrets import NO_SECRETS, Secret, Secrets, mask
from streamwidget._view.wire.rows import WireRows
from streamwidget.demo import DemoServer
from tests.support.servers import CANARY, QUICK, RawServer, events_of, failure_of, response, sse
from tests.support.tracebacks import shown

#: Like a key, and neither this nor its beginning looks like the key of a provider.
HIDDEN = "gateway_7f3a91c2d4e5b608"
HEADERS = {"X-Api-Key": HIDDEN, "OpenAI-Organization": "org-of-the-class"}
DONE = b"data: [DONE]\n\n"
ANSWER = response(sse({"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}]}, DONE))


def sent(request: bytes) -> httpx.Headers:
    """The headers of a raw request."""
    lines = request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return httpx.Headers([(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)])


async def test_they_are_sent_with_each_request() -> None:
    """With a stream, a whole answer, a list of models and a retry. A client without a key sends them too."""
    models = response(b'{"data": [{"id": "m"}]}', kind="application/json")
    reply = b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}'
    whole = response(reply, kind="application/json")
    for key in (None, CANARY):
        answers = iter([response(b"{}", status="500 No"), ANSWER, whole, models])
        with RawServer(lambda connection, rest=answers: connection.sendall(next(rest))) as server:
            client = sw.ChatClient(server.url, key, headers=HEADERS, retry=QUICK)
            assert (await client.stream("x")).text == "hello"
            assert (await client.complete("x")).text == "hi"
            assert await client.models() == ["m"]
        assert len(server.requests) == 4
        for request in server.requests:
            headers = sent(request)
            assert {name: headers[name] for name in HEADERS} == HEADERS
            assert headers.get("authorization") == (key and f"Bearer {key}")


async def test_a_header_replaces_ours() -> None:
    """In any case of its name, and once. Then the key is not sent."""
    own = {"AUTHORIZATION": f"Basic {HIDDEN}", "user-agent": "my-notebook/1.0", "Accept": "text/event-stream"}
    with RawServer(ANSWER) as server:
        await sw.ChatClient(server.url, CANARY, headers=own).stream("x")
    headers = sent(server.requests[0])
    for name, value in own.items():
        assert headers.get_list(name) == [value]
    assert CANARY.encode() not in server.requests[0]


async def test_values_are_stripped_and_may_be_empty() -> None:
    """White space around a value is not a part of it (RFC 9110, 5.5). An empty value is a value."""
    with RawServer(ANSWER) as server:
        await sw.ChatClient(server.url, headers={"X-A": f" {HIDDEN}\n", "X-B": "", "X-C": "a\tb c"}).stream("x")
    headers = sent(server.requests[0])
    assert [headers["X-A"], headers["X-B"], headers["X-C"]] == [HIDDEN, "", "a\tb c"]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        *((bad, "headers is a mapping of names to values such as") for bad in ([("a", "b")], "X: y", {"X"}, 7)),
        *(
            ({name: HIDDEN}, "A name in headers contains a character that the name of a header cannot have")
            for name in ("", "X Key", "X:", f"X-Key: {HIDDEN}", "X\r\nY", "Ü", "X\0", "a/b", '"X"', b"X", 5, None)
        ),
        *(
            ({"X-Key": HIDDEN + bad + "z"}, "The value of the header X-Key contains a character")
            for bad in ("\r\nHost: evil", "\n", "\0", "\x1b[0m", "\x7f", "ü", "\u2028", "\ud800")
        ),
        *(({"X-Key": bad}, "The value of the header X-Key is a text (str), not a") for bad in (None, b"x", 5, True)),
        *(
            ({name: "x"}, f"The header {name} is set by streamwidget itself")
            for name in ("Host", "content-length", "Transfer-Encoding", "CONNECTION", "Upgrade", "TE", "Expect")
        ),
        ({"X-Key": "a", "x-key": "b"}, "headers has x-key twice"),
        ({CANARY: "X-Api-Key"}, "A name in headers looks like an API key"),
        ({"X-Key": "x" * 8001}, "has 8001 characters"),
    ],
)  # fmt: skip
def test_headers_that_cannot_be_sent_are_refused(headers: Any, words: str) -> None:
    """In a sentence that names the header and does not repeat its value. No frame has the value either."""
    refused = None
    try:
        sw.ChatClient("http://127.0.0.1:9/v1", headers=headers)
    except sw.ConfigurationError as exc:
        refused = exc
    assert refused is not None
    assert words in str(refused)
    assert str(refused).endswith("Nothing was sent.")
    del headers  # this frame belongs to the test
    assert HIDDEN not in shown(refused)
    assert CANARY not in shown(refused)


def test_headers_do_not_show_themselves() -> None:
    """They are not in the repr, str or pickle of a client, its settings and its request."""
    client = sw.ChatClient("https://host.example/v1", headers=MappingProxyType(HEADERS))
    stream = client.stream("x")
    request = stream._work.request
    stream.record()
    for value in (client, client._settings, client._secrets, stream, request, request.transport, stream.recording):
        assert HIDDEN not in f"{value!r} {value} {getattr(value, '__dict__', '')}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(client._secrets)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def chunks(*texts: str) -> list[dict[str, object]]:
    return [{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in texts]


HALVES = HIDDEN[:9], HIDDEN[9:]
ECHOES = {
    "text": chunks(f"it is {HIDDEN}."),
    "two deltas": chunks(*HALVES),
    "a letter each": chunks(*HIDDEN),
    "base64": chunks(b64(HIDDEN)),
    "base64 of a header, in pieces": chunks(*(b64(f"X: {HIDDEN}")[place : place + 3] for place in range(0, 36, 3))),
    "url": chunks("".join(f"%{byte:02X}" for byte in HIDDEN.encode())),
    "html, in pieces": chunks(*"".join(f"&#{byte};" for byte in HIDDEN.encode())),
    "upper case": chunks(HIDDEN.upper()),
    "name of the model": [{"model": HIDDEN, "id": HIDDEN, "choices": []}, *chunks("x")],
    "error in the stream": [*chunks("x"), {"error": {"message": f"{HIDDEN} is wrong", "code": HIDDEN}}],
    "both secrets": chunks(f"{HIDDEN}{CANARY}", CANARY[:9], CANARY[9:] + HALVES[0], HALVES[1]),
}


@pytest.mark.parametrize("name", ECHOES)
async def test_a_value_that_a_server_repeats_is_masked(name: str, tmp_path: Path) -> None:
    """In each spelling and over the borders of deltas: in the answer, its forms, the wire's rows and the recording."""
    with RawServer(response(sse(*ECHOES[name], DONE), f"x-request-id: {HIDDEN}", f"server: {HIDDEN}")) as server:
        stream = sw.ChatClient(server.url, CANARY, headers=HEADERS, retry=QUICK).stream("x")
        recording = stream.record(tmp_path / "a.jsonl")
        events: list[object] = []
        stream.subscribe(events.extend)
        failure = ""
        try:
            await stream
        except sw.StreamError as exc:
            failure = shown(exc)
    rows = WireRows(recording)
    rows.close()
    again = await events_of(sw.replay(recording, speed=1000))
    completion = stream.completion
    shapes = (failure, repr(completion), "".join(completion._repr_mimebundle_().values()), repr(events), repr(again))
    for text in (*shapes, json.dumps(rows.rows), (tmp_path / "a.jsonl").read_text(), repr(recording.records)):
        for telling in (HIDDEN[2:12], b64(HIDDEN)[4:14], CANARY[8:14]):
            assert telling.lower() not in text.lower()
    assert "X-Api-Key" in (tmp_path / "a.jsonl").read_text()  # its name, and "(left out)"


@pytest.mark.parametrize("fault", ["401-echo", "drop", "html", "redirect", "error"])
async def test_a_value_is_in_no_failure_and_no_log(
    server: DemoServer, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The demo server repeats the Authorization header in 401-echo. With everything at DEBUG no log has it."""
    for name in ("httpx", "httpcore", "streamwidget", None):
        caplog.set_level(logging.DEBUG, name)
    own = {"Authorization": f"Bearer {HIDDEN}", "X-Other": HIDDEN[::-1]}
    failure = await failure_of(sw.ChatClient(server.url, headers=own, retry=QUICK).stream("x", f"demo-{fault}"))
    for value in (HIDDEN, HIDDEN[::-1]):
        assert value not in shown(failure) + caplog.text


@pytest.mark.parametrize(
    ("headers", "text", "masked"),
    [
        ({"X-A": "true"}, "it is true", "it is true"),
        ({"X-A": "beta-features"}, "use beta-features", "use beta-features"),
        ({"X-A": "abc1234"}, "abc1234", "abc1234"),
        ({"X-A": "abc12345"}, "say abc12345!", "say [key]!"),
        ({"X-A": "correct-horse-battery"}, "correct-horse-battery", "[key]"),
        ({"Authorization": f"Token {HIDDEN}"}, f"no {HIDDEN}", "no [key]"),
        ({"Cookie": f"session={HIDDEN}; theme=dark"}, f"{HIDDEN} dark", "[key] dark"),
        ({"Authorization": f"Basic {b64('me:hunter2-hunter3')}"}, "pass hunter2-hunter3", "pass [key]"),
        ({"HTTP-Referer": "https://class.example.org/course"}, "see https://class.example.org/course", None),
        ({"X-Title": "The great course of streams"}, "The great course of streams", None),
        ({"anthropic-version": "2023-06-01"}, "since 2023-06-01", None),
    ],
)  # fmt: skip
def test_which_values_are_secrets(headers: dict[str, str], text: str, masked: str | None) -> None:
    """20 characters, or 8 with a digit. A server may repeat one word of a value. What describes a client is public."""
    secrets = Secrets(None, {name: Secret(value) for name, value in headers.items()})
    assert secrets.replace(text) == (text if masked is None else masked)
    assert mask(text, NO_SECRETS) == text


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({}, {"X-Course": "secret-1", "X-Two": "secret-2"}),
        ({"headers": {"x-course": "mine"}}, {"x-course": "mine", "X-Two": "secret-2"}),
        ({"base_url": "https://other.example/v1"}, {}),
        ({"provider": "ollama", "headers": {"X-Own": "own"}}, {"X-Own": "own"}),
    ],
)
def test_the_headers_of_the_defaults_go_to_their_address_only(arguments: Any, found: dict[str, str]) -> None:
    """As the key of the defaults: not to an address that is an argument."""
    set_defaults(Defaults(base_url="https://class.example/v1", headers_env={"X-Course": "ONE", "X-Two": "TWO"}))
    try:
        arguments = {"base_url": None, "api_key": None, "model": None, **arguments}
        settings = resolve(**arguments, environ={"ONE": "secret-1", "TWO": "secret-2"})
        assert {name: value.reveal() for name, value in settings.headers.items()} == found
    finally:
        set_defaults(Defaults())


def test_a_variable_of_the_defaults_that_is_not_set_is_named() -> None:
    """Nothing is sent without it."""
    set_defaults(Defaults(base_url="https://class.example/v1", headers_env={"X-Course": "ONE"}))
    try:
        with pytest.raises(sw.ConfigurationError, match=r"variable ONE is not set.*headers_env.*X-Course"):
            resolve(None, None, None, {})
        with pytest.raises(sw.ConfigurationError, match=r"ChatMagics\.headers_env: The value of the header X-Course"):
            resolve(None, None, None, {"ONE": "two\nlines"})
    finally:
        set_defaults(Defaults())


def test_headers_that_go_unencrypted_are_warned_of() -> None:
    """As for a key: once for each host, on this machine never, and not for `true`."""
    with pytest.warns(UserWarning, match="For headers.example the headers are sent unencrypted"):
        sw.ChatClient("http://headers.example/v1", headers=HEADERS)
    sw.ChatClient("http://127.0.0.1/v1", headers=HEADERS)  # a warning is an error in these tests
    sw.ChatClient("http://plain.example/v1", headers={"X-Flag": "true"})
