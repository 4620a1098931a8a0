"""The turns of a conversation in their order, each with the stream that its answer comes from. Any thread may look.

A turn that was dropped leaves its place behind, so that a cell that is run again stands where it stood.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING

from streamwidget._conversation.turn import Turn
from streamwidget._core.messages import Message

if TYPE_CHECKING:
    from streamwidget._core.stream import ChatStream


class Entry:
    """A turn whose answer may still be streaming."""

    empty = False

    def __init__(self, turn: Turn, stream: ChatStream | None = None) -> None:
        self.turn = turn
        self.stream = stream
        self.source = None if stream is None else stream.id  # stays known when the stream is let go

    def now(self) -> Turn:
        stream = self.stream
        if stream is None:
            return self.turn
        completion = stream.completion
        return replace(self.turn, answer=Message("assistant", completion.text, completion=completion))


class _EmptySlot(Entry):
    """Where a turn was, or is to be."""

    empty = True

    def __init__(self, key: str) -> None:
        super().__init__(Turn(key, Message("user", "")))


class History:
    """Entries by key, in order. What is taken out is cancelled by :func:`cancel`, outside of the lock."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.RLock()

    def __len__(self) -> int:
        with self._lock:
            return sum(not entry.empty for entry in self._entries)

    def turns(self, before: str | None = None) -> tuple[Turn, ...]:
        """Return the turns at this moment; those before one of this name, if there is one or its place."""
        with self._lock:
            earlier = takewhile(lambda entry: entry.turn.key != before, self._entries)
            return tuple(entry.now() for entry in earlier if not entry.empty)

    def turn(self, key: str) -> Turn:
        """Return one turn at this moment; KeyError if there is none of this name."""
        with self._lock:
            return self._find(key).now()

    def stream(self, key: str) -> ChatStream | None:
        """Return what a turn's answer comes from; None where it is over, or there is none of this name."""
        with self._lock:
            return next((entry.stream for entry in self._entries if entry.turn.key == key), None)

    def source(self, key: str) -> str | None:
        """Return the id of the stream that a turn's answer came from; None where none is known."""
        with self._lock:
            return next((entry.source for entry in self._entries if entry.turn.key == key), None)

    def put(self, entry: Entry) -> list[Entry]:
        """Put an entry into the place of its name, or at the end; return what was there."""
        with self._lock:
            for place, other in enumerate(self._entries):
                if other.turn.key == entry.turn.key:
                    self._entries[place] = entry
                    return [other]
            self._entries.append(entry)
            return []

    def reserve(self, key: str, after: Sequence[str]) -> None:
        """Make a place for a turn behind the last of these that has one; without such a one, none."""
        with self._lock:
            keys = [entry.turn.key for entry in self._entries]
            places = [keys.index(other) for other in after if other in keys]
            if places and key not in keys:
                self._entries.insert(max(places) + 1, _EmptySlot(key))

    def settle(self, entry: Entry) -> None:
        """Keep the value of a turn that is over, not its stream, which holds its request and so all turns before it."""
        with self._lock:
            entry.turn = entry.now()
            entry.stream = None

    def choose(self, key: str, sent: bool | None) -> None:
        """Set what the person chose for a turn; KeyError if there is none of this name."""
        with self._lock:
            entry = self._find(key)
            entry.turn = replace(entry.turn, chosen=sent)

    def drop(self, key: str, *, and_after: bool) -> list[Entry]:
        """Leave only the places of a turn, and of those after it; return what was there."""
        with self._lock:
            later = list(dropwhile(lambda entry: entry.turn.key != key, self._entries))
            gone = [entry for entry in (later if and_after else later[:1]) if not entry.empty]
            self._entries = [_EmptySlot(entry.turn.key) if entry in gone else entry for entry in self._entries]
            return gone

    def replace_all(self, turns: Iterable[Turn]) -> list[Entry]:
        """Hold these turns and no places; return what was there."""
        with self._lock:
            gone, self._entries = self._entries, [Entry(turn) for turn in turns]
            return gone

    def _find(self, key: str) -> Entry:
        for entry in self._entries:
            if entry.turn.key == key and not entry.empty:
                return entry
        raise KeyError(f"no turn {key!r} in this conversation")


def cancel(entries: Iterable[Entry]) -> None:
    """End what these entries still stream."""
    for entry in entries:
        if entry.stream is not None:
            entry.stream.cancel()
