"""An answer in a real page: it grows while its cell runs, and the saved answer takes its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook
from tests.ui.live import (
    LOAD,
    PRINT_TEXT,
    assert_no_error_of_ours,
    error_lines,
    live_text,
    printed_text,
    record,
    recorded,
    saved_text,
    view,
    wait_longer,
    wait_static,
)

VIEWS_LEFT = """
import asyncio, ipywidgets
views = lambda: [type(widget).__name__ for widget in ipywidgets.Widget.widgets.values()].count("StreamView")
for _ in range(500):  # less than a test waits for a cell
    if views() > %d:
        await asyncio.sleep(0.1)
print(views(), "views")
"""


@pytest.mark.smoke
def test_the_answer_grows_while_its_cell_runs_and_is_then_replaced(
    open_notebook: OpenNotebook, demo: DemoServer
) -> None:
    """Text appears in steps before the cell's end. The static answer follows at once. The next cell has it whole."""
    with DemoServer(first_delta=2, tokens_per_second=150) as patient:  # the page has drawn the view before the answer
        load = f"{LOAD}\nimport os; os.environ['STREAMWIDGET_BASE_URL'] = {patient.url!r}"
        counted = "print(_chat.outcome, _chat.text.count('\\n'))"
        page = open_notebook([load, "%%chat\ncount to 200", counted, VIEWS_LEFT % 0])
        record(page, 1)
        page.run_all()
        page.finish(None)
    page.wait_output(2, "complete 199")
    wait_static(page, 1, "complete")
    seen = recorded(page, 1)

    running = [glimpse for glimpse in seen if glimpse.live and glimpse.running]
    lengths = list(dict.fromkeys(len(glimpse.text) for glimpse in running))
    assert len(lengths) >= 4
    assert lengths == sorted(lengths)
    assert any("waiting for the first token" in glimpse.status for glimpse in running)
    assert any(re.search(r"first token [\d.]+ s · .*/s", glimpse.status) for glimpse in running)
    assert all(glimpse.stop for glimpse in running if not glimpse.over)
    assert all(glimpse.demo for glimpse in running if glimpse.text)

    live = [glimpse.live for glimpse in seen]
    assert not any(glimpse.empty for glimpse in seen[live.index(True) :]), (
        "the output was empty between the live view and the saved answer"
    )
    assert saved_text(page, 1) == "\n".join(str(number) for number in range(1, 201))
    expect(page.output(1).locator("small").first).to_have_text("demo server (no model)")
    expect(page.output(1).locator("small").last).to_contain_text(re.compile(r"complete · \d+ tokens"))
    page.run(3)
    page.wait_output(3, "0 views")
    assert_no_error_of_ours(page)


def test_run_all_stops_at_a_failure_with_its_reason_and_its_text(
    open_notebook: OpenNotebook, demo: DemoServer, tmp_path: Path
) -> None:
    """A refused key and a broken connection: a line or two in the cell, what came is kept, later cells do not run."""
    go = tmp_path / "go"
    # A failure ends what is in the kernel's queue. A busy page may send the last cells after it, and they would run.
    load = f"{LOAD}\nimport pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.2)"
    cells = [load, "%%chat -m demo-401\nhi", "print('ran')", "%%chat -m demo-drop\ncount to 60", "print(_chat.outcome)"]
    page = open_notebook(cells)
    page.run_all()
    for index in range(1, len(cells)):
        expect(page.cell(index).locator(".jp-InputPrompt")).to_have_text("[*]:")
    go.touch()
    page.finish(None)
    page.wait_output(1, "401")
    page.wait_answered()
    page.run(3)
    page.finish(3)
    wait_static(page, 3, "connection lost")
    page.run(4)
    page.wait_output(4, "interrupted")
    saved = page.save()
    assert not saved.cells[2].outputs
    for index, name in ((1, "HTTPStatusError"), (3, "StreamInterrupted")):
        outputs = {output.output_type: output for output in saved.cells[index].outputs}
        assert name in outputs["error"].ename
        lines = error_lines(page, index)
        assert 1 <= len(lines) <= 2
        assert not any("Traceback" in line for line in lines)
    assert saved_text(page, 3).startswith("1\n2\n3")
    assert_no_error_of_ours(page)


PYTHON = """
import streamwidget as sw
view = sw.StreamView(sw.ChatClient().stream("count to 300"))
view
"""


@pytest.mark.fault("F6", "two views of one model show identical text")
def test_views_that_stay_show_the_whole_answer_and_how_it_ended(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """With --keep, and made in Python: that one starts at once, can be shown twice, and gives its completion."""
    awaited = "_chat = await view; print(_chat.outcome)"
    page = open_notebook([LOAD, "%%chat --keep\ncount to 30", PRINT_TEXT, PYTHON, "view", awaited, PRINT_TEXT])
    for index in (0, 1):
        page.run(index)
        page.finish(index)
    expect(view(page, 1)).to_have_attribute("data-outcome", "complete")
    expect(page.stop_button(1)).to_have_count(0)
    expect(view(page, 1).locator(".streamwidget-demo")).to_be_visible()
    expect(view(page, 1).locator(".streamwidget-status")).to_contain_text(re.compile(r"complete · \d+ tokens"))
    assert live_text(page, 1) == printed_text(page, 2)

    page.run(3)
    page.finish(3)
    wait_longer(page, 3, 20)
    page.run(4)
    page.finish(4)
    page.run(5)
    wait_longer(page, 4, 20)
    page.finish(5)
    page.wait_output(5, "complete")
    text = printed_text(page, 6)
    for index in (3, 4):
        expect(view(page, index)).to_have_attribute("data-outcome", "complete")
        assert live_text(page, index) == text
    assert_no_error_of_ours(page)
