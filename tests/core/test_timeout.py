"""When to give up: first the clock alone, then real connections."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._core.timeout import TICK, Deadlines, Timeout
from streamwidget.demo import DemoServer
from tests.support.deadlines import LATE, SOON
from tests.support.servers import failure_of

OFF = Timeout(None, None, None, None, None, None)
proves = pytest.mark.fault


class Clock:
    """Deadlines with a time that the test moves, tick by tick."""

    def __init__(self, **limits: float | None) -> None:
        self.now = 1000.0
        self.deadlines = Deadlines(Timeout(**{"connect": None, **limits}), self.now)

    def run(self, seconds: float, *, pings: bool = False) -> str | None:
        """Let time pass on a free loop. Return the limit that passed, if one did."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += TICK
            if pings:
                self.deadlines.got_bytes(self.now)
            if passed := self.deadlines.tick(self.now):
                return passed
        return None

    def block(self, seconds: float) -> str | None:
        """Let time pass on a blocked loop, up to the late tick."""
        self.now += seconds
        return self.deadlines.tick(self.now)

    def stream(self) -> None:
        self.deadlines.got_headers(self.now)
        self.deadlines.got_bytes(self.now)
        self.deadlines.got_delta(self.now)


def test_each_limit_counts_from_its_own_mark() -> None:
    """headers from the request, first_delta from the headers, stall and progress from the last bytes or delta."""
    clock = Clock(headers=10, first_delta=20, stall=5, progress=8, total=None)
    assert clock.run(9.5) is None
    assert clock.run(1) == "headers"

    clock = Clock(headers=10, first_delta=20, stall=5, progress=8, total=None)
    clock.run(9)
    clock.deadlines.got_headers(clock.now)
    assert clock.run(19.5) is None  # stall does not count before the first delta
    assert clock.run(1) == "first_delta"

    clock = Clock(stall=5, progress=8, total=None)
    clock.stream()
    assert clock.run(4.5) is None
    clock.stream()
    assert clock.run(4.5) is None
    assert clock.run(1) == "stall"


@pytest.mark.fault("N9", "comments feed `stall`, never `progress`")
def test_pings_feed_stall_but_not_progress() -> None:
    """A server that sends comments for ever is alive but sends no text (N9)."""
    clock = Clock(stall=5, progress=20, total=None)
    clock.stream()
    assert clock.run(19, pings=True) is None
    assert clock.run(2, pings=True) == "progress"


def test_pings_do_not_stand_for_a_first_delta() -> None:
    """Only deltas count before the first delta too."""
    clock = Clock(first_delta=20, stall=5, total=None)
    clock.deadlines.got_headers(clock.now)
    assert clock.run(30, pings=True) == "first_delta"


def test_total_counts_all_attempts_and_waits() -> None:
    """A new attempt restarts every limit but ``total``. During the delay of a retry only ``total`` counts."""
    clock = Clock(headers=10, total=25)
    assert clock.run(9) is None
    clock.deadlines.wait_for_retry(clock.now, 9)
    assert clock.run(9) is None
    clock.deadlines.new_attempt(clock.now)
    assert clock.run(5) is None
    assert clock.run(5) == "total"


@pytest.mark.parametrize("mark", ["headers", "first_delta", "stall", "progress", "total"])
def test_a_blocked_loop_counts_for_no_limit(mark: str) -> None:
    """Your own cell computed for a minute. The limit passes as if it had not (K1)."""
    clock = Clock(**{**dict.fromkeys(("headers", "first_delta", "stall", "progress", "total")), mark: 5})
    if mark != "headers":
        clock.deadlines.got_headers(clock.now)
    if mark in ("stall", "progress"):
        clock.stream()
    assert clock.run(3) is None
    assert clock.block(60) is None
    assert clock.run(1.5) is None
    assert clock.run(1) == mark


def test_a_blocked_loop_does_not_put_off_the_limit_after_it() -> None:
    """Bytes are read when the loop is free again. Their time is then, not a minute later."""
    clock = Clock(stall=5, total=None)
    clock.stream()
    clock.now += 60
    clock.deadlines.got_bytes(clock.now)
    assert clock.block(0.01) is None
    assert clock.run(4.5) is None
    assert clock.run(1) == "stall"


def test_a_cell_of_seventy_seconds_beside_a_healthy_stream_fires_nothing() -> None:
    """With the default limits, at any point of the stream. The time that the page shows does not count it."""
    clock = Clock()
    for _ in range(5):
        assert clock.block(70) is None
        clock.deadlines.got_headers(clock.now)
        clock.stream()
        assert clock.run(1) is None
    pending = clock.deadlines.pending()
    assert pending is not None
    assert pending.elapsed < 1.5


def test_what_is_waited_for_is_the_limit_that_is_nearest() -> None:
    """headers, first_delta, stall, progress if only comments come, a retry's delay. Never total."""
    clock = Clock(headers=10, first_delta=20, stall=5, progress=8, total=2)
    assert clock.deadlines.pending() == ("headers", 0, 10)
    clock.run(0.5)
    assert clock.deadlines.pending() == ("headers", pytest.approx(0.5), 10)
    clock.deadlines.got_headers(clock.now)
    assert clock.deadlines.pending() == ("first_delta", 0, 20)
    clock.stream()
    clock.run(0.3)
    assert clock.deadlines.pending() == ("stall", pytest.approx(0.3), 5)
    clock.run(0.5, pings=True)
    assert clock.deadlines.pending() == ("progress", pytest.approx(0.8), 8)
    clock.deadlines.wait_for_retry(clock.now, 7)
    clock.run(0.1)
    assert clock.deadlines.pending() == ("retry", pytest.approx(0.1), 7)
    assert Clock(**dict.fromkeys(("headers", "total"))).deadlines.pending() is None


def test_a_busy_loop_is_not_a_blocked_one() -> None:
    """Ticks that come a little late, as under load, do not stretch a limit."""
    clock = Clock(headers=10, total=None)
    for _ in range(40):
        passed = clock.block(TICK + 0.14)
    assert passed is None
    for _ in range(3):
        passed = clock.block(TICK + 0.14)
    assert passed == "headers"


@given(st.lists(st.tuples(st.sampled_from(["run", "block", "bytes", "delta"]), st.floats(0.1, 5)), max_size=30))
def test_a_limit_that_is_off_never_passes(steps: list[tuple[str, float]]) -> None:
    """None means never."""
    clock = Clock(headers=None, first_delta=None, stall=None, progress=None, total=None)
    clock.deadlines.got_headers(clock.now)
    for step, seconds in steps:
        if step == "run":
            assert clock.run(seconds) is None
        elif step == "block":
            assert clock.block(seconds) is None
        elif step == "bytes":
            clock.deadlines.got_bytes(clock.now)
        else:
            clock.deadlines.got_delta(clock.now)


@pytest.fixture(scope="module")
def server() -> DemoServer:
    with DemoServer(tokens_per_second=0, first_delta=0) as running:
        yield running


@pytest.mark.parametrize(
    ("fault", "limit", "text"),
    [
        pytest.param("silent", "headers", False, marks=proves("N6", "`timeout` by `headers`")),
        pytest.param("headers", "first_delta", False, marks=proves("N7", "`timeout` by `first_delta`")),
        pytest.param("ping", "first_delta", False, marks=proves("N9", "before the first delta: by `first_delta`")),
        pytest.param("stall", "stall", True, marks=proves("N8", "`timeout` by `stall`, text kept")),
        pytest.param("endless", "total", True, marks=proves("N19", "`timeout` by `total`, text kept")),
        ("slow", "total", True),
    ],
)
async def test_a_limit_ends_a_real_stream(
    server: DemoServer, fault: str, limit: str, text: bool, seen: Callable[[str], None]
) -> None:
    """Outcome timeout, the limit named, the text kept, one request, and the connection closed, all in time."""
    server.reset()
    limits = {**dict.fromkeys(("connect", "headers", "first_delta", "stall", "progress")), "total": 5, limit: 0.3}
    stream = sw.ChatClient(server.url, timeout=Timeout(**limits)).stream("x", f"demo-{fault}")
    failure = await failure_of(stream)
    assert isinstance(failure, sw.StreamTimeout)
    assert (failure.outcome, failure.error.kind, failure.retryable) == ("timeout", limit, True)
    assert f"Timeout({limit}=...)" in str(failure)
    assert "0.3 s" in str(failure)
    assert bool(failure.completion.text) is text
    assert failure.completion.timing.total <= 0.3 + LATE
    seen(f"timeout after {failure.completion.timing.total:.2f} s of 0.3, {len(failure.completion.text)} characters")
    (record,) = server.requests
    assert record.left.wait(SOON)


@pytest.mark.fault("N9", "`timeout` by `progress`, whatever the comments; text kept")
async def test_pings_do_not_keep_a_stream_alive(server: DemoServer, seen: Callable[[str], None]) -> None:
    """After the first deltas, ``progress`` ends a stream of comments, although no read waited long (N9)."""
    limits = Timeout(stall=5, progress=0.5, total=5)
    stream = sw.ChatClient(server.url, timeout=limits).stream("x", "demo-ping", demo={"after": 3})
    failure = await failure_of(stream)
    assert failure.error.kind == "progress"
    assert failure.completion.timing.deltas == 3
    assert failure.completion.timing.total <= 0.5 + LATE
    seen(f"timeout by progress after {failure.completion.timing.total:.2f} s of 0.5, 3 of 3 deltas kept")


async def test_a_blocked_loop_ends_no_real_stream(server: DemoServer) -> None:
    """The stream's loop computes for a second. No limit of half a second passes, and no text is lost."""
    limits = Timeout(headers=0.5, first_delta=0.5, stall=0.5, progress=0.5, total=5)
    demo = {"tokens": 30, "tokens_per_second": 60}
    stream = sw.ChatClient(server.url, timeout=limits).stream("x", demo=demo)
    blocked = False
    async for event in stream:
        if isinstance(event, sw.TextDelta) and not blocked:
            time.sleep(1)  # noqa: ASYNC251  (the point)
            blocked = True
    assert blocked
    assert (await stream).timing.deltas == 30
