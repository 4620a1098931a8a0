"""A body is judged by what it is. Its label, its framing and its chunks change nothing."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwidget._client.parser import MalformedStream, StreamParser
from streamwidget._core.accumulator import Accumulator
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._dialects.dialect import MalformedItem, ServerReportedError
from tests.support.servers import sse

pytestmark = pytest.mark.fault("N33", "the same answer, or its first characters")

CHUNKS: list[dict[str, Any]] = [
    {"choices": [{"delta": {"content": "Hi "}}]},
    {"choices": [{"delta": {"content": "there"}}]},
    {"choices": [{"delta": {}, "finish_reason": "stop"}]},
]
WHOLE = {"choices": [{"message": {"role": "assistant", "content": "Hi there"}, "finish_reason": "stop"}]}
EVENTS = sse(*CHUNKS, b"data: [DONE]\n\n")
LINES = [json.dumps(chunk).encode() for chunk in CHUNKS]
REPLY = json.dumps(WHOLE).encode()
BODIES = {
    "events": EVENTS,
    "no space": EVENTS.replace(b"data: ", b"data:"),
    "CRLF": EVENTS.replace(b"\n", b"\r\n"),
    "CR": EVENTS.replace(b"\n", b"\r"),
    "one newline": EVENTS.replace(b"\n\n", b"\n"),
    "data: data:": EVENTS.replace(b"data: ", b"data: data: "),
    "BOM": b"\xef\xbb\xbf" + EVENTS,
    "a comment first": b": OPENROUTER PROCESSING\n\n" + EVENTS,
    "names": EVENTS.replace(b"data: {", b"event: message\ndata: {"),
    "retry first": b"retry: 100\n\n" + EVENTS,
    "blank lines first": b"\n\n\n" + EVENTS,
    "keep-alives": sse(CHUNKS[0], b"data: keep-alive\n\n", *CHUNKS[1:], b"data: [HEARTBEAT]\n\ndata: [DONE]\n\n"),
    "an array in an event": b"data: [" + b",".join(LINES) + b"]\n\ndata: [DONE]\n\n",
    "quoted done": EVENTS.replace(b"[DONE]", b'"[DONE]"'),
    "small done": EVENTS.replace(b"[DONE]", b"[done]"),
    "lines": b"\n".join(LINES) + b"\n",
    "lines, no last newline": b"\n".join(LINES),
    "lines, CRLF": b"\r\n".join(LINES) + b"\r\n",
    "JSON in a row": b"".join(LINES),
    "text sequence": b"".join(b"\x1e" + line + b"\n" for line in LINES),
    "an array of chunks": b"[" + b",\n".join(LINES) + b"]",
    "whole": REPLY,
    "whole, indented": json.dumps(WHOLE, indent=2).encode(),
    "whole, BOM": b"\xef\xbb\xbf" + REPLY,
    "whole in a list": b"[" + REPLY + b"]",
    "whole in a text": json.dumps(REPLY.decode()).encode(),
    "whole in a wrapper": json.dumps({"code": 0, "data": WHOLE}).encode(),
}
LABELS = ["text/event-stream", "application/json", "text/html", "text/plain", "application/x-ndjson", "garbage", ""]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(BODIES)), st.sampled_from(LABELS), st.lists(st.integers(0, 400), max_size=6))
def test_any_label_gives_the_same_answer(name: str, label: str, cuts: list[int]) -> None:
    """Also in any chunks."""
    body = BODIES[name]
    accumulator = Accumulator()
    parser = StreamParser(ChatCompletions(), accumulator, media_type=label)
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    for start, end in pairwise(places):
        parser.feed(body[start:end])
    outcome, _ = parser.close(clean=True)
    assert (accumulator.text, outcome) == ("Hi there", "complete")


UNREADABLE = [
    "Service is warming up, zebra",
    "<a>zebra</a>",
    "<html><body>zebra, please log in</body></html>",
    "a,b\nzebra,2\n",
    '{"hello": "zebra"}',
    '["zebra"]',
    '"zebra"',
    "name: zebra\nage: 2\n",
    "zebra\nzebra\nzebra\n",
    "# HELP zebra\nx 1\n",
    "42 zebra",
    '{"choices": "zebra"}',
]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("body", UNREADABLE)
@pytest.mark.parametrize("pieces", [1, 2])
def test_what_cannot_be_read_is_shown_from_its_beginning(body: str, label: str, pieces: int) -> None:
    """It is no reason to ask again, because the same would come."""
    parser = StreamParser(ChatCompletions(), Accumulator(), media_type=label)
    data = body.encode()
    half = len(data) // pieces
    with pytest.raises((MalformedStream, MalformedItem, ServerReportedError)) as caught:
        for part in (data[:half], data[half:]):
            parser.feed(part)
        parser.close(clean=True)
    assert "zebra" in f"{caught.value}: {parser.last_words}"


def test_a_list_of_chunks_that_breaks_off_is_cut() -> None:
    """Without a finish reason nothing says that it is whole."""
    parser = StreamParser(ChatCompletions(), Accumulator())
    parser.feed(b"[" + b",".join(LINES[:2]) + b"]")
    assert parser.close(clean=True)[0] == "interrupted"
