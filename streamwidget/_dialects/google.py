"""Answers of Gemini: from google-genai, from the JSON on its wire, and as events of Google's Agent Development Kit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from streamwidget._core.events import (
    Identity,
    ParsedEvent,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
)
from streamwidget._dialects.dialect import ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.fields import count, items, plain
from streamwidget._dialects.finish_reasons import finish
from streamwidget._dialects.layout import as_text
from streamwidget._dialects.left_out import left_out
from streamwidget._dialects.paths import MISSING, at, word_of

_COUNTS = (
    "prompt_token_count",
    "candidates_token_count",
    "total_token_count",
    "cached_content_token_count",
    "thoughts_token_count",
)
#: What a candidate has beside its parts, and where the list of it is.
_BESIDE = {
    "grounding": "grounding_metadata.grounding_chunks",
    "citations": "citation_metadata.citation_sources",
    "url_context": "url_context_metadata.url_metadata",
}


class GoogleReader:
    """Reads chunks with ``candidates``, and events of an agent with ``content.parts``.

    An agent's event that is not ``partial`` repeats the pieces before it.
    """

    plain_end = False

    def __init__(self, said: Callable[[], str] = str) -> None:
        self._said = said
        self._pieces = False  # pieces of the agent's next whole event came

    @staticmethod
    def fits(item: Any) -> bool:
        if at(item, "candidates", MISSING) is not MISSING:
            return at(item, "usage_metadata", MISSING) is not MISSING or at(item, "candidates.0.content") is not None
        return at(item, "content.parts") is not None and at(item, "author") is not None

    def parse(self, item: Any) -> list[ParsedEvent]:
        if at(item, "error"):
            raise ServerReportedError(error_info(plain(at(item, "error")), 200))
        return list(self._read(item))

    def _read(self, item: Any) -> Iterator[ParsedEvent]:
        yield Identity(word_of(at(item, "model_version")), word_of(at(item, "response_id")))
        is_agent = at(item, "author") is not None
        candidate = item if is_agent else at(item, "candidates.0")
        partial = at(item, "partial") is True
        for part in at(candidate, "content.parts") or ():
            yield from self._part(part, repeated=is_agent and not partial and self._pieces)
        self._pieces = partial
        for name, path in _BESIDE.items():
            if found := items(at(candidate, path)):
                yield left_out(name, found)
        counts = [count(at(item, f"usage_metadata.{name}")) for name in _COUNTS]
        if any(found is not None for found in counts):
            prompt, said, total, cached, thought = counts
            answer = None if said is None and thought is None else (said or 0) + (thought or 0)
            yield Usage(prompt, answer, total, cached, thought)
        reason = word_of(at(candidate, "finish_reason")) or word_of(at(item, "prompt_feedback.block_reason"))
        if reason is None and is_agent and (at(item, "turn_complete") or _is_last(item)):
            reason = "stop"
        if reason is not None:
            yield from finish(reason)

    def _part(self, part: Any, *, repeated: bool) -> Iterator[ParsedEvent]:
        text = at(part, "text")
        if isinstance(text, str):
            if not repeated:
                yield (ReasoningDelta if at(part, "thought") else TextDelta)(text)
        elif (call := at(part, "function_call")) is not None:
            yield ToolCallDelta(None, word_of(at(call, "id")), word_of(at(call, "name")), as_text(at(call, "args")))
        elif (result := at(part, "function_response")) is not None:
            name, value = word_of(at(result, "name")), as_text(at(result, "response"))
            yield ToolResult(word_of(at(result, "id")), name, value)
        elif (code := at(part, "executable_code")) is not None:
            yield ToolCallDelta(None, None, "code_execution", as_text(at(code, "code")))
        elif (output := at(part, "code_execution_result")) is not None:
            yield ToolResult(None, "code_execution", as_text(at(output, "output")))
        else:
            for name in ("inline_data", "file_data"):
                if (data := at(part, name)) is not None:
                    yield left_out(word_of(at(data, "mime_type")) or "file", [at(data, "file_uri") or part])


def _is_last(item: Any) -> bool:
    """Return whether an agent's event is the end of its answer: whole, of text alone."""
    parts = at(item, "content.parts") or ()
    calls = any(at(part, name) is not None for part in parts for name in ("function_call", "function_response"))
    return at(item, "partial") is not True and not calls
