"""Thoughts whose beginning was not marked: the page, the saved answer, the next request and the wire have their end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.events import Lost, ParsedEvent
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._saved.answer import mimebundle
from streamwidget._view.feed import AnswerFeed
from streamwidget._view.presentation import Presentation
from streamwidget._view.transcript import Transcript, state_of
from streamwidget._view.wire.reader import WireReader

PIECES = ["\nTwo ", "rivers", ".", "\n</thi", "nk>", "\n\n", "The ", "Rhine."]
TEXTS = ("text", "reasoning")
pytestmark = pytest.mark.fault("N38", "the live answer is moved, and everything that follows has it so")


@pytest.mark.parametrize("lost", [None, 2, 6])
@pytest.mark.parametrize("every", [1, 2, 3, 5, 100])
def test_the_page_ends_with_what_is_saved(every: int, lost: int | None) -> None:
    """The messages add up to the state. Where text moves, the page needs the state and gets it."""
    events: list[ParsedEvent] = [sw.TextDelta(piece) for piece in PIECES]
    if lost is not None:
        events.insert(lost, Lost())
    accumulator, transcript = Accumulator(), Transcript()
    page, moves = dict.fromkeys(TEXTS, ""), 0
    for number, event in enumerate(events, 1):
        for published in accumulator.take([event]):
            transcript.add(published)
        if number % every == 0 or number == len(events):
            seq = transcript.seq
            messages = transcript.flush(None)
            state = transcript.snapshot(accumulator.snapshot())
            if transcript.moved:
                assert state["seq"] > seq  # or a page would take a message that it has not got
                page, moves = {name: state[name] for name in TEXTS}, moves + 1
            else:
                for message in messages:
                    page["text" if message["op"] == "delta" else message["op"]] += message["text"]
            assert page == {name: state[name] for name in TEXTS}
    saved = state_of(accumulator.snapshot())
    assert (page, moves) == ({name: saved[name] for name in TEXTS}, 1)
    assert ("missing" in page["text"], "missing" in page["reasoning"]) == (lost == 6, lost == 2)


def test_the_feed_sends_the_state_and_goes_on() -> None:
    """The page has the thoughts as text, then in the fold. The deltas after that are the answer's."""

    async def model(_: Any) -> AsyncIterator[str]:
        for piece in PIECES:
            yield piece
            await asyncio.sleep(0.12)  # longer than what is joined into one message

    async def follow() -> tuple[list[dict[str, Any]], sw.ChatCompletion]:
        stream = sw.Conversation().ask("Name a river.", model)
        messages: list[dict[str, Any]] = []
        feed = AnswerFeed(messages.append, lambda: None, Presentation())
        feed.follow(stream)
        completion = await stream
        await feed.sent()
        return messages, completion

    messages, completion = asyncio.run(follow())
    seen = [message for message in messages if message["op"] in ("snapshot", "delta")]
    assert [message["seq"] for message in messages] == sorted({message["seq"] for message in messages})
    assert seen[0]["text"].lstrip().startswith("Two")
    assert seen[-1]["op"] == "delta"
    moved = next(message for message in seen if message["op"] == "snapshot" and message["reasoning"])
    assert (moved["reasoning"], moved["text"]) == ("Two rivers.", "")
    assert (completion.reasoning, completion.text) == ("Two rivers.", "The Rhine.")


def test_the_saved_answer_and_the_next_request_have_the_answer_alone() -> None:
    """The thoughts are folded, and they are not sent again as what the model said."""
    asked: list[list[Any]] = []

    def model(messages: list[Any]) -> list[str]:
        asked.append([message["content"] for message in messages])
        return PIECES

    conversation = sw.Conversation()
    stream = conversation.ask("Name a river.", model)
    completion = stream.wait()
    conversation.ask("And a lake.", model).wait()
    assert asked[-1] == ["Name a river.", "The Rhine.", "And a lake."]
    bundle = mimebundle(completion)
    assert re.search("<summary[^>]*>Thought", bundle["text/html"])
    assert "think" not in "".join(bundle.values())
    assert stream.timeline.characters == max(arrival.characters for arrival in stream.timeline.arrivals) == 10


def test_the_wire_view_shows_what_came() -> None:
    """Its text only grows, because each event has its place in it."""
    reader = WireReader(ChatCompletions())
    wire = [b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % piece for piece in (b"hm", b"</think>", b"Rhine")]
    events = [event for at, data in enumerate(wire) for event in reader.feed(data, float(at))]
    assert [reader.text[event.start : event.end] for event in events] == ["hm", "</think>", "Rhine"]
