"""Which turn belongs to which cell, so that the history is what the notebook shows.

A front end sends the id of the cell with each execution. A cell that runs again loses its output, and its turns with
it; when it asks, they come back to their places. A terminal sends no ids, nor does nbclient: there each run is a turn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from streamwidget._conversation.conversation import Conversation

if TYPE_CHECKING:
    from streamwidget._core.stream import ChatStream

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")  # the ids of a notebook file


class CellTurns:
    """The conversations of a notebook by name, and the cell that runs.

    Attributes
    ----------
    conversations : dict
        By name; ``""`` is the one of a ``%%chat`` that names none.
    """

    def __init__(self) -> None:
        self.conversations: dict[str, Conversation] = {}
        self._cell: str | None = None
        self._asked: list[str] = []  # the names of the turns of this run
        self._background: dict[str, list[ChatStream]] = {}

    def begin(self, cell: str | None, deleted: Iterable[str] = ()) -> None:
        """A cell begins to run. ``deleted`` are the cells that are gone since the last one ran."""
        self._cell, self._asked = _name(cell) if cell else None, []
        for gone in (cell, *deleted):
            if gone:
                self._forget(_name(gone))

    def next_key(self, conversation: Conversation) -> str | None:
        """Return the name of the next turn of the cell that runs, placed behind those before it; None without an id."""
        if self._cell is None:
            return None
        key = f"{self._cell}#{len(self._asked) + 1}" if self._asked else self._cell
        conversation.reserve(key, self._asked)
        self._asked.append(key)
        return key

    def leave_running(self, stream: ChatStream) -> None:
        """Note a stream that goes on after its cell; it is cancelled when the cell runs again."""
        if self._cell is not None:
            self._background.setdefault(self._cell, []).append(stream)

    def _forget(self, cell: str) -> None:
        for stream in self._background.pop(cell, ()):
            stream.cancel()
        for conversation in self.conversations.values():
            for turn in conversation.turns:
                if turn.key == cell or turn.key.startswith(f"{cell}#"):
                    conversation.drop(turn.key)


def _name(cell: str) -> str:
    """The id of a cell as the key of a turn. VS Code's is an address with the notebook's path, which stays here."""
    return cell if _PLAIN.fullmatch(cell) else hashlib.sha256(cell.encode("utf-8", "replace")).hexdigest()[:32]
