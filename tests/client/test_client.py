"""ChatClient: its arguments, its streams, and the demo server that it uses by default."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import streamwidget as sw
from streamwidget import ChatClient, ConfigurationError
from streamwidget.demo import DemoServer, shared_server
from tests.support.servers import CANARY, PACED, QUICK, RawServer, client_left, first_delta


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STREAMWIDGET_BASE_URL", "STREAMWIDGET_API_KEY", "STREAMWIDGET_MODEL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


async def test_with_nothing_configured_the_demo_server_answers() -> None:
    """No key, no address, no network. This process answers, the answer is marked, and no key is sent."""
    client = ChatClient()
    assert "demo server" in repr(client)
    completion = await client.stream("x", demo={"tokens": 3, "tokens_per_second": 0, "first_delta": 0})
    assert (completion.outcome, completion.demo) == ("complete", True)
    assert "authorization" not in shared_server().requests[-1].headers


async def test_an_answer_of_another_server_is_not_marked_as_a_demo() -> None:
    """Only the demo server's answers have the mark."""
    with RawServer(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ndata: [DONE]\n\n") as server:
        assert not (await ChatClient(server.url).stream("x")).demo


async def test_complete_gives_the_same_type_in_one_piece(server: DemoServer) -> None:
    """One request that is not streamed: the same text, and the same kind of result."""
    client = ChatClient(server.url)
    whole, streamed = await client.complete("x"), await client.stream("x")
    assert whole.text == streamed.text
    assert (whole.outcome, whole.finish_reason, whole.usage) == ("complete", "stop", streamed.usage)
    with pytest.raises(sw.HTTPStatusError):
        await client.complete("x", "demo-401")


async def test_a_whole_reply_can_be_stopped_too(server: DemoServer) -> None:
    """complete() awaits ``request(stream=False)``, and cancel() ends it."""
    server.reset()
    stream = ChatClient(server.url).request("x", None, {"demo": {"first_delta": 60}}, stream=False)
    stream.start()
    await asyncio.to_thread(server.wait_for_requests)
    stream.cancel()
    assert (await stream).outcome == "cancelled"
    assert await client_left(server)


async def test_the_call_wins_over_the_client_and_the_client_over_the_server(server: DemoServer) -> None:
    """The model comes from the argument, the client, STREAMWIDGET_MODEL, or the server, in this order."""
    assert (await ChatClient(server.url).complete("x")).model == "demo"
    assert (await ChatClient(server.url, model="demo-a").complete("x")).model == "demo-a"
    assert (await ChatClient(server.url, model="demo-a").complete("x", "demo-b")).model == "demo-b"


def test_openai_needs_a_model() -> None:
    """If the server cannot choose one, the error comes before anything is sent."""
    with pytest.raises(ConfigurationError, match="STREAMWIDGET_MODEL"):
        ChatClient(api_key=CANARY).stream("x")
    ChatClient(api_key=CANARY).stream("x", "some-model")


@pytest.mark.parametrize(
    ("prompt", "params"),
    [("", {}), (" \n", {}), ([], {}), ("x", {"stop": {1}}), ([{"role": "user", "content": b""}], {})],
)
def test_what_cannot_be_sent_is_refused_when_the_stream_is_made(prompt: Any, params: dict[str, Any]) -> None:
    """An empty prompt, or one that is not JSON, raises ConfigurationError before anything runs."""
    with pytest.raises(ConfigurationError):
        ChatClient("http://127.0.0.1:9/v1").stream(prompt, **params)


async def test_the_limits_and_the_policy_are_the_clients_own(server: DemoServer) -> None:
    """They are attributes, with the documented defaults."""
    client = ChatClient("https://api.example/v1")
    assert (client.timeout, client.retry) == (sw.Timeout(), sw.RetryPolicy())
    client = ChatClient(server.url, timeout=sw.Timeout(total=0.3), retry=QUICK)
    stream = client.stream("x", demo=PACED)
    await first_delta(stream)
    with pytest.raises(sw.StreamTimeout):
        await stream
