"""The message rate of all views together, with the test's own clock."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamwidget._view import message_rate


class Clock:
    """Takes the place of the module ``time``."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """A clock that only the test moves. No slot was claimed before it."""
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
    """However many claim slots, and even if each uses its slot a flush later."""
    monkeypatch.setattr(message_rate, "_last_slot", -math.inf)
    times: list[float] = []
    for pause, slots, late in [*claims, *[(0.0, 1, 0.0)] * crowd]:
        clock.now += pause
        times += [max(message_rate.claim(slots), clock.now + late)] * slots
    times.sort()
    for first, begin in enumerate(times):
        assert bisect.bisect_left(times, begin + 1) - first <= message_rate.PER_SECOND


def test_one_view_does_not_wait_for_a_slot(clock: Clock) -> None:
    """A message each flush, and three at the end, find their slots free."""
    for _ in range(1000):
        assert message_rate.claim() <= clock.now
        clock.now += message_rate.FLUSH
    assert message_rate.claim(3) <= clock.now


def test_the_crowd_is_served_in_the_order_in_which_it_came(clock: Clock) -> None:
    """Slots are given in the order of the claims, at the full rate."""
    slots = [message_rate.claim() for _ in range(400)]
    assert slots == sorted(slots)
    assert slots[-1] - clock.now < 400 / 70
