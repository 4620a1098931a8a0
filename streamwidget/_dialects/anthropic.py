"""Events of Anthropic's Messages API, from the anthropic SDK's ``create(stream=True)`` and ``.stream()``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from streamwidget._core.completion import STEP_BREAK
from streamwidget._core.events import (
    Identity,
    Lost,
    ParsedEvent,
    ReasoningDelta,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from streamwidget._dialects.dialect import ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.fields import as_text, count, field, items, plain, text, word
from streamwidget._dialects.finish_reasons import finish, reason_of
from streamwidget._dialects.left_out import left_out
from streamwidget._dialects.repeats import new_in_message

_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
#: Pieces without words: a signature is for the next request.
_SILENT = ("signature_delta", "signature")
#: Fields in which a result has its entries.
_ENTRIES = ("content", "results", "search_results", "citations")


class MessagesReader:
    """Reads the raw events. ``.stream()`` adds events of its own. They repeat the raw ones, so they are ignored.

    Parameters
    ----------
    said : callable
        Returns the text so far.
    """

    plain_end = False

    def __init__(self, said: Callable[[], str] = str) -> None:
        self._said = said
        self._prompt: int | None = None
        self._cached: int | None = None
        self._written: int | None = None  # into the cache
        self._blocks: set[int | None] = set()  # the places of blocks that came
        self._thought: int | None = None  # the place of the block of thinking that came last
        self._whole_calls: set[int | None] = set()  # the places of calls that came with their arguments
        self._bare_calls: set[int | None] = set()  # those of calls without arguments so far

    @staticmethod
    def fits(item: Any) -> bool:
        kind = field(item, "type")
        return kind in ("error", "ping") or str(kind).startswith(("message_", "content_block_"))

    def parse(self, item: Any) -> list[ParsedEvent]:
        match field(item, "type"):
            case "message_start":
                message = field(item, "message")
                who = Identity(word(field(message, "model")), word(field(message, "id")))
                return [who, *self._message(message), *self._usage(field(message, "usage"))]
            case "content_block_start":
                return list(self._block(field(item, "content_block"), count(field(item, "index"))))
            case "content_block_delta":
                return list(self._delta(field(item, "delta"), count(field(item, "index"))))
            case "content_block_stop" if (index := count(field(item, "index"))) in self._bare_calls:
                self._bare_calls.discard(index)
                return [ToolCallDelta(index, None, None, "{}")]
            case "message_delta":
                return [*self._usage(field(item, "usage")), *_end(field(item, "delta"))]
            case "message":  # the whole answer, alone or once more
                return [*self._message(item), *self._usage(field(item, "usage")), *_end(item)]
            case "error":
                raise ServerReportedError(error_info(plain(field(item, "error") or item), 200))
        return []

    def _message(self, message: Any) -> Iterator[ParsedEvent]:
        """Read the blocks of a whole message, as far as they did not come before."""
        for index, block in enumerate(items(field(message, "content"))):
            if field(block, "type") == "text" and self._blocks:
                said, whole = self._said(), text(block, "text")
                if whole.strip() not in said:
                    rest = new_in_message(whole, said)
                    yield TextDelta(whole if rest is None else rest)
            elif index not in self._blocks:
                yield from self._block(block, index)
                if index in self._bare_calls:
                    yield ToolCallDelta(index, None, None, "{}")

    def _block(self, block: Any, index: int | None) -> Iterator[ParsedEvent]:
        self._blocks.add(index)
        kind = text(block, "type")
        match kind:
            case "text":
                yield TextDelta(text(block, "text"))
                if citations := items(field(block, "citations")):
                    yield left_out("citations", citations)
            case "thinking":
                yield from self._thinking(text(block, "thinking"), index)
            case _ if kind in _CALLS:
                given = plain(field(block, "input"))
                (self._whole_calls if given else self._bare_calls).add(index)
                arguments = as_text(given) if given else ""
                yield ToolCallDelta(index, word(field(block, "id")), word(field(block, "name")), arguments)
            case "fallback":
                first, now = text(block, "from", "model"), text(block, "to", "model")
                yield StreamWarning("other_model", f"{now or 'another model'} answered in place of {first or 'it'}")
            case _ if (why := text(block, "content", "error_code")) or field(block, "is_error") is True:
                why = why or text(next(iter(items(field(block, "content"))), None), "text")
                said = f"{kind.removesuffix('_tool_result')} failed: {why}".removesuffix(": ")
                yield StreamWarning("tool_failed", said)
            case _:
                named = left_out(kind, self._entries(block, index))
                if named.what.startswith("part of"):
                    yield Lost()  # it may be text
                yield named

    def _thinking(self, piece: str, index: int | None) -> Iterator[ParsedEvent]:
        """Read a piece of thinking. A blank line stands between two blocks of it."""
        if piece:
            if self._thought not in (None, index):
                yield ReasoningDelta(STEP_BREAK)
            self._thought = index
            yield ReasoningDelta(piece)

    @staticmethod
    def _entries(block: Any, index: int | None) -> list[Any]:
        """Return one entry for each result of a tool, or one for the whole block."""
        found = next((list_ for name in _ENTRIES if (list_ := items(field(block, name)))), [])
        return found or [f"block {index}"]

    def _delta(self, delta: Any, index: int | None) -> Iterator[ParsedEvent]:
        self._blocks.add(index)
        kind = text(delta, "type")
        match kind:
            case "text_delta":
                yield TextDelta(text(delta, "text"))
            case "thinking_delta":
                yield from self._thinking(text(delta, "thinking"), index)
            case "input_json_delta":
                if index not in self._whole_calls and text(delta, "partial_json"):
                    self._bare_calls.discard(index)
                    yield ToolCallDelta(index, None, None, text(delta, "partial_json"))
            case "citations_delta":
                yield left_out("citations", [field(delta, "citation")])
            case _ if kind not in _SILENT:
                named = left_out(kind.removesuffix("_delta"))
                if named.what.startswith("part of"):
                    yield Lost()
                yield named

    def _usage(self, usage: Any) -> list[ParsedEvent]:
        """Read the counts so far. Those of the prompt often come only at the start, with cached tokens apart."""
        if usage is None:
            return []
        prompt = [tokens for name in _PROMPT if (tokens := count(field(usage, name))) is not None]
        if prompt:
            self._prompt = sum(prompt)
            self._cached = count(field(usage, "cache_read_input_tokens"))
            self._written = count(field(usage, "cache_creation_input_tokens"))
        output = count(field(usage, "output_tokens"))
        total = None if self._prompt is None or output is None else self._prompt + output
        thinking = count(field(usage, "output_tokens_details", "thinking_tokens"))
        return [Usage(self._prompt, output, total, self._cached, thinking, cache_write_tokens=self._written)]


def _end(about: Any) -> list[ParsedEvent]:
    reason = reason_of(field(about, "stop_reason"))
    if reason is None:
        return []
    events: list[ParsedEvent] = [*finish(reason, text(about, "stop_details", "explanation"))]
    if reason == "pause_turn":
        events.append(StreamWarning("end_explained", "Anthropic paused a long turn. Continue goes on with it"))
    return events
