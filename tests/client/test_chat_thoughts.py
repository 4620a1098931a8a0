"""The reasoning that servers of chat completions want back with the calls of tools."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

import streamwidget as sw
from tests.support.native import Server


@sw.tool(safe=True)
def weather(city: str) -> str:
    return f"grey in {city}"


def call(name: str = "call_1", index: int = 0, **more: Any) -> dict[str, Any]:
    function = {"name": "weather", "arguments": '{"city": "Oslo"}'}
    return {"tool_calls": [{"index": index, "id": name, "type": "function", "function": function, **more}]}


def streamed(*deltas: dict[str, Any], end: str = "tool_calls") -> httpx.Response:
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": end}]})
    data = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=data)


SIGNED = {"extra_content": {"google": {"thought_signature": "c2ln"}}}
DETAILS = [
    {"type": "reasoning.text", "index": 0, "text": "I ", "format": "anthropic-claude-v1"},
    {"type": "reasoning.text", "index": 0, "text": "look.", "signature": None},
    {"type": "reasoning.text", "index": 0, "signature": "c2ln"},
    {"type": "reasoning.encrypted", "data": "eA=="},
    {"type": "reasoning.encrypted", "data": "eQ=="},
]
WHOLE = [
    {"type": "reasoning.text", "index": 0, "text": "I look.", "format": "anthropic-claude-v1", "signature": "c2ln"},
    {"type": "reasoning.encrypted", "data": "eA=="},
    {"type": "reasoning.encrypted", "data": "eQ=="},
]
#: What the server sends before the end of its first answer, and what its message has in the next request.
KINDS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "DeepSeek": (
        [{"reasoning_content": "I "}, {"reasoning_content": "look."}, call()],
        {"reasoning_content": "I look."},
    ),
    "vLLM": ([{"reasoning": "I look."}, call()], {"reasoning": "I look."}),
    "OpenRouter": (
        [*({"reasoning": one.get("text", ""), "reasoning_details": [one]} for one in DETAILS), call()],
        {"reasoning_details": WHOLE},
    ),
    "none": ([call()], {}),
    "think tags": ([{"content": "<think>I look.</think>"}, call()], {}),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_reasoning_goes_back_as_it_came(kind: str) -> None:
    """In the loop and in a later turn, also from a file. An answer without a call has none."""
    deltas, wanted = KINDS[kind]
    final = {name: "So." for name in wanted if name != "reasoning_details"}
    cold = [final, {"content": "It is cold."}] if final else [{"content": "It is cold."}]
    server = Server([streamed(*deltas), streamed(*cold, end="stop"), *[streamed({"content": "Yes."}, end="stop")] * 2])
    client, conversation = server.client("ollama"), sw.Conversation()
    await conversation.ask("How is it?", client, tools=[weather])
    for one in (conversation, sw.Conversation.from_json(conversation.to_json())):
        await one.ask("Sure?", client, tools=[weather])
    for body in server.bodies[1:]:
        sent = body["messages"][1]
        assert {name: value for name, value in sent.items() if "reasoning" in name} == wanted
        assert sent["tool_calls"][0].keys() == {"id", "type", "function"}
    for body in server.bodies[2:]:
        assert body["messages"][3] == {"role": "assistant", "content": "It is cold.", **final}


@pytest.mark.parametrize("ids", [("a", "b"), ("", "")])
async def test_the_signature_of_a_call_goes_back_beside_it(ids: tuple[str, str]) -> None:
    """Gemini signs the first of two calls at once. Its server may give them no ids."""
    server = Server([streamed(call(ids[0], 0, **SIGNED), call(ids[1], 1)), streamed({"content": "Cold."}, end="stop")])
    await server.client("ollama").stream("How is it?", tools=[weather])
    first, second = server.bodies[1]["messages"][1]["tool_calls"]
    assert (first["extra_content"], "extra_content" in second) == (SIGNED["extra_content"], False)


async def test_a_server_that_refuses_reasoning_is_asked_without_it() -> None:
    """The calls and their results still go out. The warning says so."""
    refused = httpx.Response(400, json={"error": {"message": "messages.1.reasoning_content is not permitted"}})
    server = Server([streamed(*KINDS["DeepSeek"][0]), refused, streamed({"content": "Cold."}, end="stop")])
    completion = await server.client("ollama").stream("How is it?", tools=[weather])
    assert (completion.text, [one.code for one in completion.warnings]) == ("Cold.", ["thinking_refused"])
    assert "reasoning_content" in json.dumps(server.bodies[1])
    assert "reasoning" not in json.dumps(server.bodies[2])
    assert len(server.bodies[2]["messages"]) == 3
