"""The browser harness itself: what it promises holds in JupyterLab and in Notebook 7."""

from __future__ import annotations

import pytest

from tests.ui.conftest import OpenNotebook, only_lab


def test_a_cell_runs_and_its_output_is_read(open_notebook: OpenNotebook) -> None:
    """A cell's output is in the page, and in the file once it is saved."""
    page = open_notebook(["print(40 + 2)", "import os; print(os.environ['MARK'])"], env={"MARK": "here"})
    page.run_all()
    page.finish(None)
    page.wait_output(0, "42")
    page.wait_output(1, "here")
    assert page.save().cells[0].outputs[0].text == "42\n"
    assert page.requests
    assert page.screenshot("harness").exists()


def test_a_restart_forgets_and_a_reload_keeps(open_notebook: OpenNotebook) -> None:
    """A reloaded page finds the same kernel; a restarted kernel knows no names; a reopened file has its outputs."""
    page = open_notebook(["value = 5", "print(value)"])
    page.run(0)
    page.finish(0)
    page.save()
    page.reload()
    page.run(1)
    page.wait_output(1, "5")
    page.save()
    page.reopen()
    page.wait_output(1, "5")
    page.restart()
    page.run(1)
    page.wait_output(1, "NameError")


@only_lab
def test_an_interrupt_ends_a_running_cell(open_notebook: OpenNotebook) -> None:
    """A cell that sleeps ends with KeyboardInterrupt."""
    page = open_notebook(["import time; print('on', flush=True); time.sleep(60)"])
    page.run(0)
    page.wait_output(0, "on")
    page.interrupt()
    page.finish(0)
    page.wait_output(0, "KeyboardInterrupt")


@only_lab
@pytest.mark.parametrize(("generation", "version"), [("7.3", "7.3.0"), ("6.x", "6.29.5")])
def test_a_notebook_runs_on_an_older_kernel(open_notebook: OpenNotebook, generation: str, version: str) -> None:
    """The kernel is of the generation that was asked for, and draws a widget."""
    page = open_notebook(
        ["import ipykernel, ipywidgets; print(ipykernel.__version__); ipywidgets.Button(description='drawn')"],
        generation=generation,
    )
    page.run(0)
    page.wait_output(0, version)
    page.output(0).get_by_role("button", name="drawn").wait_for()
