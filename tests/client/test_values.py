"""Answers as values: asked of the demo server, read while they stream, checked at the end, and asked for again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import anthropic
import openai
import pytest

import streamwidget as sw
from streamwidget._saved.answer import footer, mimebundle
from streamwidget.demo import DemoServer
from tests.support.servers import PACED, QUICK, RawServer, response, sse
from tests.support.types_of_answers import RECIPE, RECIPE_TEXT, RIVERS, Recipe, River, Step

STEPS = '[{"what": "mix", "minutes": 10}, {"what": 7}, {"what": "fry"}]'


@pytest.fixture(scope="module")
def client() -> Iterator[sw.ChatClient]:
    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        yield sw.ChatClient(server.url, retry=QUICK)


def ask(client: sw.ChatClient, wanted: Any, text: str, model: str | None = None, **more: Any) -> sw.ChatStream:
    demo = {"text": text, **more.pop("demo", {})}
    return client.stream("A recipe, please.", model, as_=wanted, demo=demo, **more)


async def test_a_whole_answer_has_a_value(client: sw.ChatClient) -> None:
    """Streamed and not streamed, in a conversation, and from a server that keeps to the schema."""
    conversation = sw.Conversation()
    demo = {"text": RECIPE_TEXT}
    for answer in (
        ask(client, Recipe, RECIPE_TEXT),
        client.complete("A recipe, please.", as_=Recipe, demo=demo),
        conversation.ask("A recipe, please.", client, as_=Recipe, demo=demo),
        conversation.ask("A recipe, please.", lambda messages: RECIPE_TEXT, as_=Recipe),
    ):
        completion = await answer
        assert (completion.value, completion.text, completion.warnings) == (RECIPE, RECIPE_TEXT, ())
    made = await client.stream("A recipe, please.", as_=list[Recipe])
    assert [type(recipe) for recipe in made.value] == [Recipe] * 3
    assert sw.Conversation.from_json(conversation.to_json()).turns[0].answer == conversation.turns[0].answer


@pytest.mark.parametrize(
    ("model", "more", "outcome", "code"),
    [
        ("demo", {"max_tokens": 4}, "length", None),
        ("demo", {"demo": {"text": '{"title": "Pancakes"}'}}, "complete", "invalid_value"),
        ("demo", {"demo": {"text": "I cannot cook."}}, "complete", "invalid_value"),
        ("demo-refusal", {}, "complete", "invalid_value"),
        ("demo-filter", {}, "filtered", None),
        ("demo-cut", {"demo": {"after": 8}}, "interrupted", None),
    ],
)
@pytest.mark.fault("T1", "there is no value and no exception: the text stays, and the reason is named")
@pytest.mark.fault("T2", "the outcome is that of the wire, the text is kept, and there is no value")
async def test_what_is_not_a_whole_value_has_none(
    client: sw.ChatClient, model: str, more: dict[str, Any], outcome: str, code: str | None
) -> None:
    """The outcome stays that of the wire, and the text is kept. A whole answer that is not valid names the reason."""
    stream = ask(client, Recipe, RECIPE_TEXT, model, **more)
    try:
        completion = await stream
    except sw.StreamError as failure:
        completion = failure.completion
    assert (completion.outcome, completion.value) == (outcome, None)
    assert [warning.code for warning in completion.warnings if warning.code == "invalid_value"] == [code] * bool(code)
    assert bool(completion.text) == (model != "demo-refusal")
    if code:
        detail = completion.warnings[-1].detail
        assert detail.startswith("not a valid Recipe: ")
        assert detail in footer(completion)


@pytest.mark.fault("T4", "each part is valid, and the last one is the whole value")
async def test_the_value_grows_to_the_whole(client: sw.ChatClient) -> None:
    """Each part that is given is valid, none is given twice, and the last one is the value."""
    stream = ask(client, Recipe, RECIPE_TEXT, demo={"tokens_per_second": 200})
    seen = [value async for value in stream.values()]
    assert all(isinstance(value, Recipe) for value in seen)
    assert all(value.title == "Pancakes" for value in seen)
    assert seen[-1] == stream.completion.value == RECIPE
    assert all(one != two for one, two in pairwise(seen))
    lists = ask(client, list[Step], STEPS.replace("7", '"fold"'))
    assert [len(value) async for value in lists.values()] == [1, 2, 3]
    assert await lists  # a reader that comes late gets all of it too
    assert [len(value) async for value in lists.values()] == [1, 2, 3]
    nothing = ask(client, list[Step], '{"value": []}')
    assert [value async for value in nothing.values()] == [nothing.completion.value] == [[]]


async def test_rows_come_one_by_one_and_each_is_valid(client: sw.ChatClient) -> None:
    """The second one is not, and the warning names it. A row is there before the stream ends."""
    stream = ask(client, list[Step], STEPS)
    assert [row.what async for row in stream.rows()] == ["mix", "fry"]
    assert stream.completion.value is None
    assert "1.what: Input should be a valid string" in stream.completion.warnings[-1].detail
    async for row in ask(
        client, RIVERS, '[{"km": 1}, {"km": 2}]', demo=PACED | {"text": '[{"km": 1}, ' + " " * 900}
    ).rows():
        assert row == {"km": 1}
        break  # the stream is stopped


@pytest.mark.parametrize("wanted", [None, Recipe])
async def test_rows_and_values_need_what_they_give(client: sw.ChatClient, wanted: Any) -> None:
    """A plain question has no values, and one object has no rows."""
    stream = client.stream("x", as_=wanted)
    with pytest.raises(sw.ConfigurationError, match=r"ask with as_=list"):
        stream.rows()
    if wanted is None:
        with pytest.raises(sw.ConfigurationError, match="ask with as_="):
            stream.values()


async def test_a_failure_comes_at_the_end_of_values_and_rows(client: sw.ChatClient) -> None:
    """As at the end of ``async for event in stream``."""
    for read in ("values", "rows"):
        with pytest.raises(sw.StreamInterrupted):
            [value async for value in getattr(ask(client, list[Step], STEPS, "demo-cut", demo={"after": 6}), read)()]


@pytest.mark.fault("T1", "retries=1 asks once more, with the error")
async def test_an_invalid_answer_is_asked_for_again(client: sw.ChatClient) -> None:
    """The second request has the answer and the reason. Both answers are steps, and the tokens are those of both.

    The text is that of the second one.
    """
    stream = client.stream("A recipe, please.", "demo-wrong-value", as_=Recipe, retries=1)
    completion = await stream
    first, second = completion.steps
    assert (completion.outcome, completion.warnings) == ("complete", ())
    assert completion.value == Recipe.model_validate_json(second.text)
    assert (completion.text, first.replaced, second.replaced) == (second.text, True, False)
    assert json.loads(first.text)["title"] is None
    assert completion.usage is not None
    assert first.usage is not None
    assert second.usage is not None
    assert completion.usage.completion_tokens == (first.usage.completion_tokens or 0) + (
        second.usage.completion_tokens or 0
    )
    assert "Step 1" in mimebundle(completion)["text/html"]


async def test_it_is_asked_again_only_so_often_and_only_for_a_whole_answer(client: sw.ChatClient) -> None:
    """A cut answer is not asked again. The last answer decides."""
    wrong = await ask(client, Recipe, '{"title": 1}', retries=2)
    assert (len(wrong.steps), wrong.value, wrong.warnings[-1].code) == (3, None, "invalid_value")
    assert wrong.text == '{"title": 1}'
    cut = await ask(client, Recipe, RECIPE_TEXT, retries=2, max_tokens=3)
    assert (cut.steps, cut.outcome) == ((), "length")
    rows = client.stream("x", "demo-wrong-value", as_=RIVERS, retries=1)
    assert [row async for row in rows.rows()] == [{"km": 1}, {"km": 2}, {"km": 3}]


async def test_a_second_answer_may_fail_like_a_first() -> None:
    """A busy server is asked again, what it refuses is left out again, and a broken connection keeps both texts."""
    busy = response(b'{"error": {"message": "Busy."}}', status="503 Busy")
    refused = response(b'{"error": {"message": "Unknown name response_format"}}', status="400 No")
    first, second = (response(sse(_said(text))) for text in ('{"km": 1}', '{"km"'))
    answers = iter([refused, first, busy, second])
    with RawServer(lambda socket: socket.sendall(next(answers))) as server:
        stream = sw.ChatClient(server.url, retry=QUICK).stream("x", as_=River, retries=1)
        with pytest.raises(sw.StreamInterrupted) as failed:
            await stream
    completion = failed.value.completion
    assert [step.text for step in completion.steps] == ['{"km": 1}', '{"km"']
    assert "schema_refused" in [warning.code for warning in completion.warnings]
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    assert ["response_format" in body for body in bodies] == [True, False, False, False]
    assert [len(body["messages"]) for body in bodies] == [1, 1, 3, 3]


def _said(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop" if "}" in text else None}]}


@pytest.mark.fault("T3", "it is asked in words, and a line says so")
async def test_a_server_that_refuses_a_schema_is_asked_in_words(client: sw.ChatClient) -> None:
    """The answer comes with a fence around it. The warning stands in the line under the answer."""
    completion = await client.stream("A recipe, please.", "demo-no-schema", as_=Recipe)
    assert isinstance(completion.value, Recipe)
    assert completion.text.startswith("```json")
    assert "asked for JSON in words" in footer(completion)


async def test_an_answer_that_goes_on_becomes_whole(client: sw.ChatClient) -> None:
    """Continue brings the rest. The value is that of the whole text, and no schema asks for a new beginning."""
    stream = ask(client, Recipe, RECIPE_TEXT, max_tokens=5)
    assert (await stream).value is None
    rest = stream.again(go_on=True)
    assert (await rest).text.startswith((await stream).text)
    assert rest.value_type is stream.value_type


@pytest.mark.parametrize("retries", [-1, 1.5, True])
def test_retries_are_a_number_and_need_a_type(client: sw.ChatClient, retries: Any) -> None:
    """Nothing is sent."""
    with pytest.raises(sw.ConfigurationError, match="whole number"):
        client.stream("x", as_=Recipe, retries=retries)
    with pytest.raises(sw.ConfigurationError, match="needs as_="):
        client.stream("x", retries=1)
    with pytest.raises(sw.ConfigurationError, match="needs a ChatClient"):
        sw.Conversation().ask("x", lambda messages: "x", as_=Recipe, retries=1)


async def test_the_clients_of_sdks_are_asked_for_a_value(client: sw.ChatClient) -> None:
    """The schema is an argument of the SDK's own method. A refusal of it is asked again in words."""
    async with openai.AsyncOpenAI(base_url=client.base_url, api_key="x", max_retries=0) as sdk:
        for model, warned in (("demo", False), ("demo-no-schema", True)):
            completion = await sw.Conversation().ask("A recipe, please.", sdk, model=model, as_=Recipe)
            assert isinstance(completion.value, Recipe)
            assert bool(completion.warnings) == warned
    assert "output_config" in anthropic.types.message_create_params.MessageCreateParamsBase.__annotations__
