"""What a person can do about an answer that is cut, in a view that is kept."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import LOAD, live_text, view

# The connection breaks after a few words, once.
BROKEN = """
import streamwidget as sw
stream = sw.ChatClient(retry=sw.RetryPolicy(attempts=1)).stream(
    "x", demo={"fault": "drop", "after": 6, "times": 1, "key": "%s", "text": "The beginning of it and the end of it."}
)
sw.StreamView(stream)
"""


@only_lab
@pytest.mark.parametrize("remedy", ["Retry", "Continue"])
def test_a_cut_answer_is_mended_where_it_stands(open_notebook: OpenNotebook, demo: DemoServer, remedy: str) -> None:
    """Retry puts a new answer in its place, Continue goes on where it ended. Both by keyboard, in the same view."""
    page = open_notebook([LOAD, BROKEN % remedy, "1"])
    page.run(0)
    page.run(1)
    root = view(page, 1)
    expect(root).to_have_attribute("data-outcome", "interrupted")
    expect(page.stop_button(1)).to_be_hidden()
    cut = live_text(page, 1).strip()
    assert "The beginning".startswith(cut[:3])
    button = root.get_by_role("button", name=remedy)
    button.focus()
    page.page.keyboard.press("Enter")
    expect(root).to_have_attribute("data-outcome", "complete")
    expect(root.get_by_role("button", name="Retry")).to_have_count(0)
    whole = live_text(page, 1).strip()
    assert whole.endswith("the end of it.")
    assert (whole == "The beginning of it and the end of it.") is (remedy == "Retry")
    assert whole.startswith(cut)
    # Enter was for the button: the notebook did not begin to edit the cell.
    expect(page.page.locator(".jp-Notebook.jp-mod-editMode")).to_have_count(0)
