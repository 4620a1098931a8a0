"""Models with calls of tools on the wire of each API, and each API's rule for later requests. Not a test module.

The rules are written after each provider's documentation: each call has exactly one result, right after the message of
the call, in the same order, with the same id if the API has ids. For two of them the roles take turns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import httpx

from tests.support.native import NATIVE, SIGNATURE


class Call(NamedTuple):
    """A call as a model writes it. The arguments need not be JSON."""

    name: str
    arguments: str = "{}"
    id: str = "call_1"


class Says(NamedTuple):
    """One answer of a model."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    thought: str = ""
    end: str = "stop"


def _arguments(call: Call) -> Any:
    try:
        return json.loads(call.arguments)
    except ValueError:
        return {"unreadable": call.arguments}


def _chat(says: Says) -> bytes:
    deltas: list[dict[str, Any]] = [{"content": says.text}] if says.text else []
    for index, call in enumerate(says.calls):
        half = len(call.arguments) // 2
        head = {"name": call.name, "arguments": call.arguments[:half]}
        deltas.append({"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": head}]})
        deltas.append({"tool_calls": [{"index": index, "function": {"arguments": call.arguments[half:]}}]})
    reason = says.end if says.end != "stop" else "tool_calls" if says.calls else "stop"
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def _anthropic(says: Says) -> list[Any]:
    blocks: list[dict[str, Any]] = []
    if says.thought:
        blocks.append({"type": "thinking", "thinking": says.thought, "signature": SIGNATURE})
    if says.text:
        blocks.append({"type": "text", "text": says.text})
    blocks += [{"type": "tool_use", "id": call.id, "name": call.name, "input": _arguments(call)} for call in says.calls]
    usage = {"input_tokens": 4, "output_tokens": 1}
    events: list[Any] = [{"type": "message_start", "message": {"id": "m", "content": [], "usage": usage}}]
    for index, block in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "content_block_stop", "index": index})
    reason = "max_tokens" if says.end == "length" else "tool_use" if says.calls else "end_turn"
    events.append({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5}})
    return [*events, {"type": "message_stop"}]


def _responses(says: Says) -> list[Any]:
    output: list[dict[str, Any]] = []
    if says.thought:
        output.append({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SIGNATURE})
    if says.text:
        parts = [{"type": "output_text", "text": says.text, "annotations": []}]
        output.append({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": parts})
    output += [
        {"type": "function_call", "id": f"fc_{call.id}", "call_id": call.id, "name": call.name}
        | {"arguments": call.arguments}
        for call in says.calls
    ]
    status = "incomplete" if says.end == "length" else "completed"
    why = {"reason": "max_output_tokens"} if says.end == "length" else None
    response = {"id": "r", "status": status, "incomplete_details": why, "output": output}
    return [{"type": f"response.{status}", "response": response}]


def _google(says: Says) -> list[Any]:
    parts: list[dict[str, Any]] = [{"text": says.thought, "thought": True}] if says.thought else []
    parts += [{"text": says.text}] if says.text else []
    for place, call in enumerate(says.calls):
        signed = {"thoughtSignature": SIGNATURE} if says.thought and not place else {}
        named = {"id": call.id} if call.id else {}
        parts.append({"functionCall": {**named, "name": call.name, "args": _arguments(call)}, **signed})
    reason = "MAX_TOKENS" if says.end == "length" else "STOP"
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0, "finishReason": reason}
    return [{"candidates": [candidate], "modelVersion": "some-model", "responseId": "r"}]


def _ollama(says: Says) -> list[Any]:
    message: dict[str, Any] = {"role": "assistant", "content": says.text}
    if says.thought:
        message["thinking"] = says.thought
    if says.calls:
        message["tool_calls"] = [{"function": {"name": one.name, "arguments": _arguments(one)}} for one in says.calls]
    about = {"model": "some-model", "created_at": "2026-11-29T22:35:28Z"}
    reason = "length" if says.end == "length" else "stop"
    end = {"role": "assistant", "content": ""}
    last = {**about, "message": end, "done": True, "done_reason": reason}
    return [{**about, "message": message, "done": False}, last]


_ITEMS: dict[str, Callable[[Says], list[Any]]] = {
    "anthropic": _anthropic,
    "openai-responses": _responses,
    "google": _google,
    "ollama-native": _ollama,
}
#: ``ollama`` is chat completions.
PROVIDERS = ("ollama", *_ITEMS)


def says(provider: str, *answers: Says) -> list[httpx.Response]:
    """Return the responses of a model with these answers, one for each request."""
    made = []
    for answer in answers:
        if provider == "ollama":
            content, media_type = _chat(answer), "text/event-stream"
        else:
            native = NATIVE[provider]
            content, media_type = native.write(_ITEMS[provider](answer)), native.media_type
        made.append(httpx.Response(200, headers={"content-type": media_type}, content=content))
    return made


#: Code for a cell: ``it`` is a client whose model calls ``remove``, and then repeats what the tool said.
MODEL_IN_CELL = r"""
import httpx, json, streamwidget as sw

def answer(request):
    results = [message for message in json.loads(request.content)["messages"] if message["role"] == "tool"]
    call = {"name": "remove", "arguments": json.dumps({"path": "x"})}
    delta = {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": call}]}
    if results:
        delta = {"content": "The tool said: " + results[-1]["content"]}
    chunks = [{"choices": [{"index": 0, "delta": delta}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=httpx.ByteStream(body.encode()))

it = sw.ChatClient("http://localhost:1/v1", http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
ran = []

def remove(path: str) -> str:
    "Remove a file."
    ran.append(path)
    return "removed"
"""


# ---- the rule of each API


def check(provider: str, body: dict[str, Any]) -> list[tuple[str, str]]:
    """Assert that the API takes this request. Return the name of each call in it, with the text of its result."""
    return _CHECKS[provider](body)


def _check_chat(body: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    waiting: list[dict[str, Any]] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            assert waiting, "a result without a call"
            call = waiting.pop(0)
            assert call["id"] == message["tool_call_id"]
            assert isinstance(message["content"], str) and message["content"]
            found.append((call["function"]["name"], message["content"]))
            continue
        assert not waiting, f"calls without a result: {waiting}"
        waiting = list(message.get("tool_calls", ()))
        assert len({call["id"] for call in waiting}) == len(waiting)
        for call in waiting:
            assert isinstance(json.loads(call["function"]["arguments"]), dict)
            _check_name(call["function"]["name"])
        assert message["content"] or waiting
    assert not waiting
    return found


def _check_ollama(body: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    waiting: list[dict[str, Any]] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            call = waiting.pop(0)
            assert call["function"]["name"] == message["tool_name"]
            found.append((message["tool_name"], message["content"]))
            continue
        assert not waiting
        waiting = list(message.get("tool_calls", ()))
        assert all(isinstance(call["function"]["arguments"], dict) for call in waiting)
    assert not waiting
    return found


def _check_responses(body: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    waiting: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    answered = False
    for item in body["input"]:
        kind = item.get("type")
        if before.get("type") == "reasoning":
            assert kind in ("reasoning", "message", "function_call"), "reasoning without what it led to"
        if kind == "function_call":
            assert not answered or not waiting
            waiting, answered = [*waiting, item], False
            assert isinstance(json.loads(item["arguments"]), dict)
        elif kind == "function_call_output":
            call = waiting.pop(0)
            assert call["call_id"] == item["call_id"]
            found.append((call["name"], _texts(item["output"])))
            answered = True
        else:
            assert not waiting, f"calls without a result: {waiting}"
        before = item
    assert not waiting
    assert before.get("type") != "reasoning"
    return found


def _texts(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _check_anthropic(body: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    waiting: list[dict[str, Any]] = []
    roles = [message["role"] for message in body["messages"]]
    assert roles[0] == "user"
    assert all(one != two for one, two in pairwise(roles)), f"the roles do not take turns: {roles}"
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        assert blocks
        results = [block for block in blocks if block["type"] == "tool_result"]
        assert [call["id"] for call in waiting] == [one["tool_use_id"] for one in results]
        assert blocks[: len(results)] == results, "results come first"
        found += [(call["name"], _texts(one["content"])) for call, one in zip(waiting, results, strict=True)]
        waiting = [block for block in blocks if block["type"] == "tool_use"]
        for call in waiting:
            assert isinstance(call["input"], dict)
        assert len({call["id"] for call in waiting}) == len(waiting)
        for block in blocks:
            assert block["type"] != "text" or block["text"].strip(), "an empty text is refused"
        assert message["role"] == "user" or blocks[-1]["type"] not in ("thinking", "redacted_thinking")
    assert not waiting
    return found


def _check_google(body: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    waiting: list[dict[str, Any]] = []
    roles = [content["role"] for content in body["contents"]]
    assert all(one != two for one, two in pairwise(roles)), f"the roles do not take turns: {roles}"
    for content in body["contents"]:
        assert content["parts"]
        results = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        assert [(call["name"], call.get("id")) for call in waiting] == [(one["name"], one.get("id")) for one in results]
        found += [(one["name"], "".join(one["response"].values())) for one in results]
        waiting = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
    assert not waiting
    return found


def _check_name(name: str) -> None:
    assert name
    assert len(name) <= 64
    assert all(sign.isascii() and (sign.isalnum() or sign in "_-") for sign in name)


_CHECKS: dict[str, Callable[[dict[str, Any]], list[tuple[str, str]]]] = {
    "ollama": _check_chat,
    "ollama-native": _check_ollama,
    "openai-responses": _check_responses,
    "anthropic": _check_anthropic,
    "google": _check_google,
}


def names_of_tools(provider: str, body: dict[str, Any]) -> Sequence[str]:
    """Return the names of the tools that a request offers."""
    tools = body.get("tools", [])
    if provider == "google":
        tools = [one for group in tools for one in group.get("functionDeclarations", [group])]
    return [one.get("function", one).get("name", one.get("type")) for one in tools]
