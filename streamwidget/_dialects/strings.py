"""Plain strings. Each is a piece of the answer, or repeats the text so far (see :mod:`streamwidget._dialects.growth`).

A few libraries send other objects among their strings: chatlas the calls of tools, autogen its result at the end.
"""

from __future__ import annotations

import codecs
from typing import Any

from streamwidget._core.events import ParsedEvent, TextDelta
from streamwidget._dialects.dialect import MalformedItem, Reader
from streamwidget._dialects.growth import Growth


class StringsReader:
    """Reads a stream of strings."""

    plain_end = True

    def __init__(self) -> None:
        self._growth = Growth()
        self._other: Reader | None = None

    @staticmethod
    def fits(item: Any) -> bool:
        return isinstance(item, str)

    def parse(self, item: Any) -> list[ParsedEvent]:
        if isinstance(item, str):
            text = self._growth.take(item)
            return [TextDelta(text), *self._growth.warnings()] if text or self._growth.rewritten else []
        from streamwidget._dialects.layout import LayoutReader
        from streamwidget._dialects.libraries import AMONG_STRINGS

        if not AMONG_STRINGS.fits(item):
            raise MalformedItem(f"a {type(item).__name__} among its strings")
        if self._other is None:
            self._other = LayoutReader(AMONG_STRINGS)
        return self._other.parse(item)

    def close(self) -> list[ParsedEvent]:
        """Return what waits at the end of the stream."""
        return [TextDelta(self._growth.close())]


class EncodedText:
    """Reads plain text in bytes, in UTF-8. A character may be cut between two items."""

    plain_end = True

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @staticmethod
    def fits(item: Any) -> bool:
        return isinstance(item, bytes | bytearray | memoryview)

    def parse(self, item: Any) -> list[ParsedEvent]:
        if not self.fits(item):
            raise MalformedItem(f"a {type(item).__name__} among its bytes")
        return [TextDelta(self._decoder.decode(bytes(item)))]

    def close(self) -> list[ParsedEvent]:
        """Return what waits at the end of the stream."""
        return [TextDelta(self._decoder.decode(b"", final=True))]
