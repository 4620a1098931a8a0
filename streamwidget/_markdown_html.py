r"""Markdown of a model to HTML that is safe by itself: it is shown unsanitised in trusted notebooks and exported pages.

The rules:

1. Every tag and attribute is written here, as a constant; nothing of the text becomes one, save an ``href`` (http,
   https or mailto, at most 2048 characters), the ``start`` of a list and a code language of ``[a-z0-9+-]``. A token
   that is not known here is an error, and the caller falls back to plain text.
2. No remote resource: an image is a link, or text.
3. Raw HTML is text. So is a link elsewhere: its source stays as it was typed.
4. MathJax typesets ``$...$`` wherever it finds it. Text that is no math has each dollar and each backslash in a
   ``<span>``, where MathJax does not see a pair: money stays money, and ``\begin`` or ``\href`` stays text.
5. The output is bounded by the input: link targets repeated by reference are dropped beyond that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from streamwidget._visible import visible

MAX_URL = 2048
MAX_NESTING = 60
MAX_BRACKETS = 5_000  # the parser takes up to 90 us for each: half a second of the kernel's loop
MAX_MATH = 4096

_URL = re.compile(r"(?:https?://[^/?#\s]|mailto:[^\s])", re.IGNORECASE)
_HOST = re.compile(r"https?://(?:[^/?#]*@)?([^/?#]+)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z0-9+-]{1,30}")
_MATH_ENDS = {"$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]"}
# TeX that sets links, attributes or definitions for the rest of the page, or loads more of MathJax.
_UNSAFE_TEX = re.compile(
    r"\\(?:href|url|html|class|style|css|id\b|data|require|include|input|import|def|gdef|edef|xdef|let|new(?!line)|renew|provide|bbox"
    r"|Declare|csname|unicode|mml|tip|texttip|mathtip|toggle|action|global|futurelet|catcode|write|read|open|special)",
    re.IGNORECASE,
)
_SPECIAL_IN_TEXT = re.compile(r"[$\\]")

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


class NotRenderable(Exception):
    """The text is not shown as Markdown: too deep, or too costly to parse."""


def render(text: str) -> tuple[str, bool]:
    """Render Markdown.

    Parameters
    ----------
    text : str
        Markdown (CommonMark, tables, strikethrough), already made visible.

    Returns
    -------
    html : str
        Inner HTML, without a wrapper.
    portable : bool
        True where the text holds neither an image nor raw HTML, so that other renderers may show it as Markdown.

    Raises
    ------
    NotRenderable
        Where the text must be shown as plain text instead.
    """
    tokens = parse(text)
    return _Writer(budget=len(text) + 65_536).blocks(tokens), _is_portable(text, tokens)


def parse(text: str) -> list[Token]:
    """Parse Markdown without raw HTML; raises NotRenderable where that would lose text or take too long."""
    if text.count("[") > MAX_BRACKETS:
        raise NotRenderable
    tokens = _parser(html=False).parse(text)
    # Beyond its nesting limit the parser drops text without a word.
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        raise NotRenderable
    return tokens


def escape_text(text: str) -> str:
    """Escape text for HTML, and keep MathJax away from it."""
    return _SPECIAL_IN_TEXT.sub(r"<span>\g<0></span>", escape(visible(text)))


def _is_portable(text: str, tokens: Sequence[Token]) -> bool:
    if _any(tokens, {"image"}):
        return False
    if "<" in text and _any(_parser(html=True).parse(text), {"html_block", "html_inline"}):
        return False
    # Where math is taken out before Markdown is parsed, as in JupyterLab, the pieces may join to something else.
    has_math = "$" in text or "\\" in text
    return not (has_math and re.search(r"!\[|<[a-zA-Z/!?]", text))


def _any(tokens: Sequence[Token], types: set[str]) -> bool:
    return any(token.type in types or (token.children and _any(token.children, types)) for token in tokens)


@cache
def _parser(*, html: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": html, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "math", _math)
    parser.validateLink = _is_link  # type: ignore[method-assign]  # the documented way to narrow links
    return parser


def _is_link(url: str) -> bool:
    return len(url) <= MAX_URL and _URL.match(url) is not None


def _math(state: StateInline, silent: bool) -> bool:
    r"""Take ``$...$``, ``$$...$$``, ``\(...\)``, ``\[...\]`` as one token, by pandoc's rule for what is no money."""
    source, start = state.src, state.pos
    if source[start] not in "$\\":
        return False
    opening = next((mark for mark in _MATH_ENDS if source.startswith(mark, start)), None)
    if opening is None:
        return False
    begin = start + len(opening)
    closing = _MATH_ENDS[opening]
    end = source.find(closing, begin, begin + MAX_MATH)
    while end > 0 and closing[0] == "$" and source[end - 1] == "\\":
        end = source.find(closing, end + 1, begin + MAX_MATH)
    content = source[begin:end]
    if end < 0 or end >= state.posMax or not content.strip() or "\n\n" in content or _UNSAFE_TEX.search(content):
        return False
    if opening == "$":
        after = source[end + 1 : end + 2]
        if content[0].isspace() or content[-1].isspace() or after.isdigit() or "$" in content.replace("\\$", ""):
            return False
    if not silent:
        token = state.push("math", "", 0)
        token.content = source[start : end + len(closing)]
    state.pos = end + len(closing)
    return True


class _Writer:
    """Tokens to HTML. ``budget`` bounds the characters that link targets may add."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._links: list[str] = []  # what closes each link that is open

    def blocks(self, tokens: Sequence[Token]) -> str:
        """Write block tokens; line breaks between the tags are those of markdown-it."""
        parts: list[str] = []
        for index, token in enumerate(tokens):
            if token.type == "inline":
                parts.append(self._inline(token.children or []))
            elif token.type in ("fence", "code_block"):
                parts.append(self._code(token))
            elif not token.hidden:  # hidden: the paragraphs of a tight list
                if token.nesting != -1 and index and tokens[index - 1].hidden:
                    parts.append("\n")
                parts.append(self._tag(token))
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
        name = f' class="language-{language}"' if _LANGUAGE.fullmatch(language) else ""
        return f"<pre><code{name}>{escape(visible(token.content))}</code></pre>\n"

    def _tag(self, token: Token) -> str:
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
        elif tag in ("th", "td") and style in _ALIGNMENTS:
            attribute = f' style="{style}"'
        return f"<{tag}{attribute}>"

    def _inline(self, tokens: Sequence[Token]) -> str:
        return "".join(self._inline_token(token) for token in tokens)

    def _inline_token(self, token: Token) -> str:
        match token.type:
            case "text" | "text_special":
                return escape_text(token.content)
            case "code_inline":
                return f"<code>{escape(visible(token.content))}</code>"
            case "math":
                return escape(visible(token.content))
            case "softbreak":
                return "\n"
            case "hardbreak":
                return "<br>\n"
            case "link_open":
                opening, closing = self._link(str(token.attrs.get("href", "")))
                self._links.append(closing)
                return opening
            case "link_close":
                return self._links.pop()
            case "image":
                return self._image(token)
        return self._tag(token)

    def _link(self, url: str) -> tuple[str, str]:
        self._budget -= len(url)
        if not _is_link(url) or self._budget < 0:
            return "", ""
        return f'<a href="{escape(url)}" rel="noopener noreferrer nofollow" target="_blank">', "</a>"

    def _image(self, token: Token) -> str:
        url = str(token.attrs.get("src", ""))
        address = _HOST.match(url)
        host = address[1] if address else "no host"
        opening, closing = ("", "") if any(self._links) else self._link(url)
        return f"{opening}image: {escape_text(_plain(token.children or []))} ({escape_text(host)}){closing}"


def _plain(tokens: Sequence[Token]) -> str:
    return "".join(token.content if token.children is None else _plain(token.children) for token in tokens)
