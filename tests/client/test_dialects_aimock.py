"""The APIs of providers as other authors serve them: our own client against ``@copilotkit/aimock``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import streamwidget as sw
from tests.support.aimock import KEY, SIMPLE, start_aimock
from tests.support.types_of_answers import River

TEXT = "Grüezi! 👋🏽 One, two, three.\n\n- first\n- **second** `{}`\n"
RIVERS = '{"value": [{"name": "Elbe", "km": 1094}, {"name": "Po", "km": 652}]}'
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "whole"}, "response": {"content": TEXT}, "chunkSize": 3},
    *SIMPLE,
    {"match": {"userMessage": "rivers"}, "response": {"content": RIVERS}, "chunkSize": 7},
    {"match": {"userMessage": "drop"}, "response": {"content": TEXT}, "chunkSize": 3, "latency": 20}
    | {"disconnectAfterMs": 200},
    {"match": {"userMessage": "endless"}, "response": {"content": TEXT * 200}, "chunkSize": 3, "latency": 20},
    *(
        {"match": {"userMessage": f"busy {number}", "sequenceIndex": 0}}
        | {"response": {"error": {"message": "Slow down.", "type": "rate_limit_error"}, "status": status}}
        for number, status in ((429, 429), (529, 529))
    ),
    {"match": {"userMessage": "busy"}, "response": {"content": "at last"}},
    {"match": {"userMessage": "broken"}}
    | {"response": {"error": {"message": "It broke.", "type": "server_error"}, "status": 500}},
]
#: The base URL below that of the server.
PLACES = {"anthropic": "/v1", "openai-responses": "/v1", "google": "/v1beta", "ollama-native": "/api"}
MODELS = {"anthropic": "claude-sonnet-4-5", "openai-responses": "gpt-5", "google": "gemini-2.5-flash"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_aimock(FIXTURES, tmp_path_factory.mktemp("aimock")) as address:
        yield address


def client_of(provider: str, url: str, key: str = KEY) -> sw.ChatClient:
    retry = sw.RetryPolicy(attempts=2, wait_initial=0.01)
    model = MODELS.get(provider, "llama3")
    return sw.ChatClient(f"{url}{PLACES[provider]}", key, model, provider=provider, retry=retry)


@pytest.fixture(params=PLACES)
def client(url: str, request: pytest.FixtureRequest) -> sw.ChatClient:
    return client_of(request.param, url)


async def test_the_text_comes_whole_and_in_pieces(client: sw.ChatClient) -> None:
    """Many deltas join exactly to the text. Model, usage and outcome are known, and nothing is warned of."""
    deltas = [event.text async for event in client.stream("whole") if isinstance(event, sw.TextDelta)]
    completion = await client.stream("whole")
    assert len(deltas) > 10
    assert "".join(deltas) == completion.text == TEXT
    assert (completion.outcome, completion.warnings) == ("complete", ())
    assert completion.usage is not None
    assert (await client.complete("whole")).text == TEXT


async def test_thinking_and_calls_are_kept_apart(client: sw.ChatClient) -> None:
    """Streamed and not streamed. aimock writes Ollama's thinking as chat completions have it."""
    for completion in (await client.stream("think"), await client.complete("think")):
        thought = "" if client.dialect.name == "ollama_chat" else "Six times seven."
        assert (completion.reasoning, completion.text) == (thought, "42")
    for completion in (await client.stream("weather"), await client.complete("weather")):
        (call,) = completion.tool_calls
        assert (call.name, json.loads(call.arguments), completion.outcome) == ("look", {"at": "Bern"}, "complete")


async def test_a_cut_answer_and_a_dropped_one_keep_their_text(client: sw.ChatClient) -> None:
    """The end decides the outcome. A connection that drops does not make a whole answer."""
    limited = await client.stream("limit")
    if client.dialect.name != "ollama_chat":  # aimock always says "stop" there
        assert (limited.text, limited.outcome) == ("cut", "length")
    with pytest.raises(sw.StreamInterrupted) as told:
        await client.stream("drop")
    kept = told.value.completion.text.rstrip("\ufffd")  # half a character
    assert TEXT.startswith(kept)
    assert kept != TEXT


async def test_a_stop_keeps_the_text(client: sw.ChatClient) -> None:
    """Cancelled after some deltas, the stream ends at once with its text."""
    stream, came = client.stream("endless"), 0
    async for event in stream:
        came += isinstance(event, sw.TextDelta)
        if came == 5:
            stream.cancel()
    assert (stream.completion.outcome, bool(stream.completion.text)) == ("cancelled", True)


@pytest.mark.parametrize("status", [429, 529])
async def test_a_busy_server_is_asked_again(url: str, status: int) -> None:
    """The second attempt gets an answer. The first reply is used up, so only one API can be tried."""
    stream = client_of("anthropic", url).stream(f"busy {status}")
    retries = [event.reason async for event in stream if isinstance(event, sw.Retry)]
    assert (retries, stream.completion.text) == (["Slow down."], "at last")


async def test_a_refusal_has_the_servers_words(client: sw.ChatClient) -> None:
    """Status and message, streamed and not streamed. A wrong key is refused and not repeated."""
    for answer in (client.stream("broken"), client.complete("broken")):
        with pytest.raises(sw.HTTPStatusError) as told:
            await answer
        assert (told.value.error.status, told.value.error.message) == (500, "It broke.")


@pytest.mark.parametrize("provider", PLACES)
async def test_a_wrong_key_is_refused_and_not_repeated(url: str, provider: str) -> None:
    """The key goes into the header that the API reads, and nowhere else."""
    wrong = "sk-wrong-canary-9876543210"
    with pytest.raises(sw.HTTPStatusError) as told:
        await client_of(provider, url, wrong).stream("whole")
    assert told.value.error.status == 401
    assert wrong not in f"{told.value} {told.value.error!r} {told.value.completion!r}"
    assert (await client_of(provider, url).stream("think")).text == "42"


async def test_two_turns(client: sw.ChatClient) -> None:
    """A conversation goes on after an answer with thinking, and after one with a call."""
    conversation = sw.Conversation(system="Be brief.")
    for prompt in ("think", "weather", "whole"):
        completion = await conversation.ask(prompt, client, max_tokens=3000)
    assert completion.text == TEXT


@pytest.mark.parametrize("provider", [*PLACES, "openai"])
async def test_a_value_is_asked_for_in_the_form_of_the_api(url: str, provider: str) -> None:
    """aimock takes each API's field for a schema. The answer is read as it comes, row by row."""
    client = client_of(provider, url) if provider in PLACES else sw.ChatClient(f"{url}/v1", KEY, "gpt-4o")
    stream = client.stream("rivers", as_=list[River])
    assert [river.km async for river in stream.rows()] == [1094, 652]
    completion = await stream
    assert completion.value == [River("Elbe", 1094), River("Po", 652)]
    assert "schema_refused" not in [warning.code for warning in completion.warnings]
    assert (await client.complete("rivers", as_=list[River])).value == completion.value
