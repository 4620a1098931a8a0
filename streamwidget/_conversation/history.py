"""The turns of a conversation in order, each with the stream of its answer. Any thread may read them.

Rules
-----
- A dropped turn leaves an empty slot. If its cell is run again, the new turn goes into that slot.
- A step is recorded as the entries before it. To undo it is to take these entries again, so an answer comes back with
  its text. It is not asked again.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import dropwhile, takewhile
from typing import TYPE_CHECKING

from streamwidget._conversation.turn import Feedback, Turn, branched, switched
from streamwidget._core.completion import shown
from streamwidget._core.messages import Message

if TYPE_CHECKING:
    from streamwidget._core.stream import ChatStream

_STEPS = 50  # to undo


class Entry:
    """A turn, and the stream of its answer while it runs."""

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

    A method returns the entries it has removed. The caller passes them to :func:`cancel`, outside of the lock.
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._done: deque[tuple[str, list[Entry]]] = deque(maxlen=_STEPS)  # steps, with the entries before them
        self._undone: deque[tuple[str, list[Entry]]] = deque(maxlen=_STEPS)  # steps, with the entries after them
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
        """Return the id of the stream behind a turn's answer, or None."""
        with self._lock:
            return next((entry.source for entry in self._entries if entry.turn.key == key), None)

    def put(self, entry: Entry) -> list[Entry]:
        """Put an entry into the slot of its key, or at the end. Return the replaced entry."""
        with self._lock:
            for position, other in enumerate(self._entries):
                if other.turn.key == entry.turn.key:
                    entry.turn = replace(entry.turn, branches=other.turn.branches, branch=other.turn.branch)
                    self._entries[position] = entry
                    return [other]
            self._entries.append(entry)
            return []

    def put_branch(self, entry: Entry) -> list[Entry]:
        """Put an entry in the place of a turn. That turn and all later ones become a branch of it.

        Return the old entries. KeyError if no turn has the key of the entry.
        """
        with self._lock:
            old, later = self._split(entry.turn.key)
            entry.turn = branched(old.now(), [other.now() for other in later], entry.turn)
            self._replace_from(old, [entry])
            return [old, *later]

    def show_branch(self, key: str, branch: int) -> list[Entry]:
        """Show another branch of a turn. Return the old entries. KeyError or IndexError if it is not there."""
        with self._lock:
            old, later = self._split(key)
            turns = switched(old.now(), [other.now() for other in later], branch)
            used = {entry.turn.key for entry in self._entries if entry not in (old, *later) and not entry.empty}
            shown = []
            for turn in turns:
                # The cell was run again meanwhile, and has its turn elsewhere.
                shown.append(Entry(replace(turn, key=uuid.uuid4().hex) if turn.key in used else turn))
                used.add(turn.key)
            self._replace_from(old, shown)
            return [old, *later]

    def _split(self, key: str) -> tuple[Entry, list[Entry]]:
        old = self._find(key)
        later = self._entries[self._entries.index(old) + 1 :]
        return old, [entry for entry in later if not entry.empty]

    def _replace_from(self, old: Entry, shown: list[Entry]) -> None:
        position = self._entries.index(old)
        keys = {entry.turn.key for entry in shown}
        slots = [_EmptySlot(entry.turn.key) for entry in self._entries[position:] if entry.turn.key not in keys]
        self._entries = [*self._entries[:position], *shown, *slots]

    # ---- undo

    def record(self, step: str) -> None:
        """Note that a step begins. The person can undo it."""
        with self._lock:
            self._done.append((step, list(self._entries)))
            self._undone.clear()

    def steps(self) -> tuple[str | None, str | None]:
        """Return the names of the next steps of :meth:`undo` and :meth:`redo`. None if there is none."""
        with self._lock:
            return (self._done[-1][0] if self._done else None), (self._undone[-1][0] if self._undone else None)

    def undo(self) -> list[Entry]:
        """Take back the last step. Return the removed entries."""
        return self._go(self._done, self._undone)

    def redo(self) -> list[Entry]:
        """Take the last undone step again. Return the removed entries."""
        return self._go(self._undone, self._done)

    def _go(self, source: deque[tuple[str, list[Entry]]], target: deque[tuple[str, list[Entry]]]) -> list[Entry]:
        with self._lock:
            if not source:
                return []
            step, entries = source.pop()
            target.append((step, self._entries))
            gone = [entry for entry in self._entries if entry not in entries]
            self._entries = list(entries)
            return gone

    def reserve(self, key: str, after: Sequence[str]) -> None:
        """Make a slot for ``key`` after the last of the turns ``after``. Ignored if none of them has a slot."""
        with self._lock:
            keys = [entry.turn.key for entry in self._entries]
            positions = [keys.index(other) for other in after if other in keys]
            if positions and key not in keys:
                self._entries.insert(max(positions) + 1, _EmptySlot(key))

    def arrange(self, rank: Callable[[str], int | None], slot: str | None) -> bool:
        """Sort the turns and slots with a rank, among their own places. Return whether any of them moved.

        The key ``slot`` gets a slot first, at the end, if it has none.
        """
        with self._lock:
            before = list(self._entries)
            if slot is not None and all(entry.turn.key != slot for entry in before):
                before.append(_EmptySlot(slot))
            ranks = [rank(entry.turn.key) for entry in before]
            ranked = sorted((place, number) for number, place in enumerate(ranks) if place is not None)
            arranged = iter(before[number] for _, number in ranked)
            self._entries = [
                entry if place is None else next(arranged) for entry, place in zip(before, ranks, strict=True)
            ]
            return self._entries != before

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

    def rate(self, key: str, feedback: Feedback | None) -> None:
        """Set ``Turn.feedback``. KeyError if no turn has this key."""
        with self._lock:
            entry = self._find(key)
            entry.turn = replace(entry.turn, feedback=feedback)

    def drop(self, key: str, *, and_after: bool) -> list[Entry]:
        """Replace a turn, and with ``and_after`` all later ones, by empty slots. Return the dropped entries."""
        with self._lock:
            later = list(dropwhile(lambda entry: entry.turn.key != key, self._entries))
            gone = [entry for entry in (later if and_after else later[:1]) if not entry.empty]
            self._entries = [_EmptySlot(entry.turn.key) if entry in gone else entry for entry in self._entries]
            return gone

    def clear(self) -> list[Entry]:
        """Remove all turns and slots. Return the old entries."""
        with self._lock:
            gone, self._entries = self._entries, []
            return gone

    def replace_all(self, turns: Iterable[Turn]) -> list[Entry]:
        """Replace all turns, slots and recorded steps by these turns. Return the old entries."""
        with self._lock:
            gone, self._entries = self._entries, [Entry(turn) for turn in turns]
            self._done.clear()
            self._undone.clear()
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
