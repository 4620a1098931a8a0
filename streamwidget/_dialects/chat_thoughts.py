"""The parts of an answer with tool calls that go back to servers of chat completions: its reasoning, under its name.

DeepSeek refuses a request without the ``reasoning_content`` of each call. OpenRouter wants its ``reasoning_details``,
and Gemini the signature in the ``extra_content`` of a call. All go back as they came. A server without any of
these gets nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from streamwidget._core.completion import ChatCompletion, ToolCall
from streamwidget._core.events import Original, ParsedEvent, TextDelta
from streamwidget._core.messages import Message
from streamwidget._dialects.chat_chunks import ChatCompletionsReader
from streamwidget._dialects.fields import field, items, plain, text

NAME = "chat_completions"
_THOUGHT = ("reasoning_content", "reasoning")
_DETAILS = "reasoning_details"
_BESIDE = "extra_content"
#: The fields of a detail in pieces.
_GROWS = ("text", "summary", "data")


class KeepingReader(ChatCompletionsReader):
    """Also keeps the parts to send back. The text of the reasoning is in the answer, so only its name is kept."""

    def __init__(self, said: Callable[[], str] = str) -> None:
        super().__init__(said)
        self._thought = ""
        self._details: list[dict[str, Any]] = []
        self._extra: dict[str, Any] = {}  # the fields beside each call, by its id or its number

    def parse(self, item: Any) -> list[ParsedEvent]:
        events = super().parse(item)
        if len(events) == 1 and type(events[0]) is TextDelta:
            return events  # the usual piece
        choice = next(iter(items(field(item, "choices"))), None)
        for name in ("delta", "message"):
            if (said := field(choice, name)) is not None and not field(choice, "index"):
                self._keep(said, is_whole=name == "message")
        if field(choice, "finish_reason") and (kept := self._kept()):
            events.append(Original(NAME, (kept,)))
        return events

    def _keep(self, said: Any, *, is_whole: bool) -> None:
        self._thought = self._thought or next((name for name in _THOUGHT if text(said, name)), "")
        details = [plain(one) for one in items(field(said, _DETAILS))]
        if details and is_whole:
            self._details = []
        for one in details:
            self._add(one)
        for place, call in enumerate(items(field(said, "tool_calls"))):
            number = field(call, "index")
            key = text(call, "id") or str(place if number is None else number)
            self._extra.setdefault(key, None)
            if beside := field(call, _BESIDE):
                self._extra[key] = plain(beside)

    def _add(self, detail: Any) -> None:
        """Add a detail, or a piece of the last one of its kind and number."""
        if not isinstance(detail, dict):
            return
        last = self._details[-1] if self._details else {}
        same = all(last.get(name) == detail.get(name) for name in ("type", "index"))
        if not same or (detail.get("index") is None and "data" in detail):
            self._details.append(dict(detail))
            return
        grown = {name: text(last, name) + text(detail, name) for name in _GROWS if name in detail}
        last.update({name: value for name, value in {**detail, **grown}.items() if value is not None})

    def _kept(self) -> dict[str, Any]:
        """Return the parts to send back. Empty without any, and without a tool call."""
        if not self._extra:
            return {}
        calls = [{"id": name, _BESIDE: beside} for name, beside in self._extra.items()]
        kept = {"thought": self._thought, _DETAILS: self._details, "calls": calls if any(self._extra.values()) else []}
        return {name: value for name, value in kept.items() if value}


def thought_fields(steps: Sequence[Message], message: Message) -> dict[str, Any]:
    """Return the fields for the reasoning of a message. ``steps`` are the messages of its turn with tool calls."""
    own = _original(message)
    if details := own.get(_DETAILS):
        return {_DETAILS: details}
    name = next((found for step in (message, *steps) if (found := _original(step).get("thought")) in _THOUGHT), None)
    reasoning = message.completion.reasoning if message.completion is not None else ""
    return {name: reasoning} if name and reasoning else {}


def with_extra(message: Message, calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Return the fields beside each of these calls."""
    kept = [one if isinstance(one, dict) else {} for one in items(_original(message).get("calls"))]
    by_id = {one.get("id"): one.get(_BESIDE) for one in kept}
    found = [by_id.get(call.id) for call in calls]
    if len(kept) == len(calls) and not any(found):
        found = [one.get(_BESIDE) for one in kept]  # the calls had no ids
    return [{_BESIDE: beside} if beside else {} for beside in found]


def _original(message: Message) -> dict[str, Any]:
    completion: ChatCompletion | None = message.completion
    original = completion.original if completion is not None else None
    return original.parts[0] if original is not None and original.dialect == NAME and original.parts else {}
