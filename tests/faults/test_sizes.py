"""Sizes and paces of unhealthy servers: the answer is the same, and the cost is bounded.

Costs are compared with costs of the same run: CPU of this thread (the server has its own), memory of a process of its
own.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

import pytest

import streamwidget as sw
from streamwidget.demo import DemoServer
from tests.support.memory import run_python
from tests.support.servers import client_left, events_of, failure_of, first_delta

ONCE = sw.RetryPolicy(attempts=1)
MB = 1_000_000


async def cpu_of(stream: sw.ChatStream) -> float:
    begun = time.thread_time()
    await stream
    return time.thread_time() - begun


@pytest.mark.fault("N16", "identical text; at most 3 times the CPU of whole chunks")
async def test_a_dribble_costs_little_more_than_whole_chunks(server: DemoServer, seen: Callable[[str], None]) -> None:
    """Single bytes, each its own write. Gathered bytes cost one wake-up, not one for each byte."""
    client = sw.ChatClient(server.url)
    text = "".join(f"wörd {number} 👩‍👩‍👧 " for number in range(25))
    whole = {"text": text, "tokens_per_second": 500}  # each delta is a chunk, and a read, of its own
    await client.stream("x", demo=whole)
    chunks = bytes_ = math.inf
    for _ in range(30):  # other processes add to both: the least of some runs is the cost
        dribbled = client.stream("x", "demo-dribble", demo={"text": text})
        chunks, bytes_ = min(chunks, await cpu_of(client.stream("x", demo=whole))), min(bytes_, await cpu_of(dribbled))
        assert (dribbled.completion.outcome, dribbled.completion.text) == ("complete", text)
        if bytes_ <= 3 * chunks:
            break
    assert bytes_ <= 3 * chunks
    seen(f"identical, {bytes_ / chunks:.1f} times the CPU")


@pytest.mark.fault("N17", "an event of 10 MB is taken whole; above max_event_size `protocol_error`, text kept")
async def test_a_large_event_is_taken_up_to_the_cap(server: DemoServer, seen: Callable[[str], None]) -> None:
    """64 MiB by default, or the client's value. The message names the setting."""
    demo = {"tokens": 30, "after": 20}
    completion = await sw.ChatClient(server.url).stream("x", "demo-big-event", demo=demo)
    assert completion.outcome == "complete"
    assert len(completion.text) > 10 * MB
    capped = sw.ChatClient(server.url, retry=ONCE, max_event_size=5 * MB)
    failure = await failure_of(capped.stream("x", "demo-big-event", demo=demo))
    assert failure.outcome == "protocol_error"
    assert "5000000 bytes (max_event_size)" in str(failure)
    assert failure.completion.timing.deltas == 20
    seen(f"{len(completion.text) / MB:.0f} MB complete; above 5 MB {failure.outcome}, 20 deltas kept")


async def test_a_cap_that_lets_nothing_through_is_refused() -> None:
    """At least one byte."""
    with pytest.raises(sw.ConfigurationError, match="max_event_size"):
        sw.ChatClient("http://127.0.0.1:1/v1", max_event_size=0)


CHILD = """
import asyncio, json, sys
import streamwidget as sw
from tests.support.memory import peak_memory

url, model, demo, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])

async def main():
    # Long enough for what the process sets up once (1.2 MB by the first 50,000 characters).
    await sw.ChatClient(url).stream("x", demo={"tokens": 20_000})
    timeout = sw.Timeout(total=options.pop("total", None))
    client = sw.ChatClient(url, retry=sw.RetryPolicy(attempts=1), timeout=timeout, **options)
    before = peak_memory()
    stream = client.stream("x", model, demo=demo)
    stream.subscribe(lambda _: stream.cancel() if stream._work.accumulator.length > 300_000 else None)
    try:
        await stream
    except sw.StreamError:
        pass
    completion = stream.completion
    print(json.dumps([completion.outcome, len(completion.text), completion.timing.deltas, peak_memory() - before]))

asyncio.run(main())
"""


def in_a_child(server: DemoServer, model: str, demo: dict[str, Any], **options: Any) -> tuple[str, int, int, int]:
    """Stream in a process of its own. Return outcome, characters, deltas and the growth of its peak memory in bytes."""
    said = run_python(CHILD, server.url, model, json.dumps(demo), json.dumps(options))
    outcome, length, deltas, grown = json.loads(said)
    return outcome, length, deltas, grown


@pytest.mark.fault("N18", "`protocol_error` at the cap, text kept, memory bounded by the cap")
def test_a_line_without_end_is_cut_off_at_the_cap(server: DemoServer, seen: Callable[[str], None]) -> None:
    """The line is held once, and twice for a moment while it grows. It never takes more than three times the cap."""
    cap = 20 * MB
    outcome, _, deltas, grown = in_a_child(server, "demo-noline", {"after": 20}, max_event_size=cap)
    assert (outcome, deltas) == ("protocol_error", 20)
    assert grown < 3 * cap
    seen(f"{outcome}, 20 deltas kept, {grown / MB:.0f} MB at a cap of {cap / MB:.0f}")


@pytest.mark.fault("N19", "memory grows with the text alone")
def test_the_memory_of_an_endless_stream_is_its_text(server: DemoServer, seen: Callable[[str], None]) -> None:
    """Three hundred thousand characters in small deltas: the text and copies, not an object for each delta."""
    outcome, length, deltas, grown = in_a_child(server, "demo-endless", {"text": "The quick brown fox. " * 50})
    assert outcome == "cancelled"
    assert length > 0.3 * MB
    assert grown < 12 * length  # an object for each delta takes over 24 times
    seen(f"{length / MB:.1f} MB of text in {deltas} deltas, {grown / MB:.1f} MB")


@pytest.mark.fault("N19", "comments without end: no memory at all")
def test_endless_comments_take_no_memory(server: DemoServer, seen: Callable[[str], None]) -> None:
    """Only text is kept: a megabyte of other data leaves nothing."""
    outcome, length, _, grown = in_a_child(server, "demo-ping", {"after": 0}, total=1)
    assert (outcome, length) == ("timeout", 0)
    assert grown < MB
    seen(f"{grown / MB:.1f} MB")


@pytest.mark.fault("N19", "Stop ends it, the connection closed, text kept")
async def test_stop_ends_an_endless_stream(server: DemoServer, seen: Callable[[str], None]) -> None:
    """As fast as the server can send, the loop still hears the stop."""
    stream = sw.ChatClient(server.url).stream("x", "demo-endless")
    await first_delta(stream)
    stream.cancel()
    await events_of(stream)
    assert stream.completion.outcome == "cancelled"
    assert stream.completion.text
    assert await client_left(server)
    seen(f"cancelled, {len(stream.completion.text)} characters kept")
