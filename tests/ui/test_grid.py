"""A batch in a real page: a bounded number of elements, Stop for one row and for all, and the saved table."""

from __future__ import annotations

from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import assert_no_error_of_ours

# Each row goes on for minutes, so that the page can be looked at.
BATCH = """
import streamwidget as sw
rows = await sw.batch([f"row {n}" for n in range(10_000)], "Count for {{text}}.", concurrency=6,
                      demo={"tokens": 5000, "tokens_per_second": 8})
"""
PRINT = "print([row.outcome for row in rows[:8]], len(rows), rows[-1].error, rows[0].text[:18])"
COUNT = "root => root.querySelectorAll('*').length"

pytestmark = only_lab


def test_10_000_rows_are_few_elements_and_can_be_stopped(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """One row is stopped, and the next one begins. Then all are stopped, and the cell has its result."""
    page = open_notebook([BATCH, PRINT])
    page.run(0)
    root = page.output(0).locator(".streamwidget-grid")
    line = root.locator(".streamwidget-grid-line")
    expect(line).to_contain_text("0 of 10,000 rows complete, 6 running")
    assert root.evaluate(COUNT) < 400
    expect(root.get_by_role("row").filter(has_text="Count for row 5.")).to_contain_text("running")
    root.get_by_role("button", name="Stop row 2", exact=True).click()
    expect(root.get_by_role("row").filter(has_text="Count for row 2.")).to_contain_text("stopped")
    expect(line).to_contain_text("6 running, 1 stopped")
    expect(root.get_by_role("button", name="Stop row 6", exact=True)).to_be_visible()
    assert root.evaluate(COUNT) < 400
    expect(root).to_contain_text("demo server (no model)")
    row = root.get_by_role("row").filter(has_text="Count for row 0.")
    expect(row.get_by_role("cell").nth(3)).to_contain_text("Count for row 0 This is the built-in")
    root.locator(".streamwidget-grid-list").focus()
    page.page.keyboard.press("Escape")
    page.finish(0)
    expect(root).to_have_count(0)
    expect(page.output(0)).to_contain_text(
        "demo server (no model) · 0 of 10,000 rows complete, 7 stopped, 9,993 not asked"
    )
    expect(page.output(0).locator("tbody tr")).to_have_count(8)
    page.run(1)
    page.finish(1)
    cancelled = ["cancelled"] * 7
    assert page.printed(1) == f"{[*cancelled, None]} 10000 not asked: the batch was stopped ## Count for row 0\n"
    assert_no_error_of_ours(page)
