"""A corrected cell after ``%chat --fix``: its diff, and the page's offer to put it in place of the cell.

The diff is an output below the answer. The page shows "Replace cell" under it, as long as this kernel lives and the
cell is as it was. Nothing is replaced before the person presses that, and nothing is run.
"""

from __future__ import annotations

import difflib
import uuid
from typing import Any

from IPython.display import publish_display_data

from streamwidget._core.completion import ChatCompletion, last_text
from streamwidget._core.spellings import MASK
from streamwidget._core.visible import visible
from streamwidget._notebook import front_end
from streamwidget._notebook.cell_record import LastError
from streamwidget._notebook.code import find_code
from streamwidget._notebook.context import without_keys
from streamwidget._notebook.session import Session
from streamwidget._notebook.terminal import say
from streamwidget._saved.html import escape_text
from streamwidget._view.page_tools import bring_tools

_MOST = 20  # offers. The page has them all
_LONGEST = 100_000  # characters of a cell
_COLOURS = {"-": "rgba(211,47,47,0.15)", "+": "rgba(46,125,50,0.15)"}
_LINE = "display:block;white-space:pre-wrap;overflow-wrap:anywhere"
_offered: dict[str, dict[str, str]] = {}  # the oldest first


def offer_fix(session: Session, error: LastError, completion: ChatCompletion) -> None:
    """Show how the code of an answer differs from the cell, and let the page offer to replace it."""
    found = _difference(session, error, completion)
    if found is None:
        return
    if not front_end.shows_widgets(session.shell):
        say(found["text/plain"])
    else:
        publish_display_data(found)  # type: ignore[no-untyped-call]


def saved_with_fix(
    session: Session, error: LastError, completion: ChatCompletion, saved: dict[str, Any]
) -> dict[str, Any]:
    """Return a saved answer with the diff below it. So it is for ``--bg``, whose end belongs to no cell."""
    found = _difference(session, error, completion)
    if found is None:
        return saved
    others = {kind: value for kind, value in saved.items() if kind != "text/markdown"}
    return others | {
        "text/html": f"{saved['text/html']}{found['text/html']}",
        "text/plain": f"{saved['text/plain']}\n\n{found['text/plain']}",
    }


def _difference(session: Session, error: LastError, completion: ChatCompletion) -> dict[str, str] | None:
    """Return the diff as a mimebundle, which the page offers to apply. None: the answer has no other code."""
    old = error.cell.source
    code = find_code(last_text(completion)) if completion.outcome == "complete" else None
    if code is None or max(len(old), len(code.text)) > _LONGEST:
        return None
    new = with_keys(code.text, old)
    diff = [*difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=3)][3:]
    if not diff:
        return None
    title = f"Cell [{error.cell.number}], corrected:"
    name = uuid.uuid4().hex
    if error.id is not None and MASK not in new and front_end.in_kernel(session.shell):
        _offer(name, {"cell": error.id, "old": old, "new": new})
    lines = "".join(
        f'<span style="{_LINE};background:{_COLOURS.get(line[0], "none")}">{escape_text(line)}</span>' for line in diff
    )
    html = (
        f'<div class="streamwidget-fix streamwidget-fix-{name}"><p style="margin:0.5em 0 0">{title}</p>'
        f'<pre style="margin:0">{lines}</pre></div>'
    )
    return {"text/plain": "\n".join([title, "", *map(visible, diff)]), "text/html": html}


def with_keys(code: str, old: str) -> str:
    r"""Return a corrected cell. Its lines with a masked key are as they were in the cell.

    Examples
    --------
    >>> with_keys('API_KEY = "[key]"\nprint(2)', 'API_KEY = "1234abcd"\nprint(1')
    'API_KEY = "1234abcd"\nprint(2)'
    """
    before = old.splitlines()
    sent = dict(zip(without_keys(old).splitlines(), before, strict=False))
    return "\n".join(sent.get(line, line) if MASK in line else line for line in code.splitlines())


def _offer(name: str, fix: dict[str, str]) -> None:
    _offered[name] = fix
    while len(_offered) > _MOST:
        del _offered[next(iter(_offered))]
    bring_tools().set_trait("fixes", dict(_offered))
