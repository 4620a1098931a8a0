"""Message chunks of LangChain and LangGraph, from any provider: those of models, and those of tools among them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from streamwidget._core.events import (
    Identity,
    NewStep,
    ParsedEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
)
from streamwidget._dialects.fields import as_text, count, field, items, plain, text, word
from streamwidget._dialects.finish_reasons import finish, reason_of
from streamwidget._dialects.left_out import left_out, unknown_part, unread
from streamwidget._dialects.repeats import new_in_piece

_TYPES = ("AIMessageChunk", "ai")
_TOOLS = ("tool", "ToolMessageChunk")
_REASONS = ("finish_reason", "stop_reason", "done_reason", "stopReason")  # of OpenAI, Anthropic, Ollama, Bedrock
#: Ignored parts of a content list. ``tool_call_chunks`` repeats most of them, and nobody reads the others.
_SILENT = (
    *("tool_use", "input_json_delta", "tool_call", "tool_call_chunk", "invalid_tool_call", "function_call"),
    *("signature", "signature_delta", "custom_tool_call", "redacted_thinking_signature"),
)
_IN_EXTRA = frozenset({"reasoning_content", "reasoning", "refusal", "tool_calls", "function_call", "audio"})
#: Metadata that is a part of the answer.
_BESIDE = ("logprobs", "citations", "search_results", "grounding_metadata", "images", "related_questions")


class LangChainReader:
    """Reads ``AIMessageChunk``: text or a list of parts, pieces of tool calls, and metadata at the end.

    The token counts of the chunks add up.

    Parameters
    ----------
    said : callable
        Returns the text so far.
    """

    plain_end = False

    def __init__(self, said: Callable[[], str] = str) -> None:
        self._said = said
        self._length = 0  # of the text so far
        self._used = (0, 0, 0)
        self._in_chunks: set[str] = set()  # the ids of messages that came, whole or in chunks
        self._message: str | None = None  # the id of the message that is being read

    @staticmethod
    def fits(item: Any) -> bool:
        kind = field(item, "type")
        if kind not in _TYPES:
            return field(item, "response_metadata") is not None and isinstance(kind, str)
        return isinstance(field(item, "content"), str | list)

    def parse(self, item: Any) -> list[ParsedEvent]:
        kind, name = field(item, "type"), word(field(item, "id"))
        if kind in _TOOLS and name in self._in_chunks:
            return []  # LangGraph's stream_mode="values" repeats all messages after each step
        if kind in _TOOLS:
            if kind == "tool" and name is not None:
                self._in_chunks.add(name)
            # LangGraph streams the messages of tools among those of the model.
            result = as_text(field(item, "content"))
            return [ToolResult(word(field(item, "tool_call_id")), word(field(item, "name")), result)]
        if kind not in _TYPES:
            return []  # the person's own message, or a system prompt
        if kind == "ai" and (name in self._in_chunks or self._was_said(field(item, "content"))):
            return []  # the whole message, after its chunks
        if name is not None:
            self._in_chunks.add(name)
        about = field(item, "response_metadata") or {}
        model = text(about, "model_name") or text(about, "model")
        reason = _reason_of(about)
        is_last = reason is not None or field(item, "chunk_position") == "last"
        events: list[ParsedEvent] = [Identity(model or None, name)]
        if name is not None and name != self._message:
            events.append(NewStep())
            self._message, self._used = name, (0, 0, 0)
        extra = field(item, "additional_kwargs")
        events.append(ReasoningDelta(text(extra, "reasoning_content")))
        content = field(item, "content")
        for part in content if isinstance(content, list) else [content]:
            events += self._part(part, is_last=is_last)
        events += self._text(text(extra, "audio", "transcript"), is_last=is_last)
        events.append(RefusalDelta(text(extra, "refusal")))
        events += self._calls(item)
        events += _beside(extra, about)
        usage = field(item, "usage_metadata")
        if usage is not None:
            counts = (count(field(usage, f"{part}_tokens")) or 0 for part in ("input", "output", "total"))
            self._used = tuple(map(sum, zip(self._used, counts, strict=True)))  # type: ignore[assignment]
            cached = count(field(usage, "input_token_details", "cache_read"))
            events.append(Usage(*self._used, cached, count(field(usage, "output_token_details", "reasoning"))))
        if reason is not None:
            events += finish(reason)
        return events

    def _was_said(self, content: Any) -> bool:
        """Whether a whole message is the end of the text so far."""
        parts = content if isinstance(content, list) else [content]
        whole = "".join(part if isinstance(part, str) else text(part, "text") for part in parts).strip()
        return bool(whole and self._length and self._said().strip().endswith(whole))

    def _text(self, piece: str, *, is_last: bool) -> list[ParsedEvent]:
        if self._length and (is_last or len(piece) >= self._length):
            piece = new_in_piece(piece, self._said(), is_last=is_last)
        self._length += len(piece)
        return [TextDelta(piece)]

    def _part(self, part: Any, *, is_last: bool) -> Iterator[ParsedEvent]:
        if isinstance(part, str):
            yield from self._text(part, is_last=is_last)
            return
        kind = field(part, "type")
        if kind in ("text", "output_text") or (kind is None and isinstance(field(part, "text"), str)):
            yield from self._text(text(part, "text"), is_last=is_last)
            for name in ("annotations", "citations"):
                if cited := items(field(part, name)):
                    yield left_out(name, cited)
        elif kind in ("thinking", "reasoning"):
            yield ReasoningDelta(text(part, "thinking") or text(part, "reasoning") or text(part, "text"))
            yield from (ReasoningDelta(text(piece, "text")) for piece in items(field(part, "summary")))
        elif kind == "reasoning_content":  # of Bedrock
            yield ReasoningDelta(text(part, "reasoning_content", "text"))
        elif kind == "refusal":
            yield RefusalDelta(text(part, "refusal"))
        elif kind in ("server_tool_call", "server_tool_call_chunk", "server_tool_use"):
            given = plain(field(part, "args") or field(part, "input"))
            arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False) if given else ""
            yield ToolCallDelta(None, word(field(part, "id")), word(field(part, "name")), arguments)
        elif kind not in _SILENT:
            yield from unknown_part(plain(part))

    def _calls(self, item: Any) -> Iterator[ParsedEvent]:
        if field(item, "type") == "ai":  # a whole message
            for place, call in enumerate(items(field(item, "tool_calls"))):
                arguments = as_text(field(call, "args"))
                yield ToolCallDelta(place, word(field(call, "id")), word(field(call, "name")), arguments)
            return
        for call in items(field(item, "tool_call_chunks")):
            name, arguments = word(field(call, "name")), text(call, "args")
            yield ToolCallDelta(count(field(call, "index")), word(field(call, "id")), name, arguments)


def _reason_of(about: Any) -> str | None:
    reason = next((found for name in _REASONS if (found := reason_of(field(about, name)))), None)
    if reason is None and field(about, "status") == "incomplete":  # the Responses API
        return reason_of(field(about, "incomplete_details", "reason")) or "incomplete"
    return "completed" if reason is None and field(about, "status") == "completed" else reason


def _beside(extra: Any, about: Any) -> Iterator[ParsedEvent]:
    """Name what a message has beside its content."""
    extra, about = plain(extra), plain(about)
    if isinstance(extra, dict):
        yield from unread(extra, _IN_EXTRA)
        if field(extra, "audio", "data"):
            yield left_out("audio")
    for name in _BESIDE:
        if found := field(about, name):
            yield left_out(name, found if isinstance(found, list) else ())
