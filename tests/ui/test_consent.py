"""Consent in a real page: the cell awaits, the person clicks, and the tool runs or the model is told why not."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.tool_models import MODEL_IN_CELL
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import assert_no_error_of_ours, saved_text, view, wait_static

HOSTILE = "<img src=x onerror=alert(1)>"
#: A busy machine may load the page slowly.
PATIENT = """
from streamwidget._client import tool_loop
tool_loop.PAGE_PATIENCE = 600
%load_ext streamwidget
"""
MODEL = PATIENT + MODEL_IN_CELL.replace('"path": "x"', f'"path": "{HOSTILE}"')
CHAT = "chat = sw.ChatWidget(it, tools=[remove])\nchat"
SAID = "print(len(ran), 'runs')"
ASK = "%%chat --once --client it --tools remove\nRemove it."


@only_lab
@pytest.mark.fault("T10", "they are text in the page")
def test_the_person_refuses_and_lets_it_run(open_notebook: OpenNotebook, request: pytest.FixtureRequest) -> None:
    """The answer reaches the kernel while the cell awaits. The arguments are text. The saved answer has the step."""
    page = open_notebook([MODEL, ASK, "print('ran', ran)", ASK, "print('then', len(ran))", CHAT, SAID])
    page.run_all()
    box = view(page, 1).locator(".streamwidget-ask")
    expect(box).to_contain_text(HOSTILE)
    expect(box.locator("img")).to_have_count(0)
    box.get_by_role("textbox").fill("It is dear to me.")
    box.get_by_role("button", name="Refuse").click()
    page.wait_output(2, "ran []")
    wait_static(page, 1, "complete")
    assert "The reason: It is dear to me." in saved_text(page, 1)

    page.look_at(3)
    view(page, 3).locator(".streamwidget-ask").get_by_role("button", name="Run once").click()
    page.wait_output(4, "then 1")
    wait_static(page, 3, "complete")
    assert "The tool said: removed" in saved_text(page, 3)

    # A chat box asks too, after its cell is over.
    page.look_at(5)
    page.output(5).get_by_role("textbox", name="Prompt").fill("Remove it.")
    page.output(5).get_by_role("textbox", name="Prompt").press("Enter")
    box = view(page, 5).locator(".streamwidget-ask")
    expect(box).to_contain_text("<img src=x onerror=alert(1)>")
    box.get_by_role("button", name="Run once").click()
    expect(view(page, 5)).to_have_attribute("data-outcome", "complete")
    expect(view(page, 5).locator(".streamwidget-text")).to_have_text("The tool said: removed")
    page.run(6)
    page.wait_output(6, "2 runs")
    page.finish(None)
    assert_no_error_of_ours(page)
