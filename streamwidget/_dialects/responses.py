"""Events of OpenAI's Responses API, from the openai SDK's ``create(stream=True)`` and ``.stream()``.

A part comes in pieces, then whole (``...done``), then in its item, then in the response. Only the pieces are read,
if there were any. Other items than text are shown as tool calls, or named (:mod:`~streamwidget._dialects.left_out`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from streamwidget._core.completion import STEP_BREAK
from streamwidget._core.events import (
    Finish,
    Identity,
    ParsedEvent,
    ReasoningDelta,
    RefusalDelta,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from streamwidget._dialects.dialect import ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.fields import as_text, count, field, items, number, plain, text, word
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
#: The calls among the items: the field of their arguments, and the name to show for a call without one.
_CALLS: dict[str, tuple[str, str]] = {
    "function_call": ("arguments", ""),
    "custom_tool_call": ("input", ""),
    "mcp_call": ("arguments", "mcp"),
    "code_interpreter_call": ("code", "code_interpreter"),
    "computer_call": ("action", "computer"),
    "local_shell_call": ("action", "local_shell"),
    "shell_call": ("action", "shell"),
    "apply_patch_call": ("operation", "apply_patch"),
    "tool_search_call": ("arguments", "tool_search"),
    "program": ("code", "program"),
    "mcp_approval_request": ("arguments", "mcp"),
}
_ARGUMENTS = ("function_call_arguments", "custom_tool_call_input", "mcp_call_arguments", "code_interpreter_call_code")
#: The result of a server tool, in the item at its end.
_RESULTS = ("output", "outputs", "results", "result")
#: Items of no use to a person: the tools on offer, and the person's own words.
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
        self._streamed: set[_Delta] = set()  # kinds with a piece so far
        self._places: set[tuple[Any, ...]] = set()  # the parts in pieces
        self._others: dict[_Delta, list[str]] = {ReasoningDelta: [], RefusalDelta: []}  # their pieces
        self._part: tuple[Any, ...] | None = None  # the last part of the reasoning
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
            part = _part(item, about)
            self._streamed.add(_PARTS[about])
            self._places.add(part)
            yield from self._piece(part, text(item, "delta"))
        elif step == "done" and about in _PARTS:
            part = _part(item, about)
            if part not in self._places:
                self._places.add(part)
                yield from self._whole(part, text(item, "text") or text(item, about.rpartition(".")[2]))
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

    def _piece(self, part: tuple[Any, ...], piece: str) -> Iterator[ParsedEvent]:
        """Read a piece of a part. A blank line stands between two parts of the reasoning, because they have titles."""
        kind = part[0]
        if piece and kind is not TextDelta:
            if kind is ReasoningDelta:
                if self._part not in (None, part):
                    yield ReasoningDelta(STEP_BREAK)
                self._part = part
            self._others[kind].append(piece)
        yield kind(piece)

    def _whole(self, part: tuple[Any, ...], whole: str) -> Iterator[ParsedEvent]:
        """Read a whole part. Nothing of it came in pieces."""
        kind = part[0]
        if kind in self._streamed:
            said = self._said() if kind is TextDelta else "".join(self._others[kind])
            if whole.strip() in said:
                return
            rest = new_in_message(whole, said)
            whole = whole if rest is None else rest
        self._streamed.add(kind)
        if whole:
            yield from self._piece(part, whole)

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
        if is_done and (words := _failure(item)):
            yield StreamWarning("tool_failed", f"{word(field(item, 'name')) or kind.removesuffix('_call')} {words}")
        elif is_done and kind not in _SILENT and (results or kind not in _CALLS):
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
                whose = (_PARTS[kind], place, index, name == "summary")
                if whose not in self._places:
                    self._places.add(whose)
                    yield from self._whole(whose, text(part, "text") or text(part, "refusal"))

    def _call(self, item: Any, place: int | None, *, is_done: bool) -> Iterator[ParsedEvent]:
        kind = text(item, "type")
        name, default = _CALLS[kind]
        call_id = word(field(item, "call_id")) or word(field(item, "id"))
        arguments = (
            "" if place in self._arguments or not is_done else as_text(field(item, name) or field(item, f"{name}s"))
        )
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


def _part(item: Any, about: str) -> tuple[Any, ...]:
    """Return the identity of a part: its kind, the place of its item, and its own place there."""
    is_summary = "summary" in about
    return (
        _PARTS[about],
        field(item, "output_index"),
        field(item, "summary_index" if is_summary else "content_index"),
        is_summary,
    )


def _failure(item: Any) -> str:
    """Return how a tool of the server failed, in words. Empty: it did not."""
    if found := field(item, "error"):
        return f"failed: {error_info(plain(found), 200).message}"
    return "failed" if field(item, "status") == "failed" else ""
