"""Tools against servers of other authors, in the form of each API: ``@copilotkit/aimock``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import streamwidget as sw
from tests.support.aimock import KEY, start_aimock

CALL = [{"name": "look", "arguments": {"at": "Bern"}}, {"name": "look", "arguments": {"at": "Oslo"}}]
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "weather", "hasToolResult": True}, "response": {"content": "It is cold."}},
    {"match": {"userMessage": "weather"}, "response": {"toolCalls": CALL}},
]
PLACES = {"anthropic": "/v1", "openai-responses": "/v1", "google": "/v1beta", "ollama-native": "/api", None: "/v1"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_aimock(FIXTURES, tmp_path_factory.mktemp("aimock")) as address:
        yield address


@sw.tool(safe=True)
def look(at: str) -> str:
    return f"4 °C in {at}"


@pytest.mark.parametrize("provider", PLACES)
async def test_the_loop_ends_with_an_answer(url: str, provider: str | None) -> None:
    """Both calls have their results, streamed and not streamed, and the server takes them as results."""
    client = sw.ChatClient(f"{url}{PLACES[provider]}", KEY, "some-model", provider=provider)
    for completion in (await client.stream("weather", tools=[look]), await client.complete("weather", tools=[look])):
        assert (completion.text, completion.outcome) == ("It is cold.", "complete")
        assert [result.text for result in completion.tool_results] == ["4 °C in Bern", "4 °C in Oslo"]
        assert len(completion.steps) == 2
