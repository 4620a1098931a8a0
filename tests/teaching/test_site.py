"""The pages of the lessons: every notebook is on them, with what a reader can see without a kernel."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from tests.lessons import LIVE, NOTEBOOKS, WITHOUT_ANSWERS, for_readers, numbered
from tests.support.kernels import ROOT

SITE = ROOT / ".ci" / "site"
WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}


def test_the_first_page_lists_every_notebook_and_the_notes() -> None:
    """In the order of their numbers, and each once."""
    listed = re.findall(r"^(\w+)$", (SITE / "index.md").read_text("utf-8"), re.MULTILINE)
    assert listed == [*(path.stem for path in numbered()), "README"]


def test_the_pages_fetch_nothing() -> None:
    """The player for widgets is the one thing that myst-nb would fetch. The notebooks are not run by Sphinx."""
    settings = runpy.run_path(str(SITE / "conf.py"))
    assert settings["nb_ipywidgets_js"] == {}
    assert settings["nb_execution_mode"] == "off"


def test_its_libraries_have_fixed_versions() -> None:
    """So that a new release of a theme changes nothing here."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    lines = (SITE / "constraints.txt").read_text("utf-8").splitlines()
    fixed = {line.partition("==")[0].lower() for line in lines if not line.startswith("#")}
    assert set(groups["site"]) <= fixed
    assert all("==" in line for line in lines if not line.startswith("#"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("> Hello\n\nGood morning.", "> Hello\n\nGood morning."),  # a chat's transcript
        ("FaultPanel(children=(HBox(", LIVE),
        ("", LIVE),
    ],
)
def test_a_widget_is_its_text(text: str, shown: str) -> None:
    """Nothing in a page draws a widget."""
    output = v4.new_output("display_data", data={**WIDGET, "text/plain": text})
    made = for_readers(v4.new_notebook(cells=[v4.new_code_cell("chat", outputs=[output])], metadata={"widgets": {}}))
    assert made.cells[0].outputs[0].data == {"text/plain": shown}
    assert "widgets" not in made.metadata


def test_checks_and_the_link_for_readers_without_answers_are_not_on_the_pages() -> None:
    """A reader of a page has the answers, and needs no checks."""
    lesson = nbformat.read(NOTEBOOKS / "14_stop.ipynb", as_version=4)
    checks = [cell for cell in lesson.cells if "check" in cell.metadata.get("tags", ())]
    made = for_readers(lesson)
    assert checks
    assert all("remove-cell" in cell.metadata.tags for cell in checks)
    assert not any(WITHOUT_ANSWERS in cell.source for cell in made.cells)
    assert made.cells[0].source.startswith("# Stop\n\n")


@pytest.mark.parametrize("path", numbered(), ids=lambda path: path.stem)
def test_a_notebook_says_where_its_answers_are(path: Path) -> None:
    """A reader on GitHub sees a notebook without outputs. Its first cell links to the pages."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"].get("urls", {})
    title = nbformat.read(path, as_version=4).cells[0].source
    assert (f"({urls['Documentation']}/{path.stem}.html)" if "Documentation" in urls else WITHOUT_ANSWERS) in title
