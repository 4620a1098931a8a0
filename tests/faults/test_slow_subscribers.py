"""A callback that blocks: it holds its loop, as any Python code does, and costs nothing but that time."""

from __future__ import annotations

import asyncio
import re
import time
import warnings
from collections.abc import Callable

import pytest

import streamwidget as sw
from streamwidget.demo import DemoServer

Seen = Callable[[str], None]


@pytest.mark.fault("K10", "one warning; no text is lost, no limit counts the time, the other streams catch up")
async def test_a_subscriber_that_blocks_is_warned_of_once(seen: Seen) -> None:
    """Two streams share a loop. One's callback sleeps past every limit, twice. Both complete, with all their text."""
    limits = sw.Timeout(headers=2, first_delta=0.9, stall=0.9, progress=0.9)
    slept: list[float] = []

    def sleeps(_: list[sw.StreamEvent]) -> None:
        if len(slept) < 2:
            time.sleep(1)
            slept.append(1)

    with DemoServer(tokens_per_second=100, first_delta=0) as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = sw.ChatClient(server.url, timeout=limits)
        blocked, beside = (client.stream(name, demo={"tokens": 150}) for name in ("blocked", "beside"))
        blocked.subscribe(sleeps)
        told: list[sw.StreamEvent] = []
        beside.subscribe(told.extend)
        both = await asyncio.gather(blocked, beside)
    assert [(c.outcome, c.timing.deltas) for c in both] == [("complete", 150)] * 2
    assert "".join(event.text for event in told if isinstance(event, sw.TextDelta)) == both[1].text
    assert len(slept) == 2
    ours = [warning for warning in caught if "subscriber" in str(warning.message)]
    assert len(ours) == 1
    assert ours[0].category is RuntimeWarning
    assert re.search(r"A subscriber of a stream took [1-9]\d*\.\d s\.", str(ours[0].message))
    seen(str(ours[0].message))


async def test_a_quick_subscriber_is_not_warned_of() -> None:
    """Called for each of many batches, it may take as long in all as it likes."""
    with DemoServer(tokens_per_second=100, first_delta=0) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        stream = sw.ChatClient(server.url).stream("x", demo={"tokens": 30})
        stream.subscribe(lambda _: time.sleep(0.005))
        assert (await stream).outcome == "complete"


async def test_a_warning_that_is_an_error_ends_nothing() -> None:
    """``python -W error`` does not turn a slow callback into a broken stream."""
    with DemoServer(tokens_per_second=0, first_delta=0) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        stream = sw.ChatClient(server.url).stream("x", demo={"tokens": 5})
        stream.subscribe(lambda _: time.sleep(0.11))
        assert (await stream).outcome == "complete"
