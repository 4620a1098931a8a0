"""The pages of the lessons: every notebook is on them, with what a reader can see without a kernel."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path

import ipywidgets
import nbformat
import pytest
from nbformat import v4

import streamwidget as sw
from tests.lessons import LIVE, NOTEBOOKS, WITHOUT_ANSWERS, for_readers, notes, numbered, print_saved_forms
from tests.support.kernels import ROOT
from tests.test_readme import GUIDES

SITE = ROOT / ".ci" / "site"
WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}


def test_the_first_page_lists_every_notebook_and_the_notes() -> None:
    """In the order of their numbers, and each once."""
    listed = re.findall(r"^(\d\w+|README)$", (SITE / "index.md").read_text("utf-8"), re.MULTILINE)
    assert listed == [*(path.stem for path in numbered()), "README"]


def test_the_first_page_lists_every_guide() -> None:
    """Each once, with the one for a class."""
    listed = re.findall(r"^[a-z_]+$", (SITE / "index.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted([*GUIDES, "for_a_class", "changelog", "contributing", "security"])


@pytest.mark.parametrize(
    ("source", "link", "led_to"),
    [
        ("README.md", "notebooks/providers.md#providers", "providers.md#providers"),
        ("README.md", "#install", "#install"),
        ("README.md", "LICENSE", "https://github.com/streamwidget/streamwidget/blob/main/LICENSE"),
        ("notebooks/providers.md", "../.github/SECURITY.md", "security.md"),
        ("notebooks/providers.md", "14_stop.ipynb", "14_stop.ipynb"),
        ("notebooks/how_it_differs.md", "../README.md#install", "index.md#install"),
        ("notebooks/watch_a_stream.md", "README.md#with-the-answers", "README.md"),
        (".github/SECURITY.md", "https://example.org/a#b", "https://example.org/a#b"),
    ],
)
def test_a_link_of_the_repository_leads_to_a_page(source: str, link: str, led_to: str) -> None:
    """From each folder. What is not a page is in the repository, and the pages have the answers already."""
    with_links = runpy.run_path(str(SITE / "links.py"))["with_links"]
    assert with_links(f"[text]({link})", source) == f"[text]({led_to})"


def test_no_link_of_the_notes_leads_to_the_section_that_the_pages_lack() -> None:
    """The pages have the answers. Sphinx refuses a link to a heading that is not there."""
    text = notes()
    assert "## Slides and handouts" in text
    assert "## With the answers" not in text
    headings = {re.sub(r"[^a-z0-9]+", "-", title.lower()) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


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
    ("data", "shown"),
    [
        (WIDGET, {"text/html": "<p>a transcript</p>", "text/plain": LIVE}),
        ({"application/vnd.jupyter.widget-view+json": {"model_id": "a panel"}}, {"text/plain": LIVE}),
        ({"text/html": '<iframe src="http://127.0.0.1:1">', "text/plain": "<IFrame>"}, {"text/plain": LIVE}),
        ({"text/html": "<b>1</b>", "text/plain": "1"}, {"text/html": "<b>1</b>", "text/plain": "1"}),
    ],
    ids=["saved", "live", "frame", "text"],
)
def test_what_needs_a_kernel_is_its_saved_form(data: dict[str, object], shown: dict[str, str]) -> None:
    """Nothing in a page draws a widget, or asks a server that has ended."""
    output = v4.new_output("display_data", data={"text/plain": "Widget()"} | data)
    lesson = v4.new_notebook(cells=[v4.new_code_cell("chat", outputs=[output])], metadata={"widgets": {}})
    made = for_readers(lesson, {"1": "<p>a transcript</p>"})
    assert made.cells[0].outputs[0].data == shown
    assert "widgets" not in made.metadata


async def test_a_chat_in_a_box_keeps_its_transcript(capsys: pytest.CaptureFixture[str]) -> None:
    """The kernel prints a saved form for a chat, and for the box around it. Other widgets have none."""
    chat = sw.ChatWidget(lambda messages: "Good morning.")
    label = ipywidgets.HTML("<b>Mine</b>")
    box = ipywidgets.VBox([label, chat])
    await chat.send("Hello")
    print_saved_forms()
    forms = json.loads(capsys.readouterr().out)
    assert "Good morning." in forms[chat.model_id]
    assert forms[box.model_id] == f"<b>Mine</b>{forms[chat.model_id]}"
    assert label.model_id not in forms
    chat.close()


def test_checks_and_the_link_for_readers_without_answers_are_not_on_the_pages() -> None:
    """A reader of a page has the answers, and needs no checks."""
    lesson = nbformat.read(NOTEBOOKS / "14_stop.ipynb", as_version=4)
    checks = [cell for cell in lesson.cells if "check" in cell.metadata.get("tags", ())]
    made = for_readers(lesson, {})
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
