"""One notebook open in a page of JupyterLab or Notebook 7."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Error, Locator, expect

from tests.support.deadlines import SOON, START, until
from tests.support.kernels import AS_NEW
from tests.ui.server import Server
from tests.ui.tab import Tab

ARTEFACTS = Path(__file__).parent / "artefacts"
# Whose page is open: the notebook panel, and whether its kernel is ready for a cell.
_READY = """count => {
  const panel = window.jupyterapp?.shell?.currentWidget
  const kernel = panel?.sessionContext?.session?.kernel
  return panel?.content?.widgets?.length === count && kernel?.connectionStatus === 'connected'
    && kernel.status === 'idle'
}"""
_STATE = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget
  const kernel = panel?.sessionContext?.session?.kernel
  const asked = document.querySelector('.jp-Dialog')?.textContent
  return `not ready: ${panel?.content?.widgets?.length} cells, ${kernel?.connectionStatus}, ${kernel?.status}, ${asked}`
}"""
_RUN = """([command, index]) => {
  const app = window.jupyterapp
  const runs = window.streamwidgetRuns ??= {}
  if (index !== null) app.shell.currentWidget.content.activeCellIndex = index
  const key = String(index)
  runs[key] = false
  app.commands.execute(command).then(() => { runs[key] = true }, error => { runs[key] = String(error) })
}"""
# A kernel of a kind that the page did not know when it began must not be asked for in a dialog.
_OPEN = """async ([name, spec]) => {
  const app = window.jupyterapp
  const known = app.serviceManager.kernelspecs
  if (!known.specs?.kernelspecs[spec]) await known.refreshSpecs()
  await app.commands.execute('docmanager:open', { path: name, factory: 'Notebook' })
}"""
# JupyterLab draws what a cell printed only while it is on the screen.
_SHOWS = """([index, text]) => {
  const squeezed = words => words.replace(/\\s+/g, ' ').trim()
  const output = document.querySelectorAll('.jp-Notebook .jp-Cell')[index]?.querySelector('.jp-Cell-outputArea')
  if (!output) return false
  if (squeezed(output.textContent).includes(squeezed(text))) return true
  const { top, bottom } = output.getBoundingClientRect()
  if (top >= innerHeight || bottom <= 0) output.scrollIntoView({ block: 'nearest' })
  return false
}"""
_FAILURES = """() => [...window.jupyterapp.shell.currentWidget.content.widgets].flatMap((cell, index) =>
  (cell.model.toJSON().outputs ?? []).filter(output => output.output_type === "error")
    .map(({ ename, evalue, traceback }) => [index, ename, evalue, traceback.join("\\n").slice(-1500)]))"""
_PRINTED = """index => window.jupyterapp.shell.currentWidget.content.model.cells.get(index).outputs.toJSON()
  .filter(output => output.name === 'stdout').map(output => [output.text].flat().join('')).join('')"""
_RUN_AS_NEW = """async code => {
  const kernel = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel
  if (kernel?.connectionStatus !== 'connected') return null
  for (let waited = 0; kernel.status === 'busy' && waited < 60000; waited += 50) {  // with a page's last message
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  if (kernel.status !== 'idle') return null
  const reply = kernel.requestExecute({ code, store_history: false }).done
  const late = new Promise(resolve => setTimeout(resolve, 60000, null))
  return (await Promise.race([reply, late]))?.content.status === 'ok' ? kernel.id : null
}"""
_LEAVE = """() => {
  for (const widget of [...window.jupyterapp.shell.widgets('main')]) widget.dispose()
  for (const observer of window.streamwidgetObservers ?? []) observer.disconnect()
  for (const name of Object.keys(window)) {
    if (/^streamwidget[A-Z]/.test(name)) delete window[name]
  }
}"""


class NotebookPage:
    """One notebook in one page. Cells are counted from 0. Times are in seconds."""

    def __init__(self, server: Server, tab: Tab, name: str) -> None:
        self.server = server
        self.name = name
        self.tab = tab
        self.page = tab.page
        server.start_session(name)
        if self.page.url == "about:blank":
            self.page.goto(server.address(name))
        else:
            self.page.evaluate(_OPEN, [name, server.kernelspec(name)])
        self.wait_ready()

    @property
    def requests(self) -> list[str]:
        """The addresses that the page asked for."""
        return self.tab.requests

    @property
    def console(self) -> list[str]:
        """What the page wrote to its console."""
        return self.tab.console

    @property
    def path(self) -> Path:
        """The notebook's file."""
        return self.server.root / self.name

    @property
    def requests_elsewhere(self) -> list[str]:
        """The addresses that the page asked for which are not on this machine."""
        remote = ("http", "https", "ws", "wss")
        split = [(url, urlsplit(url)) for url in self.requests]
        return [url for url, parts in split if parts.scheme in remote and parts.hostname != "127.0.0.1"]

    def wait_ready(self, timeout: float = START) -> None:
        """Wait until the notebook is shown and its kernel is idle."""
        count = len(self.written().cells)
        try:
            self.page.wait_for_function(_READY, arg=count, timeout=timeout * 1000)
        except Error as error:
            raise AssertionError(f"{self.page.evaluate(_STATE)}, {self.screenshot('not-ready')}") from error

    def written(self) -> nbformat.NotebookNode:
        """Return the notebook as its file has it. A server that writes it empties it first."""
        whole: list[nbformat.NotebookNode] = []

        def read() -> bool:
            with contextlib.suppress(nbformat.reader.NotJSONError):
                whole.append(nbformat.read(self.path, 4))
            return bool(whole)

        until(read, "the file is whole")
        return whole[0]

    # -- cells

    def run(self, index: int) -> None:
        """Start a cell and return at once. ``finish`` waits for its end."""
        self.page.evaluate(_RUN, ["notebook:run-cell", index])

    def finish(self, index: int | None, timeout: float = SOON) -> None:
        """Wait until the run of the cell (None: of all cells) is over. Not after a reload: use ``wait_ready`` there."""
        self.page.wait_for_function(
            "key => window.streamwidgetRuns[key] !== false", arg=json.dumps(index), timeout=timeout * 1000
        )

    def run_all(self) -> None:
        """Start all cells and return at once. ``finish(None)`` waits for their end."""
        self.page.evaluate(_RUN, ["notebook:run-all-cells", None])

    def wait_answered(self) -> None:
        """Wait until the kernel has answered all that was sent to it, such as the aborted cells after a failed one."""
        kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        self.page.evaluate(f"() => {kernel}.requestKernelInfo().then(() => 0)")

    def wait_prompt(self, index: int, timeout: float = START) -> None:
        """Wait until the cell's prompt has its number: the end of a Run All of a lesson, whose last cell is code.

        Not ``finish(None)``: where a widget asks the kernel just between two cells, ipykernel 7.4 may lose the word
        that a cell is over, and JupyterLab's Run All then never resolves.
        """
        prompt = self.cell(index).locator(".jp-InputPrompt")
        try:
            expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=timeout * 1000)
        except AssertionError as error:
            raise AssertionError(f"the failures of the cells: {self.page.evaluate(_FAILURES)}") from error

    def cell(self, index: int) -> Locator:
        """Return the cell's element."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """Return the cell's output area."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def look_at(self, index: int) -> None:
        """Scroll to the cell's output. The page gives no layout to what is outside of the window."""
        self.output(index).evaluate("output => output.scrollIntoView({ block: 'nearest' })")

    def wait_output(self, index: int, text: str) -> None:
        """Wait until the cell's output contains ``text``. It is brought on the screen if it is not there."""
        with contextlib.suppress(Error):
            self.page.wait_for_function(_SHOWS, arg=[index, text])
            return
        expect(self.output(index)).to_contain_text(text, timeout=1000)  # with what is there instead

    def printed(self, index: int) -> str:
        """Wait until the cell has printed a line, and return all that it printed. It need not be on the screen."""
        return until(lambda: (text := self.page.evaluate(_PRINTED, index)).endswith("\n") and text, "a printed line")

    def stop_button(self, index: int) -> Locator:
        """Return the Stop button in the cell's output."""
        return self.output(index).get_by_role("button", name="Stop")

    # -- notebook and kernel

    def command(self, name: str) -> None:
        """Run one of the application's commands, and wait for its end."""
        self.page.evaluate("async name => { await window.jupyterapp.commands.execute(name) }", name)

    def save(self) -> nbformat.NotebookNode:
        """Save, and return the notebook as its file has it."""
        self.command("docmanager:save")
        return nbformat.read(self.path, 4)

    def interrupt(self) -> None:
        """Interrupt the kernel, as the page's button does."""
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")

    def restart(self) -> None:
        """Restart the kernel and wait until it is idle."""
        self.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.wait_ready()

    def reload(self, *, ready: bool = True) -> None:
        """Load the page anew. ``ready=False`` does not wait until the kernel is idle, because a cell still runs.

        By its address, since JupyterLab may not have noted yet which notebook of those that this page had is open.
        """
        self.page.goto(self.server.address(self.name))
        if ready:
            self.wait_ready()
        else:
            expect(self.cell(0)).to_be_visible(timeout=START * 1000)

    def reopen(self) -> None:
        """End the kernel and open the file again in a new page: nothing is left but what was saved."""
        self.tab.begin_anew()
        self.server.end_kernels()
        self.page = self.tab.page
        self.server.start_session(self.name)
        self.page.goto(self.server.address(self.name))
        self.wait_ready()

    def leave(self) -> bool:
        """Close all that is open in the page, unsaved, as if it had never been, and keep its kernel for the next one.

        JupyterLab's application stays. Notebook 7 has a page for each notebook: there the next one finds its files in
        the browser's cache.

        Returns
        -------
        bool
            False if the page is of no more use: the application asks something, of a kernel that died.
        """
        if kernel := self.page.evaluate(_RUN_AS_NEW, AS_NEW % self.server.environment(self.name)):
            self.server.keep_kernel(self.name, kernel)
        if self.server.app == "notebook7":
            self.tab.begin_anew()
            self.tab.forget()
            return True
        self.page.evaluate(_LEAVE)
        self.tab.forget()
        return self.page.locator(".jp-Dialog").count() == 0

    def screenshot(self, name: str) -> Path:
        """Save a picture of the page in ``tests/ui/artefacts`` and return its path."""
        ARTEFACTS.mkdir(exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path
