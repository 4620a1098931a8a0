"""Which turns belong to which cell, so that the history matches the notebook.

A front end sends the id of the cell with each execution. If a cell is run again, its output and its turns go. When
it asks again, its turns come back to their places. A terminal and nbclient send no ids, so each run adds a turn there.

JupyterLab's page also sends the order of its cells (``js/src/notebook/cell_order.ts``). The turns follow it: a moved
or inserted cell sends the turns above it. Without a page the order of the runs stays.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from streamwidget._conversation.conversation import Conversation

if TYPE_CHECKING:
    from streamwidget._core.stream import ChatStream

_MOST = 5_000  # cells of a notebook
_LONGEST = 1_000  # characters of an id
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")  # the ids of a notebook file


class CellTurns:
    """The turns of the running cell.

    Parameters
    ----------
    conversations : mapping of str to Conversation
        The session's. When a cell runs again or is deleted, its turns are dropped from all of them.
    """

    def __init__(self, conversations: Mapping[str, Conversation]) -> None:
        self._conversations = conversations
        self._cell: str | None = None
        self._asked: list[str] = []  # the keys of this run's turns
        self._background: dict[str, list[ChatStream]] = {}
        self._places: dict[str, int] = {}  # of the cells in the page's notebook

    def begin(self, cell: str | None, deleted: Iterable[str] = ()) -> None:
        """Note the cell that begins to run, and the cells deleted since the last one ran."""
        self._cell, self._asked = key_of(cell) if cell else None, []
        for gone in (cell, *deleted):
            if gone:
                self._forget(key_of(gone))
        for conversation in self._conversations.values():
            conversation.arrange(self._place)

    def take_order(self, message: Any) -> None:
        """Take ``{"cells": [ID, ...]}`` from the page: its cells in their order. Anything else is ignored.

        Any thread may call this. The turns are arranged when the next cell begins.
        """
        cells = message.get("cells") if isinstance(message, dict) else None
        if not isinstance(cells, list) or len(cells) > _MOST:
            return
        if all(isinstance(cell, str) and len(cell) <= _LONGEST for cell in cells):
            self._places = {key_of(cell): place for place, cell in enumerate(cells)}

    def place(self, cell: str) -> int | None:
        """Return where a cell with this id stands in the page. None if the page has not said so."""
        return self._place(key_of(cell)) if cell else None

    def _place(self, key: str) -> int | None:
        return self._places.get(key.partition("#")[0])

    def next_key(self, conversation: Conversation) -> str | None:
        """Return the key of the running cell's next turn, and reserve its place. None if the cell has no id.

        ``abc`` is the key of the first turn of cell ``abc``, ``abc#2`` of the second. Its place is behind the first.
        """
        if self._cell is None:
            return None
        key = f"{self._cell}#{len(self._asked) + 1}" if self._asked else self._cell
        conversation.reserve(key, self._asked)
        if self._place(key) is not None:
            conversation.arrange(self._place, key)
        self._asked.append(key)
        return key

    @property
    def running(self) -> str | None:
        """The key of the running cell. None if it has no id."""
        return self._cell

    def leave_running(self, stream: ChatStream) -> None:
        """Note a background stream of the running cell. When the cell runs again, the stream is cancelled."""
        if self._cell is not None:
            self._background.setdefault(self._cell, []).append(stream)

    def _forget(self, cell: str) -> None:
        for stream in self._background.pop(cell, ()):
            stream.cancel()
        for conversation in self._conversations.values():
            for turn in conversation.turns:
                if turn.key == cell or turn.key.startswith(f"{cell}#"):
                    conversation.drop(turn.key)


def key_of(cell: str) -> str:
    """Return the key of a cell's turns: its id, or a hash if the id is an address.

    VS Code's ids hold the path of the notebook. An exported conversation must not.
    """
    return cell if _PLAIN.fullmatch(cell) else hashlib.sha256(cell.encode("utf-8", "replace")).hexdigest()[:32]
