"""The limit on connecting: like all limits, it does not count time while the person's own cell blocks the loop."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

import streamwidget as sw
from streamwidget import Retry
from streamwidget._client.transport import _clients_of
from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.support.ports import closed_port
from tests.support.servers import failure_of

ONCE = sw.RetryPolicy(attempts=1)


class SureRetry(sw.RetryPolicy):
    """One retry, after exactly 0.5 s."""

    __slots__ = ()

    def delay(self, failed: int, retry_after: float | None, draw: object = None) -> float | None:
        return 0.5 if failed == 1 else None


@pytest.mark.slow
@pytest.mark.fault("K1", "nor does the limit on connecting count it, at whatever step of connecting the cell began")
async def test_a_loop_that_blocks_while_it_connects_times_nothing_out() -> None:
    """Blocked for longer than ``connect`` after each of the loop's first steps: all complete."""
    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        client = sw.ChatClient(server.url, timeout=sw.Timeout(connect=0.2), retry=ONCE)
        for steps in range(13):
            # A busy machine may be late by itself. The block would time it out each time.
            outcomes = [await _outcome(client, steps)]
            while outcomes[-1] != "complete" and len(outcomes) < 4:
                outcomes.append(await _outcome(client, steps))
            assert outcomes[-1] == "complete", steps


async def _outcome(client: sw.ChatClient, steps: int) -> sw.Outcome | None:
    _clients_of(asyncio.get_running_loop()).clear()  # it connects anew
    stream = client.stream("x")
    stream.start()
    for _ in range(steps):
        await asyncio.sleep(0)
    time.sleep(0.4)  # noqa: ASYNC251  (the fault)
    with contextlib.suppress(sw.StreamError):
        await stream
    return stream.completion.outcome


async def test_a_connection_that_is_not_made_in_time_is_tried_again() -> None:
    """As after other failed connections. The message of the last one has the host and the setting."""
    with DemoServer() as server:  # greets nobody in TLS
        url = server.url.replace("http", "https")
        stream = sw.ChatClient(url, timeout=sw.Timeout(connect=0.2), retry=SureRetry()).stream("x")
        told: list[sw.StreamEvent] = []
        stream.subscribe(told.extend)
        failure = await failure_of(stream)
    assert (failure.outcome, failure.error.kind) == ("timeout", "connect")
    assert "127.0.0.1" in str(failure)
    assert "Timeout(connect=...)" in str(failure)
    assert [event.attempt for event in told if isinstance(event, Retry)] == [2]
    assert failure.completion.timing.total >= 0.2 + 0.5  # it counts from when the first request was on its way


async def test_the_wait_before_a_retry_is_no_connecting() -> None:
    """A pause longer than ``connect`` ends by itself. The second failure is a refused connection again."""
    client = sw.ChatClient(f"http://127.0.0.1:{closed_port()}/v1", timeout=sw.Timeout(connect=0.2), retry=SureRetry())
    for _ in range(4):  # a busy machine may be late by itself. The pause would be each time
        failure = await failure_of(client.stream("x"))
        if failure.outcome == "http_error":
            break
    assert (failure.outcome, failure.error.kind) == ("http_error", "connect")
    assert failure.completion.timing.total >= 0.5


async def test_a_stop_while_it_connects_is_a_stop() -> None:
    """Outcome cancelled, whatever the limit does at the same moment."""
    with DemoServer() as server:
        url = server.url.replace("http", "https")
        for wait in (0.05, 0.2):
            stream = sw.ChatClient(url, timeout=sw.Timeout(connect=0.2), retry=SureRetry()).stream("x")
            stream.start()
            await asyncio.sleep(wait)
            stream.cancel()
            async with asyncio.timeout(SOON):
                assert (await stream).outcome == "cancelled"
