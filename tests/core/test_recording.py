"""Recordings: the content of the file, and a replay that is like the original."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

import streamwidget as sw
from streamwidget._core.recording import (
    ChunkReceived,
    RequestFailed,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    harmless,
)
from streamwidget._core.recording_file import from_jsonl, to_jsonl
from streamwidget._core.secrets import NO_SECRETS
from streamwidget._sources import as_stream
from streamwidget.demo import DemoServer
from tests.support.json_edits import edits
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


def comparable(events: list[sw.StreamEvent]) -> tuple[dict[tuple[type, int], str], list[sw.StreamEvent]]:
    """Return each text as a whole, and the other events in order.

    With a key, the last letter of a delta may come with the next one. A replay waits before a retry as long as the
    stream did, not as long as the event announced.
    """
    texts: dict[tuple[type, int], str] = {}
    others: list[sw.StreamEvent] = []
    for event in events:
        if isinstance(event, sw.TextDelta | sw.ReasoningDelta | sw.RefusalDelta):
            texts[type(event), event.index] = texts.get((type(event), event.index), "") + event.text
        elif not isinstance(event, sw.Retry):
            others.append(event)
    return texts, others


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
    assert comparable(again) == comparable(told)
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
        {"Content-Type": "text/event-stream", "Set-Cookie": "a=b", "Authorization": "Bearer x", "x-org": "o"},
        NO_SECRETS,
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


def whole() -> sw.Recording:
    """Return a recording with a record of each kind."""
    recording = recording_of(b"data: x\n\n", b"\xff")
    error = sw.ErrorInfo("No connection.", code=-1, kind="connect", retry_after=2.0)
    recording.records += [recording.records[0], RequestFailed(0.5, error, retryable=True)]
    return recording


LINES = [json.loads(line) for line in to_jsonl(whole()).splitlines()]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=edits(LINES))
@pytest.mark.fault("K22", "it loads to sane values, or is refused in words")
def test_any_value_in_a_recording_is_sane_or_refused(text: str) -> None:
    """Whatever stands in place of whichever value. What was loaded can be played and written again."""
    try:
        lines = [json.dumps(line) for line in json.loads(text)]
    except (ValueError, TypeError, RecursionError):
        lines = [text]  # it is then refused below, too
    try:
        recording = from_jsonl("\n".join(lines), "x")
    except sw.ConfigurationError as refused:
        assert str(refused).startswith("x")  # noqa: PT017  (it may load, too)
        assert len(str(refused)) < 400  # noqa: PT017
        return
    for record in recording.records:
        assert 0 <= record.at <= 1e9
        for part in record.headers.items() if isinstance(record, RequestSent | ResponseStarted) else ():
            assert all(type(text) is str for text in part)
    assert from_jsonl(to_jsonl(recording), "x").attempts == recording.attempts
    if recording.outcome is not None and recording.attempts:
        try:
            sw.replay(recording, speed=1e6)
        except sw.ConfigurationError as refused:
            assert "unknown dialect" in str(refused)  # noqa: PT017


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('"at": 0.1', '"at": 1e999', "line 3, .*at is inf"),
        ('"at": 0.1', '"at": 1e300', "line 3, .*at is 1e"),
        ('"at": 0.1', '"at": 2e9', "line 3, .*at is 2000000000"),
        ('"at": 0.1', '"at": -1', "line 3, .*at is -1"),
        ('"at": 0.1', '"at": 1' + "0" * 400, "line 3, .*at is 1000"),
        ('"status": 200', '"status": true', "line 3, .*response, status is True"),
        ('"status": 200', '"status": 7', "line 3, .*response, status is 7"),
        ('"text/event-stream"', '["text/event-stream"]', "line 3, .*response, headers.content-type is a list"),
        ('"headers": {}', '"headers": {"a": 1}', "line 2, .*request, headers.a is 1"),
        ('"body": {"stream": true}', '"body": ' + "[" * 90_000 + "]" * 90_000, "line 2, .*nested too deeply"),
        ('"stall": 30', '"stall": "30"', "line 1, .*limits, stall is '30'"),
        ('"stall": 30', '"stall": 1' + "0" * 400, "line 1, .*limits, stall is 1000"),
        ('"streamed": true', '"streamed": "yes"', "line 1, .*streamed is 'yes'"),
        ('"model": "m"', '"model": 5', "line 1, .*model is 5"),
        ('"retryable": true', '"retryable": 1', "line 8, .*retryable is 1"),
    ],
)
@pytest.mark.fault("K22", "the message names the place")
def test_the_place_of_a_wrong_value_is_named(old: str, new: str, place: str) -> None:
    """The file, the line, and the field within it."""
    text = to_jsonl(whole())
    assert old in text
    with pytest.raises(sw.ConfigurationError, match=f"^x, {place}"):
        from_jsonl(text.replace(old, new, 1), "x")


def test_an_infinite_limit_survives_the_file() -> None:
    """A limit may be infinite, and such a recording is ours."""
    recording = sw.Recording("m", sw.Timeout(stall=float("inf")))
    assert from_jsonl(to_jsonl(recording), "x").limits.stall == float("inf")


def test_half_a_character_survives_the_file(tmp_path: Path) -> None:
    """UTF-8 does not have it, but JSON can escape it."""
    recording = recording_of()
    recording.records[0] = RequestSent(0.0, "POST", "http://h/v1", {}, '{"model": "\\ud83d"}')
    recording.save(tmp_path / "half.jsonl")
    text = to_jsonl(sw.Recording.load(tmp_path / "half.jsonl"))
    assert "\\ud83d" in text


def test_a_recording_that_is_not_text_is_refused_in_words(tmp_path: Path) -> None:
    """A picture, for example."""
    (tmp_path / "a.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(sw.ConfigurationError, match=r"a\.png is not a recording.*not UTF-8"):
        sw.Recording.load(tmp_path / "a.png")


class Unwritable(sw.Recording):
    """Its file cannot be made."""

    failure: Exception

    def save(self, path: str | Path) -> None:
        del path
        raise self.failure


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), ValueError("surrogates"), MemoryError()])
@pytest.mark.fault("K20", "a warning, the text, and the recording in memory")
async def test_a_file_that_fails_at_the_end_ends_nothing(demo: DemoServer, tmp_path: Path, failure: Exception) -> None:
    """Readers get their end, whatever fails, and even if warnings are errors (``python -W error``)."""
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 3})
    recording = stream.record(tmp_path / "file.jsonl")
    recording.__class__, recording.failure = Unwritable, failure  # type: ignore[attr-defined]
    events = [event async for event in stream]
    assert isinstance(events[-1], sw.Finish)
    assert stream.completion.outcome == recording.outcome == "complete"
    recording.__class__ = sw.Recording
    recording.save(tmp_path / "later.jsonl")
    assert (await sw.replay(tmp_path / "later.jsonl")).text == stream.completion.text


@pytest.mark.parametrize("from_call", [1, 4])
@pytest.mark.fault("K20", "an observer that raises gives a warning")
async def test_an_observer_that_raises_ends_nothing(demo: DemoServer, tmp_path: Path, from_call: int) -> None:
    """One warning. The answer, the other observers and the file are whole."""
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 3})
    recording = stream.record(tmp_path / "file.jsonl")
    calls = []

    def broken() -> None:
        calls.append(1)
        if len(calls) >= from_call:
            raise ValueError("mine")

    recording.observe(broken)
    counts: list[int] = []
    recording.observe(lambda: counts.append(len(recording.records)))
    with pytest.warns(RuntimeWarning, match="observer of a recording raised") as warned:
        assert (await stream).outcome == "complete"
    assert [warning.category for warning in warned].count(RuntimeWarning) == 1
    assert len(calls) == from_call
    assert counts[-1] == len(recording.records)
    assert sw.Recording.load(tmp_path / "file.jsonl").outcome == "complete"


async def test_a_recordings_file_is_in_the_folder_of_the_call(
    demo: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the working folder changes before the end."""
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 3})
    stream.record("file.jsonl")
    monkeypatch.chdir(tmp_path / "other")
    await stream
    assert sw.Recording.load(tmp_path / "file.jsonl").outcome == "complete"
    assert list((tmp_path / "other").iterdir()) == []


async def test_readers_get_the_end_before_the_file_is_written(demo: DemoServer, tmp_path: Path) -> None:
    """A disk may be slow. When ``await`` returns, the file is there."""
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 3})
    path = tmp_path / "file.jsonl"
    recording = stream.record(path)
    seen: list[bool] = []
    stream.subscribe(
        lambda events: seen.append("outcome" in path.read_text("utf-8")) if isinstance(events[-1], sw.Finish) else None
    )
    assert (await stream).outcome == recording.outcome == "complete"
    assert seen == [False]
    assert sw.Recording.load(path).outcome == "complete"
