"""A real JupyterLab or Notebook 7 server, and one notebook open in its page."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.kernels import clean_environment, kernel_command

ARTEFACTS = Path(__file__).parent / "artefacts"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
# Whose page is open: the notebook panel, and whether its kernel is ready for a cell.
_READY = """count => {
  const panel = window.jupyterapp?.shell?.currentWidget
  const kernel = panel?.sessionContext?.session?.kernel
  return panel?.content?.widgets?.length === count && kernel?.connectionStatus === 'connected'
    && kernel.status === 'idle'
}"""
_RUN = """([command, index]) => {
  const app = window.jupyterapp
  const runs = window.streamwidgetRuns ??= {}
  if (index !== null) app.shell.currentWidget.content.activeCellIndex = index
  const key = String(index)
  runs[key] = false
  app.commands.execute(command).then(() => { runs[key] = true }, error => { runs[key] = String(error) })
}"""


def find_chromium() -> str:
    """Return the path of a Chromium or Chrome: ``CHROMIUM_PATH``, or one on the PATH."""
    for name in (os.environ.get("CHROMIUM_PATH", ""), *BROWSERS):
        if name and (path := shutil.which(name)):
            return path
    raise FileNotFoundError("no Chromium or Chrome found: install one, or set CHROMIUM_PATH to it (`make test` does)")


class Server:
    """A Jupyter server of its own: "lab" (JupyterLab) or "notebook7", on a free port, everything in ``directory``."""

    def __init__(self, app: str, directory: Path) -> None:
        self.app = app
        self.root = directory / "notebooks"
        self._kernels = directory / "share" / "kernels"
        self._token = uuid.uuid4().hex
        self._log = directory / "server.log"
        for path in (self.root, self._kernels):
            path.mkdir(parents=True)
        labconfig = directory / "config" / "labconfig"
        labconfig.mkdir(parents=True)
        # The announcements extension asks the network for news.
        disabled = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
        (labconfig / "page_config.json").write_text(json.dumps(disabled), encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        module, name = ("jupyterlab", "LabApp") if app == "lab" else ("notebook", "JupyterNotebookApp")
        command = [
            *(sys.executable, "-m", module, "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
            *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={self._token}"),
            *(f"--ServerApp.root_dir={self.root}", f"--{name}.expose_app_in_browser=True"),
            "--LabApp.extension_manager=readonly",
        ]
        private = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_PATH": "share",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        env = clean_environment({variable: str(directory / path) for variable, path in private.items()})
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=env, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.close()
            raise

    def write_notebook(
        self,
        cells: Sequence[str] | nbformat.NotebookNode,
        *,
        generation: str = "latest",
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Write a notebook whose kernel is of ``generation`` with ``env`` added, and return its name."""
        identity = uuid.uuid4().hex[:12]
        spec = {
            "argv": kernel_command(generation),
            "display_name": f"sw-{generation}",
            "language": "python",
            "env": dict(env or {}),
        }
        directory = self._kernels / f"sw-{generation}-{identity}"
        directory.mkdir()
        (directory / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        notebook = (
            cells
            if isinstance(cells, nbformat.NotebookNode)
            else new_notebook(cells=[new_code_cell(source) for source in cells])
        )
        notebook.metadata["kernelspec"] = {
            "name": directory.name,
            "display_name": spec["display_name"],
            "language": "python",
        }
        name = f"{identity}.ipynb"
        nbformat.write(notebook, self.root / name)
        return name

    def address(self, name: str) -> str:
        """Return the address of a notebook's page; in JupyterLab in a workspace of its own."""
        place = f"lab/workspaces/{uuid.uuid4().hex}/tree" if self.app == "lab" else "notebooks"
        return f"{self.url}/{place}/{name}?token={self._token}"

    def request(self, path: str, method: str = "GET") -> Any:
        """Ask the server's REST interface, e.g. ``request("api/sessions")``."""
        request = urllib.request.Request(
            f"{self.url}/{path}", method=method, headers={"Authorization": f"token {self._token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            body = response.read()
        return json.loads(body) if body else None

    def end_kernels(self) -> None:
        """End all sessions and their kernels."""
        for session in self.request("api/sessions"):
            self.request(f"api/sessions/{session['id']}", "DELETE")

    def close(self) -> None:
        """End the server, and with it its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.request("api/status")
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"{self.app} did not start:\n{self._log.read_text(errors='replace')}")


class NotebookPage:
    """One notebook in one page. Cells are counted from 0; times are in seconds."""

    def __init__(self, server: Server, context: BrowserContext, name: str) -> None:
        self.server = server
        self.name = name
        self.requests: list[str] = []
        self.console: list[str] = []
        self._context = context
        self.page: Page = context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda websocket: self.requests.append(websocket.url))
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.console.append(f"pageerror: {error}"))
        self.page.goto(server.address(name))
        self.wait_ready()

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

    def wait_ready(self, timeout: float = 60) -> None:
        """Wait until the notebook is shown and its kernel is idle."""
        count = len(nbformat.read(self.path, 4).cells)
        self.page.wait_for_function(_READY, arg=count, timeout=timeout * 1000)

    # -- cells

    def run(self, index: int) -> None:
        """Start a cell and return at once; ``finish`` waits for its end."""
        self.page.evaluate(_RUN, ["notebook:run-cell", index])

    def finish(self, index: int | None, timeout: float = 30) -> None:
        """Wait until the run of the cell (None: of all cells) is over. Not after a reload: use ``wait_ready`` there."""
        self.page.wait_for_function(
            "key => window.streamwidgetRuns[key] !== false", arg=json.dumps(index), timeout=timeout * 1000
        )

    def run_all(self) -> None:
        """Start all cells and return at once; ``finish(None)`` waits for their end."""
        self.page.evaluate(_RUN, ["notebook:run-all-cells", None])

    def wait_prompt(self, index: int, timeout: float = 120) -> None:
        """Wait until the cell's prompt has its number: the end of a Run All of a lesson, whose last cell is code.

        Not ``finish(None)``: where a widget asks the kernel just between two cells, ipykernel 7.4 may lose the word
        that a cell is over, and JupyterLab's Run All then never resolves.
        """
        expect(self.cell(index).locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]"), timeout=timeout * 1000)

    def cell(self, index: int) -> Locator:
        """Return the cell's element."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """Return the cell's output area."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def output_text(self, index: int) -> str:
        """Return what the cell's output area shows now, as text."""
        return self.output(index).inner_text() if self.output(index).count() else ""

    def wait_output(self, index: int, text: str, timeout: float = 20) -> None:
        """Wait until the cell's output contains ``text``."""
        expect(self.output(index)).to_contain_text(text, timeout=timeout * 1000)

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
        """Reload the page; ``ready=False`` does not wait for the kernel to be idle (a cell still runs)."""
        self.page.reload()
        if ready:
            self.wait_ready()
        else:
            expect(self.cell(0)).to_be_visible(timeout=30_000)

    def reopen(self) -> None:
        """End the kernel and open the file again in a new page: nothing is left but what was saved."""
        self.page.close()
        self.server.end_kernels()
        requests, console = self.requests, self.console
        self.__init__(self.server, self._context, self.name)  # type: ignore[misc]
        self.requests[:0] = requests
        self.console[:0] = console

    def screenshot(self, name: str) -> Path:
        """Save a picture of the page in ``tests/ui/artefacts`` and return its path."""
        ARTEFACTS.mkdir(exist_ok=True)
        path = ARTEFACTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path
