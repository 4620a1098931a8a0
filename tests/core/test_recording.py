"""Recordings: the content of the file, and a replay that is like the original."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

import streamwidget as sw
from streamwidget._core.recording import (
    ChunkReceived,
    RequestFailed,
    RequestSent,
    ResponseEnded,
    harmless,
)
from streamwidget._core.recording_file import from_jsonl, to_jsonl
from streamwidget._sources import as_stream
from streamwidget.demo import DemoServer
from tests.support.recordings import CANARY, LIGHT_FAULTS, LIMITS, recording_of
from tests.support.vectors import Vector, load_vectors


async def result(stream: sw.ChatStream) -> tuple[list[sw.StreamEvent], sw.ChatCompletion]:
    """Return all events and the completion, for any outcome."""
    told: list[sw.StreamEvent] = []
    stream.subscribe(told.extend)
    try:
        return told, await stream
    except sw.StreamError as exc:
        return told, exc.completion


@pytest.mark.parametrize("fault", LIGHT_FAULTS)
async def test_a_recording_plays_again(demo: DemoServer, tmp_path: Path, fault: str) -> None:
    """From the file alone, the same events come in order with the same end, for every fault of the demo server."""
    client = sw.ChatClient(demo.url, CANARY, timeout=LIMITS, retry=sw.RetryPolicy(wait_initial=0.01))
    options = {"tokens": 20, "tokens_per_second": 500, "first_delta": 0.01, "times": 1, "retry_after": "0"}
    options["key"] = f"record{fault}"
    stream = client.stream("x", "demo" + (fault and f"-{fault}"), demo=options)
    path = tmp_path / "stream.jsonl"
    stream.record(path)
    told, completion = await result(stream)
    again, replayed = await result(sw.replay(path))
    # The replay waits before a retry as long as the stream did, not as long as the event announced.
    played = [event for event in again if not isinstance(event, sw.Retry)]
    assert played == [event for event in told if not isinstance(event, sw.Retry)]
    assert [event.reason for event in again if isinstance(event, sw.Retry)] == [
        event.reason for event in told if isinstance(event, sw.Retry)
    ]
    for name in ("text", "reasoning", "refusal", "tool_calls", "finish_reason", "outcome", "usage", "warnings", "demo"):
        assert getattr(replayed, name) == getattr(completion, name)
    assert CANARY not in path.read_text("utf-8")


@pytest.mark.parametrize("vector", load_vectors("chat"), ids=lambda vector: vector.id)
async def test_every_vector_survives_the_file(vector: Vector) -> None:
    """The bytes and the chunks come back exactly, whatever they are."""
    recording = recording_of(*vector.chunks)
    text = to_jsonl(recording)
    assert from_jsonl(text, "x").records == recording.records
    assert to_jsonl(from_jsonl(text, "x")) == text


async def test_a_stopped_stream_is_stopped_again(demo: DemoServer) -> None:
    """The Stop is part of the recording."""
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 500, "tokens_per_second": 200})
    recording = stream.record()
    async for event in stream:
        if isinstance(event, sw.TextDelta) and len(stream.completion.text) > 20:
            stream.cancel()
    assert stream.completion.outcome == "cancelled"
    replayed = await sw.replay(recording, speed=2)
    assert (replayed.outcome, replayed.text) == ("cancelled", stream.completion.text)


async def test_the_times_are_kept(demo: DemoServer) -> None:
    """At half the speed it takes longer than at four times the speed. Both have their pauses at the same events."""
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 30, "tokens_per_second": 100})
    recording = stream.record()
    await stream
    slow, fast = sw.replay(recording, speed=0.5), sw.replay(recording, speed=4)
    await slow
    await fast
    assert slow.elapsed > recording.ended_at > fast.elapsed


class VirtualClock(asyncio.SelectorEventLoop):
    """An event loop that never sleeps. When it has nothing to do, its clock jumps to the next timer."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@pytest.mark.parametrize("speed", [0.25, 1, 8])
def test_each_event_comes_at_its_time(monkeypatch: pytest.MonkeyPatch, speed: float) -> None:
    """Each time is divided by the speed exactly. The clock has no disturbance."""
    recording = recording_of()
    chunk = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
    times = [0.3, 0.31, 2.5, 2.5, 9.875]
    end = [ChunkReceived(10.0, b"data: [DONE]\n\n"), ResponseEnded(10.0, "whole")]
    recording.records[2:] = [*(ChunkReceived(at, chunk) for at in times), *end]
    seen: list[float] = []
    with asyncio.Runner(loop_factory=VirtualClock) as runner:
        loop = runner.get_loop()
        monkeypatch.setattr(time, "monotonic", loop.time)

        async def play() -> None:
            stream = sw.replay(recording, speed)
            stream.subscribe(
                lambda events: seen.extend(stream.elapsed for event in events if isinstance(event, sw.TextDelta))
            )
            await stream

        runner.run(play())
    assert seen == pytest.approx([at / speed for at in times])


def test_no_key_is_in_the_file() -> None:
    """Neither the key, even if a chunk cuts it, nor text in an error that looks like a key. No byte moves."""
    line = f'data: {{"choices":[{{"delta":{{"content":"{CANARY}"}}}}]}}\n\n'.encode()
    error = b'data: {"error": {"message": "wrong key sk-abcd****************wxyz"}}\n\n'
    chunks = [line[:45], line[45:], error]
    text = to_jsonl(recording_of(*chunks, key=CANARY))
    assert CANARY not in text
    assert "wxyz" not in text
    kept = [record.data for record in from_jsonl(text, "x").records if isinstance(record, ChunkReceived)]
    assert list(map(len, kept)) == list(map(len, chunks))


def test_stars_in_an_answer_stay() -> None:
    """Markdown is not a half-masked key."""
    chunk = b'data: {"choices":[{"delta":{"content":"***bold***"}}]}\n\n'
    assert "***bold***" in to_jsonl(recording_of(chunk))


async def test_the_request_is_recorded_as_it_was_sent(demo: DemoServer) -> None:
    """The headers of our client are there, and a sign that there was a key."""
    stream = sw.ChatClient(demo.url, CANARY).stream("x", demo={"tokens": 1})
    sent = stream.record().records
    await stream
    assert isinstance(sent[0], RequestSent)
    headers = {name.lower(): value for name, value in sent[0].headers.items()}
    assert headers.pop("authorization") == "(left out)"
    assert headers == {name: demo.requests[0].headers[name] for name in ("accept", "accept-encoding", "content-type")}


def test_private_headers_are_left_out() -> None:
    """Only headers are kept that cannot reveal a person, an account or a key."""
    kept = harmless(
        {"Content-Type": "text/event-stream", "Set-Cookie": "a=b", "Authorization": "Bearer x", "x-org": "o"}
    )
    assert kept == {
        "Content-Type": "text/event-stream",
        "Set-Cookie": "(left out)",
        "Authorization": "(left out)",
        "x-org": "(left out)",
    }


async def test_a_stream_that_runs_cannot_be_recorded(demo: DemoServer) -> None:
    """Half a recording would replay a stream that never existed."""
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 3})
    stream.start()
    with pytest.raises(RuntimeError, match="before"):
        stream.record()
    await stream


async def test_a_recording_is_no_reader(demo: DemoServer) -> None:
    """Leaving the only loop over a recorded stream ends it, as without the recording."""
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 500, "tokens_per_second": 50})
    recording = stream.record()
    events = stream.__aiter__()
    await anext(events)
    await events.aclose()
    assert stream.completion.outcome == recording.outcome == "cancelled"


async def test_a_file_that_can_be_written_no_more_ends_nothing(demo: DemoServer, tmp_path: Path) -> None:
    """A full disk loses the file, but neither the answer nor the recording."""
    (tmp_path / "gone").mkdir()
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 3})
    recording = stream.record(tmp_path / "gone" / "stream.jsonl")
    (tmp_path / "gone" / "stream.jsonl").unlink()
    (tmp_path / "gone").rmdir()
    with pytest.warns(RuntimeWarning, match="could not be written"):
        assert (await stream).outcome == "complete"
    recording.save(tmp_path / "stream.jsonl")
    assert sw.Recording.load(tmp_path / "stream.jsonl").outcome == "complete"


def test_what_cannot_be_recorded_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """A stream of another library, or one that never starts, does not overwrite a lesson."""
    path = tmp_path / "lesson.jsonl"
    path.write_text("precious")
    with pytest.raises(sw.ConfigurationError):
        as_stream(iter(["a"])).record(path)
    sw.ChatClient("http://127.0.0.1:9/v1").stream("x").record(path)
    assert path.read_text() == "precious"


def test_a_replay_is_not_asked_again() -> None:
    """So no view offers Retry. The error says what to do instead."""
    stream = sw.replay(recording_of())
    assert not stream.repeatable
    with pytest.raises(sw.ConfigurationError, match="call replay"):
        stream.again()


async def test_a_file_that_cannot_be_written_raises_at_once(demo: DemoServer, tmp_path: Path) -> None:
    """The error comes before anything is sent, not after the answer."""
    stream = sw.ChatClient(demo.url).stream("x")
    with pytest.raises(OSError, match="nowhere"):
        stream.record(tmp_path / "nowhere" / "file.jsonl")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a recording"),
        ("{}", "not a recording"),
        ("[1]", "not a recording"),
        ('{"streamwidget_recording": 9}', "version 9"),
        ('{"streamwidget_recording": 1}\nnot json', "line 2"),
        ('{"streamwidget_recording": 1}\n{"at": 0, "chunk": 5}', "line 2"),
        ('{"streamwidget_recording": 1}\n{"at": 0, "chunk": "x"}\n{"chunk": "x"}', "line 3"),
        ('{"streamwidget_recording": 1, "limits": {"stall": -1}}', "line 1"),
    ],
)
def test_anything_but_a_recording_is_rejected(tmp_path: Path, text: str, says: str) -> None:
    """The error has the file's name and the line."""
    path = tmp_path / "some.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(sw.ConfigurationError, match=says) as caught:
        sw.replay(path)
    assert "some.jsonl" in str(caught.value)


def test_a_recording_that_has_not_ended_is_not_played() -> None:
    """Nobody knows how it would end."""
    recording = recording_of()
    recording.outcome = None
    with pytest.raises(sw.ConfigurationError, match="ended"):
        sw.replay(recording)


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_is_a_positive_number(speed: float) -> None:
    """Other values are rejected."""
    with pytest.raises(sw.ConfigurationError, match="speed"):
        sw.replay(recording_of(), speed=speed)


def test_a_failure_survives_the_file() -> None:
    """All fields of the error come back."""
    recording = recording_of()
    failed = RequestFailed(0.5, sw.ErrorInfo("No connection.", kind="connect", retry_after=2.0), retryable=True)
    recording.records.append(failed)
    assert from_jsonl(to_jsonl(recording), "x").records[-1] == failed


def test_the_file_is_lines_of_json() -> None:
    """The first line has the version. Each other line has a time."""
    head, *lines = map(json.loads, to_jsonl(recording_of(b"data: x\xff\n\n")).splitlines())
    assert head["streamwidget_recording"] == 1
    assert all("at" in line for line in lines)
