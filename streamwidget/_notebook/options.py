"""The options of ``%chat`` and ``%%chat`` with a prompt. The parser and its help are made from this table.

The sub-commands, such as ``%chat --history``, have their own table in :mod:`streamwidget._notebook.commands`.
"""

from __future__ import annotations

import json
import math
from argparse import Action, ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from streamwidget._core.misplaced import refused_field
from streamwidget._notebook.columns import InOrder
from streamwidget._notebook.context import read_cells

_Action: TypeAlias = type[Action]  # within the class, `type` is one of its fields


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes
    ----------
    flags : tuple of str
        How it is typed, such as ``("-m", "--model")``.
    help : str
        Its line in ``%chat?``.
    type : callable or None, default None
        Converts the typed value. None: it is a switch and takes no value.
    metavar : str or None, default None
        The name of the value in the help. Default: the option's name in capitals.
    default : str or None, default None
        The value if the option is not typed.
    repeatable : bool, default False
        It may be typed several times. Its value is the list of them.
    keeps : type of Action or None, default None
        How the parser keeps the value, if not in the usual way.
    """

    flags: tuple[str, ...]
    help: str
    type: Callable[[str], Any] | None = None
    metavar: str | None = None
    default: str | None = None
    repeatable: bool = False
    keeps: _Action | None = None

    @property
    def name(self) -> str:
        """Its name among the parsed options: ``max_tokens`` for ``--max-tokens``."""
        return self.flags[-1].lstrip("-").replace("-", "_")

    def keywords(self) -> dict[str, Any]:
        """Return it as the keywords of ``ArgumentParser.add_argument``."""
        if self.type is None:
            return {"action": "store_true", "help": self.help}
        action = self.keeps or ("append" if self.repeatable else "store")
        value = {"type": self.type, "metavar": self.metavar, "default": self.default}
        return {"action": action, "help": self.help, **value}


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < math.inf:
        raise ArgumentTypeError(f"takes a positive number of seconds, such as 300, not {text[:40]!r}")
    return seconds


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ArgumentTypeError(f"takes a number from 0, such as 0.7, not {text[:40]!r}")
    return value


def _tokens(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) == 0:
        raise ArgumentTypeError(f"takes a whole number from 1, such as 500, not {text[:40]!r}")
    return int(text)


#: Fields of a request that the magic sets, and what sets them.
_OWN_FIELDS = {
    "model": "-m NAME chooses the model",
    "system": "-s sets the system prompt",
    "messages": "the conversation and the cell are sent",
    "stream": "--no-stream asks for the whole answer at once",
}


def _param(text: str) -> tuple[str, Any]:
    """Read ``name=value``. A value that is not JSON is a text: ``effort=low`` -> ``("effort", "low")``."""
    name, has_value, value = text.partition("=")
    if not has_value or not name.isidentifier():
        raise ArgumentTypeError(f"takes name=value, such as top_p=0.5, not {text[:40]!r}")
    if refused_field(name):
        raise ArgumentTypeError(f"takes no {name}: a key in a notebook would be saved there")
    if name in _OWN_FIELDS:
        raise ArgumentTypeError(f"cannot set {name}: {_OWN_FIELDS[name]}")
    try:
        return name, json.loads(value, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        if value[:1] in ("{", "[", '"'):
            raise ArgumentTypeError(
                f'cannot read {value[:40]!r} as JSON. Put quotes around all of it: -P \'stop=["END", "STOP"]\''
            ) from None
        return name, value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _cells(text: str) -> int | list[int]:
    try:
        return read_cells(text)
    except ValueError:
        raise ArgumentTypeError(f"takes 3 (the 3 cells above) or numbers such as 2,5-7, not {text[:40]!r}") from None


OPTIONS = (
    Option(
        ("-m", "--model"),
        "The model to ask. Repeat it to ask several side by side.",
        str,
        keeps=InOrder,
    ),
    Option(
        ("-p", "--provider"),
        "The server to ask, by name. An unknown name lists the known ones.",
        str,
        "NAME",
        keeps=InOrder,
    ),
    Option(
        ("--client",),
        "Ask the variable of this name: a ChatClient, your function answer(messages), or an SDK's client.",
        str,
        "NAME",
    ),
    Option(("-s", "--system"), "The system prompt of this request.", str),
    Option(("-t", "--temperature"), "Sampling temperature.", _temperature),
    Option(("--max-tokens",), "The longest answer, in tokens.", _tokens),
    Option(
        ("-P", "--param"),
        "Send this field of the request too. The value is JSON or a text. Repeat it for more.",
        _param,
        "NAME=VALUE",
        repeatable=True,
    ),
    Option(
        ("--tools",),
        "Let the model call these functions. A variable may hold a list of them, as sw.mcp gives it.",
        str,
        "NAMES",
    ),
    Option(
        ("--cells",),
        "Send cells with their outputs: 3 for the 3 above, 2,5-7 for those with these numbers.",
        _cells,
        "CELLS",
    ),
    Option(("--vars",), "Send the types of these variables, and the columns of tables. No data.", str, "NAMES"),
    Option(("--fix",), "Send the last error: its cell, its traceback and the types in it."),
    Option(("--timeout",), "Wait so long for the answer to begin, and for each next piece of it.", _seconds, "SECONDS"),
    Option(
        ("-f", "--format"),
        "Ask for a value of this type of yours, such as Recipe or list[Recipe]. It is in _chat.value.",
        str,
        "TYPE",
    ),
    Option(("-o", "--out"), "Put the ChatCompletion into this variable too.", str, "NAME"),
    Option(("-c", "--conversation"), "Continue this conversation instead of the main one.", str, "NAME", ""),
    Option(("--new",), "Clear the conversation first."),
    Option(("--once",), "Ask outside of the conversation: it is not sent, and the turn is not added."),
    Option(("--no-stream",), "Ask for the whole answer at once."),
    Option(("--bg",), "Do not wait. The answer streams while other cells run."),
    Option(("--reuse",), "Show the earlier answer if the request is unchanged. Nothing is sent then."),
    Option(("--fresh",), "Ask again, also if an earlier answer is kept. The new one takes its place."),
    Option(
        ("--keep",), "Keep the live widget. JupyterLab and Notebook 7 save its words, other front ends only the widget."
    ),
    Option(("--wire",), "Show the server's events beside the answer."),
    Option(("--timeline",), "Show under the answer when its text came."),
    Option(("--raw",), "Send {{name}} as text."),
    Option(("--receipt",), "Print under the answer what left the kernel for it."),
    Option(("--show-prompt",), "Print this turn as it is sent, and the size of what goes with it."),
)
