"""The same answer in the form of each SDK, written by hand, for the tests of all sources. Not a test module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

CALL_ID, CALL, ARGUMENTS = "call_1", "look", ('{"at":', '"Zürich"}')


@dataclass(frozen=True, slots=True)
class Answer:
    """The text in pieces, and its end: ``stop``, ``length``, ``filter``, or None if the source just ends."""

    texts: tuple[str, ...] = ("Grüezi! ", "One, ", "two 🏔️.")
    thoughts: tuple[str, ...] = ("Let me ", "count.")
    calls: bool = True
    end: str | None = "stop"


def chat(answer: Answer) -> list[Any]:
    """Chunks of chat completions, as openai and LiteLLM have them."""

    def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
        choices = [{"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}]
        return {"id": "answer-1", "model": "some-model", "object": "chat.completion.chunk", "choices": choices, **more}

    chunks = [chunk({"role": "assistant", "content": ""})]
    chunks += [chunk({"reasoning_content": text}) for text in answer.thoughts]
    chunks += [chunk({"content": text}) for text in answer.texts]
    if answer.calls:
        head = {"index": 0, "id": CALL_ID, "type": "function", "function": {"name": CALL, "arguments": ARGUMENTS[0]}}
        chunks.append(chunk({"tool_calls": [head]}))
        chunks.append(chunk({"tool_calls": [{"index": 0, "function": {"arguments": ARGUMENTS[1]}}]}))
    if answer.end:
        word = {"stop": "stop", "length": "length", "filter": "content_filter"}[answer.end]
        chunks.append(chunk({}, finish_reason=word))
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
        chunks.append({**chunk({}), "choices": [], "usage": usage})
    return chunks


def chat_events(answer: Answer) -> list[Any]:
    """The items of openai's ``chat.completions.stream()``: each chunk, and events that repeat it."""
    events: list[Any] = []
    for chunk in chat(answer):
        events.append({"type": "chunk", "chunk": chunk, "snapshot": {"choices": []}})
        texts = [choice["delta"].get("content") for choice in chunk["choices"]]
        events += [{"type": "content.delta", "delta": text, "snapshot": "so far"} for text in texts if text]
    return events


def responses(answer: Answer) -> list[Any]:
    """Events of OpenAI's Responses."""
    response: dict[str, Any] = {"id": "answer-1", "model": "some-model", "status": "in_progress", "usage": None}
    events: list[Any] = [{"type": "response.created", "response": response}]
    events += [{"type": "response.reasoning_summary_text.delta", "delta": text} for text in answer.thoughts]
    events += [{"type": "response.output_text.delta", "output_index": 1, "delta": text} for text in answer.texts]
    events.append({"type": "response.output_text.done", "output_index": 1, "text": "".join(answer.texts)})
    if answer.calls:
        call = {"type": "function_call", "call_id": CALL_ID, "name": CALL, "arguments": ""}
        events.append({"type": "response.output_item.added", "output_index": 2, "item": call})
        kind = "response.function_call_arguments"
        events += [{"type": f"{kind}.delta", "output_index": 2, "delta": text} for text in ARGUMENTS]
        events.append({"type": f"{kind}.done", "output_index": 2, "arguments": "".join(ARGUMENTS)})
    if answer.end:
        status = "completed" if answer.end == "stop" else "incomplete"
        why = {"length": "max_output_tokens", "filter": "content_filter"}.get(answer.end)
        usage = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}
        response = {**response, "status": status, "incomplete_details": why and {"reason": why}, "usage": usage}
        events.append({"type": f"response.{status}", "response": response})
    return events


def anthropic(answer: Answer) -> list[Any]:
    """Events of Anthropic's Messages, with the additional ones of its ``.stream()``."""
    usage = {"input_tokens": 4, "cache_read_input_tokens": 3, "cache_creation_input_tokens": None, "output_tokens": 1}
    message = {"id": "answer-1", "model": "some-model", "content": [], "usage": usage}
    events: list[Any] = [{"type": "message_start", "message": message}, {"type": "ping"}]

    def block(index: int, begin: dict[str, Any], deltas: list[dict[str, Any]]) -> None:
        events.append({"type": "content_block_start", "index": index, "content_block": begin})
        events.extend({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        events.append({"type": "content_block_stop", "index": index, "content_block": begin})

    thoughts = [{"type": "thinking_delta", "thinking": text} for text in answer.thoughts]
    block(0, {"type": "thinking", "thinking": ""}, [*thoughts, {"type": "signature_delta", "signature": "x"}])
    block(1, {"type": "text", "text": ""}, [{"type": "text_delta", "text": text} for text in answer.texts])
    events.append({"type": "text", "text": "said again", "snapshot": "said again"})
    if answer.calls:
        pieces = [{"type": "input_json_delta", "partial_json": text} for text in ARGUMENTS]
        block(2, {"type": "tool_use", "id": CALL_ID, "name": CALL, "input": {}}, pieces)
    if answer.end:
        word = {"stop": "end_turn", "length": "max_tokens", "filter": "refusal"}[answer.end]
        events.append({"type": "message_delta", "delta": {"stop_reason": word}, "usage": {"output_tokens": 5}})
        events.append({"type": "message_stop"})
    return events


def langchain(answer: Answer) -> list[Any]:
    """LangChain's chunks over a provider with text content. The counts add up."""
    return [_message(text, reasoning=True) for text in answer.thoughts] + _spoken(answer, list(answer.texts))


def langchain_parts(answer: Answer) -> list[Any]:
    """LangChain's chunks over a provider with lists of parts as content."""
    thoughts = [_message([{"type": "thinking", "thinking": text, "index": 0}]) for text in answer.thoughts]
    return thoughts + _spoken(answer, [[{"type": "text", "text": text, "index": 1}] for text in answer.texts])


def _message(content: Any, *, reasoning: bool = False, **more: Any) -> dict[str, Any]:
    extra = {"reasoning_content": content} if reasoning else {}
    fields = {"type": "AIMessageChunk", "id": "answer-1", "additional_kwargs": extra, "response_metadata": {}}
    return {**fields, "content": "" if reasoning else content, "tool_call_chunks": [], "usage_metadata": None, **more}


def _spoken(answer: Answer, contents: list[Any]) -> list[Any]:
    first = {"input_tokens": 7, "output_tokens": 0, "total_tokens": 7}
    chunks = [_message("", usage_metadata=first, response_metadata={"model_name": "some-model"})]
    chunks += [_message(content) for content in contents]
    if answer.calls:
        head = {"index": 0, "id": CALL_ID, "name": CALL, "args": ARGUMENTS[0]}
        chunks.append(_message("", tool_call_chunks=[head]))
        chunks.append(_message("", tool_call_chunks=[{"index": 0, "id": None, "name": None, "args": ARGUMENTS[1]}]))
    if answer.end:
        about = {
            "stop": {"finish_reason": "STOP"},
            "length": {"stop_reason": "max_tokens"},
            "filter": {"finish_reason": "SAFETY"},
        }[answer.end]
        last = {"input_tokens": 0, "output_tokens": 5, "total_tokens": 5}
        chunks.append(_message("", response_metadata=about, usage_metadata=last))
    return chunks


def objects(value: Any) -> Any:
    """Return the same with attributes instead of keys, as SDKs have it. LangChain keeps its metadata in dicts."""
    if isinstance(value, list):
        return [objects(part) for part in value]
    if not isinstance(value, dict):
        return value
    return SimpleNamespace(**{key: part if key.endswith("_metadata") else objects(part) for key, part in value.items()})


#: Each SDK's way to say an answer.
DIALECTS: dict[str, Callable[[Answer], list[Any]]] = {
    "chat": chat,
    "chat events": chat_events,
    "responses": responses,
    "anthropic": anthropic,
    "langchain": langchain,
    "langchain parts": langchain_parts,
}
