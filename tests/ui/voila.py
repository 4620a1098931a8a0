"""A real Voila server. Not a test module."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.support.children import child
from tests.support.deadlines import SOON
from tests.support.kernels import clean_environment
from tests.support.ports import closed_port


@contextmanager
def voila_server(directory: Path, notebooks: Mapping[str, Sequence[str]], model: str) -> Iterator[str]:
    """Serve notebooks, each a name with its cells, beside those that ``directory / "pages"`` has already.

    Yield the address, to which the name of a notebook is added. ``model`` is the address of the kernels' provider.
    """
    pages = directory / "pages"
    pages.mkdir(exist_ok=True)
    for name, cells in notebooks.items():
        nbformat.write(new_notebook(cells=[new_code_cell(source) for source in cells]), pages / f"{name}.ipynb")
    port = closed_port()
    private = {name: str(directory) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    own = {"IPYTHONDIR": str(directory / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1"}
    env = clean_environment(private | own | {"STREAMWIDGET_BASE_URL": model})
    command = [sys.executable, "-m", "voila", str(pages), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    with child(command, directory / "voila.log", directory=directory, env=env) as server:
        server.wait_until(lambda: answers(f"http://127.0.0.1:{port}/voila/static/"), "Voila answers")
        yield f"http://127.0.0.1:{port}/voila/render/"


def answers(url: str) -> bool:
    """Return True if somebody answers, whatever the answer is. OSError: nobody does."""
    try:
        with urllib.request.urlopen(url, timeout=SOON):
            return True
    except urllib.error.HTTPError:
        return True
