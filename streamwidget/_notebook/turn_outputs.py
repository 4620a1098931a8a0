"""The outputs that keep the turns of this session, so that ``%chat --resume`` finds them in the notebook's file.

The output of an answer holds its turn, as :mod:`streamwidget._saved.kept_turn` writes it. It also holds the turns
after it without an output of their own: a ChatWidget or the person's code has asked them. When a turn changes later,
its output gets the change. Example: ``%chat --skip 2``, and the branch of an edit in a ChatWidget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Turn
from streamwidget._saved.kept_turn import turn_formats

_MOST = 200  # outputs. An older one gets no more changes

#: Puts a mimebundle into the place of an output.
Put = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class _Output:
    conversation: Conversation
    name: str
    saved: dict[str, Any]
    put: Put
    turns: tuple[Turn, ...]

    def fill(self) -> dict[str, Any]:
        """Put the saved answer into its place, with the turns beside it. Return the whole mimebundle."""
        whole = {**self.saved, **turn_formats(self.turns, self.saved, self.name)}
        self.put(whole)
        return whole


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
        output = _Output(conversation, name, saved, put, self._turns_of(conversation.turns, key))
        whole = output.fill()
        self._outputs.pop(key, None)
        self._outputs[key] = output
        while len(self._outputs) > _MOST:
            del self._outputs[next(iter(self._outputs))]
        return whole

    def _refresh(self, conversation: Conversation) -> None:
        """Put what has changed into the outputs. Any thread may call this."""
        turns = conversation.turns
        for key, output in tuple(self._outputs.items()):
            if output.conversation is conversation:
                self._bring_up_to_date(key, output, self._turns_of(turns, key))

    def _bring_up_to_date(self, key: str, output: _Output, turns: tuple[Turn, ...]) -> None:
        if not turns:
            self._outputs.pop(key, None)  # its cell runs again, or the conversation was cleared
        elif not turns[0].streams and [*map(id, turns)] != [*map(id, output.turns)]:
            output.turns = turns
            output.fill()

    def _turns_of(self, turns: tuple[Turn, ...], key: str) -> tuple[Turn, ...]:
        """Return the turn of this key, and those after it that have no output of their own. Empty if it has left."""
        start = next((place for place, turn in enumerate(turns) if turn.key == key), len(turns))
        end = next((place for place in range(start + 1, len(turns)) if turns[place].key in self._own), len(turns))
        first, later = turns[start : start + 1], turns[start + 1 : end]
        return (*first, *(turn for turn in later if not turn.streams))
