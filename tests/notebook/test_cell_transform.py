"""The rules of the awaited magic, on a real IPython shell with a stand-in for the magic itself."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import no_var_expand
from traitlets.config import Config

from streamwidget._notebook import cell_transform
from streamwidget._notebook.cell_transform import await_calls, caller_awaits, install, uninstall

DATA = Path(__file__).parents[1] / "data"
FORMS: list[dict[str, str]] = json.loads((DATA / "cell_forms.json").read_text("utf-8"))["forms"]
LINE = "get_ipython().run_line_magic('chat', 'q')"


class Answer(str):
    """The stand-in's value. Its repr would be printed by a second display."""

    def __repr__(self) -> str:
        return f"<SHOWN AGAIN {self}>"


class Recorder:
    """A stand-in for the magic. It prints the answer once, and notes the path of each call."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.awaited = 0

    def __call__(self, line: str, cell: str | None = None) -> Any:
        text = line if cell is None else cell.strip()
        frame = sys._getframe(1)
        if caller_awaits(frame):
            self.paths.append("await")
            return self._later(text)
        self.paths.append("sync")
        print("ANSWER", text)
        return Answer(text)

    async def _later(self, text: str) -> Answer:
        await asyncio.sleep(0)
        self.awaited += 1
        print("ANSWER", text)
        return Answer(text)


class Session:
    """One shell with the transform installed."""

    def __init__(self) -> None:
        config = Config()
        config.HistoryManager.hist_file = ":memory:"
        self.shell = InteractiveShell(config=config)
        self.magic = Recorder()
        self.shell.register_magic_function(no_var_expand(self.magic), "line_cell", "chat")
        install(self.shell)

    def run(self, cell: str) -> tuple[Any, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), warnings.catch_warnings():
            warnings.simplefilter("error")
            result = self.shell.run_cell(cell, store_history=True)
        return result, out.getvalue()


@pytest.fixture
def session() -> Iterator[Session]:
    InteractiveShell.clear_instance()
    session = Session()
    yield session
    if session.shell.history_manager is not None:
        session.shell.history_manager.enabled = False
    InteractiveShell.clear_instance()


@pytest.mark.parametrize("form", [f for f in FORMS if not f["name"].startswith("autoawait")], ids=lambda f: f["name"])
def test_each_cell_form_takes_its_path(session: Session, form: dict[str, str]) -> None:
    """Each form takes its path, prints its answer once, and stands in the history as typed."""
    result, printed = session.run(form["cell"])
    check_form(session, form, result, printed)


def check_form(session: Session, form: dict[str, str], result: Any, printed: str) -> None:
    path = form["path"]
    if "SyntaxError at line" in path:
        assert result.error_before_exec.lineno == int(path[-1])
        assert session.magic.paths == []
        return
    if path.startswith("UsageError"):
        assert type(result.error_in_exec).__name__ == "UsageError"
        return
    expected = "await" if path.startswith("await") else "sync"
    assert session.magic.paths and set(session.magic.paths) == {expected}, printed
    assert session.magic.awaited == (len(session.magic.paths) if expected == "await" else 0)
    assert "SHOWN AGAIN" not in printed
    assert "Out[" not in printed
    if "line 3" in path:
        assert "----> 3" in re.sub(r"\x1b\[[0-9;]*m", "", printed)
        assert isinstance(result.error_in_exec, ZeroDivisionError)
    else:
        assert result.success, printed
        assert printed.count("ANSWER") == (0 if "%%capture" in form["cell"] else len(session.magic.paths))
    history = session.shell.history_manager
    assert history is not None
    assert history.input_hist_raw[-1].strip() == form["cell"].strip()


def test_autoawait_off_takes_the_synchronous_path(session: Session) -> None:
    """With ``%autoawait off`` no cell is awaited, and still nothing is printed twice."""
    for form in (f for f in FORMS if f["name"].startswith("autoawait off")):
        result, printed = session.run(form["cell"])
        if form["path"] == "sync":
            session.magic.paths = session.magic.paths[-1:]
            check_form(session, form, result, printed)
    assert str(session.shell.user_ns["x3"]) == "noauto line"


@pytest.mark.parametrize(
    ("cell", "name", "value"),
    [
        ("x = %chat assigned", "x", "assigned"),
        ("é='ü'; a=1\nb = %chat ünïcode {a}", "b", "ünïcode {a}"),
        ("async def g():\n    r = %chat inside\n    return r\nv = await g()", "v", "inside"),
        ("%%time\nasync def g():\n    r = %chat timed\n    return r", "g", None),
        ("é = 'ü'; t = get_ipython().run_line_magic('chat', 'ö').upper()", "t", "Ö"),
        ("t = (get_ipython()\n  .run_line_magic(\n  'chat',\n  'ö')).upper()", "t", "Ö"),
    ],
)
def test_the_value_of_an_assignment_is_the_answer(session: Session, cell: str, name: str, value: str | None) -> None:
    """The variable gets the completion, never a coroutine."""
    result, printed = session.run(cell)
    assert result.success, printed
    if value is not None:
        assert session.shell.user_ns[name] == value


def test_an_async_def_made_under_time_awaits_when_it_runs(session: Session) -> None:
    """The body of an async def awaits even where the cell around it may not."""
    session.run("%%time\nasync def g():\n    r = %chat timed\n    return r")
    result, printed = session.run("v = await g()")
    assert result.success, printed
    assert session.shell.user_ns["v"] == "timed"


@pytest.mark.parametrize(
    ("source", "module_awaits", "rewritten"),
    [
        (LINE, True, f"(await {LINE}) and None"),
        (LINE, False, f"{LINE} and None"),
        (f"x = {LINE}", True, f"x = (await {LINE})"),
        (f"x = {LINE}", False, f"x = {LINE}"),
        (f"x = await {LINE}", True, f"x = await {LINE}"),
        (f"await {LINE}", True, f"await {LINE} and None"),
        (f"x = {LINE}.text", True, f"x = (await {LINE}).text"),
        (f"x: int = {LINE}", True, f"x: int = (await {LINE})"),
        (f"x: {LINE} = 1", True, f"x: {LINE} = 1"),
        (f"async def f(a={LINE}):\n  {LINE}", False, f"async def f(a={LINE}):\n  (await {LINE})"),
        (f"async def f():\n  return [{LINE} for i in x]", True, f"async def f():\n  return [{LINE} for i in x]"),
        (f"async def f():\n  def g(): {LINE}", True, f"async def f():\n  def g(): {LINE}"),
        (f"def f():\n  async def g(): {LINE}", True, f"def f():\n  async def g(): (await {LINE})"),
        (f"@{LINE}\nclass C:\n  x = {LINE}", True, f"@{LINE}\nclass C:\n  x = {LINE}"),
        (f"f = lambda: {LINE}", True, f"f = lambda: {LINE}"),
        (f'x = f"{{{LINE}}}"', True, f'x = f"{{{LINE}}}"'),
        (f"if a:\r\n  x = {LINE}\r\ny = '\rü'", True, None),
        (f"x = {LINE}\nc = = 3", True, None),
        (f"x = {LINE}\nc = '\ud800'", True, None),
        (f"x = {LINE}\n\0", True, None),
        (f"a = 1\r\nx = {LINE}\r\n", True, f"a = 1\r\nx = (await {LINE})\r\n"),
        ("get_ipython().run_line_magic('time', 'chat')", True, None),
        ("get_ipython().run_line_magic('time', 'chat get_ipython().run_line_magic(0)')", True, None),
    ],
)
def test_await_stands_only_where_python_allows_it(source: str, module_awaits: bool, rewritten: str | None) -> None:
    """Await at module level if allowed, and in async def. Nowhere else and never twice. None: nothing changes."""
    assert await_calls(source, module_awaits=module_awaits) == (source if rewritten is None else rewritten)


def test_a_second_pass_changes_nothing(session: Session) -> None:
    """A second pass changes nothing."""
    once = await_calls(f"{LINE}\nx = {LINE}\nasync def f():\n  {LINE}", module_awaits=True)
    assert once.count("await") == 3
    assert await_calls(once, module_awaits=True) == once


@given(st.text(max_size=30), st.text(alphabet="aé𝄞 \t", max_size=10), st.booleans())
def test_lines_and_other_code_are_kept(prefix: str, name: str, awaits: bool) -> None:
    """No line and no character around a call is lost."""
    source = f"s = {prefix!r}; t = {name!r}; u = {LINE}\nv = {name!r}"
    expected = source.replace(LINE, f"(await {LINE})") if awaits else source
    assert await_calls(source, module_awaits=awaits) == expected


@given(st.text())
def test_any_text_at_all_is_taken(text: str) -> None:
    """The transform never raises. Source without a call does not change."""
    assert await_calls(text, module_awaits=True) == text


def test_installing_twice_leaves_one_and_uninstalling_none(session: Session) -> None:
    """%reload_ext and autoreload leave one transform. Unload leaves none, and other entries stay."""

    def other(lines: list[str]) -> list[str]:
        return lines

    entries = session.shell.input_transformers_post
    before = len(entries)
    entries.append(other)
    stale = type("CellTransform", (), {"__module__": cell_transform.__name__, "__call__": lambda self, lines: lines})
    entries.append(stale())
    install(session.shell)
    assert len(entries) == before + 1
    uninstall(session.shell)
    assert len(entries) == before
    assert other in entries


def test_a_warning_of_the_cell_is_given_once(session: Session) -> None:
    """IPython's compile warns of bad syntax once. Our own parse of the cell does not warn again."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await_calls(f"x = '\\d'; y = {LINE}", module_awaits=True)
    assert caught == []
