"""``reuse`` and ``--stale``: an unchanged cell shows its earlier answer and sends nothing. A changed one asks."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import streamwidget as sw
from streamwidget.demo import DemoServer
from tests.support.shells import chat_shell, magics_of, run, session_of


@pytest.fixture
def shell(server: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
    monkeypatch.chdir(tmp_path)
    with chat_shell() as made:
        magics_of(made).reuse = True
        yield made


#: Changes of an answer: the cell of the second turn, and a cell before it.
CHANGES = {
    "prompt": ("%chat -m demo And its {{what}}?", "what = 'mouth'"),
    "model": ("%chat -m demo-long And its {{what}}?", ""),
    "parameter": ("%chat -m demo -t 0.5 And its {{what}}?", ""),
    "system": ("%chat -m demo -s Brief And its {{what}}?", ""),
    "history": ("%chat -m demo And its {{what}}?", "%chat --reset"),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_an_unchanged_cell_sends_nothing_and_a_changed_one_asks(
    shell: InteractiveShell, server: DemoServer, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both turns are in the conversation again, so a third one sends the same history as it would have."""
    cells = ["what = 'source'", "%chat -m demo Name a river.", "%chat -m demo And its {{what}}?"]
    first = [run(shell, cell) for cell in cells][-1]
    assert len(server.requests) == 2
    run(shell, "%chat --reset")
    again = [run(shell, cell) for cell in cells][-1]
    assert len(server.requests) == 2
    assert (again.text, first.reused_from) == (first.text, None)
    assert again.reused_from is not None
    assert len(shell.user_ns["_conversation"]) == 2
    cell, before = CHANGES[changed]
    run(shell, "%chat --skip 2")
    run(shell, before or "pass")
    assert run(shell, cell).reused_from is None
    assert len(server.requests) == 3


def test_several_models_have_an_answer_each(shell: InteractiveShell, server: DemoServer) -> None:
    """Also the same model twice, and without a budget. Only the changed column asks."""

    def answers(third: str) -> list[sw.ChatCompletion]:
        run(shell, f"%chat --new -m demo -m demo -m {third} -o both Count to 3.")
        return list(shell.user_ns["both"].answers)

    first = answers("demo-crlf")
    magics_of(shell).budget = "1 token"
    try:
        again = answers("demo-crlf")
    finally:
        magics_of(shell).budget = None
    assert len(server.requests) == 3
    assert [answer.text for answer in again] == [answer.text for answer in first]
    assert shell.user_ns["_conversation"].turns[0].answer.completion == again[0]
    assert [answer.reused_from is None for answer in answers("demo-json")] == [False, False, True]
    assert len(server.requests) == 4


def test_an_earlier_answer_needs_no_budget(shell: InteractiveShell, server: DemoServer) -> None:
    """It is shown with the budget used up. Another question is refused, and sends nothing."""
    run(shell, "%chat -m demo Name a river.")
    magics_of(shell).budget = "1 token"
    try:
        run(shell, "%chat --new -m demo Name a river.")
        assert "used up" in str(shell.run_cell("%chat -m demo Name a lake.").error_in_exec)
    finally:
        magics_of(shell).budget = None
    assert len(server.requests) == 1


def test_a_cut_answer_is_asked_again(shell: InteractiveShell, server: DemoServer) -> None:
    for _ in range(2):
        run(shell, "%chat --once -m demo --max-tokens 3 Name a river.")
    assert len(server.requests) == 2


def test_without_the_setting_nothing_is_kept_or_read(
    shell: InteractiveShell, server: DemoServer, tmp_path: Path
) -> None:
    """``--reuse`` is for one cell. A function of the person has no request to compare."""
    magics_of(shell).reuse = False
    run(shell, "%chat --once -m demo Name a river.")
    assert not list(tmp_path.glob("*.jsonl"))
    for _ in range(2):
        run(shell, "%chat --once -m demo --reuse Name a river.")
    assert len(server.requests) == 2
    assert [path.name for path in tmp_path.glob("*")] == ["notebook.chat.jsonl"]
    shell.user_ns["answer"] = lambda _: "Elbe"
    with capture_output():
        assert not shell.run_cell("%chat --client answer --reuse Name a river.").success
    magics_of(shell).reuse = True
    assert run(shell, "%chat --client answer Name a river.").text == "Elbe"


def test_a_fresh_answer_takes_the_place_of_the_earlier_one(
    shell: InteractiveShell, server: DemoServer, tmp_path: Path
) -> None:
    """The line under an earlier answer names the option."""
    first = run(shell, "%chat --once -m demo Name a river.")
    file = tmp_path / "notebook.chat.jsonl"
    file.write_text(file.read_text("utf-8").replace("## Name a river", "## Kept"), "utf-8")
    earlier = run(shell, "%chat --once -m demo Name a river.")
    assert earlier.text.startswith("## Kept")
    assert "(--fresh asks)" in earlier._repr_mimebundle_()["text/plain"]
    assert run(shell, "%chat --once -m demo --fresh Name a river.").reused_from is None
    assert run(shell, "%chat --once -m demo Name a river.").text == first.text
    assert len(server.requests) == 2


def test_a_file_that_cannot_be_used_does_not_stop_the_cell(
    shell: InteractiveShell, server: DemoServer, tmp_path: Path
) -> None:
    (tmp_path / "notebook.chat.jsonl").mkdir()
    with capture_output() as printed:
        run(shell, "%chat --once -m demo Name a river.")
    assert "notebook.chat.jsonl cannot be read" in printed.stdout
    assert len(server.requests) == 1


def test_stale_turns_are_listed_with_the_reason(shell: InteractiveShell, server: DemoServer) -> None:
    """Nothing is sent to find out."""
    shell.user_ns.update(river="Elbe", lake="Chad")
    run(shell, "%chat -m demo How long is the {{river}}?", cell_id="a")
    run(shell, "%chat -m demo And {{lake}}?", cell_id="b")
    run(shell, "%chat Name a sea.", cell_id="c")

    def stale() -> str:
        with capture_output() as printed:
            run(shell, "%chat --stale", cell_id="d")
        return str(printed.stdout)

    assert stale() == "None of 3 turns would be asked differently now.\n"
    shell.user_ns["lake"] = "Victoria"
    assert "1 of 3" in stale()
    assert "2  And Chad?\n     Its prompt has changed: {{lake}}." in stale()
    run(shell, "%chat -m demo And {{lake}}?", cell_id="b")
    assert "3  Name a sea.\n     What goes before it has changed" in stale()
    run(shell, "%config ChatMagics.model = 'demo-long'", cell_id="e")
    run(shell, "%chat --skip 2", cell_id="f")
    run(shell, "del river", cell_id="g")
    said = stale()
    assert "2 of 3" in said
    assert "It cannot be asked: There is no variable river." in said
    assert len(server.requests) == 4
    shell.user_ns["answer"] = lambda _: "Elbe"
    run(shell, "%chat --client answer Name a river.", cell_id="h")
    assert "Not looked at: 1 turn from a file, or asked in another way." in stale()


@pytest.mark.parametrize("has_page", [True, False])
def test_cells_above_are_those_above_the_cell_that_is_looked_at(shell: InteractiveShell, *, has_page: bool) -> None:
    """Not those above the cell with ``--stale``."""
    cells = {"a": "1 + 1", "b": "2 + 2", "ask": "%chat -m demo --cells 2 Why?", "c": "3 + 3", "d": "%chat --stale"}
    if has_page:
        session_of(shell).cells.take_order({"cells": list(cells)})

    def stale() -> str:
        with capture_output() as printed:
            shell.run_cell(cells["d"], store_history=True, cell_id="d")
        return str(printed.stdout)

    for name, code in cells.items():
        with capture_output():
            shell.run_cell(code, store_history=True, cell_id=name)
    assert stale() == "None of 1 turn would be asked differently now.\n"
    with capture_output():
        shell.run_cell("5 + 5", store_history=True, cell_id="b")
    assert "Its prompt has changed: cell [" in stale()


def test_an_edited_cell_is_stale(shell: InteractiveShell, tmp_path: Path) -> None:
    """If it was saved after it ran. An older file says nothing of it."""
    notebook = tmp_path / "lesson.ipynb"
    shell.user_ns["__vsc_ipynb_file__"] = str(notebook)

    def stale(source: str, saved_at: float) -> bool:
        cell = {"cell_type": "code", "id": "a", "source": source, "outputs": []}
        notebook.write_text(json.dumps({"cells": [cell]}), "utf-8")
        os.utime(notebook, (saved_at, saved_at))
        with capture_output() as printed:
            run(shell, "%chat --stale", cell_id="z")
        return "edited after it ran" in printed.stdout

    run(shell, "%chat -m demo Name a river.", cell_id="a")
    later = time.time() + 60
    assert not stale("%chat -m demo Name a river.", later)
    assert stale("%chat -m demo Name a lake.", later)
    assert not stale("%chat -m demo Name a lake.", later - 3600)
