"""The line of ``%chat`` and ``%%chat``: options first, then text, kept exactly as typed.

``%chat -m demo it's  here`` -> the options ``-m demo`` and the text ``it's  here``. IPython's own ``parse_argstring``
would split the text at its spaces and stumble over its apostrophe.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Collection
from difflib import get_close_matches

from IPython.core.error import UsageError

from streamwidget._client.config import typed_key
from streamwidget._core.secrets import mask
from streamwidget._core.tab import in_tab

_TOKEN = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|\S+)")  # "two words", 'two words', word
_KEY_OPTION = re.compile(r"--?(api[-_]?)?(key|token|secret)\b", re.IGNORECASE)  # --api-key, -key, --token


def split_line(parser: ArgumentParser, line: str) -> tuple[Namespace, str]:
    """Parse the options at the beginning of a line.

    Returns
    -------
    Namespace
        The options, as the parser declares them.
    str
        The rest of the line: from the first word that is not an option, or after ``--``.

    Raises
    ------
    UsageError
        If an option is unknown, has no value, or looks like a key. The message does not repeat a key.
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
        if name in ("-h", "--help"):
            raise UsageError("`%chat?` shows the help: examples, the options and the commands.")
        if action is None:
            raise UsageError(
                f"Unknown option {name[:20]}.{_near(name, actions)} `%chat?` lists the options. "
                "Put -- before a question that begins with -."
            )
        words.append(name)
        if action.nargs == 0:
            continue
        if not has_value:
            match = _TOKEN.match(line, place)
            if match is None:
                raise UsageError(f"The option {name} needs a value.")
            value, place = match[1], match.end()
        if value[:1] in "\"'" and len(value) > 1:
            value = value[1:-1]
        _refuse_key(value)
        words[-1] = f"{name}={value}"
    # What parse_args raises comes from IPython's MagicArgumentParser: a UsageError.
    return parser.parse_args(words), line[place:].strip()


def _near(typed: str, options: Collection[str]) -> str:
    """Return a question about the option that the person probably means. ``--modle`` -> `` Did you mean --model?``"""
    word = typed.replace("_", "-").lower()
    long = f"--{word.lstrip('-')}"
    same = [option for option in options if option.lower() == word]
    longer = [option for option in options if len(long) > 4 and option.startswith(long)]
    found = [*same, *longer, *get_close_matches(word, options, 1), *get_close_matches(long, options, 1, 0.7)]
    return f" Did you mean {found[0]}?" if found else ""


def _refuse_key(word: str) -> None:
    if _KEY_OPTION.match(word) or mask(word) != word:
        # In a browser tab Python starts with the page, so nobody can set a variable before it.
        instead = (
            f"Enter it where this cell asks for it: {typed_key('STREAMWIDGET_API_KEY')}."
            if in_tab()
            else "Set STREAMWIDGET_API_KEY (or OPENAI_API_KEY) in the environment before you start Jupyter."
        )
        raise UsageError(f"Do not type a key into a notebook: it would be saved there. {instead} Nothing was sent.")
