"""The saved notebook, opened by somebody else tomorrow: the answer is there, without a kernel and without trust."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD, assert_no_error_of_ours, wait_longer, wait_static

CELLS = [LOAD, "%%chat\nWhat is a stream?", "%%chat\ncount to 9000", "%%chat -m demo-drop\nWhat breaks?"]
TRUSTED = "index => window.jupyterapp.shell.currentWidget.content.model.cells.get(index).trusted"


def assert_answers(page: NotebookPage) -> None:
    """All three answers are shown as they ended, and none as a widget."""
    whole = page.output(1)
    expect(whole.get_by_role("heading", name="What is a stream")).to_be_visible()
    expect(whole.locator("table")).to_contain_text("deltas per second")
    expect(whole.locator("pre")).to_contain_text("return deltas / seconds")
    expect(whole).to_contain_text("complete · ")
    expect(whole.get_by_text("demo", exact=True).first).to_be_visible()
    expect(page.output(2)).to_contain_text("stopped by you; the text so far is kept")
    expect(page.output(2)).to_contain_text("1\n2\n3")
    expect(page.output(3)).to_contain_text("connection lost")
    expect(page.page.locator(".jp-Notebook")).not_to_contain_text("Error displaying widget")
    expect(page.page.locator(".jp-Notebook")).not_to_contain_text("Loading widget")
    for button in ("Stop", "Retry", "Continue"):
        expect(page.page.locator(".jp-Notebook").get_by_role("button", name=button, exact=True)).to_have_count(0)


@pytest.mark.smoke
@pytest.mark.fault("S14", "opened again, trusted or not, with a kernel or without: the answers as they ended")
def test_a_reopened_notebook_has_the_answers(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Run, saved, the kernel shut down: a new page shows the answers, also untrusted, and with no kernel at all."""
    page = open_notebook(CELLS)
    page.run_all()
    wait_longer(page, 2, 20)
    page.stop_button(2).click()
    page.finish(None)
    wait_static(page, 3, "connection lost")
    assert_answers(page)
    saved = page.save()
    page.reopen()
    assert_answers(page)
    assert_no_error_of_ours(page)

    # A file from another server is not trusted. Its kernel is not here.
    del saved.metadata["kernelspec"]
    nbformat.write(saved, page.path)
    page.server.end_kernels()
    page.reload(ready=False)
    page.page.locator(".jp-Dialog").get_by_role("button", name="No Kernel").click()
    assert not page.page.evaluate(TRUSTED, 1)
    assert_answers(page)
    assert page.name not in [session["path"] for session in page.server.request("api/sessions")]
    assert_no_error_of_ours(page)
