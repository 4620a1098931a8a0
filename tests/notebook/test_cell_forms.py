"""Every form of ``%%chat`` and ``%chat`` in data/cell_forms.json, typed into real kernels.

The magic calls ``run_awaited`` or ``run_blocking``. The kernel wraps both, so a test sees the path of each call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chat_kernels import ChatKernel, View, start_chat_kernel
from tests.support.kernels import GENERATIONS, Execution

pytestmark = pytest.mark.kernel

FORMS: list[dict[str, str]] = json.loads((Path(__file__).parents[1] / "data/cell_forms.json").read_text("utf-8"))[
    "forms"
]
USUAL = [form for form in FORMS if not form["name"].startswith("autoawait")]
AUTOAWAIT_OFF = [form for form in FORMS if form["name"].startswith("autoawait") and form["path"] == "sync"]
TRACE = """
from streamwidget._notebook import chat_cell
_paths = []
def _traced(name, method):
    def traced(session, job):
        _paths.append(name)
        return method(session, job)
    return traced
chat_cell.run_awaited = _traced("await", chat_cell.run_awaited)
chat_cell.run_blocking = _traced("sync", chat_cell.run_blocking)
"""

# The expression of a form's value, and its prompt. Single braces are literal: `{a}` is sent as `{a}`.
VALUES = {
    "assigned": ("x", "assigned"),
    "after other statements, non-ASCII": ("b", "ünïcode {a}"),
    "in a for loop": ("y", "in loop {i}"),
    "%%capture over lines": ("z", "cap2"),
    "%%time over an assignment": ("z2", "time assign"),
    "runtime error after it, line 3": ("q", "ok"),
    "an explicit await": ("w", "explicit await"),
    "run_cell": ("n1", "nested run_cell"),
    "exec": ("n2", "in exec"),
    "a comprehension": ("r[-1]", "g1"),
    "autoawait off, assigned": ("x3", "noauto line"),
}
# The output of a form's own print, with {} for the whole answer. The other forms print nothing.
PRINTS = {
    "assigned": "x is {}\n",
    "after other statements, non-ASCII": "{}\n",
    "in a for loop": "{}\n",
    "in def": "f {}\n",
    "in async def": "{}\n",
    "run_cell": "{}\n",
    "exec": "{}\n",
    "autoawait off, assigned": "{}\n",
}
CALLS = {"in a for loop": 2, "%%capture over lines": 2, "a comprehension": 2}


@pytest.fixture(scope="module", params=GENERATIONS)
def traced(request: pytest.FixtureRequest) -> Iterator[ChatKernel]:
    """A kernel of these tests alone, because the trace changes the package in it."""
    with start_chat_kernel(request.param) as kernel:
        assert kernel.execute(TRACE).status == "ok"
        yield kernel


@pytest.mark.parametrize("form", USUAL, ids=lambda form: form["name"])
def test_each_form_takes_its_path_and_gives_its_value(traced: ChatKernel, form: dict[str, str]) -> None:
    """Each form takes its path, leaves the right value, shows its answer once, and stands in history as typed."""
    check(traced, form)


@pytest.mark.parametrize("form", AUTOAWAIT_OFF, ids=lambda form: form["name"])
def test_without_autoawait_the_same_holds(traced: ChatKernel, form: dict[str, str]) -> None:
    """With ``%autoawait off`` every form takes the synchronous path."""
    assert traced.execute("%autoawait off").status == "ok"
    try:
        check(traced, form)
    finally:
        assert traced.execute("%autoawait on").status == "ok"


def check(kernel: ChatKernel, form: dict[str, str]) -> None:
    name, path = form["name"], form["path"]
    kernel.execute("_paths.clear(); _chat = None")
    cell = kernel.execute(form["cell"])
    printed = kernel.execute("print(_i)").stdout
    assert printed.rstrip("\n") == form["cell"].rstrip("\n")
    if "SyntaxError" in path:
        assert cell.ename in ("SyntaxError", "_IncompleteInputError")  # the second since Python 3.13, in IPython too
        assert kernel.value("_paths") == []
        assert f"line {path[-1]}" in plain(cell)
        return
    if path.startswith("UsageError"):
        assert (cell.status, kernel.value("_paths")) == ("error", [])
        assert "UsageError" in cell.stderr + plain(cell)
        return
    if "line 3" in path:
        assert cell.ename == "ZeroDivisionError"
        assert "----> 3" in plain(cell)
    else:
        assert cell.status == "ok", plain(cell)
    expected = "await" if path.startswith("await") else "sync"
    assert kernel.value("_paths") == [expected] * CALLS.get(name, 1)
    check_shown(kernel, cell, name)
    check_value(kernel, name)


def check_shown(kernel: ChatKernel, cell: Execution, name: str) -> None:
    """Each call has one display, with the answer at the end. The other output is the cell's own."""
    answer = kernel.value("_chat.text")
    displays = [output for output in cell.outputs if output["output_type"] == "display_data"]
    if name != "%%capture over lines":
        assert len(displays) == CALLS.get(name, 1)
        assert displays[-1]["data"]["text/plain"].startswith(answer)
        assert View.replay(kernel.view(cell, len(displays) - 1)) == answer
    assert not [message for message in cell.messages if message.type == "execute_result"]
    if not name.startswith(("%time", "%%time", "%%prun")):  # these print their figures
        assert cell.stdout == PRINTS.get(name, "").format(answer)
    assert cell.stdout.count(answer) == (name in PRINTS)


def check_value(kernel: ChatKernel, name: str) -> None:
    """``_chat`` and the form's variable hold a whole answer. The server got the form's prompt."""
    assert kernel.value("[type(_chat).__name__, _chat.outcome]") == ["ChatCompletion", "complete"]
    if name in VALUES:
        expression, prompt = VALUES[name]
        assert kernel.value(f"[{expression} == _chat, type({expression}).__name__]") == [True, "ChatCompletion"]
        assert kernel.server.requests[-1].body["messages"][-1] == {"role": "user", "content": prompt}


def plain(cell: Execution) -> str:
    """The cell's error without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(cell.traceback))
