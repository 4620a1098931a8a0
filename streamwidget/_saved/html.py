r"""A model's Markdown as safe HTML. Trusted notebooks and exported pages show it without a sanitizer.

The rules, each with an example (Markdown -> HTML, in which ``...`` is left out):

1. Every tag and attribute is a constant in this file. Only three values come from the text: an ``href`` (http, https or
   mailto, at most 2048 characters), the ``start`` of a list, and a code language of ``[a-z0-9+-]``. An unknown token is
   an error, and the caller falls back to plain text.
   ``3. x`` -> ``<ol start="3">...``
2. Nothing is loaded from elsewhere. An image becomes a link, or text. After a link comes its host, unless the link's
   text shows it.
   ``[docs](https://a.example/x)`` -> ``<a href="https://a.example/x" ...>docs</a> <small>(a.example)</small>``
3. Raw HTML becomes text, but see 4. So does a link with another scheme: its source is shown as typed.
   ``<b>x</b>`` -> the text ``<b>x</b>``, and ``[x](javascript:y)`` -> the text ``[x](javascript:y)``
4. ``<br>`` in a table's cell is a line break, because a cell has no other one.
   ``| a<br>b |`` -> ``<td ...>a<br>b</td>``
5. MathJax typesets ``$...$`` wherever it finds a pair. Outside of math each dollar and each backslash is in a
   ``<span>``, so that MathJax finds no pair and no command.
   ``$5 and $6`` -> ``<span>$</span>5 and <span>$</span>6``, and ``$x$`` -> ``$x$``
6. The size of the output is bounded by the input. Link targets that are repeated by reference are dropped when they
   become too many, and so are the frames and colours of code. Text that is too costly to parse, or nested too deep, is
   shown as typed.
   ``> > > ...`` with 65 levels -> ``<pre ...>`` with the text ``> > > ...``

The live view follows the same rules (js/src/markdown/). Change both: tests/saved/test_live_equals_static.py compares
them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from html import escape, unescape
from itertools import accumulate, pairwise
from typing import NamedTuple

from markdown_it.token import Token

from streamwidget._core.visible import visible
from streamwidget._saved.budget import Budget
from streamwidget._saved.code import code_block
from streamwidget._saved.dress import QUOTE_TO_THE_RIGHT, TABLE, TO_THE_RIGHT
from streamwidget._saved.links import destination_of, is_link, shows_destination
from streamwidget._saved.markdown import MAX_BRACKETS, MAX_NESTING, environment, parse, parser

__all__ = ["MAX_BRACKETS", "MAX_NESTING", "escape_text", "parse", "render"]

# About so many characters of tags and attributes a link has besides its address.
_LINK = 100
# The name of a code language: "c++" yes, "x onclick" no.
_LANGUAGE = re.compile(r"[a-z0-9+-]{1,30}")
# "$5" -> "<span>$</span>5"
_SPECIAL_IN_TEXT = re.compile(r"[$\\]")
# What raw HTML begins with: "<b>", "</b>", "<!--", "<?php". Not "<![", which begins many an image beside a "<".
_MAY_BE_HTML = re.compile(r"<(?:/?[a-zA-Z]|[?]|!(?:--|[a-zA-Z]|\[CDATA\[))")
# A character of a script that is written from right to left, such as Hebrew and Arabic.
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")

_TAGS = {
    "paragraph": "p",
    "blockquote": "blockquote",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "th": "th",
    "td": "td",
    "em": "em",
    "strong": "strong",
    "s": "s",
}
_HEADINGS = {f"h{level}": f"h{level}" for level in range(1, 7)}
_ALIGNMENTS = {f"text-align:{side}" for side in ("left", "center", "right")}


class Rendered(NamedTuple):
    """Markdown as HTML.

    Attributes
    ----------
    html : str
        Inner HTML, without a wrapper.
    portable : bool
        True if other renderers may show the text as Markdown: it has no image and no raw HTML, and all of it is within
        the bounds.
    last_line : int
        Where the last block begins.
    """

    html: str
    portable: bool
    last_line: int = 0


def render(text: str, budget: Budget | None = None) -> Rendered:
    r"""Render Markdown.

    Parameters
    ----------
    text : str
        Markdown (CommonMark, tables, task lists, strikethrough, bare addresses) without invisible characters.
    budget : Budget, optional
        The time for it. Default: that of a text of this length.

    Returns
    -------
    Rendered

    Examples
    --------
    >>> render("costs $5 and $6").html
    '<p>costs <span>$</span>5 and <span>$</span>6</p>\n'
    >>> render("a <b>bold</b>").portable
    False
    """
    budget = budget or Budget(len(text))
    tokens = parse(text, budget)
    lines = text.split("\n")
    # The live view has dir="auto" on every block. A saved answer has it only if there is right-to-left text.
    writer = _Writer(lines, direction=' dir="auto"' if _RIGHT_TO_LEFT.search(text) else "")
    parts: list[str] = []
    is_whole = True
    for block in _top_level(tokens):
        # Beyond its nesting limit the parser drops text silently.
        if block[0].meta.get("unparsed") or any(token.level >= MAX_NESTING - 1 for token in block):
            start, end = block[0].map or (0, 0)
            parts.append(as_typed("\n".join(lines[start:end])))
            is_whole = False
        else:
            parts.append(writer.blocks(block))
        writer.written += len(parts[-1])
    is_whole = is_whole and not any(token.meta.get("unparsed") for token in tokens)
    last_line = next((token.map[0] for token in reversed(tokens) if token.level == 0 and token.map), 0)
    return Rendered("".join(parts), is_whole and _is_portable(text, tokens, budget), last_line)


def as_typed(text: str) -> str:
    """Return text as HTML that shows it unchanged."""
    # A browser drops a line break right after the tag, so a text that begins with one gets another.
    return f'<pre style="white-space:pre-wrap">{chr(10) if text.startswith(chr(10)) else ""}{escape(text)}</pre>\n'


def _top_level(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    ends = [0, *(index + 1 for index, token in enumerate(tokens) if token.level == 0 and token.nesting != 1)]
    return [tokens[start:end] for start, end in pairwise(ends)]


def escape_text(text: str) -> str:
    """Escape text for HTML and for MathJax.

    >>> escape_text("costs $5")
    'costs <span>$</span>5'
    """
    return _SPECIAL_IN_TEXT.sub(r"<span>\g<0></span>", escape(visible(text)))


def _is_portable(text: str, tokens: Sequence[Token], budget: Budget) -> bool:
    if _any(tokens, {"image"}):
        return False
    if _MAY_BE_HTML.search(text):
        others = parser(html=True).parse(text, environment(text, budget))
        if budget.is_spent or _any(others, {"html_block", "html_inline"}):
            return False
    # JupyterLab takes math out before it parses Markdown. The pieces around the math may join to an image:
    # a$`$ ![x](https://a.example/p.png) `
    has_math = "$" in text or "\\" in text
    return not (has_math and ("![" in text or _MAY_BE_HTML.search(text)))


def _any(tokens: Sequence[Token], types: set[str]) -> bool:
    return any(token.type in types or (token.children and _any(token.children, types)) for token in tokens)


class _Writer:
    """Writes tokens as HTML.

    ``lines`` is the text, and ``direction`` an attribute of each block. Links may add 12 times as many characters as
    the text has. Frames and colours of code and tables are left out while the output is more than 12 times as long as
    the text up to there.
    """

    def __init__(self, lines: Sequence[str], direction: str = "") -> None:
        self.written = 0  # characters of the blocks so far
        # The most output before each line.
        self._most = [12 * end + 1024 for end in accumulate((len(line) + 1 for line in lines), initial=0)]
        self._budget = self._most[-1] - 12  # of links: the last line has no line break
        self._decorated = 0  # characters of the frames and colours of this block
        self._direction = direction
        self._is_rtl = False  # the block at the top level
        self._parts: list[str] = []
        self._links: list[
            tuple[str, int] | None
        ] = []  # each open link: its address, and the index where its text begins

    def blocks(self, tokens: Sequence[Token]) -> str:
        """Return one top-level block as HTML, with the same line breaks between tags as markdown-it."""
        self._is_rtl = bool(self._direction) and _is_right_to_left(tokens)
        self._parts = parts = []
        self._decorated = 0
        for index, token in enumerate(tokens):
            if token.type == "inline":
                self._inline(token.children or [])
            elif token.type in ("fence", "code_block"):
                parts.append(self._code(token))
            elif not token.hidden:  # the paragraphs of a tight list are hidden
                if token.nesting != -1 and index and tokens[index - 1].hidden:
                    parts.append("\n")
                is_empty = token.nesting == 1 and not tokens[index + 1].content
                parts.append(self._tag(token, is_empty=is_empty))
                following = tokens[index + 1] if token.nesting == 1 else None
                if following is None or not (
                    following.type == "inline"
                    or following.hidden
                    or (following.nesting == -1 and following.tag == token.tag)
                ):
                    parts.append("\n")
        return "".join(parts)

    def _code(self, token: Token) -> str:
        language = token.info.split(maxsplit=1)[0].lower() if token.info.strip() else ""
        name = language if _LANGUAGE.fullmatch(language) else ""
        block, size = code_block(visible(token.content), name, self._room(token))
        self._decorated += size
        return block

    def _room(self, token: Token) -> int:
        """Return how many characters of a frame or of colours a block may have."""
        return self._most[(token.map or (0, 0))[1]] - self.written - self._decorated

    def _tag(self, token: Token, *, is_empty: bool = False) -> str:
        if token.type == "hr":
            return "<hr>"
        name, _, side = token.type.rpartition("_")
        tag = _HEADINGS[token.tag] if name == "heading" else _TAGS[name]
        if side == "close":
            return f"</{tag}>"
        attribute = ""
        start, style = token.attrs.get("start"), token.attrs.get("style")
        if tag == "ol" and isinstance(start, int):
            attribute = f' start="{start}"'
        elif tag in ("th", "td") and not is_empty:
            # Every cell with a text has it, because JupyterLab aligns the cells of saved HTML to the right.
            aligned = str(style) if style in _ALIGNMENTS else "text-align:left"
            attribute = f' style="{TO_THE_RIGHT if self._is_rtl and aligned == "text-align:left" else aligned}"'
        elif tag == "table":
            attribute = f' style="{TABLE}"' if self._room(token) > len(TABLE) else ""
            self._decorated += len(attribute)
        elif self._is_rtl and tag in ("p", "blockquote"):
            attribute = f' style="{TO_THE_RIGHT if tag == "p" else QUOTE_TO_THE_RIGHT}"'
        if token.block and token.level == 0:
            attribute += self._direction
        return f"<{tag}{attribute}>"

    def _inline(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            match token.type:
                case "text" | "text_special":
                    self._parts.append(escape_text(token.content))
                case "code_inline":
                    self._parts.append(f"<code>{escape(visible(token.content))}</code>")
                case "math":
                    self._parts.append(escape(visible(token.content)))
                case "softbreak":
                    self._parts.append("\n")
                case "hardbreak":
                    self._parts.append("<br>\n")
                case "br":
                    self._parts.append("<br>")
                case "link_open":
                    self._open_link(str(token.attrs.get("href", "")))
                case "link_close":
                    self._close_link()
                case "image":
                    self._image(token)
                case _:
                    self._parts.append(self._tag(token))

    def _anchor(self, url: str) -> str:
        self._budget -= len(url) + _LINK
        if not is_link(url) or self._budget < 0:
            return ""
        return f'<a href="{escape(url)}" rel="noopener noreferrer nofollow" target="_blank">'

    def _open_link(self, url: str) -> None:
        anchor = self._anchor(url)
        if anchor:
            self._parts.append(anchor)
        self._links.append((url, len(self._parts)) if anchor else None)

    def _close_link(self) -> None:
        link = self._links.pop()
        if link is None:
            return
        url, start = link
        shown = unescape(re.sub("<[^>]*>", "", "".join(self._parts[start:])))
        destination = destination_of(url)
        seen = not destination or shows_destination(shown, destination)
        self._parts.append("</a>" if seen else f"</a> <small>({escape(destination)})</small>")

    def _image(self, token: Token) -> None:
        url = str(token.attrs.get("src", ""))
        anchor = "" if any(self._links) else self._anchor(url)
        alt = _plain(token.children or []).strip()
        name = escape_text(f'Image "{alt}" (' if alt else "Image (")
        host = escape_text(f"{destination_of(url) or 'no host'})")
        # In an element of its own, because a live view hides it once the image is loaded.
        self._parts.append(f"{anchor}{name}<span>not loaded, </span>{host}{'</a>' if anchor else ''}")


def _is_right_to_left(tokens: Sequence[Token]) -> bool:
    """Whether the first letter of the text is of such a script. So a browser sees ``dir="auto"``."""
    for letter in _letters(tokens):
        side = unicodedata.bidirectional(letter)
        if side in ("L", "R", "AL"):
            return side != "L"
    return False


def _letters(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        yield from _letters(token.children) if token.children else token.content


def _plain(tokens: Sequence[Token]) -> str:
    return "".join(token.content if token.children is None else _plain(token.children) for token in tokens)
