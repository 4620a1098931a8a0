"""Stopping a stream: by leaving it or cancelling it, from any thread and at any moment."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

import streamwidget as sw
from streamwidget import Finish, Retry, TextDelta
from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.support.servers import PACED, QUICK, client_left, events_of, first_delta


@pytest.fixture
def client(server: DemoServer) -> sw.ChatClient:
    return sw.ChatClient(server.url, retry=QUICK)


async def test_the_last_reader_to_leave_closes_the_connection(server: DemoServer, client: sw.ChatClient) -> None:
    """``break`` ends a stream that has no other reader. The text is kept."""
    stream = client.stream("x", "demo-stall")
    async for event in stream:
        if isinstance(event, TextDelta):
            break
    assert await client_left(server)
    completion = await stream
    assert completion.outcome == "cancelled"
    assert completion.text


@pytest.mark.parametrize("other", ["iterates", "awaits", "subscribes"])
async def test_a_reader_may_leave_the_others(client: sw.ChatClient, other: str) -> None:
    """While another reader iterates, awaits or subscribes, the stream goes on to its end."""
    stream = client.stream("x", demo=PACED | {"tokens": 30})
    task: asyncio.Task[Any] | None = None
    if other == "subscribes":
        stream.subscribe(lambda _: None)
    else:
        task = asyncio.ensure_future(events_of(stream) if other == "iterates" else stream._result())
    await first_delta(stream)
    async with aclosing(stream.__aiter__()) as events:  # type: ignore[type-var]
        assert isinstance(await anext(events), TextDelta)
    assert (await stream).outcome == "complete"
    if task is not None:
        await task


@pytest.mark.parametrize("way", ["await", "async for"])
async def test_a_cancelled_task_cancels_its_stream(server: DemoServer, client: sw.ChatClient, way: str) -> None:
    """A kernel interrupt does this. When the task has ended, the connection is closed and the text is kept."""
    stream = client.stream("x", "demo-stall")
    task = asyncio.ensure_future(stream._result() if way == "await" else events_of(stream))
    await first_delta(stream)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (stream.over, stream.completion.outcome) == (True, "cancelled")
    assert stream.completion.text
    assert await client_left(server)


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize(
    "moment", ["before the start", "at the start", "waiting for headers", "mid-stream", "retrying"]
)
@pytest.mark.fault("K14", "cancelled before the first byte and in a retry's wait; told once")
async def test_cancel_works_at_every_moment(server: DemoServer, client: sw.ChatClient, moment: str) -> None:
    """The outcome is cancelled, and Finish comes once. Two calls count as one. No error is raised (K14)."""
    demo: dict[str, Any] = {}
    name = {"waiting for headers": "demo-silent", "mid-stream": "demo-stall", "retrying": "demo-429"}.get(
        moment, "demo"
    )
    if moment == "retrying":
        demo = {"demo": {"retry_after": "50"}}
    stream = client.stream("x", name, **demo)
    told: list[sw.StreamEvent] = []
    retrying = asyncio.Event()
    stream.subscribe(told.extend)
    stream.subscribe(lambda events: retrying.set() if isinstance(events[0], Retry) else None)
    if moment != "before the start":
        stream.start()
    if moment == "waiting for headers":
        await asyncio.to_thread(server.wait_for_requests)
    if moment == "mid-stream":
        await first_delta(stream)
    if moment == "retrying":
        await asyncio.wait_for(retrying.wait(), SOON)
    stream.cancel()
    stream.cancel()
    async with asyncio.timeout(SOON):
        completion = await stream
        assert await events_of(stream) == [*([TextDelta(completion.text)] if completion.text else []), told[-1]]
    assert completion.outcome == "cancelled"
    assert [event for event in told if isinstance(event, Finish)] == [Finish(None, "cancelled")] == told[-1:]
    if moment in ("waiting for headers", "mid-stream"):
        assert await client_left(server)
    else:
        assert len(server.requests) == (moment == "retrying")


@pytest.mark.fault("K14", "after the end a Stop does nothing")
async def test_cancel_after_the_end_changes_nothing(client: sw.ChatClient) -> None:
    """A complete answer stays complete."""
    stream = client.stream("x")
    completion = await stream
    stream.cancel()
    assert stream.completion == completion
    assert await stream == completion


@pytest.mark.fault("K12", "1,000 stops at once from as many threads: one end, told once")
async def test_cancel_works_from_a_thousand_threads_at_once(server: DemoServer, client: sw.ChatClient) -> None:
    """From any thread, any number of times. Finish comes once (K12)."""
    stream = client.stream("x", "demo-stall")
    told: list[sw.StreamEvent] = []
    stream.subscribe(told.extend)
    await first_delta(stream)
    threads = [threading.Thread(target=stream.cancel) for _ in range(1000)]
    for thread in threads:
        thread.start()
    async with asyncio.timeout(SOON):
        assert (await stream).outcome == "cancelled"
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert sum(isinstance(event, Finish) for event in told) == 1
    assert await client_left(server)


@pytest.mark.usefixtures("sender")
@pytest.mark.fault("K13", "EOF at the server while the loop is blocked")
async def test_cancel_from_a_thread_reaches_the_server_while_the_loop_is_blocked(server: DemoServer) -> None:
    """A blocked loop cannot close the connection, so the cancelling thread shuts the socket (K13)."""
    stream = sw.ChatClient(server.url).stream("x", "demo-stall")
    await first_delta(stream)
    thread = threading.Thread(target=stream.cancel)
    thread.start()
    thread.join()
    assert server.requests[0].left.wait(SOON)  # blocks the thread of this loop
    assert (await stream).outcome == "cancelled"


@pytest.mark.usefixtures("sender")
@pytest.mark.fault("K13", "on a new connection also before the response's headers")
async def test_cancel_from_a_thread_ends_a_wait_for_headers_while_the_loop_is_blocked(server: DemoServer) -> None:
    """A server that has not answered is left too, while the loop is blocked."""
    stream = sw.ChatClient(server.url).stream("x", "demo-silent")
    stream.start()
    await asyncio.to_thread(server.wait_for_requests)
    thread = threading.Thread(target=stream.cancel)
    thread.start()
    thread.join()
    assert server.requests[0].left.wait(SOON)  # blocks the thread of this loop
    assert (await stream).outcome == "cancelled"


@pytest.mark.usefixtures("sender")
@pytest.mark.usefixtures("drained")
async def test_a_cancel_that_comes_late_leaves_the_connections_next_stream_alone(server: DemoServer) -> None:
    """A reused connection belongs to its next stream. Cancelling the first, ended stream does not end it."""
    first = sw.ChatClient(server.url).stream("x")
    await first
    second = sw.ChatClient(server.url).stream("y", demo=PACED | {"tokens": 20})
    await first_delta(second)
    assert server.requests[0].connection == server.requests[1].connection
    assert first._work.exchange is not None
    first._work.exchange.shut()
    assert (await second).outcome == "complete"


async def test_starts_and_cancels_that_race_end_it_once(client: sw.ChatClient) -> None:
    """In any order there is one end, and nobody waits for ever."""
    for _ in range(100):
        stream = client.stream("x", "demo-silent")
        told: list[sw.StreamEvent] = []
        stream.subscribe(told.extend)
        thread = threading.Thread(target=stream.cancel)
        thread.start()
        async with asyncio.timeout(SOON):
            assert (await stream).outcome == "cancelled"
        thread.join()
        assert told == [Finish(None, "cancelled")]


#: What a person may do with a stream whose loop was closed. Each returns its outcome.
LOOKS: dict[str, Callable[[sw.ChatStream], object]] = {
    "completion": lambda stream: stream.completion.outcome,
    "wait": lambda stream: stream.wait().outcome,
    "repr": lambda stream: "cancelled" if ": cancelled, " in repr(stream) else repr(stream),
    "over": lambda stream: "cancelled" if stream.over and not stream.pending_limit else "runs",
    "cancel": lambda stream: (stream.cancel(), stream.cancel(), stream.completion.outcome)[-1],
    "await": lambda stream: asyncio.run(stream._result()).outcome,
    "events": lambda stream: asyncio.run(events_of(stream))[-1].outcome,  # type: ignore[union-attr]
    "timeline": lambda stream: stream.over and stream.timeline.outcome,
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("cancelled", [False, True], ids=["running", "just cancelled"])
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.fault("K29", "it is over, its text is kept, its connection is closed, and the next stream is whole")
def test_a_loop_that_is_closed_in_mid_stream(server: DemoServer, look: str, cancelled: bool) -> None:
    """No step of its task will come. Nobody says so, and whoever looks sees that it is over."""
    client = sw.ChatClient(server.url)
    stream = client.stream("x", "demo-stall")
    ends: list[sw.StreamEvent] = []
    stream.subscribe(lambda events: ends.extend(event for event in events if isinstance(event, Finish)))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(first_delta(stream))
    if cancelled:
        stream.cancel()
    loop.close()
    assert LOOKS[look](stream) == "cancelled"
    assert (len(ends), bool(stream.completion.text)) == (1, True)
    assert cancelled or "because its event loop was closed" in stream.completion._repr_mimebundle_()["text/plain"]
    assert server.requests[0].left.wait(SOON)
    assert client.stream("later").wait().outcome == "complete"
    stream._task._task._log_destroy_pending = False  # type: ignore[union-attr]  # or asyncio complains of this loop
    del stream
    gc.collect()  # now, so that no other test meets asyncio's warning of the open socket
