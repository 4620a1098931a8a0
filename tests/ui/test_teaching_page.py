"""The lessons in JupyterLab: the race while it runs and after, and the notebooks from top to bottom."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.support.kernels import ROOT
from tests.support.notebooks import OFFLINE
from tests.ui.conftest import OpenNotebook, only_lab

pytestmark = only_lab


def test_a_race_is_live_and_then_a_picture(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Two views are side by side under a live picture. At the end it shows the difference, and nothing has moved."""
    # Long enough that a busy page sees it live.
    pace = "demo={'tokens': 150, 'tokens_per_second': 12}"
    page = open_notebook([f"import streamwidget as sw\nawait sw.race('What is streaming?', {pace})", "'below'"])
    page.run(0)
    views = page.output(0).locator(".streamwidget")
    expect(views).to_have_count(2)
    expect(views.first.locator(".streamwidget-text")).to_contain_text("What is")
    left, right = (views.nth(place).bounding_box() for place in (0, 1))
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    live = page.output(0).locator("svg.sw-picture")
    expect(live).to_contain_text("first word ")
    expect(live).to_contain_text("since both requests")
    before = page.output(0).bounding_box()
    page.finish(0)
    pictures = page.output(0).locator("img[src^='data:image/svg']")
    expect(pictures).to_have_count(1)
    expect(views).to_have_count(0)
    assert pictures.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    after = page.output(0).bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["height"] - before["height"]) < 16  # the frame of an output, and no more
    assert " s earlier" in (pictures.get_attribute("alt") or "")
    (output,) = page.save().cells[0].outputs
    assert set(output.data) == {"text/html", "text/plain"}
    page.reopen()
    expect(page.output(0).locator("img[src^='data:image/svg']")).to_have_count(1)
    assert len(demo.requests) == 2


@pytest.mark.parametrize("name", ["10_what_is_a_stream", "13_when_it_fails"])
def test_a_lesson_runs_in_the_page(open_notebook: OpenNotebook, name: str) -> None:
    """All its cells run, none fails, and nothing but its panels is still a widget in the saved notebook."""
    lesson = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    page = open_notebook(lesson, env=OFFLINE)
    page.run_all()
    page.wait_prompt(len(lesson.cells) - 1)
    cells = [cell for cell in page.save().cells if cell.cell_type == "code"]
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    live = [cell.source for cell in cells if "widget-view" in str(cell.outputs)]
    assert all("Panel(" in source for source in live)
    expect(page.page.locator(".jp-RenderedHTML table, .jp-RenderedHTML img").first).to_be_attached()
