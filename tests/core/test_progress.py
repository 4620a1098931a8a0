"""The times of a stream: they count from the moment when its request left."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.events import TextWasReasoning
from streamwidget._core.progress import Progress
from streamwidget.demo import DemoServer


def begun_at(time: float, monkeypatch: pytest.MonkeyPatch) -> tuple[list[float], Any, Progress]:
    """Return a clock that the test sets, and the work and the progress of a stream that begins now."""
    now = [time]
    monkeypatch.setattr("streamwidget._core.progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    work: Any = SimpleNamespace(
        accumulator=Accumulator(), left_at=None, model=None, cost=sw.Cost(), sent=(), reused_from=None
    )
    work.request_id, work.demo, work.mark = None, False, ""
    progress = Progress(work)
    progress.begin()
    return now, work, progress


@pytest.mark.parametrize(("left_at", "first", "total"), [(107.0, 1.0, 3.0), (None, 8.0, 10.0)])
def test_what_a_process_does_before_its_request_does_not_count(
    monkeypatch: pytest.MonkeyPatch, left_at: float | None, first: float, total: float
) -> None:
    """The stream begins at 100, its first delta comes at 108, its end at 110. Nobody knows when a foreign one left."""
    now, work, progress = begun_at(100.0, monkeypatch)
    now[0], work.left_at = 108.0, left_at
    progress.note([work.accumulator.apply(sw.TextDelta("a"))])
    now[0] = 110.0
    progress.end("complete", None)
    timing = progress.completion.timing
    assert (timing.first_delta, timing.total) == (first, total)
    assert progress.elapsed == total


THINKING: dict[str, tuple[list[sw.StreamEvent], float | None]] = {
    "a second for each": ([sw.ReasoningDelta("a"), sw.ReasoningDelta("b"), sw.TextDelta("c"), sw.TextDelta("d")], 2),
    "a tool call ends it": ([sw.ReasoningDelta("a"), sw.ToolCallDelta(0, "1", "f", "")], 1),
    "only the first time counts": ([sw.ReasoningDelta("a"), sw.TextDelta("b"), sw.ReasoningDelta("c")], 1),
    "the end counts too": ([sw.TextDelta("a"), sw.ReasoningDelta("b"), sw.ReasoningDelta("c")], 2),
    "thoughts that came as text": ([sw.TextDelta("a"), sw.TextDelta("b"), TextWasReasoning(), sw.TextDelta("c")], 2),
    "none": ([sw.TextDelta("a"), sw.TextDelta("b")], None),
}


@pytest.mark.parametrize("name", THINKING)
def test_the_time_of_the_reasoning(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """One event a second, and then the end."""
    events, expected = THINKING[name]
    now, work, progress = begun_at(100.0, monkeypatch)
    for event in events:
        now[0] += 1
        work.accumulator.apply(event)
        progress.note([event])
    now[0] += 1
    progress.end("complete", None)
    assert progress.completion.timing.reasoning == expected


async def test_the_first_of_several_attempts_counts(server: DemoServer) -> None:
    """The person waits for the others too. A stream that has not begun has not left."""
    stream = sw.ChatClient(server.url, retry=sw.RetryPolicy(wait_initial=0.05)).stream("x", "demo-503")
    attempts: Any = stream._work
    assert attempts.left_at is None
    seen: list[float] = []
    stream.subscribe(lambda _: seen.append(attempts.left_at))
    with pytest.raises(sw.HTTPStatusError):
        await stream
    assert len(server.requests) > 1
    assert len(set(seen)) == 1


async def test_a_failure_shows_the_persons_frames_and_keeps_ours_apart() -> None:
    """The same failure is raised each time with the frames of that await alone. ``%chat --traceback`` shows ours."""
    stream = sw.ChatClient().stream("hi", "demo-401")
    shown = []
    for _ in range(2):
        with pytest.raises(sw.HTTPStatusError) as caught:
            await stream
        shown.append([Path(frame.filename).name for frame in traceback.extract_tb(caught.value.__traceback__)])
    assert shown == [["test_progress.py", "stream.py", "progress.py"]] * 2
    assert "exchange.py" in {Path(frame.filename).name for frame in traceback.extract_tb(caught.value.raised_at)}
