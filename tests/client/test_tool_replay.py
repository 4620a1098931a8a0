"""A recording of an answer with several requests plays all of them. No tool runs again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

import streamwidget as sw
from tests.support.native import Server
from tests.support.servers import QUICK
from tests.support.tool_models import PROVIDERS, Call, Says, says

OSLO = Call("weather", '{"city": "Oslo"}')
LOOK, COLD = Says("I look.", (OSLO, OSLO._replace(id="call_2")), "Hm."), Says("It is cold.")
ran: list[str] = []


@sw.tool(safe=True)
def weather(city: str) -> str:
    ran.append(city)
    return "grey"


async def check(stream: sw.ChatStream, path: Path) -> sw.ChatCompletion:
    """Record a stream, and play its file. Return what was played. It is what was recorded."""
    ran.clear()
    recording = stream.record(path)
    first = await stream
    calls = len(ran)
    played = await sw.replay(path, speed=100)
    assert (played.text, played.outcome, len(ran)) == (first.text, first.outcome, calls)
    assert [one.code for one in played.warnings] == [one.code for one in first.warnings]
    for step, other in zip(played.steps, first.steps, strict=True):
        assert (step.text, step.replaced, step.reasoning) == (other.text, other.replaced, other.reasoning)
        assert [one.name for one in step.tool_calls] == [one.name for one in other.tool_calls]
        assert [one.text for one in step.tool_results] == [one.text for one in other.tool_results]
    assert recording.outcome == first.outcome
    return played


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_each_step_is_played(provider: str, tmp_path: Path) -> None:
    """The calls, their results and the answer."""
    client = Server(says(provider, LOOK, COLD)).client(provider)
    played = await check(client.stream("x", tools=[weather]), tmp_path / "a")
    assert [result.text for result in played.tool_results] == ["grey", "grey"]


async def test_a_value_that_was_asked_for_again_is_played(tmp_path: Path) -> None:
    """The text is that of the last answer there too."""
    client = Server(says("ollama", Says('{"km": "x"}'), Says('{"km": 1}'))).client("ollama")
    schema = {"type": "object", "properties": {"km": {"type": "integer"}}}
    played = await check(client.stream("x", as_=schema, retries=1), tmp_path / "a")
    assert (played.text, len(played.steps)) == ('{"km": 1}', 2)


async def test_an_attempt_that_failed_between_is_played(tmp_path: Path) -> None:
    """It does not make a step of its own."""
    responses = [says("ollama", LOOK)[0], httpx.Response(503), says("ollama", COLD)[0]]
    client = Server(responses).client("ollama")
    client.retry = QUICK
    played = await check(client.stream("x", tools=[weather]), tmp_path / "a")
    assert len(played.steps) == 2


async def test_the_end_in_a_tool_is_played(tmp_path: Path) -> None:
    """By the bound on the steps, and by the person."""
    client = Server(says("ollama", LOOK, LOOK)).client("ollama")
    played = await check(client.stream("x", tools=[weather], max_steps=2), tmp_path / "a")
    assert played.outcome == "length"

    @sw.tool(safe=True)
    async def stops() -> None:
        stream.cancel()
        await asyncio.sleep(60)

    client = Server(says("ollama", Says("", (Call("stops"),)))).client("ollama")
    stream: Any = client.stream("x", tools=[stops])
    played = await check(stream, tmp_path / "b")
    assert (played.outcome, played.tool_results[0].text) == ("cancelled", "Stopped by the person before it ended.")
