"""Answers in an ipywidgets Output or Tab: no notebook output that could be replaced. They stay where they are."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.ui.conftest import OpenNotebook
from tests.ui.live import assert_no_error_of_ours

SHOW = """
import ipywidgets as w, streamwidget as sw
shown, later = w.Output(), w.Output()
display(w.Tab([shown]))
with shown:
    await sw.show(["An answer in a tab."])
with later:
    await sw.show(["An answer for later."])
"""
MANY = "for n in range(25):\n    await sw.show([f'answer {n}'])"


def test_an_answer_in_an_output_outlives_many_others(open_notebook: OpenNotebook) -> None:
    """One that is shown in a Tab, and one whose Output is shown after 25 more answers."""
    page = open_notebook([SHOW, MANY, "display(later)"])
    page.run(0)
    answer = page.output(0).get_by_text("An answer in a tab.")
    expect(answer).to_be_visible()
    page.run(1)
    expect(page.output(1).get_by_text("answer 24")).to_be_visible()
    expect(answer).to_be_visible()
    page.run(2)
    expect(page.output(2).get_by_text("An answer for later.")).to_be_visible()
    assert_no_error_of_ours(page)
