r"""The block rule of tables. Cells split outside of formulas, and few cells are added to short rows.

Each row has as many cells as the head: ``|a|b|c|\n|-|-|-|\n|x|`` has two empty cells in its last row. A short text with
a wide head and many short rows would become a thousand times as long. So a table gets one cell for each 4 of its
characters, and two more. It ends before the row that needs more.

js/src/markdown/table.ts has the same rule.
"""

from __future__ import annotations

import re

from markdown_it.rules_block import StateBlock

from streamwidget._saved.math import cells

_SPARE = 8  # characters that each table has more

# The line under the head: "|:--|--:|", "-|-". Not "- |", which is a list.
_DELIMITERS = re.compile(r"(?:[|:][|:\- \t]|-[|:\-])[|:\- \t]*")
_DELIMITER = re.compile(r":?-+:?")


def table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Take a table. This is a block rule of markdown-it."""
    below = start_line + 1
    if below >= end_line or state.sCount[below] < state.blkIndent or state.is_code_block(below):
        return False
    sides = _sides(_line(state, below))
    if not sides or "|" not in (head := _line(state, start_line)) or state.is_code_block(start_line):
        return False
    columns = _row(head)
    if len(columns) != len(sides):
        return False
    if silent:
        return True
    parent, state.parentType = state.parentType, "table"
    opened = state.push("table_open", "table", 1)
    opened.map = lines = [start_line, 0]
    state.push("thead_open", "thead", 1).map = [start_line, below]
    _push_row(state, start_line, "th", columns, sides)
    state.push("thead_close", "thead", -1)
    line = _push_body(state, below + 1, end_line, sides, _SPARE + len(head) + len(_line(state, below)))
    state.push("table_close", "table", -1)
    lines[1] = state.line = line
    state.parentType = parent
    return True


def _push_body(state: StateBlock, first: int, end_line: int, sides: list[str], spare: int) -> int:
    """Push the rows below the head. Return the line behind them. ``spare`` is what is left for short rows."""
    terminators = state.md.block.ruler.getRules("blockquote")
    line = first
    while line < end_line and state.sCount[line] >= state.blkIndent and not state.is_code_block(line):
        row = _line(state, line)
        if not row or any(rule(state, line, end_line, True) for rule in terminators):
            break
        columns = _row(row)
        missing = max(0, len(sides) - len(columns))
        # The tags of a row are long beside "b" and "a|b". So such a row counts as a cell more.
        added = missing + (len(row) < min(4, 2 * len(sides)))
        spare += len(row) - 4 * added
        if added and spare < 0:
            break
        if line == first:
            body = state.push("tbody_open", "tbody", 1)
            body.map = lines = [first, 0]
        _push_row(state, line, "td", columns[: len(sides)] + missing * [""], sides)
        line += 1
    if line > first:
        state.push("tbody_close", "tbody", -1)
        lines[1] = line
    return line


def _push_row(state: StateBlock, line: int, tag: str, columns: list[str], sides: list[str]) -> None:
    state.push("tr_open", "tr", 1).map = [line, line + 1]
    for text, side in zip(columns, sides, strict=True):
        cell = state.push(f"{tag}_open", tag, 1)
        if side:
            cell.attrs = {"style": f"text-align:{side}"}
        leaf = state.push("inline", "", 0)
        leaf.map, leaf.content, leaf.children = [line, line + 1], text.strip(), []
        state.push(f"{tag}_close", tag, -1)
    state.push("tr_close", "tr", -1)


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()


def _row(line: str) -> list[str]:
    """Split a line into cells: ``|a|b|`` and ``a|b`` have two."""
    columns = cells(line)
    if columns[0] == "":
        columns = columns[1:]
    return columns[:-1] if columns and columns[-1] == "" else columns


def _sides(line: str) -> list[str]:
    """Return the alignment of each column: ``|:-|-|`` -> ``["left", ""]``. Empty if it is another line."""
    if not _DELIMITERS.fullmatch(line):
        return []
    sides = []
    columns = [column.strip() for column in line.split("|")]
    for index, column in enumerate(columns):
        if not column and index in (0, len(columns) - 1):
            continue
        if not _DELIMITER.fullmatch(column):
            return []
        is_left, is_right = column[0] == ":", column[-1] == ":"
        sides.append(("center" if is_left else "right") if is_right else ("left" if is_left else ""))
    return sides
