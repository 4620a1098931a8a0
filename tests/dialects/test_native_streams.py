"""Streams of the providers' own APIs, written after their documentation: each is read right from the wire and as items.

``tests/data/native_streams.json`` holds one stream a line, with what a person must get of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._client.parser import StreamParser
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import missing
from tests.support.native import NATIVE, Server, respond

STREAMS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/native_streams.json").read_text("utf-8"))
streams = pytest.mark.parametrize("name", STREAMS)
#: A source without any text is a failure there, because perhaps its text is where nobody looks.
EMPTY = ("google empty",)
with_text = pytest.mark.parametrize("name", [name for name in STREAMS if name not in EMPTY])


async def ended(stream: sw.ChatStream) -> tuple[sw.ChatCompletion, sw.StreamError | None]:
    try:
        return await stream, None
    except sw.StreamError as failure:
        return failure.completion, failure


def check(expect: dict[str, Any], completion: sw.ChatCompletion) -> None:
    """Compare what a person gets, and all of it."""
    texts = {name: getattr(completion, name) for name in ("text", "reasoning", "refusal")}
    assert texts == {name: expect.get(name, "") for name in texts}
    assert completion.outcome == expect["outcome"]
    assert [[call.name, call.arguments] for call in completion.tool_calls] == expect.get("calls", [])
    assert len(completion.gaps) == expect.get("gaps", 0)
    for name, count in expect.get("usage", {}).items():
        assert getattr(completion.usage, name) == count, name
    error = completion.error.message if completion.error else ""
    results = " ".join(result.text for result in completion.tool_results)
    calls = " ".join(f"{call.name} {call.arguments}" for call in completion.tool_calls)
    seen = " ".join([missing(completion), error, completion.finish_reason or "", results, calls])
    for words in expect.get("says", []):
        assert words in seen
    if "warnings" in expect:
        assert completion.warnings == ()


@streams
async def test_our_own_client_reads_it(name: str) -> None:
    """Text, reasoning, calls, end, usage and warnings. What the provider wants back is kept."""
    stream = STREAMS[name]
    native, expect = NATIVE[stream["provider"]], stream["expect"]
    server = Server([respond(native, stream["items"])])
    client = server.client(native.provider)
    client.retry = sw.RetryPolicy(attempts=1)
    completion, failure = await ended(client.stream("One?"))
    check(expect, completion)
    if "retryable" in expect:
        assert failure is not None
        assert failure.retryable
    if "goes_back" in expect:
        assert completion.original is not None
        assert expect["goes_back"] in json.dumps(completion.original.parts)


def as_source(name: str) -> dict[str, Any]:
    """Return what is expected of a source. It has no connection that can be named."""
    expect = {**STREAMS[name]["expect"]}
    if "The connection" in "".join(expect.get("says", [])):
        expect["says"] = ["The source ended"]
    return expect


@with_text
async def test_the_items_of_a_source_are_read_the_same(name: str) -> None:
    """A function that gives the decoded items is as good as the wire."""
    completion, _ = await ended(sw.Conversation().ask("One?", lambda _: iter(STREAMS[name]["items"])))
    check(as_source(name), completion)


@with_text
async def test_the_bytes_of_a_source_are_read_the_same(name: str) -> None:
    """Nobody says which API they are of. Their chunks end anywhere."""
    stream = STREAMS[name]
    body = NATIVE[stream["provider"]].write(stream["items"])
    chunks = [body[start : start + 97] for start in range(0, len(body), 97)]
    completion, _ = await ended(sw.Conversation().ask("One?", lambda _: iter(chunks)))
    check(as_source(name), completion)


@streams
@pytest.mark.parametrize("clean", [True, False])
def test_a_cut_before_the_end_is_a_cut(name: str, *, clean: bool) -> None:
    """After each event and in the middle of each, up to the word for the end. Nothing of it goes back as whole."""
    stream = STREAMS[name]
    native, items = NATIVE[stream["provider"]], stream["items"]
    for place, item in enumerate(items):
        before, whole = native.write(items[:place]), native.write([item])
        half = b"" if _ends(item) else whole[: len(whole) // 2]
        for body in (before, before + half):
            accumulator = Accumulator()
            parser = StreamParser(native.dialect, accumulator, media_type=native.media_type)
            parser.feed(body)
            outcome, _ = parser.close(clean=clean)
            assert outcome == "interrupted"
            assert accumulator.snapshot().original is None
        if _ends(item):
            return


def _ends(item: dict[str, Any]) -> bool:
    """Whether an item has one of the APIs' words for the end."""
    words = ("stop_reason", "finishReason", "done_reason", "blockReason")
    whole, kind = json.dumps(item), item.get("type", "")
    if any(f'"{word}": "' in whole for word in words) or item.get("done") is True or "error" in item or kind == "error":
        return True
    return "response" in item and kind.endswith((".completed", ".incomplete", ".failed", ".cancelled"))
