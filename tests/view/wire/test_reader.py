"""The wire explained: the event of each byte, and the characters that each event made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._view.wire.reader import WireEvent, WireReader
from tests.support.vectors import Vector, cut, load_vectors

VECTORS = load_vectors("chat")
SSE = load_vectors("sse")
HELLO = b'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\ndata: {"choices":[{"delta":{"content":"lo"}}]}\n\n'


def read(chunks: list[bytes], *, clean: bool = True, streamed: bool = True) -> tuple[list[WireEvent], str]:
    """Return the events of a body in these chunks, and their text."""
    reader = WireReader(ChatCompletions(), streamed=streamed)
    events: list[WireEvent] = []
    for number, chunk in enumerate(chunks):
        events += reader.feed(chunk, float(number))
    events += reader.close(float(len(chunks)), clean=clean)
    return events, reader.text


def is_stream(vector: Vector) -> bool:
    """Leave out errors, whole replies, and compressed bodies: the transport decompresses those first."""
    http = vector.http or {}
    headers = http.get("headers", {})
    plain = "json" not in str(headers.get("content-type", "")) and "content-encoding" not in headers
    return http.get("status", 200) == 200 and plain


@pytest.mark.parametrize("vector", [v for v in VECTORS if is_stream(v)], ids=lambda vector: vector.id)
def test_each_character_of_the_answer_has_its_event(vector: Vector) -> None:
    """For every vector the ranges join without a hole to the text of the stream."""
    events, text = read(list(vector.chunks), clean=vector.clean)
    assert text == vector.expect.get("text", text)
    place = 0
    for event in events:
        assert event.start == place
        assert event.end >= event.start
        place = event.end
    assert place == len(text)


@pytest.mark.parametrize("vector", [*VECTORS, *SSE], ids=lambda vector: vector.id)
def test_no_byte_is_left_out(vector: Vector) -> None:
    """The blocks join to the body, however it was cut into chunks."""
    whole, _ = read([vector.body], clean=vector.clean)
    assert b"".join(event.data for event in whole) == vector.body
    single, _ = read([vector.body[place : place + 1] for place in range(len(vector.body))], clean=vector.clean)
    assert b"".join(event.data for event in single) == vector.body


@given(st.sampled_from([v for v in VECTORS if is_stream(v)]), st.lists(st.integers(0, 4000), max_size=8))
def test_chunks_change_nothing_but_the_cuts(vector: Vector, points: list[int]) -> None:
    """The chunks of a body change nothing in its events but their cuts."""
    once, text = read([vector.body], clean=vector.clean)
    again, same = read(cut(vector.body, points), clean=vector.clean)
    assert text == same
    # A CR at the end of a chunk ends its line immediately. An LF after it is shown with the next line.
    assert [(e.kind, e.start, e.end) for e in once] == [(e.kind, e.start, e.end) for e in again]


def test_a_cut_is_where_a_chunk_ended() -> None:
    """It is counted in bytes from the beginning of its event."""
    events, _ = read([HELLO[:10], HELLO[10:60], HELLO[60:]])
    first = len(events[0].data)
    assert events[0].cuts == (10,)
    assert events[1].cuts == (60 - first, len(HELLO) - first)


def test_each_event_has_the_time_of_the_chunk_that_completed_it() -> None:
    """An event in three chunks has the time of the third one."""
    events, _ = read([HELLO[:10], HELLO[10:20], HELLO[20:]])
    assert [event.at for event in events] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (HELLO[:49], "data"),
        (b": ping\n\n", "comment"),
        (b"data: [DONE]\n\n", "done"),
        (b"retry: 100\n\n", "other"),
        (b"\n", "other"),
        (b'data: {"error": {"message": "no"}}\n\n', "error"),
    ],
)
def test_each_event_says_what_it_is(body: bytes, kind: str) -> None:
    """With the words of the standard and of the dialect."""
    events, _ = read([body])
    assert [event.kind for event in events] == [kind]


def test_a_body_that_is_not_a_stream_is_one_event() -> None:
    """A whole reply made the whole answer. An error made nothing."""
    reply = b'{"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}'
    events, text = read([reply[:9], reply[9:]], streamed=False)
    assert [(e.kind, e.start, e.end, e.data) for e in events] == [("reply", 0, 5, reply)]
    assert text == "Hello"
    assert [e.kind for e in read([b'{"error": {"message": "no"}}'], streamed=False)[0]] == ["error"]


def test_bytes_after_an_error_are_shown_and_not_read() -> None:
    """The stream itself stops reading at the error."""
    events, text = read([b'data: {"error": {"message": "no"}}\n\n', HELLO])
    assert [event.kind for event in events] == ["error", "data", "data"]
    assert text == ""
