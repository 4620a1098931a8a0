"""The outputs that keep the turns of this session, so that ``%chat --resume`` finds them in the notebook's file.

The output of an answer holds its turn, as :mod:`streamwidget._saved.kept_turn` writes it. It also holds the turns that
come after it and have no output of their own: those that a ChatWidget or the person's code has asked. When a turn
changes later, its output gets the change. Example: ``%chat --skip 2``, and an edit in a ChatWidget, which makes a
branch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Turn
from streamwidget._saved.kept_turn import turn_formats

_MOST = 200  # outputs that still get changes

#: Puts a mimebundle into the place of an output.
Put = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class _Output:
    conversation: Conversation
    name: str
    saved: dict[str, Any]
    put: Put
    turns: tuple[Turn, ...]


class TurnOutputs:
    """The outputs of one session, by the keys of their turns."""

    def __init__(self) -> None:
        self._outputs: dict[str, _Output] = {}  # the oldest first
        self._own: set[str] = set()  # the keys of the turns with an output of their own, also in the file
        self._observed: set[Conversation] = set()

    def claim(self, conversation: Conversation, *keys: str) -> None:
        """Note turns that have an output of their own, or will have one. It is not replaced before it is there."""
        for key in keys:
            self._outputs.pop(key, None)
        self._own.update(keys)
        if conversation not in self._observed:
            self._observed.add(conversation)
            conversation.observe(lambda: self._refresh(conversation))

    def put(self, conversation: Conversation, name: str, key: str, saved: dict[str, Any], put: Put) -> dict[str, Any]:
        """Put the saved answer of a turn into its place, with the turn beside it. Return the whole mimebundle."""
        turns = self._turns_of(conversation.turns, key)
        whole = {**saved, **turn_formats(turns, saved, name)}
        put(whole)
        self._outputs.pop(key, None)
        self._outputs[key] = _Output(conversation, name, saved, put, turns)
        while len(self._outputs) > _MOST:
            del self._outputs[next(iter(self._outputs))]
        return whole

    def _refresh(self, conversation: Conversation) -> None:
        """Put what has changed into the outputs. Any thread may call this."""
        turns = conversation.turns
        for key, output in tuple(self._outputs.items()):
            if output.conversation is not conversation:
                continue
            now = self._turns_of(turns, key)
            if not now:
                self._outputs.pop(key, None)  # its cell runs again, or the conversation was cleared
            elif now[0].streams:
                continue
            elif len(now) != len(output.turns) or any(
                one is not other for one, other in zip(now, output.turns, strict=True)
            ):
                output.turns = now
                output.put({**output.saved, **turn_formats(now, output.saved, output.name)})

    def _turns_of(self, turns: tuple[Turn, ...], key: str) -> tuple[Turn, ...]:
        """Return the turn of this key, and those after it that have no output of their own. Empty if it has left."""
        start = next((place for place, turn in enumerate(turns) if turn.key == key), len(turns))
        end = next((place for place in range(start + 1, len(turns)) if turns[place].key in self._own), len(turns))
        first, later = turns[start : start + 1], turns[start + 1 : end]
        return (*first, *(turn for turn in later if not turn.streams))
