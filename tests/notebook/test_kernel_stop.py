"""Stop, by each way in which a page can send it, in each place where a stream can run.

A widget's message reaches an awaited cell on the main shell (latest) or on a subshell (7.3). The control comm reaches a
blocked kernel too. 6.x hears the page only while it is idle.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.chat_kernels import ChatKernel, View
from tests.support.deadlines import SOON
from tests.support.kernels import Execution

pytestmark = pytest.mark.kernel

Stop = Callable[[ChatKernel, View], None]


def by_widget(chat: ChatKernel, view: View) -> None:
    """JupyterLab sends a widget's messages on a subshell to a kernel that asks for it, as 7.3 does."""
    view.send({"op": "stop"}, subshell=chat.generation == "7.3")


def by_control(chat: ChatKernel, view: View) -> None:
    chat.control({"op": "stop", "id": view.opened["key"]})


def by_both(chat: ChatKernel, view: View) -> None:
    """As the page does it."""
    by_control(chat, view)
    by_widget(chat, view)


AWAITED = "%%chat -m demo-slow\n{}"
IN_A_FUNCTION = "def f():\n    r = %chat -m demo-slow {}\n    return r\nstopped = f()"
UNDER_TIME = "%%time\nx = %chat -m demo-slow {}"
IN_AN_AWAITING_CELL = "import asyncio\nawait asyncio.sleep(0)\n" + IN_A_FUNCTION
with_subshells = pytest.mark.parametrize("chat", ["latest", "7.3"], indirect=True)


def check_stopped(chat: ChatKernel, cell: Execution, view: View, prompt: str) -> None:
    """The server sees the end, the cell is ok, and the text that came is kept: in ``_chat``, the page and the file."""
    assert chat.asked(prompt).left.wait(SOON)
    cell.wait(SOON)
    assert (cell.status, cell.traceback, cell.stderr) == ("ok", [], "")
    assert chat.value("_chat.outcome") == "cancelled"
    text = chat.value("_chat.text")
    assert text
    assert view.replay() == text
    assert view.messages[-1]["op"] == "end"
    assert view.messages[-1]["outcome"] == "cancelled"
    assert cell.text.startswith(text)
    assert "stopped" in cell.text


@with_subshells
@pytest.mark.parametrize("stop", [by_widget, by_control, by_both])
@pytest.mark.fault("K12", "the widget's message and the control comm do the same, from the main shell and a subshell")
def test_stop_ends_an_awaited_cell(chat: ChatKernel, stop: Stop) -> None:
    """Stop ends an awaited cell with status ok, and the next queued cell runs."""
    prompt = f"awaited, {stop.__name__}"
    cell, view = chat.streaming(AWAITED.format(prompt))
    after = chat.execute_async("print('after', _chat.outcome)")
    stop(chat, view)
    check_stopped(chat, cell, view, prompt)
    assert after.wait(SOON).stdout == "after cancelled\n"


@with_subshells
@pytest.mark.parametrize("code", [IN_A_FUNCTION, UNDER_TIME, IN_AN_AWAITING_CELL])
def test_stop_ends_the_synchronous_path(chat: ChatKernel, code: str) -> None:
    """The control comm reaches a cell that blocks in ``wait()``."""
    prompt = f"in a blocking cell {len(code)}"
    cell, view = chat.streaming(code.format(prompt))
    by_control(chat, view)
    check_stopped(chat, cell, view, prompt)
    assert chat.execute("1 + 1").text == "2"


@with_subshells
@pytest.mark.parametrize("code", [AWAITED, IN_A_FUNCTION])
@pytest.mark.fault("K14", "before the first byte: cancelled, in a real kernel")
def test_stop_before_the_first_byte(chat: ChatKernel, code: str) -> None:
    """A server that never answers is left at once."""
    prompt = f"silence {len(code)}"
    cell = chat.execute_async(code.replace("demo-slow", "demo-silent").format(prompt))
    view = chat.view(cell)
    record = chat.asked(prompt)
    by_control(chat, view)
    assert record.left.wait(SOON)
    assert cell.wait(SOON).status == "ok"
    assert chat.value("[_chat.outcome, _chat.text]") == ["cancelled", ""]
    assert [message["op"] for message in view.messages] == ["end"]
    assert "stopped" in cell.text


@with_subshells
@pytest.mark.fault(
    "K13", "EOF while the cell sleeps, on ipykernel 7.3 and 7.4, and the page knows that it is cancelled"
)
def test_stop_beside_a_blocking_cell(chat: ChatKernel, seen: Callable[[str], None], tmp_path: Path) -> None:
    """While another cell sleeps, text of a ``--bg`` stream arrives, and a Stop ends it for both sides."""
    started, view = chat.streaming("%%chat --bg -m demo-slow\nbeside a sleeping cell")
    wake = tmp_path / "wake"
    asleep = f"while not pathlib.Path({str(wake)!r}).exists(): time.sleep(0.2)"
    sleeping = chat.execute_async(f"import pathlib, time\nprint('on', flush=True)\n{asleep}")
    chat.wait_for(lambda message: message.type == "stream" and message.parent_id == sleeping.msg_id)
    begun = len(chat.iopub)
    chat.wait_for(lambda message: message.content.get("comm_id") == view.model_id, after=begun)
    since = time.monotonic()
    by_control(chat, view)
    record = chat.asked("beside a sleeping cell")
    assert record.left.wait(SOON)
    assert view.wait("end")["outcome"] == "cancelled"
    assert not sleeping.done
    seen(f"{chat.generation}: EOF {1000 * ((record.client_left or 0) - since):.0f} ms after the Stop")
    wake.touch()
    assert sleeping.wait().status == "ok"
    chat.until("_chat.outcome")
    check_stopped(chat, started, view, "beside a sleeping cell")


def test_stop_of_a_background_stream_in_an_idle_kernel(chat: ChatKernel) -> None:
    """While the kernel is idle a widget's message stops a ``--bg`` stream on every generation."""
    cell, view = chat.streaming("%%chat --bg -m demo-slow\nidle kernel")
    cell.wait()
    view.send({"op": "stop"})
    view.wait("end")
    check_stopped(chat, cell, view, "idle kernel")


@pytest.mark.fault("K14", "in a retry's wait: cancelled, no second request, in a real kernel")
def test_stop_while_it_waits_to_try_again(chat: ChatKernel) -> None:
    """Stop works in the pause before a retry, and no second request is made."""
    cell = chat.execute_async("%%chat --bg -m demo-429\nlater, please")
    view = chat.view(cell)
    assert view.wait("status")["phase"] == "retrying"
    view.send({"op": "stop"})
    assert view.wait("end")["outcome"] == "cancelled"
    assert chat.value("_chat.outcome") == "cancelled"
    assert len([r for r in chat.server.requests if "later" in r.body["messages"][-1]["content"]]) == 1


@pytest.mark.fault("K14", "many times and after the end: one end, in a real kernel")
def test_stop_many_times_and_after_the_end(chat: ChatKernel) -> None:
    """One Stop counts. Later ones, and those without a stream's name, do nothing."""
    cell, view = chat.streaming("%%chat --bg --keep -m demo-slow\nmany stops")
    cell.wait()
    chat.control({"op": "stop", "id": "no such stream"})
    for _ in range(20):
        by_both(chat, view)
    view.wait("end")
    by_both(chat, view)
    assert chat.execute("1 + 1").text == "2"
    assert [message["op"] for message in view.messages].count("end") == 1
    assert chat.value("_chat.outcome") == "cancelled"
