"""Events of OpenAI's Responses API, from the openai SDK's ``create(stream=True)`` and ``.stream()``."""

from __future__ import annotations

from typing import Any

from streamwidget._core.events import (
    Finish,
    Identity,
    ParsedEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from streamwidget._dialects.dialect import ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.fields import count, field, plain, text, word
from streamwidget._dialects.finish_reasons import finish

_DELTAS: dict[str, type[TextDelta | RefusalDelta | ReasoningDelta]] = {
    "response.output_text.delta": TextDelta,
    "response.refusal.delta": RefusalDelta,
    "response.reasoning_text.delta": ReasoningDelta,
    "response.reasoning_summary_text.delta": ReasoningDelta,
}
_ARGUMENTS = frozenset({"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"})
_CALLS = frozenset({"function_call", "custom_tool_call"})


class ResponsesReader:
    """Reads events with types such as ``response.output_text.delta``. It ignores unknown types."""

    plain_end = False

    @staticmethod
    def fits(item: Any) -> bool:
        return str(field(item, "type")).startswith("response.")

    def parse(self, item: Any) -> list[ParsedEvent]:
        kind = field(item, "type")
        if kind in _DELTAS:
            return [_DELTAS[kind](text(item, "delta"))]
        place = count(field(item, "output_index"))
        if kind in _ARGUMENTS:
            return [ToolCallDelta(place, None, None, text(item, "delta"))]
        if kind == "response.output_item.added" and field(item, "item", "type") in _CALLS:
            call = field(item, "item")
            return [ToolCallDelta(place, word(field(call, "call_id")), word(field(call, "name")), "")]
        if kind == "error":
            raise ServerReportedError(error_info(plain(field(item, "error") or item), 200))
        response = field(item, "response")
        return [] if response is None else self._parse_response(response)

    def _parse_response(self, response: Any) -> list[ParsedEvent]:
        """Read the response object. It comes at the start and at the end."""
        events: list[ParsedEvent] = [Identity(word(field(response, "model")), word(field(response, "id")))]
        usage = field(response, "usage")
        if usage is not None:
            events.append(
                Usage(
                    count(field(usage, "input_tokens")),
                    count(field(usage, "output_tokens")),
                    count(field(usage, "total_tokens")),
                    count(field(usage, "input_tokens_details", "cached_tokens")),
                    count(field(usage, "output_tokens_details", "reasoning_tokens")),
                )
            )
        status = field(response, "status")
        if status == "completed":
            events.append(Finish("completed", "complete"))
        elif status == "incomplete":
            reason = word(field(response, "incomplete_details", "reason")) or "incomplete"
            events += finish(reason)
        elif status in ("failed", "cancelled"):
            error = plain(field(response, "error")) or f"the response ended with status {status!r}"
            raise ServerReportedError(error_info(error, 200), events)
        return events
