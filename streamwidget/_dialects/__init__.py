"""The APIs of providers and SDKs, one file for each dialect. No I/O, and no SDK is imported.

A dialect of our own requests is found by its name. A dialect of an SDK's stream is found by the shape of its first
item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamwidget._dialects.dialect import Dialect, Reader


def dialect_named(name: str | None) -> Dialect:
    """Return the dialect of this name, for reading. None means chat completions. KeyError if the name is not known."""
    from streamwidget._dialects.chat_completions import ChatCompletions

    dialects: dict[str | None, Dialect] = {dialect.name: dialect for dialect in (ChatCompletions(),)}
    return dialects[name or ChatCompletions.name]


def reader_for(item: Any, said: Callable[[], str] = str) -> Reader | None:
    """Return a new reader for a stream with this first item, or None if no dialect fits."""
    from streamwidget._dialects.anthropic import MessagesReader
    from streamwidget._dialects.chat_chunks import ChatCompletionsReader
    from streamwidget._dialects.langchain import LangChainReader
    from streamwidget._dialects.responses import ResponsesReader
    from streamwidget._dialects.strings import StringsReader

    kinds: tuple[type[Reader], ...] = (
        StringsReader,
        ChatCompletionsReader,
        ResponsesReader,
        MessagesReader,
        LangChainReader,
    )
    kind = next((kind for kind in kinds if kind.fits(item)), None)
    # All but strings may say something again, so they need to know what was said.
    for reader in (ChatCompletionsReader, ResponsesReader, MessagesReader, LangChainReader):
        if kind is reader:
            return reader(said)
    return kind() if kind is not None else None
