"""The APIs of providers and SDKs, one file for each dialect. No I/O, and no SDK is imported.

A dialect of our own requests is found by its name. A dialect of an SDK's stream is found by the shape of its first
item (:mod:`streamwidget._dialects.registry`).
"""

from __future__ import annotations

from streamwidget._dialects.dialect import Dialect
from streamwidget._dialects.registry import reader_for

__all__ = ["dialect_named", "reader_for"]


def dialect_named(name: str | None) -> Dialect:
    """Return the dialect of this name, for reading. None means chat completions. KeyError if the name is not known."""
    from streamwidget._dialects.chat_completions import ChatCompletions

    dialects: dict[str | None, Dialect] = {dialect.name: dialect for dialect in (ChatCompletions(),)}
    return dialects[name or ChatCompletions.name]
