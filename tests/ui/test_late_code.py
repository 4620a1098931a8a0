"""A page that is so busy that the code of each widget comes later than anywidget waits for it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import LOAD, view
from tests.ui.test_remedies import CUT

# anywidget waits no time at all. It takes its time from there, and 2 s of it.
_LATE = """() => {
  const timeout = AbortSignal.timeout
  window.streamwidgetInTime = () => { AbortSignal.timeout = timeout }
  AbortSignal.timeout = () => {
    const controller = new AbortController()
    queueMicrotask(() => controller.abort())
    return controller.signal
  }
}"""
_CHAT = "import streamwidget as sw\nchat = sw.ChatWidget()\nchat"
_KEPT = "%%chat --bg --keep\ncount to 9000"


@pytest.mark.fault("F14", "a chat answers, a cut answer goes on, a view streams and stops")
@only_lab
def test_widgets_whose_code_came_late_hear_their_kernel(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """A chat answers, a cut answer goes on, a view streams and stops: each model had been given up by anywidget."""
    # A kernel of its own: the tools of a kernel come to the page once.
    page = open_notebook([LOAD, _CHAT, CUT.format("late"), _KEPT], env={"STREAMWIDGET_TEST": "late"})
    page.page.evaluate(_LATE)
    for index in range(4):
        page.run(index)
        page.finish(index)
    prompt = page.output(1).get_by_role("textbox").first
    prompt.fill("count to 3")
    prompt.press("Enter")
    expect(page.output(1).locator(".streamwidget-text")).to_contain_text("1 2 3")
    page.output(2).get_by_role("button", name="Continue").press("Enter")
    expect(page.output(2).locator(".streamwidget-text")).to_contain_text("its end.")
    page.look_at(3)
    page.stop_button(3).click()
    expect(view(page, 3)).to_have_attribute("data-outcome", "cancelled")
    assert any("Failed to initialize model" in line for line in page.console)
    page.page.evaluate("window.streamwidgetInTime()")
