"""The doctor in a real page: the comm and the page itself, and then the same with a slow websocket."""

from __future__ import annotations

from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import LOAD, assert_no_error_of_ours

PRINT = "print(report.verdict.hop, [(finding.hop, finding.state) for finding in report.findings[-3:]])"
# What the kernel sends comes late, and in its order. 0 makes it quick again.
_LATE = """late => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
  const socket = kernel._ws
  const receive = window.streamwidgetReceive ??= socket.onmessage
  socket.onmessage = late === 0 ? receive : event => setTimeout(() => receive.call(socket, event), late)
}"""

pytestmark = only_lab


def test_the_way_to_the_page(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """A healthy page is named with its version. A slow websocket is named, and not the model."""
    page = open_notebook([LOAD, "report = %chat --doctor", PRINT])
    page.run(0)
    page.run(1)
    page.finish(1)
    page.wait_output(1, "The page is JupyterLab 4.")
    expect(page.output(1)).to_contain_text("Nothing on the way fails or holds text back.")
    expect(page.output(1).locator("summary")).to_have_text("The table for an issue")
    page.screenshot("doctor")
    page.run(2)
    page.finish(2)
    assert page.printed(2) == "None [('kernel', 'ok'), ('comm', 'ok'), ('page', 'ok')]\n"
    page.page.evaluate(_LATE, 500)
    page.run(1)
    page.finish(1)
    page.run(2)
    page.finish(2)
    assert page.printed(2) == "comm [('kernel', 'ok'), ('comm', 'slow'), ('page', 'ok')]\n"
    page.page.evaluate(_LATE, 0)
    assert_no_error_of_ours(page)
