"""Message chunks of LangChain's ``.stream()`` and ``.astream()``, from any provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from streamwidget._core.events import (
    Identity,
    ParsedEvent,
    ReasoningDelta,
    RefusalDelta,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from streamwidget._dialects.fields import count, field, items, plain, text, word
from streamwidget._dialects.finish_reasons import finish
from streamwidget._dialects.left_out import unknown_part

_TYPES = frozenset({"AIMessageChunk", "ai"})
_REASONS = ("finish_reason", "stop_reason", "done_reason", "stopReason")  # of OpenAI, Anthropic, Ollama, Bedrock
#: Ignored parts of a content list. ``tool_call_chunks`` repeats most of them, and nobody reads the others.
_SILENT = frozenset({"tool_use", "input_json_delta", "tool_call", "tool_call_chunk", "function_call", "signature"})


class LangChainReader:
    """Reads ``AIMessageChunk``: text or a list of parts, pieces of tool calls, and metadata at the end.

    The token counts of the chunks add up.
    """

    plain_end = False

    def __init__(self) -> None:
        self._used = (0, 0, 0)
        self._in_chunks: set[str] = set()  # the ids of messages that came in chunks

    @staticmethod
    def fits(item: Any) -> bool:
        return field(item, "type") in _TYPES and isinstance(field(item, "content"), str | list)

    def parse(self, item: Any) -> list[ParsedEvent]:
        kind, name = field(item, "type"), word(field(item, "id"))
        if kind not in _TYPES:
            # LangGraph streams the messages of tools among those of the model.
            left_out = f"a {word(kind) or 'foreign'} message came between, and is left out"
            return [StreamWarning("other_role", left_out)] if field(item, "content") else []
        if kind == "ai" and name in self._in_chunks:
            return []  # the whole message, after its chunks
        if kind != "ai" and name is not None:
            self._in_chunks.add(name)
        about = field(item, "response_metadata") or {}
        model = text(about, "model_name") or text(about, "model")
        events: list[ParsedEvent] = [Identity(model or None, name)]
        extra = field(item, "additional_kwargs")
        events.append(ReasoningDelta(text(extra, "reasoning_content")))
        content = field(item, "content")
        for part in content if isinstance(content, list) else [content]:
            events += self._part(part)
        events.append(RefusalDelta(text(extra, "refusal")))
        events += self._calls(item)
        usage = field(item, "usage_metadata")
        if usage is not None:
            counts = (count(field(usage, f"{part}_tokens")) or 0 for part in ("input", "output", "total"))
            self._used = tuple(map(sum, zip(self._used, counts, strict=True)))  # type: ignore[assignment]
            cached = count(field(usage, "input_token_details", "cache_read"))
            events.append(Usage(*self._used, cached, count(field(usage, "output_token_details", "reasoning"))))
        reason = next((found for name in _REASONS if (found := word(field(about, name)))), None)
        if reason is None and field(about, "status") == "incomplete":  # the Responses API
            reason = word(field(about, "incomplete_details", "reason"))
        elif reason is None and field(about, "status") == "completed":
            reason = "completed"
        if reason is not None:
            events += finish(reason)
        return events

    def _part(self, part: Any) -> Iterator[ParsedEvent]:
        if isinstance(part, str):
            yield TextDelta(part)
            return
        kind = field(part, "type")
        if kind in ("text", "output_text"):
            yield TextDelta(text(part, "text"))
        elif kind == "thinking":
            yield ReasoningDelta(text(part, "thinking"))
        elif kind == "reasoning":
            yield ReasoningDelta(text(part, "reasoning"))
            yield from (ReasoningDelta(text(piece, "text")) for piece in items(field(part, "summary")))
        elif kind == "refusal":
            yield RefusalDelta(text(part, "refusal"))
        elif kind not in _SILENT:
            yield from unknown_part(plain(part))

    def _calls(self, item: Any) -> Iterator[ParsedEvent]:
        if field(item, "type") == "ai":  # a whole message
            for place, call in enumerate(items(field(item, "tool_calls"))):
                arguments = json.dumps(field(call, "args"), ensure_ascii=False, separators=(",", ":"), default=str)
                yield ToolCallDelta(place, word(field(call, "id")), word(field(call, "name")), arguments)
            return
        for call in items(field(item, "tool_call_chunks")):
            name, arguments = word(field(call, "name")), text(call, "args")
            yield ToolCallDelta(count(field(call, "index")), word(field(call, "id")), name, arguments)
