"""When a failed request is sent again, and how long to wait before that."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget import ErrorInfo, Retry, RetryPolicy
from streamwidget._client.retry import parse_retry_after, worth_retrying
from streamwidget.demo import DemoServer
from tests.support.servers import QUICK, events_of, failure_of


def client(server: DemoServer, retry: RetryPolicy = QUICK) -> sw.ChatClient:
    return sw.ChatClient(server.url, retry=retry)


@given(failed=st.integers(1, 60), initial=st.floats(0, 5), longest=st.floats(0, 60), draw=st.floats(0, 1))
def test_a_wait_is_between_nothing_and_the_cap(failed: int, initial: float, longest: float, draw: float) -> None:
    """Full jitter: evenly from 0 to wait_initial * 2**(n-1), never above wait_max."""
    policy = RetryPolicy(attempts=100, wait_initial=initial, wait_max=longest)
    delay = policy.delay(failed, None, lambda: draw)
    assert delay is not None
    assert 0 <= delay <= min(longest, initial * 2.0 ** (failed - 1))
    assert policy.delay(failed, None, lambda: 1.0) == min(longest, initial * 2.0 ** (failed - 1))


def test_the_last_attempt_is_the_last() -> None:
    """``attempts`` counts requests, not retries."""
    assert RetryPolicy(attempts=1).delay(1, None) is None
    assert RetryPolicy(attempts=2).delay(1, None) is not None
    assert RetryPolicy(attempts=2).delay(2, 0.0) is None


def test_the_servers_wait_is_taken_up_to_the_cap() -> None:
    """A value above ``max_retry_after`` ends the stream."""
    assert RetryPolicy().delay(1, 60) is not None
    assert RetryPolicy().delay(1, 60.1) is None


@given(asked=st.floats(0, 60), draw=st.floats(0, 1))
def test_the_servers_wait_is_spread(asked: float, draw: float) -> None:
    """Never less than the Retry-After, and up to a quarter more. Otherwise a whole class comes back at once."""
    delay = RetryPolicy().delay(1, asked, lambda: draw)
    assert delay is not None
    assert asked <= delay <= asked * 1.25
    assert RetryPolicy().delay(1, asked, lambda: 1.0) == asked * 1.25
    assert len({RetryPolicy().delay(1, 8.0) for _ in range(30)}) > 20


@pytest.mark.parametrize(
    ("value", "milliseconds", "seconds"),
    [
        ("7", None, 7),
        (" 7 ", None, 7),
        ("0", None, 0),
        ("1.5", None, 1.5),
        ("7", "250", 0.25),
        ("7", "soon", 7),
        ("Thu, 01 Jan 1970 00:17:20 GMT", None, 40),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None, 0),
        ("soon", None, None),
        ("-5", None, None),
        ("inf", None, None),
        ("nan", None, None),
        ("1e400", None, None),
        ("", "", None),
        (None, None, None),
        ("Thu, 99 Foo 99999 00:00:00 GMT", None, None),
    ],
)
def test_retry_after_in_its_forms(value: str | None, milliseconds: str | None, seconds: float | None) -> None:
    """Seconds, milliseconds or a date. An unreadable value counts as none."""
    assert parse_retry_after(value, milliseconds, now=1000.0) == seconds


@given(st.text(), st.text())
def test_no_retry_after_raises(value: str, milliseconds: str) -> None:
    """Any value gives None or a finite number of seconds."""
    seconds = parse_retry_after(value, milliseconds, time.time())
    assert seconds is None or 0 <= seconds < float("inf")


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_a_temporary_status_is_retryable(status: int) -> None:
    """These may succeed later. A spent quota never does."""
    assert worth_retrying(ErrorInfo("", status=status))
    assert not worth_retrying(ErrorInfo("", status=status, code="insufficient_quota"))
    assert not worth_retrying(ErrorInfo("", status=status, type="insufficient_quota"))


@pytest.mark.parametrize("status", [204, 301, 400, 401, 403, 404, 413, 422, 501])
def test_any_other_status_is_not_retryable(status: int) -> None:
    """The same request would fail the same way."""
    assert not worth_retrying(ErrorInfo("", status=status))


@pytest.mark.parametrize(
    "fault",
    [
        "500",
        pytest.param(
            "502", marks=pytest.mark.fault("N20", "`http_error` 502, retried, at most 200 characters, no tags")
        ),
        "503",
        "529",
    ],
)
async def test_a_temporary_failure_is_tried_three_times(
    server: DemoServer, fault: str, seen: Callable[[str], None]
) -> None:
    """Three requests, two Retry events with the reason, then the error. It is marked as retryable."""
    stream = client(server).stream("x", f"demo-{fault}")
    events = await events_of(stream)
    retries = [event for event in events if isinstance(event, Retry)]
    assert [event.attempt for event in retries] == [2, 3]
    assert all(0 <= event.delay <= 0.02 and event.reason for event in retries)
    assert len(server.requests) == 3
    failure = await failure_of(stream)
    assert (failure.outcome, failure.error.status, failure.retryable) == ("http_error", int(fault), True)
    assert len(str(failure)) <= 200
    assert "<" not in str(failure)
    seen(f"{fault} {failure}, {len(server.requests)} requests")


async def test_a_failure_that_passes_leaves_a_whole_answer(server: DemoServer) -> None:
    """After two failures the third answer is complete. Its time counts from the first request."""
    completion = await client(server).stream("x", "demo-503", demo={"times": 2, "key": "passes"})
    assert completion.outcome == "complete"
    assert completion.text
    assert completion.error is None
    assert len(server.requests) == 3
    assert completion.timing.first_delta >= server.requests[2].received - server.requests[0].received


@pytest.mark.parametrize("fault", ["quota", "401", "401-echo", "redirect", "html"])
async def test_a_permanent_failure_is_not_repeated(server: DemoServer, fault: str) -> None:
    """A spent quota, a wrong key, a wrong address: one request."""
    failure = await failure_of(client(server).stream("x", f"demo-{fault}"))
    assert not failure.retryable
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", ["error", "cut", "fin", "half", "garble"])
async def test_nothing_is_repeated_after_the_first_delta(server: DemoServer, fault: str) -> None:
    """A second request would cost tokens twice, and could answer differently."""
    failure = await failure_of(client(server).stream("x", f"demo-{fault}"))
    assert failure.completion.text
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", ["error", "cut", "drop", "fin"])
async def test_a_stream_that_breaks_before_the_first_delta_is_repeated(server: DemoServer, fault: str) -> None:
    """Without text, nothing is lost by asking again."""
    completion = await client(server).stream("x", f"demo-{fault}", demo={"after": 0, "times": 1, "key": fault})
    assert completion.outcome == "complete"
    assert len(server.requests) == 2


async def test_the_servers_wait_is_announced(server: DemoServer) -> None:
    """With Retry-After: 0.2 the Retry event says at least 0.2 s, and the next request waits that long."""
    stream = client(server).stream("x", "demo-429", demo={"retry_after": "0.2", "times": 1, "key": "announced"})
    events = await events_of(stream)
    (delay,) = [event.delay for event in events if isinstance(event, Retry)]
    assert 0.2 <= delay <= 0.25
    first, second = server.requests
    assert second.received - first.received >= delay
    assert stream.completion.outcome == "complete"


@pytest.mark.fault("N22", "huge: fails at once and says the wait")
async def test_a_wait_that_is_too_long_ends_it_at_once(server: DemoServer, seen: Callable[[str], None]) -> None:
    """Above ``max_retry_after`` no second request is sent. The error names the delay (N22)."""
    failure = await failure_of(client(server).stream("x", "demo-429", demo={"retry_after": "3600"}))
    assert failure.error.retry_after == 3600
    assert failure.completion.timing.total <= RetryPolicy().max_retry_after
    seen(f"429, retry_after {failure.error.retry_after:g}, {len(server.requests)} request")
    assert failure.retryable
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "1e999"])
@pytest.mark.fault("N22", "garbled: counts as none, the 429 is told")
async def test_an_unreadable_wait_does_not_hide_the_refusal(server: DemoServer, value: str) -> None:
    """An unreadable value counts as no Retry-After (N22)."""
    failure = await failure_of(client(server).stream("x", "demo-429", demo={"retry_after": value}))
    assert (failure.error.status, failure.error.retry_after) == (429, None)
    assert len(server.requests) == 3
