r"""How the pieces of an answer arrived: one by one, or held back and then many at once. Pure.

A model makes its pieces one after another, and a healthy path delivers them so. A buffer, a
compressor or a lazy server delivers none for a while, and then many in one moment::

    healthy    . . . . . . . . . . . . . . . .
    held back                :::::           :::::

Rules
-----
- A *burst* is many pieces in one moment, quicker than any model writes, after a noticeable silence.
- An answer is held back if most of its pieces came in bursts. A slow model is not: its pieces are far apart, and alone.
- A long silence before the first piece is not a burst: the model may think. The pieces after it come one by one.
- A few pieces say nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from streamwidget._core.timeline import Arrival

ENOUGH = 10  # pieces. Fewer say nothing
_TOGETHER = 0.005  # seconds. Reads closer than this belong together
_FEWEST = 5  # pieces of a burst
_QUICKEST = 4000  # pieces a second. No model is quicker
_SILENCE = 0.25  # seconds. A person notices it
_MOST = 0.6  # of the pieces
#: Ollama puts the time into each event. Other servers have one time for all of them.
_TIME = re.compile(rb'"created_at"\s*:\s*"([^"]{10,40})"')


@dataclass(frozen=True, slots=True)
class Pieces:
    """How the pieces of one answer arrived.

    Attributes
    ----------
    count : int
        Pieces in all.
    reads : int
        Moments with arrivals.
    first : float or None
        Seconds from the request to the first piece. None: no piece came.
    span : float
        Seconds from the first to the last piece.
    longest : float
        Seconds of the longest silence between two pieces.
    bursts : int
    joined : int
        Pieces in bursts.
    """

    count: int = 0
    reads: int = 0
    first: float | None = None
    span: float = 0.0
    longest: float = 0.0
    bursts: int = 0
    joined: int = 0

    @property
    def held_back(self) -> bool:
        """True if most of the pieces came in bursts."""
        return self.count >= ENOUGH and self.joined >= _MOST * self.count


class _Group(NamedTuple):
    begin: float
    end: float
    pieces: int


def pieces_of(arrivals: Sequence[Arrival]) -> Pieces:
    """Find out how the pieces arrived.

    Examples
    --------
    >>> steady = pieces_of([Arrival(1 + i / 60, i + 1, i + 1) for i in range(60)])
    >>> steady.held_back, steady.bursts
    (False, 0)
    >>> pieces_of([Arrival(1, 20, 20), Arrival(1.4, 40, 40), Arrival(1.8, 60, 60)]).held_back
    True
    """
    if not arrivals:
        return Pieces()
    groups = list(_together(arrivals))
    silences = [groups[0].begin, *(after.begin - before.end for before, after in itertools.pairwise(groups))]
    bursts = [group for group, silence in zip(groups, silences, strict=True) if silence >= _SILENCE and _at_once(group)]
    return Pieces(
        count=arrivals[-1].deltas,
        reads=len(groups),
        first=arrivals[0].at,
        span=arrivals[-1].at - arrivals[0].at,
        longest=max(silences[1:], default=0.0),
        bursts=len(bursts),
        joined=sum(burst.pieces for burst in bursts),
    )


def _together(arrivals: Sequence[Arrival]) -> Iterable[_Group]:
    """Yield the arrivals. Those of one moment are one group."""
    before = 0
    group: _Group | None = None
    for arrival in arrivals:
        count, before = arrival.deltas - before, arrival.deltas
        if group is not None and arrival.at - group.end <= _TOGETHER:
            group = _Group(group.begin, arrival.at, group.pieces + count)
            continue
        if group is not None:
            yield group
        group = _Group(arrival.at, arrival.at, count)
    if group is not None:
        yield group


def _at_once(group: _Group) -> bool:
    return group.pieces >= _FEWEST and group.pieces > _QUICKEST * (group.end - group.begin)


def written_over(body: bytes) -> float | None:
    r"""Return how many seconds the server wrote, by the times in its events. None: they have no times.

    Examples
    --------
    >>> written_over(b'{"created_at":"2026-01-01T00:00:01.5Z"}\n{"created_at":"2026-01-01T00:00:04Z"}')
    2.5
    """
    times = []
    for found in _TIME.findall(body):
        try:
            times.append(datetime.fromisoformat(found.decode()).timestamp())
        except (ValueError, UnicodeDecodeError):
            return None
    return max(times) - min(times) if len(set(times)) > 1 else None
