"""How the pieces of an answer came: alone, or held back."""

from __future__ import annotations

import pytest

from streamwidget._core.timeline import Arrival
from streamwidget.doctor._pieces import pieces_of, written_over


def arrivals(*moments: tuple[float, int]) -> list[Arrival]:
    """Return the arrivals of so many pieces at these times."""
    count, made = 0, []
    for at, pieces in moments:
        count += pieces
        made.append(Arrival(at, count, count))
    return made


def steady(begin: float, rate: float, count: int = 60) -> list[tuple[float, int]]:
    return [(begin + number / rate, 1) for number in range(count)]


HEALTHY = {
    "one by one": steady(0.4, 60),
    "a slow model": steady(3, 2),
    "a quick model": steady(0.3, 1500),
    "a very quick model, after a wait": steady(2, 2500),
    "a model that thinks for long": steady(40, 60),
    "a stall in the middle": [*steady(0.4, 60, 30), *steady(9, 60, 30)],
    "a machine that was busy once": [*steady(0.4, 60, 40), (1.5, 20)],
    "several tokens in each event, or few read at once": [(0.4 + number / 10, 4) for number in range(20)],
    "small groups, too close to notice": [(0.4 + number / 10, 8) for number in range(10)],
    "few pieces at once": [(2.0, 9)],
    "nothing": [],
}
HELD = {
    "all at once, at the end": [(2.0, 60)],
    "at once, in a few reads": [(2.0, 20), (2.001, 20), (2.002, 20)],
    "a buffer of 4 KB": [(0.75, 22), (1.1, 23), (1.4, 15)],
    "a flush each second": [(1.0, 12), (2.0, 12), (3.0, 12)],
    "the first pieces alone": [*steady(0.4, 60, 5), (2.0, 50)],
}


@pytest.mark.fault("P3", "its pieces are not called held back")
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_answer_is_not_held_back(name: str) -> None:
    """Slow is not held back, and neither is one stall."""
    assert not pieces_of(arrivals(*HEALTHY[name])).held_back


@pytest.mark.fault("P2", "most of the pieces came together after a silence: held back")
@pytest.mark.parametrize("name", HELD)
def test_an_answer_in_bursts_is_held_back(name: str) -> None:
    """Most of the pieces came quicker than a model writes, after a silence."""
    found = pieces_of(arrivals(*HELD[name]))
    assert found.held_back
    assert found.bursts >= 1


def test_the_figures() -> None:
    """Counts, times and the longest silence."""
    found = pieces_of(arrivals((0.5, 10), (2.5, 10)))
    assert (found.count, found.reads, found.first, found.span, found.longest) == (20, 2, 0.5, 2.0, 2.0)
    assert (found.bursts, found.joined) == (2, 20)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (b'{"created_at":"2026-01-01T00:00:01Z"}\n{"created_at": "2026-01-01T00:00:04.5Z"}', 3.5),
        (b'{"created_at":"2026-01-01T00:00:01Z"}', None),
        (b'{"created_at":"2026-01-01T00:00:01Z"}\n{"created_at":"yesterday, or so"}', None),
        (b'{"created":1767225600}\n{"created":1767225600}', None),
    ],
)
def test_the_servers_own_times(body: bytes, seconds: float | None) -> None:
    """Times say something only if they differ."""
    assert written_over(body) == seconds
