"""Events of Amazon Bedrock's ``converse_stream``, and those of Strands agents, in which they are wrapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamwidget._core.events import (
    NewStep,
    ParsedEvent,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
)
from streamwidget._dialects.dialect import ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.fields import as_text, count, plain
from streamwidget._dialects.finish_reasons import finish
from streamwidget._dialects.paths import at, word_of

_EVENTS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")
_COUNTS = ("inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens")
_AGENT = ("init_event_loop", "start_event_loop")


class BedrockReader:
    """Reads dicts with one key, such as ``{"contentBlockDelta": {...}}``."""

    plain_end = False

    @staticmethod
    def fits(item: Any) -> bool:
        if not isinstance(item, dict):
            return False
        inner = item.get("event")
        events = inner if isinstance(inner, dict) else item
        return any(name in events for name in _EVENTS[:5]) or any(name in item for name in _AGENT)

    def parse(self, item: Any) -> list[ParsedEvent]:
        inner = at(item, "event")
        if isinstance(inner, dict):
            item = inner
        elif at(item, "message.role") == "user":  # Strands: the results of its tools
            return list(_results(at(item, "message.content")))
        for name in item if isinstance(item, dict) else ():
            if isinstance(name, str) and name.endswith("Exception"):
                raise ServerReportedError(error_info(plain(item[name]), 200))
        return list(_read(item))


def _read(item: Any) -> Iterator[ParsedEvent]:
    if at(item, "messageStart") is not None:
        yield NewStep()
    call = at(item, "contentBlockStart.start.toolUse")
    if call is not None:
        index = count(at(item, "contentBlockStart.contentBlockIndex"))
        yield ToolCallDelta(index, word_of(at(call, "toolUseId")), word_of(at(call, "name")), "")
    block = at(item, "contentBlockDelta")
    if block is not None:
        yield TextDelta(at(block, "delta.text") or "")
        yield ReasoningDelta(at(block, "delta.reasoningContent.text") or "")
        arguments = at(block, "delta.toolUse.input")
        if arguments:
            yield ToolCallDelta(count(at(block, "contentBlockIndex")), None, None, as_text(arguments))
    counts = [count(at(item, f"metadata.usage.{name}")) for name in _COUNTS]
    if any(found is not None for found in counts):
        yield Usage(*counts)
    reason = word_of(at(item, "messageStop.stopReason"))
    if reason is not None:
        yield from finish(reason)


def _results(content: Any) -> Iterator[ParsedEvent]:
    for part in content if isinstance(content, list) else ():
        result = at(part, "toolResult")
        if result is not None:
            pieces = at(result, "content") or ()
            texts = [as_text(at(piece, "text", at(piece, "json"))) for piece in pieces]
            yield ToolResult(word_of(at(result, "toolUseId")), None, "\n".join(texts))
