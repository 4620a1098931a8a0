"""The code of an answer, for the next cell: ``%chat --code``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from streamwidget._core.visible import one_line, visible

#: A shell command, a magic, or the system's own calls of IPython: `!rm x`, `files = !ls`, `%%bash`, `%run x`
_MAGIC = re.compile(r"^[ \t]*(?:\w[\w, ]*=[ \t]*)?(?:!(?!=)|%%?[A-Za-z]).*", re.MULTILINE)
_PYTHON = {"", "python", "py", "python3", "ipython"}


@dataclass(frozen=True, slots=True)
class AnswerCode:
    """Code blocks joined by blank lines.

    Attributes
    ----------
    text : str
        The code. If it is not all Python, its first line is a comment that says so.
    left_out : tuple of str
        The languages of the other blocks.
    note : str
        What is not Python in it, in words. Empty if it is all Python.
    """

    text: str
    left_out: tuple[str, ...]
    note: str = ""


def find_code(markdown: str) -> AnswerCode | None:
    """Join the fenced code blocks of an answer.

    Parameters
    ----------
    markdown : str
        The answer.

    Returns
    -------
    AnswerCode or None
        If the blocks have several languages, only those in Python or without a name. None without a block.
    """
    from streamwidget._saved.markdown import parse

    blocks = [(_language(token.info), token.content) for token in parse(visible(markdown)) if token.type == "fence"]
    blocks = [(language, code) for language, code in blocks if code.strip()]
    if not blocks:
        return None
    chosen = blocks if len({language for language, _ in blocks}) == 1 else [b for b in blocks if b[0] in _PYTHON]
    if not chosen:  # several languages without Python: take the first
        chosen = [block for block in blocks if block[0] == blocks[0][0]]
    left_out = tuple(block[0] for block in blocks if block not in chosen)
    code = "\n\n".join(code.strip("\n") for _, code in chosen)
    note = _note(chosen[0][0], code)
    # IPython runs a cell magic in a cell's first line only. So the comment also keeps `%%bash` from running.
    return AnswerCode(f"# {note}\n{code}" if note else code, left_out, note)


def _note(language: str, code: str) -> str:
    """Say what is not Python. A model may write code for a shell, and a cell runs some of it."""
    if language not in _PYTHON:
        return f"This is {one_line(language, 30)}, not Python."
    if found := _MAGIC.search(code):
        return f"This is not only Python. It has a line that IPython runs in another way: {one_line(found[0], 40)}"
    return ""


def _language(info: str) -> str:
    return info.split(maxsplit=1)[0].lower() if info.strip() else ""
