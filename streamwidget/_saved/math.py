r"""The formulas in a model's text. They stay as they are, and MathJax in the page typesets them.

A formula is ``$...$``, ``$$...$$``, ``\(...\)``, ``\[...\]`` or an environment such as
``\begin{align}...\end{align}``. Three rules keep other rules away from it:

- ``formula`` is an inline rule: ``$a_1 * b * c_1$`` has no emphasis.
- ``formula_block`` is a block rule: ``$$\na\n= b\n$$`` has no heading, list or quote.
- ``guard_rows`` and ``unguarded`` keep table cells whole: ``| $|x|$ | b |`` has two cells.

js/src/markdown/math.ts has the same rules.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, paragraph
from markdown_it.rules_inline import StateInline, backtick, escape

MAX_MATH = 4096

_OPENING = re.compile(
    r"\$\$?|\\[(\[]|\\begin\{((?:align(?:at|ed|edat)?|array|d?cases|eqnarray|equation|flalign|gather(?:ed)?|multline"
    r"|[bBpvV]?matrix|smallmatrix|split)\*?)\}"
)
_CLOSINGS = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}
# TeX that makes links or attributes, defines something for the rest of the page, or loads more of MathJax:
# "\href{javascript:x}{y}" stays text, "\frac{1}{2}" is math.
_UNSAFE_TEX = re.compile(
    r"\\(?:href|url|html|class|style|css|id\b|data|require|include|input|import|def|gdef|edef|xdef|let|new(?!line)|renew|provide|bbox"
    r"|Declare|csname|unicode|mml|tip|texttip|mathtip|toggle|action|global|futurelet|catcode|write|read|open|special)",
    re.IGNORECASE,
)
# What may follow a formula that is alone in its line: "$$x$$." yes, "$$x$$ is" no.
_REST_OF_LINE = re.compile(r"[ \t.,;:]*(?:\n|\Z)")
# A row that may have a formula with "|" in it.
_ROW = re.compile(r"^(?=.*\|).*[$\\].*", re.MULTILINE)
# A letter or digit beside a formula's "$": "|$HOME|$PATH|" has three.
_WORD = re.compile(r"[A-Za-z0-9_]")
# Stands for "|" in the formula of a row, until the cells are split. Visible text has no such character.
_GUARD = "\x01"
# The environment of a parse has under this name the last line that tore a formula, by nesting and indent.
_TORN = "streamwidget_torn"


def formula(state: StateInline, silent: bool) -> bool:
    r"""Take a formula as one token.

    Pandoc's rule tells math from money: no space just inside of the dollars, and no digit after them. A code span that
    begins in the formula beats it.
    ``$5 and $6`` -> text, ``$x$`` -> math, ``$a `$` `` -> text and code.
    """
    source, start = state.src, state.pos
    if source[start] not in "$\\":
        return False
    begin, end, after = _span(source, start)
    content = source[begin:end]
    if after < 0 or after > state.posMax or "\n\n" in content or _UNSAFE_TEX.search(content):
        return False
    if begin == start + 1:
        next_character = source[after : after + 1]
        if content[0].isspace() or content[-1].isspace() or re.match("[0-9]", next_character):
            return False
        if "$" in content.replace("\\$", ""):
            return False
    if _has_code(source, begin, end):
        return False
    if not silent:
        state.push("math", "", 0).content = source[start:after]
    state.pos = after
    return True


def _span(source: str, start: int) -> tuple[int, int, int]:
    """Return where the content of a formula begins and ends, and the index behind it, which is -1 without a formula."""
    opening = _OPENING.match(source, start)
    if not opening:
        return start, start, -1
    closing = f"\\end{{{opening[1]}}}" if opening[1] else _CLOSINGS[opening[0]]
    begin = opening.end()
    end = source.find(closing, begin, begin + MAX_MATH)
    while end > 0 and closing[0] == "$" and source[end - 1] == "\\":
        end = source.find(closing, end + 1, begin + MAX_MATH)
    if end < 0 or not source[begin:end].strip():
        return begin, begin, -1
    return begin, end, end + len(closing)


def _has_code(source: str, begin: int, end: int) -> bool:
    """Return whether a code span begins between the two: a run of backticks that has an equal one behind it."""
    runs = re.compile("`+").finditer(source, begin, end)
    return any(re.compile(f"(?<!`){run[0]}(?!`)").search(source, run.end()) for run in runs)


def formula_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    r"""Make a paragraph of a display formula that begins a line. No other block begins inside of it.

    The formula ends at the first blank line at the latest, or where its list item or quote ends.
    ``$$\na\n- b\n$$`` -> ``<p>$$\na\n- b\n$$</p>``, and ``$$\na\n\n- b\n$$`` -> a list.
    """
    start = state.bMarks[start_line] + state.tShift[start_line]
    if state.is_code_block(start_line) or not state.src.startswith(("$$", "\\[", "\\begin{"), start):
        return False
    _, _, after = _span(state.src, start)
    if after < 0:
        return False
    # A line that is not indented enough for its list item ends it, as in "- a\n$$\nb\n$$".
    indent = min(state.blkIndent, state.sCount[start_line])
    # The lines of a formula that is torn are not looked at again for the next line that may begin one.
    torn = state.env.setdefault(_TORN, {})
    if start_line < (known := torn.get((state.level, indent), -1)) and state.bMarks[known] < after:
        return False
    line = start_line
    while state.eMarks[line] < after:
        line += 1
        if line >= end_line or state.isEmpty(line) or state.sCount[line] < indent:
            torn[state.level, indent] = line
            return False
    if line == start_line and not _REST_OF_LINE.match(state.src, after):
        return False
    if not silent:
        before = state.getLines(start_line, line, state.blkIndent, True).lstrip(" \t")
        paragraph(state, line, end_line, False)
        opened, leaf, _ = state.tokens[-3:]
        opened.map = leaf.map = [start_line, state.line]
        leaf.content = before + leaf.content
    return True


def guard_rows(source: str, markdown: MarkdownIt) -> str:
    """Replace each ``|`` in a formula of a line by a character that does not split a row."""
    return _ROW.sub(lambda row: _guard(row[0], markdown), source)


def unguarded(text: str) -> str:
    """Undo ``guard_rows``."""
    return text.replace(_GUARD, "|")


def _guard(row: str, markdown: MarkdownIt) -> str:
    state = StateInline(row, markdown, {}, [])
    parts = []
    while (start := state.pos) < len(row):
        if formula(state, True):
            end = state.pos
            is_word = row[start + 1] != "$" and _WORD.search(row[max(0, start - 1) : start] + row[end : end + 1])
            if row[start] == "$" and is_word:
                state.pos = end = start + 1
            parts.append(row[start:end].replace("|", _GUARD))
            continue
        if not escape(state, True) and not backtick(state, True):
            state.pos += 1
        parts.append(row[start : state.pos])
    return "".join(parts)
