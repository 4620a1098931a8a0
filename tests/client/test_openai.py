"""OpenAI's own client against the demo server. The server speaks the protocol, and both clients read the same text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

import streamwidget as sw
from streamwidget.demo import DemoServer

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one loop for all tests, so that our client keeps its connection

GOOD = ("demo", "demo-long", "demo-crlf", "demo-gzip", "demo-dribble", "demo-length", "demo-filter", "demo-reasoning")
ASKED: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is Zürich's 🏔️ like?"}]


@pytest.fixture
def theirs(server: DemoServer) -> Iterator[Any]:
    """OpenAI's client, without retries."""
    with openai.OpenAI(base_url=server.url, api_key="sk-demo-0123456789", max_retries=0) as client:
        yield client


@pytest.fixture
def ours(server: DemoServer) -> sw.ChatClient:
    return sw.ChatClient(server.url, "sk-demo-0123456789", retry=sw.RetryPolicy(attempts=1))


@pytest.mark.parametrize("model", GOOD)
async def test_both_clients_read_the_same_stream(theirs: Any, ours: sw.ChatClient, model: str) -> None:
    """Text, finish_reason, usage and model of a streamed answer are equal."""
    chunks = list(
        theirs.chat.completions.create(model=model, messages=ASKED, stream=True, stream_options={"include_usage": True})
    )
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    completion = await ours.stream(ASKED, model)
    assert completion.text == "".join(choice.delta.content or "" for choice in choices)
    assert completion.text
    assert completion.finish_reason == choices[-1].finish_reason
    assert completion.usage is not None
    assert completion.usage.total_tokens == chunks[-1].usage.total_tokens
    assert completion.model == chunks[-1].model == model


@pytest.mark.parametrize("model", GOOD)
async def test_both_clients_read_the_same_whole_reply(theirs: Any, ours: sw.ChatClient, model: str) -> None:
    """Without streaming, both get the same text as with it."""
    reply = theirs.chat.completions.create(model=model, messages=ASKED)
    completion = await ours.complete(ASKED, model)
    assert completion.text == reply.choices[0].message.content
    assert completion.text == (await ours.stream(ASKED, model)).text
    assert completion.finish_reason == reply.choices[0].finish_reason
    assert completion.usage is not None
    assert completion.usage.completion_tokens == reply.usage.completion_tokens


async def test_both_clients_read_the_same_tool_call(theirs: Any, ours: sw.ChatClient) -> None:
    """Name, id and joined arguments of a tool call are equal, streamed and whole."""
    reply = theirs.chat.completions.create(model="demo-tools", messages=ASKED).choices[0].message.tool_calls[0]
    deltas = [
        call
        for chunk in theirs.chat.completions.create(model="demo-tools", messages=ASKED, stream=True)
        for choice in chunk.choices
        for call in choice.delta.tool_calls or ()
    ]
    for completion in (await ours.stream(ASKED, "demo-tools"), await ours.complete(ASKED, "demo-tools")):
        (call,) = completion.tool_calls
        assert call.arguments == "".join(delta.function.arguments for delta in deltas) == reply.function.arguments
        assert (call.id, call.name) == (reply.id, reply.function.name) == (deltas[0].id, deltas[0].function.name)


async def test_both_clients_read_the_same_refusal(theirs: Any, ours: sw.ChatClient) -> None:
    """A refusal is a refusal for both, and not text."""
    reply = theirs.chat.completions.create(model="demo-refusal", messages=ASKED).choices[0].message
    completion = await ours.stream(ASKED, "demo-refusal")
    assert (completion.refusal, completion.text) == (reply.refusal, reply.content or "")
    assert completion.refusal


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("model", "raised", "status"),
    [
        ("demo-401", "AuthenticationError", 401),
        ("no-such-model", "NotFoundError", 404),
        ("demo-429", "RateLimitError", 429),
        ("demo-quota", "RateLimitError", 429),
        ("demo-500", "InternalServerError", 500),
        ("demo-503", "InternalServerError", 503),
    ],
)
async def test_both_clients_report_the_same_refused_request(
    theirs: Any, ours: sw.ChatClient, model: str, raised: str, status: int, stream: bool
) -> None:
    """OpenAI's client raises its class for the status. Ours has the same status, code and message."""
    with pytest.raises(getattr(openai, raised)) as known:
        theirs.chat.completions.create(model=model, messages=ASKED, stream=stream)
    with pytest.raises(sw.HTTPStatusError) as told:
        await (ours.stream(ASKED, model) if stream else ours.complete(ASKED, model))
    error = told.value.error
    assert error.status == known.value.status_code == status
    assert error.code == known.value.code
    if status != 401:  # the server repeats a part of the key, and our client masks it
        assert error.message == known.value.body["message"]


async def test_both_clients_report_an_error_inside_a_stream(theirs: Any, ours: sw.ChatClient) -> None:
    """An error event ends both streams. Ours keeps the text that theirs had given."""
    text = ""
    with pytest.raises(openai.APIError) as known:
        for chunk in theirs.chat.completions.create(model="demo-error", messages=ASKED, stream=True):
            text += chunk.choices[0].delta.content or ""
    with pytest.raises(sw.InStreamError) as told:
        await ours.stream(ASKED, "demo-error")
    assert told.value.error.message == known.value.message
    assert told.value.completion.text == text != ""
    assert told.value.completion.outcome == "error"


async def test_their_client_lists_the_models(theirs: Any) -> None:
    """OpenAI's client can read ``/v1/models``. It has the names of the faults."""
    names = [model.id for model in theirs.models.list()]
    assert {"demo", "demo-long", "demo-drop", *GOOD} <= set(names)
