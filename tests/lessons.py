"""The notebooks with their answers, for readers: `make site` and `make lessons` run this. Not a test module.

The repository keeps the notebooks without outputs. Here they run, without a network. Their pages and their archive show
what came, also to people without Jupyter.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import shutil
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode, v4

from tests.site import LAB, LISTED, SITE
from tests.support.kernels import ROOT
from tests.support.notebooks import execute

VERSION = json.loads((ROOT / "js" / "package.json").read_text("utf-8"))["version"]
NOTEBOOKS = ROOT / "notebooks"
#: The notebooks after their run, the guides and the lecturer's notes. `.ci/site/pages.py` makes pages of them.
RUN = ROOT / "dist" / "lessons"
ARCHIVE = ROOT / "dist" / f"streamwidget-lessons-{VERSION}.zip"
#: A text with this link is for readers on GitHub. The pages have the answers already.
WITHOUT_ANSWERS = "(README.md#with-the-answers)"
LIVE = "(This is live in Jupyter. Run the notebook to use it.)"
_WIDGET = "application/vnd.jupyter.widget-view+json"


def numbered() -> list[Path]:
    """Return the guides and lessons, in order. The page for Voila has no number, and is nothing to read."""
    return sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def run(path: Path) -> None:
    """Run a notebook from top to bottom, and write it for readers."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(v4.new_code_cell(f"{inspect.getsource(print_saved_forms)}\nprint_saved_forms()"))
    with TemporaryDirectory() as directory:
        execute(notebook, Path(directory), {})
    # A kernel sends what is printed in one piece or in several, as its clock falls.
    printed = "".join(output.text for output in notebook.cells.pop().outputs if output.get("name") == "stdout")
    nbformat.write(for_readers(notebook, json.loads(printed)), RUN / path.name)
    print(path.stem)


def print_saved_forms() -> None:
    """Print the HTML of each widget that has a saved form, by its id. This runs in the kernel, after the last cell."""
    import json

    from ipywidgets import HTML, Box
    from ipywidgets.widgets import widget as widgets

    import streamwidget as sw
    from streamwidget._saved.budget import Budget
    from streamwidget._saved.conversation import conversation_html

    def form(widget: object) -> str:
        match widget:
            case sw.WireView():
                return widget._saved_form(Budget(len(widget.completion.text)))["text/html"]
            case sw.ChatWidget() if widget.conversation.turns:
                return conversation_html(widget.conversation.turns)
            case Box() if any(map(form, widget.children)):
                return "".join(child.value if isinstance(child, HTML) else form(child) for child in widget.children)
        return ""

    print(json.dumps({key: made for key, widget in widgets._instances.items() if (made := form(widget))}))


def for_readers(notebook: NotebookNode, forms: Mapping[str, str]) -> NotebookNode:
    """Leave what can be read without a kernel. ``forms`` has the HTML of widgets by their ids.

    The pages have no checks, and no frame of a server that has ended.
    """
    notebook.metadata.pop("widgets", None)
    one_output_a_loop = CoalesceStreamsPreprocessor()
    title = notebook.cells[0]
    title.source = "\n\n".join(part for part in title.source.split("\n\n") if WITHOUT_ANSWERS not in part)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of the run
        if "check" in cell.metadata.get("tags", ()):
            cell.metadata.tags.append("remove-cell")  # a tag of myst-nb
        one_output_a_loop.preprocess_cell(cell, {}, 0)
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if widget := data.pop(_WIDGET, None):
                data.update(
                    {"text/plain": LIVE} | ({"text/html": form} if (form := forms.get(widget["model_id"])) else {})
                )
            elif "<iframe" in data.get("text/html", ""):
                output.data = NotebookNode({"text/plain": LIVE})
    return notebook


def notes() -> str:
    """Return the lecturer's notes as the pages have them: without the section that leads to the pages."""
    text = (NOTEBOOKS / "README.md").read_text("utf-8")
    return re.sub(r"## With the answers\n.*?(?=\n## |\Z)", "", text, flags=re.DOTALL)


def run_all() -> None:
    """Run all of them, two at a time, because they mostly wait for the pace of an answer. Guides do not run."""
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    for guide in NOTEBOOKS.glob("*.md"):
        shutil.copy(guide, RUN)
    (RUN / "README.md").write_text(notes(), "utf-8")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, numbered()))


def archive() -> None:
    """Write the archive of a release: the notebooks with their outputs, and the pages."""
    with zipfile.ZipFile(ARCHIVE, "w", zipfile.ZIP_DEFLATED) as made:
        for folder, name in ((RUN, "notebooks"), (SITE, "pages")):
            for path in sorted(folder.rglob("*")):
                place = path.relative_to(folder)
                if path.is_file() and not path.name.startswith(".") and place.parts[0] not in (LAB, LISTED):
                    made.write(path, Path(ARCHIVE.stem, name, place))
        made.writestr(f"{ARCHIVE.stem}/pages/{LISTED}", "")
    print(ARCHIVE.relative_to(ROOT))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run the notebooks, or pack them for a release.")
    parser.add_argument("work", choices=("run", "archive"))
    {"run": run_all, "archive": archive}[parser.parse_args().work]()
