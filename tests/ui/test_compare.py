"""Models beside each other in a real page: one is stopped, the saved table, and a choice by keyboard that is saved."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import assert_no_error_of_ours

CELLS = [
    "%load_ext streamwidget",
    "%%chat -m demo -m demo-slow -m demo-401\nName three rivers.",
    "print(_chat.model, [turn.answer.text[:6] for turn in _conversation.turns])",
]

pytestmark = only_lab


def test_one_is_stopped_and_another_is_kept(open_notebook: OpenNotebook) -> None:
    """Each column has its own Stop. The saved form takes their place, and the pressed answer becomes the turn's.

    The columns stay where they were.
    """
    page = open_notebook(CELLS)
    page.run(0)
    page.finish(0)
    page.run(1)
    output = page.output(1)
    views = output.locator(".streamwidget")
    expect(views).to_have_count(3)
    expect(views.nth(1)).to_contain_text("Name")
    heading = output.get_by_text("2. demo-slow (").first
    before = heading.bounding_box()
    views.nth(1).get_by_role("button", name="Stop", exact=True).click()
    page.finish(1)
    expect(views).to_have_count(0)
    after = heading.bounding_box()
    assert before is not None
    assert after is not None
    assert max(abs(after[side] - before[side]) for side in ("x", "y")) < 4
    expect(output.locator("table").last.locator("tbody tr")).to_have_count(3)
    expect(output).to_contain_text("the first complete answer. Nobody has chosen.")
    keep = output.get_by_role("button", name="Keep this one")
    expect(keep).to_have_count(2)
    keep.nth(1).focus()
    page.page.keyboard.press("Enter")
    expect(output).to_contain_text("your choice")
    expect(keep.nth(1)).to_be_focused()
    page.run(2)
    page.finish(2)
    assert page.printed(2).startswith("demo-slow ['## N")
    assert_no_error_of_ours(page)
