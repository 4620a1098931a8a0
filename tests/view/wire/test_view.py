"""WireView in the kernel: its rows, their contents, and that no page misses any."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from ipywidgets import Widget

import streamwidget as sw
from streamwidget._core.recording import (
    ChunkReceived,
    Recording,
    RequestFailed,
    RequestSent,
)
from streamwidget._core.secrets import ApiKey, Secrets
from streamwidget._core.timeline import Timeline
from streamwidget._saved.wire import wire_mimebundle
from streamwidget._view.wire.feed import WireFeed
from streamwidget._view.wire.rows import MOST_CHARACTERS, MOST_ROWS, WireRows, pieces_of
from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.support.notebooks import execute, notebook
from tests.support.recordings import CANARY, LIGHT_FAULTS, LIMITS, recording_of
from tests.support.vectors import Vector, load_vectors

DELTA = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'


def rows_of(recording: Recording) -> list[dict[str, Any]]:
    wire = WireRows(recording)
    wire.close()
    return wire.rows


def made(rows: list[dict[str, Any]]) -> str:
    return "".join(row.get("made", "") for row in rows)


async def ended(stream: sw.ChatStream) -> sw.ChatCompletion:
    """Return the completion, also after a failure."""
    try:
        return await stream
    except sw.StreamError as exc:
        return exc.completion


# ---- rows


def is_compressed(vector: Vector) -> bool:
    """The rows of a compressed body differ from the wire, because the transport decompresses it first."""
    return "content-encoding" in (vector.http or {}).get("headers", {})


@pytest.mark.parametrize(
    "vector", [v for v in load_vectors("chat") if not is_compressed(v)], ids=lambda vector: vector.id
)
def test_the_rows_make_the_answer(vector: Vector) -> None:
    """For every vector, the characters that the rows made join to the text of the stream."""
    http = vector.http or {}
    headers = http.get("headers", {})
    recording = recording_of(
        *vector.chunks,
        status=http.get("status", 200),
        content_type=str(headers.get("content-type", "text/event-stream")),
        how="whole" if vector.clean else "broken",
    )
    rows = rows_of(recording)
    if "text" in vector.expect:
        assert made(rows) == vector.expect["text"]
    assert [row["kind"] for row in rows[:2]] == ["request", "status"]
    assert rows[-1]["kind"] == "end"


@pytest.mark.parametrize("fault", LIGHT_FAULTS)
async def test_the_rows_make_the_answer_of_a_real_stream(demo: DemoServer, fault: str) -> None:
    """For every fault of the demo server the rows make the stream's answer, and they show no key."""
    client = sw.ChatClient(demo.url, CANARY, timeout=LIMITS, retry=sw.RetryPolicy(wait_initial=0.01))
    options = {"tokens": 20, "tokens_per_second": 500, "first_delta": 0.01, "times": 1, "retry_after": "0"}
    options["key"] = f"wire{fault}"
    stream = client.stream("x", "demo" + (fault and f"-{fault}"), demo=options)
    feed = WireFeed(stream, lambda _message: None, lambda: None)
    feed.follow(stream)
    completion = await ended(stream)
    assert made(feed.rows) == completion.text
    assert CANARY not in json.dumps(feed.rows)


async def test_the_rows_of_a_stopped_stream_make_its_text(demo: DemoServer) -> None:
    """The bytes after Stop are shown, and they made no text."""
    stream = sw.ChatClient(demo.url).stream("x", demo={"tokens": 500, "tokens_per_second": 200})
    feed = WireFeed(stream, lambda _message: None, lambda: None)
    feed.follow(stream)
    async for event in stream:
        if isinstance(event, sw.TextDelta) and len(stream.completion.text) > 20:
            stream.cancel()
    assert stream.completion.outcome == "cancelled"
    assert made(feed.rows) == stream.completion.text
    assert "closed the connection" in feed.rows[-1]["pieces"][0]


def test_an_event_that_the_client_did_not_wait_for_made_nothing() -> None:
    """Its bytes are shown all the same."""
    rows = rows_of(recording_of(DELTA, DELTA[:-1], how="left"))
    assert made(rows) == "Hi"
    assert "".join(rows[-2]["pieces"]) == DELTA[:-1].decode()


async def test_each_attempt_has_its_request(demo: DemoServer) -> None:
    """The rows show a refused request, the wait, and the next request. The answer comes from the last one."""
    options = {"times": 1, "key": "attempts", "retry_after": "0", "tokens": 5, "tokens_per_second": 0}
    client = sw.ChatClient(demo.url, retry=sw.RetryPolicy(wait_initial=0.01))
    stream = client.stream("x", "demo-429", demo=options)
    feed = WireFeed(stream, lambda _message: None, lambda: None)
    feed.follow(stream)
    await stream
    kinds = [row["kind"] for row in feed.rows]
    assert kinds[:7] == ["request", "status", "error", "end", "wait", "request", "status"]
    assert [row["attempt"] for row in feed.rows if row["kind"] == "request"] == [1, 2]
    assert made(feed.rows) == stream.completion.text != ""


def test_a_request_without_a_response_says_why() -> None:
    """The reason is one row, with the key masked."""
    recording = Recording("m", sw.Timeout(), Secrets(ApiKey(CANARY)))
    recording.records = [
        RequestSent(0.0, "POST", "http://127.0.0.1/v1", {}, "{}"),
        RequestFailed(0.1, sw.ErrorInfo(f"refused {CANARY}"), retryable=True),
    ]
    rows = rows_of(recording)
    assert rows[1]["kind"] == "failed"
    assert rows[1]["pieces"] == ["There was no response: refused [key]"]


@pytest.mark.parametrize(
    "recording",
    [
        recording_of(b"data: " + CANARY.encode() + b"\n\n", key=CANARY),
        recording_of(b'{"error": "no such key: sk-live-' + b"0" * 20 + b'"}', key=CANARY, status=401),
        recording_of(b": " + CANARY.encode()[:9], CANARY.encode()[9:] + b"\n\n", key=CANARY),
    ],
    ids=["in an event", "another's, in an error", "through two chunks"],
)
def test_no_row_shows_a_key(recording: Recording) -> None:
    """Not even a key that the server sent. The masked text keeps its length, so each chunk still ends where it did."""
    recording.records[0] = RequestSent(0.0, "POST", f"http://127.0.0.1/{CANARY}", {"x": CANARY}, CANARY)
    rows = rows_of(recording)
    text = json.dumps(["".join(row["pieces"]) for row in rows])
    assert CANARY not in text
    assert "sk-live" not in text
    chunks = [record.data for record in recording.records if isinstance(record, ChunkReceived)]
    assert len("".join(rows[2]["pieces"])) == sum(map(len, chunks))


def test_pieces_are_cut_where_the_chunks_ended() -> None:
    """If a chunk cuts through a character, the later piece has it. A control character is shown as a sign."""
    assert pieces_of(b"data: x\n\n", [4, 9]) == ["data", ": x\n\n", ""]
    whole = "aé😀b".encode()
    for place in range(1, len(whole)):
        first, second = pieces_of(whole, [place])
        assert first + second == "aé😀b"
        assert whole.startswith(first.encode())
        assert len(first.encode()) <= place
    assert pieces_of(b"a\r\nb\x1b\xff", [2]) == ["a\u240d", "\nb\u241b\ufffd"]


def test_a_row_is_no_longer_than_its_limit() -> None:
    """The rest is counted. The characters that the row made are all there."""
    text = "x" * 5_000
    event = b'data: {"choices":[{"delta":{"content":"' + text.encode() + b'"}}]}\n\n'
    rows = rows_of(recording_of(event[:100], event[100:]))
    shown = "".join(rows[2]["pieces"])
    assert len(shown) == MOST_CHARACTERS
    assert event.decode().startswith(shown)
    assert rows[2]["more"] == len(event) - MOST_CHARACTERS
    assert made(rows) == text


def test_rows_beyond_the_limit_are_counted() -> None:
    """One last row has their number and the characters that they made."""
    rows = rows_of(recording_of(DELTA * (MOST_ROWS + 100)))
    assert len(rows) == MOST_ROWS + 1
    assert rows[-1]["kind"] == "rest"
    assert rows[-1]["pieces"] == ["103 more rows."]  # the 100, and the request, the status and the end
    assert made(rows) == "Hi" * (MOST_ROWS + 100)


# ---- messages


class LossyPage:
    """A page that loses messages, and asks for the rows that it misses."""

    def __init__(self, seed: int) -> None:
        self.rows: list[Any] = []
        self.last: dict[str, Any] = {}
        self.sizes: list[int] = []
        self.ended = 0
        self._random = random.Random(seed)

    def take(self, message: dict[str, Any]) -> None:
        self.sizes.append(len(json.dumps(message)))
        if self._random.random() < 0.4 or message["seq"] > len(self.rows):
            return
        self.rows += message["rows"][len(self.rows) - message["seq"] :]
        self.last = message

    @property
    def whole(self) -> bool:
        return self.last.get("phase") == "over" and len(self.rows) == self.last["total"]


@pytest.mark.parametrize("seed", range(5))
async def test_a_page_that_loses_messages_gets_every_row(server: DemoServer, seed: int) -> None:
    """It says how many it has. In the end it has them all, each once and in order."""
    page = LossyPage(seed)
    stream = sw.ChatClient(server.url).stream("x", demo={"tokens": 400, "tokens_per_second": 2000})
    feed = WireFeed(stream, page.take, lambda: None)
    feed.follow(stream)
    stream.start()
    async with asyncio.timeout(SOON):
        while not page.whole:
            feed.send_from(len(page.rows))
            await asyncio.sleep(0.01)
    assert page.rows == feed.rows
    assert page.last["outcome"] == "complete"
    assert made(page.rows) == (await stream).text


async def test_messages_and_state_are_bounded(server: DemoServer) -> None:
    """Thousands of events at once are sent in pieces small enough for the notebook server."""
    sent: list[dict[str, Any]] = []
    over = asyncio.Event()
    stream = sw.ChatClient(server.url).stream("x", demo={"tokens": 3000})
    feed = WireFeed(stream, sent.append, over.set)
    feed.follow(stream)
    await stream
    state = feed.snapshot()
    assert len(json.dumps(state["rows"])) < 150_000
    assert state["total"] == len(feed.rows) > len(state["rows"])
    async with asyncio.timeout(SOON):
        await over.wait()
    assert max(len(json.dumps(message)) for message in sent) < 80_000
    rows = [row for message in sent for row in message["rows"]]
    assert rows == feed.rows
    assert sent[-1]["phase"] == "over"


# ---- the widget


@pytest.fixture(autouse=True)
def _close_widgets() -> Any:
    yield
    Widget.close_all()


async def test_a_view_records_its_stream_and_gives_its_completion(server: DemoServer) -> None:
    """It starts the stream as a StreamView does, and the answer is the same."""
    stream = sw.ChatClient(server.url).stream("count to 5")
    view = sw.WireView(stream)
    assert stream.recording is not None
    completion = await view
    assert completion.text == view.completion.text == "1\n2\n3\n4\n5"
    assert view.get_state()["state"]["text"] == completion.text


@pytest.mark.parametrize("model", ["demo", "demo-cut"])
async def test_awaiting_a_view_awaits_its_end_in_the_page(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """When ``await view`` returns, its pages have every row and the end. That holds for a failure too."""
    client = sw.ChatClient(server.url, retry=sw.RetryPolicy(attempts=1))
    for _ in range(8):
        sent: list[dict[str, Any]] = []
        monkeypatch.setattr(Widget, "send", lambda _widget, content, _buffers=None, sent=sent: sent.append(content))
        view = sw.WireView(client.stream("count to 200", model, demo={"tokens_per_second": 0}))
        outcome = "complete"
        try:
            await view
        except sw.StreamInterrupted as exc:
            outcome = exc.outcome
        assert (sent[-1]["phase"], sent[-1]["outcome"]) == ("over", outcome)
        assert sum(len(message["rows"]) for message in sent) == sent[-1]["total"] > 3
        assert made([row for message in sent for row in message["rows"]]) == view.completion.text != ""


async def test_awaiting_a_view_on_a_second_loop_returns(server: DemoServer) -> None:
    """The loop of the stream is closed, so nothing more can be sent. The view does not wait for that."""

    def run_twice() -> sw.ChatCompletion:
        async def begin() -> sw.WireView:
            stream = sw.ChatClient(server.url).stream("count to 5")
            view = sw.WireView(stream)
            await stream
            return view

        async def again(view: sw.WireView) -> sw.ChatCompletion:
            async with asyncio.timeout(SOON):
                return await view

        return asyncio.run(again(asyncio.run(begin())))

    assert (await asyncio.to_thread(run_twice)).outcome == "complete"


async def test_a_stream_that_was_recorded_is_shown_whole_afterwards(server: DemoServer) -> None:
    """A stream that is over is shown too. Without a recording it is refused with the reason."""
    client = sw.ChatClient(server.url)
    stream = client.stream("count to 5")
    stream.record()
    await stream
    state = sw.WireView(stream).get_state()["state"]
    assert (state["phase"], state["outcome"]) == ("over", "complete")
    assert made(state["rows"]) == stream.completion.text
    unrecorded = client.stream("count to 5")
    await unrecorded
    with pytest.raises(RuntimeError, match="before it starts"):
        sw.WireView(unrecorded)


async def test_a_replay_shows_the_recorded_wire(server: DemoServer) -> None:
    """The replay has the same events, and they made the same characters."""
    stream = sw.ChatClient(server.url).stream("count to 5")
    recording = stream.record()
    await stream
    replayed = sw.replay(recording, speed=1000)
    view = sw.WireView(replayed)
    await view
    rows, again = rows_of(recording), view.get_state()["state"]["rows"]
    assert [row["pieces"] for row in again[2:]] == [row["pieces"] for row in rows[2:]]
    assert [row.get("made") for row in again] == [row.get("made") for row in rows]


async def test_stop_works_from_any_thread(demo: DemoServer) -> None:
    """Both ``view.stop()`` and the page's message."""
    for stop in (lambda view: view.stop(), lambda view: view._receive({"op": "stop"})):
        view = sw.WireView(sw.ChatClient(demo.url).stream("x", demo={"tokens": 5000}))
        thread = threading.Thread(target=stop, args=(view,))
        thread.start()
        assert (await view).outcome == "cancelled"
        thread.join()


@pytest.mark.parametrize(
    "content",
    [None, 3, "stop", [], {}, {"op": "sync"}, {"op": "sync", "have": -1}, {"op": "sync", "have": "x"}, {"op": "retry"}],
)
async def test_an_unknown_message_is_ignored(server: DemoServer, content: Any) -> None:
    """The state of a finished view stays the same."""
    view = sw.WireView(sw.ChatClient(server.url).stream("count to 5"))
    await view
    before = view.get_state()["state"]
    view._receive(content)
    assert view.get_state()["state"] == before


async def test_its_bundle_is_not_that_of_the_answers(server: DemoServer) -> None:
    """All wire views share one bundle, and answers do not need it."""
    client = sw.ChatClient(server.url)
    views = [sw.WireView(client.stream("a")), sw.WireView(client.stream("b")), sw.StreamView(client.stream("c"))]
    assert views[0].bundle == views[1].bundle != views[2].bundle
    for view in views:
        await view


# ---- the saved notebook


def test_the_saved_view_is_a_table_with_the_answer_and_its_picture() -> None:
    """The table has the first 200 rows and their total number."""
    completion = sw.ChatCompletion(text="Hi **you**", outcome="complete")
    rows = rows_of(recording_of(*[DELTA] * 500))
    bundle = wire_mimebundle(completion, rows, Timeline((), (), 1.0, "complete"))
    html = bundle["text/html"]
    assert html.count("<tr>") == 201
    assert html.count("<details>") == 1  # the request, which holds the whole conversation
    assert "the first 200 of 503 rows" in html
    assert "<strong>you</strong>" in html
    assert '<img src="data:image/svg+xml;base64,' in html
    assert "Hi **you**" in bundle["text/plain"]


def test_nothing_from_the_wire_is_markup_in_the_saved_view() -> None:
    """Neither in an event nor in the characters that it made."""
    bad = b'data: {"choices":[{"delta":{"content":"<script>alert(1)</script>"}}]}\n\n'
    rows = rows_of(recording_of(bad, b": <img src=x>\n\n"))
    html = wire_mimebundle(sw.ChatCompletion(text="", outcome="complete"), rows, Timeline((), (), 1.0, None))[
        "text/html"
    ]
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.kernel
def test_a_cell_keeps_the_wire_and_the_timeline_in_the_saved_notebook(server: DemoServer, tmp_path: Path) -> None:
    """Even without a page. The file holds no widget that cannot be drawn."""
    unrun = notebook(
        "%load_ext streamwidget",
        "%%chat --wire\ncount to 5",
        "%%chat --timeline\ncount to 5",
        "%%chat --keep --timeline\ncount to 5",
        "%%time\n%chat --wire count to 5",
    )
    execute(unrun, tmp_path, {"STREAMWIDGET_BASE_URL": server.url})
    shown = [[output.get("data", {}) for output in cell.outputs] for cell in unrun.cells]
    for (data, *_), table in ((shown[1], True), (shown[2], False), (shown[4], True)):
        assert "widget-view" not in json.dumps(data)
        assert ("<table" in data["text/html"]) == table
        assert '<img src="data:image/svg+xml' in data["text/html"]
        assert "complete" in data["text/plain"]
    kept, picture = shown[3]
    assert "application/vnd.jupyter.widget-view+json" in kept
    assert picture["text/plain"].endswith("complete")
