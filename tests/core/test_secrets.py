"""API keys: they are checked, and never shown."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import sys
import traceback
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import ApiKey, Secrets, mask
from streamwidget.demo import DemoServer
from tests.support.ports import closed_port
from tests.support.servers import CANARY, QUICK, RawServer, events_of, failure_of, response, sse
from tests.support.tracebacks import shown


def test_the_canary_would_be_seen() -> None:
    """The other tests would find a key: ``shown`` finds one in a frame's local variable."""

    def fail() -> None:
        secret = CANARY
        raise ValueError(len(secret))

    with pytest.raises(ValueError, match="30") as caught:
        fail()
    assert CANARY in shown(caught.value)


def test_a_key_does_not_show_itself() -> None:
    """The key is not in the repr, str, format or pickle of a key, its settings or its client."""
    key = ApiKey(f"  {CANARY}\n")
    assert key.reveal() == CANARY
    client = sw.ChatClient("https://host.example/v1", CANARY)
    stream = client.stream("x")
    request = stream._work.request
    for value in (key, client, stream, client._settings, stream._work, request, request.transport):
        assert CANARY not in f"{value!r} {value} {value!s}"
        for copier in (pickle.dumps, copy.deepcopy):
            try:
                assert CANARY not in repr(copier(value))
            except TypeError as refused:
                assert CANARY not in str(refused)  # noqa: PT017  (it may succeed, too)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(client)


@pytest.mark.parametrize("pasted", ["{}", " {}\n", '"{}"', "'{}' ", "Bearer {}", '"bearer {}"', " Bearer  {}"])
def test_a_pasted_key_is_the_key_alone(pasted: str) -> None:
    """Without the quotes of a file of variables, and without the word of a header."""
    assert ApiKey(pasted.format(CANARY)).reveal() == CANARY


@given(st.text(min_size=1))
@pytest.mark.fault("S3", "stripped, or refused without its value")
def test_any_text_is_a_sendable_key_or_refused_without_its_value(text: str) -> None:
    """Outer white space is removed. Text that a header cannot carry is rejected, and not repeated (S3)."""
    try:
        key = ApiKey(text).reveal()
    except ConfigurationError as refused:
        assert len(text.strip()) < 3 or text.strip() not in str(refused)  # noqa: PT017  (some texts are keys)
    else:
        assert key in text.strip()
        assert httpx.Headers({"Authorization": f"Bearer {key}"})["authorization"] == f"Bearer {key}"


@pytest.mark.parametrize("bad", ["\n", "\r\nx-evil: 1", "\0", " ", "ü", "\x7f", "\u2028"])
@pytest.mark.parametrize("way", ["argument", "environment"])
@pytest.mark.fault("S3", "no traceback shows it, wherever it came from")
def test_a_key_that_cannot_be_sent_is_seen_nowhere(bad: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error and all its frames are free of the key, wherever it came from (S3)."""
    argument = {"api_key": CANARY + bad + "end"} if way == "argument" else {}
    if way == "environment":
        if "\0" in bad:
            pytest.skip("no environment variable can hold it")
        monkeypatch.setenv("STREAMWIDGET_API_KEY", CANARY + bad + "end")
    failure = None
    try:
        sw.ChatClient(**argument)
    except ConfigurationError as refused:
        failure = refused
    assert failure is not None
    del argument  # this frame belongs to the test
    assert CANARY not in shown(failure)


def test_a_wrong_address_does_not_show_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the address is rejected, no frame of the traceback has the environment's keys."""
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with pytest.raises(ConfigurationError) as caught:
        sw.ChatClient("ftp://host")
    assert CANARY not in shown(caught.value)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"Incorrect API key provided: {CANARY}.", "Incorrect API key provided: [key]."),
        ("key sk-abc***********wxyz is wrong", "key [key] is wrong"),
        ("sk-proj-abcdefgh_12345", "[key]"),
        ("Bearer abcdefgh.ijkl", "[key]"),
        ("gsk_abcdefgh hf_abcdefgh AIzaSyabcdefgh xai-abcdefgh", "[key] [key] [key] [key]"),
        ("task-force, desk-lamp, ask-me-anything, sk-", "task-force, desk-lamp, ask-me-anything, sk-"),
        ("**bold** text, 2 ** 3", "**bold** text, 2 ** 3"),
    ],
)  # fmt: skip
def test_what_looks_like_a_key_is_masked(text: str, masked: str) -> None:
    """Any provider's key becomes [key], whole or half masked. Plain words stay."""
    assert mask(text) == masked


def test_the_key_itself_is_masked_whatever_it_looks_like() -> None:
    """The key in use is masked even if it has an unknown form."""
    assert mask("wrong: hunter2!", Secrets(ApiKey("hunter2"))) == "wrong: [key]!"


@pytest.mark.parametrize("key", [CANARY, "plain-word-key-of-our-own"])
@pytest.mark.parametrize("fault", ["401", "401-echo", "500", "drop", "cut", "error", "garble", "html", "redirect", ""])
@pytest.mark.fault("S5", "neither message, traceback nor completion shows it")
async def test_a_key_is_in_no_failure(server: DemoServer, fault: str, key: str) -> None:
    """Whatever fails, and even if the server repeats the key, it is not shown (S2, S5)."""
    client = sw.ChatClient(server.url, key, retry=QUICK)
    stream = client.stream("x", f"demo-{fault}" if fault else "nope")
    failure = await failure_of(stream)
    assert server.requests[-1].headers["authorization"].endswith(key[-4:])  # it was sent
    assert key not in shown(failure) + repr(stream.completion) + repr(stream) + repr(await events_of(stream))


ECHOES = {
    "in-stream": response(sse({"error": {"message": f"key {CANARY} expired", "code": CANARY, "type": CANARY}})),
    "broken json": response(sse(*[b"data: " + CANARY.encode() + b"\n\n"] * 3)),
    "whole reply": response(f'{{"oops": "{CANARY}"}}'.encode(), kind="application/json"),
    "page": response(f"<p>{CANARY}</p>".encode(), status="403 Forbidden", kind="text/html"),
    "redirect": response(b"", f"location: https://{CANARY}.example/x", status="302 Found"),
    "no http": f"NONSENSE {CANARY}\r\n\r\n".encode(),
    "coding": response(b"x", f"content-encoding: {CANARY}"),
}


@pytest.mark.parametrize("name", ECHOES)
async def test_a_key_that_comes_back_is_masked(name: str) -> None:
    """A server may repeat the key in any part of its response. It is not shown."""
    with RawServer(ECHOES[name]) as server:
        failure = await failure_of(sw.ChatClient(server.url, CANARY, retry=QUICK).stream("x"))
        assert CANARY.encode() in server.requests[0]
    assert CANARY not in shown(failure)


class Broken(httpx.AsyncBaseTransport):
    """Fails with an error that is not httpx's, in a frame that has the headers."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = request.headers.raw
        raise LookupError(len(headers))


@pytest.mark.parametrize("case", ["refused", "no name", "proxy", "bug"])
async def test_a_key_is_in_no_failure_to_connect(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The HTTP library's frames have the request's headers. Without a response they are not in the traceback."""
    url = f"http://127.0.0.1:{closed_port()}/v1"
    client: Any = None
    if case == "no name":
        url = "https://nowhere.invalid/v1"
    if case == "proxy":
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:{CANARY}@127.0.0.1:{closed_port()}")
        url = "https://nowhere.invalid/v1"
    if case == "bug":
        client = httpx.AsyncClient(transport=Broken())
    failure = await failure_of(sw.ChatClient(url, CANARY, retry=QUICK, http_client=client).stream("x"))
    assert CANARY not in shown(failure)


async def test_a_key_is_in_no_log(
    server: DemoServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """With everything at DEBUG, neither a good nor a failing request logs the key."""
    for name in ("httpx", "httpcore", "asyncio", "streamwidget", None):
        caplog.set_level(logging.DEBUG, name)
    asyncio.get_running_loop().set_debug(True)
    client = sw.ChatClient(server.url, CANARY, retry=QUICK)
    assert (await client.stream("x")).outcome == "complete"
    assert (await client.complete("x")).outcome == "complete"
    await failure_of(client.stream("x", "demo-401-echo"))
    await failure_of(client.stream("x", "demo-drop"))
    refused = sw.ChatClient(f"http://127.0.0.1:{closed_port()}/v1", CANARY, retry=QUICK)
    await failure_of(refused.stream("x"))
    captured = capfd.readouterr()
    assert "http" in caplog.text.lower()
    assert CANARY not in caplog.text + captured.out + captured.err
    assert all(CANARY not in repr(record.__dict__) for record in caplog.records)
    assert sys.exc_info() == (None, None, None)


@pytest.mark.parametrize("ask", [sw.ChatClient.stream, sw.ChatClient.complete])
@pytest.mark.parametrize("place", ["model", "api_key"])
def test_a_key_that_is_passed_with_a_question_is_seen_nowhere(ask: Any, place: str) -> None:
    """``client.stream("Hello", "sk-...")`` is refused, and no frame of ours holds the key."""
    client = sw.ChatClient("http://localhost:9/v1")

    def call() -> Any:
        asked = ask(client, "Hello", **{place: CANARY})
        return asyncio.run(asked) if ask is sw.ChatClient.complete else asked

    with pytest.raises(ConfigurationError, match="Nothing was sent") as caught:
        call()
    assert CANARY not in str(caught.value)
    for frame, _ in traceback.walk_tb(caught.value.__traceback__):
        if frame.f_code.co_filename == sw.ChatClient.stream.__code__.co_filename:
            assert CANARY not in repr(frame.f_locals)
