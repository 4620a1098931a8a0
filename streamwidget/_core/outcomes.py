"""The table of outcomes: for each one its words, and what may be done after it.

The table is ``outcomes.json``. The page reads the same file, so both halves use the same words. To add an outcome, add
its row there, its word to :data:`~streamwidget.Outcome`, and the place that raises it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What is known of one outcome.

    Attributes
    ----------
    state : str
        One or two words for the header of a view.
    with_text, without_text : str
        The sentence under the answer, for an answer with content and for an empty one. ``{why}`` is the reason.
    why : str
        The reason to give if none is known. If it is empty, the sentence has no reason.
    bad : bool
        Shown as a failure.
    cut : bool
        The answer is not whole.
    remedies : tuple of str
        The buttons of a live view: ``continue`` (only if there is text to continue) and ``retry``.
    sent_again : bool
        Later requests carry the answer.
    """

    state: str
    with_text: str
    without_text: str
    why: str
    bad: bool
    cut: bool
    remedies: tuple[str, ...]
    sent_again: bool


def _read() -> Mapping[str, OutcomeRow]:
    rows = json.loads(Path(__file__).with_name("outcomes.json").read_text("utf-8"))
    return {word: OutcomeRow(**{**row, "remedies": tuple(row["remedies"])}) for word, row in rows.items()}


OUTCOMES = _read()


def ending(outcome: str, why: str, *, has_content: bool) -> str:
    """Return the sentence for the end of an answer.

    Parameters
    ----------
    outcome : str
        A word of the table.
    why : str
        The reason, on one line, without its full stop. Empty if none is known.
    has_content : bool
        Text, reasoning, a refusal or a tool call came.

    Examples
    --------
    >>> ending("timeout", "nothing came for 30 s", has_content=True)
    'timed out (nothing came for 30 s); the answer is cut'
    >>> ending("cancelled", "", has_content=True)
    'stopped by you; the text so far is kept'
    """
    row = OUTCOMES[outcome]
    sentence = row.with_text if has_content else row.without_text
    why = why or row.why
    return sentence.replace("{why}", why) if why else sentence.replace(" ({why})", "")
