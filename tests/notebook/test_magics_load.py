"""``%load_ext``, ``%reload_ext``, ``%unload_ext``: loading adds each thing once, and unloading removes all of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from streamwidget._notebook import cell_transform, extension, magics, question_mark
from tests.support.chat_kernels import ChatKernel
from tests.support.deadlines import SOON


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    yield InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


def traces(shell: InteractiveShell) -> dict[str, Any]:
    """Return all the places of a shell where an extension can add something."""
    manager = shell.magics_manager
    return {
        "magics": {kind: dict(table) for kind, table in manager.magics.items()},
        "registry": sorted(manager.registry),
        "configurables": list(shell.configurables),
        "transformers": list(shell.input_transformers_post),
        "tokens": list(shell.input_transformer_manager.token_transformers),
        "events": {name: list(callbacks) for name, callbacks in shell.events.callbacks.items()},
        "names": sorted(shell.user_ns),
    }


def test_unload_leaves_no_trace(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """After load, two reloads and unload the shell is as before, and nothing was printed."""
    before = traces(shell)
    shell.extension_manager.load_extension("streamwidget")
    assert traces(shell) != before
    for _ in range(2):
        shell.extension_manager.reload_extension("streamwidget")
    shell.extension_manager.unload_extension("streamwidget")
    assert traces(shell) == before
    assert capsys.readouterr().out == ""


@pytest.mark.fault("K17", "one magic, one transform, one of all, after reloading the modules too")
def test_loading_again_leaves_one_of_each(shell: InteractiveShell) -> None:
    """After three loads, and one more with reloaded modules, there is one magic and one transform."""
    for _ in range(3):
        extension.load(shell)
    once = {name: len(value) for name, value in traces(shell).items()}
    events = len(shell.events.callbacks["pre_run_cell"])
    for module in (question_mark, cell_transform, magics, extension):
        importlib.reload(module)
    extension.load(shell)
    assert {name: len(value) for name, value in traces(shell).items()} == once
    assert len(shell.events.callbacks["pre_run_cell"]) == events
    assert [type(entry) for entry in shell.input_transformers_post].count(cell_transform.CellTransform) == 1


def test_unloading_without_loading_does_nothing(shell: InteractiveShell) -> None:
    """``unload`` may be called at any time, also twice."""
    before = traces(shell)
    extension.unload(shell)
    extension.load(shell)
    extension.unload(shell)
    extension.unload(shell)
    assert traces(shell) == before


@pytest.mark.parametrize("kind", ["cell", "line"])
def test_another_owner_is_named_and_gets_its_magic_back(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """Load names the owner of an earlier %%chat in one line. Unload brings that %%chat back."""

    def theirs(line: str, cell: str = "") -> str:
        return f"theirs: {line}{cell}"

    theirs.__module__ = "other_extension"
    shell.register_magic_function(theirs, kind, "chat")
    before = traces(shell)
    shell.extension_manager.load_extension("streamwidget")
    (line,) = capsys.readouterr().out.splitlines()
    assert "other_extension" in line
    assert "%unload_ext streamwidget" in line
    shell.extension_manager.reload_extension("streamwidget")
    assert len(capsys.readouterr().out.splitlines()) == 1
    shell.extension_manager.unload_extension("streamwidget")
    assert traces(shell) == before
    found = shell.find_magic("chat", kind)
    assert found is not None
    assert found("x") == "theirs: x"


def test_a_magic_that_came_later_stays(shell: InteractiveShell) -> None:
    """Unloading removes only our own magics."""
    extension.load(shell)

    def later(line: str) -> str:
        return "later"

    shell.register_magic_function(later, "line", "chat")
    extension.unload(shell)
    assert shell.run_line_magic("chat", "") == "later"
    assert shell.find_cell_magic("chat") is None


@pytest.mark.kernel
def test_in_a_kernel_unload_takes_the_control_target_and_streams_go_on(chat: ChatKernel) -> None:
    """After unload no page can open a control comm, %%chat is unknown, and a running stream can still be stopped."""
    target = "'streamwidget.control' in __import__('comm').get_comm_manager().targets"
    cell, view = chat.streaming("%%chat --bg -m demo-slow -o running\ngoes on")
    chat.control({"op": "nothing"})
    # The page opens it beside the cells, at its own time.
    chat.until("__import__('streamwidget._view.control')._view.control._comms")
    assert chat.value(target)
    assert chat.execute("%reload_ext streamwidget").status == "ok"
    assert chat.execute("%unload_ext streamwidget").status == "ok"
    assert not chat.value(target)
    assert chat.execute("%%chat\nx").status == "error"
    assert chat.execute("1 + 1").text == "2"
    assert chat.asked("goes on").ended is None
    if chat.has_subshells:
        chat.control({"op": "stop", "id": view.opened["state"]["id"]})
    else:
        view.send({"op": "stop"})
    assert chat.asked("goes on").left.wait(SOON)
    view.wait("end")
    assert chat.value("running.outcome") == "cancelled"
    assert chat.execute("%load_ext streamwidget\nprint('back')").stdout == "back\n"
    assert chat.execute("%%chat\nback again").status == "ok"
    assert cell.wait().status == "ok"
