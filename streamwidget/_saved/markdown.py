"""The Markdown of a model: markdown-it's rules with math, bare addresses, tasks, fewer links, and bounds.

js/src/markdown/rules.ts has the same rules for the live view.
"""

from __future__ import annotations

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from streamwidget._saved.links import bare_link, is_link, normalize

MAX_NESTING = 60
MAX_INLINE = 8_192  # characters of one paragraph, heading or cell, a longer one is shown as typed
MAX_BRACKETS = 5_000  # in all of them together, the parser takes up to 40 us for each
MAX_MATH = 4096

_MATH_ENDS = {"$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]"}
# TeX that makes links or attributes, defines something for the rest of the page, or loads more of MathJax:
# "\href{javascript:x}{y}" stays text, "\frac{1}{2}" is math.
_UNSAFE_TEX = re.compile(
    r"\\(?:href|url|html|class|style|css|id\b|data|require|include|input|import|def|gdef|edef|xdef|let|new(?!line)|renew|provide|bbox"
    r"|Declare|csname|unicode|mml|tip|texttip|mathtip|toggle|action|global|futurelet|catcode|write|read|open|special)",
    re.IGNORECASE,
)
# The mark of a task: "[x] done" -> "☑ done".
_TASK = re.compile(r"\A\[([ xX])\](?=[ \t])")


def parse(text: str) -> list[Token]:
    """Parse Markdown. Raw HTML becomes text."""
    return parser(html=False).parse(text)


@cache
def parser(*, html: bool) -> MarkdownIt:
    """Return the parser. With ``html`` it shows only whether another renderer would find raw HTML in a text."""
    markdown = MarkdownIt("commonmark", {"html": html, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])
    markdown.inline.ruler.before("escape", "math", _math)
    markdown.inline.ruler.after("text", "bare_link", bare_link)
    markdown.core.ruler.at("inline", _inline)
    # This is the documented way to allow fewer links.
    markdown.validateLink = is_link  # type: ignore[method-assign]
    markdown.normalizeLink = normalize  # type: ignore[method-assign]
    markdown.normalizeLinkText = _unchanged  # type: ignore[method-assign]
    return markdown


def _unchanged(link: str) -> str:
    return link


def _inline(state: StateCore) -> None:
    """Parse the text of each leaf, within the bounds.

    A task becomes a sign (``[x] done`` -> ``☑ done``), because the sanitizers of notebooks drop inputs.
    """
    brackets = 0
    for index, token in enumerate(state.tokens):
        if token.type != "inline":
            continue
        if index > 1 and state.tokens[index - 2].type == "list_item_open":
            token.content = _TASK.sub(lambda match: "☐" if match[1] == " " else "☑", token.content, count=1)
        own = token.content.count("[")
        brackets += own
        token.children = []
        if len(token.content) > MAX_INLINE or (own and brackets > MAX_BRACKETS):
            token.meta["unparsed"] = True
            token.children.append(Token("text", "", 0, content=token.content))
        else:
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _math(state: StateInline, silent: bool) -> bool:
    r"""Take ``$...$``, ``$$...$$``, ``\(...\)`` and ``\[...\]`` as one token.

    Pandoc's rule tells math from money: no space just inside of the dollars, and no digit after them.
    ``$5 and $6`` -> text, ``$x$`` -> math.
    """
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
        if (
            content[0].isspace()
            or content[-1].isspace()
            or re.match("[0-9]", after)
            or "$" in content.replace("\\$", "")
        ):
            return False
    if not silent:
        token = state.push("math", "", 0)
        token.content = source[start : end + len(closing)]
    state.pos = end + len(closing)
    return True
