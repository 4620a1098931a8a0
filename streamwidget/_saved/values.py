"""The value of an answer as HTML: a list of objects as a table, an object as a tree. js/src/values does the same.

Every name and every text of a value is escaped, and hidden characters in it are shown as signs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from streamwidget._core.completion import ChatCompletion, last_text
from streamwidget._core.json_text import json_in, unwrapped
from streamwidget._core.visible import visible

if TYPE_CHECKING:
    from streamwidget._core.values import ValueType

_ROWS = 1_000  # of one list. More are in the JSON below
_COLUMNS = 30  # of a table. A list of objects with more fields is a tree
_DEPTH = 20  # of lists and objects in each other. What is deeper is shown as JSON
_LIST = "margin:0;padding-inline-start:1.4em"


def value_html(completion: ChatCompletion) -> str:
    """Return the value of a completion as HTML. Empty if it has none.

    Examples
    --------
    >>> from streamwidget._core.values import ValueType
    >>> kind = ValueType({"type": "array", "items": {"type": "object"}})
    >>> text = '[{"river": "Elbe", "km": 1094}]'
    >>> value_html(ChatCompletion(text, value=[{}], value_type=kind))[:61]
    '<table><thead><tr><th style="text-align:left">river</th><th>k'
    """
    kind: ValueType | None = completion.value_type
    if kind is None or completion.value is None:
        return ""
    try:
        value = json.loads(json_in(last_text(completion)))
    except (ValueError, RecursionError):
        return ""
    return "".join(_html(unwrapped(value, is_object=kind.is_object), _DEPTH))


def _html(value: Any, depth: int) -> Iterable[str]:
    if not isinstance(value, dict | list) or not value or depth == 0:
        yield _text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    elif isinstance(value, list) and (columns := _columns(value)):
        yield from _table(value, columns, depth)
    else:
        pairs = list(value.items()) if isinstance(value, dict) else [(None, item) for item in value]
        tag = "ul" if isinstance(value, dict) else "ol"
        yield f'<{tag} style="{_LIST}">'
        for name, item in pairs[:_ROWS]:
            yield "<li>"
            yield "" if name is None else f"<strong>{_text(name)}</strong>: "
            yield from _html(item, depth - 1)
            yield "</li>"
        yield f"</{tag}>{_more(len(pairs))}"


def _table(rows: Sequence[Any], columns: list[str], depth: int) -> Iterable[str]:
    firsts = [next(row[name] for row in rows if name in row) for name in columns]
    heads = (f"<th{_side(first)}>{_text(name)}</th>" for name, first in zip(columns, firsts, strict=True))
    yield f"<table><thead><tr>{''.join(heads)}</tr></thead><tbody>"
    for row in rows[:_ROWS]:
        yield "<tr>"
        for name in columns:
            yield f"<td{_side(row.get(name))}>"
            yield from _html(row[name], depth - 1) if name in row else ()
            yield "</td>"
        yield "</tr>"
    yield f"</tbody></table>{_more(len(rows))}"


def _side(value: Any) -> str:
    """Return the side of a cell. Texts begin at the left. Jupyter has all else at the right, as for numbers."""
    return ' style="text-align:left"' if isinstance(value, str | dict | list) else ""


def _columns(value: list[Any]) -> list[str]:
    """Return the names of a table's columns. Empty if not all rows are objects."""
    if not all(isinstance(row, dict) and row for row in value):
        return []
    names = list(dict.fromkeys(name for row in value for name in row))
    return names if len(names) <= _COLUMNS else []


def _more(count: int) -> str:
    return f"<p><small>and {count - _ROWS:,} more, in the JSON below</small></p>" if count > _ROWS else ""


def _text(text: str) -> str:
    from streamwidget._saved.html import escape_text

    return escape_text(visible(text)).replace("\n", "<br>")
