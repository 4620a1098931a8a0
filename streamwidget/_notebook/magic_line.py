"""The line of ``%chat`` and ``%%chat``: options first, then text that is kept exactly as it was typed.

IPython's own ``parse_argstring`` would split the prompt at its spaces and trip over its apostrophes. And IPython takes
a line that ends in ``?`` for a wish for help on its last word, so ``%chat What is entropy?`` never reached the magic:
the transformer here comes before that rule, for such lines alone. ``%chat?`` is still help.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from itertools import pairwise
from tokenize import TokenInfo
from typing import Any

from IPython.core.error import UsageError
from IPython.core.inputtransformer2 import HelpEnd, MagicAssign

from streamwidget._core.secrets import mask

_TOKEN = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|\S+)")
_KEY_OPTION = re.compile(r"--?(api[-_]?)?(key|token|secret)\b", re.IGNORECASE)


class Question(MagicAssign):
    """``%chat ...?`` and ``x = %chat ...?``, also behind another line magic, become the call of the line magic."""

    priority = HelpEnd.priority - 1

    def __init__(self, start: tuple[int, int]) -> None:
        super().__init__(start)  # type: ignore[no-untyped-call]  # IPython is typed in part
        # IPython sorts by line, column, priority; the help on `x = %chat ...?` would start at the x.
        self._column, self.start_col = self.start_col, 0

    @classmethod
    def find(cls, tokens_by_line: list[list[TokenInfo]]) -> Any:
        for line in tokens_by_line:
            tokens = [token for token in line if token.string.strip()]
            words = [token.string for token in tokens]
            for place, pair in enumerate(pairwise(words)):
                if pair != ("%", "chat") or words[-1] != "?" or set(words[place + 2 :]) == {"?"}:
                    continue
                if words[0] == "%":
                    return cls(tokens[0].start)
                if words[place - 1] == "=":
                    return cls(tokens[place].start)
        return None

    def transform(self, lines: list[str]) -> Any:
        self.start_col = self._column
        return super().transform(lines)


def install(shell: Any) -> None:
    """Let a prompt end in a question mark; once, however often it is called."""
    uninstall(shell)
    shell.input_transformer_manager.token_transformers.append(Question)


def uninstall(shell: Any) -> None:
    """Undo :func:`install`."""
    entries = shell.input_transformer_manager.token_transformers
    # By name: after an autoreload its class is not this module's class any more.
    entries[:] = [entry for entry in entries if (entry.__module__, entry.__name__) != (__name__, Question.__name__)]


def split_line(parser: ArgumentParser, line: str) -> tuple[Namespace, str]:
    """Parse the options at the beginning of a line.

    Returns
    -------
    Namespace
        The options, as the parser declares them.
    str
        The rest of the line, from the first word that is no option or after ``--``.

    Raises
    ------
    UsageError
        For an option that is unknown, lacks its value, or looks like a key; a key is not repeated.
    """
    actions = {name: action for action in parser._actions for name in action.option_strings}
    words: list[str] = []
    place = 0
    while (match := _TOKEN.match(line, place)) and match[1].startswith("-") and match[1] != "-":
        word, place = match[1], match.end()
        if word == "--":
            break
        _refuse_key(word)
        name, has_value, value = word.partition("=")
        action = actions.get(name)
        if action is None:
            raise UsageError(f"unknown option {name[:20]} (%chat? lists them; put -- before a text that begins with -)")
        words.append(name)
        if action.nargs == 0:
            continue
        if not has_value:
            match = _TOKEN.match(line, place)
            if match is None:
                raise UsageError(f"option {name} needs a value")
            value, place = match[1], match.end()
        if value[:1] in "\"'" and len(value) > 1:
            value = value[1:-1]
        _refuse_key(value)
        words[-1] = f"{name}={value}"
    # What parse_args raises comes from IPython's MagicArgumentParser: a UsageError.
    return parser.parse_args(words), line[place:].strip()


def _refuse_key(word: str) -> None:
    if _KEY_OPTION.match(word) or mask(word) != word:
        raise UsageError(
            "a key is never typed in a notebook, where it would be saved. Set STREAMWIDGET_API_KEY (or OPENAI_API_KEY) "
            "in the environment before Jupyter starts. Nothing was sent."
        )
