"""The pace of all views together, by a clock of the test's."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamwidget._view import message_rate


class Clock:
    """Stands for the module ``time``."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """A clock that only the test moves, before which nobody spoke."""
    clock = Clock()
    monkeypatch.setattr(message_rate, "time", clock)
    monkeypatch.setattr(message_rate, "_last_slot", -math.inf)
    return clock


CLAIMS = st.lists(st.tuples(st.floats(0, 0.1) | st.just(0.0), st.integers(1, 3), st.floats(0, message_rate.FLUSH)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(claims=CLAIMS, crowd=st.integers(0, 300))
def test_no_second_has_more_than_a_hundred_messages(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, claims: list[tuple[float, int, float]], crowd: int
) -> None:
    """However many claim, and though each may use its place a flush later."""
    monkeypatch.setattr(message_rate, "_last_slot", -math.inf)
    times: list[float] = []
    for pause, places, late in [*claims, *[(0.0, 1, 0.0)] * crowd]:
        clock.now += pause
        times += [max(message_rate.claim(places), clock.now + late)] * places
    times.sort()
    for first, begin in enumerate(times):
        assert bisect.bisect_left(times, begin + 1) - first <= message_rate.PER_SECOND


def test_one_view_does_not_wait_for_a_place(clock: Clock) -> None:
    """At a message each flush, and two or three at its end, every place is there at once."""
    for _ in range(1000):
        assert message_rate.claim() <= clock.now
        clock.now += message_rate.FLUSH
    assert message_rate.claim(3) <= clock.now


def test_the_crowd_is_served_in_the_order_in_which_it_came(clock: Clock) -> None:
    """Nobody is passed over, and all are served at the full pace."""
    places = [message_rate.claim() for _ in range(400)]
    assert places == sorted(places)
    assert places[-1] - clock.now < 400 / 70
