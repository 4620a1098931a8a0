"""The kind of a body, judged by its beginning, and its events. No I/O, standard library only.

Servers and proxies label their bodies wrongly, so the label alone decides nothing::

    data: {"choices": ...}      server-sent events, whatever the content type says
    {"choices": ...}            one whole reply in JSON, or JSON lines: one event a line
    <html> ...                  a web page: a login page, a proxy's error
    Internal Server Error       plain text
"""

from __future__ import annotations

import json
import re
from typing import Literal, TypeAlias

from streamwidget._client.sse import MAX_EVENT_SIZE, EventTooLarge, ServerSentEvent, SSEDecoder

BodyKind: TypeAlias = Literal["events", "json", "page", "text"]
_FIELD = re.compile(rb"(?:data|event|id|retry|error)?\s*:|(?:data|event|id|retry)[\r\n]")
_NAMES = (b"data:", b"event:", b"retry:", b"error:", b"id:")
_LATER = re.compile(rb"[\r\n](?:data|event|error):")  # events after another line: a proxy's words, an unknown field
#: Media types of a stream with one JSON object a line.
LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
_BLANK = b" \t\r\n\xef\xbb\xbf\x1e"  # U+001E stands before each JSON text of RFC 7464
_ENOUGH = 16  # bytes to know the kind of a body by
_PREFACE = 2**12  # bytes before the first event at most, if the label promises events


def kind_of(head: bytes, *, whole: bool, label: str = "") -> BodyKind | None:
    """Return the kind of a body by its first bytes.

    Parameters
    ----------
    head : bytes
        The bytes so far.
    whole : bool
        Nothing more follows.
    label : str, default ""
        The media type. It decides only between plain text and events without a known field.

    Returns
    -------
    str or None
        None: more bytes are needed.

    Examples
    --------
    >>> kind_of(b'data: {"choices"', whole=False), kind_of(b'{"choices": [', whole=False), kind_of(b"da", whole=False)
    ('events', 'json', None)
    """
    begin = head.lstrip(_BLANK)
    if not begin:
        return "events" if whole else None
    if begin[:1] in (b"{", b"[", b'"'):
        return "json"
    if begin[:1] == b"<":
        return "page"
    if _FIELD.match(begin):
        return "events"
    if not whole and len(begin) < _ENOUGH and any(name.startswith(begin) for name in _NAMES):
        return None
    if label != "text/event-stream":
        return "text"
    if _LATER.search(begin):
        return "events"
    return "text" if whole or len(begin) > _PREFACE else None


class JSONLines:
    """Decode a body in JSON: one event a line, or one whole value. :meth:`close` returns that.

    A line is an event as soon as a second line has begun. So one value alone, on one line or many, stays whole. If the
    media type promises lines, the first line is an event at once.
    """

    def __init__(self, max_event_size: int = MAX_EVENT_SIZE, label: str = "") -> None:
        self._max = max_event_size
        self._rest = bytearray()
        self._is_lines: bool | None = None  # None: not known yet
        self._labelled = label in LINES

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Take the next bytes and return the events that they complete. EventTooLarge beyond the limit."""
        self._rest += data
        events: list[ServerSentEvent] = []
        if self._is_lines is not False and b"\n" in data:
            lines = bytes(self._rest).split(b"\n")
            begun = [line for line in (lines[:-1] if self._labelled else lines) if line.strip()]
            if self._is_lines is None and len(begun) > (0 if self._labelled else 1):
                self._is_lines = _is_json(begun[0])
            if self._is_lines:
                self._rest[:] = lines.pop()
                events = [ServerSentEvent("message", line.decode("utf-8", "replace"), "") for line in lines]
                events = [event for event in events if event.data.strip()]
        if len(self._rest) > self._max:
            raise EventTooLarge(self._max, events)
        return events

    def close(self) -> ServerSentEvent | None:
        """End the body. Return the last line of JSON lines, if one is left."""
        if self._is_lines is None and self._labelled and _is_cut(bytes(self._rest)):
            self._is_lines = True  # it is cut within its first line
        if not self._is_lines or not self._rest.strip():
            return None
        line, self._rest = bytes(self._rest), bytearray()
        return ServerSentEvent("message", line.decode("utf-8", "replace"), "")

    @property
    def whole(self) -> bytes | None:
        """The body, if it is one whole value. None for lines."""
        return None if self._is_lines else bytes(self._rest)


class BodyDecoder:
    """Decode a body of any kind into events.

    Parameters
    ----------
    max_event_size : int
        The most bytes of one event.
    label : str
        The media type.

    Attributes
    ----------
    kind : str or None
        The kind of the body. None: not known yet.
    head : bytes
        The beginning of a body of neither events nor JSON.
    """

    def __init__(self, max_event_size: int = MAX_EVENT_SIZE, label: str = "") -> None:
        self.kind: BodyKind | None = None
        self.head = b""
        self._max = max_event_size
        self._label = label
        self._decoder: SSEDecoder | JSONLines = SSEDecoder(max_event_size)

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Take the next bytes and return the events that they complete. EventTooLarge beyond the limit."""
        if self.kind == "events":
            return self._decoder.feed(data)
        if self.kind is None:
            self.head += data
            return self._begin(whole=False)
        if self.kind == "json":
            return self._decoder.feed(data)
        self.head = (self.head + data)[: 2**16]
        return []

    def close(self) -> tuple[list[ServerSentEvent], ServerSentEvent | None]:
        """End the body. Return the last events, and the one cut off by the end."""
        events = self._begin(whole=True) if self.kind is None else []
        return events, self._decoder.close()

    @property
    def stray(self) -> str:
        """The last line among the events outside a field or a comment."""
        return self._decoder.stray if isinstance(self._decoder, SSEDecoder) else ""

    @property
    def whole(self) -> bytes | None:
        """The body of one whole reply in JSON. None for every other kind."""
        return self._decoder.whole if isinstance(self._decoder, JSONLines) else None

    def _begin(self, *, whole: bool) -> list[ServerSentEvent]:
        self.kind = kind_of(self.head, whole=whole, label=self._label)
        if self.kind == "json":
            self._decoder = JSONLines(self._max, self._label)
        if self.kind in ("events", "json"):
            head, self.head = self.head, b""
            return self._decoder.feed(head)
        return []


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _is_cut(line: bytes) -> bool:
    """Return True for the beginning of an object without its end."""
    text = line.decode("utf-8", "replace").lstrip()
    try:
        json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return text.startswith("{")
    return False
