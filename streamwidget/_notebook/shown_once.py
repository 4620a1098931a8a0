"""An answer stands in its cell once, also if it is the cell's result: ``await show(...)`` in the last line.

IPython would show the result again, as ``Out[1]``.
"""

from __future__ import annotations

import sys
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from streamwidget._core.completion import ChatCompletion
from streamwidget.doctor._report import Report


def has_shown(shell: InteractiveShell, completion: ChatCompletion) -> None:
    """Note that the running cell shows this answer. Where no cell runs, as in a task after its end, do nothing."""
    hook = sys.displayhook
    if hook is shell.displayhook:
        hook = sys.displayhook = _Hook(shell)
    if isinstance(hook, _Hook):
        hook.shown = completion


def hide_results_of_magics(shell: InteractiveShell) -> None:
    """Hide them in the running cell. It loads the extension, so its lines are past the transform of ``%chat``."""
    hook = sys.displayhook = _Hook(shell)
    hook.loads = True


class _Hook:
    """The display hook of one cell. IPython puts its own back after the cell.

    Attributes
    ----------
    shown : ChatCompletion or None
        The last answer that ``show`` has shown in the cell.
    loads : bool
        The cell loads the extension.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._show = sys.displayhook
        self.shown: ChatCompletion | None = None
        self.loads = False

    def __call__(self, value: Any) -> None:
        if value is not None and value is self.shown:
            hook: Any = self._shell.displayhook  # IPython has no types for it
            hook.update_user_ns(value)  # ``_`` and ``Out`` have it all the same
            hook.fill_exec_result(value)
        elif not (self.loads and self._is_of_magic(value)):
            self._show(value)

    def _is_of_magic(self, value: object) -> bool:
        return isinstance(value, Report) or (
            isinstance(value, ChatCompletion) and value == self._shell.user_ns.get("_chat")
        )
