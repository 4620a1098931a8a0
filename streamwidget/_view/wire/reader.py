"""The bytes of a body, explained: the event of each byte, and the characters of the answer that each event made.

The body is cut into the blocks of the Server-Sent Events standard. A block ends with its blank line. Each block is fed
by itself to the parser that reads the stream too. It does not matter to that parser how a body is cut. So the text
that it adds for one block is exactly the text that the stream got from it.

No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from streamwidget._client.framing import LINES
from streamwidget._client.parser import MalformedStream, StreamParser
from streamwidget._client.sse import EventTooLarge
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.secrets import NO_SECRETS, Secrets
from streamwidget._dialects.dialect import Dialect, MalformedItem, ServerReportedError

Kind: TypeAlias = Literal["data", "done", "comment", "other", "error", "reply"]
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class WireEvent:
    """One block of a body.

    Attributes
    ----------
    at : float
        Seconds from the request to the last chunk of the block.
    data : bytes
        The block as it came, with its line ends.
    kind : str
        ``data``, ``done`` (the last event of the stream), ``comment``, ``error`` (the server reports an error, or the
        block cannot be read), ``reply`` (a body that is not a stream) or ``other`` (blank lines, fields without data).
    start, end : int
        The block made the characters ``text[start:end]`` of the answer. Both are equal if it made none.
    cuts : tuple of int
        Ends of network chunks in ``data``. The last one may be the end of ``data``.
    """

    at: float
    data: bytes
    kind: Kind
    start: int
    end: int
    cuts: tuple[int, ...] = ()


class WireReader:
    """Cuts one body into events.

    Parameters
    ----------
    dialect : Dialect
    streamed : bool
        False for a body that is not a stream: an error, or a whole reply.
    media_type : str, default ""
        The label of the body. For lines of JSON each line is a block.
    secrets : Secrets, optional
        They are taken out of the text.
    """

    def __init__(
        self, dialect: Dialect, *, streamed: bool = True, media_type: str = "", secrets: Secrets = NO_SECRETS
    ) -> None:
        self._dialect = dialect
        self._streamed = streamed
        self._accumulator = Accumulator(as_sent=True)  # each event adds to the text
        self._parser = StreamParser(dialect, self._accumulator, media_type=media_type, secrets=secrets)
        self._are_lines = media_type in LINES
        self._block = bytearray()  # whole lines of the open block
        self._line = bytearray()
        self._cuts: list[int] = []  # in block + line
        self._after_cr = False
        self._broken = False

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._accumulator.text

    def feed(self, data: bytes, at: float) -> list[WireEvent]:
        """Take the next chunk, and return the events that it completes."""
        events: list[WireEvent] = []
        if not self._streamed:
            self._line += data
            self._cut()
            return events
        if self._after_cr and data.startswith(b"\n"):
            self._line += b"\n"  # the second half of the line end, shown with the next line
            data = data[1:]
        self._after_cr = data.endswith(b"\r") if data else self._after_cr
        place = 0
        for found in _LINE_END.finditer(data):
            self._line += data[place : found.end()]
            place = found.end()
            blank = not self._line.strip(b"\r\n")
            self._block += self._line
            self._line.clear()
            if blank or self._are_lines:
                events.append(self._dispatch(at))
        self._line += data[place:]
        self._cut()
        if events and data and not (self._block or self._line):
            events[-1] = replace(events[-1], cuts=(*events[-1].cuts, len(events[-1].data)))
        return events

    @property
    def streamed(self) -> bool:
        return self._streamed

    def close(self, at: float, *, clean: bool = True, read: bool = True) -> list[WireEvent]:
        """End the body, and return the block that its end cut off, if there is one.

        Parameters
        ----------
        at : float
        clean : bool, default True
            False if the connection broke.
        read : bool, default True
            False if the client closed the connection or refused the body. Then the last block made no text.
        """
        self._block += self._line
        self._line.clear()
        if not read:
            return self._unread(at)
        if not self._streamed:
            return [self._reply(at)] if self._block else []
        start = self._accumulator.length
        last = self._dispatch(at) if self._block else None
        failed = self._safely(lambda: self._parser.close(clean=clean))
        end = self._accumulator.length
        if last is None:
            return [] if end == start else [WireEvent(at, b"", "other", start, end)]
        return [WireEvent(at, last.data, "error" if failed else last.kind, start, end, last.cuts)]

    def _cut(self) -> None:
        place = len(self._block) + len(self._line)
        if place:
            self._cuts.append(place)

    def _dispatch(self, at: float) -> WireEvent:
        data, cuts = bytes(self._block), tuple(self._cuts)
        self._block.clear()
        self._cuts.clear()
        start = self._accumulator.length
        failed = self._safely(lambda: self._parser.feed(data))
        kind = "error" if failed else self._kind(data)
        return WireEvent(at, data, kind, start, self._accumulator.length, cuts)

    def _safely(self, read: Callable[[], object]) -> bool:
        if self._broken:
            return False
        try:
            read()
        except (ServerReportedError, MalformedStream, MalformedItem, EventTooLarge):
            self._broken = True
        return self._broken

    def _kind(self, data: bytes) -> Kind:
        lines = [line for line in _LINE_END.split(data.removeprefix(b"\xef\xbb\xbf")) if line]
        values = [line[5:].strip() for line in lines if line.startswith(b"data:")]
        if values:
            return "done" if b"\n".join(values).decode("utf-8", "replace") == self._dialect.done else "data"
        if self._are_lines and lines:
            return "data"
        return "comment" if lines and all(line.startswith(b":") for line in lines) else "other"

    def _unread(self, at: float) -> list[WireEvent]:
        start, data = self._accumulator.length, bytes(self._block)
        self._accumulator.flush()
        end = self._accumulator.length
        kind: Kind = self._kind(data) if self._streamed else "reply"
        return [WireEvent(at, data, kind, start, end, tuple(self._cuts))] if data or end > start else []

    def _reply(self, at: float) -> WireEvent:
        data, cuts = bytes(self._block), tuple(self._cuts)
        failed = self._safely(lambda: (self._parser.feed(data), self._parser.close(clean=True)))
        return WireEvent(at, data, "error" if failed else "reply", 0, self._accumulator.length, cuts)
