"""The tool calls of one step. They come in fragments."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from streamwidget._core.completion import ToolCall
from streamwidget._core.events import ToolCallDelta
from streamwidget._core.growing_text import GrowingText
from streamwidget._core.surrogates import well_formed


class _Call:
    """A growing tool call."""

    __slots__ = ("arguments", "id", "index", "name", "place")

    def __init__(self, index: int, place: int) -> None:
        self.index = index
        self.place = place  # among the calls, in the order of their beginnings
        self.id: str | None = None
        self.name: str | None = None
        self.arguments = GrowingText()


class GrowingCalls:
    """The tool calls of one step. It is true if there is one."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}  # the latest call of each, because an answer may have 100,000 calls
        self._by_id: dict[str, _Call] = {}
        self._next_index = 0

    def __bool__(self) -> bool:
        return bool(self._calls)

    @property
    def whole(self) -> tuple[ToolCall, ...]:
        """The calls so far, in the order of their index."""
        return tuple(ToolCall(call.id, call.name, well_formed(str(call.arguments))) for call in self._in_order())

    def name_of(self, call_id: str) -> str | None:
        """Return the name of the tool of this call."""
        call = self._by_id.get(call_id)
        return call.name if call is not None else None

    def identify(self, taken: Collection[str | None]) -> None:
        """Give an id of its own to each call without one, or with one of the taken ones."""
        used = set(taken)
        for call in self._in_order():
            if not call.id or call.id in used:
                call.id = f"call_{uuid.uuid4().hex[:16]}"
                self._by_id[call.id] = call
            used.add(call.id)

    def add(self, delta: ToolCallDelta) -> ToolCallDelta | None:
        """Add a fragment. Return the new part of it. None: its call had all of it already."""
        call = self._call_of(delta)
        fresh = _without_repeat(delta, call)
        if fresh is not delta and not fresh.arguments:
            return None
        call.name = call.name or (fresh.name and well_formed(fresh.name))
        call.arguments.append(fresh.arguments)
        return fresh

    def _in_order(self) -> list[_Call]:
        return sorted(self._calls, key=lambda call: call.index)

    def _call_of(self, delta: ToolCallDelta) -> _Call:
        """Find the call of a fragment, or begin a new one.

        - A fragment with an index belongs to the latest call of that index. If it has another id, it begins a new call,
          because some servers number every call 0.
        - A fragment without an index belongs to the call of its id. With neither id nor name, it belongs to the latest.
        """
        index, named = delta.index, delta.id and well_formed(delta.id)
        if index is not None:
            known = self._by_index.get(index)
            if known is not None and named and known.id and known.id != named:
                known = None
        elif named:
            known = self._by_id.get(named)
        else:
            known = self._calls[-1] if self._calls and not delta.name else None
        if known is None:
            known = _Call(self._next_index if index is None else index, len(self._calls))
            self._calls.append(known)
            self._by_index[known.index] = known
            self._next_index = max(self._next_index, known.index + 1)
        if named and not known.id:
            known.id = named
            other = self._by_id.get(named)
            if other is None or other.place < known.place:
                self._by_id[named] = known
        return known


def _without_repeat(delta: ToolCallDelta, call: _Call) -> ToolCallDelta:
    """Return a fragment without a repeated beginning.

    Some servers send the whole call once more, or as far as it has grown.
    """
    said = str(call.arguments) if len(delta.arguments) >= call.arguments.length > 1 else ""
    if said and delta.id == call.id and _value_of(said) is not None and _value_of(said) == _value_of(delta.arguments):
        return replace(delta, arguments="", name=None)  # perhaps with other white space
    if not (said and delta.arguments.startswith(said) and (delta.id or delta.name or _value_of(said) is not None)):
        return delta
    return replace(delta, arguments=delta.arguments[len(said) :], name=None)


def _value_of(arguments: str) -> dict[str, Any] | None:
    """Return the arguments as an object. None: they are not whole."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
