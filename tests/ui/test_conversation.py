"""The conversation in a real front end, which says which cell runs and which are deleted."""

from __future__ import annotations

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD

CELLS = [LOAD, "%%chat\ncount to 1", "%%chat\ncount to 2", "%%chat\ncount to 3", "%%chat\ncount to 4"]


def asked(page: NotebookPage, demo: DemoServer, index: int) -> list[str]:
    """Run a cell, and return the questions that its request carried."""
    page.run(index)
    page.finish(index)
    return [m["content"].strip() for m in demo.requests[-1].body["messages"] if m["role"] == "user"]


def test_the_history_is_what_the_notebook_shows(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """A cell that is run again replaces its own turn, and a deleted cell leaves."""
    page = open_notebook(CELLS)
    page.run(0)
    page.finish(0)
    assert asked(page, demo, 1) == ["count to 1"]
    assert asked(page, demo, 2) == ["count to 1", "count to 2"]
    assert asked(page, demo, 1) == ["count to 1"]
    assert asked(page, demo, 3) == ["count to 1", "count to 2", "count to 3"]
    page.cell(2).locator(".jp-InputPrompt").click()
    page.command("notebook:delete-cell")
    assert asked(page, demo, 3) == ["count to 1", "count to 3", "count to 4"]
