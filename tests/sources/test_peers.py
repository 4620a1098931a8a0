"""The official openai and anthropic clients as sources, and real LangChain chunks.

The server is ``aimock``, which we did not write. The demo server makes the ugly endings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import StrOutputParser

import streamwidget as sw
from streamwidget._sources import as_stream
from streamwidget.demo import DemoServer
from tests.support.aimock import KEY, SIMPLE, said, start_aimock
from tests.support.servers import failure_of, first_delta

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "Grüezi! 👋🏽 One, two, three.\n\n- first\n- **second** `{}`\n"
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "whole"}, "response": {"content": TEXT}, "chunkSize": 3},
    *SIMPLE,
    {"match": {"userMessage": "drop"}, "response": {"content": TEXT}, "chunkSize": 3, "latency": 5}
    | {"truncateAfterChunks": 12},
    {"match": {"userMessage": "endless"}, "response": {"content": TEXT * 200}, "chunkSize": 3, "latency": 20},
]
Ask = Callable[[str], Any]
CLAUDE = "claude-of-the-tests"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_aimock(FIXTURES, tmp_path_factory.mktemp("aimock")) as started:
        yield started


@pytest.fixture(scope="module")
def asks(address: str) -> dict[str, Ask]:
    """Return each way to ask. Coroutines are not awaited, and context managers are not entered."""
    settings: Any = {"api_key": KEY, "max_retries": 0}
    o, ao = (kind(base_url=f"{address}/v1", **settings) for kind in (openai.OpenAI, openai.AsyncOpenAI))
    a, aa = (kind(base_url=address, **settings) for kind in (anthropic.Anthropic, anthropic.AsyncAnthropic))
    usage = {"include_usage": True}
    return {
        "chat": lambda p: o.chat.completions.create(
            model="gpt-4o", messages=said(p), stream=True, stream_options=usage
        ),
        "async chat": lambda p: ao.chat.completions.create(model="gpt-4o", messages=said(p), stream=True),
        "chat.stream": lambda p: o.chat.completions.stream(model="gpt-4o", messages=said(p)),
        "async chat.stream": lambda p: ao.chat.completions.stream(model="gpt-4o", messages=said(p)),
        "responses": lambda p: o.responses.create(model="gpt-4o", input=said(p), stream=True),
        "async responses": lambda p: ao.responses.create(model="gpt-4o", input=said(p), stream=True),
        "responses.stream": lambda p: o.responses.stream(model="gpt-4o", input=said(p)),
        "async responses.stream": lambda p: ao.responses.stream(model="gpt-4o", input=said(p)),
        "messages": lambda p: a.messages.create(model=CLAUDE, max_tokens=9, messages=said(p), stream=True),
        "async messages": lambda p: aa.messages.create(model=CLAUDE, max_tokens=9, messages=said(p), stream=True),
        "messages.stream": lambda p: a.messages.stream(model=CLAUDE, max_tokens=9, messages=said(p)),
        "async messages.stream": lambda p: aa.messages.stream(model=CLAUDE, max_tokens=9, messages=said(p)),
    }


WAYS = [
    f"{kind}{way}"
    for way in ("chat", "chat.stream", "responses", "responses.stream", "messages", "messages.stream")
    for kind in ("", "async ")
]
all_ways = pytest.mark.parametrize("way", WAYS)


@all_ways
async def test_the_text_comes_whole(asks: dict[str, Ask], way: str) -> None:
    """It comes in many deltas. The server cuts an emoji in two. Model, id and the provider's last word are known."""
    completion = await as_stream(asks[way]("whole"))
    assert (completion.text, completion.outcome, completion.error) == (TEXT, "complete", None)
    assert completion.timing.deltas > 10
    assert completion.model in ("gpt-4o", CLAUDE)
    assert completion.request_id
    assert completion.finish_reason in ("stop", "completed", "end_turn")


@all_ways
async def test_thoughts_calls_and_limits_are_read(asks: dict[str, Ask], way: str) -> None:
    """Reasoning is not text, the pieces of a tool call are joined, and the token limit is named."""
    thought = await as_stream(asks[way]("think"))
    assert (thought.reasoning, thought.text) == ("Six times seven.", "42")
    (call,) = (await as_stream(asks[way]("weather"))).tool_calls
    assert (call.name, call.arguments) == ("look", '{"at":"Bern"}')
    assert call.id
    limited = await as_stream(asks[way]("limit"))
    assert (limited.outcome, limited.text) == ("length", "cut")


@all_ways
async def test_a_broken_connection_is_an_error_that_keeps_the_text(asks: dict[str, Ask], way: str) -> None:
    """The SDK's exception is the cause. Our message has its words and its root cause. Nothing is complete."""
    failure = await failure_of(as_stream(asks[way]("drop")))
    assert isinstance(failure, sw.SourceError)
    assert "peer closed connection" in failure.error.message
    assert type(failure.__cause__).__module__.partition(".")[0] in ("openai", "httpx", "httpx2")
    # The server cuts an emoji in two, so its first half may be the last text.
    text = failure.completion.text.rstrip("\ufffd")
    assert TEXT.startswith(text)
    assert len(text) < len(TEXT)


@all_ways
async def test_a_stop_keeps_the_text_and_closes_the_connection(asks: dict[str, Ask], way: str) -> None:
    """Every SDK has its own name for closing. Its response is closed before the stream is over."""
    source = asks[way]("endless")
    stream = as_stream(source)
    await first_delta(stream)
    stream.cancel()
    completion = await stream
    # The server cuts an emoji in two. If the stop comes between the halves, the first one is said to be unreadable.
    halved = completion.text.endswith("\ufffd")
    assert completion.outcome == "cancelled"
    assert [warning.code for warning in completion.warnings] == ["unreadable_characters"] * halved
    assert (TEXT * 200).startswith(completion.text.rstrip("\ufffd"))
    items = stream._work._items  # type: ignore[attr-defined]
    opened = getattr(items, "source", items)
    response = getattr(opened, "response", None) or opened._response
    assert response.is_closed


async def test_a_text_stream_is_text(asks: dict[str, Ask]) -> None:
    """anthropic's ``text_stream`` is an iterable of strings."""
    with asks["messages.stream"]("whole") as stream:
        completion = await as_stream(stream.text_stream)
    assert (completion.text, completion.outcome) == (TEXT, "complete")


async def test_a_finished_response_is_refused(address: str) -> None:
    """The most common mistake is a missing ``stream=True``. The error comes at once, or after the await."""
    client = openai.OpenAI(base_url=f"{address}/v1", api_key=KEY)
    with pytest.raises(sw.ConfigurationError, match="stream=True"):
        as_stream(client.chat.completions.create(model="gpt-4o", messages=said("whole")))
    with pytest.raises(sw.ConfigurationError, match="class OpenAI is not a stream"):
        as_stream(client)
    later = openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY)
    with pytest.raises(sw.ProtocolError, match="stream=True"):
        await as_stream(later.chat.completions.create(model="gpt-4o", messages=said("whole")))


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("model", "outcome"),
    [("demo-drop", "error"), ("demo-fin", "error"), ("demo-cut", "interrupted"), ("demo-error", "error")],
)
async def test_a_cut_answer_is_never_complete(server: DemoServer, model: str, outcome: str, asynchronous: bool) -> None:
    """Each broken ending has the outcome that the SDK lets us know, and keeps the text."""
    settings: Any = {"base_url": server.url, "api_key": "sk-demo-0123456789", "max_retries": 0}
    client: Any = openai.AsyncOpenAI(**settings) if asynchronous else openai.OpenAI(**settings)
    failure = await failure_of(
        as_stream(client.chat.completions.create(model=model, messages=said("rivers"), stream=True))
    )
    assert failure.outcome == outcome
    assert failure.completion.text
    assert failure.completion.demo


async def test_a_wrong_key_is_reported_and_not_repeated(server: DemoServer) -> None:
    """The SDK's message for a 401 comes without the key, in the error and in the saved answer."""
    key = "sk-wrong-canary-9876543210"
    client = openai.AsyncOpenAI(base_url=server.url, api_key=key, max_retries=0)
    asked = client.chat.completions.create(model="demo-401", messages=said("x"), stream=True)
    failure = await failure_of(as_stream(asked))
    assert "Incorrect API key" in failure.error.message
    assert (
        "canary" not in f"{failure} {failure.error!r} {failure.completion!r} {failure.completion._repr_mimebundle_()}"
    )


async def test_langchain_chunks_are_read() -> None:
    """Real message chunks: text, thoughts, a tool call in pieces, counts and the end."""
    call = {"type": "tool_call_chunk", "index": 0}
    chunks = [
        AIMessageChunk(content="", additional_kwargs={"reasoning_content": "Hm."}, id="run-1"),
        AIMessageChunk(content="Grü", usage_metadata={"input_tokens": 7, "output_tokens": 0, "total_tokens": 7}),
        AIMessageChunk(content=[{"type": "text", "text": "ezi", "index": 0}]),
        AIMessageChunk(content="", tool_call_chunks=[{**call, "id": "1", "name": "look", "args": "{"}]),
        AIMessageChunk(content="", tool_call_chunks=[{**call, "id": None, "name": None, "args": "}"}]),
        AIMessageChunk(
            content="",
            usage_metadata={"input_tokens": 0, "output_tokens": 5, "total_tokens": 5},
            response_metadata={"finish_reason": "stop", "model_name": "m"},
        ),
    ]
    completion = await as_stream(iter(chunks))
    assert (completion.text, completion.reasoning, completion.outcome) == ("Grüezi", "Hm.", "complete")
    assert completion.tool_calls == (sw.ToolCall("1", "look", "{}"),)
    assert (completion.usage, completion.model) == (sw.Usage(7, 5, 12), "m")


async def test_langchains_streams_are_sources() -> None:
    """A model's ``stream`` and ``astream`` are read to their end. So is a chain's, which is text."""
    reply = AIMessage("Grüezi mitenand", response_metadata={"finish_reason": "stop"})

    def model() -> GenericFakeChatModel:
        return GenericFakeChatModel(messages=iter([reply]))

    for source in (model().stream("x"), model().astream("x")):
        # This model sends no word for the end.
        assert (await failure_of(as_stream(source))).completion.text == "Grüezi mitenand"
    for chain in ((model() | StrOutputParser()).stream("x"), (model() | StrOutputParser()).astream("x")):
        completion = await as_stream(chain)
        assert (completion.text, completion.outcome) == ("Grüezi mitenand", "complete")
    with pytest.raises(sw.ConfigurationError, match="one whole thing"):
        as_stream(model().invoke("x"))
