"""Waits: a retry's countdown, with Stop in it, and the words of a waiting view."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._client.urls import host_of
from streamwidget._view.stream_view import StreamView
from streamwidget.demo import DemoServer
from tests.support.deadlines import until_async as until
from tests.support.servers import failure_of, first_delta

SEVEN = {"retry_after": "7", "times": 1}


class Page:
    """A page with the messages of its view."""

    def __init__(self, view: StreamView, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[dict[str, Any]] = []
        monkeypatch.setattr(view, "send", self.messages.append)
        self._view = view

    def asks(self) -> dict[str, Any]:
        """Ask with ``sync``, and return the snapshot."""
        self._view._receive({"op": "sync", "page": "p"})
        assert self.messages[-1]["op"] == "snapshot"
        return self.messages[-1]


class Clock:
    """The running loop's clock, with a way to put it forward. Sleeping tasks then wake at its next tick."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        real = loop.time
        self.ahead = 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + self.ahead)


@pytest.mark.fault("N21", "waits 7 s, told with its reason for a countdown; then the answer is complete")
async def test_a_retry_waits_as_long_as_the_server_asks(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch, seen: Callable[[str], None]
) -> None:
    """Nothing is sent before seven seconds are over, and at most a quarter more. The loop's clock is put forward."""
    clock = Clock(monkeypatch)
    stream = sw.ChatClient(server.url).stream("x", "demo-429", demo={**SEVEN, "key": "seven"})
    page = Page(StreamView(stream), monkeypatch)
    await until(lambda: bool(page.messages))
    (status,) = page.messages
    assert (status["op"], status["phase"]) == ("status", "retrying")
    assert 7 <= status["delay"] <= 8.75
    assert "Rate limit" in status["detail"]
    assert (page.asks()["waits"]["for"], page.asks()["waits"]["limit"]) == ("retry", status["delay"])
    clock.ahead += 5
    await asyncio.sleep(0.3)
    assert len(server.requests) == 1
    clock.ahead += status["delay"] - 5
    assert (await stream).outcome == "complete"
    assert len(server.requests) == 2
    seen("1 request after 5 s, 2 after 7 s, complete")


@pytest.mark.fault("N21", "Stop works in the wait")
async def test_stop_ends_a_retrys_wait(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch, seen: Callable[[str], None]
) -> None:
    """The page's stop: cancelled long before the wait is over, and no second request."""
    stream = sw.ChatClient(server.url).stream("x", "demo-429", demo={**SEVEN, "key": "stop"})
    view = StreamView(stream)
    page = Page(view, monkeypatch)
    await until(lambda: bool(page.messages))
    view._receive({"op": "stop"})
    completion = await stream
    assert completion.outcome == "cancelled"
    assert completion.timing.total < 7
    assert len(server.requests) == 1
    assert page.messages[-1]["op"] == "end"
    seen(f"cancelled after {completion.timing.total:.2f} s, 1 request")


LIMITS = sw.Timeout(headers=60, first_delta=120, stall=30, progress=50)


@pytest.mark.parametrize(
    ("fault", "after", "waits", "limit"),
    [
        ("silent", 0, "headers", 60),
        pytest.param(
            "headers",
            0,
            "first_delta",
            120,
            marks=pytest.mark.fault("N7", "the view counts the seconds and knows the limit"),
        ),
        pytest.param(
            "stall", 3, "stall", 30, marks=pytest.mark.fault("N8", "the view knows for what and how long it waits")
        ),
        ("ping", 3, "progress", 50),
    ],
)
async def test_a_page_that_asks_is_told_for_what_and_how_long(
    server: DemoServer,
    fault: str,
    after: int,
    waits: str,
    limit: float,
    monkeypatch: pytest.MonkeyPatch,
    seen: Callable[[str], None],
) -> None:
    """A snapshot names the nearest limit, its seconds so far and in all. They count up until the end."""
    stream = sw.ChatClient(server.url, timeout=LIMITS).stream("x", f"demo-{fault}", demo={"after": after})
    page = Page(StreamView(stream), monkeypatch)
    if after:
        await first_delta(stream)
    await until(lambda: (page.asks()["waits"] or {}).get("for") == waits)
    before = page.asks()["waits"]
    assert before["limit"] == limit
    await until(lambda: page.asks()["waits"]["seconds"] > before["seconds"])
    now = page.asks()
    assert now["elapsed"] >= now["waits"]["seconds"]
    seen(f"{waits}, {now['waits']['seconds']:.1f} of {limit} s")
    stream.cancel()
    await stream
    assert page.asks()["waits"] is None


async def test_a_limit_that_is_off_is_not_waited_for(server: DemoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a limit the view says nothing about a wait."""
    stream = sw.ChatClient(server.url, timeout=sw.Timeout(headers=None)).stream("x", "demo-silent")
    page = Page(StreamView(stream), monkeypatch)
    await asyncio.to_thread(server.wait_for_requests)
    assert page.asks()["waits"] is None
    stream.cancel()
    await stream


async def test_the_last_word_of_a_stall_names_it(server: DemoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end message names the server and the seconds without text. The exception says what to type (N8)."""
    stream = sw.ChatClient(server.url, timeout=sw.Timeout(stall=0.3)).stream("x", "demo-stall", demo={"after": 3})
    page = Page(StreamView(stream), monkeypatch)
    failure = await failure_of(stream)
    end = page.messages[-1]
    assert (end["op"], end["outcome"], end["detail"]) == ("end", "timeout", failure.error.message)
    assert end["detail"] == f"{host_of(server.url)} sent nothing more within 0.3 s"
    assert "Timeout(stall=...)" in str(failure)
