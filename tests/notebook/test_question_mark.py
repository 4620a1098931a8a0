"""A prompt may end in a question mark. IPython alone would show help on the last word."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from streamwidget._notebook import question_mark


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell with the transformer and nothing else of streamwidget."""
    InteractiveShell.clear_instance()
    made = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    question_mark.install(made)
    yield made
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    ("cell", "prompt"),
    [
        ("%chat What is entropy?", "What is entropy?"),
        ("%chat Really??", "Really??"),
        ("x = %chat What is entropy?", "What is entropy?"),
        ("d['k'] = %chat What's that {y} for $5?", "What's that {y} for $5?"),
        ("if True:\n    x = %chat Why?\n    print(x)", "Why?"),
        ("for i in range(2):\n    %chat Why?", "Why?"),
        ("x = 1\n%chat -m demo one \\\ntwo?", "-m demo one  two?"),
    ],
)
def test_a_question_is_a_prompt(shell: InteractiveShell, cell: str, prompt: str) -> None:
    """The line magic is called with the whole line, question mark included."""
    tree = ast.parse(shell.transform_cell(cell))
    calls = [[ast.literal_eval(argument) for argument in call.args] for call in ast.walk(tree) if _is_magic(call)]
    assert calls == [["chat", prompt]]


def test_behind_another_magic_too(shell: InteractiveShell) -> None:
    """``%time %chat ...?`` times the prompt."""
    assert shell.transform_cell("%time %chat Why?") == "get_ipython().run_line_magic('time', '%chat Why?')\n"


@pytest.mark.parametrize("cell", ["%chat?", "%chat??", "%%chat?", "?%chat", "%chatter on?", "range?", "x = 5 % 3?"])
def test_help_stays_help(shell: InteractiveShell, cell: str) -> None:
    """A request for help on a name is left to IPython, even on ``%chat`` itself."""
    ours = shell.transform_cell(cell)
    question_mark.uninstall(shell)
    assert shell.transform_cell(cell) == ours


def test_a_text_that_looks_like_it_is_left_alone(shell: InteractiveShell) -> None:
    """A string in Python code does not change."""
    cell = "s = '''\n%chat Why?\n'''\n"
    assert shell.transform_cell(cell) == cell


def test_installed_once_and_undone(shell: InteractiveShell) -> None:
    """Two installs add one entry. Uninstall leaves the other entries."""
    entries = shell.input_transformer_manager.token_transformers
    before = len(entries)
    question_mark.install(shell)
    assert len(entries) == before
    question_mark.uninstall(shell)
    assert len(entries) == before - 1
    assert "pinfo" in shell.transform_cell("%chat Why?")


def _is_magic(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run_line_magic"
