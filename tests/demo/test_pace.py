"""The demo server's pace: when a delta leaves, and how the bytes are cut."""

from __future__ import annotations

import gzip
import random

import pytest

from streamwidget.demo import DemoServer
from tests.demo.wire import ask, body_of, deltas_of, events_of, raw_connection, raw_post, read_until
from tests.support.deadlines import SOON


def test_pace_is_never_faster_than_asked(server: DemoServer) -> None:
    """Delta i is not sent before first_delta + i / rate. Each delta is one HTTP chunk."""
    demo = {"tokens": 40, "tokens_per_second": 400, "first_delta": 0.05}
    sock = raw_connection(server, raw_post(body_of(demo=demo)))
    data = read_until(sock, b"0\r\n\r\n")
    (record,) = server.requests
    assert record.over.wait(SOON)
    assert record.first_delta is not None
    assert record.ended is not None
    assert record.first_delta - record.received >= 0.05
    assert record.ended - record.received >= 0.05 + 39 / 400
    assert data.count(b"\r\ndata: ") == data.count(b"data: ") - data.count(b"\n\ndata: ") == 40 + 3


def test_jitter_delays_deltas_and_changes_none(server: DemoServer) -> None:
    """With jitter each delta is late by a random time. The times are the same in each answer, and the text stays."""
    demo = {"tokens": 40, "jitter": 0.2}
    jittered = ask(server, demo=demo).read()
    (record,) = server.requests
    assert record.over.wait(SOON)
    assert record.ended is not None
    chance = random.Random(0)
    assert record.ended - record.received >= max(chance.uniform(0, 0.2) for _ in range(40))
    assert deltas_of(events_of(jittered)) == deltas_of(events_of(ask(server, demo={"tokens": 40}).read()))


@pytest.mark.parametrize("size", [1, 7, 200])
@pytest.mark.parametrize("fault", ["", "gzip"])
def test_a_chunk_size_cuts_the_stream_elsewhere(server: DemoServer, size: int, fault: str) -> None:
    """Each HTTP chunk except the last has exactly the requested size, and the bytes are the same."""
    demo = {"tokens": 40, "chunk": size, "fault": fault}
    sock = raw_connection(server, raw_post(body_of(demo=demo)))
    data = read_until(sock, b"0\r\n\r\n").partition(b"\r\n\r\n")[2]
    chunks: list[bytes] = []
    while (length := int(data.partition(b"\r\n")[0], 16)) > 0:
        data = data.partition(b"\r\n")[2]
        chunks.append(data[:length])
        data = data[length + 2 :]
    assert {len(chunk) for chunk in chunks[:-1]} == {size}
    assert 0 < len(chunks[-1]) <= size
    body = b"".join(chunks)
    assert deltas_of(events_of(gzip.decompress(body) if fault else body)) == deltas_of(
        events_of(ask(server, demo={"tokens": 40}).read())
    )


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_a_pace_that_cannot_be_is_refused(value: float) -> None:
    """It raises ValueError at once."""
    with pytest.raises(ValueError, match="tokens_per_second"):
        DemoServer(tokens_per_second=value)
