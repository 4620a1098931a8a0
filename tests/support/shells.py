"""A plain IPython shell with the extension. Not a test module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import streamwidget
from streamwidget._notebook.magics import ChatMagics
from streamwidget._notebook.session import Session


@contextmanager
def chat_shell() -> Iterator[InteractiveShell]:
    """Make a shell with the extension loaded, and forget it afterwards."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    streamwidget.load_ipython_extension(shell)
    try:
        yield shell
    finally:
        InteractiveShell.clear_instance()


def magics_of(shell: InteractiveShell) -> ChatMagics:
    """Return the shell's ChatMagics."""
    # By name: a test may have loaded the module again.
    entry: ChatMagics = next(entry for entry in shell.configurables if type(entry).__name__ == ChatMagics.__name__)
    return entry


def session_of(shell: InteractiveShell) -> Session:
    """Return the session behind the shell's ChatMagics."""
    return magics_of(shell).session


def run(shell: InteractiveShell, code: str, cell_id: str | None = None) -> Any:
    """Run a cell without a failure, and return ``_chat``."""
    result = shell.run_cell(code, cell_id=cell_id)
    assert result.success, code
    return shell.user_ns.get("_chat")
