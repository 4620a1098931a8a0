"""A page that is reloaded in mid-stream goes on without a gap, and has the answer at the end, in the notebook too."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.ui.conftest import OpenNotebook
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
def test_a_view_continues_in_a_reloaded_page(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """The reloaded page shows all that came, goes on, and can stop it; its text is Python's, to the character."""
    page = open_notebook([LOAD, "%%chat --bg --keep\ncount to 9000", PRINT_TEXT])
    page.run(0)
    page.run(1)
    wait_longer(page, 1, 40)
    before = live_text(page, 1)
    page.save()
    page.reload()
    wait_longer(page, 1, len(before))
    assert live_text(page, 1).startswith(before)
    wait_longer(page, 1, len(live_text(page, 1)))
    page.stop_button(1).click()
    expect(view(page, 1)).to_have_attribute("data-outcome", "cancelled")
    assert demo.requests[0].left.wait(SOON)
    assert live_text(page, 1) == printed_text(page, 2).rstrip()
    assert_no_error_of_ours(page)


@pytest.mark.fault("F2", "the answer is still there: in _chat, in the page, and in the file once that is saved")
@pytest.mark.parametrize("background", [True, False], ids=["bg", "awaited"])
def test_the_saved_answer_reaches_a_reloaded_page(
    open_notebook: OpenNotebook, demo: DemoServer, background: bool
) -> None:
    """The kernel's own replacement misses a page that was reloaded, so the page makes it; the file has the answer."""
    page = open_notebook([LOAD, f"%%chat{' --bg' if background else ''}\ncount to 60", PRINT_TEXT])
    page.run(0)
    page.run(1)
    wait_longer(page, 1, 20)
    assert WIDGET in page.save().cells[1].outputs[0].data
    # In an awaited cell the page finds its kernel, and with it the view, when the cell has ended.
    page.reload()
    wait_static(page, 1, "complete")
    assert saved_text(page, 1) == printed_text(page, 2).rstrip()
    (output,) = page.save().cells[1].outputs
    assert WIDGET not in output.data
    assert "complete" in output.data["text/plain"]
    assert_no_error_of_ours(page)
