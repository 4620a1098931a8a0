"""``%%chat`` in a notebook: the conversation matches the notebook, and the person can leave turns out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import streamwidget as sw
from streamwidget._notebook.disclosure import say_what_is_not_sent
from streamwidget.demo import DemoServer
from tests.support.pictures import PNG
from tests.support.shells import chat_shell, magics_of, run, session_of


@pytest.fixture
def shell(server: DemoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell whose environment names the server."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "STREAMWIDGET_API_KEY", "STREAMWIDGET_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
    with chat_shell() as made:
        yield made


def asked(server: DemoServer) -> list[str]:
    """Return the questions and system prompts of the newest request, in order."""
    messages = server.requests[-1].body["messages"]
    return [message["content"].strip() for message in messages if message["role"] != "assistant"]


def shown(shell: InteractiveShell, name: str = "") -> list[str]:
    """Return the questions of a conversation."""
    return [turn.user.text.strip() for turn in session_of(shell).conversation(name).turns]


def refused(shell: InteractiveShell, server: DemoServer, code: str, cell_id: str | None = None) -> str:
    """Run a cell that must be refused before anything is sent, and return the message."""
    before = len(server.requests)
    result = shell.run_cell(code, cell_id=cell_id)
    assert type(result.error_in_exec).__name__ == "UsageError", code
    assert len(server.requests) == before
    return str(result.error_in_exec)


# ---- cells


def test_a_cell_continues_the_conversation(shell: InteractiveShell, server: DemoServer) -> None:
    """A request carries the questions and answers of the cells before, lines and cells alike."""
    first = run(shell, "%%chat\none", "a")
    run(shell, "%chat two", "b")
    assert server.requests[-1].body["messages"] == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": first.text},
        {"role": "user", "content": "two"},
    ]
    assert shell.user_ns["_conversation"] is session_of(shell).conversation()


def test_a_cell_that_is_run_again_replaces_its_own_turn(shell: InteractiveShell, server: DemoServer) -> None:
    """It sends the turns before it. A later cell sends the new turn."""
    for cell_id in "abc":
        run(shell, f"%%chat\n{cell_id}", cell_id)
    run(shell, "%%chat\nnew", "b")
    assert asked(server) == ["a", "new"]
    run(shell, "%%chat\nd", "d")
    assert asked(server) == ["a", "new", "c", "d"]


def test_without_a_cell_id_each_run_is_a_turn(shell: InteractiveShell, server: DemoServer) -> None:
    """In a terminal, and in a front end without cell ids."""
    for _ in range(2):
        run(shell, "%%chat\nsame")
    assert asked(server) == ["same", "same"]


def test_an_id_that_is_an_address_is_not_kept(shell: InteractiveShell, server: DemoServer) -> None:
    """VS Code's ids hold the path of the notebook. An exported conversation must not."""
    address = "vscode-notebook-cell:/home/ada/secret.ipynb#W0sZmlsZQ%3D%3D"
    run(shell, "%chat a", address)
    run(shell, "%chat b", f"{address}#2")
    run(shell, "%chat A", address)
    assert (asked(server), shown(shell)) == (["A"], ["A", "b"])
    assert "ada" not in session_of(shell).conversation().to_json()


def test_each_question_of_a_cell_is_a_turn(shell: InteractiveShell, server: DemoServer) -> None:
    """If the cell runs again with fewer questions, it has fewer turns."""
    run(shell, "%chat a1\n%chat a2\n%chat a3", "a")
    run(shell, "%chat b", "b")
    run(shell, "%chat A1\n%chat A2", "a")
    assert asked(server) == ["A1", "A2"]
    assert shown(shell) == ["A1", "A2", "b"]


def test_the_turns_follow_the_cells_of_the_page(shell: InteractiveShell, server: DemoServer) -> None:
    """Also a cell that is inserted, and one that is moved. A turn of another notebook stays in its place."""
    cells = session_of(shell).cells
    run(shell, "%chat one", "a")
    run(shell, "%chat elsewhere", "other")
    run(shell, "%chat two", "b")
    cells.take_order({"cells": ["a", "new", "b"]})
    run(shell, "%chat between\n%chat again", "new")
    assert shown(shell) == ["one", "elsewhere", "between", "again", "two"]
    assert asked(server) == ["one", "elsewhere", "between", "again"]
    cells.take_order({"cells": ["b", "new", "a"]})
    run(shell, "%chat two!", "b")
    assert asked(server) == ["two!"]
    assert shown(shell) == ["two!", "elsewhere", "between", "again", "one"]


@pytest.mark.parametrize(
    "message", [None, {}, {"cells": "ba"}, {"cells": ["b", 1]}, {"cells": ["b", "a" * 2000]}, {"cells": ["b"] * 6000}]
)
def test_an_order_that_cannot_be_meant_is_ignored(shell: InteractiveShell, message: Any) -> None:
    """The order of the runs stays."""
    run(shell, "%chat one", "a")
    run(shell, "%chat two", "b")
    session_of(shell).cells.take_order(message)
    run(shell, "%chat three", "c")
    assert shown(shell) == ["one", "two", "three"]


def test_a_cell_that_asks_no_longer_has_no_turn(shell: InteractiveShell, server: DemoServer) -> None:
    """Its output is gone, and so is its turn. When it asks again, the turn is in its old place."""
    for cell_id in "abc":
        run(shell, f"%chat {cell_id}", cell_id)
    run(shell, "1 + 1", "b")
    assert shown(shell) == ["a", "c"]
    assert "empty" in refused(shell, server, "%chat", "a")
    assert shown(shell) == ["c"]
    run(shell, "%chat B", "b")
    run(shell, "%chat A", "a")
    assert shown(shell) == ["A", "B", "c"]


def test_an_error_in_the_line_changes_nothing_else(shell: InteractiveShell, server: DemoServer) -> None:
    """A bad option, a bad name for -o, an unknown provider: no turn is added, and none is lost."""
    run(shell, "%chat a", "a")
    for line in ("--nonsense", "-o 1x x", "-p nobody x", "--new -p nobody x", "--new", "--reset x", "--send 9"):
        refused(shell, server, f"%chat {line}", "b")
        assert shown(shell) == ["a"], line


def test_a_failed_cell_is_in_the_history_as_failed(shell: InteractiveShell, server: DemoServer) -> None:
    """It has its outcome, and it is not sent."""
    run(shell, "%chat a", "a")
    assert not shell.run_cell("%chat -m demo-cut b", cell_id="b").success
    run(shell, "%chat c", "c")
    assert asked(server) == ["a", "c"]
    outcomes = [turn.answer and turn.answer.outcome for turn in session_of(shell).conversation().turns]
    assert outcomes == ["complete", "interrupted", "complete"]


# ---- options


def test_once_stands_alone(shell: InteractiveShell, server: DemoServer) -> None:
    """The request has the system prompt, but not the conversation. Its turn is not added."""
    shell.run_cell("%config ChatMagics.system = 'terse'")
    run(shell, "%chat a", "a")
    run(shell, "%chat --once b", "b")
    assert asked(server) == ["terse", "b"]
    assert shown(shell) == ["a"]


def test_new_starts_over(shell: InteractiveShell, server: DemoServer) -> None:
    """The conversation is cleared before the question is added."""
    for line in ("a", "b", "--new c", "d"):
        run(shell, f"%chat {line}", line)
    assert asked(server) == ["c", "d"]


def test_conversations_have_names(shell: InteractiveShell, server: DemoServer) -> None:
    """``-c NAME`` keeps several. A cell that moves to another one leaves the first."""
    run(shell, "%chat a", "a")
    run(shell, "%chat -c side b", "b")
    run(shell, "%chat -c side c", "c")
    assert asked(server) == ["b", "c"]
    run(shell, "%chat -c default B", "b")
    assert (shown(shell), shown(shell, "side")) == (["a", "B"], ["c"])
    run(shell, "%chat -c side --reset")
    assert (shown(shell), shown(shell, "side")) == (["a", "B"], [])


def test_a_system_prompt_on_the_line_is_for_that_request(shell: InteractiveShell, server: DemoServer) -> None:
    """The setting holds for all other requests, even if it changes later."""
    run(shell, "%chat -s once a", "a")
    shell.run_cell("%config ChatMagics.system = 'always'")
    run(shell, "%chat b", "b")
    assert asked(server) == ["always", "a", "b"]
    run(shell, "%chat -s '' c", "c")
    assert asked(server) == ["a", "b", "c"]


def test_only_earlier_answers_that_still_stream_are_said_to_be_left_out(
    server: DemoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Turns behind the cell do not count, nor a turn that the person chose to send."""
    conversation, client = sw.Conversation(), sw.ChatClient(server.url)
    for key in ("chosen", "left out", "asked", "behind"):
        conversation.ask(key, client, key=key)
    conversation.include("chosen", True)
    say_what_is_not_sent(conversation, "asked")
    assert capsys.readouterr().out == "1 earlier turn not sent: its answer is still streaming.\n"


def test_trimming_is_said(shell: InteractiveShell, server: DemoServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A request that leaves turns out prints one line. Other requests print none."""
    for text in "abc":
        run(shell, f"%chat {text}", text)
    shell.run_cell("%config ChatMagics.max_turns = 1")
    capsys.readouterr()
    run(shell, "%chat d", "d")
    assert asked(server) == ["c", "d"]
    assert capsys.readouterr().out.startswith("2 earlier turns not sent (limit ChatMagics.max_turns = 1).\n")
    run(shell, "%chat b", "b")
    assert "not sent" not in capsys.readouterr().out
    shell.run_cell("%config ChatMagics.max_history_tokens = 0")
    run(shell, "%chat e", "e")
    assert asked(server) == ["e"]
    shell.run_cell("%config ChatMagics.max_turns = -1")
    assert magics_of(shell).max_turns == 1


def test_an_image_goes_with_the_prompt(
    shell: InteractiveShell, server: DemoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """``{{fig}}`` attaches the image. ``--show-prompt`` prints no bytes. ``--raw`` sends the braces."""
    shell.user_ns["fig"] = PNG
    run(shell, "%chat --show-prompt What is in {{fig}}?", "a")
    text, image = server.requests[-1].body["messages"][-1]["content"]
    assert text == {"type": "text", "text": "What is in [image 1]?"}
    assert image["image_url"]["url"] == sw.Image(PNG).src
    printed = capsys.readouterr().out
    assert f"1 file ({len(PNG)} bytes)" in printed
    assert "base64" not in printed
    run(shell, "%chat --raw {{fig}}", "b")
    assert server.requests[-1].body["messages"][-1]["content"] == "{{fig}}"


# ---- commands


def test_history_numbers_the_turns_and_says_what_is_not_sent(
    shell: InteractiveShell, server: DemoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--send`` and ``--skip`` take these numbers."""
    run(shell, "%chat --history")
    assert capsys.readouterr().out == "The conversation is empty.\n"
    run(shell, "%chat first question", "a")
    shell.run_cell("%chat -m demo-cut second", cell_id="b")
    capsys.readouterr()
    run(shell, "%chat --history")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  1  sent      first question"
    assert lines[1].startswith("     complete  ## first question")
    assert lines[2] == "  2  not sent  second"
    assert lines[3].startswith("     interrupted  ")
    assert "`%chat --send N`" in lines[4]
    run(shell, "%chat --send 2")
    run(shell, "%chat --skip 1")
    run(shell, "%chat third", "c")
    assert asked(server) == ["second", "third"]
    assert "There is no turn 4. The conversation has 3 turns." in refused(shell, server, "%chat --send 4")
    assert "There is no turn 0." in refused(shell, server, "%chat --send 0")


def test_reset_empties_the_conversation(shell: InteractiveShell, server: DemoServer) -> None:
    """The next question is the first."""
    run(shell, "%chat a", "a")
    run(shell, "%chat --reset")
    run(shell, "%chat b", "b")
    assert asked(server) == ["b"]


def test_export_and_import_give_the_same_conversation(
    shell: InteractiveShell, server: DemoServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Turns, outcomes, choices, images and the system prompt. The cells keep their turns."""
    shell.run_cell("%config ChatMagics.system = 'terse'")
    shell.user_ns["fig"] = PNG
    run(shell, "%chat look: {{fig}}", "a")
    shell.run_cell("%chat -m demo-error b", cell_id="b")
    run(shell, "%chat --skip 1")
    conversation = session_of(shell).conversation()
    before = (conversation.system, conversation.turns)
    path = tmp_path / "with space.json"
    run(shell, f"%chat --export '{path}'")
    run(shell, "%chat --reset")
    shell.run_cell("%config ChatMagics.system = None")
    run(shell, f"%chat --import '{path}'")
    assert (conversation.system, conversation.turns) == before
    assert "Imported 2 turns.\n" in capsys.readouterr().out
    run(shell, "%chat A", "a")
    assert shown(shell) == ["A", "b"]


def test_what_is_replaced_is_said(
    shell: InteractiveShell, server: DemoServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file by ``--export``, turns by ``--import`` and ``--reset``."""
    run(shell, "%chat a", "a")
    capsys.readouterr()
    path = tmp_path / "talk.json"
    for line in (f"--export {path}", f"--export {path}", f"--import {path}", "--reset", f"--import {path}"):
        run(shell, f"%chat {line}")
    assert capsys.readouterr().out.splitlines() == [
        f"Wrote 1 turn to {path}.",
        f"Wrote 1 turn to {path}, replacing the file that was there.",
        "Imported 1 turn, replacing 1 turn.",
        "Conversation cleared (1 turn).",
        "Imported 1 turn.",
    ]


def test_export_writes_markdown_to_read(shell: InteractiveShell, tmp_path: Path) -> None:
    """Every message is under its heading, with its own headings below it. An answer that is cut has its ending."""
    first = run(shell, "%chat a", "a")
    assert first.text.startswith("## a\n")
    shell.run_cell("%chat -m demo-401 b", cell_id="b")
    run(shell, f"%chat --export {tmp_path / 'c.md'}")
    text = (tmp_path / "c.md").read_text("utf-8")
    assert text.startswith(
        f"## User\n\na\n\n## Assistant\n\n##{first.text}\n\n## User\n\nb\n\n## Assistant\n\n*(http_error: "
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--export c.txt", "ends in .json"),
        ("--export {0}/no/such/folder.json", "cannot be written"),
        ("--export ~nosuchuser/c.json", "is not a path"),
        ("--import ~nosuchuser/c.json", "is not a path"),
        ("--import {0}/none.json", "cannot be read"),
        ("--import {0}/other.json", "not a streamwidget conversation file"),
        ("--import {0}/newer.json", "version 99"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    shell: InteractiveShell, server: DemoServer, tmp_path: Path, line: str, says: str
) -> None:
    """The message gives the reason, and the conversation does not change."""
    (tmp_path / "other.json").write_text('{"cells": []}')
    (tmp_path / "newer.json").write_text('{"streamwidget": {"conversation": 99}}')
    run(shell, "%chat a", "a")
    assert says in refused(shell, server, f"%chat {line.format(tmp_path)}")
    assert shown(shell) == ["a"]


def test_models_are_listed(shell: InteractiveShell, server: DemoServer, capsys: pytest.CaptureFixture[str]) -> None:
    """One name a line, as the server sends them. A failure is shown like that of an answer."""
    assert run(shell, "%chat --models") is None
    names = capsys.readouterr().out.splitlines()
    assert names[:2] == ["demo", "demo-long"]
    assert server.requests[-1].path == "/v1/models"
    shell.run_cell(f"%config ChatMagics.base_url = {server.url.removesuffix('/v1')!r}")
    result = shell.run_cell("%chat --models")
    assert isinstance(result.error_in_exec, sw.HTTPStatusError)
    assert shown(shell) == []


# ---- files


def damaged(text: str) -> Iterator[str]:
    """Yield the JSON of a conversation with each of its values replaced in turn."""
    value = json.loads(text)

    def places(node: Any) -> Iterator[tuple[Any, Any]]:
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield node, key
            if isinstance(child, dict | list):
                yield from places(child)

    for node, key in list(places(value)):
        before, node[key] = node[key], {"wrong": 1}
        yield json.dumps(value)
        node[key] = before


def test_a_damaged_file_is_refused_and_never_half_read() -> None:
    """Any damage gives a ConfigurationError or a conversation, and no other exception."""
    conversation = sw.Conversation("s")
    stream = conversation.ask(sw.Message("user", "x", images=(PNG,)), sw.ChatClient("http://localhost:1/v1"), key="k")  # type: ignore[arg-type]
    stream.cancel()
    text = conversation.to_json()
    read = sw.Conversation.from_json(text)
    assert (read.system, read.turns) == (conversation.system, conversation.turns)
    refusals = 0
    for broken in [*damaged(text), "", "[]", "nonsense", text[:-2]]:
        try:
            sw.Conversation.from_json(broken)
        except sw.ConfigurationError:
            refusals += 1
    assert refusals > 10


def test_an_answer_that_streams_is_cut_in_the_file() -> None:
    """It could never be finished there."""
    conversation = sw.Conversation()
    conversation.ask("x", sw.ChatClient("http://localhost:1/v1"))
    (turn,) = sw.Conversation.from_json(conversation.to_json()).turns
    assert turn.answer is not None
    assert turn.answer.outcome == "interrupted"
