"""What a prompt takes from the notebook by ``--cells``, ``--vars`` and ``--fix``. Without one of them it takes nothing.

Rules
-----
- Cells are sent as they ran, with the text of their outputs. Of a variable its type, its shape and its columns are
  sent, and none of its data. ``{{df}}`` in the prompt sends data.
- All of it is bounded, and a line in it names the missing part.
- The cell shows it before it goes, in a fold.
- The rules for ``{{name}}`` hold: the notebook's own records and the environment are refused, and so is a text with the
  key of an environment variable (:mod:`streamwidget._notebook.private`). What looks like a provider's key is masked. So
  is a text that a source or an output gives to a name such as ``API_KEY``.
- It goes below the prompt, in the same message. So the conversation, ``--show-prompt`` and the receipt have it.
"""

from __future__ import annotations

import ast
import builtins
import re
from argparse import Namespace
from dataclasses import dataclass
from typing import Any

from streamwidget._conversation.inert import as_code
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.misplaced import KEY_WORDS
from streamwidget._core.receipt import SentVariable
from streamwidget._core.schema_text import schema_text
from streamwidget._core.secrets import mask
from streamwidget._core.spellings import MASK
from streamwidget._notebook.cell_record import CellRecord, LastError, RanCell
from streamwidget._notebook.private import key_in, private_kind, typed_cell

FIX = "Fix the error in this cell. Say in a sentence what is wrong. Then give the whole corrected cell as a code block."
_SOURCE = 8_000  # characters of a cell
_OUTPUT = 4_000
_TRACEBACK = 6_000
_NAMES = 40  # variables of a cell with an error
_NAMED = 5  # of them, in the line for the person
#: `API_KEY = "..."`, `os.environ["API_KEY"] = "..."`, `{"token": "..."}`, `password="..."`, `setenv("TOKEN", "...")`
_GIVEN = re.compile(
    rf"""(?P<before>(?P<name>{KEY_WORDS})\d*["']?\]?[ \t]*"""
    r"""(?::[ \t]*str[ \t]*)?[=:,][ \t]*[rfb]?)(?P<quote>["'])(?P<value>[^"'\n]+)(?P=quote)""",
    re.IGNORECASE,
)
_SHORT = 8  # characters. `key="name"` is the name of a column more often than a key


@dataclass(frozen=True, slots=True)
class FromNotebook:
    """What goes with a prompt.

    Attributes
    ----------
    text : str
        In Markdown.
    about : str
        In words: ``cells 2, 5 and the types of df``.
    parts : tuple of SentVariable
        For the receipt.
    """

    text: str
    about: str
    parts: tuple[SentVariable, ...]


def read_cells(typed: str) -> int | list[int]:
    """Read the value of ``--cells``: a count of the cells above, or the numbers of cells.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> read_cells("3"), read_cells("2,5-7"), read_cells("3-3")
    (3, [2, 5, 6, 7], [3])
    """
    if re.fullmatch(r"[1-9][0-9]?", typed):
        return int(typed)
    numbers: dict[int, None] = {}
    for part in typed.split(","):
        found = re.fullmatch(r"\s*([0-9]{1,6})\s*(?:-\s*([0-9]{1,6})\s*)?", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not 0 < first <= last or last - first > 100:
            raise ValueError(typed)
        numbers.update(dict.fromkeys(range(first, last + 1)))
    return [*numbers]


def from_notebook(record: CellRecord, options: Namespace, variables: dict[str, Any]) -> FromNotebook | None:
    """Return what the options ask for. None if they ask for nothing.

    Raises
    ------
    ConfigurationError
        If there is no such cell, variable or error, or it may not be sent.
    """
    parts: list[tuple[str, str]] = []
    if options.fix:
        parts += _of_error(record.last_error, variables)
    if options.cells is not None:
        parts += [(f"cell [{cell.number}]", _cell_text(cell)) for cell in _cells(record, options.cells)]
    if options.vars is not None:
        names = [name for name in map(str.strip, options.vars.split(",")) if name]
        if not names:
            raise ConfigurationError("--vars takes the names of variables, such as --vars df,model")
        parts.append((f"the type{'s' * (len(names) > 1)} of {', '.join(names)}", _types(names, variables)))
    if not parts:
        return None
    text = "\n\n".join(text for _, text in parts)
    variable = key_in(text)
    if variable is not None:
        raise ConfigurationError(
            f"A part of the notebook that was to be sent holds the key in {variable}. Nothing was sent."
        )
    about = ", ".join(name for name, _ in parts)
    return FromNotebook(text, about, tuple(SentVariable(name, len(text)) for name, text in parts))


def _cells(record: CellRecord, asked: int | list[int]) -> list[RanCell]:
    cells = record.above(asked) if isinstance(asked, int) else record.numbered(asked)
    if isinstance(asked, list) and (missing := [n for n in asked if n not in [cell.number for cell in cells]]):
        named = ", ".join(f"[{number}]" for number in missing[:10])
        raise ConfigurationError(
            f"No cell {named} has run in this kernel. Nothing was sent. (Cells with %chat do not count.)"
        )
    if not cells:
        raise ConfigurationError("No cell above has run in this kernel. Nothing was sent.")
    return cells


def _of_error(error: LastError | None, variables: dict[str, Any]) -> list[tuple[str, str]]:
    if error is None:
        raise ConfigurationError("No cell has failed since %load_ext streamwidget. Nothing was sent.")
    names = [name for name in _names_in(error.cell.source) if name in variables and _may_go(name, variables)]
    parts = [
        (f"cell [{error.cell.number}]", _cell_text(error.cell)),
        ("its error", f"Its error:\n\n{as_code(_bounded(without_keys(error.traceback), _TRACEBACK))}"),
    ]
    if names:
        named = ", ".join(names) if len(names) <= _NAMED else f"{min(len(names), _NAMES)} variables"
        parts.append((f"the types of {named}", _types(names[:_NAMES], variables)))
    return parts


def _names_in(source: str) -> list[str]:
    """Return the names that a cell uses, in their order. Those of Python itself are left out."""
    try:
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
        names = [node.id for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        names = re.findall(r"\b[A-Za-z_]\w*\b", source)
    return [name for name in dict.fromkeys(names) if name not in vars(builtins)]


def _may_go(name: str, variables: dict[str, Any]) -> bool:
    return private_kind(variables[name], variables) is None and typed_cell([name], variables) is None


def _types(names: list[str], variables: dict[str, Any]) -> str:
    lines = []
    for name in names:
        if name not in variables:
            raise ConfigurationError(
                f"There is no variable {name[:40]}. Nothing was sent. --vars takes names: df,model"
            )
        kind = private_kind(variables[name], variables)
        if kind is not None or typed_cell([name], variables) is not None:
            raise ConfigurationError(
                f"{name[:40]} is {kind or 'a cell as it was typed'}, which may hold keys. Nothing was sent."
            )
        lines.append(f"- `{name}`: {mask(schema_text(variables[name]))}")
    return "\n".join([f"Variable{'s' * (len(names) > 1)} (types, no data):", "", *lines])


def _cell_text(cell: RanCell) -> str:
    source = _fenced(_bounded(without_keys(cell.source), _SOURCE))
    output = f"\n\nIts output:\n\n{as_code(_bounded(without_keys(cell.output), _OUTPUT))}" if cell.output else ""
    return f"Cell [{cell.number}]:\n\n{source}{output}"


def _fenced(source: str) -> str:
    return as_code(source).replace("text\n", "python\n", 1)


def _bounded(text: str, most: int) -> str:
    """Return a text, or its first quarter and its end, with a line about what is between them."""
    if len(text) <= most:
        return text
    first = most // 4
    return f"{text[:first]}\n[... {len(text) - most:,} characters are left out here ...]\n{text[first - most :]}"


def without_keys(text: str) -> str:
    """Return a source or an output without what looks like a key.

    Examples
    --------
    >>> without_keys('API_KEY = "1234abcd"; os.environ["MY_TOKEN"] = "abcdefgh"; password="x"; sort(key="name")')
    'API_KEY = "[key]"; os.environ["MY_TOKEN"] = "[key]"; password="[key]"; sort(key="name")'
    """
    return mask(_GIVEN.sub(_hidden, text))


def _hidden(found: re.Match[str]) -> str:
    is_plain = found["name"].upper() in ("KEY", "TOKEN") and (len(found["value"]) < _SHORT or " " in found["value"])
    return found[0] if is_plain else f"{found['before']}{found['quote']}{MASK}{found['quote']}"
