"""The conversation in a real front end, which says which cell runs and which are deleted."""

from __future__ import annotations

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.ui.conftest import OpenNotebook
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD

CELLS = [LOAD, "%%chat\ncount to 1", "%%chat\ncount to 2", "%%chat\ncount to 3", "%%chat\ncount to 4", "pass"]


def asked(page: NotebookPage, demo: DemoServer, index: int) -> list[str]:
    """Run a cell, and return the questions that its request carried."""
    page.run(index)
    page.finish(index)
    return [m["content"].strip() for m in demo.requests[-1].body["messages"] if m["role"] == "user"]


# The page's message comes to the kernel on a thread of its own, so a cell can wait for it.
_WAIT = """import time; end = time.time() + {soon}
known = get_ipython().magics_manager.registry["ChatMagics"].session.cells
while sorted(known._places, key=known._places.get) != {order} and time.time() < end: time.sleep(0.02)"""
_ORDER = """() => Array.from(window.jupyterapp.shell.currentWidget.model.cells)
  .filter(cell => cell.type === 'code').map(cell => cell.id)"""


def let_the_order_arrive(page: NotebookPage, index: int) -> None:
    """Run a cell that asks nothing, until the kernel knows the order of the page's cells."""
    page.cell(index).locator(".cm-content").fill(_WAIT.format(soon=SOON, order=page.page.evaluate(_ORDER)))
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
