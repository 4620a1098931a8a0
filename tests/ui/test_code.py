"""Code blocks in a real page: their buttons and colours, in the live answer and in the saved one."""

from __future__ import annotations

import json
import re
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD, assert_no_error_of_ours, view

CODE = "def rate(deltas: int, seconds: float) -> float:\n    return deltas / seconds"
# The page itself has no name for the notebook's model: this is the test's look from outside.
_SOURCES = """() => window.jupyterapp.shell.currentWidget.model.sharedModel.cells
  .map(cell => [cell.getSource(), cell.execution_count ?? null])"""
_MIME = "window.jupyterapp.shell.currentWidget.model.cells.get({}).mimeType"
_COLOURS = """element => ['keyword', 'name'].map(kind => [...(CSS.highlights.get('streamwidget-' + kind) ?? [])]
  .filter(range => element.contains(range.startContainer))
  .map(range => range.startContainer.data.slice(range.startOffset, range.endOffset)))"""


def button(page: NotebookPage, index: int, name: str) -> Locator:
    """Return a button of the first code block of the cell's answer."""
    return page.output(index).get_by_role("button", name=name)


def press(page: NotebookPage, index: int, name: str) -> None:
    """Click one of the buttons, which shows while the pointer is over the block."""
    page.output(index).locator("pre").hover()
    button(page, index, name).click()


def cells(page: NotebookPage) -> list[list[Any]]:
    """Return the source and the number of the last run of each cell."""
    found: list[list[Any]] = page.page.evaluate(_SOURCES)
    return found


def run(page: NotebookPage, *indices: int) -> None:
    for index in indices:
        page.run(index)
        page.finish(index)


def wait_saved(page: NotebookPage, index: int) -> None:
    """Wait until the saved answer stands in the place of the live one, with the buttons of its code."""
    expect(view(page, index)).to_have_count(0)
    expect(button(page, index, "Copy code")).to_have_count(1)


@pytest.mark.smoke
def test_insert_below_makes_a_cell_under_the_answer_and_does_not_run_it(
    open_notebook: OpenNotebook, demo: DemoServer
) -> None:
    """It has exactly the code, and stands under the cell whose button was pressed. The file has nothing of the buttons.

    A reopened file holds the plain answers. ``%load_ext`` brings the tools of a page, and they serve them too.
    """
    page = open_notebook([LOAD, "%%chat --keep\nlive", "%%chat\nsaved", "x = 1", "%%chat\nsaved too"])
    run(page, 0, 1, 2, 4)
    wait_saved(page, 2)
    wait_saved(page, 4)

    press(page, 2, "Insert below")
    expect(page.cell(5)).to_be_attached()
    assert [source for source, _ in cells(page)][2:5] == ["%%chat\nsaved", CODE, "x = 1"]
    press(page, 1, "Insert below")
    expect(page.cell(6)).to_be_attached()
    press(page, 6, "Insert below")
    expect(page.cell(7)).to_be_attached()
    assert cells(page) == [
        [LOAD, 1],
        ["%%chat --keep\nlive", 2],
        [CODE, None],
        ["%%chat\nsaved", 3],
        [CODE, None],
        ["x = 1", None],
        ["%%chat\nsaved too", 4],
        [CODE, None],
    ]
    saved = page.save()
    assert [cell.source for cell in saved.cells if not cell.execution_count] == [CODE, CODE, "x = 1", CODE]
    assert "streamwidget-tool" not in str(saved.cells)
    assert_no_error_of_ours(page)

    saved.cells[1].outputs = []  # the live view would be missed
    nbformat.write(saved, page.path)
    page.reopen()
    expect(page.output(3).locator("pre")).to_be_visible()
    expect(button(page, 3, "Copy code")).to_have_count(0)
    run(page, 0)  # %load_ext brings the tools, and the prompts are no longer coloured as Python
    expect(button(page, 3, "Copy code")).to_have_count(1)
    page.page.wait_for_function(f"() => {_MIME.format(6)} === 'text/plain'")
    assert page.page.evaluate(_MIME.format(2)) == "text/x-ipython"
    press(page, 3, "Insert below")
    expect(page.cell(8)).to_be_attached()
    assert [source for source, _ in cells(page)][3:6] == ["%%chat\nsaved", CODE, CODE]
    assert_no_error_of_ours(page)


@only_lab
def test_the_buttons_work_by_keyboard_and_say_what_they_did(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Enter presses a button and does nothing in the notebook. The code is in the clipboard, and the page says so."""
    page = open_notebook([LOAD, "%%chat\nhello", "1"])
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    run(page, 0, 1)
    wait_saved(page, 1)
    button(page, 1, "Copy answer").press("Enter")
    expect(page.page.locator("body > [role=status]", has_text="Copied")).to_be_attached()
    copied = page.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("## hello\n\nThis is the built-in **demo**")
    assert copied.endswith("Your cells stay as they are.")
    button(page, 1, "Run again").click()
    expect(page.cell(1).locator(".jp-InputPrompt")).to_contain_text("[3]")
    wait_saved(page, 1)
    button(page, 1, "Copy code").press("Enter")
    page.page.wait_for_function("async code => await navigator.clipboard.readText() === code", arg=CODE)
    expect(page.page.locator("body > [role=status]", has_text="Copied")).to_be_attached()
    page.page.keyboard.press("Tab")
    expect(button(page, 1, "Insert below")).to_be_focused()
    page.page.keyboard.press("Space")
    expect(page.cell(3)).to_be_attached()
    expect(page.cell(2)).to_have_class(re.compile("jp-mod-active"))  # the new cell is selected
    assert [source for source, _ in cells(page)] == [LOAD, "%%chat\nhello", CODE, "1"]
    assert_no_error_of_ours(page)


@pytest.mark.smoke
@only_lab
def test_code_is_coloured_and_formulas_are_set_live_and_saved(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """In both the same words have colours, and the host sets the formulas. In the live one the code is only text."""
    page = open_notebook([LOAD, "%%chat --keep\nlive", "%%chat\nsaved"])
    run(page, 0, 1, 2)
    wait_saved(page, 2)
    for index in (1, 2):
        code = page.output(index).locator("pre > code")
        code.scroll_into_view_if_needed()
        page.page.wait_for_function(f"element => ({_COLOURS})(element)[0].length > 0", arg=code.element_handle())
        assert code.evaluate(_COLOURS) == [["def", "return"], ["rate"]]
        assert code.evaluate("element => element.childElementCount") == (0 if index == 1 else 3)
        # Formulas too are set in both, by the host's MathJax.
        expect(page.output(index).locator("mjx-container")).to_have_count(3)
    assert_no_error_of_ours(page)


@only_lab
def test_chat_code_puts_the_code_into_a_cell_below(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """``%chat --code`` makes the cell from the kernel, and nothing runs it."""
    page = open_notebook([LOAD, "%%chat\nhello", "%chat --code", "1"])
    run(page, 0, 1, 2)
    expect(page.cell(4)).to_be_attached()
    assert [source for source, _ in cells(page)] == [LOAD, "%%chat\nhello", "%chat --code", CODE, "1"]
    assert cells(page)[3][1] is None


@only_lab
def test_a_corrected_cell_takes_the_place_of_the_failed_one_by_a_press(
    open_notebook: OpenNotebook, demo: DemoServer
) -> None:
    """After a diff in sight. It is not run. A cell that has changed since then stays."""
    answer = json.dumps({"text": "Zero.\n\n```python\nx = 1\nx / 1\n```\n"})
    page = open_notebook([LOAD, "x = 1\nx / 0", f"%chat --fix -P 'demo={answer}'"])
    run(page, 0, 1, 2)
    diff = page.output(2).locator(".streamwidget-fix")
    expect(diff).to_contain_text("Cell [2], corrected:")
    expect(diff.locator("span", has_text="+x / 1")).to_be_visible()
    replace = diff.get_by_role("button", name="Replace cell")
    replace.click()
    expect(page.cell(1)).to_contain_text("x / 1")
    assert cells(page)[1] == ["x = 1\nx / 1", 2]
    run(page, 1)
    assert cells(page)[1] == ["x = 1\nx / 1", 4]
    replace.click()  # the cell is not the failed one any more
    expect(page.page.locator("body > [role=status]", has_text="Not replaced: the cell has changed")).to_be_attached()
    assert cells(page)[1] == ["x = 1\nx / 1", 4]
    assert_no_error_of_ours(page)
