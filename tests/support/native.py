"""One answer on the wire of each API, written after its documentation, for our own client. Not a test module."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

import streamwidget as sw
from streamwidget._client.servers import SERVERS
from streamwidget._dialects.dialect import Dialect
from tests.support.dialects import ARGUMENTS, CALL, CALL_ID, Answer, anthropic, responses

SIGNATURE = "c2lnbmVkIGJ5IHRoZSBwcm92aWRlcg=="
HIDDEN = {"type": "redacted_thinking", "data": "aGlkZGVu"}
CALLED = json.loads("".join(ARGUMENTS))


def _anthropic(answer: Answer) -> list[Any]:
    """Events with a signature, a hidden thought and a citation."""
    events: list[Any] = [event for event in anthropic(answer) if event["type"] != "text"]
    for event in events:
        if event.get("delta", {}).get("type") == "signature_delta":
            event["delta"] = {"type": "signature_delta", "signature": SIGNATURE}
    if answer.thoughts and answer.end:
        place = next(place for place, event in enumerate(events) if event["type"] == "message_delta")
        events[place:place] = [
            {"type": "content_block_start", "index": 3, "content_block": HIDDEN},
            {"type": "content_block_stop", "index": 3},
        ]
    return events


def _responses(answer: Answer) -> list[Any]:
    """Events with the items at their end: the reasoning encrypted, and the instructions said again."""
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SIGNATURE, "status": None}
    parts = [{"type": "output_text", "text": "".join(answer.texts), "annotations": []}]
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": parts}
    call = {"type": "function_call", "id": "fc_1", "call_id": CALL_ID, "name": CALL, "arguments": "".join(ARGUMENTS)}
    output = [*([reasoning] if answer.thoughts else []), message, *([call] if answer.calls else [])]
    events = responses(answer)
    for event in events:
        if event["type"].startswith("response.output_text."):
            event["content_index"] = 0
        if event["type"] == "response.created":
            event["response"] = {**event["response"], "instructions": "Answer in one short line.", "error": None}
        if event["type"] in ("response.completed", "response.incomplete"):
            event["response"] = {**event["response"], "output": output}
    place = next(place for place, event in enumerate(events) if event["type"] == "response.output_text.done")
    done = {"type": "response.content_part.done", "output_index": 1, "content_index": 0, "part": parts[0]}
    events.insert(place + 1, done)
    return events


def _google(answer: Answer) -> list[Any]:
    def chunk(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
        candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
        return {"candidates": [candidate], "modelVersion": "some-model", "responseId": "answer-1"}

    chunks = [chunk({"text": text, "thought": True}) for text in answer.thoughts]
    chunks += [chunk({"text": text}) for text in answer.texts]
    if answer.calls:
        call = {"functionCall": {"id": CALL_ID, "name": CALL, "args": CALLED}, "thoughtSignature": SIGNATURE}
        chunks.append(chunk(call))
    elif answer.thoughts:
        chunks.append(chunk({"text": "", "thoughtSignature": SIGNATURE}))
    if answer.end:
        word = {"stop": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}[answer.end]
        usage = {"promptTokenCount": 7, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 12}
        chunks.append({**chunk(finishReason=word), "usageMetadata": usage})
    return chunks


def _ollama(answer: Answer) -> list[Any]:
    def chunk(message: dict[str, Any], **more: Any) -> dict[str, Any]:
        said = {"role": "assistant", "content": "", **message}
        return {"model": "some-model", "created_at": "2026-11-29T22:35:28Z", "message": said, "done": False, **more}

    chunks = [chunk({"thinking": text}) for text in answer.thoughts]
    chunks += [chunk({"content": text}) for text in answer.texts]
    if answer.calls:
        chunks.append(chunk({"tool_calls": [{"function": {"name": CALL, "arguments": CALLED}}]}))
    if answer.end:
        word = {"stop": "stop", "length": "length", "filter": "content_filter"}[answer.end]
        chunks.append(chunk({}, done=True, done_reason=word, prompt_eval_count=7, eval_count=5))
    return chunks


def _as_events(items: list[Any]) -> bytes:
    return b"".join(
        (f"event: {item['type']}\n" if "type" in item else "").encode() + b"data: " + _json(item) + b"\n\n"
        for item in items
    )


def _as_lines(items: list[Any]) -> bytes:
    return b"".join(_json(item) + b"\n" for item in items)


def _json(item: Any) -> bytes:
    return json.dumps(item, ensure_ascii=False).encode()


def _whole_message(answer: Answer) -> Any:
    blocks: list[Any] = [{"type": "thinking", "thinking": "".join(answer.thoughts), "signature": SIGNATURE}]
    blocks.append({"type": "text", "text": "".join(answer.texts)})
    blocks.append({"type": "tool_use", "id": CALL_ID, "name": CALL, "input": CALLED})
    usage = {"input_tokens": 7, "output_tokens": 5}
    head = {"id": "answer-1", "type": "message", "role": "assistant", "model": "some-model"}
    return {**head, "content": blocks, "stop_reason": "end_turn", "usage": usage}


def _whole_response(answer: Answer) -> Any:
    whole = _responses(answer)[-1]["response"]
    whole["output"][0]["summary"] = [{"type": "summary_text", "text": "".join(answer.thoughts)}]
    return whole


def _whole_google(answer: Answer) -> Any:
    chunks = _google(answer)
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    return {**chunks[-1], "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}


def _whole_ollama(answer: Answer) -> Any:
    chunks = _ollama(answer)
    said = {"role": "assistant", "content": "".join(answer.texts), "thinking": "".join(answer.thoughts)}
    return {**chunks[-1], "message": {**said, "tool_calls": chunks[-2]["message"]["tool_calls"]}}


@dataclass(frozen=True, slots=True)
class Native:
    """One API as its server writes it.

    Attributes
    ----------
    items : callable
        The items of a stream for an answer.
    whole : callable
        The whole reply for an answer with thoughts and a call.
    busy : dict
        The item of a passing failure in the middle of a stream.
    write : callable
        Writes items as bytes.
    media_type : str
    has_call_ids : bool
    """

    provider: str
    items: Callable[[Answer], list[Any]]
    whole: Callable[[Answer], Any]
    busy: dict[str, Any]
    write: Callable[[list[Any]], bytes] = _as_events
    media_type: str = "text/event-stream"
    has_call_ids: bool = True

    @property
    def dialect(self) -> Dialect:
        return SERVERS[self.provider].dialect

    def stream(self, answer: Answer) -> bytes:
        return self.write(self.items(answer))


NATIVE = {
    native.provider: native
    for native in (
        Native(
            "anthropic",
            _anthropic,
            _whole_message,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded now."}},
        ),
        Native(
            "openai-responses",
            _responses,
            _whole_response,
            {
                "type": "response.failed",
                "response": {"status": "failed", "error": {"code": "server_error", "message": "Overloaded now."}},
            },
        ),
        Native(
            "google",
            _google,
            _whole_google,
            {"error": {"code": 503, "message": "Overloaded now.", "status": "UNAVAILABLE"}},
        ),
        Native(
            "ollama-native",
            _ollama,
            _whole_ollama,
            {"error": "Overloaded now."},
            _as_lines,
            "application/x-ndjson",
            has_call_ids=False,
        ),
    )
}


@dataclass(slots=True)
class Server:
    """Answers the requests of an httpx client with these responses, in order. ``asked`` holds the requests."""

    responses: list[httpx.Response]
    asked: list[httpx.Request] = field(default_factory=list)

    def client(self, provider: str, key: str | None = None) -> sw.ChatClient:
        transport = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        once = sw.RetryPolicy(attempts=2, wait_initial=0.0)
        return sw.ChatClient(provider=provider, api_key=key, model="some-model", http_client=transport, retry=once)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.asked]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        found = self.responses[len(self.asked) - 1]
        return httpx.Response(found.status_code, headers=found.headers, stream=httpx.ByteStream(found.content))


def reply(native: Native, answer: Answer) -> httpx.Response:
    """Return the response with the stream of an answer."""
    return respond(native, native.items(answer))


def respond(native: Native, items: list[Any]) -> httpx.Response:
    """Return the response with these items."""
    return httpx.Response(200, headers={"content-type": native.media_type}, content=native.write(items))
