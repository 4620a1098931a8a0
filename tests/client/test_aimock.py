"""Our client against a server that we did not write: ``@copilotkit/aimock``. npm installed it into ``js/``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import streamwidget as sw
from tests.support.aimock import KEY, SIMPLE, start_aimock

# Pieces of three UTF-16 units. aimock cuts the emoji between its surrogates, as real servers do.
TEXT = "Grüezi! 👋🏽 One, two, three.\n\n- first\n- **second** `{}`\n\n```\n\ttab\n```\n"
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "whole"}, "response": {"content": TEXT}, "chunkSize": 3, "latency": 3},
    *SIMPLE,
    {"match": {"userMessage": "filter"}, "response": {"content": "cut", "finishReason": "content_filter"}},
    {"match": {"userMessage": "drop"}, "response": {"content": TEXT}, "chunkSize": 3, "latency": 20}
    | {"disconnectAfterMs": 200},
    {"match": {"userMessage": "endless"}, "response": {"content": TEXT * 200}, "chunkSize": 3, "latency": 20},
    {"match": {"userMessage": "busy", "sequenceIndex": 0}}
    | {"response": {"error": {"message": "Slow down.", "type": "rate_limit_error"}, "status": 429}},
    {"match": {"userMessage": "busy"}, "response": {"content": "at last"}},
    {"match": {"userMessage": "broken"}}
    | {"response": {"error": {"message": "It broke.", "type": "server_error"}, "status": 500}},
    {"match": {"userMessage": "malformed"}, "response": {"content": "x"}, "chaos": {"malformedRate": 1}},
    {"match": {"userMessage": "vanish"}, "response": {"content": "x"}, "chaos": {"disconnectRate": 1}},
]
ONCE = sw.RetryPolicy(attempts=1)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the base URL of an aimock that checks the key."""
    with start_aimock(FIXTURES, tmp_path_factory.mktemp("aimock")) as address:
        yield f"{address}/v1"


@pytest.fixture
def client(url: str) -> sw.ChatClient:
    return sw.ChatClient(url, KEY, "gpt-4o", retry=ONCE)


async def test_the_text_comes_whole_and_in_pieces(client: sw.ChatClient) -> None:
    """Many deltas join exactly to the text, with emoji cut in the middle. Usage, model and outcome are known."""
    deltas = [event.text async for event in client.stream("whole") if isinstance(event, sw.TextDelta)]
    completion = await client.stream("whole")
    assert len(deltas) > 20
    assert "".join(deltas) == completion.text == TEXT
    assert (completion.outcome, completion.finish_reason, completion.model) == ("complete", "stop", "gpt-4o")
    assert completion.usage is not None
    assert completion.usage.total_tokens
    assert completion.request_id
    assert not completion.demo
    assert not completion.warnings


async def test_one_whole_reply_is_the_same(client: sw.ChatClient) -> None:
    """``complete()`` returns the text that streams."""
    completion = await client.complete("whole")
    assert (completion.text, completion.outcome) == (TEXT, "complete")
    assert completion.usage is not None


async def test_reasoning_is_kept_apart(client: sw.ChatClient) -> None:
    """The model's reasoning is not part of the text, streamed or not."""
    for completion in (await client.stream("think"), await client.complete("think")):
        assert (completion.reasoning, completion.text) == ("Six times seven.", "42")


async def test_a_tool_call_is_put_together(client: sw.ChatClient) -> None:
    """Name and arguments are joined, streamed or not."""
    for completion in (await client.stream("weather"), await client.complete("weather")):
        (call,) = completion.tool_calls
        assert (call.name, json.loads(call.arguments)) == ("look", {"at": "Bern"})
        assert completion.finish_reason == "tool_calls"


@pytest.mark.parametrize(("prompt", "outcome"), [("limit", "length"), ("filter", "filtered")])
async def test_a_cut_answer_is_named(client: sw.ChatClient, prompt: str, outcome: str) -> None:
    """The finish_reason decides the outcome."""
    completion = await client.stream(prompt)
    assert (completion.text, completion.outcome) == ("cut", outcome)


async def test_a_dropped_connection_keeps_the_text(client: sw.ChatClient) -> None:
    """A connection that ends in the middle does not make a complete answer. The text is kept."""
    with pytest.raises(sw.StreamInterrupted) as told:
        await client.stream("drop")
    assert told.value.outcome == "interrupted"
    assert TEXT.startswith(told.value.completion.text)
    assert 0 < len(told.value.completion.text) < len(TEXT)


async def test_a_stop_keeps_the_text(client: sw.ChatClient) -> None:
    """Cancelled after some deltas, the stream ends at once with its text."""
    stream, came = client.stream("endless"), 0
    async for event in stream:
        came += isinstance(event, sw.TextDelta)
        if came == 5:
            stream.cancel()
    assert stream.completion.outcome == "cancelled"
    assert TEXT.startswith(stream.completion.text)
    assert stream.completion.text


async def test_a_429_is_retried_as_the_server_asks(url: str) -> None:
    """The second attempt comes after Retry-After and gets an answer. A Retry event announces it."""
    stream = sw.ChatClient(url, KEY, "gpt-4o", retry=sw.RetryPolicy(attempts=2)).stream("busy")
    retries = [event async for event in stream if isinstance(event, sw.Retry)]
    assert [(retry.attempt, retry.reason) for retry in retries] == [(2, "Slow down.")]
    assert retries[0].delay >= 1
    assert stream.completion.text == "at last"


@pytest.mark.parametrize(
    ("prompt", "status", "message"),
    [("broken", 500, "It broke."), ("nothing that is known", 404, "No fixture matched")],
)
async def test_a_refusal_has_the_servers_words(client: sw.ChatClient, prompt: str, status: int, message: str) -> None:
    """The error has the server's status and message, streamed or not."""
    for answer in (client.stream(prompt), client.complete(prompt)):
        with pytest.raises(sw.HTTPStatusError) as told:
            await answer
        assert (told.value.error.status, told.value.error.message) == (status, message)


async def test_a_wrong_key_is_refused_and_not_repeated(url: str) -> None:
    """401 with the server's words, without the key."""
    wrong = "sk-wrong-canary-9876543210"
    with pytest.raises(sw.HTTPStatusError) as told:
        await sw.ChatClient(url, wrong, "gpt-4o").stream("whole")
    assert told.value.error.status == 401
    assert wrong not in f"{told.value} {told.value.error!r} {told.value.completion!r}"


async def test_broken_json_is_a_protocol_error(client: sw.ChatClient) -> None:
    """The error says that the reply is not JSON."""
    with pytest.raises(sw.ProtocolError):
        await client.stream("malformed")


async def test_a_server_that_hangs_up_is_a_failure(client: sw.ChatClient) -> None:
    """A missing response is a failure. The request may be sent again."""
    with pytest.raises(sw.StreamError) as told:
        await client.stream("vanish")
    assert told.value.retryable
    assert told.value.completion.text == ""
