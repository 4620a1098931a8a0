"""Lessons that speak to the page, in a page: what they claim of messages must hold where a page answers them too."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from tests.support.kernels import ROOT
from tests.ui.conftest import OpenNotebook, only_lab

#: Which cells are shown: those below a folded heading are hidden.
_SHOWN = "() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => !cell.isHidden)"


@only_lab
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("11_on_the_wire", ("wire-view", "[DONE]")),
        ("15_into_the_page", ("table", "StreamView")),
        ("20_other_wires", ("side-code", "message_stop")),
    ],
)
def test_a_lesson_on_wires_runs_in_the_page(open_notebook: OpenNotebook, name: str, shown: tuple[str, str]) -> None:
    """All its cells run, none fails, and what it shows is in the page."""
    lesson = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    page = open_notebook(lesson)
    page.run_all()
    page.wait_prompt(len(lesson.cells) - 1)
    cells = [cell for cell in page.save().cells if cell.cell_type == "code"]
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    cell_id, text = shown
    place = next(place for place, cell in enumerate(lesson.cells) if cell.id == cell_id)
    page.look_at(place)  # a list of events draws what is in sight
    page.wait_output(place, text)
    expect(page.page.get_by_text("Error displaying widget")).to_have_count(0)
    answers = next(place for place, cell in enumerate(lesson.cells) if cell.source == "## Answers")
    shown = page.page.evaluate(_SHOWN)
    assert shown[answers]
    assert not any(shown[answers + 1 : -2])  # folded, and "The end" is not
    assert all(shown[-2:])
