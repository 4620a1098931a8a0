"""An answer of an earlier run, shown again. Nothing is sent, and it never looks as if it came now.

It goes through the same stream and the same views as any answer, all of it at once. It has no times and no usage,
because nothing was measured, and it costs nothing. A warning says from when it is, in the line under the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ChatCompletion, Step
from streamwidget._core.cost import Cost
from streamwidget._core.events import (
    Finish,
    Identity,
    Outcome,
    ParsedEvent,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
)
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.stream import ChatStream
from streamwidget._core.work import Work

if TYPE_CHECKING:
    from streamwidget._core.recording import Recording

_MONTHS = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]  # the same in every locale

_MARK = "not asked again (--fresh asks)"  # for the line under the answer


def earlier_answer(asked: ChatStream, completion: ChatCompletion, at: float) -> ChatStream:
    """Return a stream that brings an earlier answer in place of asking again.

    Parameters
    ----------
    asked : ChatStream
        The stream that would ask. It is not started. Retry asks as it does.
    completion : ChatCompletion
        The earlier answer. It is complete.
    at : float
        When it was asked for, in seconds since 1970.

    Examples
    --------
    >>> import streamwidget as sw
    >>> stream = sw.ChatClient().stream("Name three rivers.")
    >>> again = earlier_answer(stream, sw.ChatCompletion("Elbe, Po, Ob.", outcome="complete"), 1762938000.0).wait()
    >>> again.text, again.timing.first_delta, again.reused_from, again.receipt
    ('Elbe, Po, Ob.', None, 1762938000.0, None)
    >>> [warning.detail for warning in again.warnings]
    ['from 12 Nov 2025, not asked again (--fresh asks)']
    """
    return ChatStream(_EarlierAnswer(asked, completion, at), asked.value_type)


def day(at: float, now: float | None = None) -> str:
    """Return a day for people. The year is left out if it is the present one.

    >>> day(1762938000.0, now=1764400000.0), day(1762938000.0, now=1800000000.0)
    ('12 Nov', '12 Nov 2025')
    """
    then, today = time.localtime(at), time.localtime(now)
    year = "" if then.tm_year == today.tm_year else f" {then.tm_year}"
    return f"{then.tm_mday} {_MONTHS[then.tm_mon - 1]}{year}"


class _EarlierAnswer:
    """The work of the stream. It is over at its first step."""

    pending_limit = consents = left_at = None
    repeatable = True
    is_ours = False  # it is over at once, wherever it runs
    sent = ()
    cost = Cost(0.0, charged=True)  # nobody is asked, so nobody charges

    def __init__(self, asked: ChatStream, completion: ChatCompletion, at: float) -> None:
        self.accumulator = Accumulator()
        self.model = asked.model
        self.request_hash = asked.request_hash
        self.request_id = completion.request_id
        self.demo = completion.demo
        self.mark = completion.mark
        self.reused_from = at
        self._asked = asked
        self._completion = completion

    async def run(self, publish: Callable[[list[StreamEvent]], None]) -> Outcome:
        completion, accumulator = self._completion, self.accumulator
        *before, last = completion.steps or (_only_step(completion),)
        for number, step in enumerate([*before, replace(last, original=completion.original)]):
            if number:
                publish(accumulator.begin_call())
            publish(self._applied(_events(step)))
            accumulator.apply(Finish(step.finish_reason, "complete"))
        rest: list[ParsedEvent] = [RefusalDelta(completion.refusal), Identity(completion.model, None)]
        rest += [*completion.warnings, StreamWarning("reused", f"from {day(self.reused_from)}, {_MARK}")]
        publish(self._applied(rest))
        accumulator.apply(Finish(completion.finish_reason, "complete"))
        return "complete"

    def _applied(self, events: Iterable[ParsedEvent]) -> list[StreamEvent]:
        """Add events one by one. `take` would look for thoughts in the text, and they were taken out before."""
        return [found for event in events if (found := self.accumulator.apply(event)) is not None]

    def stop(self) -> None:
        """Do nothing. It is over."""

    def record(self) -> Recording:
        raise ConfigurationError("An earlier answer has no bytes to record. `%%chat --fresh` asks again.")

    def again(self, *, go_on: bool) -> Work:
        return self._asked._work.again(go_on=go_on)


def _only_step(completion: ChatCompletion) -> Step:
    return Step(
        completion.text,
        completion.reasoning,
        completion.tool_calls,
        completion.tool_results,
        completion.finish_reason,
    )


def _events(step: Step) -> Iterator[ParsedEvent]:
    """Yield what brings a step into an accumulator."""
    yield ReasoningDelta(step.reasoning)
    yield TextDelta(step.text)
    for index, call in enumerate(step.tool_calls):
        yield ToolCallDelta(index, call.id, call.name, call.arguments)
    yield from step.tool_results
    if step.original is not None:
        yield step.original
