"""Consent: a person is asked before a tool runs.

Rules
-----
- Each question has a key that nobody can guess. The view's own page gets it, and an answer without it counts for
  nothing. So neither the text of a model nor a message of another widget is an answer.
- Where nobody can be asked the tool does not run: a script, nbclient, a view that no page shows.
- "Always" is for this process and for this very function. A function that was defined anew is asked about again.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Hashable
from typing import Literal, NamedTuple, TypeAlias, get_args

from streamwidget._core.completion import ToolCall
from streamwidget._core.events import Consent
from streamwidget._core.tools import Tool

#: What a person may answer.
Decision: TypeAlias = Literal["once", "always", "refuse"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
_LONGEST = 2000  # characters of a reason
_always: set[Hashable] = set()


class Verdict(NamedTuple):
    """The answer to one question.

    Attributes
    ----------
    runs : bool
    reason : str
        Why it does not run, for the model. It may be empty.
    """

    runs: bool
    reason: str = ""


class Consents:
    """The questions of one stream that wait for a person. Any thread may answer.

    Attributes
    ----------
    expected : bool
        A view shows the stream, so perhaps a person can be asked.
    heard : bool
        A page of the view has spoken, or a terminal can ask.
    unheard : str
        Why nobody can be asked, for the person and the model. Empty: nobody looks at the stream.
    """

    def __init__(self) -> None:
        self.expected = self.heard = False
        self.unheard = ""
        self._waiting: dict[str, tuple[Consent, Tool, Callable[[Verdict], None]]] = {}
        self._lock = threading.RLock()  # a signal's handler may ask within it

    @property
    def pending(self) -> tuple[Consent, ...]:
        """The questions, the oldest first."""
        with self._lock:
            return tuple(consent for consent, _, _ in self._waiting.values())

    def ask(self, tool: Tool, call: ToolCall, answered: Callable[[Verdict], None]) -> str:
        """Add a question. Return its key. ``answered`` is called once, on any thread, unless it is withdrawn."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._waiting[key] = Consent(key, call.id, tool.name, call.arguments), tool, answered
        return key

    def withdraw(self, key: str) -> None:
        """Forget a question."""
        with self._lock:
            self._waiting.pop(key, None)

    def decide(self, key: str, decision: Decision, reason: str = "") -> bool:
        """Answer a question. Return False if no question of this key waits.

        "Always" also answers the other questions about the same tool.
        """
        with self._lock:
            found = self._waiting.pop(key, None) if decision in DECISIONS else None
            if found is None:
                return False
            answers = [(found[2], Verdict(decision != "refuse", reason[:_LONGEST] if decision == "refuse" else ""))]
            if decision == "always":
                _always.add(found[1].identity)
                same = [other for other, (_, tool, _) in self._waiting.items() if tool.identity == found[1].identity]
                answers += [(self._waiting.pop(other)[2], Verdict(runs=True)) for other in same]
        for answered, verdict in answers:
            answered(verdict)
        return True


def is_allowed(tool: Tool) -> bool:
    """Return True if the tool runs without a question: it is safe, or a person said "always"."""
    return tool.safe or tool.identity in _always
