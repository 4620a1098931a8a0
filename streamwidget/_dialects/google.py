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
from streamwidget._dialects.fields import as_text, count, items, plain
from streamwidget._dialects.finish_reasons import finish, outcome_of
from streamwidget._dialects.left_out import left_out, unread
from streamwidget._dialects.paths import MISSING, at, word_of

_COUNTS = (
    "prompt_token_count",
    "candidates_token_count",
    "total_token_count",
    "cached_content_token_count",
    "thoughts_token_count",
)
#: What a candidate has beside its parts: where the list of it is, and its kind.
_BESIDE = {
    "grounding_metadata.grounding_chunks": "grounding",
    "grounding_metadata.web_search_queries": "web_search_call",
    "citation_metadata.citation_sources": "citations",
    "citation_metadata.citations": "citations",  # Vertex AI
    "url_context_metadata.url_metadata": "url_context",
}
#: The fields of a part that say something about it.
_ABOUT_PART = frozenset({"thought", "thoughtSignature", "thought_signature", "partMetadata", "part_metadata"})


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
        if at(item, "prompt_feedback.block_reason") is not None:
            return True
        return at(item, "author") is not None and (
            at(item, "content.parts") is not None or at(item, "error_code") is not None
        )

    def parse(self, item: Any) -> list[ParsedEvent]:
        if at(item, "error"):
            raise ServerReportedError(error_info(plain(at(item, "error")), 200))
        if at(item, "author") == "user":  # in a live session of the Agent Development Kit
            return []
        code = word_of(at(item, "error_code"))
        if code is not None and outcome_of(code) in (None, "error"):  # an agent's. It may be a reason for the end too
            raise ServerReportedError(error_info({"code": code, "message": at(item, "error_message")}, 200))
        return list(self._read(item))

    def _read(self, item: Any) -> Iterator[ParsedEvent]:
        yield Identity(word_of(at(item, "model_version")), word_of(at(item, "response_id")))
        is_agent = at(item, "author") is not None
        candidates = [item] if is_agent else items(at(item, "candidates"))
        partial = at(item, "partial") is True
        for candidate in candidates:
            for part in at(candidate, "content.parts") or ():
                if not (is_agent and not partial and self._pieces and isinstance(at(part, "text"), str)):
                    yield from _part(part, count(at(candidate, "index")) or 0)
        self._pieces = partial
        candidate = next((one for one in candidates if not count(at(one, "index"))), None)
        for path, kind in _BESIDE.items():
            if found := items(at(candidate, path)):
                yield left_out(kind, found)
        counts = [count(at(item, f"usage_metadata.{name}")) for name in _COUNTS]
        if any(found is not None for found in counts):
            prompt, said, total, cached, thought = counts
            answer = None if said is None and thought is None else (said or 0) + (thought or 0)
            yield Usage(prompt, answer, total, cached, thought)
        reason, blocked = word_of(at(candidate, "finish_reason")), word_of(at(item, "prompt_feedback.block_reason"))
        reason = reason or word_of(at(item, "error_code"))  # an agent's
        if reason is None and is_agent and (at(item, "turn_complete") or _is_last(item)):
            reason = "stop"
        if reason is not None:
            yield from finish(reason, as_text(at(candidate, "finish_message") or at(item, "error_message")))
        elif blocked is not None:
            yield from finish(blocked, as_text(at(item, "prompt_feedback.block_reason_message")), "filtered")


def _part(part: Any, index: int) -> Iterator[ParsedEvent]:
    """Read a part of a candidate. Each candidate but the first is another answer."""
    text = at(part, "text")
    if isinstance(text, str):
        yield (ReasoningDelta if at(part, "thought") else TextDelta)(text, index)
    elif index:
        return
    elif (call := at(part, "function_call")) is not None:
        yield from _call(call, word_of(at(call, "name")))
    elif (call := at(part, "tool_call")) is not None:
        yield from _call(call, word_of(at(call, "tool_type")))
    elif (result := at(part, "function_response")) is not None:
        yield ToolResult(_id(result), word_of(at(result, "name")), as_text(at(result, "response")))
    elif (result := at(part, "tool_response")) is not None:
        yield ToolResult(_id(result), word_of(at(result, "tool_type")), as_text(at(result, "response")))
    elif (code := at(part, "executable_code")) is not None:
        yield ToolCallDelta(None, None, "code_execution", as_text(at(code, "code")))
    elif (output := at(part, "code_execution_result")) is not None:
        yield ToolResult(None, "code_execution", as_text(at(output, "output")))
    elif (data := at(part, "inline_data") or at(part, "file_data")) is not None:
        yield left_out(word_of(at(data, "mime_type")) or "file", [at(data, "file_uri") or part])
    else:
        yield from unread(plain(part), _ABOUT_PART)


def _call(call: Any, name: str | None) -> Iterator[ParsedEvent]:
    """Read a call. On Vertex AI its arguments may come in pieces (``partialArgs``), which are not put together."""
    args, comes_in_pieces = at(call, "args"), at(call, "partial_args") or at(call, "will_continue")
    if comes_in_pieces:
        yield left_out("partial_args")
    if name or args:
        yield ToolCallDelta(None, _id(call), name, "" if comes_in_pieces and not args else as_text(args) or "{}")


def _id(value: Any) -> str | None:
    return word_of(at(value, "id"))


def _is_last(item: Any) -> bool:
    """Return whether an agent's event is the end of its answer: whole, of text alone."""
    parts = at(item, "content.parts") or ()
    calls = any(at(part, name) is not None for part in parts for name in ("function_call", "function_response"))
    return at(item, "partial") is not True and not calls
