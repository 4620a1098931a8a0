"""A real JupyterLab or Notebook 7 server."""

from __future__ import annotations

import hashlib
import json
import sys
import urllib.request
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.support.children import child
from tests.support.deadlines import SOON
from tests.support.kernels import clean_environment, kernel_command
from tests.support.ports import closed_port


class Server:
    """A Jupyter server of its own: "lab" (JupyterLab) or "notebook7", on a free port, everything in ``directory``.

    ``python`` is that of its environment, and ``options`` are added to its command. Kernels are the tests' own.
    """

    def __init__(
        self, app: str, directory: Path, *, python: Path = Path(sys.executable), options: Sequence[str] = ()
    ) -> None:
        self.app = app
        self.root = directory / "notebooks"
        self._kernels = directory / "share" / "kernels"
        self._token = uuid.uuid4().hex
        self._specs: dict[str, str] = {}  # notebook -> its kernelspec
        self._spares: dict[str, list[str]] = defaultdict(list)  # kernelspec -> its kernels that no notebook uses
        for path in (self.root, self._kernels):
            path.mkdir(parents=True)
        labconfig = directory / "config" / "labconfig"
        labconfig.mkdir(parents=True)
        # The announcements extension asks the network for news.
        disabled = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
        (labconfig / "page_config.json").write_text(json.dumps(disabled), encoding="utf-8")
        port = closed_port()
        self.url = f"http://127.0.0.1:{port}"
        module, name = ("jupyterlab", "LabApp") if app == "lab" else ("notebook", "JupyterNotebookApp")
        command = [
            *(str(python), "-m", module, "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
            *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={self._token}"),
            *(f"--ServerApp.root_dir={self.root}", f"--{name}.expose_app_in_browser=True"),
            *("--LabApp.extension_manager=readonly", *options),
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
        with ExitStack() as stack:
            started = stack.enter_context(child(command, directory / "server.log", directory=directory, env=env))
            started.wait_until(lambda: self.request("api/status"), f"{app} answers")
            self._running = stack.pop_all()

    def write_notebook(
        self,
        cells: Sequence[str] | nbformat.NotebookNode,
        *,
        generation: str = "latest",
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Write a notebook whose kernel is of ``generation`` with ``env`` added, and return its name."""
        spec = self._kernelspec(generation, dict(env or {}))
        notebook = (
            cells
            if isinstance(cells, nbformat.NotebookNode)
            else new_notebook(cells=[new_code_cell(source) for source in cells])
        )
        notebook.metadata["kernelspec"] = {"name": spec, "display_name": spec, "language": "python"}
        name = f"{uuid.uuid4().hex[:12]}.ipynb"
        nbformat.write(notebook, self.root / name)
        self._specs[name] = spec
        return name

    def _kernelspec(self, generation: str, env: dict[str, str]) -> str:
        """Write the kernelspec if there is none yet, and return its name."""
        spec = {"argv": kernel_command(generation), "language": "python", "env": env}
        identity = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:12]
        directory = self._kernels / f"sw-{generation}-{identity}"
        if not directory.exists():
            directory.mkdir()
            named = json.dumps(spec | {"display_name": directory.name})
            (directory / "kernel.json").write_text(named, encoding="utf-8")
        return directory.name

    def start_session(self, name: str) -> None:
        """Start the notebook's kernel before its page is open, or give it a spare one of its kind."""
        spec = self.kernelspec(name)
        kernel = {"id": self._spares[spec].pop()} if self._spares[spec] else {"name": spec}
        self.request("api/sessions", "POST", {"path": name, "name": name, "type": "notebook", "kernel": kernel})

    def start_spare(self, name: str) -> None:
        """Start a kernel of the notebook's kind, if none is spare. A later notebook of that kind gets it."""
        spec = self.kernelspec(name)
        if not self._spares[spec]:
            self._spares[spec].append(self.request("api/kernels", "POST", {"name": spec})["id"])

    def keep_kernel(self, name: str, kernel: str) -> None:
        """Keep the notebook's kernel for a later one of its kind."""
        self._spares[self.kernelspec(name)].append(kernel)

    def environment(self, name: str) -> dict[str, str]:
        """Return what the notebook's kernelspec adds to its kernel's environment."""
        spec = json.loads((self._kernels / self.kernelspec(name) / "kernel.json").read_text("utf-8"))
        return dict(spec["env"])

    def kernelspec(self, name: str) -> str:
        """Return the name of the kernelspec that the notebook was written with."""
        return self._specs[name]

    def address(self, name: str) -> str:
        """Return the address of a notebook's page. In JupyterLab it has a workspace of its own."""
        place = f"lab/workspaces/{uuid.uuid4().hex}/tree" if self.app == "lab" else "notebooks"
        return f"{self.url}/{place}/{name}?token={self._token}"

    def request(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> Any:
        """Ask the server's REST interface, e.g. ``request("api/sessions")``."""
        request = urllib.request.Request(
            f"{self.url}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"token {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=SOON) as response:
            body = response.read()
        return json.loads(body) if body else None

    def end_kernels(self) -> None:
        """End all kernels but the spare ones, and with them their sessions."""
        spare = {kernel for kernels in self._spares.values() for kernel in kernels}
        for kernel in self.request("api/kernels"):
            if kernel["id"] not in spare:
                self.request(f"api/kernels/{kernel['id']}", "DELETE")

    def close(self) -> None:
        """End the server, and with it its kernels."""
        self._running.close()
