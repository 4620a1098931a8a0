r"""The lines that version 4 of Vercel's AI SDK sends: ``0:"Hel"\n``. Newer versions send server-sent events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from streamwidget._core.events import NewStep, ParsedEvent, ReasoningDelta, TextDelta, ToolCallDelta, ToolResult, Usage
from streamwidget._dialects.dialect import MalformedItem, ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.fields import as_text, count, field, text, word
from streamwidget._dialects.finish_reasons import finish

#: The first line: the beginning of a step, or a text, or a thought.
_FIRST = re.compile(r'f:\{"messageId":|[0g]:"(?:[^"\\]|\\.)*"\r?\n?\Z|[0g]:"(?:[^"\\]|\\.)*"\r?\n[0-9a-k]:')


class VercelLinesReader:
    """Reads strings of lines. Each line is a letter for its kind, a colon, and JSON."""

    plain_end = False

    def __init__(self) -> None:
        self._rest = ""  # a line without its end

    @staticmethod
    def fits(item: Any) -> bool:
        return isinstance(item, str) and _FIRST.match(item) is not None

    def parse(self, item: Any) -> list[ParsedEvent]:
        if not isinstance(item, str):
            raise MalformedItem(f"a {type(item).__name__} among its lines")
        *lines, self._rest = (self._rest + item).split("\n")
        if self._rest and _is_whole(self._rest):  # lines without their ends
            lines, self._rest = [*lines, self._rest], ""
        return [event for line in lines for event in _read(line.strip())]

    def close(self) -> list[ParsedEvent]:
        """Return what waits at the end of the stream."""
        rest, self._rest = self._rest, ""
        return list(_read(rest.strip()))


def _is_whole(line: str) -> bool:
    try:
        json.loads(line.partition(":")[2])
    except ValueError:
        return False
    return True


def _read(line: str) -> Iterator[ParsedEvent]:
    kind, _, data = line.partition(":")
    if not data:
        return
    try:
        value = json.loads(data)
    except ValueError:
        raise MalformedItem("a line is not JSON") from None
    match kind:
        case "0":
            yield TextDelta(value if isinstance(value, str) else "")
        case "g":
            yield ReasoningDelta(value if isinstance(value, str) else "")
        case "b" | "9":  # a call that begins, and a whole one
            yield ToolCallDelta(None, word(field(value, "toolCallId")), word(field(value, "toolName")), _args(value))
        case "c":
            yield ToolCallDelta(None, word(field(value, "toolCallId")), None, text(value, "argsTextDelta"))
        case "a":
            yield ToolResult(word(field(value, "toolCallId")), None, as_text(field(value, "result")))
        case "3":
            raise ServerReportedError(error_info(value, 200))
        case "f":
            yield NewStep()
        case "d":
            usage = field(value, "usage")
            prompt, answer = count(field(usage, "promptTokens")), count(field(usage, "completionTokens"))
            if prompt is not None or answer is not None:
                yield Usage(prompt, answer, None if prompt is None or answer is None else prompt + answer)
            yield from finish(word(field(value, "finishReason")) or "unknown")


def _args(call: Any) -> str:
    return as_text(field(call, "args"))
