"""Text as it may come: odd framing and odd characters, over a real socket, to the last code point."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._client.parser import StreamParser
from streamwidget._core.accumulator import Accumulator
from streamwidget._dialects.chat_completions import ChatCompletions
from tests.support.chat_kernels import ChatKernel
from tests.support.servers import RawServer, events_of, response, sse

STOP: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
DONE = b"data: [DONE]\n\n"


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields}]}


async def answer_of(body: bytes, *, pieces: int = 0) -> sw.ChatCompletion:
    """Return the answer from a response's body, sent whole or in pieces of so many bytes, each its own segment."""
    head, whole = response(b""), body

    def send(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head)
        for start in range(0, len(whole), pieces or len(whole)):
            connection.sendall(whole[start : start + (pieces or len(whole))])
            if pieces:
                time.sleep(0.0005)  # the reader gets a turn between two segments

    with RawServer(send) as server:
        stream = sw.ChatClient(server.url, retry=sw.RetryPolicy(attempts=1)).stream("x")
        await events_of(stream)
    return stream.completion


def framed(end: str) -> bytes:
    """Return a stream with everything allowed by the standard. ``end`` ends its lines."""
    begin, rest = '{"choices":[{"index":0,', '"delta":{"content":"one\u2028two "}}]}'
    second = '{"choices":[{"index":0,"delta":{"content":"drei\x85 ünd"}}]}'
    lines = [
        "\ufeff: a comment first",
        "event: message",
        f"data: {begin}",
        f"data:{rest}",
        "id: 1",
        "",
        ": ping",
        "",
        "retry: 10",
        "unknown: field",
        f"data: {second}",
        "",
        "",
        f"data:{json.dumps(STOP)}",
        "",
        "data: [DONE]",
        "",
        "",
    ]
    return end.join(lines).encode()


@pytest.mark.fault("N28", "over a socket, in any pieces: the same text")
@pytest.mark.parametrize("pieces", [0, 1, 7])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_framing_of_any_kind_gives_the_same_text(end: str, pieces: int, seen: Callable[[str], None]) -> None:
    """BOM, comments, named events, data on many lines, ids, U+2028 and NEL in the text, with LF, CRLF and CR."""
    completion = await answer_of(framed(end), pieces=pieces)
    assert (completion.outcome, completion.text) == ("complete", "one\u2028two drei\x85 ünd")
    assert not completion.warnings
    seen(f"complete with {end!r}")


@pytest.mark.fault("D7", "no exception; the text of choice 0 is whole")
async def test_deltas_without_text_are_no_text(seen: Callable[[str], None]) -> None:
    """Empty choices, only a role, null and empty content, no delta at all, a second choice."""
    odd: list[Any] = [
        {"choices": []},
        {"choices": None},
        {},
        delta(role="assistant"),
        delta(role="assistant", content=None),
        delta(content=""),
        delta(),
        {"choices": [{"index": 0}]},
        {"choices": [{"index": 0, "delta": None}]},
        {"choices": [{"index": 1, "delta": {"content": "the other"}}, {"index": 0, "delta": {"content": "b"}}]},
        delta(content=None, tool_calls=None, refusal=None, reasoning_content=None),
    ]
    completion = await answer_of(sse("a", *odd, "c", STOP, DONE))
    assert (completion.outcome, completion.text) == ("complete", "abc")
    seen(f"complete, {completion.text!r} of {len(odd)} odd chunks")


CLUSTERS = [
    "👩‍👩‍👧‍👦",
    "🏳️‍🌈",
    "e\u0301",
    "ก็",
    "🇨🇭",
    "👍🏽",
    "a",
    " ",
    "\n",
    "देवनागरी",
    "\U0001f3f4\U000e0067\U000e0062\U000e007f",
    "ﷺ",
]


@pytest.mark.fault("D5", "the final text is equal, wherever a chunk or a read cuts it")
@given(st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=12), st.data())
def test_joined_characters_survive_every_cut(clusters: list[str], data: st.DataObject) -> None:
    """Cut between code points into deltas, and the bytes of those cut anywhere into reads."""
    text = "".join(clusters)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    body = b"".join(
        b"data: " + json.dumps(delta(content=piece), ensure_ascii=False).encode() + b"\n\n" for piece in pieces
    )
    reads = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    accumulator = Accumulator()
    parser = StreamParser(ChatCompletions(), accumulator)
    for a, b in zip([0, *reads], [*reads, len(body)], strict=True):
        parser.feed(body[a:b])
    parser.close(clean=True)  # white space at the beginning waits for what follows it
    assert accumulator.text == text


@pytest.mark.kernel
@pytest.mark.fault("D2", "U+FFFD in kernel, page and saved answer; no exception")
@pytest.mark.parametrize("chat", ["latest"], indirect=True)
def test_half_a_character_is_replaced_all_the_way(chat: ChatKernel, seen: Callable[[str], None]) -> None:
    """Lone halves at the start, in the middle and at the end. A pair split over two deltas is joined."""
    body = sse("\udc00a", "b\ud83d", "\ude00c\ud800", "d", STOP, DONE)
    expected = "\ufffdab😀c\ufffdd"
    with RawServer(response(body)) as server:
        chat.execute(f"%config ChatMagics.base_url = {server.url!r}")
        cell = chat.execute("%%chat\nhalf a character")
        assert cell.status == "ok"
        assert chat.value("_chat.text") == expected
        assert chat.view(cell).replay() == expected
        assert expected in cell.text
    seen(f"{expected} in all three")
