"""Chunks of chat completions as the openai SDK and LiteLLM give them, and the events of the former's ``.stream()``."""

from __future__ import annotations

from typing import Any

from streamwidget._dialects.chat_completions import parse_chunk
from streamwidget._dialects.dialect import MalformedEvent, ParsedEvent
from streamwidget._dialects.fields import field, plain


class ChatChunks:
    """Objects or dicts with ``choices``; of the events of ``.stream()``, the ones that bring such a chunk."""

    plain_end = False

    @staticmethod
    def fits(item: Any) -> bool:
        return isinstance(field(item, "choices"), list) or isinstance(field(item, "chunk", "choices"), list)

    def parse(self, item: Any) -> list[ParsedEvent]:
        kind = field(item, "type")
        if isinstance(kind, str) and (kind == "chunk" or "." in kind):
            # The other events of .stream() say again what the chunks say; each has the whole answer so far in it.
            item = field(item, "chunk")
            if item is None:
                return []
        if isinstance(item, str) or not isinstance(chunk := plain(item), dict):
            raise MalformedEvent(f"a {type(item).__name__} among its chunks")
        return parse_chunk(chunk)
