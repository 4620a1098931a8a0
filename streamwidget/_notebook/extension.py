"""``%load_ext streamwidget`` and ``%unload_ext streamwidget``: what is added to the shell, and how it is removed."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from streamwidget._notebook import cell_transform, completion, front_end, question_mark, warm_up
from streamwidget._notebook.magics import ChatMagics
from streamwidget._notebook.terminal import say
from streamwidget._view import control


def load(shell: InteractiveShell) -> None:
    """Add the magics, their settings, both transforms and the completion to ``shell``.

    A second call replaces those of the first. If anything fails, all of it is removed again.
    """
    unload(shell)
    owner = _owner(shell, "cell") or _owner(shell, "line")
    if owner is not None:
        say(f"%chat belonged to {owner}. It is streamwidget's until `%unload_ext streamwidget`.")
    try:
        magics = ChatMagics(shell)
        magics.replaced = {kind: table.get("chat") for kind, table in shell.magics_manager.magics.items()}
        shell.register_magics(magics)
        question_mark.install(shell)
        cell_transform.install(shell)
        completion.install(shell, magics.session)
        if magics.session.in_kernel:
            _let_colab_show_widgets()
            control.register("cells", magics.session.cells.take_order)
            warm_up.after_this_cell(for_page=front_end.is_page(shell))
        shell.events.register("pre_run_cell", magics.session.begin_cell)
        shell.events.register("post_run_cell", magics.session.record.end)
    except BaseException:
        unload(shell)
        raise


def unload(shell: InteractiveShell) -> None:
    """Undo :func:`load`, also one that failed half-way. Running streams go on."""
    # By name: after an autoreload the class is not this module's class any more.
    ours: list[Any] = [entry for entry in shell.configurables if type(entry).__name__ == ChatMagics.__name__]
    for magics in ours:
        shell.configurables.remove(magics)
        shell.magics_manager.registry.pop(type(magics).__name__, None)
        for kind, before in getattr(magics, "replaced", {}).items():
            table = shell.magics_manager.magics[kind]
            if getattr(table.get("chat"), "__self__", None) is not magics:
                continue  # somebody replaced it after us
            del table["chat"]
            if before is not None:
                table["chat"] = before
        session = getattr(magics, "session", None)
        if session is not None:
            session.close()
            with suppress(ValueError):  # not registered yet
                shell.events.unregister("pre_run_cell", session.begin_cell)
                shell.events.unregister("post_run_cell", session.record.end)
    question_mark.uninstall(shell)
    cell_transform.uninstall(shell)
    completion.uninstall(shell)
    control.unregister_target()


def _let_colab_show_widgets() -> None:
    """Switch on Colab's manager of custom widgets.

    anywidget does it for its first widget. But Colab's switch holds for one thread, and this is the one of the cells.
    """
    colab: Any = sys.modules.get("google.colab.output")  # Colab's kernel has loaded it
    if colab is not None:
        colab.enable_custom_widget_manager()


def _owner(shell: InteractiveShell, kind: str) -> str | None:
    magic = shell.magics_manager.magics[kind].get("chat")
    return None if magic is None else getattr(magic, "__module__", None) or "another extension"
