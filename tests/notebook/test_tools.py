"""``--tools`` in a cell, and consent in a terminal."""

from __future__ import annotations

import builtins
import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

import streamwidget as sw
from tests.support.native import Server
from tests.support.tool_models import Call, Says, check, says

HOSTILE = '{"path": "\x9b2Ja"}'  # a sequence of terminals that JSON allows


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    made = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    sw.load_ipython_extension(made)
    yield made
    InteractiveShell.clear_instance()


class Atlas:
    def remove(self, path: str) -> str:
        return f"removed {len(path)}"


def length(river: str) -> int:
    """Return a length."""
    return len(river)


def ask(shell: InteractiveShell, line: str, *calls: Call) -> tuple[Server, str]:
    """Run ``%%chat`` against a model that makes these calls. Return the server, and all that was printed."""
    server = Server(says("ollama", Says("", calls), Says("Done.")) * 3)
    shell.user_ns |= {
        "it": server.client("ollama"),
        "atlas": Atlas(),
        "length": length,
        "both": [length, Atlas().remove],
    }
    with capture_output() as out:
        result = shell.run_cell(f"%%chat --once --client it {line}\nHow is it?")
    if result.error_in_exec is not None:
        raise result.error_in_exec
    return server, out.stdout


@pytest.mark.parametrize(
    ("names", "found"),
    [("length", ["length"]), ("length,atlas.remove", ["length", "remove"]), ("both", ["length", "remove"])],
)
def test_the_names_are_functions_methods_and_lists(shell: InteractiveShell, names: str, found: list[str]) -> None:
    """As they stand in the notebook. Nobody can be asked here, so nothing runs, and the model is told."""
    server, _ = ask(shell, f"--tools {names}", Call("length", '{"river": "Elbe"}'))
    assert [tool["function"]["name"] for tool in server.bodies[0]["tools"]] == found
    ((_, text),) = check("ollama", server.bodies[1])
    assert "nobody could be asked" in text
    assert shell.user_ns["_chat"].steps[0].tool_results[0].text == text


@pytest.mark.parametrize(
    ("names", "told"),
    [("nothing", "no variable nothing"), ("atlas.lost", "atlas.lost is not there"), (",", "names of functions")],
)
def test_a_wrong_name_is_named(shell: InteractiveShell, names: str, told: str) -> None:
    """Before anything is sent."""
    with pytest.raises(Exception, match=told):
        ask(shell, f"--tools {names}", Call("length"))


@pytest.mark.parametrize(
    ("typed", "ran", "told"),
    [
        ("y", True, "removed "),
        ("", False, "Not run: the person refused it."),
        ("no", False, "Not run: the person refused it."),
        ("It is dear.", False, "The reason: It is dear."),
        (EOFError, False, "Nobody could be asked."),
    ],
)
def test_a_person_at_a_terminal_is_asked(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, typed: Any, ran: bool, told: str
) -> None:
    """The name and the arguments are shown, without an escape sequence. Any word that is not a yes is a refusal."""
    questions: list[str] = []

    def answer(question: str = "") -> str:
        questions.append(question)
        if isinstance(typed, str):
            return typed
        raise typed

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(builtins, "input", answer)
    server, printed = ask(shell, "--tools atlas.remove", Call("remove", HOSTILE))
    ((_, text),) = check("ollama", server.bodies[1])
    assert (told in text, text.startswith("removed")) == (True, ran)
    assert len(questions) == 1
    assert "Run remove with" in questions[0]
    assert "\x9b" not in questions[0] + printed


def test_an_interrupt_at_the_question_stops_the_answer(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing runs."""

    def interrupt(_question: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(builtins, "input", interrupt)
    server, _ = ask(shell, "--tools atlas.remove", Call("remove", HOSTILE))
    assert (shell.user_ns["_chat"].outcome, len(server.bodies)) == ("cancelled", 1)
