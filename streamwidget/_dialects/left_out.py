"""The parts of an answer that are not shown: the words for them, in one table for all dialects.

A reader reads its own kinds of parts, blocks and items. Any other kind comes here and gets a name, so nothing
is dropped in silence. ``web_search_tool_result`` is "web search results". ``hologram`` is in no row, so it is named as
the provider names it: "part of an unknown kind (hologram)".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from streamwidget._core.events import LeftOut, Lost, ParsedEvent
from streamwidget._dialects.fields import plain, word

#: Parts of a kind's name, in the order of the search, and the words: for all of it, and for one of it.
_WORDS: tuple[tuple[str, str, str], ...] = (
    ("citation|annotation|reference|footnote|grounding|attribution", "citations", "citation"),
    ("redacted|encrypted", "hidden reasoning", ""),
    ("reasoning|thinking|thought", "reasoning", ""),
    ("web_search_call", "web searches", "web search"),
    ("file_search_call", "file searches", "file search"),
    ("file_?search|retrieval", "file search results", "file search result"),
    ("web_?search|search_results?$|google_search", "web search results", "web search result"),
    ("web_?fetch|url_?(fetch|context)", "web pages", "web page"),
    ("code_?(interpreter|execution)|executable_?code|bash|shell|text_editor|logs", "code output", ""),
    ("image", "images", "image"),
    ("computer", "computer actions", "computer action"),
    ("video", "videos", "video"),
    ("audio|speech|sound", "sound", ""),
    ("file|document|upload|inline_?data|blob", "files", "file"),
    ("mcp|tool|function", "tool results", "tool result"),
    ("compact", "a summary of earlier turns", ""),
    ("log_?prob", "log probabilities", ""),
    ("partial_args", "the arguments of a tool call", ""),
    ("prompt_progress", "prompt progress", ""),
    ("related_questions|suggest|follow_?ups?$", "suggested questions", ""),
)
_MOST = 200  # entries of one list to distinguish
#: Names of fields about an answer. They are not a part of it.
_ABOUT = re.compile(
    r"^(?!grounding|citation).*(?:^|_)(ids?|index|indices|signatures?|fingerprint|types?|status|object|created(_at)?|tier"
    r"|obfuscation|usage|times?|timings?|timestamp|finish_reason|stop_reason|stop|stop_sequence|finish_details|model"
    r"|provider|channel|recipient|names?|weight|role|info|resp|padding|stats|runtime|verbose|version|filter_results?"
    r"|filters?|filter_offsets|phase|state|metadata|meta|region|host|trace|mime|tokens?|counts?|hash|seed|cost|latency"
    r"|safety(_ratings)?|extra_content|format|language|event|cache|sequence_number|specific_fields|kv_transfer_params"
    r"|token_ids|input_audio|container|done|final|is_\w+|has_\w+|execution)$"
)
_PROSE = re.compile(r"\S\s+\S+\s+\S|https?://|data:")


def left_out(kind: str | None, entries: Iterable[Any] = ()) -> LeftOut:
    """Return the event for a part of this kind.

    Parameters
    ----------
    kind : str or None
        The provider's name for it.
    entries : iterable
        One for each entry, if they can be counted.

    Examples
    --------
    >>> left_out("web_search_tool_result", ["a", "b"]).what, left_out("hologram").what
    ('web search results', 'part of an unknown kind (hologram)')
    """
    name = _snake(kind or "")
    for parts, what, one in _WORDS:
        if re.search(parts, name):
            keys = tuple(_key(entry) for _, entry in zip(range(_MOST), entries, strict=False)) if one else ()
            return LeftOut(what, one, keys)
    shown = " ".join((kind or "").split())[:40]
    return LeftOut(f"part of an unknown kind ({shown})" if shown else "part of an unknown kind")


def unknown_part(part: Any) -> Iterator[ParsedEvent]:
    """Name an unreadable part of the text itself. Its place in the text is known, so it leaves a gap."""
    kind = (word(part.get("type")) or next(iter(part), None)) if isinstance(part, dict) else type(part).__name__
    event = left_out(kind, [part])
    if event.what.startswith("part of"):
        yield Lost()
    yield event


def unread(fields: dict[str, Any], known: frozenset[str], *, prose: bool = False) -> Iterator[LeftOut]:
    """Name the fields with a value, if no reader knows them.

    Parameters
    ----------
    fields : dict
    known : frozenset of str
        The names of the read fields, and of those left out on purpose.
    prose : bool, default False
        True: only fields with some words or an address count. A server's remarks around the answer do not.
    """
    for name, value in fields.items():
        if name in known or not value or _ABOUT.search(_snake(name)):
            continue
        event = left_out(name, value if isinstance(value, list) else [value])
        is_named = not event.what.startswith("part of")
        if isinstance(value, dict) and not is_named and (inner := list(_inner(value, prose=prose))):
            yield from inner
        elif _is_content(value, prose=prose) or (is_named and not prose and isinstance(value, str | list | dict)):
            yield event


def _inner(fields: dict[str, Any], *, prose: bool) -> Iterator[LeftOut]:
    """Name the known kinds in an object of an unknown name. Example: ``{"context": {"citations": [...]}}``."""
    for name, value in fields.items():
        event = left_out(str(name), value if isinstance(value, list) else [value])
        if _is_content(value, prose=prose) and not event.what.startswith("part of"):
            yield event


def _is_content(value: Any, depth: int = 0, *, prose: bool) -> bool:
    """Whether a value holds text. Numbers and flags are not content."""
    if isinstance(value, str):
        return bool(_PROSE.search(value[:10_000]) if prose else value.strip())
    if depth > 4 or not isinstance(value, dict | list):
        return False
    if isinstance(value, list):
        return any(_is_content(part, depth + 1, prose=prose) for part in value[:_MOST])
    inner = (part for name, part in value.items() if not _ABOUT.search(_snake(str(name))))
    return any(_is_content(part, depth + 1, prose=prose) for part in inner)


def _snake(name: str) -> str:
    return re.sub(r"[\s.-]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).lower()


def _key(entry: Any) -> str:
    return entry[:300] if isinstance(entry, str) else json.dumps(plain(entry), default=str, sort_keys=True)[:300]
