"""What the items of a source say. A dialect is known by the shape of the first item; no SDK is imported.

Unlike a :class:`~streamwidget._dialects.dialect.Provider`, which reads what comes over the wire and keeps no state, a
dialect reads what an SDK has made of it, and there is one for each source.
"""

from __future__ import annotations

from typing import Any, Protocol

from streamwidget._core.events import TextDelta
from streamwidget._dialects.dialect import MalformedEvent, ParsedEvent


class Dialect(Protocol):
    """Reads the items of one source."""

    plain_end: bool
    """True where a source that just ends is complete: its items have no word for the end."""

    @staticmethod
    def fits(item: Any) -> bool:
        """Return True if a source with this first item speaks the dialect."""
        ...

    def parse(self, item: Any) -> list[ParsedEvent]:
        """Return what an item says; raise MalformedEvent or ServerReportedError."""
        ...


class Texts:
    """Strings: each is a piece of the answer. None is nothing, as at the end of many SDKs' streams."""

    plain_end = True

    @staticmethod
    def fits(item: Any) -> bool:
        return isinstance(item, str)

    def parse(self, item: Any) -> list[ParsedEvent]:
        if not isinstance(item, str):
            raise MalformedEvent(f"a {type(item).__name__} among its strings")
        return [TextDelta(item)]


def dialect_of(item: Any) -> Dialect | None:
    """Return a new dialect for a source whose first item this is, or None where no shape fits."""
    from streamwidget._dialects.anthropic import AnthropicEvents
    from streamwidget._dialects.chat_chunks import ChatChunks
    from streamwidget._dialects.langchain import LangChainChunks
    from streamwidget._dialects.responses import ResponseEvents

    kinds: tuple[type[Dialect], ...] = (Texts, ChatChunks, ResponseEvents, AnthropicEvents, LangChainChunks)
    return next((kind() for kind in kinds if kind.fits(item)), None)
