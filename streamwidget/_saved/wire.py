"""A wire view as a notebook stores it: a table of the first events, the answer, and the timeline.

The rows hold untrusted text. All of it is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, TypeAlias

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.timeline import Timeline
from streamwidget._core.timeline_svg import as_html, describe
from streamwidget._core.visible import one_line, visible
from streamwidget._saved.answer import mimebundle
from streamwidget._saved.budget import Budget
from streamwidget._saved.html import escape_text

Row: TypeAlias = dict[str, Any]  # as streamwidget._view.wire.rows makes it

_MOST = 200  # rows
_PLAIN = 40
_BOX = "max-height:24em;overflow:auto;margin:0 0 1em"
_TABLE = "width:100%;min-width:40em;margin:0;border-collapse:collapse"
_CELL = "text-align:left;vertical-align:top;padding:2px 8px"
_CODE = "white-space:pre-wrap;overflow-wrap:anywhere;background:none;padding:0"
# JupyterLab gives equal widths to columns without a width.
_COLUMNS = (("Seconds", "width:5em"), ("Kind", "width:5em"), ("What came", ""), ("What it made", "width:9em"))
_CUT = "\u2503"


def wire_mimebundle(
    completion: ChatCompletion, rows: Sequence[Row], timeline: Timeline, budget: Budget | None = None
) -> dict[str, str]:
    """Return the mimebundle that a notebook stores for a stream and its wire."""
    answer = mimebundle(completion, budget)
    picture = as_html(timeline.to_svg(), describe(timeline))
    table = "".join(
        (
            f'<div style="{_BOX}"><table style="{_TABLE}"><caption style="text-align:left">',
            f"On the wire: {_count(rows)}. {_CUT} is the end of a chunk.</caption><thead><tr>",
            *(f'<th style="{_CELL};{width}">{name}</th>' for name, width in _COLUMNS),
            "</tr></thead><tbody>",
            *(_html_row(row) for row in rows[:_MOST]),
            "</tbody></table></div>\n",
        )
    )
    lines = [f"On the wire: {_count(rows)}.", *(_plain_row(row) for row in rows[:_PLAIN])]
    return {
        "text/html": f"{table}{answer['text/html']}<p>{picture}</p>",
        "text/plain": "\n".join([*lines, "", answer["text/plain"], "", describe(timeline)]),
    }


def _count(rows: Sequence[Row]) -> str:
    return f"{len(rows):,} rows" if len(rows) <= _MOST else f"the first {_MOST} of {len(rows):,} rows"


def _html_row(row: Row) -> str:
    text = _CUT.join(row["pieces"]).rstrip("\n") + _more(row)
    made = row.get("made", "")
    shown = f'<code style="{_CODE}">{_code(made)}</code>' if made else ""
    came = f'<code style="{_CODE}">{_code(text)}</code>'
    if row["kind"] == "request":
        # It holds the whole conversation, and the events are what a reader looks for.
        first, _, rest = text.partition("\n")
        if rest:
            came = f'<details><summary><code style="{_CODE}">{_code(first)}</code></summary>{came}</details>'
    cells = (f"{row['at']:.3f}", escape(row["kind"]), came, shown)
    return "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>"


def _plain_row(row: Row) -> str:
    return f"{row['at']:9.3f}  {row['kind']:8}  {one_line(''.join(row['pieces']), 160)}"


def _code(text: str) -> str:
    return escape_text(visible(text)).replace("\n", "<br>")


def _more(row: Row) -> str:
    return f" … {row['more']:,} more characters" if "more" in row else ""
