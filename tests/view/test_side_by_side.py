"""Views beside each other: one box in the page, of which nothing is left after the end."""

from __future__ import annotations

from ipywidgets import HTML
from ipywidgets.widgets.widget import _instances

import streamwidget as sw
from streamwidget._view.bundle import shared_bundle
from streamwidget._view.side_by_side import SideBySideView
from streamwidget.demo import DemoServer


async def test_nothing_is_left_of_it(server: DemoServer) -> None:
    """Its views, boxes and headings, their layouts and styles. While a page shows it, all of it stays."""
    shared_bundle()
    before = set(_instances)
    client = sw.ChatClient(server.url)
    for is_seen in (False, True):
        streams = [client.stream("count to 3") for _ in range(2)]
        view = SideBySideView(streams, ["one", "two"], {"max_height": "9em"}, HTML("above"))
        if is_seen:
            view._views[0]._hear({"op": "sync", "page": "a"})
        for stream in streams:
            await stream
        assert set(_instances) > before
        view.replaced_by({"text/plain": "saved"})
        if is_seen:
            assert set(_instances) > before
            view._views[0]._hear({"op": "left", "page": "a"})
        assert set(_instances) == before
