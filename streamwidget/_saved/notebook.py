"""A conversation as a notebook: for each turn a ``%%chat`` cell with its answer, so it can be read and run again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from streamwidget._conversation.turn import Turn, completions
from streamwidget._saved.answer import length, mimebundle
from streamwidget._saved.budget import Budget
from streamwidget._saved.kept_turn import turn_formats


def conversation_notebook(turns: Iterable[Turn]) -> str:
    r"""Return the text of a notebook's file, in version 4.5 of its format. Nothing in it has run.

    Examples
    --------
    >>> import json
    >>> from streamwidget._core.messages import Message
    >>> notebook = json.loads(conversation_notebook([Turn("k", Message("user", "Name a river."))]))
    >>> [cell["source"] for cell in notebook["cells"]]
    ['%load_ext streamwidget', '%%chat\nName a river.']
    """
    turns = list(turns)
    cells = [_cell("load", "%load_ext streamwidget", [])]
    with Budget.at_once(length(*completions(turns))) as budget:
        for number, turn in enumerate(turns, 1):
            outputs = []
            if turn.answer is not None and turn.answer.completion is not None:
                saved = mimebundle(turn.answer.completion, budget)
                saved |= turn_formats([turn], saved)
                outputs.append({"output_type": "display_data", "data": saved, "metadata": {}})
            cells.append(_cell(f"turn-{number}", _source(turn), outputs))
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}, indent=1)


def _source(turn: Turn) -> str:
    # The text was sent as it is. In a cell {{x}} would be a variable.
    raw = " --raw" if "{{" in turn.user.text else ""
    return f"%%chat{raw}\n{turn.user.text}"


def _cell(name: str, source: str, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": name,
        "source": source,
        "outputs": outputs,
        "execution_count": None,
        "metadata": {},
    }
