"""Kernels behind Jupyter's Kernel Gateway, with JupyterLab in front of it. ``make rooms`` runs it.

JupyterLab's server has no kernel of its own: it passes every message on to the gateway.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from streamwidget.demo import DemoServer
from tests.support.children import child
from tests.support.deadlines import SOON, START, until
from tests.support.hub import ask
from tests.support.kernels import ROOT, clean_environment
from tests.support.ports import closed_port
from tests.ui.lab import NotebookPage
from tests.ui.live import (
    LOAD,
    PRINT_TEXT,
    assert_no_error_of_ours,
    error_lines,
    live_text,
    numbers,
    printed_text,
    reload_until_found,
    saved_text,
    view,
    wait_longer,
    wait_static,
)
from tests.ui.server import Server
from tests.ui.tab import Tab
from tests.ui.test_chat_widget import Chat

GATEWAY = ROOT / ".venv-rooms" / "bin" / "python"
ENDLESS = "count to 9000"
# The page has drawn the notebook. After that a kernel answers soon.
SHOWN = "() => window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length > 0"

pytestmark = pytest.mark.timeout(1800)


class RemotePage(NotebookPage):
    """A page whose kernel is behind the gateway.

    JupyterLab opens its websocket twice, because jupyter_server does not speak the newer protocol to a gateway. Now and
    then the page's first request is lost between the two. The page then waits without end, and a person reloads it.
    """

    def wait_ready(self, timeout: float = START) -> None:
        def ready() -> bool:
            self.page.wait_for_function(SHOWN, timeout=START * 1000)
            try:
                super(RemotePage, self).wait_ready(60)
            except AssertionError:
                self.page.reload()
                return False
            return True

        until(ready, "the kernel answers in the page", timeout)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A JupyterLab whose kernels are the gateway's."""
    directory = tmp_path_factory.mktemp("lab")
    port = closed_port()
    private = {"JUPYTER_PATH": "share", "JUPYTER_CONFIG_DIR": "gateway", "JUPYTER_RUNTIME_DIR": "gateway"}
    env = clean_environment({name: str(directory / path) for name, path in private.items()})
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        # The server asks for the gateway's list of kernels, which is not given by default.
        options = [
            "--ip=127.0.0.1",
            f"--port={port}",
            "--port_retries=0",
            "--JupyterWebsocketPersonality.list_kernels=True",
        ]
        command = [str(GATEWAY), "-m", "kernel_gateway", *options]
        gateway = stack.enter_context(child(command, directory / "gateway.log", directory=directory, env=env))
        gateway.wait_until(lambda: ask(f"{url}/api", "")[0] == 200, "the gateway answers")
        server = Server("lab", directory, options=(f"--gateway-url={url}",))
        stack.callback(server.close)
        yield server


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Tab:
    return Tab(browser)


def opened(server: Server, tab: Tab, model: DemoServer, *cells: str) -> NotebookPage:
    """A notebook whose kernel is behind the gateway."""
    model.reset()
    tab.begin_anew()
    # The gateway gives its kernels nothing of its own environment.
    name = server.write_notebook([LOAD, *cells], env={"STREAMWIDGET_BASE_URL": model.url, "PYTHONPATH": str(ROOT)})
    page = RemotePage(server, tab, name)
    page.run(0)
    page.finish(0)
    return page


def test_an_answer_streams_and_stops(server: Server, tab: Tab, model: DemoServer) -> None:
    """To the last character. Stop and an interrupt reach the model, through the server and the gateway."""
    cells = ["%%chat\ncount to 100", PRINT_TEXT, f"%%chat\n{ENDLESS}", PRINT_TEXT, f"%%chat\n{ENDLESS}", PRINT_TEXT]
    page = opened(server, tab, model, *cells)
    page.run(1)
    wait_static(page, 1, "complete")
    assert saved_text(page, 1) == numbers(100)
    assert printed_text(page, 2) == numbers(100)

    page.run(3)
    wait_longer(page, 3, 40)
    shown = live_text(page, 3)
    page.stop_button(3).click()
    assert model.wait_for_requests(2, SOON)[1].left.wait(SOON)
    wait_static(page, 3, "stopped by you; the text so far is kept")
    assert saved_text(page, 3).startswith(shown)
    assert printed_text(page, 4).rstrip() == saved_text(page, 3)

    page.run(5)
    wait_longer(page, 5, 40)
    page.command("notebook:interrupt-kernel")
    assert model.wait_for_requests(3, SOON)[2].left.wait(SOON)
    wait_static(page, 5, "stopped by you; the text so far is kept")
    (line,) = error_lines(page, 5)
    assert "Interrupted: the stream is closed" in line
    assert printed_text(page, 6).rstrip() == saved_text(page, 5)
    assert_no_error_of_ours(page)


def test_a_page_is_reloaded_in_mid_stream(server: Server, tab: Tab, model: DemoServer, tmp_path: Path) -> None:
    """It goes on without a gap. Stop reaches it beside a cell that blocks, and the text is Python's."""
    # It ends well: a kernel aborts what is sent to it soon after an error.
    morning = tmp_path / "morning"
    asleep = (
        f"import os, time\nprint('asleep', flush=True)\nwhile not os.path.exists({str(morning)!r}): time.sleep(0.1)"
    )
    cells = [f"%%chat --bg --keep -o kept\n{ENDLESS}", "import json; print(json.dumps(kept.text))", asleep]
    page = opened(server, tab, model, *cells)
    page.run(1)
    wait_longer(page, 1, 40)
    before = live_text(page, 1)
    page.save()
    reload_until_found(page, 1)
    wait_longer(page, 1, len(before) + 40)
    assert live_text(page, 1).startswith(before)
    page.run(3)
    page.wait_output(3, "asleep")
    page.stop_button(1).click()
    assert model.requests[0].left.wait(SOON)
    expect(view(page, 1)).to_have_attribute("data-outcome", "cancelled")
    morning.touch()
    assert live_text(page, 1) == printed_text(page, 2).rstrip()
    assert numbers(9000).startswith(live_text(page, 1))
    assert_no_error_of_ours(page)


def test_a_chat_answers_is_reloaded_and_stops(server: Server, tab: Tab, model: DemoServer) -> None:
    """The chat is found again in the reloaded page. Its last answer still streams there, and Stop stops it."""
    page = opened(server, tab, model, "import streamwidget as sw\nsw.ChatWidget()")
    page.run(1)
    chat = Chat(page, page.output(1).locator(".streamwidget-chat"))
    chat.send("count to 100")
    chat.expect_outcomes("complete")
    assert (chat.answers.locator(".streamwidget-text").text_content() or "").strip() == numbers(100)
    chat.send(ENDLESS)
    expect(chat.answers).to_have_count(2)
    chat.wait_growth()
    page.save()
    reload_until_found(page, 1)
    expect(chat.answers).to_have_count(2)
    chat.wait_growth()
    chat.stop.click()
    chat.expect_outcomes("complete", "cancelled")
    assert model.wait_for_requests(2, SOON)[1].left.wait(SOON)
    assert_no_error_of_ours(page)


def test_a_kernel_is_killed(server: Server, tab: Tab, model: DemoServer) -> None:
    """The gateway starts it anew. The page keeps what came, and says that it is cut. The next is whole."""
    page = opened(server, tab, model, "import os; print(os.getpid())", f"%%chat --bg\n{ENDLESS}", "%%chat\ncount to 9")
    page.run(1)
    pid = int(page.printed(1))
    page.run(2)
    wait_longer(page, 2, 40)
    shown = live_text(page, 2)
    os.kill(pid, signal.SIGKILL)
    wait_static(page, 2, "kernel gone; the answer is cut")
    assert saved_text(page, 2).startswith(shown)
    assert numbers(9000).startswith(saved_text(page, 2))
    assert model.requests[0].left.wait(SOON)
    (output,) = page.save().cells[2].outputs
    assert output.data["text/plain"].startswith(saved_text(page, 2))
    page.wait_ready()
    page.run(0)
    page.finish(0)
    page.run(3)
    page.finish(3)
    wait_static(page, 3, "complete")
    assert saved_text(page, 3) == numbers(9)
    assert_no_error_of_ours(page)
