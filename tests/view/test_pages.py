"""The pages of a view. A replaced view is closed when the last page has left, and never under another page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core.stream import ChatStream
from streamwidget._many.batch import Batch
from streamwidget._view import audience
from streamwidget._view.grid.view import GridView
from streamwidget._view.stream_view import StreamView
from tests.many.server import Server
from tests.support.deadlines import until_async
from tests.view.grid.test_grid import batch_of

SAVED = {"text/plain": "saved"}
#: Each kind of view, and the further fields of its page's ``sync``.
KINDS: dict[str, tuple[Callable[[], StreamView], dict[str, Any]]] = {
    "answer": (lambda: StreamView(["42"]), {}),
    "wire": (lambda: sw.WireView(Server().client.stream("x")), {"have": 0}),
    "grid": (lambda: grid(batch_of(Server(), ["x"])), {"first": None}),
}


def grid(batch: Batch) -> GridView:
    return GridView(ChatStream(batch), batch)


class Shown:
    """A view and the words of its pages. Those in ``answering`` answer a ping as a page does."""

    def __init__(self, view: StreamView, sync: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self.view = view
        self.answering: set[str] = set()
        self.sent: list[dict[str, Any]] = []
        self._sync = sync
        monkeypatch.setattr(view, "send", self._send)

    def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        for page in sorted(self.answering if message["op"] == "ping" else ()):
            self.view._hear({"op": "here", "page": page})

    def say(self, *words: str) -> None:
        """Say each of ``"sync one"``."""
        for op, page in map(str.split, words):
            self.view._hear({"op": op, "page": page, **(self._sync if op == "sync" else {})})

    @property
    def is_open(self) -> bool:
        return self.view.comm is not None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_page_that_leaves_takes_nothing_from_the_other_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tabs show one view, and the newest one leaves. The other one is served, and its leave closes the view."""
    make, sync = KINDS[kind]
    shown = Shown(make(), sync, monkeypatch)
    await shown.view
    shown.answering = {"one"}
    shown.say("sync one", "sync two")
    shown.view._replaced_by(SAVED, {}, unseen=False)
    shown.say("left two")
    assert shown.is_open
    shown.say("saved one")
    assert shown.sent[-1] == {"op": "saved", "view": shown.view.model_id, "mimebundle": SAVED, "metadata": {}}
    shown.say("left one")
    assert not shown.is_open


@pytest.mark.parametrize(
    ("words", "answering", "is_open", "closes"),
    [
        (["sync one", "left one"], [], False, True),
        (["sync one", "left another"], [], True, False),
        (["sync one", "sync two", "left one", "left two"], [], False, True),
        (["sync one", "saved two", "left two"], ["one"], True, False),
        (["sync two", "sync one", "left one"], ["two"], True, False),
        (["sync one", "sync two", "left two"], [], True, True),
        (["sync one", "sync two", "left two", "sync one"], [], True, False),
        (["sync one", "sync two", "sync three", "left three", "here two", "left two"], [], True, True),
        (["sync one", "sync two", "sync three", "left three", "here two"], ["two"], True, False),
    ],
    ids=[
        "the only page",
        "one that is not known",
        "both",
        "a page that asked for the answer",
        "the page that synced last",
        "the other one was loaded anew",
        "the other one asks",
        "one of three is left, and it was loaded anew",
        "one of three is left, and it shows the view",
    ],
)
async def test_a_replaced_view_closes_when_no_page_shows_it(
    words: list[str], answering: list[str], is_open: bool, closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once when all known pages have left, and in time when the others answer no more."""
    monkeypatch.setattr(audience, "_ANSWERS", 0.2)
    shown = Shown(StreamView(["42"]), {}, monkeypatch)
    await shown.view
    shown.answering = set(answering)
    shown.view._replaced_by(SAVED, {}, unseen=True)
    shown.say(*words)
    assert shown.is_open == is_open
    await until_async(lambda: not shown.view._pages._unanswered)
    assert shown.is_open == (not closes)
    if closes:
        return
    shown.say(f"left {answering[0] if answering else 'one'}")
    assert not shown.is_open


async def test_a_page_that_leaves_stops_no_text_of_the_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """In mid-stream. Nothing is sent when no page is left. A page comes back and gets the text again."""
    texts: asyncio.Queue[str] = asyncio.Queue()

    async def source() -> AsyncIterator[str]:
        while text := await texts.get():
            yield text

    shown = Shown(StreamView(source()), {}, monkeypatch)
    shown.answering = {"one"}
    shown.say("sync one", "sync two", "left two")
    for text, then in (("a", "left one"), ("b", "sync one"), ("c", "sync one")):
        count = len(shown.sent)
        texts.put_nowait(text)
        await until_async(lambda text=text: shown.view.completion.text.endswith(text))
        await shown.view._feed.sent()
        assert any(text in message.get("text", "") for message in shown.sent[count:]) == (text != "b")
        shown.say(then)
    texts.put_nowait("")
    await shown.view
