"""The refusal of items that no dialect knows: which of their fields hold text, and what to type."""

from __future__ import annotations

from typing import Any

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.secrets import mask
from streamwidget._core.visible import one_line
from streamwidget._dialects.paths import expression, string_fields

_LISTED = 6  # fields
_SHOWN = 24  # characters of a value


def unknown_item(item: Any, *, in_loop: bool) -> ErrorInfo:
    """Describe an item, for example::

    The source gave a Chunk, which is not a known kind. Its fields with text: .body.said ("Hel"), .id ("c1").
    Try show(source, text="body.said"), or show((item.body.said async for item in source)).
    """
    kind = type(item).__name__
    said = f"The source gave {'an' if kind[:1] in 'AEIOUaeiou' else 'a'} {kind}, which is not text or a known kind."
    found = string_fields(item)
    if not found:
        return ErrorInfo(
            f"{said} It has no field with text. Pass strings, or show(source, text=f) with a function f of an item."
        )
    fields = ", ".join(f'.{path} ("{one_line(mask(value), _SHOWN)}")' for path, value in list(found.items())[:_LISTED])
    best = next(iter(found))
    loop = "async for" if in_loop else "for"
    pasted = f"show(({expression(best, item)} {loop} item in source))"
    return ErrorInfo(f'{said} Its fields with text: {fields}. Try show(source, text="{best}"), or {pasted}.')
