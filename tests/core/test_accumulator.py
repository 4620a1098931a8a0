"""The accumulator owns the text: whole characters, linear cost, no loss."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ErrorInfo, Timing, ToolCall
from streamwidget._core.events import (
    Finish,
    Identity,
    ReasoningDelta,
    RefusalDelta,
    Retry,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from tests.support.cpu import cpu

HIGH, LOW = "\ud83d", "\ude00"
UNITS = st.text(st.sampled_from(["a", "é", "\U0001f600", "\u200d", HIGH, LOW, "\ufffd"]), max_size=5)


def joined(parts: list[str]) -> str:
    """Join pairs and replace the rest, in another way than the accumulator does."""
    units = "".join(parts).encode("utf-16-le", "surrogatepass")
    return units.decode("utf-16-le", "replace")


@given(st.lists(UNITS, max_size=8), st.sampled_from([TextDelta, ReasoningDelta, RefusalDelta]))
def test_published_deltas_join_to_the_text(parts: list[str], kind: type[TextDelta]) -> None:
    """Deltas cut anywhere, even within a character, join to the whole text. Each one can be encoded alone."""
    accumulator = Accumulator()
    published = [event for part in parts if (event := accumulator.apply(kind(part)))] + accumulator.flush()
    texts = [event.text for event in published if isinstance(event, kind)]
    for text in texts:
        assert text.encode()
    field = {TextDelta: "text", ReasoningDelta: "reasoning", RefusalDelta: "refusal"}[kind]
    assert "".join(texts) == getattr(accumulator, field) == joined(parts)
    assert accumulator.delta_count == len(texts)


@given(st.text(max_size=20), st.data())
@pytest.mark.fault("D1", "the halves are joined, wherever they are split")
def test_text_cut_between_utf16_units_is_joined(text: str, data: st.DataObject) -> None:
    """A JavaScript server cuts text by UTF-16 units. The text comes out whole."""
    units = text.encode("utf-16-le")
    points = sorted(data.draw(st.lists(st.integers(0, len(units) // 2), max_size=6)))
    edges = [0, *points, len(units) // 2]
    accumulator = Accumulator()
    for start, end in pairwise(edges):
        accumulator.apply(TextDelta(units[2 * start : 2 * end].decode("utf-16-le", "surrogatepass")))
    accumulator.flush()
    assert accumulator.text == text
    assert accumulator.length == len(text)


def test_half_character_waits_for_its_own_choice() -> None:
    """Halves of each choice and kind wait separately. Only choice 0 is the text."""
    accumulator = Accumulator()
    assert accumulator.apply(TextDelta("a" + HIGH)) == TextDelta("a")
    assert accumulator.apply(TextDelta("b", 1)) == TextDelta("b", 1)
    assert accumulator.apply(ReasoningDelta("c")) == ReasoningDelta("c")
    assert accumulator.apply(TextDelta(LOW)) == TextDelta("\U0001f600")
    assert accumulator.text == "a\U0001f600"
    assert accumulator.flush() == []


def test_flush_returns_the_halves_that_waited() -> None:
    """A half without its other half becomes U+FFFD at the end, once."""
    accumulator = Accumulator()
    assert accumulator.apply(TextDelta(HIGH)) is None
    assert accumulator.text == ""
    assert accumulator.flush() == [
        TextDelta("\ufffd"),
        StreamWarning("unreadable_characters", "1 character could not be read (\ufffd)"),
    ]
    assert accumulator.flush() == []
    assert accumulator.text == "\ufffd"


def test_another_choice_does_not_take_back_the_end() -> None:
    """Choice 0 was cut at its limit. The text of choice 1 that comes later does not make it whole."""
    accumulator = Accumulator()
    accumulator.take([TextDelta("Hi"), Finish("length", "length")])
    accumulator.take([TextDelta("Hello", 1)])
    assert accumulator.finish == Finish("length", "length")
    assert accumulator.finish_reason == "length"
    accumulator.take([TextDelta(" again")])
    assert accumulator.finish is None
    assert accumulator.finish_reason is None


def test_empty_deltas_are_not_published() -> None:
    """An empty delta is not a first delta."""
    accumulator = Accumulator()
    assert accumulator.apply(TextDelta("")) is None
    assert accumulator.apply(ReasoningDelta("")) is None
    assert accumulator.apply(ToolCallDelta(0, None, None, "")) is None
    assert accumulator.delta_count == 0


def test_warnings_are_published_once_for_each_code() -> None:
    """The first warning of a code is published. Later ones replace its detail and keep its position."""
    accumulator = Accumulator()
    assert accumulator.apply(StreamWarning("a", "1")) == StreamWarning("a", "1")
    accumulator.apply(StreamWarning("b", "1"))
    assert accumulator.apply(StreamWarning("a", "2")) is None
    assert accumulator.warnings == (StreamWarning("a", "2"), StreamWarning("b", "1"))


def test_snapshot_holds_all_that_came() -> None:
    """A snapshot merges the accumulator's values with the caller's. The caller's override."""
    accumulator = Accumulator()
    for event in [
        Identity("m", "id"),
        Identity("later", "later"),
        TextDelta("Hel"),
        TextDelta("lo"),
        ToolCallDelta(1, "b", "g", "{"),
        ToolCallDelta(0, "a", "f", "{}"),
        ToolCallDelta(1, None, None, "}"),
        Usage(1, 2, 3),
        Usage(total_tokens=4),
        Finish("length", "length"),
    ]:
        accumulator.apply(event)
    snapshot = accumulator.snapshot(outcome="error", error=ErrorInfo("x"), timing=Timing(deltas=5), request_id="header")
    assert (snapshot.text, snapshot.model, snapshot.request_id) == ("Hello", "m", "header")
    assert snapshot.tool_calls == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}"))
    assert (snapshot.usage, snapshot.finish_reason) == (Usage(total_tokens=4), "length")
    assert (snapshot.outcome, snapshot.error, snapshot.timing.deltas) == ("error", ErrorInfo("x"), 5)
    assert accumulator.delta_count == 5


def test_retry_passes_through() -> None:
    """An event that is not part of the answer is published unchanged."""
    event = Retry(2, 0.5, "429")
    assert Accumulator().apply(event) is event


@pytest.mark.parametrize("readers", [3])
def test_readers_of_other_threads_lose_nothing(readers: int) -> None:
    """Threads that read a growing text see a beginning of it. The writer's text stays whole."""
    accumulator = Accumulator()
    parts = [f"{i} " for i in range(20_000)]
    whole = "".join(parts)
    over = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not over.is_set():
            text = accumulator.text
            if not whole.startswith(text):
                wrong.append(text)

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for part in parts:
        accumulator.apply(TextDelta(part))
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert accumulator.text == whole
    assert accumulator.length == len(whole)


def by_scanning(events: list[ToolCallDelta]) -> list[tuple[str | None, str]]:
    """The rules for the fragments of tool calls, by looking at each call. It is slow."""
    calls: list[tuple[int, list[str | None], list[str]]] = []
    for event in events:
        found = None
        for call in reversed(calls):
            if event.index is None:
                same = call[1][0] == event.id if event.id else not event.name
            else:
                same = call[0] == event.index
                if same and event.id and call[1][0] and call[1][0] != event.id:
                    break
            if same:
                found = call
                break
        if found is None:
            index = event.index if event.index is not None else max((call[0] for call in calls), default=-1) + 1
            found = (index, [None], [])
            calls.append(found)
        found[1][0] = found[1][0] or event.id
        found[2].append(event.arguments)
    return [(call[1][0], "".join(call[2])) for call in sorted(calls, key=lambda call: call[0])]


FRAGMENTS = st.builds(
    ToolCallDelta,
    st.none() | st.integers(0, 3),
    st.none() | st.sampled_from(["a", "b", "c"]),
    st.none() | st.just("f"),
    st.sampled_from(["x", "y", "z"]),
)


@given(st.lists(FRAGMENTS, max_size=20))
def test_fragments_find_their_call(events: list[ToolCallDelta]) -> None:
    """With and without an index and an id, in any order."""
    accumulator = Accumulator()
    for event in events:
        accumulator.apply(event)
    assert [(call.id, call.arguments) for call in accumulator.tool_calls] == by_scanning(events)


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_many_tool_calls_take_linear_time(numbered: bool, named: bool) -> None:
    """Ten times the calls take about ten times as long, and not a hundred times."""

    def cost(count: int) -> float:
        events = [
            ToolCallDelta(number if numbered else None, f"id{number}" if named else None, "f", "{}")
            for number in range(count)
        ]

        def apply() -> None:
            accumulator = Accumulator()
            for event in [*events, *events]:
                accumulator.apply(event)

        return cpu(apply)

    assert cost(30_000) < 40 * max(cost(3_000), 0.002)
