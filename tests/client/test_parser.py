"""From bytes to published events: the JSON of an event, and the policy at the end of a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamwidget._client.items import decode_reply
from streamwidget._client.parser import MalformedStream, StreamParser
from streamwidget._client.sse import EventTooLarge
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.events import Finish, TextDelta, Usage
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._dialects.dialect import Dialect, MalformedItem, ServerReportedError
from tests.support.cpu import cpu

DIALECT: Dialect = ChatCompletions()


def choice(delta: Any, **rest: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, **rest}]}


def data(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


@pytest.mark.parametrize("name", ["ping", "heartbeat"])
def test_liveness_events_bring_nothing(name: str) -> None:
    """A ping with any data is neither text nor malformed."""
    parser = StreamParser(DIALECT, accumulator := Accumulator())
    assert parser.feed(f"event: {name}\ndata: 2026-11-20\n\n".encode()) == []
    assert accumulator.warnings == ()


@pytest.mark.parametrize("text", ["{oops", "[1]", "7", '"x"', "1" * 5000, "[" * 100_000], ids=lambda text: text[:6])
def test_what_is_not_a_json_object_is_skipped_and_counted(text: str) -> None:
    """Broken JSON, other JSON, and JSON made to break a parser."""
    parser = StreamParser(DIALECT, accumulator := Accumulator())
    parser.feed(data(choice({"content": "a"})) + f"data: {text}\n\n".encode() + data(choice({"content": "b"})))
    assert accumulator.text == "ab"
    assert [warning.code for warning in accumulator.warnings] == ["bad_json"]


@pytest.mark.parametrize("sign", ["null", "0", "true", '""', ".", "[KEEP-ALIVE]", "still working"])
def test_signs_of_life_in_the_data_end_no_answer(sign: str) -> None:
    """However many come. Words that nobody knows are warned of."""
    parser = StreamParser(DIALECT, accumulator := Accumulator())
    event = f"data: {sign}\n\n".encode() * 5
    parser.feed(data(choice({"content": "a"})) + event + data(choice({"content": "b"})))
    assert accumulator.text == "ab"
    assert accumulator.gaps == ()
    assert bool(accumulator.warnings) == (sign == "still working")


def test_an_event_with_the_text_of_json_is_json() -> None:
    """A gateway wrote each chunk as a JSON string."""
    parser = StreamParser(DIALECT, accumulator := Accumulator())
    parser.feed(data(*(json.dumps(choice({"content": text})) for text in "ab"), "[DONE]"))
    assert (accumulator.text, parser.done) == ("ab", True)


@pytest.mark.parametrize("space", [" ", "\t", "\u00a0"])
def test_space_around_an_event_is_not_malformed(space: str) -> None:
    """Some servers put spaces around their JSON."""
    parser = StreamParser(DIALECT, accumulator := Accumulator())
    parser.feed(b"data: " + space.encode() + json.dumps(choice({"content": "a"})).encode() + b" \n\n")
    assert accumulator.text == "a"


@pytest.mark.parametrize(
    "body", ['{"error": {"message": "boom"}}', '{"message": "boom"}', "boom", '"boom"', " boom "], ids=repr
)
def test_an_event_named_error_is_an_error(body: str) -> None:
    """Its data is an error object, wrapped or bare, or plain text."""
    parser = StreamParser(DIALECT, Accumulator())
    with pytest.raises(ServerReportedError, match=r"^boom$"):
        parser.feed(f"event: error\ndata: {body}\n\n".encode())


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 100_000])
def test_a_reply_that_is_not_json_is_malformed(body: bytes) -> None:
    """What is not JSON is not taken for an empty answer."""
    with pytest.raises(MalformedItem):
        decode_reply(body)


def test_third_malformed_event_ends_the_stream() -> None:
    """Two are skipped and counted. At the third, the text before it is still published."""
    accumulator = Accumulator()
    parser = StreamParser(DIALECT, accumulator)
    bad = b"data: {oops\n\n"
    with pytest.raises(MalformedStream):
        parser.feed(data(choice({"content": "a"})) + bad * 2 + data(choice({"content": "b"})) + bad)
    assert [event for event in parser.events if isinstance(event, TextDelta)] == [TextDelta("a"), TextDelta("b")]
    (warning,) = accumulator.warnings
    assert warning.code == "bad_json"
    assert "3 events" in warning.detail


def test_text_before_an_error_in_the_same_read_is_published() -> None:
    """The events before a failure are in ``events`` and in the accumulator."""
    for failure, exception in [(b'data: {"error": "x"}\n\n', ServerReportedError), (b"y" * 100, EventTooLarge)]:
        accumulator = Accumulator()
        parser = StreamParser(DIALECT, accumulator, max_event_size=90)
        with pytest.raises(exception):
            parser.feed(data(choice({"content": "a"})) + failure)
        assert parser.events == [TextDelta("a")]
        assert accumulator.text == "a"


def test_too_large_after_done_is_ignored() -> None:
    """After [DONE] nothing counts, even in the same read."""
    parser = StreamParser(DIALECT, Accumulator(), max_event_size=50)
    assert parser.feed(b"data: [DONE]\n\n" + b"z" * 100) == []
    assert parser.done
    assert parser.feed(b"z" * 100) == []


def test_finish_is_remembered_not_published() -> None:
    """The stream publishes Finish once, last. Usage after it is still read."""
    parser = StreamParser(DIALECT, accumulator := Accumulator())
    events = parser.feed(data(choice({}, finish_reason="length"), {"choices": [], "usage": {"total_tokens": 3}}))
    assert events == [Usage(total_tokens=3)]
    assert parser.finish == Finish("length", "length")
    assert accumulator.finish_reason == "length"


def test_error_cut_off_by_the_end_is_reported() -> None:
    """An error object without its blank line is still an error."""
    parser = StreamParser(DIALECT, Accumulator())
    parser.feed(b'data: {"error": {"message": "boom"}}')
    with pytest.raises(ServerReportedError, match="boom"):
        parser.close(clean=True)


def test_another_choice_takes_back_no_end() -> None:
    """Two answers were asked for. The first one ended at its limit, and the second one went on."""
    parser = StreamParser(DIALECT, accumulator := Accumulator())
    other = {"choices": [{"index": 1, "delta": {"content": "Hello"}, "finish_reason": None}]}
    parser.feed(data(choice({"content": "Hi"}), choice({}, finish_reason="length"), other))
    assert parser.close(clean=True)[0] == "length"
    assert (accumulator.text, accumulator.finish_reason) == ("Hi", "length")


def test_many_values_in_one_body_take_linear_time() -> None:
    """Ten times the objects one behind the other take about ten times as long, and not a hundred times."""
    item = json.dumps(choice({"content": "word"})).encode()

    def read(count: int) -> None:
        parser = StreamParser(DIALECT, accumulator := Accumulator())
        parser.feed(item * count)
        parser.close(clean=True)
        assert accumulator.text == "word" * count

    assert cpu(lambda: read(20_000), 1) < 40 * max(cpu(lambda: read(2_000)), 0.005)
