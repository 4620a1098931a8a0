"""A page that is reloaded in mid-stream goes on without a gap, and has the answer at the end, in the notebook too."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON, START, until
from tests.ui.conftest import OpenNotebook
from tests.ui.lab import NotebookPage
from tests.ui.live import (
    LOAD,
    PRINT_TEXT,
    assert_no_error_of_ours,
    live_text,
    printed_text,
    saved_text,
    view,
    wait_longer,
    wait_static,
)

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.mark.fault("F1", "all that came, then the rest, without a gap; Stop works")
@pytest.mark.fault("F2", "the answer is still there: in _chat, in the page, and in the file once that is saved")
def test_views_continue_and_saved_answers_come_in_a_reloaded_page(
    open_notebook: OpenNotebook, demo: DemoServer
) -> None:
    """The reloaded page shows all that came, goes on, and can stop it. Its text is Python's, to the character.

    A page that was reloaded does not get the kernel's replacement, so it makes its own. The file has the answer.
    """
    short = "count to 150"
    long, printed = "%%chat --bg --keep -o kept\ncount to 9000", "import json; print(json.dumps(kept.text))"
    page = open_notebook([LOAD, long, printed, f"%%chat --bg\n{short}", f"%%chat\n{short}", PRINT_TEXT])
    page.run(0)
    page.run(1)
    wait_longer(page, 1, 40)
    before = live_text(page, 1)
    page.run(3)
    wait_longer(page, 3, 20)
    assert WIDGET in page.save().cells[3].outputs[-1].data
    reload_until_found(page, 1)
    wait_longer(page, 1, len(before))
    assert live_text(page, 1).startswith(before)
    wait_longer(page, 1, len(live_text(page, 1)))
    page.stop_button(1).click()
    expect(view(page, 1)).to_have_attribute("data-outcome", "cancelled")
    assert demo.requests[0].left.wait(SOON)
    assert live_text(page, 1) == printed_text(page, 2).rstrip()
    wait_static(page, 3, "complete")
    in_background = saved_text(page, 3)

    # In an awaited cell the page finds its kernel, and with it the view, when the cell has ended.
    page.run(4)
    wait_longer(page, 4, 20)
    assert WIDGET in page.save().cells[4].outputs[-1].data
    page.reload()
    wait_static(page, 4, "complete")
    assert saved_text(page, 4) == printed_text(page, 5).rstrip() == in_background
    saved = page.save().cells
    for index in (3, 4):
        assert WIDGET not in str(saved[index].outputs)
        assert "complete" in saved[index].outputs[-1].data["text/plain"]
    assert_no_error_of_ours(page)


def reload_until_found(page: NotebookPage, index: int) -> None:
    """Load the page anew until it shows the cell's live view, as a reader would on a busy machine.

    The host gives the kernel 4 s to list its widgets and then shows "model not found" until the page is loaded again.
    No code of ours runs in that page. Any other error, and a view that never comes, fails here.
    """
    not_found = page.output(index).get_by_text("model not found")

    def found() -> bool:
        page.reload()
        expect(view(page, index).or_(not_found).first).to_be_visible(timeout=START * 1000)
        return not_found.count() == 0

    until(found, "the page finds its widget", START)
