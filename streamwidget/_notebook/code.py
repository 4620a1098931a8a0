"""The code of an answer, for the next cell: ``%chat --code``."""

from __future__ import annotations

import re
import warnings
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT, PyCF_ONLY_AST
from collections.abc import Callable
from dataclasses import dataclass

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.visible import one_line, visible

#: A shell command, a magic, or the system's own calls of IPython: `!rm x`, `files[0] = !ls`, `%%bash`, `%run x`.
#: Not `a != b`, and not f"{a=!r}".
_MAGIC = re.compile(r"^(?:[^#\n]*=)?[ \t]*(?:!(?!=|[rsa][}:])|%%?[A-Za-z]).*", re.MULTILINE)
_PYTHON = {"", "python", "py", "python3", "ipython"}


@dataclass(frozen=True, slots=True)
class AnswerCode:
    """Code blocks joined by blank lines.

    Attributes
    ----------
    text : str
        The code. If it is not all Python, its first line is a comment about that.
    left_out : tuple of str
        The languages of the other blocks.
    note : str
        The other lines in it, in words. Empty if it is all Python.
    """

    text: str
    left_out: tuple[str, ...]
    note: str = ""


def find_code(markdown: str, is_command: Callable[[str], bool] = lambda _: False) -> AnswerCode | None:
    """Join the fenced code blocks of an answer.

    Parameters
    ----------
    markdown : str
        The answer.
    is_command : callable, optional
        Says whether IPython runs a cell of this one line as a magic without its mark: ``rm -rf x`` as ``%rm -rf x``.

    Returns
    -------
    AnswerCode or None
        If the blocks have several languages, only those in Python or without a name. None without a block.

    Raises
    ------
    ConfigurationError
        If this takes more than a second, because the answer is very long or odd.
    """
    from streamwidget._saved.budget import Budget
    from streamwidget._saved.markdown import parse

    with Budget.at_once(len(markdown)) as budget:
        tokens = parse(visible(markdown), budget)
        if budget.is_spent:
            raise ConfigurationError("The answer is too long to look for its code. Copy the code from the answer.")
    blocks = [(_language(token.info), token.content) for token in tokens if token.type == "fence"]
    blocks = [(language, code) for language, code in blocks if code.strip()]
    if not blocks:
        return None
    chosen = blocks if len({language for language, _ in blocks}) == 1 else [b for b in blocks if b[0] in _PYTHON]
    if not chosen:  # several languages without Python: take the first
        chosen = [block for block in blocks if block[0] == blocks[0][0]]
    left_out = tuple(block[0] for block in blocks if block not in chosen)
    code = "\n\n".join(code.strip("\n") for _, code in chosen)
    note = _note({language for language, _ in chosen}, code, is_command)
    # IPython runs a cell magic in a cell's first line only. So the comment also keeps `%%bash` from running.
    return AnswerCode(f"# {note}\n{code}" if note else code, left_out, note)


def _note(languages: set[str], code: str, is_command: Callable[[str], bool]) -> str:
    """Say what is not Python. A model may write code for a shell, and a cell runs some of it."""
    if not languages <= _PYTHON:
        return f"This is {one_line(' and '.join(languages), 30)}, not Python."
    found = _MAGIC.search(code)
    line = found[0] if found else code if "\n" not in code and is_command(code) else ""
    if line:
        return f"This is not only Python. It has a line that IPython runs in another way: {one_line(line, 40)}"
    if languages == {""} and not _reads_as_python(code):
        return "This does not read as Python, and the answer names no language."
    return ""


def _reads_as_python(code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "<answer>", "exec", PyCF_ONLY_AST | PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _language(info: str) -> str:
    return info.split(maxsplit=1)[0].lower() if info.strip() else ""
