"""Consent in a terminal and in a console of Jupyter: the person types an answer before a tool runs.

While the person thinks, nothing else of this terminal runs. Time in which the loop is blocked counts for no limit.
"""

from __future__ import annotations

from streamwidget._core.consent import Decision
from streamwidget._core.events import Consent, ConsentNeeded, StreamEvent
from streamwidget._core.loop import interrupts_raise
from streamwidget._core.stream import ChatStream
from streamwidget._core.visible import one_line, visible

_ANSWERS: dict[str, Decision] = {"y": "once", "yes": "once", "a": "always", "always": "always"}


def ask_in_terminal(stream: ChatStream, *, can_ask: bool) -> None:
    """Ask about the tools of a stream. Where ``can_ask`` is False nobody is asked, so none of them runs."""
    if stream.consents is None or not can_ask:
        return
    stream.consents.expected = stream.consents.heard = True
    asked: set[str] = set()

    def ask(events: list[StreamEvent]) -> None:
        for event in events:
            for consent in event.consents if isinstance(event, ConsentNeeded) else ():
                if consent.key not in asked:
                    asked.add(consent.key)
                    _ask(stream, consent)

    stream.subscribe(ask)


def _ask(stream: ChatStream, consent: Consent) -> None:
    question = (
        f"Run {one_line(consent.name)} with {visible(consent.arguments)}\n[y] once, [a] always, [n] no, or why not: "
    )
    try:
        with interrupts_raise():
            answer = input(question).strip()
    except KeyboardInterrupt:
        stream.cancel()
    except (EOFError, RuntimeError):  # a console that takes no input
        stream.confirm(consent.key, "refuse", "Nobody could be asked.")
    else:
        decision = _ANSWERS.get(answer.lower(), "refuse")
        reason = "" if answer.lower() in ("n", "no", "") else answer
        stream.confirm(consent.key, decision, reason)
