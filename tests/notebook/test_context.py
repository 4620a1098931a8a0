"""A prompt takes from the notebook what ``--cells``, ``--vars`` and ``--fix`` name, and nothing without them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from streamwidget._core.schema_text import schema_text
from streamwidget._notebook.context import read_cells, without_keys
from streamwidget.demo import DemoServer
from tests.support.servers import CANARY
from tests.support.shells import chat_shell, session_of

KEY = "sk-only-for-tests-0123456789"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "STREAMWIDGET_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with DemoServer(tokens_per_second=0, first_delta=0) as server, chat_shell() as made:
        monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
        manager: Any = made.history_manager
        for record in (getattr(manager, "outputs", {}), getattr(manager, "exceptions", {})):
            record.clear()  # IPython shares them among the shells of a process
        yield made


def run(shell: InteractiveShell, code: str, cell: str | None = None) -> BaseException | None:
    """Run a cell as a notebook does, and return its error."""
    error: BaseException | None = (ran := shell.run_cell(code, store_history=True, cell_id=cell)).error_before_exec
    return error or ran.error_in_exec


def prompt(shell: InteractiveShell, line: str, cell: str | None = None) -> str:
    """Ask by a line, and return the text of the question as it was sent."""
    assert run(shell, line, cell) is None
    text: str = shell.user_ns["_conversation"].turns[-1].user.text
    return text


def refused(shell: InteractiveShell, line: str) -> str:
    """Ask by a line that must be refused, and return the sentence."""
    before = len(session_of(shell).conversation())
    said = str(run(shell, line))
    assert len(session_of(shell).conversation()) == before
    return said


# ---- cells


@pytest.mark.parametrize(
    ("typed", "cells"),
    [
        ("3", 3),
        ("12", 12),
        ("2,5-7", [2, 5, 6, 7]),
        ("4-4", [4]),
        ("7,2", [7, 2]),
        ("0", None),
        ("", None),
        ("3-1", None),
    ],
)
def test_cells_are_a_count_or_their_numbers(typed: str, cells: object) -> None:
    """A number alone is a count."""
    if cells is None:
        with pytest.raises(ValueError, match=rf"^{typed}$"):
            read_cells(typed)
    else:
        assert read_cells(typed) == cells


def test_the_cells_above_go_with_their_outputs(shell: InteractiveShell) -> None:
    """Without a page the order of the runs counts. Cells that ask do not count, and nothing goes without the option."""
    run(shell, "x = 1")
    run(shell, "print('printed')\n40 + 2")
    assert prompt(shell, "%chat Hello") == "Hello"
    run(shell, "1 / 0")
    assert prompt(shell, "%chat --cells 2 Why?") == (
        "Why?\n\nCell [2]:\n\n```python\nprint('printed')\n40 + 2\n```\n\n"
        "Its output:\n\n```text\nprinted\n42\n```\n\n"
        "Cell [4]:\n\n```python\n1 / 0\n```\n\nIts output:\n\n```text\nZeroDivisionError: division by zero\n```"
    )
    assert prompt(shell, "%chat --cells 1-1 Why?").endswith("Cell [1]:\n\n```python\nx = 1\n```")
    assert "No cell [3], [99] has run" in refused(shell, "%chat --cells 1,3,99 Why?")  # [3] is a %chat
    assert "2,5-7" in refused(shell, "%chat --cells x Why?")


def test_the_page_says_which_cells_are_above(shell: InteractiveShell) -> None:
    """In its order, each as it ran last. A deleted cell and one below are not above. One without an id is the first.

    Those that ran before ``%load_ext`` have none.
    """
    run(shell, "'early'")
    session_of(shell).cells.take_order({"cells": ["b", "a", "chat", "below"]})
    for cell, code in {"a": "'a 1'", "below": "'below'", "deleted": "'gone'", "b": "'b'"}.items():
        run(shell, code, cell)
    run(shell, "'a 2'", "a")
    text = prompt(shell, "%chat --cells 9 Why?", "chat")
    assert [line for line in text.splitlines() if line.startswith("'")] == [
        *("'early'", "'early'", "'b'", "'b'", "'a 2'", "'a 2'")
    ]
    assert "Cell [5]" in text.split("Cell [6]")[0]


def test_long_cells_are_cut_and_say_so(shell: InteractiveShell) -> None:
    """The beginning and the end stay. A line names what is missing, and nothing can end the block of code."""
    run(shell, "print('`````' + 'a' * 9000 + 'b')")
    text = prompt(shell, "%chat --cells 1 Why?")
    assert "[... 5,006 characters are left out here ...]" in text
    assert text.endswith("b\n``````")
    assert len(text) < 5_000


def test_keys_do_not_go(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like a key is masked. The key of an environment variable refuses the whole."""
    run(shell, f"API_KEY = 'hunter2-hunter2'\nprint('{KEY}')")
    text = prompt(shell, "%chat --cells 1 Why?")
    assert "API_KEY = '[key]'\nprint('[key]')" in text
    assert KEY not in text
    monkeypatch.setenv("MY_SERVICE_TOKEN", "abcdefgh12345678")
    run(shell, "print('abcdefgh12345678')")
    assert "holds the key in MY_SERVICE_TOKEN. Nothing was sent." in refused(shell, "%chat --cells 1 Why?")


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("token: str = 'abcdefgh'", "token: str = '[key]'"),
        ('{"password": "a b"}', '{"password": "[key]"}'),
        ("os.putenv('API_KEY', 'abcdefgh')", "os.putenv('API_KEY', '[key]')"),
        ("df.sort_values(key='river')", "df.sort_values(key='river')"),
        ("merge(key='the name of a column')", "merge(key='the name of a column')"),
        ("tokens = 'abcdefgh'", "tokens = 'abcdefgh'"),
    ],
)
def test_only_what_may_be_a_key_is_masked(source: str, sent: str) -> None:
    """The name of a column is none."""
    assert without_keys(source) == sent


# ---- variables


class Query:
    """Its length would ask a database."""

    def __len__(self) -> int:
        raise RuntimeError("asked")


def test_of_a_variable_its_schema_goes_and_no_data(shell: InteractiveShell) -> None:
    """Types, shapes and columns. The notebook's records and names without a variable are refused."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"river": ["Elbe-data"], CANARY: [1094]})
    shell.user_ns.update(df=frame, names=["Elbe-data"], query=Query())
    text = prompt(shell, "%chat --vars df,names,query Which columns?")
    assert text.split("\n\n", 1)[1] == (
        "Variables (types, no data):\n\n"
        f"- `df`: pandas.DataFrame, 1 row × 2 columns: river ({frame['river'].dtype}), [key] (int64)\n"
        "- `names`: list of 1 item (str)\n- `query`: tests.Query"
    )
    assert "There is no variable nobody" in refused(shell, "%chat --vars df,nobody Hi")
    run(shell, "import os\nenvironment = os.environ")
    for name in ("In", "environment", "_i3"):
        assert "which may hold keys. Nothing was sent." in refused(shell, f"%chat --vars {name} Hi")


def test_a_schema_is_bounded_and_computes_nothing() -> None:
    """A wide table, a lazy one, and a default value that may be a key."""
    polars, numpy = pytest.importorskip("polars"), pytest.importorskip("numpy")

    def ask(prompt: str, key: str = KEY) -> str:
        return prompt

    wide = polars.DataFrame({f"c{number}": [1] for number in range(150)})
    said = {name: schema_text(value) for name, value in {"wide": wide, "lazy": wide.lazy(), "ask": ask}.items()}
    assert said["wide"].endswith("c99 (Int64), and 50 more")
    assert said["lazy"] == "polars.LazyFrame"
    assert said["ask"] == "function (prompt: str, key: str = ...) -> str"
    assert schema_text(numpy.zeros((3, 4))) == "numpy.ndarray, 3 × 4 values of float64"


# ---- the last error


def test_the_last_error_goes_with_its_cell_and_its_names(shell: InteractiveShell) -> None:
    """The traceback begins at the cell. A prompt is optional. Errors of %chat are not among them."""
    assert "No cell has failed" in refused(shell, "%chat --fix")
    run(shell, "def ratio(x):\n    return 1 / x")
    run(shell, "rivers = {'Elbe': 1094}\nratio(len(rivers) - 1)")
    run(shell, "%chat {{nobody}}")
    text = prompt(shell, "%chat --fix")
    assert text.startswith("Fix the error in this cell.")
    assert "Cell [3]:\n\n```python\nrivers = {'Elbe': 1094}\nratio(len(rivers) - 1)\n```" in text
    error = text.split("Its error:\n\n")[1]
    assert error.startswith('```text\nTraceback (most recent call last):\n  File "In [3]", line 2, in <module>\n')
    assert "    return 1 / x" in error
    assert "ZeroDivisionError: division by zero\n```" in error
    assert text.endswith("- `rivers`: dict of 1 item (str: int)\n- `ratio`: function (x)")
    assert prompt(shell, "%chat --fix In German, please.").startswith("In German, please.\n\nCell [3]")


def test_a_magic_that_is_not_there_is_an_error_of_the_cell(shell: InteractiveShell) -> None:
    """A mistake in the words of %chat is not one: it is said already."""
    run(shell, "%chart 3")
    run(shell, "%time x = %chat --nothing Hi")
    text = prompt(shell, "%chat --fix")
    assert "%chart 3\n```" in text
    assert "UsageError: Line magic function `%chart` not found." in text


def test_a_syntax_error_has_no_frames_of_ours(shell: InteractiveShell) -> None:
    """Only the line of the cell."""
    run(shell, "if True print(1)")
    text = prompt(shell, "%chat --fix")
    assert 'Its error:\n\n```text\n  File "In [1]", line 1\n    if True print(1)\n' in text


# ---- shown before it goes


def test_the_person_sees_all_that_goes(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """A line before the answer, the whole with ``--show-prompt``, and the receipt."""
    run(shell, "x = 'Elbe'\nx")
    capsys.readouterr()
    text = prompt(shell, "%chat --cells 1 --vars x --show-prompt --raw Why {{x}}?")
    said = capsys.readouterr().out
    assert said.startswith("Goes with the prompt: cell [1], the type of x (")
    assert text in said
    assert text.startswith("Why {{x}}?\n\nCell [1]")
    receipt: Any = shell.user_ns["_chat"].receipt
    assert [variable.name for variable in receipt.variables] == ["cell [1]", "the type of x"]
    assert text in str(receipt.requests[-1]) or len(text) < sum(map(len, map(str, receipt.requests)))


# ---- the corrected cell


BLOCK = "\n\n```python\n{}\n```\n"


def answers(text: str) -> str:
    """Return the option with which the demo server answers this text."""
    return f"-P 'demo={json.dumps({'text': text})}'"


def test_the_corrected_cell_is_shown_as_a_diff(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """Only its changed lines. A masked key is there again. Without code, or with the same code, nothing is shown."""
    cell = 'TOKEN = "1234abcd"\nx = 1\n1 / 0'
    run(shell, cell)
    capsys.readouterr()
    corrected = cell.replace("1234abcd", "[key]").replace("/ 0", "/ 1")
    prompt(shell, f"%chat --fix {answers(f'Zero.{BLOCK.format(corrected)}')}")
    diff = 'Cell [1], corrected:\n\n TOKEN = "1234abcd"\n x = 1\n-1 / 0\n+1 / 1\n'
    assert capsys.readouterr().out.endswith(diff)
    for text in ("No code.", BLOCK.format(cell)):
        prompt(shell, f"%chat --fix {answers(text)}")
        assert "corrected" not in capsys.readouterr().out
