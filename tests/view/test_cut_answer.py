"""Which saved answers offer Continue."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

import streamwidget as sw
from streamwidget._sources import as_stream
from streamwidget._view.cut_answer import can_go_on
from streamwidget.demo import DemoServer


@pytest.mark.parametrize(
    ("model", "is_offered"),
    [("demo-endless", True), ("demo-cut", True), ("demo-length", True), ("demo", False), ("demo-401", False)],
    ids=["stopped", "connection lost", "token limit", "complete", "no answer"],
)
async def test_a_cut_answer_with_text_can_go_on(server: DemoServer, model: str, is_offered: bool) -> None:
    """A stopped one too. Without text there is nothing to go on with."""
    stream = sw.ChatClient(server.url).stream("count to 30", model)
    with contextlib.suppress(sw.StreamError):
        async for event in stream:
            if model == "demo-endless" and isinstance(event, sw.TextDelta):
                stream.cancel()
    assert can_go_on(stream) is is_offered


async def test_a_source_cannot_be_asked_again() -> None:
    def breaks() -> Iterator[str]:
        yield "Begun"
        raise ConnectionError

    stream = as_stream(breaks())
    with pytest.raises(sw.SourceError):
        await stream
    assert stream.completion.text == "Begun"
    assert not can_go_on(stream)
