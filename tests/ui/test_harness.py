"""The browser harness itself: what it promises holds in JupyterLab and in Notebook 7."""

from __future__ import annotations

import pytest

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD

DIRTY = f"""{LOAD}
import os, ipywidgets
os.environ["STREAMWIDGET_MODEL"] = "x"
value = ipywidgets.Button()
print(os.getpid())
"""
LOOK = """
import os, ipywidgets
print(os.getpid(), "value" in globals(), len(ipywidgets.Widget.widgets), os.environ.get("STREAMWIDGET_MODEL"))
print(get_ipython().find_cell_magic("chat"))
"""
SLEEP = "import time; print('on', flush=True); time.sleep(600)"


def test_cells_run_and_the_page_and_the_kernel_come_and_go(open_notebook: OpenNotebook) -> None:
    """A cell's output is in the page and in the file. A reload keeps the kernel. A restart and a reopened file do not.

    The one page error that the other tests let pass is there without this package too.
    """
    cells = ["value = 40 + 2\nprint(value)", "import os; print(os.environ['MARK'], value)", SLEEP]
    page = open_notebook(cells, env={"MARK": "here"})
    errors = [line for line in page.console if line.startswith("pageerror")]
    assert set(errors) <= {"pageerror: Cannot read properties of undefined (reading 'schema')"}
    for index in (0, 1):
        page.run(index)
        page.finish(index)
    page.wait_output(0, "42")
    page.wait_output(1, "here 42")
    assert page.save().cells[0].outputs[0].text == "42\n"
    assert page.requests
    assert page.screenshot("harness").exists()

    page.reload()
    page.run(1)
    page.wait_output(1, "here 42")
    page.run(2)
    page.wait_output(2, "on")
    page.interrupt()
    page.finish(2)
    page.wait_output(2, "KeyboardInterrupt")

    page.save()
    page.reopen()
    page.wait_output(1, "here 42")
    page.run(1)
    page.wait_output(1, "NameError")
    page.run(0)
    page.finish(0)
    page.restart()
    page.run(1)
    page.wait_output(1, "NameError")


@only_lab
def test_a_kernel_that_is_kept_is_as_new(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """The next notebook has the same kernel, without the names, widgets, extension and settings of the last one."""
    first = open_notebook([DIRTY])
    first.run(0)
    first.finish(0)
    pid = first.printed(0).strip()
    assert first.leave()
    server, env = first.server, {"STREAMWIDGET_BASE_URL": demo.url}
    second = NotebookPage(server, first.tab, server.write_notebook([LOOK], env=env))
    second.run(0)
    second.finish(0)
    second.wait_output(0, f"{pid} False 0 None\nNone")


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
