"""The limits of a batch, without a loop: rows at once, requests and tokens a minute, waits, and a budget."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._many.rates import Rates
from streamwidget._many.spending import Spending


@given(
    per_minute=st.integers(1, 600),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.5, 7.0, 90.0]), min_size=50, max_size=300),
)
def test_no_minute_has_more_requests_than_allowed(per_minute: int, pauses: list[float]) -> None:
    """Whatever the pauses of the caller, each span of 60 s has at most so many requests. None waits for longer."""
    rates, now, left = Rates(1_000, requests_per_minute=per_minute), 0.0, []
    for pause in pauses:
        now += pause
        wait = rates.wait(now, 0)
        assert wait <= 60 / per_minute * 1.02 * max(1, per_minute / 60)
        now += wait
        rates.leave(now, 1)
        left.append(now)
    for first, at in enumerate(left):
        assert sum(at <= other < at + 60 for other in left[first:]) <= per_minute


def test_tokens_are_what_they_were_in_the_end() -> None:
    """A row that took more tokens than was thought makes the next one wait for longer."""
    rates = Rates(10, tokens_per_minute=600)
    rates.leave(0.0, 100)
    assert 9 < rates.wait(0.0, 1) < 11
    rates.ended(100, 300)
    assert 29 < rates.wait(0.0, 0) < 31
    rates.ended(300, 0)
    assert rates.wait(0.0, 0) == 0


def test_one_refusal_is_heard_by_all_and_halves_what_runs() -> None:
    """Those that were refused together are one refusal. Each answer lets one more run again."""
    rates = Rates(8)
    assert rates.wait(0.0, 7) == 0
    assert rates.wait(0.0, 8) == math.inf
    assert [rates.refused(now, left=-1.0) for now in (0.0, 1.0, 2.0)] == [True, False, False]
    for now, seconds in ((0.0, 5.0), (1.0, 2.0), (2.0, 4.0)):
        rates.hold(now, seconds)
    assert rates.wait(2.0, 0) == 4
    assert (rates.wait(7.0, 3), rates.wait(7.0, 4)) == (0, math.inf)
    rates.answered()
    assert (rates.wait(7.0, 4), rates.wait(7.0, 5)) == (0, math.inf)
    assert rates.refused(8.0, left=7.0)
    assert (rates.wait(8.0, 1), rates.wait(8.0, 2)) == (0, math.inf)
    for _ in range(10):
        rates.answered()
    assert (rates.wait(9.0, 7), rates.wait(9.0, 8)) == (0, math.inf)


@pytest.mark.parametrize(
    "limits",
    [
        {"concurrency": 0},
        {"concurrency": 2.5},
        {"concurrency": 1, "requests_per_minute": 0},
        {"concurrency": 1, "tokens_per_minute": math.inf},
        {"concurrency": 1, "tokens_per_minute": "many"},
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(limits: dict[str, float]) -> None:
    """The message names it."""
    with pytest.raises(sw.ConfigurationError, match=list(limits)[-1]):
        Rates(**limits)  # type: ignore[arg-type]


def test_a_budget_of_money_needs_known_costs() -> None:
    """An unknown cost is not 0. One that is known counts for those that run too."""
    spending = Spending(cost_limit=1.0)
    spending.settle(0, 10, answer=5, characters=40, cost=sw.Cost(0.3))
    assert spending.has_room(10, running=1)
    assert not spending.has_room(10, running=2)
    spending.settle(0, 0, answer=0, characters=40, cost=sw.Cost())  # the request failed: it took nothing
    assert spending.has_room(10, running=0)
    spending.settle(0, 10, answer=5, characters=40, cost=sw.Cost())
    assert not spending.has_room(10, running=0)
    assert "not known" in spending.reason


def test_what_runs_is_a_part_of_the_budget() -> None:
    """With 100 tokens, of which 40 are spent and 40 run, there is no room for 30."""
    spending = Spending(token_limit=100)
    spending.reserve(10)
    spending.settle(10, 40, answer=30, characters=40, cost=sw.Cost())
    spending.reserve(40)
    assert spending.has_room(20, running=1)
    assert not spending.has_room(30, running=1)
    with pytest.raises(sw.ConfigurationError, match="token_limit"):
        Spending(token_limit=0)
