"""When the text came: a curve of characters over seconds, with what is to be seen in it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from streamwidget._core.events import Outcome, Retry, StreamEvent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_MOST = 20_000  # arrivals that are kept; of more, every other one is dropped
_STALL = 1.0  # seconds, and
_STALL_RATIO = 8  # times the ordinary gap: what longer than both is seen to stand still
_BURST_RATIO = 0.1  # of the ordinary gap: what comes closer together came at once, as far as anybody sees


class Arrival(NamedTuple):
    """A read that brought something: seconds since the request, then characters and deltas in all."""

    at: float
    characters: int
    deltas: int


class Gap(NamedTuple):
    """A time in which nothing came, in seconds since the request."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


class FailedAttempt(NamedTuple):
    """An attempt that failed: when, in seconds since the request, the seconds until the next one, and why."""

    at: float
    delay: float
    reason: str


class Arrivals:
    """Notes arrivals while a stream runs, at the cost of three numbers each."""

    def __init__(self) -> None:
        self._at = array("d")
        self._characters = array("L")
        self._deltas = array("L")
        self._failed_attempts: list[FailedAttempt] = []

    def note(self, at: float, characters: int, deltas: int, events: list[StreamEvent]) -> None:
        """Take what one read brought; ``characters`` and ``deltas`` count from the beginning."""
        if deltas != (self._deltas[-1] if self._deltas else 0):
            self._at.append(at)
            self._characters.append(characters)
            self._deltas.append(deltas)
            if len(self._at) > _MOST:
                for column in (self._at, self._characters, self._deltas):
                    del column[1:-1:2]
        elif isinstance(events[-1], Retry):
            self._failed_attempts.append(FailedAttempt(at, events[-1].delay, events[-1].reason))

    def timeline(self, total: float, outcome: Outcome | None) -> Timeline:
        columns = zip(self._at, self._characters, self._deltas, strict=True)
        return Timeline(tuple(Arrival(*row) for row in columns), tuple(self._failed_attempts), total, outcome)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The arrivals of one stream. It draws itself in a notebook, also in a saved one.

    Attributes
    ----------
    arrivals : tuple of Arrival
        One for each read that brought deltas; of a very long stream, a part of them.
    retries : tuple of FailedAttempt
        The attempts before the one that was answered.
    total : float
        Seconds from the request to the end, or until now.
    outcome : Outcome or None
        How the stream ended; None while it runs.
    """

    arrivals: tuple[Arrival, ...]
    retries: tuple[FailedAttempt, ...]
    total: float
    outcome: Outcome | None

    @property
    def first_delta(self) -> float | None:
        """Seconds from the request to the first delta; None where none came."""
        return self.arrivals[0].at if self.arrivals else None

    @property
    def characters(self) -> int:
        """Characters of the answer's text in all."""
        return self.arrivals[-1].characters if self.arrivals else 0

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The times between two arrivals, in order."""
        times = [arrival.at for arrival in self.arrivals]
        return tuple(map(Gap, times, times[1:]))

    @property
    def stalls(self) -> tuple[Gap, ...]:
        """Gaps of over a second and over eight times the median gap: the text is seen to stand still.

        The time from the last arrival to the end counts too: it is what a stream that was cut has waited for.
        """
        gaps = self.gaps
        limit = max(_STALL, _STALL_RATIO * median(gap.seconds for gap in gaps)) if gaps else _STALL
        last = (Gap(self.arrivals[-1].at, self.total),) if self.arrivals else ()
        return tuple(gap for gap in gaps + last if gap.seconds > limit)

    @property
    def bursts(self) -> tuple[Gap, ...]:
        """Runs of arrivals, each closer to the one before than a tenth of the median gap."""
        gaps = self.gaps
        if not gaps:
            return ()
        close = _BURST_RATIO * median(gap.seconds for gap in gaps)
        bursts: list[Gap] = []
        for gap in gaps:
            if gap.seconds > close:
                continue
            if bursts and bursts[-1].end == gap.start:
                bursts[-1] = Gap(bursts[-1].start, gap.end)
            else:
                bursts.append(gap)
        return tuple(bursts)

    def to_dataframe(self) -> pd.DataFrame:
        """The arrivals as a table: ``at`` (seconds), ``characters``, ``deltas``, ``gap`` (seconds). Needs pandas."""
        import pandas as pd

        table = pd.DataFrame(self.arrivals, columns=list(Arrival._fields))
        table["gap"] = table["at"].diff()
        return table

    def plot(self) -> Figure:
        """The curve as a matplotlib figure. Needs matplotlib."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 3), layout="constrained")
        axes = figure.add_subplot()
        axes.step([0.0, *(a.at for a in self.arrivals)], [0, *(a.characters for a in self.arrivals)], where="post")
        for stall in self.stalls:
            axes.axvspan(stall.start, stall.end, alpha=0.15, color="tab:orange")
        for retry in self.retries:
            axes.axvline(retry.at, linestyle="--", color="tab:red")
        if self.first_delta is not None:
            axes.axvline(self.first_delta, linestyle=":", color="gray")
        axes.set(xlabel="seconds since the request", ylabel="characters", xlim=(0, self.total or None))
        return figure

    def to_svg(self) -> str:
        """The curve as an SVG document."""
        from streamwidget._core.timeline_svg import draw

        return draw([("", self)])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from streamwidget._core.timeline_svg import as_html, describe

        return {"text/html": as_html(self.to_svg(), describe(self)), "text/plain": describe(self)}
