"""What a grid sends to its pages: the rows in sight, joined, however many rows there are. And the saved table."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core.stream import ChatStream
from streamwidget._many.batch import Batch
from streamwidget._many.rates import Rates
from streamwidget._many.rows import Question, Source
from streamwidget._many.shown import row_facts
from streamwidget._many.spending import Spending
from streamwidget._saved.grid import grid_mimebundle
from streamwidget._view.grid.feed import WINDOW
from streamwidget._view.grid.view import GridView
from streamwidget.demo import DemoServer
from tests.many.server import Server
from tests.support.deadlines import until_async

Message = dict[str, Any]


def batch_of(server: Server, texts: list[str], concurrency: int = 50) -> Batch:
    question = Question(server.client, None, {})
    return Batch(Source(enumerate(texts), str, len(texts)), question, Rates(concurrency), Spending())


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    messages: list[Message] = []
    monkeypatch.setattr(GridView, "send", lambda _view, message: messages.append(message))
    return messages


async def test_a_page_gets_the_rows_in_sight_and_no_more(sent: list[Message]) -> None:
    """Of 2,000 rows it gets at most 40 a message, and few messages. What it has in the end is the truth."""
    server = Server()
    batch = batch_of(server, [f"row {number}" for number in range(2_000)])
    stream = ChatStream(batch)
    view = GridView(stream, batch)
    view._receive({"op": "sync", "page": "a", "first": None})
    begun = asyncio.get_running_loop().time()
    await view
    took = asyncio.get_running_loop().time() - begun
    assert max(len(message["rows"]) for message in sent) <= WINDOW
    assert len(sent) <= 20 * took + 5
    shown = {row["row"]: row for message in sent for row in message["rows"]}
    assert [shown[number]["text"] for number in range(2_000 - WINDOW, 2_000)] == [
        f"ROW {number}" for number in range(2_000 - WINDOW, 2_000)
    ]
    last = sent[-1]
    assert (last["phase"], last["outcome"], last["done"], last["total"]) == ("over", "complete", 2_000, 2_000)
    assert last["line"].startswith("2,000 of 2,000 rows complete · ")
    view._receive({"op": "sync", "page": "a", "first": 7})
    assert [row["row"] for row in sent[-1]["rows"]] == list(range(7, 7 + WINDOW))
    view.close()


async def test_two_pages_have_their_own_rows(sent: list[Message]) -> None:
    """One message has the rows of both. What a page sends may be anything."""
    server = Server()
    server.pause = 60
    batch = batch_of(server, [f"row {number}" for number in range(200)], concurrency=200)
    stream = ChatStream(batch)
    view = GridView(stream, batch)
    await server.until_asked(200)
    sent.clear()
    for page, first in (("a", 0), ("b", 100)):
        view._receive({"op": "sync", "page": page, "first": first})
    for odd in (None, 3, {"op": "sync", "page": 3}, {"op": "sync", "page": "c" * 99}, {"op": "stop_row", "row": "x"}):
        view._receive(odd)
    for number in (3, 103, 190, 500, -1):
        view._receive({"op": "stop_row", "row": number})
    await until_async(lambda: batch.counts["cancelled"] == 3)
    view.stop()
    await view
    states = {row["row"]: row["state"] for message in sent for row in message["rows"]}
    assert (states[3], states[103]) == ("cancelled", "cancelled")
    assert 190 not in states
    assert sent[-1]["outcome"] == "cancelled"
    assert {result.outcome for result in batch.finished()} == {"cancelled"}
    view.close()


async def test_the_saved_table_is_bounded_and_has_what_failed() -> None:
    """The first rows, and the first that failed. All text is escaped."""
    answers = {"row 300": "<b>No</b>"}
    server = Server(lambda prompt, _times: (400, answers[prompt]) if prompt in answers else "<i>yes</i>")
    batch = batch_of(server, [f"row {number}" for number in range(400)])
    saved = grid_mimebundle(batch, await ChatStream(batch))
    assert re.match(r"m · 399 of 400 rows complete, 1 failed · [0-9.]+ s · 3,990 tokens\n", saved["text/plain"])
    assert "     300  error         no answer: <b>No</b>" in saved["text/plain"]
    assert saved["text/html"].count("<tr>") == 22
    assert "&lt;b&gt;No&lt;/b&gt;" in saved["text/html"]
    assert "<i>" not in saved["text/html"]


async def test_a_growing_row_shows_its_beginning_and_its_end() -> None:
    """The newest text of a long answer is in sight while it comes."""
    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        question = Question(sw.ChatClient(server.url), "demo-stall", {"demo": {"text": "word " * 200, "after": 150}})
        batch = Batch(Source([(0, "a")], str, 1), question, Rates(1), Spending())
        stream = ChatStream(batch)
        stream.start()
        await until_async(lambda: batch.running and " … " in row_facts(batch, 0)["text"])
        row = row_facts(batch, 0)
        assert (row["state"], len(row["text"]) < 180) == ("running", True)
        stream.cancel()
        await stream
        assert row_facts(batch, 0)["state"] == "cancelled"
