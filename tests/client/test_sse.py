"""SSEDecoder follows the WHATWG standard, at any cut of the bytes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget._client.sse import EventTooLarge, ServerSentEvent, SSEDecoder
from tests.support.vectors import Vector, cut, load_vectors

VECTORS = load_vectors("sse")
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.id)

# Bytes that often contain everything the decoder looks for.
PIECES = st.sampled_from(
    [
        *(b"data", b"data:", b"data: x", b"id: 7", b"event: e", b"retry: 12", b": comment", b":", b" "),
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb", b"\xf0\x9f\x98\x80", b"\xff", b"\0"),
    ]
)
STREAMS = st.lists(PIECES, max_size=40).map(b"".join)


def decode(chunks: Iterable[bytes]) -> tuple[list[ServerSentEvent], SSEDecoder]:
    decoder = SSEDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)], decoder


def check(vector: Vector, chunks: Iterable[bytes]) -> None:
    events, decoder = decode(chunks)
    assert [event._asdict() for event in events] == vector.expect["events"]
    if "pending_at_eof" in vector.expect:
        assert (decoder.close() is not None) == vector.expect["pending_at_eof"]


def test_all_sse_vectors_are_there() -> None:
    """The data file is whole."""
    assert len(VECTORS) == 30


@each_vector
def test_vector_as_delivered_and_whole(vector: Vector) -> None:
    """A stream gives its events in the original reads, and in one read."""
    check(vector, vector.chunks)
    check(vector, [vector.body])


@each_vector
def test_vector_byte_by_byte(vector: Vector) -> None:
    """A stream gives the same events one byte at a time, with empty reads between."""
    check(vector, [piece for i in range(len(vector.body)) for piece in (vector.body[i : i + 1], b"")])


@each_vector
@pytest.mark.fault("N28", "the same events at every split point")
def test_vector_at_every_split_point(vector: Vector) -> None:
    """A stream gives the same events when it is cut in two anywhere."""
    for point in range(len(vector.body) + 1):
        check(vector, cut(vector.body, [point]))


@each_vector
@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
@pytest.mark.fault("N28", "the same events with LF, CR and CRLF")
def test_line_ends_are_equal(vector: Vector, end: bytes) -> None:
    """CR and CRLF mean the same as LF."""
    if b"\r" not in vector.body:
        body = vector.body.replace(b"\n", end)
        for point in range(len(body) + 1):
            check(vector, cut(body, [point]))


@given(STREAMS, st.lists(st.integers(0, 200), max_size=12))
def test_any_cut_of_any_stream_gives_the_same(body: bytes, points: list[int]) -> None:
    """Events, retry, id and the pending block depend only on the bytes. Reading line by line gives the same."""
    whole, one = decode([body])
    pieces, many = decode(cut(body, points))
    assert pieces == whole == plain_reading(body)
    assert many.close() == one.close()


def plain_reading(body: bytes) -> list[ServerSentEvent]:
    """Decode by the words of the standard, slowly."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    events, data, name, last_id = [], [], "", ""
    *lines, _ = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append(ServerSentEvent(name or "message", "\n".join(data), last_id))
            data, name = [], ""
        elif field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last_id = value
    return events


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_random_bytes_never_raise(body: bytes, points: list[int]) -> None:
    """Any bytes give an event or nothing."""
    _, decoder = decode(cut(body, points))
    decoder.close()


def test_close_returns_the_block_that_the_end_cut_off() -> None:
    """The unfinished line counts as a line of the pending block. The id of that block is not used."""
    decoder = SSEDecoder()
    assert decoder.feed(b"id: 1\nevent: e\ndata: a\ndata: b") == []
    assert decoder.close() == ServerSentEvent("e", "a\nb", "1")
    assert decoder.close() is None


@pytest.mark.parametrize("size", [7, 16, 4096])
@given(st.lists(st.integers(0, 120), max_size=12))
def test_cap_holds_however_the_bytes_are_cut(size: int, points: list[int]) -> None:
    """A block with exactly the cap's bytes of data passes. One more byte raises, after the earlier events."""
    small = b"data:x\n\n: note\n\n"
    block = b"data:" + b"y" * (size - 5)
    decoder = SSEDecoder(size)
    assert len([e for chunk in cut(small + block + b"\n\n" + small, points) for e in decoder.feed(chunk)]) == 3

    decoder, events = SSEDecoder(size), []
    with pytest.raises(EventTooLarge) as caught:
        for chunk in cut(small + block + b"y\n\n" + small, points):
            events += decoder.feed(chunk)
    assert [event.data for event in events + caught.value.events] == ["x"]


def test_cap_counts_the_lines_of_one_event_together() -> None:
    """Many short data lines without a blank line reach the cap too. Comments do not count."""
    decoder = SSEDecoder(1000)
    for _ in range(1000):
        decoder.feed(b": comment\n")
    with pytest.raises(EventTooLarge):
        for _ in range(1000):
            decoder.feed(b"data: x\n")


def test_line_without_end_has_bounded_memory() -> None:
    """An endless line costs about the cap, not all that the server sends."""
    decoder = SSEDecoder(2**20)
    chunk = b"x" * 2**14
    tracemalloc.start()
    try:
        with pytest.raises(EventTooLarge):
            for _ in range(2**12):
                decoder.feed(chunk)
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**20
    finally:
        tracemalloc.stop()


def test_large_event_in_small_reads_is_whole() -> None:
    """An event of 10 MB in reads of 1 KB is one event. Scanning the pending bytes again would take minutes."""
    body = b"data: " + b"z" * (10 * 2**20) + b"\n\n"
    decoder = SSEDecoder()
    events = [event for i in range(0, len(body), 1024) for event in decoder.feed(body[i : i + 1024])]
    assert [len(event.data) for event in events] == [10 * 2**20]
