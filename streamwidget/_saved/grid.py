"""A batch in a notebook's file: one line about all rows, and a table of the first ones and the failed ones.

The rows hold untrusted text. All of it is escaped. js/src/grid/mimebundle.ts makes the same in the page, with the same
styles of ``grid.json``. JupyterLab gives equal widths to columns without a width.
"""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import islice
from typing import Any

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.outcomes import OUTCOMES
from streamwidget._core.visible import visible
from streamwidget._many.batch import Batch
from streamwidget._many.shown import row_facts, summary
from streamwidget._saved.answer import answered_by
from streamwidget._saved.html import escape_text

_FIRST = 20  # rows
_FAILED = 20
_STYLES: dict[str, Any] = json.loads(files(__package__).joinpath("grid.json").read_text("utf-8"))
_CELL: str = _STYLES["cell"]


def grid_mimebundle(batch: Batch, completion: ChatCompletion) -> dict[str, str]:
    """Return the mimebundle of an ended batch, for the notebook's file. ``completion`` is of its stream."""
    line = " · ".join(filter(None, [*answered_by(completion), summary(batch, completion.timing.total)]))
    failed = [number for number, result in enumerate(batch.results) if result is not None and result.error is not None]
    numbers = sorted({*range(min(_FIRST, len(batch.results))), *islice(failed, _FAILED)})
    rows = [row_facts(batch, number) for number in numbers]
    more = len(batch.results) - len(rows)
    note = f" Shown: the first {_FIRST} rows, and the first {_FAILED} that failed." if more > 0 else ""
    head = "".join(f'<th style="{_CELL};{width}">{name}</th>' for name, width in _STYLES["columns"].items())
    body = "".join(map(_html_row, rows))
    html = (
        f'<p>{_text(line)}</p><div style="{_STYLES["box"]}"><table style="{_STYLES["table"]}">'
        f'<caption style="{_STYLES["caption"]}">Rows of the batch.{note}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    return {"text/html": html, "text/plain": "\n".join([line, *map(_plain_row, rows)])}


def _html_row(row: dict[str, Any]) -> str:
    cells = (row["id"], state_of(row), row["about"], said_by(row))
    return "<tr>" + "".join(f'<td style="{_CELL}">{_text(cell)}</td>' for cell in cells) + "</tr>"


def _plain_row(row: dict[str, Any]) -> str:
    return f"{row['id']:>8}  {state_of(row):12}  {said_by(row)}"


def said_by(row: dict[str, Any]) -> str:
    """Return the words of a row: its answer, or why there is none.

    >>> said_by({"text": "The", "error": "stopped by you"}), said_by({"text": "", "error": "No", "bad": True})
    ('The', 'No')
    """
    error: str = row.get("error", "")
    return error if row.get("bad") else row["text"] or error


def state_of(row: dict[str, Any]) -> str:
    """Return the state of a row in one or two words.

    >>> state_of({"state": "http_error"}), state_of({"state": "complete", "bad": True}), state_of({"state": "running"})
    ('error', 'not valid', 'running')
    """
    if row["state"] == "complete" and row.get("bad"):
        return "not valid"
    if row.get("reused"):
        return "from the file"
    return OUTCOMES[row["state"]].state if row["state"] in OUTCOMES else row["state"]


def _text(text: str) -> str:
    return escape_text(visible(text))
