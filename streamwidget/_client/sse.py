"""Server-sent events: bytes in, events out (WHATWG HTML, section 9.2). No I/O, standard library only.

The machine, with the numbers of its rules::

    bytes --(1 BOM, 2 line ends)--> lines --(3 field)--> open block --(4 blank line)--> ServerSentEvent

1. One BOM is removed, and only at the beginning of the stream: ``EF BB BF data: x`` is ``data: x``.
2. CRLF, LF and CR end a line. Nothing else does: VT, NEL and U+2028 stay in the text. A CR at the end of one read and
   an LF at the start of the next are one line end. The line is taken at the CR, without waiting for the next byte.
   Example (``|`` marks the end of a read): ``data: a CR | LF CR LF`` is one event, ``a``.
3. A line is ``name: value``. One space after the colon is removed: ``data:  x`` is `` x``. A line without a colon has
   an empty value: ``data`` is ``data:``. A line with a colon at its start is a comment: ``: ping``. Names are exact, so
   ``Data: x`` is ignored. ``data`` adds a line to the block, ``event`` names the block, and ``id`` sets the last event
   id unless it contains NUL. Other names are ignored, and so is ``retry``, because nothing here reconnects. One name is
   not in the standard: llama.cpp sends ``error: {...}``, which is read as ``event: error`` with this data.
4. A blank line dispatches the block if it has a data line, even an empty one. Then the next block begins, and the id
   stays. Example: ``data: a LF data: b LF LF`` is one event with two lines.
5. A block without its blank line is not dispatched. ``close`` returns it, and the parser decides. Example: the stream
   ends after ``data: x LF``.
6. A line is decoded when it is complete, so no character is cut between two reads. Bad UTF-8 becomes U+FFFD. Example:
   ``data: C3 | A9 LF`` is ``é``.
7. The data lines of the open block and the line being read may have ``max_event_size`` bytes together. Example: with 10
   bytes, ``data: long`` is taken and ``data: longer`` is refused.

Each byte is looked at a fixed number of times, however the stream is cut into reads. Only new bytes are searched for
line ends, and an unfinished line grows in place.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_EVENT_SIZE = 64 * 2**20  # bytes
_BOM = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """One dispatched event. ``event`` is ``"message"`` if the server named none. ``id`` is the last one seen."""

    event: str
    data: str
    id: str


class EventTooLarge(ValueError):
    """A line or an event is larger than the limit. ``events`` holds the events before it from the same ``feed``."""

    def __init__(self, max_event_size: int, events: list[ServerSentEvent]) -> None:
        super().__init__(f"an event of the stream is larger than {max_event_size} bytes (max_event_size)")
        self.events = events


class SSEDecoder:
    r"""Decode a byte stream into events. The reads may cut it anywhere.

    Parameters
    ----------
    max_event_size : int, default 64 MiB
        The most bytes of one event or one line. After more, ``feed`` raises :class:`EventTooLarge`.

    Attributes
    ----------
    stray : str
        The last line that is neither a field nor a comment. A proxy that breaks off may have put its words there.

    Examples
    --------
    >>> decoder = SSEDecoder()
    >>> decoder.feed(b"data: Hel")
    []
    >>> decoder.feed(b"lo\n\n")
    [ServerSentEvent(event='message', data='Hello', id='')]
    """

    __slots__ = ("_after_cr", "_at_start", "_data", "_event", "_id", "_max", "_size", "_tail", "stray")

    def __init__(self, max_event_size: int = MAX_EVENT_SIZE) -> None:
        self.stray = ""
        self._max = max_event_size
        self._at_start = True  # so far fewer than three bytes, all of them from a BOM (rule 1)
        self._after_cr = False  # the last byte was a CR, so a leading LF belongs to it (rule 2)
        self._tail = bytearray()  # the line being read
        self._data: list[str] = []  # the open block: its data lines, their bytes, its name, the id
        self._size = 0
        self._event = ""
        self._id = ""

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Take the next bytes and return the events completed by them.

        Raises
        ------
        EventTooLarge
            If an event is too large. The decoder has dropped its input, and cannot be used again.
        """
        if (
            # The usual read is one ``data: {...}`` block. It costs half as much here as below.
            data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and data.find(b"\n") == len(data) - 2 <= self._max
            and b"\r" not in data
            and not (self._at_start or self._after_cr or self._tail or self._data or self._event)
        ):
            return [ServerSentEvent("message", data[6:-2].decode("utf-8", "replace"), self._id)]
        if self._at_start:
            data = self._without_bom(data)
        if self._after_cr and data:
            self._after_cr = False
            if data[0] == 10:
                data = data[1:]
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

        tail = self._tail
        events: list[ServerSentEvent] = []
        if self._size + len(tail) + len(data) > self._max:
            self._check_size(data, events)
        else:
            cut = data.rfind(b"\n") + 1
            if not cut:
                tail += data
                return events
            if tail:
                lines = bytes(tail) + data[:cut]
                tail.clear()
            else:
                lines = data[:cut]  # no copy, because most reads end with their line
            tail += data[cut:]
            self._take_lines(lines, events)
        return events

    def close(self) -> ServerSentEvent | None:
        """End the stream. Return the block cut off by the end, or None."""
        self._take_line(bytes(self._tail))
        self._tail.clear()
        events: list[ServerSentEvent] = []
        self._dispatch(events)
        return events[0] if events else None

    def _without_bom(self, data: bytes) -> bytes:
        data = bytes(self._tail) + data
        self._tail.clear()
        if len(data) < 3 and _BOM.startswith(data):
            self._tail += data
            return b""
        self._at_start = False
        return data.removeprefix(_BOM)

    def _take_lines(self, lines: bytes, events: list[ServerSentEvent]) -> None:
        """Take whole lines with their ends. Nearly every block is one ``data: {...}`` line."""
        *blocks, rest = lines.split(b"\n\n")
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block and not self._data and not self._event:
                events.append(ServerSentEvent("message", block[6:].decode("utf-8", "replace"), self._id))
                continue
            for line in block.split(b"\n"):
                if line:
                    self._take_line(line)
                else:
                    self._dispatch(events)
            self._dispatch(events)
        if rest:
            for line in rest[:-1].split(b"\n"):
                if line:
                    self._take_line(line)
                else:
                    self._dispatch(events)

    def _check_size(self, data: bytes, events: list[ServerSentEvent]) -> None:
        """Take ``data`` line by line and count. Together with the open block it may be too large (rule 7)."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._grow_tail(line, events)
            self._take_lines(bytes(self._tail) + b"\n", events)
            self._tail.clear()
        self._grow_tail(rest, events)

    def _grow_tail(self, piece: bytes, events: list[ServerSentEvent]) -> None:
        if self._size + len(self._tail) + len(piece) > self._max:
            self._tail.clear()
            self._data.clear()
            raise EventTooLarge(self._max, events)
        self._tail += piece

    def _take_line(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._data.append(value.decode("utf-8", "replace"))
            self._size += len(line)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif name == b"error":  # llama.cpp: the words of an error in a field of its own
            self._event = "error"
            self._data.append(value.decode("utf-8", "replace"))
            self._size += len(line)
        elif name and name not in (b"id", b"retry"):
            self.stray = line[:1000].decode("utf-8", "replace")

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        if self._data:
            events.append(ServerSentEvent(self._event or "message", "\n".join(self._data), self._id))
            self._data.clear()
            self._size = 0
        self._event = ""
