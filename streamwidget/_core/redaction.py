r"""Take a key out of what streams by, where it may come in two pieces: ``sk-12``, ``34``.

Rules
-----
- The end of a delta that may be the beginning of the key is held back until the next delta, or until the end.
- Fewer than :data:`~streamwidget._core.spellings.HEAD` characters are never held back, so ordinary text is not late. If
  the key begins with them, they are shown: ``sk-``, ``1234`` -> ``sk-``, ``[key]``.
- Words that are not secret stay in an answer: ``ollama``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from streamwidget._core.events import (
    Finish,
    Identity,
    LeftOut,
    Original,
    ParsedEvent,
    ReasoningDelta,
    RefusalDelta,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    ToolResult,
)
from streamwidget._core.secrets import ApiKey, mask_bytes
from streamwidget._core.spellings import HEAD, MASK, Spellings, unescaped

_Delta = TextDelta | ReasoningDelta | RefusalDelta
#: A field of a JSON object with a text: `"content":"sk-12"`
_FIELD = re.compile(rb'"(\w+)"\s*:\s*"((?:[^"\\]|\\.)*+)"?', re.DOTALL)


class _Flow:
    """One text that comes in pieces."""

    __slots__ = ("_held", "_may_begin", "_shown", "_spellings")

    def __init__(self, spellings: Spellings) -> None:
        self._spellings = spellings
        self._may_begin = spellings.may_begin
        self._shown = ""  # the last characters that were given away
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next piece. Return what can be shown now."""
        window = self._shown + self._held + text
        if not self._held and self._may_begin(window.lower()) is None:  # the usual case
            self._shown = window[1 - HEAD :]
            return text
        before = len(self._shown)
        pieces: list[str] = []
        place = before
        for start, end in self._spellings.spans(window):
            pieces += [window[place : max(start, place)], MASK]
            place = max(end, place)
        hold = max(place, len(window) - self._spellings.begun_at_end(window))
        self._shown, self._held = window[:hold][1 - HEAD :], window[hold:]
        return "".join([*pieces, window[place:hold]])

    def flush(self) -> str:
        """Return what was held back. So many characters of the key are the key, even if the rest never came."""
        held, self._held = self._held, ""
        return held if len(unescaped(held)[0]) < 2 * HEAD else MASK


class Redaction:
    """Takes a key out of the events of one stream.

    Parameters
    ----------
    key : ApiKey
    """

    def __init__(self, key: ApiKey) -> None:
        self._spellings = key.spellings
        self._text = _Flow(self._spellings)
        self._texts: dict[tuple[type[_Delta], int], _Flow] = {(TextDelta, 0): self._text}
        self._arguments: dict[int | None, _Flow] = {}

    def clean(self, events: Iterable[ParsedEvent]) -> Iterator[ParsedEvent]:
        """Yield the events without the key."""
        for event in events:
            if type(event) is TextDelta and event.index == 0:  # the usual case
                text = self._text.feed(event.text)
                yield event if text == event.text else TextDelta(text, 0)
                continue
            match event:
                case TextDelta() | ReasoningDelta() | RefusalDelta():
                    key = (type(event), event.index)
                    flow = self._texts.get(key) or self._texts.setdefault(key, _Flow(self._spellings))
                    text = flow.feed(event.text)
                    yield event if text == event.text else replace(event, text=text)
                case ToolCallDelta():
                    yield self._clean_call(event)
                case Identity():
                    yield replace(event, model=self._word(event.model), request_id=self._word(event.request_id))
                case ToolResult():
                    text = self._spellings.replace(event.text)
                    yield replace(event, id=self._word(event.id), name=self._word(event.name), text=text)
                case StreamWarning():
                    yield replace(event, detail=self._spellings.replace(event.detail))
                case Original():
                    text = json.dumps(event.parts, ensure_ascii=False, default=str)
                    if self._spellings.replace(text) == text:
                        yield event
                case LeftOut():
                    yield replace(event, what=self._spellings.replace(event.what))
                case Finish(reason=reason):
                    yield from self.flush()
                    yield replace(event, reason=reason and self._spellings.replace(reason))
                case _:
                    yield event

    def flush(self) -> list[ParsedEvent]:
        """Return what is still held back. The stream is over."""
        held: list[ParsedEvent] = []
        for (kind, index), flow in self._texts.items():
            if text := flow.flush():
                held.append(kind(text, index))
        for number, flow in self._arguments.items():
            if text := flow.flush():
                held.append(ToolCallDelta(number, None, None, text))
        return held

    def _clean_call(self, event: ToolCallDelta) -> ToolCallDelta:
        flow = self._arguments.get(event.index)
        if flow is None:
            flow = self._arguments[event.index] = _Flow(self._spellings)
        arguments = flow.feed(event.arguments)
        return replace(event, id=self._word(event.id), name=self._word(event.name), arguments=arguments)

    def _word(self, text: str | None) -> str | None:
        return text and self._spellings.replace(text)


def redaction_for(key: ApiKey | None) -> Redaction | None:
    """Return what takes this key out of an answer. None: there is nothing to take out."""
    return Redaction(key) if key is not None and key.is_secret else None


class WireMask:
    """Masks a key in the bytes of a body, also where it is cut by the frames of a stream. The length stays the same.

    The values of each field are one text: ``{"content":"sk-12"}`` and ``{"content":"34"}``. Bytes come and go whole
    events or lines at a time, so nothing is held back. The end of a value that may be the beginning of the key is
    masked too.
    """

    def __init__(self, key: ApiKey | None) -> None:
        self._key = key
        self._spellings = key.spellings if key is not None and key.is_secret else None
        self._before: dict[bytes, str] = {}  # the last characters of each field

    def feed(self, data: bytes, *, guess: bool) -> bytes:
        """Return the next bytes without the key. ``guess`` is that of :func:`mask_bytes`."""
        spellings = self._spellings
        clean = mask_bytes(data, self._key, guess=guess)
        if spellings is None:
            return clean
        masked = bytearray(clean)
        for field in _FIELD.finditer(data):
            before = self._before.get(field[1], "")
            window = before + field[2].decode("latin-1")
            spans = spellings.spans(window)
            if begun := spellings.begun_at_end(window):
                spans.append((len(window) - begun, len(window)))
            offset = field.start(2) - len(before)
            for start, end in spans:
                first, last = max(field.start(2), offset + start), offset + end
                masked[first:last] = b"*" * max(0, last - first)
            self._before[field[1]] = window[-spellings.longest :]
        return bytes(masked)
