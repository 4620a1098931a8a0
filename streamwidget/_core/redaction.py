r"""Take secrets out of a stream. One may come in two pieces: ``sk-12``, ``34``.

Rules
-----
- The end of a text is held back if a secret may begin there, until the next piece or the end. Mostly
  this is one letter, the first of a key or of its base64: ``river``, ``s and sea``, ``s``.
- Plain words stay in an answer: ``ollama``.
"""

from __future__ import annotations

import json
import re
from collections import deque
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
from streamwidget._core.secrets import Secrets, mask_bytes
from streamwidget._core.spellings import HEAD, MASK, Spellings, unescaped

_Delta = TextDelta | ReasoningDelta | RefusalDelta
#: So many further events may come before the waiting ones are shown.
PATIENCE = 8
#: A field of a JSON object with a text: `"content":"sk-12"`
_FIELD = re.compile(rb'"(\w+)"\s*:\s*"((?:[^"\\]|\\.)*+)"?', re.DOTALL)


class _Flow:
    """One text in pieces."""

    __slots__ = ("_held", "_may_begin", "_spellings")

    def __init__(self, spellings: Spellings) -> None:
        self._spellings = spellings
        self._may_begin = spellings.may_begin
        self._held = ""  # the beginning of a secret, perhaps

    def feed(self, text: str) -> str:
        """Take the next piece. Return the text to show now."""
        window = self._held + text
        lower = window.lower()
        found = self._may_begin(lower)
        if found is None:  # the usual case
            self._held = ""
            return window
        start, end = found.span()
        if end == len(lower) and lower[start] not in "%&\\":  # the next usual one: only the last letters
            self._held = window[start - end :]
            return window[: start - end]
        pieces: list[str] = []
        place = 0
        for start, end in self._spellings.spans(window):
            pieces += [window[place : max(start, place)], MASK]
            place = max(end, place)
        hold = max(place, len(window) - self._spellings.begun_at_end(window))
        self._held = window[hold:]
        return "".join([*pieces, window[place:hold]])

    def flush(self) -> str:
        """Return the held text. So many characters of a secret are the secret, even if the rest never came."""
        held, self._held = self._held, ""
        return held if len(unescaped(held)[0]) < 2 * HEAD else MASK


class Redaction:
    """Takes secrets out of the events of one stream.

    Parameters
    ----------
    spellings : Spellings

    Attributes
    ----------
    uncounted : int
        How many deltas are wholly held back. If held letters come out as a delta of their own, it is one less.
    """

    def __init__(self, spellings: Spellings) -> None:
        self.uncounted = 0
        self._spellings = spellings
        self._text = _Flow(spellings)
        self._texts: dict[tuple[type[_Delta], int], _Flow] = {(TextDelta, 0): self._text}
        self._arguments: dict[int | None, _Flow] = {}

    def clean(self, events: Iterable[ParsedEvent]) -> Iterator[ParsedEvent]:
        """Yield the events without the secrets."""
        for event in events:
            if type(event) is TextDelta and event.index == 0:  # the usual case
                text = self._text.feed(event.text)
                self.uncounted += not text and bool(event.text)
                yield event if text == event.text else TextDelta(text, 0)
                continue
            match event:
                case TextDelta() | ReasoningDelta() | RefusalDelta():
                    key = (type(event), event.index)
                    flow = self._texts.get(key) or self._texts.setdefault(key, _Flow(self._spellings))
                    text = flow.feed(event.text)
                    self.uncounted += not text and bool(event.text)
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
        """Return the text still held back. The stream is over."""
        held: list[ParsedEvent] = []
        for (kind, index), flow in self._texts.items():
            if text := flow.flush():
                held.append(kind(text, index))
        for number, flow in self._arguments.items():
            if text := flow.flush():
                held.append(ToolCallDelta(number, None, None, text))
        self.uncounted -= len(held)
        return held

    def _clean_call(self, event: ToolCallDelta) -> ToolCallDelta:
        flow = self._arguments.get(event.index)
        if flow is None:
            flow = self._arguments[event.index] = _Flow(self._spellings)
        arguments = flow.feed(event.arguments)
        self.uncounted += not (event.id or event.name or arguments) and bool(event.arguments)
        return replace(event, id=self._word(event.id), name=self._word(event.name), arguments=arguments)

    def _word(self, text: str | None) -> str | None:
        return text and self._spellings.replace(text)


def redaction_for(secrets: Secrets) -> Redaction | None:
    """Return the redaction of these secrets. None: there is nothing to take out."""
    return Redaction(secrets.spellings) if secrets.spellings is not None else None


class WireMask:
    """Masks secrets in the bytes of a body, also if the frames of a stream cut one. The length stays the same.

    The values of each field are one text: ``{"content":"sk-12"}`` and ``{"content":"34"}``. Bytes come a whole event or
    line at a time. They wait while the end of a value in them may be the beginning of a secret, but not for more than
    :data:`PATIENCE` further ones: many fields come only once.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._spellings = secrets.spellings
        self._waiting: deque[bytearray] = deque()
        self._begun: dict[bytes, _Begun] = {}

    def feed(self, data: bytes, *, guess: bool) -> list[bytes]:
        """Take the next bytes. Return the complete ones, without the secrets, in their order.

        ``guess`` is as in :func:`~streamwidget._core.secrets.mask_bytes`.
        """
        clean = mask_bytes(data, self._secrets, guess=guess)
        if self._spellings is None:
            return [clean]
        piece = bytearray(clean)
        self._waiting.append(piece)
        for field in _FIELD.finditer(data):
            self._take(field[1], field[2].decode("latin-1"), piece, field.start(2))
        done: list[bytes] = []
        while self._waiting and (len(self._waiting) > PATIENCE or not self._is_open(self._waiting[0])):
            done.append(self._release())
        return done

    def flush(self) -> list[bytes]:
        """Return the rest. The body is over."""
        return [self._release() for _ in range(len(self._waiting))]

    def _take(self, name: bytes, value: str, piece: bytearray, start: int) -> None:
        """Take the next value of a field. It stands in ``piece`` from ``start``."""
        begun = self._begun.get(name)
        if begun is None:
            if self._spellings is None or self._spellings.may_begin(value.lower()) is None:  # the usual case
                return
            begun = _Begun(self._spellings)
        if begun.add(value, piece, start):
            self._begun[name] = begun
        else:
            self._begun.pop(name, None)

    def _is_open(self, piece: bytearray) -> bool:
        return any(begun.stands_in(piece) for begun in self._begun.values())

    def _release(self) -> bytes:
        piece = self._waiting.popleft()
        for begun in self._begun.values():
            begun.give_up(piece)
        return bytes(piece)


class _Begun:
    """The end of a field, perhaps the beginning of a secret, and its place."""

    def __init__(self, spellings: Spellings) -> None:
        self._spellings = spellings
        self._text = ""
        self._parts: list[tuple[bytearray, int, int]] = []  # a piece, and a range in it

    def add(self, value: str, piece: bytearray, start: int) -> bool:
        """Add the next value of the field, and mask the secrets. False: no secret begins at its end."""
        self._text += value
        self._parts.append((piece, start, start + len(value)))
        for first, last in self._spellings.spans(self._text):
            for part in self._cut(first, last):
                _star(*part)
        begun = self._spellings.begun_at_end(self._text)
        end = len(self._text)
        self._parts = list(self._cut(end - begun, end))
        self._text = self._text[end - begun :]
        return bool(begun)

    def stands_in(self, piece: bytearray) -> bool:
        return any(part is piece for part, _, _ in self._parts)

    def give_up(self, piece: bytearray) -> None:
        """Mask the part in a piece. It waits no longer. So many characters are surely a secret."""
        if len(self._text) >= HEAD:
            for part in self._parts:
                if part[0] is piece:
                    _star(*part)

    def _cut(self, start: int, end: int) -> Iterator[tuple[bytearray, int, int]]:
        """Yield the parts of ``text[start:end]``."""
        place = 0
        for piece, first, last in self._parts:
            length = last - first
            low, high = max(start - place, 0), min(end - place, length)
            if low < high:
                yield piece, first + low, first + high
            place += length


def _star(piece: bytearray, start: int, end: int) -> None:
    piece[start:end] = b"*" * (end - start)
