"""``%chat --resume``: the turns of the saved notebook as far as they are there, and a line for each other one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import streamwidget as sw
from streamwidget._conversation.turn import Turn
from streamwidget._many.side_by_side import Column, Vote
from streamwidget._saved.answer import mimebundle
from streamwidget._saved.kept_turn import LARGEST, TURNS, turn_formats
from streamwidget._saved.notebook import conversation_notebook
from streamwidget._saved.read_back import read_answer
from streamwidget._saved.side_by_side import comparison_mimebundle
from streamwidget.demo import DemoServer
from tests.support.shells import chat_shell, run


@pytest.fixture
def shell(server: DemoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[InteractiveShell]:
    """A new session beside the file ``lesson.ipynb``, as VS Code names it."""
    monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
    with chat_shell() as made:
        made.user_ns["__vsc_ipynb_file__"] = str(tmp_path / "lesson.ipynb")
        yield made


def answer(text: str, **more: Any) -> dict[str, Any]:
    return {"data": mimebundle(sw.ChatCompletion(text, **{"outcome": "complete", "model": "m", **more}))}


def with_turn(saved: dict[str, Any], asked: sw.Message) -> dict[str, Any]:
    """Return an output with its turn."""
    found = read_answer(saved["data"])
    assert found is not None
    turn = Turn("k", asked, sw.Message("assistant", found.text, (), found))
    return {"data": {**saved["data"], **turn_formats([turn], saved["data"])}}


def comparison_of(*texts: str) -> dict[str, str]:
    answers = [sw.ChatCompletion(text, outcome="complete") for text in texts]
    return comparison_mimebundle([Column(text, "") for text in texts], answers, Vote(0))


def write(path: Path, *cells: tuple[str, list[dict[str, Any]]]) -> None:
    """Write a notebook. Its cells are ``c0``, ``c1``, ..."""
    made = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "source": source.splitlines(keepends=True),
            "outputs": outputs,
            "execution_count": n + 1,
        }
        for n, (source, outputs) in enumerate(cells)
    ]
    (path / "lesson.ipynb").write_text(
        json.dumps({"nbformat": 4, "cells": [{"cell_type": "markdown"}, *made]}), "utf-8"
    )


def resume(shell: InteractiveShell, options: str = "") -> list[str]:
    """Resume, and return the printed lines, without the first one's time."""
    with capture_output() as printed:
        run(shell, f"%chat {options} --resume")
    first, *rest = printed.stdout.splitlines()
    return [first.partition(" from ")[0], *rest]


def turns(shell: InteractiveShell) -> list[tuple[str, str]]:
    run(shell, "%chat -m demo Last", cell_id="last")
    *found, _ = shell.user_ns["_conversation"].turns
    return [(turn.user.text, turn.answer.text) for turn in found]


def test_the_turns_come_back(shell: InteractiveShell, server: DemoServer, tmp_path: Path) -> None:
    """In their order, with their outcomes. The next request carries the sent ones."""
    write(
        tmp_path,
        ("%load_ext streamwidget", []),
        ("%%chat -m gpt -t 0.5\nName a river.\n\nShort.", [{"name": "stdout", "text": "x"}, answer("**Elbe**.")]),
        ("x = %chat And its source?\nprint(x)", [answer("Riesengebirge", outcome="length")]),
        ("%chat --once Aside", [answer("no")]),
        ("%%chat -c other\nElsewhere", [answer("no")]),
        ("%chat --last", [answer("no")]),
        ("%chat Lost", [answer("half", outcome="interrupted")]),
        ("%chat one\n%chat two", [answer("1"), answer("2")]),
    )
    assert resume(shell) == ["Resumed 5 turns"]
    asked = [("Name a river.\n\nShort.", "**Elbe**."), ("And its source?", "Riesengebirge"), ("Lost", "half")]
    assert turns(shell) == [*asked, ("one", "1"), ("two", "2")]
    sent = [message["content"].strip() for message in server.requests[-1].body["messages"]]
    assert sent == [*asked[0], *asked[1], "one", "1", "two", "2", "Last"]
    keys = [turn.key for turn in shell.user_ns["_conversation"].turns]
    assert keys == ["c1", "c2", "c6", "c7", "c7#2", "last"]
    run(shell, "%chat -m demo Name a lake.", cell_id="c1")
    assert [turn.key for turn in shell.user_ns["_conversation"].turns] == keys


def test_what_cannot_be_read_is_named(shell: InteractiveShell, tmp_path: Path) -> None:
    """Nothing in the file is evaluated, because its cells have not run in this kernel."""
    shell.user_ns["ran"] = []
    kept = sw.Message("user", "Two of 2", attachments=[b"GIF89a" + bytes(LARGEST)])
    write(
        tmp_path,
        ("%%chat\nShow {{ran.append(1)}} and {{df}}", [answer("[]")]),
        ("%chat A widget", [{"data": {"application/vnd.jupyter.widget-view+json": {}}}]),
        ("%chat --modle x Typo", [answer("no")]),
        ("%chat one\n%chat two", [answer("which?")]),
        ("%chat Not run yet", []),
        ("%chat With a tool", [answer("Cold.", tool_calls=(sw.ToolCall("1", "look", "{}"),))]),
        ("%chat With thoughts", [answer("Cold.", reasoning="Hm.")]),
        ("%chat Two of {{n}}", [with_turn(answer("2"), kept)]),
        ("%chat Three of {{n}}", [with_turn(answer("2"), kept)]),
        ("%chat Broken", [{"data": {**answer("text")["data"], TURNS: [{"version": 9}]}}]),
        ("%chat Long", [answer("x" * 1_000_001)]),
        ("%chat -m a -m b Which?", [{"data": comparison_of("old", "older")}]),
    )
    first, *notes = resume(shell)
    assert first == "Resumed 6 turns"
    assert [note.partition(". ")[0] for note in notes] == [
        'Without its variables: [1] "Show {{ran.append(1)}} and {{df}}"',
        'Not read: [2] "A widget"',
        'Not read: [3] "--modle x Typo"',
        'Not read: [4] "one"',
        'As text: the tools of [6] "With a tool".',
        'Without its reasoning: [7] "With thoughts".',
        'Without a file (GIF, 1.0 MB): [8] "Two of 2".',
        'As it was asked, and not as it is typed now: [9] "Two of 2".',
        'Without a file (GIF, 1.0 MB): [9] "Two of 2".',
        'As text: [10] "%chat Broken"',
        'Not read: [11] "Long"',
        'Not read: [12] "Which?"',
    ]
    assert turns(shell)[0] == ("Show {{ran.append(1)}} and {{df}}", "[]")
    assert shell.user_ns["ran"] == []


def test_new_begins_again_and_names_are_kept_apart(shell: InteractiveShell, tmp_path: Path) -> None:
    write(
        tmp_path,
        ("%chat Old", [answer("old")]),
        ("%chat --new First", [answer("1")]),
        ("%chat -c other Elsewhere", [answer("2")]),
    )
    assert resume(shell) == ["Resumed 1 turn"]
    assert resume(shell, "-c other") == ["Resumed 1 turn"]
    assert turns(shell) == [("First", "1")]


def test_an_exported_transcript_comes_back(shell: InteractiveShell, tmp_path: Path) -> None:
    """The notebook of a chat's Transcript has the same cells. Files and branches are in it."""
    conversation = sw.Conversation()
    picture = b"GIF89a" + bytes(20)
    for text in ("Name {{y}}.", "Name {{x}}."):
        conversation.ask(text, lambda _: "Elbe, *long*", key="turn-1", branch=True, attachments=[picture]).wait()
    (tmp_path / "lesson.ipynb").write_text(conversation_notebook(conversation.turns), "utf-8")
    assert resume(shell) == ["Resumed 1 turn"]
    assert turns(shell) == [("Name {{x}}.", "Elbe, *long*")]
    assert shell.user_ns["_conversation"].turns[0] == conversation.turns[0]


def test_a_reset_begins_again(shell: InteractiveShell, tmp_path: Path) -> None:
    """A turn above it has left the conversation, so nothing above it is named."""
    write(tmp_path, ("%chat {{x}}", [answer("old")]), ("%chat --reset", []), ("%chat Now", [answer("new")]))
    assert resume(shell) == ["Resumed 1 turn"]
    assert turns(shell) == [("Now", "new")]


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "cannot be read"), ("[]", "not a notebook"), ('{"cells": {}}', "not a notebook"), ("[" * 100_000, "read")],
)
def test_a_file_that_is_not_a_notebook_is_named(shell: InteractiveShell, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "lesson.ipynb").write_text(text, "utf-8")
    with capture_output():
        result = shell.run_cell("%chat --resume")
    assert said in str(result.error_in_exec)
    run(shell, "%chat -m demo Goes on", cell_id="c9")


def test_it_is_refused_where_it_cannot_work(shell: InteractiveShell, tmp_path: Path) -> None:
    """Without a file, and in a conversation with turns."""
    with capture_output():
        result = shell.run_cell("%chat --resume")
    assert "does not know the file of its notebook" in str(result.error_in_exec)
    write(tmp_path)
    run(shell, "%chat -m demo Hello", cell_id="c9")
    with capture_output():
        result = shell.run_cell("%chat --resume")
    assert "is not empty" in str(result.error_in_exec)


def test_it_is_offered_once_below_saved_answers(shell: InteractiveShell, tmp_path: Path) -> None:
    """The first cell of Run All has none above it."""
    write(tmp_path, ("%chat one", [answer("1")]), ("%chat two", [answer("2")]), ("%chat three", []))

    def printed(cell_id: str) -> bool:
        with capture_output() as said:
            run(shell, "%chat -m demo Hello", cell_id=cell_id)
            run(shell, "%chat --reset")
        return "2 saved answers above" in said.stdout and "`%chat --resume`" in said.stdout

    assert [printed("c2"), printed("c2")] == [True, False]


def test_it_is_not_offered_in_run_all(shell: InteractiveShell, tmp_path: Path) -> None:
    write(tmp_path, ("%chat one", [answer("1")]), ("%chat two", [answer("2")]))
    with capture_output() as said:
        run(shell, "%chat -m demo one", cell_id="c0")
        run(shell, "%chat -m demo two", cell_id="c1")
    assert "--resume" not in said.stdout
