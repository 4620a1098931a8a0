"""The Markdown of a model: markdown-it's rules with math, bare addresses, tasks, line breaks in cells, emphasis beside
CJK punctuation, fewer links, and bounds.

js/src/markdown/rules.ts has the same rules for the live view.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from streamwidget._saved.budget import BUDGET, Budget, OutOfTimeError
from streamwidget._saved.emphasis import CjkInline
from streamwidget._saved.labels import HELPERS
from streamwidget._saved.leaf import formula_block, leaf
from streamwidget._saved.links import bare_link, is_link, normalize
from streamwidget._saved.math import formula
from streamwidget._saved.tables import table

MAX_NESTING = 20  # of blocks, for example 9 lists in one another
MAX_INLINE = 8_192  # characters of one paragraph, heading or cell, a longer one is shown as typed
MAX_BRACKETS = 5_000  # "[" in all of them together
MAX_SEARCH = 600_000  # "[" times characters of one of them: for each "[" the parser may read the rest

# The mark of a task: "[x] done" -> "☑ done".
_TASK = re.compile(r"\A\[([ xX])\](?=[ \t])")
# A line break in a table's cell: "<br>", "<br/>", "<BR />".
_BREAK = re.compile(r"<br[ \t]*/?>", re.IGNORECASE)
# The environment of a cell has this name. The environment is what markdown-it gives to each rule.
_IN_CELL = "streamwidget_in_cell"
# The environment has this name for the tokens of the blocks that are whole, and the line behind them.
_WHOLE = "streamwidget_whole"


def parse(text: str, budget: Budget | None = None) -> list[Token]:
    """Parse Markdown. Raw HTML becomes text."""
    return parser(html=False).parse(text, environment(text, budget))


def environment(text: str, budget: Budget | None = None) -> dict[str, Any]:
    """Return what the rules need for a text: when its time is up."""
    return {BUDGET: budget or Budget(len(text))}


@cache
def parser(*, html: bool) -> MarkdownIt:
    """Return the parser. With ``html`` it shows only whether another renderer would find raw HTML in a text."""
    markdown = MarkdownIt()
    markdown.inline = CjkInline()
    markdown.helpers = HELPERS  # type: ignore[assignment]  # it has a module there
    markdown.configure("commonmark", {"html": html, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])
    markdown.block.ruler.at("table", table, {"alt": ["paragraph", "reference"]})
    markdown.block.ruler.at("paragraph", leaf)
    markdown.block.ruler.before("table", "in_time", _in_time)
    markdown.block.ruler.disable("lheading")
    markdown.block.ruler.before(
        "table", "formula", formula_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    markdown.inline.ruler.before("escape", "formula", formula)
    markdown.inline.ruler.before("autolink", "line_break", _line_break)
    markdown.inline.ruler.after("text", "bare_link", bare_link)
    markdown.core.ruler.at("block", _block)
    markdown.core.ruler.at("inline", _inline)
    _look_at_the_first_character(markdown)
    # This is the documented way to allow fewer links.
    markdown.validateLink = is_link  # type: ignore[method-assign]
    markdown.normalizeLink = normalize  # type: ignore[method-assign]
    markdown.normalizeLinkText = _unchanged  # type: ignore[method-assign]
    return markdown


def _block(state: StateCore) -> None:
    """Parse the blocks. When the time is up, the rest is one block as it was typed."""
    try:
        state.md.block.parse(state.src, state.md, state.env, state.tokens)
    except OutOfTimeError:
        whole, start = state.env[_WHOLE]
        lines = state.src.removesuffix("\n").split("\n")
        rest = Token("unparsed", "", 0, map=[start, len(lines)], meta={"unparsed": True})
        rest.content = "\n".join(lines[start:])
        state.tokens[whole:] = [rest]


def _in_time(state: StateBlock, start_line: int, _end_line: int, _silent: bool) -> bool:
    """End the parse when its time is up. This is the first block rule, and it takes nothing."""
    if state.level == 0:
        state.env[_WHOLE] = len(state.tokens), start_line
    state.env[BUDGET].check()
    return False


def _look_at_the_first_character(markdown: MarkdownIt) -> None:
    """Make the rules that may end a block cheaper. No block but a table begins with a letter.

    In a quote of 18 levels each line without a mark goes through these rules 18 times.
    """
    find = markdown.block.ruler.getRules
    rules = {name: find(name) for name in ("", "paragraph", "reference", "blockquote", "list")}
    for name in ("paragraph", "reference", "blockquote", "list"):
        rules[name] = [_quick(rules[name])]
    markdown.block.ruler.getRules = rules.__getitem__  # type: ignore[method-assign, assignment]


def _quick(rules: list[Callable[[StateBlock, int, int, bool], bool]]) -> Callable[[StateBlock, int, int, bool], bool]:
    tables = [rule for rule in rules if rule is table]

    def begins(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
        state.env[BUDGET].check()
        start = state.bMarks[line] + state.tShift[line]
        is_letter = start < state.eMarks[line] and state.src[start].isalpha()
        return any(rule(state, line, end_line, silent) for rule in (tables if is_letter else rules))

    return begins


def _unchanged(link: str) -> str:
    return link


def _inline(state: StateCore) -> None:
    """Parse the text of each leaf, within the bounds.

    A task becomes a sign (``[x] done`` -> ``☑ done``), because the sanitizers of notebooks drop inputs.
    """
    brackets = 0
    in_cell = {**state.env, _IN_CELL: True}
    for index, token in enumerate(state.tokens):
        if token.type != "inline":
            continue
        if index > 1 and state.tokens[index - 2].type == "list_item_open":
            token.content = _TASK.sub(lambda match: "☐" if match[1] == " " else "☑", token.content, count=1)
        own = token.content.count("[")
        brackets += own
        token.children = []
        size = len(token.content)
        if (
            state.env[BUDGET].is_spent
            or size > MAX_INLINE
            or own * size > MAX_SEARCH
            or (own and brackets > MAX_BRACKETS)
        ):
            token.meta["unparsed"] = True
            token.children.append(Token("text", "", 0, content=token.content))
        else:
            is_cell = state.tokens[index - 1].type in ("th_open", "td_open")
            state.md.inline.parse(token.content, state.md, in_cell if is_cell else state.env, token.children)


def _line_break(state: StateInline, silent: bool) -> bool:
    """Make a line break of ``<br>`` in a table's cell, which has no other one. Elsewhere it stays text."""
    found = _BREAK.match(state.src, state.pos, state.posMax) if _IN_CELL in state.env else None
    if not found:
        return False
    if not silent:
        state.push("br", "br", 0)
    state.pos = found.end()
    return True
