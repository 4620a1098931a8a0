"""Plain strings. Each is a piece of the answer."""

from __future__ import annotations

from typing import Any

from streamwidget._core.events import ParsedEvent, TextDelta
from streamwidget._dialects.dialect import MalformedItem


class StringsReader:
    """Reads a stream of strings."""

    plain_end = True

    @staticmethod
    def fits(item: Any) -> bool:
        return isinstance(item, str)

    def parse(self, item: Any) -> list[ParsedEvent]:
        if not isinstance(item, str):
            raise MalformedItem(f"a {type(item).__name__} among its strings")
        return [TextDelta(item)]
