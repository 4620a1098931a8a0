"""The lab in a real browser: `make lite-test` builds it and runs this. It takes minutes, so `make test` does not.

The pages are served from a folder, by a server that knows only files. The lab may ask no other host for anything.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.support.deadlines import START
from tests.support.kernels import ROOT
from tests.ui.tab import CHROMIUM_FLAGS, find_chromium

LAB = ROOT / "dist" / "site" / "lab"
NOTEBOOKS = sorted(path.name for path in (LAB / "files").glob("*.ipynb"))
SOON = 1000 * START
_CELLS = """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells
  .filter((cell) => cell.cell_type === "code")"""
_OVER = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets.filter((cell) => cell.model.type === "code")
  const failed = (cell) => cell.model.outputs.toJSON().some((output) => output.output_type === "error")
  const ran = (cell) => !cell.model.sharedModel.source.trim() || cell.model.executionCount
  return cells.every(ran) || cells.some(failed)
}"""


class Server(ThreadingHTTPServer):
    """A tab that closes breaks its downloads off. Nobody needs to read about it."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass


class Files(SimpleHTTPRequestHandler):
    """Serves the folder, silently."""

    def log_message(self, *_: Any) -> None:
        pass


class Provider(BaseHTTPRequestHandler):
    """A server of chat completions at another address. Only below ``/open`` it allows pages of other sites (CORS)."""

    gone: threading.Event

    def do_OPTIONS(self) -> None:
        self._start(204)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._start(200)
        try:
            for number in range(2000):
                delta = {"choices": [{"index": 0, "delta": {"content": f"{number} "}}]}
                self.wfile.write(f"data: {json.dumps(delta)}\n\n".encode())
                time.sleep(0.05)
        except OSError:
            self.gone.set()

    def _start(self, status: int) -> None:
        self.send_response(status)
        if self.path.startswith("/open"):
            for name, value in {"Origin": "*", "Headers": "authorization, content-type", "Methods": "POST"}.items():
                self.send_header(f"Access-Control-Allow-{name}", value)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def serve(handler: Any) -> Iterator[str]:
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def lab() -> Iterator[str]:
    assert NOTEBOOKS, "The lab is not built: make lite"
    yield from serve(partial(Files, directory=str(LAB.parent)))


@pytest.fixture
def provider() -> Iterator[tuple[str, threading.Event]]:
    gone = threading.Event()
    for url in serve(type("One", (Provider,), {"gone": gone})):
        yield url, gone


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, lab: str, provider: tuple[str, threading.Event]) -> Iterator[Page]:
    """A new tab with an empty cache. What it asks of other hosts fails the test."""
    context = chromium.new_context()
    elsewhere: list[str] = []

    def let_through(route: Route) -> None:
        url = route.request.url
        if url.startswith((lab, provider[0])):
            route.fallback()
        else:
            elsewhere.append(url)
            route.abort()

    def expose(route: Route) -> None:
        """Let the test reach the lab's commands, as the setting of JupyterLab does."""
        response = route.fetch()
        settings = response.json()
        settings["jupyter-config-data"]["exposeAppInBrowser"] = True
        route.fulfill(response=response, json=settings)

    context.route("**/*", let_through)
    context.route("**/lab/jupyter-lite.json", expose)
    tab = context.new_page()
    tab.set_default_timeout(SOON)
    expect.set_options(timeout=SOON)
    yield tab
    context.close()
    assert elsewhere == []


def open_notebook(page: Page, lab: str, name: str) -> None:
    page.goto(f"{lab}/lab/lab/index.html?path={name}")
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel")


def open_empty(page: Page, lab: str) -> None:
    """Open the lab, and a new notebook in it."""
    page.goto(f"{lab}/lab/lab/index.html")
    page.wait_for_function("() => window.jupyterapp?.shell.currentWidget")
    page.evaluate("() => window.jupyterapp.restored")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:create-new', { kernelName: 'python' })")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel")


def run_cell(page: Page, code: str) -> None:
    """Run code in the last cell, and add an empty one."""
    page.evaluate(
        """(code) => {
          const { commands, shell } = window.jupyterapp
          const notebook = shell.currentWidget.content
          notebook.activeCellIndex = notebook.widgets.length - 1 // a click in an output has moved it
          notebook.activeCell.model.sharedModel.setSource(code)
          void commands.execute("notebook:run-cell-and-insert-below")
        }""",
        code,
    )


def last_outputs(page: Page) -> str:
    """Wait for the end of the cell before the empty one, and return what it printed and shows."""
    page.wait_for_function(f"() => ({_CELLS})().at(-2).execution_count")
    return json.dumps(page.evaluate(f"() => ({_CELLS})().at(-2).outputs"))


def test_an_answer_streams_and_stops(page: Page, lab: str) -> None:
    """From a cold tab: the text grows, the button ends it, and the saved cell says so."""
    begun = time.monotonic()
    open_empty(page, lab)
    run_cell(page, "%load_ext streamwidget")
    run_cell(page, "%chat count to 1000")
    text = page.locator(".streamwidget-text").last
    expect(text).to_contain_text("3")
    print(f"\nfirst answer {time.monotonic() - begun:.1f} s after a cold tab was opened")
    size = len(text.inner_text())
    page.wait_for_function(
        "(size) => [...document.querySelectorAll('.streamwidget-text')].at(-1).innerText.length > size", arg=size
    )
    page.get_by_role("button", name="Stop").last.click()
    shown = last_outputs(page)
    assert '"outcome": "cancelled"' in shown
    assert "\\n999" not in shown  # a line of the answer, in JSON


def test_a_chat_answers_in_the_tab(page: Page, lab: str) -> None:
    """A person types into ChatWidget and reads the answer."""
    open_empty(page, lab)
    run_cell(page, "import streamwidget as sw\nchat = sw.ChatWidget()\nchat")
    box = page.get_by_role("textbox", name="Prompt").last
    box.fill("count to 5")
    box.press("Enter")
    expect(page.locator(".streamwidget-text").last).to_contain_text("5")


def test_a_page_is_heard_beside_a_cell_that_awaits(page: Page, lab: str) -> None:
    """JupyterLite's kernel takes no message then: a tool's consent, a prompt of a chat, the Stop of one row."""
    open_empty(page, lab)
    run_cell(page, "import streamwidget as sw\nchat = sw.ChatWidget()\nchat")
    box = page.get_by_role("textbox", name="Prompt")
    box.wait_for()
    run_cell(page, "%load_ext streamwidget\ndef length(river: str) -> int:\n    return 1094")
    run_cell(page, "%chat --tools length How long is the Elbe?")
    consent = page.get_by_role("button", name="Run once")
    consent.wait_for()
    box.fill("count to 5")
    box.press("Enter")
    expect(page.locator(".streamwidget-text").first).to_contain_text("5")
    consent.click()
    assert "1094" in last_outputs(page)
    run_cell(
        page, "rows = await sw.batch(['count to 900', 'count to 3'], '{{text}}')\nprint(*(row.outcome for row in rows))"
    )
    page.get_by_role("button", name="Stop row 0").click()
    assert "cancelled complete" in last_outputs(page)


def test_a_stop_in_one_notebook_leaves_the_other_alone(page: Page, lab: str) -> None:
    """Each has a kernel, and both kernels call their first view "1"."""
    open_empty(page, lab)
    ask = "%load_ext streamwidget\n%chat --bg count to 2000"
    run_cell(page, ask)
    first = page.locator(".streamwidget")
    expect(first.locator(".streamwidget-text")).to_contain_text("3")
    notebook = page.evaluate("() => window.jupyterapp.shell.currentWidget.id")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:create-new', { kernelName: 'python' })")
    page.wait_for_function(
        "(id) => (w => w.id !== id && w.sessionContext?.session?.kernel)(window.jupyterapp.shell.currentWidget)",
        arg=notebook,
    )
    run_cell(page, ask)
    page.get_by_role("button", name="Stop").click()  # the one that is shown
    page.get_by_text("stopped by you").wait_for()
    page.evaluate("(id) => window.jupyterapp.shell.activateById(id)", notebook)
    shown = "() => document.querySelector('.streamwidget-text').innerText.length"
    page.wait_for_function(f"(size) => ({shown})() > size", arg=page.evaluate(shown))


def test_the_doctor_and_a_reload(page: Page, lab: str) -> None:
    """The page answers the doctor while the cell awaits. What was saved in the browser is resumed by its name."""
    open_empty(page, lab)
    run_cell(page, "%load_ext streamwidget")
    run_cell(page, "%chat --doctor")
    shown = last_outputs(page)
    assert "Nothing on the way fails or holds text back." in shown
    assert "streamwidget in this tab" in shown  # the page names itself
    run_cell(page, "%chat count to 3")
    assert "complete" in last_outputs(page)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    name = page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")

    open_notebook(page, lab, name)
    run_cell(page, "%load_ext streamwidget")
    run_cell(page, "%chat --resume")
    shown = last_outputs(page)
    name_it = re.search(r"%env JPY_SESSION_NAME=\S+(?=NAME\.ipynb`)", shown)
    assert name_it, shown
    run_cell(page, f"{name_it[0]}{name}")
    run_cell(page, "%chat --resume")
    assert f"Resumed 1 turn from {name}" in last_outputs(page)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_each_notebook_runs(page: Page, lab: str, name: str) -> None:
    """From top to bottom, with the lessons' own checks."""
    open_notebook(page, lab, name)
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(_OVER, timeout=2 * SOON)
    errors = [
        output for cell in page.evaluate(_CELLS) for output in cell["outputs"] if output["output_type"] == "error"
    ]
    assert errors == []


def test_a_real_server_needs_to_allow_the_page(page: Page, lab: str, provider: tuple[str, threading.Event]) -> None:
    """One that does streams, and a Stop closes its connection. One that does not is explained, in words to act on."""
    url, gone = provider
    open_empty(page, lab)
    ask = """
import streamwidget as sw
stream = sw.ChatClient("{}/v1", api_key="sk-of-this-test", model="m").stream("Hi")
try:
    async for event in stream:
        if len(stream.completion.text) > 20:
            stream.cancel()
except sw.StreamError as error:
    print(error)
print(stream.completion.outcome, repr(stream.completion.text))
"""
    run_cell(page, ask.format(f"{url}/open"))
    shown = last_outputs(page)
    assert "cancelled '0 1 2 3 4 5 6 7 8 9 10" in shown
    assert gone.wait(START)
    run_cell(page, ask.format(url))
    shown = last_outputs(page)
    assert f"does it allow pages of {lab} (CORS)?" in shown
    assert "http_error" in shown


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_each_link_leads_to_a_file_of_the_lab(name: str) -> None:
    """What is not in the lab is named with its address."""
    notebook = json.loads((LAB / "files" / name).read_text("utf-8"))
    words = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", words):
        assert (LAB / "files" / target).is_file(), target


def test_the_lab_has_only_files() -> None:
    """All that the pages load lies beside them: no wheel is compiled, and the Python is the one of npm."""
    runtime = LAB / "static" / "pyodide"
    lock = json.loads((runtime / "pyodide-lock.json").read_text("utf-8"))
    for package in lock["packages"].values():
        assert (runtime / package["file_name"]).is_file()
        assert Path(package["file_name"]).stem.endswith("-none-any")
