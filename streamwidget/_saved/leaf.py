r"""The block rule of paragraphs and of underlined headings, with the formulas in them.

markdown-it has two rules, and each reads all lines of a paragraph. This is one, which reads them once. It does not look
for blocks inside of a formula: ``so $$\n- b\n$$`` is one paragraph.

js/src/markdown/leaf.ts has the same rule.
"""

from __future__ import annotations

import re

from markdown_it.rules_block import StateBlock

from streamwidget._saved.math import begins_formula, last_line

# The line under a heading: "===", "---".
_UNDERLINE = re.compile(r"(=+|-+)[ \t]*")


def leaf(state: StateBlock, start_line: int, end_line: int, _silent: bool) -> bool:
    """Take a paragraph or an underlined heading. This is a block rule of markdown-it, and it always succeeds."""
    return _take(state, start_line, end_line, may_be_heading=True)


def formula_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    r"""Begin a paragraph with a display formula. This is a block rule of markdown-it, which ends other blocks.

    ``- a\n$$\n- b\n$$`` -> a list of one item, and a paragraph. ``$$x$$\n---`` -> a paragraph and a rule.
    """
    if not begins_formula(state, start_line, end_line):
        return False
    return silent or _take(state, start_line, end_line, may_be_heading=False)


def _take(state: StateBlock, start_line: int, end_line: int, *, may_be_heading: bool) -> bool:
    terminators = state.md.block.ruler.getRules("paragraph")
    parent, state.parentType = state.parentType, "paragraph"
    underline = ""
    line = last_line(state, start_line, end_line) + 1
    while line < end_line and not state.isEmpty(line):
        indent = state.sCount[line] - state.blkIndent
        if indent <= 3:
            if may_be_heading and indent >= 0 and (underline := _underline(state, line)):
                break
            # A negative number marks a line that belongs to a quote, without its mark.
            if state.sCount[line] >= 0 and any(rule(state, line, end_line, True) for rule in terminators):
                break
        line = last_line(state, line, end_line) + 1
    content = state.getLines(start_line, line, state.blkIndent, False).strip()
    name, tag = ("heading", "h1" if underline == "=" else "h2") if underline else ("paragraph", "p")
    state.line = line + 1 if underline else line
    opened = state.push(f"{name}_open", tag, 1)
    opened.map = [start_line, state.line]
    inline = state.push("inline", "", 0)
    inline.map, inline.content, inline.children = [start_line, line], content, []
    closed = state.push(f"{name}_close", tag, -1)
    opened.markup = closed.markup = underline
    state.parentType = parent
    return True


def _underline(state: StateBlock, line: int) -> str:
    start, end = state.bMarks[line] + state.tShift[line], state.eMarks[line]
    return state.src[start] if _UNDERLINE.fullmatch(state.src, start, end) else ""
