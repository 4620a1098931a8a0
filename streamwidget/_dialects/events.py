"""Our own StreamEvents as items: a ChatStream that a callable returned, or a generator that makes them itself."""

from __future__ import annotations

from typing import Any

from streamwidget._core.events import Identity, ParsedEvent, StreamEvent
from streamwidget._dialects.dialect import MalformedItem

_KINDS = (*StreamEvent.__args__, Identity)


class EventsReader:
    """Reads StreamEvents. The end has its :class:`Finish`."""

    plain_end = False

    @staticmethod
    def fits(item: Any) -> bool:
        return isinstance(item, _KINDS)

    def parse(self, item: Any) -> list[ParsedEvent]:
        if not isinstance(item, _KINDS):
            raise MalformedItem(f"a {type(item).__name__} among its events")
        return [item]
