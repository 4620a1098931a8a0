"""An answer, read back from what a notebook saved of it. The notebook may be anybody's, so it is only ever text.

``text/plain`` has the text and the line under the answer: ``[m · complete · 182 tokens]``. The reasoning, the usage
and the provider's own form of the answer are not there. What tools returned is a part of the text. All of them are in
another format (:mod:`streamwidget._saved.kept_turn`), which older notebooks lack.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import Outcome
from streamwidget._core.outcomes import OUTCOMES

_OURS = 'class="streamwidget-text '  # in the HTML of each saved answer
_COMPARED = 'class="streamwidget-compared '  # the answers of several models, of which none is the output's own
_TOOLS = "Tool call: "
_THOUGHT = re.compile("<summary[^>]*>Thought")
_LINE = re.compile(r"^\[(.*)\]$", re.MULTILINE)
_LEFT_OUT = re.compile(r"\[The answer has [0-9,]+ characters\. They are in text/html only\.\]\n")
_MODEL = 100  # characters
_LARGEST = 2_000_000  # characters
_LINES, _FACTS = 20, 10  # that are looked at. The line under the answer is one of the last


def read_answer(data: Mapping[str, Any]) -> ChatCompletion | None:
    """Return the answer of an output. None if the output is not a saved answer.

    Parameters
    ----------
    data : mapping
        The output's formats, as a notebook's file has them.

    Examples
    --------
    >>> from streamwidget._saved.answer import mimebundle
    >>> completion = read_answer(mimebundle(ChatCompletion("Elbe.", outcome="length", model="m")))
    >>> completion.text, completion.outcome, completion.model
    ('Elbe.', 'length', 'm')
    """
    html, plain = _text(data.get("text/html")), _text(data.get("text/plain"))
    if _OURS not in html or _COMPARED in html or not plain or len(plain) > _LARGEST:
        return None
    if _LEFT_OUT.match(plain):
        return None
    lines = list(_LINE.finditer(plain))
    # A picture of the times may stand below the line. The text of the answer stands above it.
    for line in reversed(lines[-_LINES:]):
        facts = line[1].split(" · ", _FACTS)
        for begin in range(len(facts)):
            for end in range(begin + 1, len(facts) + 1):  # a reason may hold the sign between two facts
                if (outcome := _outcome(" · ".join(facts[begin:end]))) is not None:
                    return _answer(plain[: line.start()], outcome, facts[:begin])
    if lines and lines[-1].end() == len(plain.rstrip()):
        return _answer(plain[: lines[-1].start()], "interrupted", [])  # it was saved before its end
    return None


def has_tools(data: Mapping[str, Any]) -> bool:
    """Return True if the answer called tools. Their results are then in its text."""
    return f"\n{_TOOLS}" in f"\n{_text(data.get('text/plain'))}"


def has_reasoning(data: Mapping[str, Any]) -> bool:
    """Return True if the answer has reasoning. It is in the HTML only."""
    return _THOUGHT.search(_text(data.get("text/html"))) is not None


def _answer(text: str, outcome: Outcome, who: list[str]) -> ChatCompletion:
    demo = any(one.startswith("demo") for one in who)
    model = None if not who or who[-1].startswith("demo") else who[-1][:_MODEL]
    return ChatCompletion(text.rstrip("\n"), outcome=outcome, model=model, demo=demo)


def _outcome(fact: str) -> Outcome | None:
    return next((outcome for outcome, endings in _ENDINGS if endings.fullmatch(fact)), None)


def _pattern(sentence: str) -> str:
    return re.escape(sentence).replace(r"\ \(\{why\}\)", r"(?: \(.*\))?").replace(r"\{why\}", ".*")


#: The first outcome whose sentence fits. Of several failures without an answer it is the first.
_ENDINGS: list[tuple[Any, re.Pattern[str]]] = [
    (outcome, re.compile(f"{_pattern(row.with_text)}|{_pattern(row.without_text)}"))
    for outcome, row in OUTCOMES.items()
]


def _text(value: object) -> str:
    """Return a text, which a notebook's file may have as lines."""
    if isinstance(value, list):
        return "".join(one for one in value if isinstance(one, str))
    return value if isinstance(value, str) else ""
