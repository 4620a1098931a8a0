"""What the state machine stands on: streams with their views and pages, and a loop that runs only when it is let."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

import streamwidget as sw
from streamwidget import StreamEvent
from streamwidget._view.stream_view import StreamView
from tests.faults.puppet import Call, Page, Place, PuppetServer
from tests.support.deadlines import SOON


@dataclass(slots=True, eq=False)
class Shown:
    """One stream with its view, the request that it made, and the pages that show it."""

    stream: sw.ChatStream
    view: StreamView
    place: Place
    call: Call
    pages: list[Page]
    cell: asyncio.Task[sw.ChatCompletion] | None
    told: list[StreamEvent] = field(default_factory=list)
    known: str = ""
    end: sw.ChatCompletion | None = None
    closed: bool = False
    shut: bool = False

    @property
    def running(self) -> bool:
        return not self.stream.over


class Workbench(RuleBasedStateMachine):
    """Between two rules the loop stands still, as beside a blocking cell. :meth:`until` lets it run."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.server = PuppetServer().__enter__()
        self.client = sw.ChatClient(self.server.url, retry=sw.RetryPolicy(attempts=1), timeout=sw.Timeout(total=None))
        self.shown: list[Shown] = []

    def until(self, condition: Callable[[], bool]) -> None:
        async def wait() -> None:
            async with asyncio.timeout(SOON):
                while not condition():  # noqa: ASYNC110  (the condition is another thread's)
                    await asyncio.sleep(0.001)

        self.loop.run_until_complete(wait())

    def show(self, *, awaited: bool, together: bool) -> Shown:
        """Start a stream in a view, and wait for its request. ``together``: the page reads shared messages."""
        stream = self.client.stream(f"number {len(self.shown)}")
        told: list[StreamEvent] = []
        stream.subscribe(told.extend)
        calls = len(self.server.calls)

        async def start() -> tuple[StreamView, asyncio.Task[sw.ChatCompletion] | None]:
            view = StreamView(stream, layout=None)
            return view, asyncio.ensure_future(stream._result()) if awaited else None

        view, cell = self.loop.run_until_complete(start())
        place = Place(view.model_id, view.bundle, view.key)
        page = Page(place, "first", together=together)
        self.until(lambda: len(self.server.calls) > calls)
        shown = Shown(stream, view, place, self.server.calls[-1], [page], cell, told)
        self.shown.append(shown)
        return shown

    def pick(self, number: int, *, running: bool = True) -> Shown:
        """Return one of the streams. With ``running`` it is one that runs, if there is any."""
        these = [shown for shown in self.shown if shown.running] if running else []
        return (these or self.shown)[number % len(these or self.shown)]

    async def close_view(self, shown: Shown) -> None:
        """Close it on the loop."""
        shown.view.close()
        shown.closed = True

    def say(self, shown: Shown, content: dict[str, Any]) -> None:
        if shown.view.comm is not None:
            message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
            shown.view.comm.handle_msg(message)

    def sync(self, shown: Shown, page: Page) -> None:
        """Ask until it is answered, as the page's watchdog does."""
        while page.asks and not shown.closed:
            asked = {"op": "sync", "page": page.name, "together": page.together, "heard": page.heard}
            self.say(shown, asked)
            self.until(lambda: self.loop.time() > 0)
            page.read()
