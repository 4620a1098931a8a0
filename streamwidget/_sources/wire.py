"""The bytes of a response as a source: read by our own decoder, as an answer to our own request is.

The bytes may come as they arrived (``iter_bytes``), line by line without line ends (``iter_lines``), or as strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from streamwidget._client.parser import StreamParser
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.events import Finish, Outcome, ParsedEvent, StreamEvent
from streamwidget._dialects import reader_for
from streamwidget._dialects.chat_chunks import ChatCompletionsReader
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._dialects.dialect import Dialect, MalformedItem, Reader, ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.paths import at

#: How a string begins that is a piece of server-sent events, or JSON lines, and not of an answer.
_BEGINS = re.compile(
    r"""\ufeff?(data:\s*[\[{]|event:\s*[\w.-]+\s*$|event:\s*[\w.-]+\r?\n|:\s?[A-Z][A-Z ]+\s*$|id:\s*\S+\r?\n)"""
)
#: Unknown items before the first known one.
PATIENCE = 40
_FIELD = re.compile(rb"(data|event|id|retry)?:|[\[{]")


class UnknownItem(Exception):
    """No dialect knows this item."""

    def __init__(self, item: Any) -> None:
        super().__init__(type(item).__name__)
        self.item = item


def is_wire(item: Any) -> bool:
    """Return True for bytes, and for a string that begins a stream of server-sent events."""
    if isinstance(item, bytes | bytearray | memoryview):
        return True
    return isinstance(item, str) and _BEGINS.match(item) is not None


def from_event(event: Any) -> bytes | None:
    """Return an event of httpx-sse and its kind as the bytes that it was. None for anything else."""
    data, name = at(event, "data"), at(event, "event")
    if not isinstance(data, str) or not isinstance(name, str | None) or at(event, "retry", event) is event:
        return None
    lines = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"event: {name or 'message'}\n{lines}\n".encode("utf-8", "replace")


class Wire:
    """Takes pieces of a response and returns the events to publish.

    Parameters
    ----------
    accumulator : Accumulator
    """

    def __init__(self, accumulator: Accumulator) -> None:
        # It reads whatever comes. The first item decides which dialect that is.
        self._parser = StreamParser(cast("Dialect", _AnyDialect()), accumulator)
        self._first: bytes | None = b""  # bytes without a line end: a line, or a piece that is cut. None: it is known
        self._are_lines = False

    def feed(self, piece: Any) -> list[StreamEvent]:
        data = piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else bytes(piece)
        return self._parser.feed(self._with_ends(data))

    def close(self) -> tuple[Outcome, list[StreamEvent]]:
        if self._first:
            self._parser.feed(self._first)
        return self._parser.close(clean=True)

    @property
    def events(self) -> list[StreamEvent]:
        """The events before a failure."""
        return self._parser.events

    @property
    def last_words(self) -> str:
        return self._parser.last_words

    def _with_ends(self, data: bytes) -> bytes:
        """Return the bytes with their line ends, which ``iter_lines`` has taken away."""
        if self._are_lines:
            return data + b"\n"
        if self._first is None or not (self._first or data):
            return data
        first, self._first = self._first, None
        if not first:
            if data and b"\n" not in data and b"\r" not in data:
                self._first = data
                return b""
            return data
        if not data or (b"\n" not in data and _FIELD.match(data)):
            self._are_lines = True
            return first + b"\n" + data + b"\n"
        return first + data


class _AnyDialect:
    """Stands for the dialect of a stream before its first item is known."""

    def __init__(self) -> None:
        self._first: _FirstItemReader | None = None

    @property
    def done(self) -> str | None:
        """Only chat completions have a last event without an item."""
        known = self._first.reader if self._first is not None else None
        return ChatCompletions.done if known is None or isinstance(known, ChatCompletionsReader) else None

    def reader(self, said: Callable[[], str]) -> Reader:
        self._first = _FirstItemReader(said)
        return cast("Reader", self._first)

    def parse_reply(self, reply: Any) -> list[ParsedEvent]:
        items = reply if isinstance(reply, list) else [reply]  # Gemini sends a list, unless it is asked for events
        reader = self.reader(str)
        events = [event for item in items for event in reader.parse(item)]
        # One line of a stream of JSON lines looks like a whole reply.
        is_cut = self.done is None and not reader.plain_end and not any(isinstance(one, Finish) for one in events)
        return [*events, Finish(None, "interrupted")] if is_cut else events


class _FirstItemReader:
    """Finds the reader. Unknown items before the first known one are skipped, as of a source of items."""

    def __init__(self, said: Callable[[], str]) -> None:
        self._said = said
        self.reader: Reader | None = None
        self._unknown: list[Any] = []

    @property
    def plain_end(self) -> bool:
        return self.reader is not None and self.reader.plain_end

    def fits(self, item: Any) -> bool:
        return self.reader is not None and self.reader.fits(item)

    def parse(self, item: Any) -> list[ParsedEvent]:
        if self.reader is None:
            self.reader = reader_for(item, self._said)
        if self.reader is not None:
            return self.reader.parse(item)
        if isinstance(item, dict) and item.get("error"):
            raise ServerReportedError(error_info(item["error"], 200))
        if not isinstance(item, dict):
            raise MalformedItem("an event is not a JSON object")
        self._unknown.append(item)
        if len(self._unknown) > PATIENCE:
            raise UnknownItem(self._unknown[0])
        return []

    def close(self) -> list[ParsedEvent]:
        if self.reader is None and self._unknown:
            raise UnknownItem(self._unknown[0])
        rest: list[ParsedEvent] = getattr(self.reader, "close", list)()
        return rest
