"""One contract for all dialects: the same answer gives the same completion, and a cut one is never complete."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._sources import as_stream
from tests.support.dialects import ARGUMENTS, CALL, CALL_ID, DIALECTS, Answer, objects
from tests.support.servers import failure_of

SHAPES: dict[str, Callable[[Any], Any]] = {"dicts": list, "objects": objects}
all_dialects = pytest.mark.parametrize("dialect", DIALECTS)
all_shapes = pytest.mark.parametrize("shape", SHAPES)
ANSWER = Answer()


async def later(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


@all_shapes
@all_dialects
@pytest.mark.parametrize("readable", ["async", "sync"])
async def test_the_same_answer_is_the_same_completion(dialect: str, shape: str, readable: str) -> None:
    """Text, reasoning, tool calls, usage, model, id and outcome are the same in every dialect."""
    items = SHAPES[shape](DIALECTS[dialect](ANSWER))
    completion = await as_stream(later(items) if readable == "async" else iter(items))
    assert completion.text == "".join(ANSWER.texts)
    assert completion.reasoning == "".join(ANSWER.thoughts)
    assert completion.tool_calls == (sw.ToolCall(CALL_ID, CALL, "".join(ARGUMENTS)),)
    usage = completion.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (7, 5, 12)
    assert (completion.model, completion.request_id) == ("some-model", "answer-1")
    assert (completion.outcome, completion.error, completion.warnings) == ("complete", None, ())
    assert completion.finish_reason
    assert not completion.demo


@all_dialects
@pytest.mark.parametrize(("end", "outcome"), [("length", "length"), ("filter", "filtered")])
async def test_a_limited_answer_is_named(dialect: str, end: str, outcome: str) -> None:
    """The provider's word for the end decides. Each dialect has its own word."""
    completion = await as_stream(DIALECTS[dialect](Answer(end=end)))
    assert (completion.outcome, completion.text) == (outcome, "".join(ANSWER.texts))


@all_shapes
@all_dialects
async def test_an_answer_that_is_cut_anywhere_is_never_complete(dialect: str, shape: str) -> None:
    """After any number of items, an answer without the provider's last word is ``interrupted``."""
    items = SHAPES[shape](DIALECTS[dialect](Answer(end=None)))
    for count in range(len(items) + 1):
        failure = await failure_of(as_stream(items[:count]))
        assert isinstance(failure, sw.StreamInterrupted)
        assert "".join(ANSWER.texts).startswith(failure.completion.text)


@all_dialects
async def test_what_the_source_raises_is_an_error_that_keeps_the_text(dialect: str) -> None:
    """A SourceError has the text so far, the cause, and no key in its message."""
    raised = ValueError("the key sk-canary-0123456789abcdef is wrong")

    def breaks() -> Iterator[Any]:
        yield from DIALECTS[dialect](Answer(end=None))
        raise raised

    failure = await failure_of(as_stream(breaks()))
    assert isinstance(failure, sw.SourceError)
    assert failure.outcome == "error"
    assert failure.__cause__ is raised
    assert failure.completion.text == "".join(ANSWER.texts)
    assert failure.error.message == "ValueError: the key [key] is wrong"


ERRORS: dict[str, Any] = {
    "chat": {"error": {"message": "sk-canary-0123456789abcdef broke", "code": "server_error"}, "choices": []},
    "responses": {"type": "error", "message": "sk-canary-0123456789abcdef broke", "code": "server_error"},
    "responses, failed": {
        "type": "response.failed",
        "response": {
            "status": "failed",
            "error": {"message": "sk-canary-0123456789abcdef broke", "code": "server_error"},
        },
    },
    "anthropic": {"type": "error", "error": {"message": "sk-canary-0123456789abcdef broke", "code": "server_error"}},
}


@all_shapes
@pytest.mark.parametrize("kind", ERRORS)
async def test_an_error_among_the_items_is_reported(kind: str, shape: str) -> None:
    """A server's error message ends the answer. It is masked, and the text is kept."""
    items = [*DIALECTS[kind.partition(",")[0]](Answer(end=None)), ERRORS[kind]]
    failure = await failure_of(as_stream(SHAPES[shape](items)))
    assert isinstance(failure, sw.InStreamError)
    assert (failure.error.message, failure.error.code) == ("[key] broke", "server_error")
    assert failure.completion.text == "".join(ANSWER.texts)


async def test_events_that_repeat_a_chunk_are_not_read() -> None:
    """Each of them has the whole answer so far. Reading them all would cost the square of the answer's length."""

    class Again:
        type = "content.delta"
        delta = "x"

        def model_dump(self, **_: Any) -> Any:
            raise AssertionError("it was read")

    items = [*DIALECTS["chat events"](ANSWER), Again()]
    assert (await as_stream(items)).text == "".join(ANSWER.texts)


async def test_refusals_are_kept_apart() -> None:
    """A refusal is not text, in each dialect that has a word for it."""
    chat = {"choices": [{"index": 0, "delta": {"refusal": "No."}, "finish_reason": "stop"}]}
    responses = [
        {"type": "response.refusal.delta", "delta": "No."},
        {"type": "response.completed", "response": {"status": "completed"}},
    ]
    parts = {"type": "AIMessageChunk", "content": [{"type": "refusal", "refusal": "No."}]}
    langchain = {**parts, "response_metadata": {"finish_reason": "stop"}}
    for items in ([chat], responses, [langchain]):
        completion = await as_stream(items)
        assert (completion.text, completion.refusal, completion.outcome) == ("", "No.", "complete")


async def test_strings_are_complete_when_they_end() -> None:
    """Strings from a list or a generator, sync or async, are joined. None between the strings is ignored."""
    texts = ["", "a", "a", None, "🏔"]
    for source in (texts, tuple(texts), iter(texts), (text for text in texts), later(texts)):
        completion = await as_stream(source)
        assert (completion.text, completion.outcome) == ("aa🏔", "complete")
        assert completion.timing.deltas == 3


async def test_a_source_without_an_item_is_no_answer() -> None:
    """Nothing shows that there was an answer, so it is not complete."""
    for source in ([], iter(()), later([]), [None]):
        assert (await failure_of(as_stream(source))).outcome == "interrupted"


async def test_an_item_of_unknown_shape_is_named_by_its_class() -> None:
    """A protocol error names the class and what to give instead, even in the middle of a text."""
    for items, name in (([{"a": 1}], "dict"), ([7], "int"), (["text", 7], "int")):
        failure = await failure_of(as_stream(items))
        assert isinstance(failure, sw.ProtocolError)
        assert name in failure.error.message


async def test_a_part_that_is_not_known_is_warned_of() -> None:
    """Other parts of a LangChain message than text and thoughts are left out, with a warning."""
    image = [{"type": "image_url", "image_url": "https://host.example/x.png"}, {"type": "text", "text": "x"}]
    item = {"type": "AIMessageChunk", "content": image, "response_metadata": {"done_reason": "stop"}}
    completion = await as_stream([item])
    assert completion.text == "x"
    assert [warning.code for warning in completion.warnings] == ["left_out"]


class Refused(Exception):
    """An SDK's exception that makes its message anew."""

    def __str__(self) -> str:
        return "Incorrect API key provided: sk-proj-abcdef0123456789."


@pytest.mark.parametrize("raised", [OSError("Incorrect API key provided: sk-proj-abcdef0123456789."), Refused()])
async def test_a_key_in_an_exception_of_a_source_is_not_printed_below_ours(raised: Exception) -> None:
    """Python prints causes too: ``OSError: Incorrect API key provided: [key].``"""

    def source() -> Iterator[str]:
        yield "The Elbe"
        raise raised

    with pytest.raises(sw.SourceError) as caught:
        await sw.show(source())
    printed = [line for line in traceback.format_exception(caught.value) if "test_sources.py" not in line]
    assert "sk-proj" not in "".join(printed)
