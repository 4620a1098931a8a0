"""Build the lab: JupyterLite with this package, whose Python runs in the reader's browser. `make lite` runs this.

Everything comes from PyPI and npm, and the pages fetch nothing from elsewhere. By itself JupyterLite takes Pyodide's
packages from a CDN. Here the lock file names pure wheels that lie beside it, and the browser loads all of them at once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
LAB = ROOT / "dist" / "site" / "lab"
#: Of npm's package. The rest of it is for Node and for programmers.
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
#: The guides and lessons that run in a tab. The others need a thread, a socket or a library that a tab cannot have.
NOTEBOOKS = ("00", "01", "10", "12", "13", "16")
#: A link to a page that is not in the lab. The site has the answers.
WITH_ANSWERS = "(README.md#with-the-answers)"
IN_A_TAB = """
**In this browser tab** Python runs in the page, and the demo server with it. The browser keeps your copy of this
notebook. *Interrupt the kernel* does nothing here, so use Stop. To ask a real model, choose a provider that allows web
pages, and enter its key where a cell asks for it:
`import getpass, os; os.environ["OPENROUTER_API_KEY"] = getpass.getpass()`, and then `%%chat -p openrouter -m MODEL`.
"""
KERNEL = "@jupyterlite/pyodide-kernel-extension"
#: Of two versions of this stand-in, the one for ipywidgets 7.
UNUSED = "widgetsnbextension-3"


def build(wheels: Path, pyodide: Path) -> None:
    """Write the lab's folder anew.

    Parameters
    ----------
    wheels : Path
        The folder with the wheels of this package and of what it needs.
    pyodide : Path
        The package of npm.
    """
    shutil.rmtree(LAB, ignore_errors=True)
    with TemporaryDirectory() as name:
        source = Path(name)
        packages = _write_runtime(source / "static" / "pyodide", wheels, pyodide)
        _write_notebooks(source / "files")
        (source / "jupyter-lite.json").write_text(json.dumps(_settings(packages)), "utf-8")
        command = [sys.executable, "-m", "jupyterlite_core.app", "build", "--apps", "lab", "--no-sourcemaps"]
        command += ["--lite-dir", str(source), "--contents", "files", "--output-dir", str(LAB)]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{done.stdout}\n{done.stderr}")


def _write_runtime(folder: Path, wheels: Path, pyodide: Path) -> list[str]:
    """Write Pyodide with a lock file that names our wheels. Return their names."""
    folder.mkdir(parents=True)
    for name in RUNTIME:
        shutil.copy(pyodide / name, folder)
    kernels = Path(sys.prefix, "share/jupyter/labextensions", KERNEL, "static/pypi")
    found = [*wheels.glob("*.whl"), *(path for path in kernels.glob("*.whl") if not path.name.startswith(UNUSED))]
    packages = {}
    for wheel in sorted(found):
        if not wheel.name.endswith("-none-any.whl"):
            sys.exit(f"{wheel.name} is not a pure wheel, so a tab cannot load it.")
        shutil.copy(wheel, folder)
        entry = _entry(wheel)
        packages[entry["name"]] = entry
    info = json.loads((pyodide / "pyodide-lock.json").read_text("utf-8"))["info"]
    (folder / "pyodide-lock.json").write_text(json.dumps({"info": info, "packages": packages}), "utf-8")
    return sorted(packages)


def _entry(wheel: Path) -> dict[str, object]:
    name, version = wheel.name.split("-")[:2]
    with zipfile.ZipFile(wheel) as archive:
        files = [file for file in archive.namelist() if file.endswith(".py") and ".data/" not in file]
    return {
        "name": re.sub(r"[-_.]+", "-", name).lower(),
        "version": version,
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted({file.split("/")[0].removesuffix(".py") for file in files}),
        "depends": [],  # all of them are loaded
        "unvendored_tests": False,
    }


def _write_notebooks(folder: Path) -> None:
    """Write the notebooks, without outputs: the reader makes them. The first cell says what differs in a tab."""
    folder.mkdir()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        if path.name.startswith(NOTEBOOKS):
            notebook = json.loads(path.read_text("utf-8"))
            title = notebook["cells"][0]
            parts = "".join(title["source"]).split("\n\n")
            title["source"] = "\n\n".join([*(part for part in parts if WITH_ANSWERS not in part), IN_A_TAB.strip()])
            (folder / path.name).write_text(json.dumps(notebook), "utf-8")


def _settings(packages: list[str]) -> dict[str, object]:
    kernel = {"disablePyPIFallback": True, "loadPyodideOptions": {"packages": packages}}
    return {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "streamwidget in this tab",
            "disabledExtensions": ["@jupyterlab/apputils-extension:announcements"],  # it asks the network for news
            "litePluginSettings": {f"{KERNEL}:kernel": kernel},
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheels", type=Path)
    parser.add_argument("pyodide", type=Path)
    arguments = parser.parse_args()
    build(arguments.wheels, arguments.pyodide)
