"""A place among the outputs of a cell whose contents change, and end with what the saved notebook holds."""

from __future__ import annotations

import uuid
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import publish_display_data

from streamwidget._display import in_kernel


class Place:
    """An output of the cell that runs. Where there is no page (a script, a terminal) it shows nothing.

    Attributes
    ----------
    cell : int or None
        Which execution it belongs to; None where it shows nothing.
    """

    def __init__(self) -> None:
        self.cell = current_cell()
        self._display_id = uuid.uuid4().hex
        self._used = False

    def put(self, bundle: dict[str, Any]) -> None:
        """Show a mime bundle in place of what is there."""
        if self.cell is not None:
            publish_display_data(bundle, transient={"display_id": self._display_id}, update=self._used)  # type: ignore[no-untyped-call]
            self._used = True


def current_cell() -> int | None:
    """The number of the execution that runs in this kernel; None outside of one."""
    shell = InteractiveShell.instance() if InteractiveShell.initialized() else None
    return shell.execution_count if shell is not None and in_kernel(shell) else None


def show(bundle: dict[str, Any]) -> None:
    """Show a mime bundle where the person is: the notebook, or standard output."""
    if InteractiveShell.initialized():
        publish_display_data(bundle)  # type: ignore[no-untyped-call]
    else:
        print(bundle["text/plain"])  # noqa: T201
