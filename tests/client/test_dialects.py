"""Our own client with the APIs of providers: one table of answers and faults for all of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamwidget._client.parser import MalformedStream, StreamParser
from streamwidget._client.retry import worth_retrying
from streamwidget._client.servers import SERVERS
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import TextDelta
from streamwidget._dialects.dialect import ServerReportedError
from streamwidget._view.wire.reader import WireReader
from tests.support.dialects import CALL, CALL_ID, Answer
from tests.support.native import CALLED, NATIVE, Native

ALL = Answer()
TEXT, THOUGHTS = "".join(ALL.texts), "".join(ALL.thoughts)
natives = pytest.mark.parametrize("native", NATIVE.values(), ids=NATIVE)


def read(native: Native, body: bytes, *, size: int = 0, clean: bool = True, whole: bool = False) -> ChatCompletion:
    """Read a body in chunks of this size, and end it."""
    accumulator = Accumulator()
    media_type = "application/json" if whole else native.media_type
    parser = StreamParser(native.dialect, accumulator, media_type=media_type)
    size = size or max(1, len(body))
    for start in range(0, len(body), size):
        parser.feed(body[start : start + size])
    outcome, _ = parser.close(clean=clean)
    return accumulator.snapshot(outcome=outcome)


@natives
@pytest.mark.parametrize("size", [0, 1, 7])
def test_an_answer_is_the_same_in_every_dialect(native: Native, size: int) -> None:
    """Text, reasoning, a call, the counts and the end, however the network cuts the bytes."""
    found = read(native, native.stream(ALL), size=size)
    assert (found.text, found.reasoning, found.outcome) == (TEXT, THOUGHTS, "complete")
    assert [(call.name, json.loads(call.arguments)) for call in found.tool_calls] == [(CALL, CALLED)]
    assert [call.id for call in found.tool_calls] == [CALL_ID if native.has_call_ids else None]
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens, found.usage.total_tokens) == (7, 5, 12)
    assert found.usage.reasoning_tokens in (None, 3)  # they are a part of the completion's
    assert found.model == "some-model"
    hidden = ["left_out"] if native.provider == "anthropic" else []  # a redacted thought is named
    assert [warning.code for warning in found.warnings] == hidden


@natives
def test_a_whole_reply_is_the_same_answer(native: Native) -> None:
    """``complete()`` gives what streams."""
    found = read(native, json.dumps(native.whole(ALL)).encode(), whole=True)
    assert (found.text, found.reasoning, found.outcome) == (TEXT, THOUGHTS, "complete")
    assert [(call.name, json.loads(call.arguments)) for call in found.tool_calls] == [(CALL, CALLED)]
    assert found.usage is not None
    assert found.usage.total_tokens == 12
    assert found.warnings == ()


@natives
@pytest.mark.parametrize(("end", "outcome"), [("length", "length"), ("filter", "filtered")])
def test_a_cut_answer_is_named(native: Native, end: str, outcome: str) -> None:
    """The provider's word decides the outcome."""
    assert read(native, native.stream(Answer(calls=False, thoughts=(), end=end))).outcome == outcome


@natives
@pytest.mark.parametrize("clean", [True, False])
def test_a_stream_that_ends_anywhere_is_interrupted(native: Native, *, clean: bool) -> None:
    """After every item, and within the items. It is never complete, and never an error in words of the answer."""
    items = native.items(ALL)
    last = next(place for place, item in enumerate(items) if _ends(item))
    before = native.write(items[:last])
    places = {len(native.write(items[:count])) for count in range(last + 1)} | set(range(30, len(before), 37))
    for place in sorted(places):
        found = read(native, before[:place], clean=clean)
        assert (place, found.outcome) == (place, "interrupted")
        assert TEXT.startswith(found.text.rstrip("\ufffd"))
        assert found.original is None


def _ends(item: Any) -> bool:
    words = ("stop_reason", "finishReason", "done_reason")
    whole = json.dumps(item)
    return any(f'"{word}": "' in whole for word in words) or item.get("type") == "response.completed"


@natives
def test_an_error_in_the_stream_keeps_the_text_and_may_pass(native: Native) -> None:
    """The server's words are the error, and the text before it stays."""
    items = native.items(Answer(thoughts=(), calls=False, end=None))
    accumulator = Accumulator()
    parser = StreamParser(native.dialect, accumulator, media_type=native.media_type)
    with pytest.raises(ServerReportedError) as told:
        parser.feed(native.write([*items, native.busy]))
    assert told.value.info.message == "Overloaded now."
    assert accumulator.text == TEXT
    if native.provider != "ollama-native":  # it has words alone
        assert worth_retrying(told.value.info)


@natives
def test_an_event_that_is_not_json_leaves_a_gap(native: Native) -> None:
    """The text goes on after it, and its place is marked. Three of them end the stream."""
    items = native.items(Answer(thoughts=(), calls=False))
    place = next(place for place, item in enumerate(items) if "Grüezi" in json.dumps(item, ensure_ascii=False)) + 1
    broken = b'{"cho\n' if native.media_type.endswith("ndjson") else b'data: {"cho\n\n'
    found = read(native, native.write(items[:place]) + broken + native.write(items[place:]))
    assert (found.text, found.outcome) == (TEXT, "complete")
    assert [gap.place for gap in found.gaps] == [len(ALL.texts[0])]
    assert [warning.code for warning in found.warnings] == ["bad_json"]
    with pytest.raises(MalformedStream):
        read(native, native.write(items[:place]) + 3 * broken)


@natives
def test_the_first_piece_is_there_at_once(native: Native) -> None:
    """No event waits for the next one. A line of JSON does where its label does not say that lines come."""
    parser = StreamParser(native.dialect, Accumulator(), media_type=native.media_type)
    items = native.items(Answer(thoughts=(), calls=False))
    place = next(place for place, item in enumerate(items) if "Grüezi" in json.dumps(item, ensure_ascii=False)) + 1
    assert [event.text for event in parser.feed(native.write(items[:place])) if isinstance(event, TextDelta)] == [
        ALL.texts[0]
    ]


@natives
def test_a_gateways_done_is_no_warning(native: Native) -> None:
    """Gateways write ``data: [DONE]`` after an API that has none."""
    if native.media_type == "text/event-stream":
        found = read(native, native.stream(Answer(thoughts=(), calls=False)) + b"data: [DONE]\n\n")
        assert (found.outcome, found.warnings) == ("complete", ())


@natives
def test_the_wire_view_has_a_row_for_each_event(native: Native) -> None:
    """Each event, or each line, is one row with the characters that it made."""
    reader = WireReader(native.dialect, media_type=native.media_type)
    body = native.stream(Answer(calls=False))
    events = [event for start in range(0, len(body), 11) for event in reader.feed(body[start : start + 11], 0.1)]
    events += reader.close(0.2)
    made = [reader.text[event.start : event.end] for event in events if event.end > event.start]
    assert made == list(ALL.texts)
    assert len(events) == len(native.items(Answer(calls=False)))
    assert {event.kind for event in events} == {"data"}


WEB = {"web": {"uri": "https://example.com", "title": "A page"}}
SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "rivers"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s1"} | {
    "content": [{"type": "web_search_result", "url": "u"}]
}
SEARCHED = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
PAINTED = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "aGVsbG8="}
#: Items before the end of an answer, what is said of them, and the kinds of parts that go back.
BESIDE: dict[str, tuple[str, list[Any], str]] = {
    "anthropic search": (
        "anthropic",
        [
            {"type": "content_block_start", "index": 5, "content_block": SEARCH},
            {"type": "content_block_start", "index": 6, "content_block": FOUND},
            {
                "type": "content_block_start",
                "index": 7,
                "content_block": {"type": "text", "text": "", "citations": None},
            },
            {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": ""}},
            {"type": "content_block_delta", "index": 7, "delta": {"type": "citations_delta", "citation": {"url": "u"}}},
        ],
        "left out: 1 web search result, 1 citation",
    ),
    "responses search and image": (
        "openai-responses",
        [
            {"type": "response.output_item.done", "output_index": n + 5, "item": i}
            for n, i in enumerate((SEARCHED, PAINTED))
        ],
        "left out: 1 web search, 1 image",
    ),
    "gemini grounding": (
        "google",
        [{"candidates": [{"content": {"parts": []}, "groundingMetadata": {"groundingChunks": [WEB]}}]}],
        "left out: 1 citation",
    ),
    "gemini image": (
        "google",
        [{"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}}]}],
        "left out: 1 image",
    ),
}


@pytest.mark.parametrize("case", BESIDE)
def test_what_is_not_shown_is_named(case: str) -> None:
    """Searches, citations and images are in words under the answer. None of them is text."""
    provider, beside, says = BESIDE[case]
    native = NATIVE[provider]
    items = native.items(Answer(thoughts=(), calls=False))
    last = next(place for place, item in enumerate(items) if _ends(item))
    found = read(native, native.write([*items[:last], *beside, *items[last:]]))
    assert (found.text, found.outcome) == (TEXT, "complete")
    assert [warning.detail for warning in found.warnings] == [says]


def test_an_end_in_each_chunk_is_one_where_the_connection_is_closed_in_order() -> None:
    """Older models of Gemini write STOP into each chunk, and the API has no sign that the stream is done."""
    native = NATIVE["google"]
    items = native.items(Answer(thoughts=(), calls=False))
    for item in items:
        item["candidates"][0]["finishReason"] = "STOP"
    assert read(native, native.write(items)).outcome == "complete"
    assert read(native, native.write(items), clean=False).outcome == "interrupted"


@pytest.mark.parametrize(
    "feedback", [{"promptFeedback": {"blockReason": "SAFETY"}}, {"candidates": [{"finishReason": "SAFETY"}]}]
)
def test_a_prompt_that_gemini_blocks_is_filtered(feedback: dict[str, Any]) -> None:
    """The answer is empty, and its end says why."""
    found = read(NATIVE["google"], NATIVE["google"].write([{**feedback, "usageMetadata": {"promptTokenCount": 4}}]))
    assert (found.text, found.outcome, found.finish_reason) == ("", "filtered", "SAFETY")


def test_a_refusal_of_openai_is_kept_apart() -> None:
    """It comes in pieces of its own, and the response is complete."""
    native = NATIVE["openai-responses"]
    items = native.items(Answer((), (), calls=False))
    pieces = [
        {"type": "response.refusal.delta", "output_index": 0, "content_index": 0, "delta": text}
        for text in ("I ", "cannot.")
    ]
    found = read(
        native, native.write([items[0], *pieces, {**items[-1], "response": {**items[-1]["response"], "output": []}}])
    )
    assert (found.refusal, found.text, found.outcome) == ("I cannot.", "", "complete")


def test_an_older_ollama_gives_no_reason_for_the_end() -> None:
    """Its last line says only that it is done."""
    native = NATIVE["ollama-native"]
    items = native.items(Answer(calls=False))
    del items[-1]["done_reason"]
    found = read(native, native.write(items))
    assert (found.text, found.outcome, found.finish_reason) == (TEXT, "complete", None)


def test_every_dialect_has_its_own_name() -> None:
    """A recording names the dialect, so two of them must not have the same name."""
    kinds = {type(server.dialect) for server in SERVERS.values()}
    assert len({kind.name for kind in kinds}) == len(kinds)
