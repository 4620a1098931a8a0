"""API keys: they are checked, and never shown."""

from __future__ import annotations

import asyncio
import copy
import io
import logging
import pickle
import sys
from collections.abc import Mapping
from typing import Any

import httpx
import IPython.lib.pretty
import pytest
import rich
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.pretty import Pretty

import streamwidget as sw
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import ApiKey, Secrets, mask
from streamwidget.demo import DemoServer
from tests.support.ports import closed_port
from tests.support.servers import CANARY, QUICK, RawServer, events_of, failure_of, response, sse
from tests.support.tracebacks import shown, variables

try:
    from cloudpickle import dumps  # as Dask and joblib do, which bring it
except ImportError:
    from pickle import dumps


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


def inspect_in_rich(value: object) -> str:
    """Look at an object with rich, private attributes too."""
    console = Console(file=(file := io.StringIO()), width=1_000)
    rich.inspect(value, console=console, all=True)
    console.print(Pretty(value, expand_all=True))
    return file.getvalue()


def walk_variables(value: object, depth: int = 6) -> str:
    """All attributes, in a ``__dict__`` or in slots, and those of their values, as debuggers and Sentry show them."""
    if depth == 0:
        return repr(value)
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    parts = [*getattr(value, "__dict__", {}).values(), *(getattr(value, name, None) for name in slots)]
    if isinstance(value, Mapping | list | tuple):
        parts += [*value, *(value.values() if isinstance(value, Mapping) else ())]
    return "\n".join([repr(value), *(walk_variables(part, depth - 1) for part in parts if not isinstance(part, type))])


@pytest.mark.parametrize("look", [inspect_in_rich, IPython.lib.pretty.pretty, walk_variables, dumps])
def test_a_look_into_an_object_shows_no_key(look: Any, server: DemoServer) -> None:
    """Each kind of object that belongs to a request, before it and after it."""
    client = sw.ChatClient(server.url, CANARY, headers={"X-Api-Key": CANARY[::-1]})
    stream = client.stream("x", max_tokens=2)
    recording = stream.record()
    stream.wait()
    widget = sw.ChatWidget(client)
    for value in (
        client,
        stream,
        recording,
        stream._work,
        client._settings,
        client._secrets,
        widget,
        stream.completion,
    ):
        try:
            shown = str(look(value))
        except (TypeError, AttributeError, pickle.PicklingError) as refused:  # a client and a stream are not pickled
            shown = str(refused)
        assert CANARY not in shown
        assert CANARY[::-1] not in shown


@pytest.mark.parametrize(
    "pasted",
    [
        *("{}", " {}\n", '"{}"', "'{}' ", "Bearer {}", '"bearer {}"', " Bearer  {}", "“{}”", "`{}`", '"{}', "{}'\r\n"),
        *("Bearer Bearer {}", "Authorization: Bearer {}", "OPENAI_API_KEY={}", 'export GROQ_API_KEY="{}"'),
        *("set HF_TOKEN = {}", "$env:MISTRAL_API_KEY = '{}'", "\xa0{}\u2028"),
    ],
)
def test_a_pasted_key_is_the_key_alone(pasted: str) -> None:
    """Without the quotes of a file of variables, the words of a header, and the name of the variable."""
    assert ApiKey(pasted.format(CANARY)).reveal() == CANARY


@pytest.mark.parametrize("key", ["ollama", "A_KEY==", "a=b", "my-secret;", "$KEY", "Bearer", "QUJD_TOKEN="])
def test_nothing_of_a_key_is_taken_off(key: str) -> None:
    """It may be any word that somebody chose, and a text in base64 ends with ``=``."""
    assert ApiKey(key).reveal() == key


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


#: A question with a key in a common wrong place: as another API's SDK takes it, or one place too far.
WITH_A_KEY: dict[str, dict[str, Any]] = {
    **{
        name: {name: CANARY} for name in ("model", "api_key", "openai_api_key", "apikey", "x-api-key", "X-Goog-Api-Key")
    },
    **{name: {name: CANARY} for name in ("token", "access_token", "authorization", "Proxy-Authorization")},
    **{name: {name: CANARY} for name in ("user", "Cookie", "tools", "confirm", "retries", "as_", "max_steps")},
    **{
        f"{name} {header}": {name: {header: CANARY}}
        for name in ("headers", "extra_headers", "default_headers", "extra_body", "extra_query")
        for header in ("Authorization", "api-key")
    },
}


def ask(client: sw.ChatClient, **given: Any) -> object:
    """Ask a client."""
    return client.stream("Hello", **given)


def ask_for_all(client: sw.ChatClient, **given: Any) -> object:
    """Ask it for the whole answer."""
    return asyncio.run(client.complete("Hello", **given))


def ask_in_a_conversation(client: sw.ChatClient, **given: Any) -> object:
    """Ask it in a conversation."""
    return sw.Conversation().ask("Hello", client, **given)


def chat(client: sw.ChatClient, **given: Any) -> object:
    """Make a chat widget of it."""
    return sw.ChatWidget(client, **given)


def chat_of_params(client: sw.ChatClient, **given: Any) -> object:
    """Make a chat widget with these fields for its requests."""
    return sw.ChatWidget(client, params=given)


@pytest.mark.fault("S2", "a key in the place of another argument is refused, and no frame shows it")
@pytest.mark.parametrize("way", [ask, ask_for_all, ask_in_a_conversation, chat, chat_of_params])
@pytest.mark.parametrize("place", WITH_A_KEY)
def test_a_key_that_is_passed_with_a_question_is_seen_nowhere(way: Any, place: str) -> None:
    """``client.stream("Hello", "sk-...")`` is refused, and no frame of ours holds the key."""
    client = sw.ChatClient("http://localhost:9/v1")
    with pytest.raises((ConfigurationError, TypeError)) as caught:  # TypeError: ChatWidget has no such argument
        way(client, **WITH_A_KEY[place])
    assert CANARY not in variables(caught.value)


@pytest.mark.parametrize("place", ["headers", "extra_headers", "Cookie", "authorization"])
def test_headers_with_a_question_are_refused_in_words(place: str) -> None:
    """Users of an SDK pass them there. They get the right call to type."""
    client = sw.ChatClient("http://localhost:9/v1")
    with pytest.raises(ConfigurationError, match=r"argument of the client: ChatClient\(headers=.*Nothing was sent"):
        client.stream("Hello", **{place: {"X-Api-Key": CANARY}})


@pytest.mark.parametrize("make", [sw.Conversation, lambda key: sw.ChatWidget(sw.ChatClient(), system=key)])
def test_a_key_in_place_of_a_system_prompt_is_refused(make: Any) -> None:
    """It would be sent, and shown in the page."""
    with pytest.raises(ConfigurationError, match="The system prompt looks like an API key") as caught:
        make(CANARY)
    assert CANARY not in str(caught.value)
    assert sw.Conversation(f"Never say {CANARY}.").system


def test_fields_that_only_sound_like_keys_are_sent() -> None:
    """They are fields of real APIs."""
    fields = ("prompt_cache_key", "max_tokens", "stop_token_ids", "safety_identifier", "return_tokens_as_token_ids")
    for name in fields:
        sw.ChatClient("http://localhost:9/v1").stream("Hello", **{name: 1})
