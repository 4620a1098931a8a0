"""An output of a cell, to be filled and replaced."""

from __future__ import annotations

from typing import Any

from IPython.display import publish_display_data

from streamwidget._notebook.front_end import current_shell, shows_widgets
from streamwidget._notebook.terminal import say
from streamwidget._view import output


class CellOutput:
    """An output of the running cell. Outside of a notebook (a script, a terminal, a console) it shows nothing.

    Attributes
    ----------
    cell : int or None
        The number of its execution. None if it shows nothing.
    """

    def __init__(self) -> None:
        self.cell = current_cell()
        self._display_id: str | None = None  # until something is shown

    def put(self, bundle: dict[str, Any]) -> None:
        """Show a mime bundle, in place of the one before it."""
        if self.cell is None:
            return
        if self._display_id is None:
            self._display_id = output.show(bundle)
        else:
            output.replace(self._display_id, bundle)


def current_cell() -> int | None:
    """Return the number of the running execution. None outside of a kernel, and in a console. It replaces nothing."""
    shell = current_shell()
    return shell.execution_count if shell is not None and shows_widgets(shell) else None


def show(bundle: dict[str, Any]) -> None:
    """Show a mime bundle in the notebook. Without IPython, print its text."""
    if current_shell() is not None:
        publish_display_data(bundle)  # type: ignore[no-untyped-call]
    else:
        say(bundle["text/plain"])
