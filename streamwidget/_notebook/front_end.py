"""The front end of a cell: a page, a console, a program or a terminal. The ids that it sends with the cell."""

from __future__ import annotations

import sys
from typing import Any

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from streamwidget._view import output


def current_shell() -> InteractiveShell | None:
    """Return the IPython of this process, if there is one."""
    return InteractiveShell.instance() if InteractiveShell.initialized() else None


def in_kernel(shell: InteractiveShell | None) -> bool:
    """Return True in a kernel of Jupyter, and False in a terminal."""
    return hasattr(shell, "kernel")


def shows_widgets(shell: InteractiveShell | None) -> bool:
    """Return True if a front end can show a widget, or replace an output by another. A console can do neither."""
    return shell is not None and in_kernel(shell) and output.asker(_request(shell)) != "console"


def has_person(shell: InteractiveShell | None) -> bool:
    """Return True if a person can type an answer into this terminal or console."""
    if in_kernel(shell):
        return shell is not None and output.asker(_request(shell)) == "console"
    return sys.stdin is not None and sys.stdin.isatty()


def is_page(shell: InteractiveShell | None) -> bool:
    """Return True if a page runs the cell, and neither a console nor a program such as papermill."""
    return shell is not None and in_kernel(shell) and output.asker(_request(shell)) == "page"


def is_deaf(shell: InteractiveShell | None) -> bool:
    """Return True for ipykernel 6: while a cell runs it receives nothing from the page."""
    kernel = getattr(shell, "kernel", None)
    ipykernel: Any = sys.modules.get(type(kernel).__module__.partition(".")[0])
    return getattr(ipykernel, "__name__", "") == "ipykernel" and ipykernel.version_info[0] < 7


def shows_line_above_error(shell: InteractiveShell | None) -> bool:
    """Return True if the line under an answer stands right above the error of the cell, so nothing is said twice.

    False for nbclient and papermill: their own error has only the error of the cell. False if ``%%capture`` or an
    ``Output`` takes the line elsewhere.
    """
    if shell is None or isinstance(shell.display_pub, CapturingDisplayPublisher):
        return False
    return not in_kernel(shell) or (output.asker(_request(shell)) != "program" and not is_captured(shell))


def is_captured(shell: InteractiveShell | None) -> bool:
    """Return True if an ipywidgets ``Output`` takes the outputs of the cell now, as in ``with Output():``."""
    return shell is not None and output.is_captured(execution_id(shell))


def deleted_cells(shell: InteractiveShell) -> list[str]:
    """Return the ids of the cells deleted since the last execution. Only JupyterLab sends them."""
    deleted = _request(shell).get("metadata", {}).get("deletedCells", [])
    return [cell for cell in deleted if isinstance(cell, str)] if isinstance(deleted, list) else []


def execution_id(shell: InteractiveShell) -> str | None:
    """Return the id of the running execution. A cell shares it with the cells within it, as ``%%time`` has one."""
    name = _request(shell).get("header", {}).get("msg_id")
    return name if isinstance(name, str) else None


def cell_id(shell: InteractiveShell) -> str | None:
    """Return the id of the running cell, or the cell that began the running task. A terminal and nbclient send none."""
    name = _request(shell).get("metadata", {}).get("cellId")
    return name if isinstance(name, str) else None


def _request(shell: InteractiveShell) -> dict[str, Any]:
    return output.request_of(getattr(shell, "kernel", None))
