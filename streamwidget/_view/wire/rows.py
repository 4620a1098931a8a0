"""The wire as rows to show: one for each request, status, event and end, read while a recording grows.

A row is a JSON object:

- ``at``: seconds since the request
- ``kind``
- ``pieces``: its text, cut at the ends of network chunks
- ``more``: the number of characters left out at its end
- ``made``: the characters of the answer that it made. Joined over all rows they are the whole answer, so a row needs no
  place in it.

No I/O.
"""

from __future__ import annotations

import codecs
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import pairwise

from streamwidget._client.servers import dialect_named
from streamwidget._core.recording import (
    ChunkReceived,
    Recording,
    RequestFailed,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    WireRecord,
)
from streamwidget._core.redaction import WireMask
from streamwidget._core.secrets import mask
from streamwidget._core.visible import visible
from streamwidget._view.transcript import JSON
from streamwidget._view.wire.reader import WireEvent, WireReader

MOST_ROWS = 20_000  # further rows are only counted
MOST_CHARACTERS = 2_000  # of the text of one row
_ENDS = {"whole": "The response was read to its end.", "left": "The client closed the connection.", "broken": "Broken."}


class WireRows:
    """The rows of one recording. One thread at a time may read it. A row in :attr:`rows` never changes.

    Attributes
    ----------
    rows : list of dict
    """

    def __init__(self, recording: Recording) -> None:
        self.rows: list[JSON] = []
        self._recording = recording
        self._dialect = dialect_named(recording.dialect)
        self._mask = WireMask(recording.secrets)
        self._place = 0  # in the recording's records
        self._attempt = 0
        self._reader: WireReader | None = None
        self._status = 200
        self._events: list[WireEvent] = []  # their characters are not looked up yet
        self._unmasked: deque[tuple[WireEvent, str, str]] = deque()  # with its kind and its characters of the answer
        self._beyond = 0
        self._made_beyond: list[str] = []
        self._lock = threading.Lock()

    def read(self) -> None:
        """Take the records that were added since the last call."""
        with self._lock:
            records = self._recording.records[self._place :]
            self._place += len(records)
            for record in records:
                self._take(record)
            self._settle()

    def wait(self, delay: float, reason: str) -> None:
        """Add a row for the wait before a retry."""
        self.read()
        self._add("wait", self._recording.now(), [self._masked(f"Waits {delay:.2g} s, then tries again: {reason}")])

    def close(self) -> None:
        """Take the last records. The recording is finished."""
        self.read()
        self._finish()
        if self._beyond:
            count, made = self._beyond, "".join(self._made_beyond)
            self._beyond = 0
            self.rows.append(_row("rest", self._recording.ended_at, [f"{count:,} more rows."], made=made))

    def _take(self, record: WireRecord) -> None:
        match record:
            case RequestSent(at=at, method=method, url=url, headers=headers, body=body):
                self._finish()
                self._attempt += 1
                text = f"{method} {url}\n{_lines(headers)}\n{body}"
                self._add("request", at, [self._masked(text)], attempt=self._attempt)
            case ResponseStarted(at=at, status=status, headers=headers):
                self._status = status
                media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
                streamed = status == 200 and media_type != "application/json"
                self._reader = WireReader(
                    self._dialect, streamed=streamed, media_type=media_type, secrets=self._recording.secrets
                )
                self._mask = WireMask(self._recording.secrets)
                self._add("status", at, [self._masked(f"HTTP {status}\n{_lines(headers)}".rstrip())])
            case ChunkReceived(at=at, data=data) if self._reader is not None:
                self._events += self._reader.feed(data, at)
            case ResponseEnded(at=at, how=how, detail=detail):
                if self._reader is not None:
                    read = how != "left" and self._status == 200 and (how == "whole" or self._reader.streamed)
                    self._events += self._reader.close(at, clean=how == "whole", read=read)
                self._finish()
                self._add("end", at, [self._masked(f"{_ENDS[how]} {detail}".rstrip())])
            case RequestFailed(at=at, error=error):
                self._add("failed", at, [self._masked(f"There was no response: {error.message}")])

    def _settle(self) -> None:
        """Make rows of the events. Reading the text joins it, so that is done once for all of them."""
        events, self._events = self._events, []
        if not events or self._reader is None:
            return
        text = self._reader.text
        for event in events:
            refused = self._status != 200
            kind = "error" if refused else event.kind
            self._unmasked.append((event, kind, text[event.start : event.end]))
            self._add_masked(self._mask.feed(event.data, guess=kind == "error"))

    def _finish(self) -> None:
        """Make rows of the last events of a response."""
        self._settle()
        self._add_masked(self._mask.flush())

    def _add_masked(self, masked: list[bytes]) -> None:
        for data in masked:
            event, kind, made = self._unmasked.popleft()
            self._add(kind, event.at, pieces_of(data, event.cuts), made=made)

    def _add(self, kind: str, at: float, pieces: list[str], *, made: str = "", attempt: int = 0) -> None:
        if len(self.rows) < MOST_ROWS:
            self.rows.append(_row(kind, at, pieces, made=made, attempt=attempt))
        else:
            self._beyond += 1
            self._made_beyond.append(made)

    def _masked(self, text: str) -> str:
        return visible(mask(text, self._recording.secrets))


def pieces_of(data: bytes, cuts: Iterable[int]) -> list[str]:
    """Return the text of an event, cut at these bytes. If a chunk cuts through a character, the later piece has it."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    edges = [0, *cuts]
    pieces = [decoder.decode(data[start:end]) for start, end in pairwise(edges)]
    pieces.append(decoder.decode(data[edges[-1] :], final=True))
    # The page shows a newline itself. A carriage return becomes its picture, "␍".
    return [visible(piece.replace("\r", "\u240d")) for piece in pieces]


def _row(kind: str, at: float, pieces: list[str], *, made: str = "", attempt: int = 0) -> JSON:
    row: JSON = {"at": round(at, 4), "kind": kind, "pieces": pieces}
    left = MOST_CHARACTERS
    for number, piece in enumerate(pieces):
        if len(piece) > left:
            row["more"] = sum(map(len, pieces)) - MOST_CHARACTERS
            row["pieces"] = [*pieces[:number], piece[:left]]
            break
        left -= len(piece)
    if made:
        row["made"] = made
    if attempt:
        row["attempt"] = attempt
    return row


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name.lower()}: {value}\n" for name, value in headers.items())
