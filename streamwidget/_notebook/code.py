"""The code of an answer, for the next cell: ``%chat --code``."""

from __future__ import annotations

from dataclasses import dataclass

from streamwidget._core.visible import visible

_PYTHON = {"", "python", "py", "python3", "ipython"}


@dataclass(frozen=True, slots=True)
class AnswerCode:
    """Code blocks joined by blank lines, and the languages of the other blocks."""

    text: str
    left_out: tuple[str, ...]


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
    return AnswerCode("\n\n".join(code.strip("\n") for _, code in chosen), left_out)


def _language(info: str) -> str:
    return info.split(maxsplit=1)[0].lower() if info.strip() else ""
