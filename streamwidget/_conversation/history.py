"""The turns of a conversation in order, each with the stream of its answer. Any thread may read them.

A dropped turn leaves an empty slot. If its cell is run again, the new turn goes into that slot.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING

from streamwidget._conversation.turn import Turn
from streamwidget._core.completion import shown
from streamwidget._core.messages import Message

if TYPE_CHECKING:
    from streamwidget._core.stream import ChatStream


class Entry:
    """A turn, with the stream of its answer while that runs."""

    empty = False

    def __init__(self, turn: Turn, stream: ChatStream | None = None) -> None:
        self.turn = turn
        self.stream = stream
        self.source = None if stream is None else stream.id  # kept after the stream is released

    def now(self) -> Turn:
        """Return the turn with the answer so far."""
        stream = self.stream
        if stream is None:
            return self.turn
        completion = stream.completion
        return replace(self.turn, answer=Message("assistant", shown(completion), completion=completion))


class _EmptySlot(Entry):
    """A slot that keeps the position of a dropped or a future turn."""

    empty = True

    def __init__(self, key: str) -> None:
        super().__init__(Turn(key, Message("user", "")))


class History:
    """Entries by key, in order.

    Methods that remove entries return them. The caller passes them to :func:`cancel`, outside of the lock.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.RLock()

    def __len__(self) -> int:
        with self._lock:
            return sum(not entry.empty for entry in self._entries)

    def turns(self, before: str | None = None) -> tuple[Turn, ...]:
        """Return the turns with their answers so far: all of them, or those before the slot of this key."""
        with self._lock:
            earlier = takewhile(lambda entry: entry.turn.key != before, self._entries)
            return tuple(entry.now() for entry in earlier if not entry.empty)

    def turn(self, key: str) -> Turn:
        """Return one turn with its answer so far. KeyError if no turn has this key."""
        with self._lock:
            return self._find(key).now()

    def stream(self, key: str) -> ChatStream | None:
        """Return the stream of a turn's answer. None if the answer has ended, or no turn has this key."""
        with self._lock:
            return next((entry.stream for entry in self._entries if entry.turn.key == key), None)

    def source(self, key: str) -> str | None:
        """Return the id of the stream that a turn's answer came from, or None."""
        with self._lock:
            return next((entry.source for entry in self._entries if entry.turn.key == key), None)

    def put(self, entry: Entry) -> list[Entry]:
        """Put an entry into the slot of its key, or at the end. Return the entry that it replaced."""
        with self._lock:
            for position, other in enumerate(self._entries):
                if other.turn.key == entry.turn.key:
                    self._entries[position] = entry
                    return [other]
            self._entries.append(entry)
            return []

    def reserve(self, key: str, after: Sequence[str]) -> None:
        """Make a slot for ``key`` after the last of the turns ``after``. Ignored if none of them has a slot."""
        with self._lock:
            keys = [entry.turn.key for entry in self._entries]
            positions = [keys.index(other) for other in after if other in keys]
            if positions and key not in keys:
                self._entries.insert(max(positions) + 1, _EmptySlot(key))

    def settle(self, entry: Entry) -> None:
        """Replace an ended stream by its final value. The stream would keep its request and all earlier turns."""
        with self._lock:
            entry.turn = entry.now()
            entry.stream = None

    def choose(self, key: str, sent: bool | None) -> None:
        """Set ``Turn.chosen``. KeyError if no turn has this key."""
        with self._lock:
            entry = self._find(key)
            entry.turn = replace(entry.turn, chosen=sent)

    def drop(self, key: str, *, and_after: bool) -> list[Entry]:
        """Replace a turn, and with ``and_after`` all later ones, by empty slots. Return the dropped entries."""
        with self._lock:
            later = list(dropwhile(lambda entry: entry.turn.key != key, self._entries))
            gone = [entry for entry in (later if and_after else later[:1]) if not entry.empty]
            self._entries = [_EmptySlot(entry.turn.key) if entry in gone else entry for entry in self._entries]
            return gone

    def replace_all(self, turns: Iterable[Turn]) -> list[Entry]:
        """Replace all turns and slots by these turns. Return the old entries."""
        with self._lock:
            gone, self._entries = self._entries, [Entry(turn) for turn in turns]
            return gone

    def _find(self, key: str) -> Entry:
        for entry in self._entries:
            if entry.turn.key == key and not entry.empty:
                return entry
        raise KeyError(f"This conversation has no turn {key!r}.")


def cancel(entries: Iterable[Entry]) -> None:
    """Cancel the streams of these entries."""
    for entry in entries:
        if entry.stream is not None:
            entry.stream.cancel()
