"""Chat completions: the API of OpenAI and of many servers like it.

This file reads JSON from our own requests, and chunks and events from the openai SDK and LiteLLM.

Servers differ, so much is accepted: a missing ``index``, ``delta: null``, ``message`` instead of ``delta``, an empty
``finish_reason``. But no text is lost silently. An unreadable piece of content gives a warning.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import (
    Finish,
    Identity,
    ParsedEvent,
    ReasoningDelta,
    RefusalDelta,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from streamwidget._core.messages import Message
from streamwidget._dialects.dialect import MalformedItem, Question, ServerReportedError
from streamwidget._dialects.errors import error_info, http_error_info
from streamwidget._dialects.fields import count, field, plain, word
from streamwidget._dialects.finish_reasons import outcome_of

_GO_ON = "Go on exactly where you stopped. Do not repeat what you have written."
_DELTAS = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta)


@dataclass(frozen=True, slots=True)
class ChatCompletions:
    """The dialect of ``/chat/completions``. Its fields hold the differences between servers.

    Attributes
    ----------
    max_tokens : str
        The name of the field for an answer's greatest length. OpenAI's newer models refuse the old name, and other
        servers know only the old name.
    asks_for_usage : bool
        True: a stream asks for its token counts (``stream_options``). False for servers that refuse the field.
    """

    max_tokens: str = "max_tokens"
    asks_for_usage: bool = True

    name: ClassVar[str] = "chat_completions"
    headers: ClassVar[Mapping[str, str]] = {"Authorization": "Bearer {key}"}
    done: ClassVar[str | None] = "[DONE]"
    models_path: ClassVar[str] = "models"

    def path(self, question: Question) -> str:  # noqa: ARG002  (the same for every question)
        return "chat/completions"

    def body(self, question: Question) -> dict[str, Any]:
        """Return the JSON object to send. ``stream_options`` in the params replaces ours. None leaves it out."""
        body: dict[str, Any] = {**question.params, "messages": [_written(message) for message in question.messages]}
        if question.model is not None:
            body["model"] = question.model
        options = body.pop("stream_options", {"include_usage": True} if self.asks_for_usage else None)
        body.pop("stream", None)
        if question.stream:
            body["stream"] = True
            if options is not None:
                body["stream_options"] = options
        return body

    def limit_tokens(self, most: int) -> dict[str, Any]:
        return {self.max_tokens: most}

    def simplify(self, question: Question, refusal: ErrorInfo) -> tuple[Question, StreamWarning] | None:
        """Drop ``stream_options`` if the server refused it and the person did not ask for it."""
        ours = question.stream and self.asks_for_usage and "stream_options" not in question.params
        refused = "stream_options" in refusal.message or "include_usage" in refusal.message
        if not (ours and refusal.status in (400, 422) and refused):
            return None
        warning = StreamWarning("stream_options_refused", "the server refused stream_options: no usage is known")
        return replace(question, params={**question.params, "stream_options": None}), warning

    def go_on(self, question: Question, text: str) -> Question:
        rest = (Message("assistant", text), Message("user", _GO_ON))
        return replace(question, messages=(*question.messages, *rest))

    def reader(self) -> ChatCompletionsReader:
        return ChatCompletionsReader()

    def parse_reply(self, reply: Any) -> list[ParsedEvent]:
        if isinstance(reply, list) and reply:
            reply = reply[0]
        if not isinstance(reply, dict):
            raise MalformedItem("the reply is not a JSON object")
        events = _parse_chunk(reply)
        if not isinstance(reply.get("choices"), list):
            raise MalformedItem("the reply has no choices: it is not a chat completion")
        return events

    def parse_error(self, status: int, body: bytes) -> ErrorInfo:
        return http_error_info(status, body)

    def parse_models(self, reply: Any) -> list[str]:
        if isinstance(reply, dict) and reply.get("error"):
            raise ServerReportedError(error_info(reply["error"], 200))
        rows = reply.get("data") if isinstance(reply, dict) else reply  # Together sends the bare list
        if not isinstance(rows, list):
            raise MalformedItem("the reply is not a list of models")
        return [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]


class ChatCompletionsReader:
    """Reads chunks. Of the events of the openai SDK's ``.stream()`` it reads those with a chunk."""

    plain_end = False

    def __init__(self) -> None:
        self._named = False  # a delta came, and with it the model's name, if the server sends one

    @staticmethod
    def fits(item: Any) -> bool:
        return isinstance(field(item, "choices"), list) or isinstance(field(item, "chunk", "choices"), list)

    def parse(self, item: Any) -> list[ParsedEvent]:
        if self._named:
            # The ordinary chunk is one piece of text. It costs half as much here as below.
            try:
                (choice,) = item["choices"]
                delta = choice["delta"]
                text = delta["content"]
                if (
                    type(text) is str
                    and (len(delta) == 1 or (len(delta) == 2 and "role" in delta))
                    and not choice.get("finish_reason")
                    and not choice.get("index")
                    and not item.get("usage")
                    and not item.get("error")
                ):
                    return [TextDelta(text)]
            except (KeyError, TypeError, ValueError, AttributeError):
                pass  # any other shape
        kind = field(item, "type")
        if isinstance(kind, str) and (kind == "chunk" or "." in kind):
            # The other events of .stream() repeat the chunks. Each holds the whole answer so far.
            item = field(item, "chunk")
            if item is None:
                return []
        chunk = item if isinstance(item, dict | str) else plain(item)
        if not isinstance(chunk, dict):
            raise MalformedItem(f"a {type(item).__name__} among its chunks")
        events = _parse_chunk(chunk)
        self._named = self._named or any(isinstance(event, _DELTAS) for event in events)
        return events


def _written(message: Message | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message in the API's form. If the person wrote it in that form, it stays unchanged."""
    if not isinstance(message, Message):
        return message
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text.strip() else []
    parts.extend({"type": "image_url", "image_url": {"url": image.src}} for image in message.images)
    return {"role": message.role, "content": parts}


def _parse_chunk(chunk: dict[str, Any]) -> list[ParsedEvent]:
    """Read one chunk or one whole completion. ServerReportedError if it holds an error."""
    events: list[ParsedEvent] = []
    model, request_id = word(chunk.get("model")), word(chunk.get("id"))
    if model or request_id:
        events.append(Identity(model, request_id))
    error = chunk.get("error") or (chunk if chunk.get("object") == "error" else None)
    choices = chunk.get("choices")
    for place, choice in enumerate(choices if isinstance(choices, list) else ()):
        if not isinstance(choice, dict):
            continue
        index = choice.get("index")
        if type(index) is not int:
            index = place
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            events.extend(_parse_delta(delta, index))
        reason = word(choice.get("finish_reason"))
        if reason == "error":  # OpenRouter. It is a failure, even without an error object
            error = error or choice.get("error") or "the provider stopped with finish_reason 'error'"
        elif reason and index == 0:
            events.append(Finish(reason, outcome_of(reason)))
    usage = chunk.get("usage")
    if isinstance(usage, dict) and usage:
        events.append(Usage(*(count(usage.get(f"{part}_tokens")) for part in ("prompt", "completion", "total"))))
    if error:
        raise ServerReportedError(error_info(error, 200), events)
    return events


def _parse_delta(delta: dict[str, Any], index: int) -> Iterator[ParsedEvent]:
    # Two names for one thought. Some servers send both, with the same text.
    reasoning = delta.get("reasoning") or delta.get("reasoning_content")
    if isinstance(reasoning, str) and reasoning:
        yield ReasoningDelta(reasoning, index)
    content = delta.get("content")
    if isinstance(content, str):
        if content:
            yield TextDelta(content, index)
    elif isinstance(content, list):
        for part in content:
            yield from _parse_part(part, index)
    elif content is not None:
        yield from _parse_part(content, index)
    refusal = delta.get("refusal")
    if isinstance(refusal, str) and refusal:
        yield RefusalDelta(refusal, index)
    calls = delta.get("tool_calls")
    if isinstance(calls, list) and index == 0:
        for call in calls:
            if isinstance(call, dict):
                yield from _parse_tool_call(call)


def _parse_part(part: Any, index: int) -> Iterator[ParsedEvent]:
    """Read one part of a content list (Mistral): text, or a thought made of texts."""
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        yield TextDelta(part["text"], index)
    elif isinstance(part, dict) and isinstance(part.get("thinking"), list):
        for thought in part["thinking"]:
            if isinstance(thought, dict) and isinstance(thought.get("text"), str):
                yield ReasoningDelta(thought["text"], index)
    else:
        yield StreamWarning("unknown_content", "part of the answer is of an unknown kind and was left out")


def _parse_tool_call(call: dict[str, Any]) -> Iterator[ParsedEvent]:
    index = call.get("index")
    if type(index) is not int:
        index = None
        yield StreamWarning("tool_call_without_index", "the provider does not number its tool calls")
    function = call.get("function")
    if not isinstance(function, dict):
        function = {}
    arguments = function.get("arguments")
    if arguments is None:
        arguments = ""
    elif not isinstance(arguments, str):  # Ollama and others: the object itself
        arguments = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    yield ToolCallDelta(index, word(call.get("id")), word(function.get("name")), arguments)
