"""The timer and the turn of one feed."""

from __future__ import annotations

import asyncio
import math

import pytest

from streamwidget._view import message_rate
from streamwidget._view.pacer import Pacer


class Flushes:
    """Notes the loop's time of each flush."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self) -> None:
        self.times.append(asyncio.get_running_loop().time())


@pytest.fixture(autouse=True)
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other view has claimed a slot."""
    monkeypatch.setattr(message_rate, "_last_slot", -math.inf)


async def test_the_first_flush_is_immediate_and_the_next_ones_are_joined() -> None:
    """The second turn comes a flush later, with everything that came until then."""
    flushes = Flushes()
    pacer = Pacer(flushes)
    pacer.flush_soon()
    assert len(flushes.times) == 1
    for _ in range(10):
        pacer.flush_soon()
    assert len(flushes.times) == 1
    await pacer.flushed()
    first, second = flushes.times
    assert second - first >= message_rate.FLUSH * 0.9


async def test_a_deferred_flush_is_never_inside_of_the_call() -> None:
    """The loop's next step does it, even if the turn has come."""
    flushes = Flushes()
    pacer = Pacer(flushes, deferred=True)
    pacer.flush_soon()
    assert flushes.times == []
    await pacer.flushed()
    assert len(flushes.times) == 1


def test_without_a_loop_a_flush_is_immediate_and_a_deferred_one_is_dropped() -> None:
    """A stream that never ran has no loop. Its state says the rest."""
    flushes: list[int] = []
    Pacer(lambda: flushes.append(1)).flush_soon()
    Pacer(lambda: flushes.append(2), deferred=True).flush_soon()
    assert flushes == [1]


@pytest.mark.parametrize("in_turn", [True, False])
async def test_the_end_waits_for_its_turn_only_if_it_may(in_turn: bool) -> None:
    """Among many views the turn is later. An end that may not wait is flushed immediately, once."""
    message_rate.claim(30)
    flushes = Flushes()
    pacer = Pacer(flushes)
    pacer.flush_soon()  # waits, and goes out with the end
    pacer.flush_end(2, in_turn=in_turn)
    assert len(flushes.times) == (0 if in_turn else 1)
    await pacer.flushed()
    assert len(flushes.times) == 1


async def test_flushed_waits_for_a_flush_that_asks_for_the_next() -> None:
    """Many rows are sent like this, in several pieces."""
    left = [3]

    def flush() -> None:
        left[0] -= 1
        if left[0]:
            pacer.flush_soon()

    pacer = Pacer(flush, deferred=True)
    pacer.flush_soon()
    await pacer.flushed()
    assert left == [0]


async def test_a_stopped_pacer_flushes_nothing() -> None:
    """Nothing waits for it either."""
    flushes = Flushes()
    pacer = Pacer(flushes, deferred=True)
    pacer.flush_soon()
    pacer.stop()
    await pacer.flushed()
    await asyncio.sleep(0)
    assert flushes.times == []
