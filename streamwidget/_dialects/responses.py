"""Events of OpenAI's Responses API, from the openai SDK's ``create(stream=True)`` and ``.stream()``.

A part comes in pieces, then whole (``...done``), then in its item, then in the response. What came in pieces is not
read again. Items that are not text are shown as tool calls, or named (:mod:`~streamwidget._dialects.left_out`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
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
from streamwidget._dialects.fields import count, field, items, number, plain, text, word
from streamwidget._dialects.finish_reasons import finish, reason_of
from streamwidget._dialects.left_out import left_out, unknown_part
from streamwidget._dialects.repeats import new_in_message

_Delta = type[TextDelta | RefusalDelta | ReasoningDelta]
#: Kinds of parts, as in ``response.output_text.delta`` and in ``{"type": "output_text", "text": ...}``.
_PARTS: dict[str, _Delta] = {
    "output_text": TextDelta,
    "text": TextDelta,
    "refusal": RefusalDelta,
    "reasoning_text": ReasoningDelta,
    "reasoning_summary_text": ReasoningDelta,
    "summary_text": ReasoningDelta,
    "reasoning_summary": ReasoningDelta,
    "reasoning": ReasoningDelta,
    "audio.transcript": TextDelta,
    "audio_transcript": TextDelta,
    "output_audio_transcript": TextDelta,
}
#: Items that are calls, with the field of their arguments, and the name to show where they have none.
_CALLS: dict[str, tuple[str, str]] = {
    "function_call": ("arguments", ""),
    "custom_tool_call": ("input", ""),
    "mcp_call": ("arguments", "mcp"),
    "code_interpreter_call": ("code", "code_interpreter"),
    "computer_call": ("action", "computer"),
    "local_shell_call": ("action", "local_shell"),
    "shell_call": ("action", "shell"),
    "apply_patch_call": ("operation", "apply_patch"),
}
_ARGUMENTS = ("function_call_arguments", "custom_tool_call_input", "mcp_call_arguments", "code_interpreter_call_code")
#: What a server tool brought back, in the item at its end.
_RESULTS = ("output", "outputs", "results", "result")
#: Items that say nothing to a person: what a tool could do, and the person's own words.
_SILENT = ("mcp_list_tools", "compaction", "item_reference")


class ResponsesReader:
    """Reads events with types such as ``response.output_text.delta``.

    Parameters
    ----------
    said : callable
        Returns the text so far.
    """

    plain_end = False

    def __init__(self, said: Callable[[], str] = str) -> None:
        self._said = said
        self._streamed: set[_Delta] = set()  # kinds of which something came
        self._places: set[tuple[Any, ...]] = set()  # the parts that came in pieces
        self._calls: set[int | None] = set()  # the places of calls
        self._arguments: set[int | None] = set()  # those with arguments

    @staticmethod
    def fits(item: Any) -> bool:
        return str(field(item, "type")).startswith("response.")

    def parse(self, item: Any) -> list[ParsedEvent]:
        kind = str(getattr(field(item, "type"), "value", field(item, "type")))  # LiteLLM: a member of an enumeration
        if kind == "error":
            raise ServerReportedError(error_info(plain(field(item, "error") or item), 200))
        response = field(item, "response")
        if response is not None:
            events = self._response(response)
            if kind == "response.completed" and field(response, "status") is None:  # openai-agents makes such events
                events.append(Finish("completed", "complete"))
            return events
        return list(self._event(item, kind.removeprefix("response.")))

    def _event(self, item: Any, kind: str) -> Iterator[ParsedEvent]:
        about, _, step = kind.rpartition(".")
        place = count(field(item, "output_index"))
        if step == "delta" and about in _PARTS:
            self._streamed.add(_PARTS[about])
            self._places.add(self._place(item, about))
            yield _PARTS[about](text(item, "delta"))
        elif step == "done" and about in _PARTS:
            if self._place(item, about) not in self._places:
                self._places.add(self._place(item, about))
                yield from self._whole(_PARTS[about], text(item, "text") or text(item, about.rpartition(".")[2]))
        elif step == "delta" and about in _ARGUMENTS:
            self._arguments.add(place)
            yield ToolCallDelta(place, None, None, text(item, "delta"))
        elif step in ("added", "done") and about == "output_item":
            yield from self._item(field(item, "item"), place, is_done=step == "done")
        elif about in ("output_text.annotation", "output_text_annotation"):
            yield left_out("annotation", [field(item, "annotation")])
        elif step == "partial_image":
            yield left_out("image", [field(item, "item_id") or place or ""])
        elif step == "delta" and about not in ("mcp_call", "obfuscation"):
            yield left_out(about)

    def _place(self, item: Any, about: str) -> tuple[Any, ...]:
        part = field(item, "summary_index") if "summary" in about else field(item, "content_index")
        return _PARTS[about], field(item, "output_index"), part

    def _whole(self, kind: _Delta, whole: str) -> Iterator[ParsedEvent]:
        """Read a part that did not come in pieces."""
        if kind is TextDelta and TextDelta in self._streamed:
            said = self._said()
            if whole.strip() in said:
                return
            rest = new_in_message(whole, said)
            whole = whole if rest is None else rest
        elif kind in self._streamed:
            return
        self._streamed.add(kind)
        if whole:
            yield kind(whole)

    def _item(self, item: Any, place: int | None, *, is_done: bool) -> Iterator[ParsedEvent]:
        """Read an item: of ``output_item.added``, of ``output_item.done``, or of the whole response."""
        kind = text(item, "type")
        if kind in ("message", "reasoning"):
            if is_done:
                yield from self._parts(item, place)
            return
        if kind in _CALLS:
            yield from self._call(item, place, is_done=is_done)
        results = [found for name in _RESULTS if (found := field(item, name))]
        if is_done and kind not in _SILENT and (results or kind not in _CALLS):
            many = next((found for found in results if isinstance(found, list)), field(item, "action", "sources"))
            name = f"{kind.removesuffix('_call')}_result" if results else kind
            yield left_out(name, many or [field(item, "id") or f"{kind} {place}"])

    def _parts(self, item: Any, place: int | None) -> Iterator[ParsedEvent]:
        for name in ("summary", "content"):
            for index, part in enumerate(items(field(item, name))):
                kind = text(part, "type")
                if kind not in _PARTS:
                    if kind not in ("output_audio", "audio") or field(part, "data"):
                        yield from unknown_part(plain(part))
                    continue
                if annotations := items(field(part, "annotations")):
                    yield left_out("annotation", annotations)
                if (_PARTS[kind], place, index) not in self._places:
                    self._places.add((_PARTS[kind], place, index))
                    yield from self._whole(_PARTS[kind], text(part, "text") or text(part, "refusal"))

    def _call(self, item: Any, place: int | None, *, is_done: bool) -> Iterator[ParsedEvent]:
        kind = text(item, "type")
        name, default = _CALLS[kind]
        call_id = word(field(item, "call_id")) or word(field(item, "id"))
        arguments = "" if place in self._arguments or not is_done else _written(field(item, name))
        if place in self._calls and not arguments:
            return
        self._calls.add(place)
        if arguments:
            self._arguments.add(place)
        yield ToolCallDelta(place, call_id, word(field(item, "name")) or default or None, arguments)

    def _response(self, response: Any) -> list[ParsedEvent]:
        """Read the response object. It comes at the start and at the end."""
        events: list[ParsedEvent] = [Identity(word(field(response, "model")), word(field(response, "id")))]
        for place, item in enumerate(items(field(response, "output"))):
            events += self._item(item, place, is_done=True)
        usage = field(response, "usage")
        if usage is not None:
            events.append(
                Usage(
                    count(field(usage, "input_tokens")),
                    count(field(usage, "output_tokens")),
                    count(field(usage, "total_tokens")),
                    count(field(usage, "input_tokens_details", "cached_tokens")),
                    count(field(usage, "output_tokens_details", "reasoning_tokens")),
                    number(field(usage, "cost")),
                )
            )
        status = field(response, "status")
        status = getattr(status, "value", status)
        if status == "completed":
            events.append(Finish("completed", "complete"))
        elif status == "incomplete":
            events += finish(reason_of(field(response, "incomplete_details", "reason")) or "incomplete")
        elif status in ("failed", "cancelled"):
            error = plain(field(response, "error")) or f"the response ended with status {status!r}"
            raise ServerReportedError(error_info(error, 200), events)
        elif isinstance(status, str) and status not in ("in_progress", "queued", ""):
            events += finish(status)
        return events


def _written(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), default=str)
