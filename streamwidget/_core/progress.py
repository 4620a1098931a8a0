"""The progress of a stream: when it began, when the first delta came, and how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from streamwidget._core.completion import ChatCompletion, Timing
from streamwidget._core.cost import UNKNOWN
from streamwidget._core.events import (
    Finish,
    Outcome,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    StreamWarning,
    TextDelta,
    TextWasReasoning,
    ToolCallDelta,
)
from streamwidget._core.exceptions import InvalidValue, StreamError
from streamwidget._core.receipt import Receipt
from streamwidget._core.timeline import Arrivals, Timeline
from streamwidget._core.work import Work

if TYPE_CHECKING:
    from streamwidget._core.values import ValueType


class Progress:
    """The times and the end of one stream.

    Attributes
    ----------
    outcome : Outcome or None
        None until :meth:`end`.
    ended : float or None
        ``time.monotonic()`` of the end.
    """

    def __init__(self, work: Work, value_type: ValueType | None = None) -> None:
        self.value_type = value_type
        self._value: Any = None
        self._cost = UNKNOWN
        self.outcome: Outcome | None = None
        self._work = work
        self._begun: float | None = None
        self._first_delta: float | None = None
        self._reasoning: float | None = None  # its seconds, once something followed it
        self._first_reasoning: float | None = None
        self._arrivals = Arrivals()
        self.ended: float | None = None
        self._failure: StreamError | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the request left. Until that is known, since the stream began. 0 before that.

        Before its first request a process imports the HTTP library, which takes up to a second. The server has no part
        in that.
        """
        return 0.0 if self._begun is None else (self.ended or time.monotonic()) - self._origin

    @property
    def _origin(self) -> float:
        return self._work.left_at or self._begun or 0.0

    @property
    def completion(self) -> ChatCompletion:
        """A snapshot of the answer so far."""
        work, accumulator = self._work, self._work.accumulator
        return accumulator.snapshot(
            outcome=self.outcome,
            error=self._failure.error if self._failure else None,
            timing=self._timing,
            model=accumulator.model or work.model,
            request_id=work.request_id or accumulator.request_id,
            demo=work.demo,
            mark=work.mark,
            reused_from=work.reused_from,
            receipt=Receipt(work.sent) if work.sent else None,
            cost=self._cost,
            value=self._value,
            value_type=self.value_type,
        )

    @property
    def _timing(self) -> Timing:
        if self._work.reused_from is not None:
            return Timing()  # nothing was measured
        return Timing(self._first_delta, self.elapsed, self._work.accumulator.delta_count, self._thought)

    @property
    def _thought(self) -> float | None:
        if self._reasoning is None and self._first_reasoning is not None and self.ended is not None:
            return self.elapsed - self._first_reasoning
        return self._reasoning

    def begin(self) -> None:
        """Start the clock. It starts again when the request leaves."""
        self._begun = time.monotonic()

    @property
    def timeline(self) -> Timeline:
        """The times at which the text arrived."""
        return self._arrivals.timeline(self.elapsed, self.outcome)

    def note(self, events: list[StreamEvent]) -> None:
        """Record the time of these events."""
        now, accumulator = time.monotonic() - self._origin, self._work.accumulator
        deltas = accumulator.delta_count
        if self._first_delta is None and deltas:
            self._first_delta = now
        if self._reasoning is None:
            self._note_reasoning(now, events)
        self._arrivals.note(now, accumulator.length, deltas, events)

    def _note_reasoning(self, now: float, events: list[StreamEvent]) -> None:
        for event in events:
            if isinstance(event, ReasoningDelta) and self._first_reasoning is None:
                self._first_reasoning = now
            elif isinstance(event, TextWasReasoning):
                self._first_reasoning, self._reasoning = self._first_delta, now - (self._first_delta or now)
            elif isinstance(event, TextDelta | RefusalDelta | ToolCallDelta) and self._first_reasoning is not None:
                self._reasoning = now - self._first_reasoning
                return

    def end(self, outcome: Outcome, failure: StreamError | None) -> list[StreamEvent]:
        """Set the outcome, put the completion into the failure, and return the last events."""
        last = self._work.accumulator.flush()
        if last:
            self.note(last)
        last += self._read_value(outcome)
        self.ended = time.monotonic()
        self._cost = self._work.cost
        self._failure = failure
        self.outcome = outcome
        if failure is not None:
            failure.completion = self.completion
            failure.raised_at = failure.__traceback__
        return [*last, self.finish()]

    def _read_value(self, outcome: Outcome) -> list[StreamEvent]:
        """Make the value of a whole answer. Return the warnings to publish."""
        kind, accumulator = self.value_type, self._work.accumulator
        if kind is None or outcome != "complete":
            return []
        warnings = [StreamWarning("value_not_checked", kind.unchecked)] if kind.unchecked else []
        try:
            self._value = kind.read(accumulator.last_text)
        except InvalidValue as exc:
            warnings.append(StreamWarning("invalid_value", f"not a valid {kind.name}: {exc}"))
        return [event for warning in warnings if (event := accumulator.apply(warning)) is not None]

    def finish(self) -> Finish:
        """Return the last event of an ended stream."""
        return Finish(self._work.accumulator.finish_reason, self.outcome or "cancelled")

    def result(self) -> ChatCompletion:
        """Return the completion of an ended stream, or raise its failure."""
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # our own frames would be 60 lines under a person's cell
        return self.completion
