"""``show(source, text=...)``: the person says where an item holds its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import ParsedEvent, TextDelta
from streamwidget._core.exceptions import SourceError
from streamwidget._dialects.growth import Growth
from streamwidget._dialects.paths import MISSING, at, string_fields


class TextOf:
    """A reader that takes the text of each item from a path, or from a callable. Growing texts are shown once.

    Parameters
    ----------
    text : str or callable
        ``"message.content"``, or a function of the item. An item without the path, or a None, brings nothing.
    """

    plain_end = True

    def __init__(self, text: str | Callable[[Any], Any]) -> None:
        self._text = text
        self._growth = Growth()
        self._found = False
        self._other: Any = MISSING  # an item without the path

    def fits(self, item: Any) -> bool:  # noqa: ARG002  (the person said so)
        return True

    def parse(self, item: Any) -> list[ParsedEvent]:
        found = at(item, self._text, MISSING) if isinstance(self._text, str) else self._text(item)
        if found is MISSING:
            self._other = item
            return []
        self._found = True
        if found is None:
            return []
        if not isinstance(found, str):
            raise SourceError(ErrorInfo(f"{self._named} gives a {type(found).__name__}, not a str.", kind="source"))
        return [TextDelta(self._growth.take(found)), *self._growth.warnings()]

    def close(self) -> list[ParsedEvent]:
        """Return what waits at the end. SourceError if no item had the path."""
        if not self._found and self._other is not MISSING:
            paths = ", ".join(string_fields(self._other)) or "none"
            message = f"No item has a field {self._text}. Fields with text: {paths}."
            raise SourceError(ErrorInfo(message, kind="source"))
        return [TextDelta(self._growth.close())]

    @property
    def _named(self) -> str:
        return f'text="{self._text}"' if isinstance(self._text, str) else "text=..."
