"""Notebooks, run as people run them without a page: by nbclient here, by papermill and nbconvert as commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode, v4

from tests.support.deadlines import START
from tests.support.kernels import clean_environment, kernel_ports, write_kernelspecs

KERNEL = "sw-latest"
_NOWHERE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
#: What is not for 127.0.0.1 goes to a proxy that is not there, so a request that leaves this machine fails.
OFFLINE = {
    **_NOWHERE,
    **{name.lower(): value for name, value in _NOWHERE.items()},
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
}


def notebook(*sources: str) -> NotebookNode:
    """Return a notebook with one code cell for each source."""
    cells = [v4.new_code_cell(source) for source in sources]
    return v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": KERNEL, "display_name": KERNEL}})


def execute(unrun: NotebookNode, directory: Path, env: Mapping[str, str]) -> None:
    """Run all cells by nbclient, in a kernel whose environment names no provider but ``env``'s."""
    write_kernelspecs(directory / "kernels", ("latest",))
    specs = KernelSpecManager(kernel_dirs=[str(directory / "kernels")], ensure_native_kernel=False)
    kernel = AsyncKernelManager(kernel_name=KERNEL, kernel_spec_manager=specs, **kernel_ports())
    client = NotebookClient(unrun, km=kernel, timeout=START, startup_timeout=START)
    client.execute(env=_environment(directory, env), cwd=str(directory), cleanup_kc=True)


def command(module: str, *arguments: str, directory: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``python -m module arguments`` in ``directory``, where the kernelspec ``KERNEL`` is known."""
    write_kernelspecs(directory / "kernels", ("latest",))
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=directory,
        env=_environment(directory, env) | {"JUPYTER_PATH": str(directory)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START,
        check=False,
    )


def outputs_of(run: NotebookNode, kind: str) -> list[dict[str, Any]]:
    """Return all outputs of one type, in order."""
    cells = (cell for cell in run.cells if cell.cell_type == "code")
    return [output for cell in cells for output in cell.outputs if output.output_type == kind]


def _environment(directory: Path, env: Mapping[str, str]) -> dict[str, str]:
    private = {"IPYTHONDIR": str(directory / "ipython"), "JUPYTER_CONFIG_DIR": str(directory / "config")}
    return clean_environment(OFFLINE | private | {"PATH": os.environ["PATH"], **env})
