"""What a person can do about an answer that is cut: in a view that is kept, and in a saved answer."""

from __future__ import annotations

import re

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
    root.get_by_role("button", name=remedy).press("Enter")
    expect(root).to_have_attribute("data-outcome", "complete")
    expect(root.get_by_role("button", name="Retry")).to_have_count(0)
    whole = live_text(page, 1).strip()
    assert whole.endswith("the end of it.")
    assert (whole == "The beginning of it and the end of it.") is (remedy == "Retry")
    assert whole.startswith(cut)
    # Enter was for the button: the notebook did not begin to edit the cell.
    expect(page.page.locator(".jp-Notebook.jp-mod-editMode")).to_have_count(0)


#: The same in a saved answer.
CUT = """%%chat -P 'demo={{"fault": "drop", "after": 6, "times": 1, "key": "{0}", "text": "It begins, and its end."}}'
{0}"""

REUSED = """%%chat --once --reuse -P 'demo={"text": "Kept."}'
Again"""
#: Here the file is the page's own.
RESUMED = """%chat --resume
print(*[turn.answer.outcome for turn in _conversation.turns])"""


@only_lab
def test_a_saved_answer_that_was_cut_goes_on_in_its_place(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Continue asks for the rest, also after a reload. The conversation has the whole. A new kernel offers nothing."""
    seen = "print(*[turn.answer.text.count('its end.') for turn in _conversation.turns])"
    cells = [LOAD, CUT.format("one"), CUT.format("two"), CUT.format("three"), seen, REUSED, RESUMED]
    # A kernel of its own: one that another notebook had before knows that notebook's file.
    page = open_notebook(cells, env={"STREAMWIDGET_TEST": "resume"})
    for index in range(4):
        page.run(index)
        page.finish(index)

    def go_on(index: int) -> None:
        button = page.output(index).get_by_role("button", name="Continue")
        expect(button).to_have_attribute("aria-disabled", "false")
        button.focus()
        page.page.keyboard.press("Enter")
        expect(page.output(index).locator(".streamwidget-text")).to_contain_text("its end.")
        expect(view(page, index)).to_have_count(0)  # a saved answer again
        expect(button).to_have_count(0)

    go_on(1)
    page.save()
    page.reload()
    go_on(2)
    page.run(4)
    page.wait_output(4, "1 1 0")
    saved = page.save()
    assert [[*cell.outputs[0].metadata] for cell in saved.cells[1:4]] == [[], [], ["streamwidget"]]
    page.restart()
    button = page.output(3).get_by_role("button", name="Continue")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", re.compile("Run again asks anew"))
    page.run(0)
    page.run(6)
    page.wait_output(6, "complete complete interrupted")
    page.run(5)
    page.wait_output(5, "complete")
    page.run(5)
    page.wait_output(5, "not asked again (--fresh asks)")  # a reused answer never looks live
