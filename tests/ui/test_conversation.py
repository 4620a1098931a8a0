"""The conversation in a real front end, which says which cell runs and which are deleted."""

from __future__ import annotations

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD

CELLS = [LOAD, "%%chat\ncount to 1", "%%chat\ncount to 2", "%%chat\ncount to 3", "%%chat\ncount to 4", "pass"]


def asked(page: NotebookPage, demo: DemoServer, index: int) -> list[str]:
    """Run a cell, and return the questions that its request carried."""
    page.run(index)
    page.finish(index)
    return [m["content"].strip() for m in demo.requests[-1].body["messages"] if m["role"] == "user"]


def let_the_order_arrive(page: NotebookPage, index: int) -> None:
    """Run a cell that asks nothing. The page's message about its cells was sent before, to another thread."""
    page.run(index)
    page.finish(index)


def test_the_history_is_what_the_notebook_shows(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """A cell that is run again replaces its own turn, a deleted cell leaves, and a moved cell has another history."""
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
    page.cell(3).locator(".jp-InputPrompt").click()
    page.command("notebook:move-cell-up")
    let_the_order_arrive(page, 4)
    assert asked(page, demo, 2) == ["count to 1", "count to 4"]
    assert asked(page, demo, 3) == ["count to 1", "count to 4", "count to 3"]
    page.cell(1).locator(".jp-InputPrompt").click()
    page.command("notebook:insert-cell-below")
    page.cell(2).locator(".cm-content").fill("%chat inserted")
    let_the_order_arrive(page, 5)
    assert asked(page, demo, 2) == ["count to 1", "inserted"]
