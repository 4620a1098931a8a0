"""ChatStream: its readers and their events, its one end, and text that is kept."""

from __future__ import annotations

import asyncio
import warnings
from unittest.mock import Mock

import pytest

import streamwidget as sw
from streamwidget import Finish, TextDelta
from streamwidget._client.parser import StreamParser
from streamwidget.demo import DemoServer
from tests.support.deadlines import until_async
from tests.support.servers import PACED, QUICK, events_of, failure_of, first_delta


@pytest.fixture
def client(server: DemoServer) -> sw.ChatClient:
    return sw.ChatClient(server.url, retry=QUICK)


async def test_events_come_in_order_and_end_with_one_finish(client: sw.ChatClient) -> None:
    """The deltas join to the text, and Finish comes once, last."""
    stream = client.stream("x")
    events = await events_of(stream)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == stream.completion.text
    assert events.index(Finish("stop", "complete")) == len(events) - 1
    assert stream.completion.usage == next(event for event in events if isinstance(event, sw.Usage))
    assert stream.completion.timing.deltas == sum(isinstance(event, TextDelta) for event in events)


@pytest.mark.parametrize("fault", ["cut", "401", "html", "error"])
async def test_a_failure_ends_with_one_finish_and_is_raised(client: sw.ChatClient, fault: str) -> None:
    """A reader gets Finish with the outcome, and then the exception."""
    events: list[sw.StreamEvent] = []
    with pytest.raises(sw.StreamError) as caught:
        async for event in client.stream("x", f"demo-{fault}"):
            events.append(event)  # noqa: PERF401  (what came before the failure counts)
    assert (
        [event for event in events if isinstance(event, Finish)] == [Finish(None, caught.value.outcome)] == events[-1:]
    )


async def test_nothing_is_sent_before_it_is_read(server: DemoServer, client: sw.ChatClient) -> None:
    """Making a stream, looking at it and subscribing to it send nothing."""
    stream = client.stream("x")
    stream.subscribe(lambda _: None)
    assert (stream.completion.text, stream.completion.outcome, stream.elapsed) == ("", None, 0.0)
    await asyncio.sleep(0)
    assert "not started" in repr(stream)
    assert not server.requests
    await stream
    assert "complete" in repr(stream)


async def test_all_readers_get_all(server: DemoServer, client: sw.ChatClient) -> None:
    """Any number of readers share one request."""
    stream = client.stream("x", demo=PACED | {"tokens": 20})
    one, two, completion = await asyncio.gather(events_of(stream), events_of(stream), stream._result())
    assert one == two
    assert "".join(event.text for event in one if isinstance(event, TextDelta)) == completion.text
    assert len(server.requests) == 1


async def test_a_late_reader_gets_the_text_so_far_first(client: sw.ChatClient) -> None:
    """It comes as one delta. The later deltas join to the same text."""
    stream = client.stream("x", demo=PACED | {"tokens": 120})
    await first_delta(stream)
    await until_async(lambda: stream.completion.timing.deltas > 3)
    so_far = stream.completion.text
    assert stream.completion.outcome is None
    events = await events_of(stream)
    assert events[0] == TextDelta(so_far)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == stream.completion.text
    assert len(so_far) < len(stream.completion.text)


async def test_a_reader_after_the_end_gets_text_and_finish(client: sw.ChatClient) -> None:
    """It gets one delta and Finish. A failure is raised each time."""
    stream = client.stream("x")
    completion = await stream
    assert await events_of(stream) == [TextDelta(completion.text), Finish("stop", "complete")]
    assert await stream == completion
    failed = client.stream("x", "demo-cut")
    first = await failure_of(failed)
    assert await failure_of(failed) is first
    assert await events_of(failed) == [TextDelta(first.completion.text), Finish(None, "interrupted")]


def test_a_stream_that_is_over_can_be_read_on_another_loop(client: sw.ChatClient) -> None:
    """Its result is a value, on any loop."""
    stream = client.stream("x")
    completion = asyncio.run(stream._result())
    assert asyncio.run(stream._result()) == completion
    assert stream.wait() == completion


async def test_the_completion_is_a_snapshot(client: sw.ChatClient) -> None:
    """One taken in the middle has no outcome and does not change. A later one is longer."""
    stream = client.stream("x", demo=PACED | {"tokens": 30})
    seen = [stream.completion async for event in stream if isinstance(event, TextDelta)]
    lengths = [len(completion.text) for completion in seen]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]
    assert {completion.outcome for completion in seen[:-1]} == {None}


# ---- failures around it


@pytest.mark.fault("K9", "the stream goes on, one warning, dropped after 3")
async def test_a_subscriber_that_raises_gives_a_warning_and_is_dropped(client: sw.ChatClient) -> None:
    """It gives one warning, and is removed after the third time. The stream and the others go on (K9)."""
    calls: list[int] = []
    told: list[sw.StreamEvent] = []

    def broken(events: list[sw.StreamEvent]) -> None:
        calls.append(len(events))
        raise LookupError("oops")

    stream = client.stream("x", demo=PACED | {"tokens": 20})
    stream.subscribe(broken)
    stream.subscribe(told.extend)
    with pytest.warns(RuntimeWarning, match="oops") as caught:
        completion = await stream
    assert completion.outcome == "complete"
    assert [warning.category for warning in caught].count(RuntimeWarning) == 1
    assert len(calls) == 3
    assert "".join(event.text for event in told if isinstance(event, TextDelta)) == completion.text


async def test_a_subscriber_that_raises_harms_nothing_where_warnings_are_errors(client: sw.ChatClient) -> None:
    """``python -W error`` turns the warning into an exception. It must not end the stream."""
    stream = client.stream("x")
    stream.subscribe(lambda _: 1 / 0)  # type: ignore[arg-type,return-value]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (await stream).outcome == "complete"


async def test_a_fault_of_ours_still_ends_the_stream(client: sw.ChatClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug becomes a protocol_error with the bug as its cause. The text is kept."""
    monkeypatch.setattr(StreamParser, "close", Mock(side_effect=LookupError("a bug")))
    failure = await failure_of(client.stream("x", demo={"tokens": 3}))
    assert isinstance(failure, sw.ProtocolError)
    assert str(failure) == "streamwidget failed: LookupError. Please report it."
    assert isinstance(failure.__cause__, LookupError)
    assert failure.completion.text
