"""The times at which the text arrived: a curve of characters over seconds, with its stalls and bursts."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from streamwidget._core.events import Outcome, Retry, StreamEvent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_MOST = 20_000  # arrivals that are kept: if there are more, every other one is dropped
# A gap is a stall if it is longer than both: so many seconds, and so many times the median gap.
_STALL = 1.0
_STALL_RATIO = 8
_BURST_RATIO = 0.1  # arrivals closer than this part of the median gap look as if they came at once


class Arrival(NamedTuple):
    """A read that brought deltas.

    Attributes
    ----------
    at : float
        Seconds since the request.
    characters : int
        Characters of text in total, up to here.
    deltas : int
        Deltas in total, up to here.
    """

    at: float
    characters: int
    deltas: int


class Gap(NamedTuple):
    """A time without an arrival.

    Attributes
    ----------
    start : float
        Seconds since the request.
    end : float
        Seconds since the request.
    """

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


class FailedAttempt(NamedTuple):
    """An attempt that failed.

    Attributes
    ----------
    at : float
        When it failed, in seconds since the request.
    delay : float
        Seconds until the next attempt.
    reason : str
        Why it failed.
    """

    at: float
    delay: float
    reason: str


class Arrivals:
    """Records the arrivals of a running stream. Each one costs three numbers."""

    def __init__(self) -> None:
        self._at = array("d")
        self._characters = array("L")
        self._deltas = array("L")
        self._failed_attempts: list[FailedAttempt] = []

    def note(self, at: float, characters: int, deltas: int, events: list[StreamEvent]) -> None:
        """Record one read. ``characters`` and ``deltas`` are totals since the beginning."""
        if self._characters and characters < self._characters[-1]:  # the text so far was reasoning
            self._characters = array("L", [0] * len(self._characters))
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
        """Return the timeline up to now."""
        columns = zip(self._at, self._characters, self._deltas, strict=True)
        return Timeline(tuple(Arrival(*row) for row in columns), tuple(self._failed_attempts), total, outcome)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The times at which the text of one stream arrived. In a notebook it is a picture, also after a reload.

    Attributes
    ----------
    arrivals : tuple of Arrival
        One for each read that brought deltas. A stream of more than 20,000 reads keeps a part of them.
    retries : tuple of FailedAttempt
        The attempts that failed before the last one.
    total : float
        Seconds from the request to the end. Until now, while the stream runs.
    outcome : Outcome or None
        How the stream ended. None while it runs.

    Examples
    --------
    >>> import streamwidget as sw
    >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
    >>> completion = stream.wait()
    >>> stream.timeline.characters == len(completion.text)
    True
    """

    arrivals: tuple[Arrival, ...]
    retries: tuple[FailedAttempt, ...]
    total: float
    outcome: Outcome | None

    @property
    def first_delta(self) -> float | None:
        """Seconds from the request to the first delta. None before it."""
        return self.arrivals[0].at if self.arrivals else None

    @property
    def characters(self) -> int:
        """Characters of the answer's text in total."""
        return self.arrivals[-1].characters if self.arrivals else 0

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The times between arrivals, in order."""
        times = [arrival.at for arrival in self.arrivals]
        return tuple(map(Gap, times, times[1:]))

    @property
    def stalls(self) -> tuple[Gap, ...]:
        """The gaps in which the text seemed to stop: longer than 1 s and than eight median gaps.

        The time from the last arrival to the end counts too, because a stream that was cut waited in vain there.
        """
        gaps = self.gaps
        limit = max(_STALL, _STALL_RATIO * median(gap.seconds for gap in gaps)) if gaps else _STALL
        last = (Gap(self.arrivals[-1].at, self.total),) if self.arrivals else ()
        return tuple(gap for gap in gaps + last if gap.seconds > limit)

    @property
    def bursts(self) -> tuple[Gap, ...]:
        """Groups of arrivals that came at once: their gaps are at most a tenth of the median gap."""
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
        """Return the arrivals as a table. Needs pandas.

        Returns
        -------
        pandas.DataFrame
            With columns ``at`` (seconds), ``characters``, ``deltas`` and ``gap`` (seconds since the arrival before).

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
        >>> completion = stream.wait()
        >>> list(stream.timeline.to_dataframe().columns)
        ['at', 'characters', 'deltas', 'gap']
        """
        import pandas as pd

        table = pd.DataFrame(self.arrivals, columns=list(Arrival._fields))
        table["gap"] = table["at"].diff()
        return table

    def plot(self) -> Figure:
        """Draw the curve with matplotlib. Stalls are shaded and retries are dashed lines.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it as a picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
        >>> completion = stream.wait()
        >>> stream.timeline.plot().axes[0].get_ylabel()
        'characters'
        """
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
        """Draw the curve as SVG.

        Returns
        -------
        str
            A whole SVG document.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.ChatClient().stream("Name three rivers.").timeline.to_svg()[:4]
        '<svg'
        """
        from streamwidget._core.timeline_svg import draw

        return draw(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from streamwidget._core.timeline_svg import as_html, describe

        return {"text/html": as_html(self.to_svg(), describe(self)), "text/plain": describe(self)}
