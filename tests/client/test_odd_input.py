"""Whatever a person passes, it ends in words for that person. "Please report it" is for our own faults."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import os
import string
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._client.config import resolve
from streamwidget.demo import DemoServer
from tests.support.servers import QUICK, RawServer, failure_of, first_delta, sse


class Silent:
    """It has no text at all."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


class Mute(Exception):
    """Its text raises."""

    def __str__(self) -> str:
        raise ValueError("no text")


class Stray(BaseException):
    """Not an Exception."""


def circle() -> dict[str, Any]:
    ring: dict[str, Any] = {}
    ring["ring"] = ring
    return ring


def tower(floors: int = 5000) -> list[Any]:
    built: list[Any] = []
    for _ in range(floors):
        built = [built]
    return built


ODD: list[Any] = [
    *(5, 1.5, float("nan"), float("inf"), True, 1 + 2j, 10**5000, b"bytes", bytearray(b"x"), object(), Silent()),
    *(
        {1},
        {"a": 1},
        ["a"],
        (1, 2),
        iter([1]),
        len,
        Mute,
        Path("x"),
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        decimal.Decimal(3),
    ),
    *(dt.timedelta(seconds=3), circle(), tower(), {(1, 2): 3}, {"a": {b"b": 1}}, range(3)),
]
odd = pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
ARGUMENTS = ["base_url", "api_key", "model", "provider", "timeout", "retry", "max_event_size"]


@odd
@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_argument_of_another_type_is_refused(name: str, value: Any) -> None:
    """When the client is made. The value is not repeated, because it may be a key."""
    if name == "max_event_size" and type(value) is int:
        assert sw.ChatClient("http://localhost/v1", max_event_size=value)
        return
    with pytest.raises(sw.ConfigurationError) as caught:
        sw.ChatClient(**{"base_url": "http://localhost/v1", name: value})
    assert str(caught.value).endswith(".")
    assert "bytes'" not in str(caught.value)


@odd
def test_a_limit_or_a_wait_of_another_type_is_refused(value: Any) -> None:
    """A number is one."""
    if type(value) in (int, float) and (0 < value <= 1e9 or value == float("inf")):
        return
    for make in (lambda: sw.Timeout(stall=value), lambda: sw.RetryPolicy(wait_max=value)):
        with pytest.raises(sw.ConfigurationError):
            make()
    with pytest.raises(sw.ConfigurationError):
        sw.RetryPolicy(attempts=value if type(value) is not int else -1)


@odd
@pytest.mark.parametrize("place", ["parameter", "model", "prompt", "message", "content", "images"])
async def test_a_request_of_odd_values_is_refused_or_sent(place: str, value: Any, server: DemoServer) -> None:
    """What JSON can hold is sent, because servers have parameters that we do not know."""
    client = sw.ChatClient(server.url, retry=QUICK)
    make: dict[str, Callable[[], Any]] = {
        "parameter": lambda: client.stream("x", odd=value),
        "model": lambda: client.stream("x", value),
        "prompt": lambda: client.stream(value),
        "message": lambda: client.stream([value]),
        "content": lambda: client.stream([{"role": "user", "content": value}]),
        "images": lambda: client.stream(sw.Message("user", "x", (value,))),
    }
    try:
        stream = make[place]()
    except sw.ConfigurationError:
        return
    assert place in ("parameter", "content")
    try:
        completion = await stream
    except sw.StreamError as failure:
        completion = failure.completion
    assert completion.outcome == "complete" or (completion.error and completion.error.status == 400)


async def test_a_request_nested_too_deeply_is_refused_alike_by_each_python(server: DemoServer) -> None:
    """Their own limits are between 990 levels and 65,000."""
    client = sw.ChatClient(server.url, retry=QUICK)
    assert (await client.stream("x", odd=tower(150))).outcome == "complete"
    for floors in (200, 900, 1200, 5000, 70_000):
        with pytest.raises(sw.ConfigurationError, match="nested more than 200 levels deep"):
            client.stream("x", odd=tower(floors))


def test_a_key_that_no_header_can_hold_is_refused() -> None:
    """The search for its spellings in an answer would take minutes."""
    with pytest.raises(sw.ConfigurationError, match="The API key has 100000 characters"):
        sw.ChatClient("http://localhost/v1", "k" * 100_000)


FAILURES: list[BaseException] = [
    *(Mute(), Stray("s"), ValueError("v"), OSError("o"), KeyError("k"), AssertionError(), RuntimeError("closed")),
    *(TypeError("t"), ExceptionGroup("g", [Mute()]), BaseExceptionGroup("b", [Stray()]), httpx.PoolTimeout("p")),
    *(httpx.StreamClosed(), httpx.DecodingError("d"), httpx.ReadError("r"), ConnectionResetError(), MemoryError()),
]


class OddTransport(httpx.AsyncBaseTransport):
    """Raises, or gives anything for a response."""

    def __init__(self, respond: Callable[[], Any]) -> None:
        self.respond = respond

    async def handle_async_request(self, request: httpx.Request) -> Any:
        return self.respond()


class OddBody(httpx.AsyncByteStream):
    """One event, and then a failure or a text."""

    def __init__(self, then: Any) -> None:
        self.then = then

    async def __aiter__(self) -> AsyncIterator[Any]:
        yield sse("Hi")
        if isinstance(self.then, BaseException):
            raise self.then
        yield self.then


def raising(failure: BaseException) -> Any:
    raise failure


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize("where", ["the request", "the body"])
async def test_a_transport_of_the_persons_may_raise_anything(where: str, failure: BaseException) -> None:
    """The stream fails, with the text so far. It is not told as stopped by the person."""

    def respond() -> Any:
        return raising(failure) if where == "the request" else httpx.Response(200, stream=OddBody(failure))

    async with httpx.AsyncClient(transport=OddTransport(respond)) as given:
        raised = await failure_of(sw.ChatClient("http://x.invalid/v1", http_client=given, retry=QUICK).stream("x"))
    assert str(raised).strip()
    assert "report it" not in str(raised)
    assert raised.completion.text == ("Hi" if where == "the body" else "")


@pytest.mark.parametrize("gives", [None, 5, "a text", b""], ids=str)
async def test_a_transport_of_the_persons_may_give_anything(gives: Any) -> None:
    """No response at all, or text for bytes."""
    for respond in (lambda: gives, lambda: httpx.Response(200, stream=OddBody(gives))):
        async with httpx.AsyncClient(transport=OddTransport(respond)) as given:
            stream = sw.ChatClient("http://x.invalid/v1", http_client=given, retry=QUICK).stream("x")
            assert "report it" not in str(await failure_of(stream))


@pytest.mark.parametrize("failure", [*FAILURES, asyncio.CancelledError()], ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_source_may_raise_anything(kind: str, failure: BaseException, capsys: Any) -> None:
    """``show()`` fails with the text so far."""

    def pieces() -> Iterator[str]:
        yield "Hi"
        raise failure

    async def pieces_later() -> AsyncIterator[str]:
        yield "Hi"
        raise failure

    with pytest.raises(sw.StreamError) as caught:
        await sw.show(pieces() if kind == "sync" else pieces_later())
    assert caught.value.completion.text == "Hi"
    assert caught.value.outcome == "error"
    assert "report it" not in capsys.readouterr().out + str(caught.value)


SETTINGS = ["BASE_URL", "API_KEY", "MODEL", "PROVIDER", "SYSTEM", "MAX_TOKENS"]
VARIABLES = [
    *(f"STREAMWIDGET_{name}" for name in SETTINGS),
    *("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_ORGANIZATION", "LITELLM_API_BASE", "LITELLM_API_KEY"),
    *("OLLAMA_HOST", "GROQ_API_KEY", "PYTHONWARNINGS", "SSL_CERT_FILE", "NO_PROXY"),
]
HOSTILE = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20) | st.text(
    string.punctuation + "htps:/ \n\t10", max_size=20
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(VARIABLES), HOSTILE, min_size=1, max_size=3), st.sampled_from([None, "litellm"]))
def test_any_environment_gives_a_client_or_words(variables: dict[str, str], provider: str | None) -> None:
    """The words name the variable, and no value that may be a key."""
    said = None
    with mock.patch.dict(os.environ, variables):
        try:
            resolve(None, None, None, provider=provider)
            sw.ChatClient(provider=provider, model="m").stream("x")
        except sw.ConfigurationError as exc:
            said = str(exc)
    if said is not None:
        assert any(name in said for name in [*variables, "LITELLM"])
        key = variables.get("OPENAI_API_KEY", "").strip()
        others = [value for name, value in variables.items() if name != "OPENAI_API_KEY"]
        assert len(key) < 8 or key not in said or any(key in value for value in others)


async def test_a_pool_that_is_too_small_is_named() -> None:
    """The second stream waits for the first one's connection, and says so."""

    def hold(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + sse("Hi"))
        connection.recv(1)

    with RawServer(hold) as server:
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1)) as given:
            client = sw.ChatClient(server.url, http_client=given, retry=sw.RetryPolicy(attempts=1))
            first = client.stream("x")
            await first_delta(first)
            client.timeout = sw.Timeout(headers=2)
            queued = client.stream("x")
            seen: list[Any] = []
            queued.subscribe(seen.extend)
            failure = await failure_of(queued)
            first.cancel()
    assert str(failure).startswith("The http_client had no free connection within 2 s. Raise max_connections")
    assert seen[0] == sw.Waiting("the http_client has no free connection (max_connections)")
