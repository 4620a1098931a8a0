"""Events of Anthropic's Messages API, from the anthropic SDK's ``create(stream=True)`` and ``.stream()``."""

from __future__ import annotations

from typing import Any

from streamwidget._core.events import Identity, ParsedEvent, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from streamwidget._dialects.dialect import ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.fields import count, field, plain, text, word
from streamwidget._dialects.finish_reasons import finish

_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class MessagesReader:
    """Reads the raw events. ``.stream()`` adds events of its own. They repeat the raw ones, so they are ignored."""

    plain_end = False

    def __init__(self) -> None:
        self._prompt: int | None = None
        self._cached: int | None = None

    @staticmethod
    def fits(item: Any) -> bool:
        kind = field(item, "type")
        return kind in ("error", "ping") or str(kind).startswith(("message_", "content_block_"))

    def parse(self, item: Any) -> list[ParsedEvent]:
        match field(item, "type"):
            case "message_start":
                message = field(item, "message")
                who = Identity(word(field(message, "model")), word(field(message, "id")))
                return [who, *self._usage(field(message, "usage"))]
            case "content_block_start":
                return self._block(field(item, "content_block"), count(field(item, "index")))
            case "content_block_delta":
                return self._delta(field(item, "delta"), count(field(item, "index")))
            case "message_delta":
                events: list[ParsedEvent] = [*self._usage(field(item, "usage"))]
                reason = word(field(item, "delta", "stop_reason"))
                if reason:
                    events += finish(reason)
                return events
            case "error":
                raise ServerReportedError(error_info(plain(field(item, "error") or item), 200))
        return []

    def _block(self, block: Any, index: int | None) -> list[ParsedEvent]:
        match field(block, "type"):
            case "text":
                return [TextDelta(text(block, "text"))]
            case "thinking":
                return [ReasoningDelta(text(block, "thinking"))]
            case "tool_use" | "server_tool_use" | "mcp_tool_use":
                return [ToolCallDelta(index, word(field(block, "id")), word(field(block, "name")), "")]
        return []

    def _delta(self, delta: Any, index: int | None) -> list[ParsedEvent]:
        match field(delta, "type"):
            case "text_delta":
                return [TextDelta(text(delta, "text"))]
            case "thinking_delta":
                return [ReasoningDelta(text(delta, "thinking"))]
            case "input_json_delta":
                return [ToolCallDelta(index, None, None, text(delta, "partial_json"))]
        return []

    def _usage(self, usage: Any) -> list[ParsedEvent]:
        """Read the counts so far. Those of the prompt often come only at the start, with cached tokens apart."""
        if usage is None:
            return []
        prompt = [tokens for name in _PROMPT if (tokens := count(field(usage, name))) is not None]
        if prompt:
            self._prompt = sum(prompt)
            self._cached = count(field(usage, "cache_read_input_tokens"))
        output = count(field(usage, "output_tokens"))
        total = None if self._prompt is None or output is None else self._prompt + output
        return [Usage(self._prompt, output, total, self._cached)]
