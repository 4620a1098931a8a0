"""Where the notebook's file is. The kernel is told only in some hosts, and never of a later name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from streamwidget._notebook.front_end import is_page

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

#: Beside the folder's notebooks, for a kernel that does not know its notebook.
UNNAMED = "notebook"


def notebook_path(shell: InteractiveShell) -> Path | None:
    """Return the notebook's file. None if it is not known: in nbclient, papermill, a console and a terminal.

    A Jupyter server names it in ``JPY_SESSION_NAME``, and VS Code in a variable of the kernel. A program that a
    notebook runs inherits the first one. It is another notebook's then.
    """
    named = shell.user_ns.get("__vsc_ipynb_file__")
    if not isinstance(named, str) and is_page(shell):
        named = os.environ.get("JPY_SESSION_NAME")
    path = Path(named) if isinstance(named, str) and named.endswith(".ipynb") else None
    return path if path is not None and path.is_absolute() and path.exists() else None


def answers_path(shell: InteractiveShell, folder: Path) -> Path:
    """Return the file of the kept answers: ``lesson.chat.jsonl`` for ``lesson.ipynb``.

    If the notebook is not known, it is ``notebook.chat.jsonl`` in ``folder``.
    """
    return (notebook_path(shell) or folder / UNNAMED).with_suffix(".chat.jsonl")
