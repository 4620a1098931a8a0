"""Yields beside text, in a saved answer: the best format for a page, as HTML, and the plain text.

The HTML of an object is the output of the person's own code. It stands in the saved answer as it is, so the host treats
it like any other output: it cleans it unless the notebook is trusted. An object from a file may be another
person's. Only its pictures and plain text are shown.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from html import escape
from html.parser import HTMLParser
from typing import Any

from streamwidget._core.events import RichOutput
from streamwidget._core.visible import one_line, visible
from streamwidget._saved.budget import Budget

#: All formats of all outputs of an answer, beside its HTML. No front end draws this. A program that reads the notebook
#: finds them there: ``[{"place": 11, "data": {"text/html": "...", ...}, "metadata": {}}]``.
BUNDLES = "application/vnd.streamwidget.outputs+json"
#: js/src/answer/outputs.ts has the same.
OUTPUT_STYLE = "margin:0 0 0.5em;overflow-x:auto;max-width:100%"
_IMAGE_STYLE = "max-width:100%"
_PLAIN_STYLE = "white-space:pre-wrap;overflow-wrap:break-word"
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


def output_html(output: RichOutput, budget: Budget) -> str:
    r"""Return an output as HTML.

    Examples
    --------
    >>> output_html(RichOutput({"text/html": "<b>1</b>", "text/plain": "1"}, trusted=True), Budget(9))
    '<div class="streamwidget-output" style="margin:0 0 0.5em;overflow-x:auto;max-width:100%"><b>1</b></div>\n'
    """
    cut = f"<p><small>{escape(one_line(output.cut))}</small></p>" if output.cut else ""
    return f'<div class="streamwidget-output" style="{OUTPUT_STYLE}">{_best(output, budget)}{cut}</div>\n'


def output_text(output: RichOutput) -> str:
    r"""Return an output as plain text.

    Examples
    --------
    >>> output_text(RichOutput({"text/plain": "a  b"}, cut="left out: text/html (3.0 MB)"))
    'a  b\n(left out: text/html (3.0 MB))'
    """
    plain = visible(output.format("text/plain")) or "(an output without a text)"
    return f"{plain}\n({one_line(output.cut)})" if output.cut else plain


def bundles(outputs: Iterable[RichOutput]) -> list[dict[str, Any]]:
    """Return the formats of each output, for the saved notebook. Of an untrusted one, only the visible formats."""
    found = []
    for one in outputs:
        data = {kind: value for kind, value in one.data.items() if one.trusted or kind in (*_PICTURES, "text/plain")}
        cut = {"cut": one.cut} if one.cut else {}
        found.append({"place": one.place, "data": data, "metadata": dict(one.metadata) if one.trusted else {}, **cut})
    return found


def needs_its_own(output: RichOutput) -> bool:
    """Return True for an interactive chart or widget: only an output of its own can hold it.

    Examples
    --------
    >>> needs_its_own(RichOutput({"application/vnd.vegalite.v5+json": {}, "text/plain": "Chart"}, trusted=True))
    True
    """
    kinds = output.data.keys() - {"text/plain", "application/json"}
    return output.trusted and bool(kinds) and all(kind.startswith("application/") for kind in kinds)


def _best(output: RichOutput, budget: Budget) -> str:
    html = output.format("text/html")
    if output.trusted and html and _is_balanced(html):
        return html
    for kind in _PICTURES:
        data = output.format(kind)
        if data and _BASE64.fullmatch(data):
            return f'<img alt="{_alt(output)}" src="data:{kind};base64,{"".join(data.split())}" style="{_IMAGE_STYLE}">'
    if svg := output.format("image/svg+xml"):  # as a picture it cannot run or load anything
        data = b64encode(svg.encode("utf-8", "replace")).decode()
        return f'<img alt="{_alt(output)}" src="data:image/svg+xml;base64,{data}" style="{_IMAGE_STYLE}">'
    if latex := output.format("text/latex"):
        return f"<p>{escape(visible(latex))}</p>"
    if markdown := output.format("text/markdown"):
        from streamwidget._saved.html import render

        return render(visible(markdown), budget).html
    return f'<pre style="{_PLAIN_STYLE}">{escape(visible(output.format("text/plain")))}</pre>'


def _alt(output: RichOutput) -> str:
    return escape(one_line(output.format("text/plain"), 100) or "picture")


def _is_balanced(html: str) -> bool:
    """Return False if HTML would swallow the text after it: by an open element or comment."""
    tags = _Tags()
    try:
        tags.feed(html)
        rest = tags.rawdata
        tags.close()
    except Exception:  # noqa: BLE001  (it is the person's HTML, whatever it is)
        return False
    return not (tags.open or tags.is_wrong or rest.strip())


class _Tags(HTMLParser):
    """Follows the open elements."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.is_wrong = False

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  (the base class's)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Do nothing. ``<path/>`` in an SVG is closed."""

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.is_wrong = True
