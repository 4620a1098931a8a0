"""The kernel's main thread is busy, the page misbehaves or goes away: the stream keeps its text and its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.chat_kernels import WIDGET, ChatKernel, View
from tests.support.deadlines import SOON
from tests.support.kernels import Execution, Message

pytestmark = pytest.mark.kernel
Seen = Callable[[str], None]

#: Deltas, a hundred a second. The cell below sleeps for longer than each limit.
LIMITED = """
import streamwidget as sw, time
limits = sw.Timeout(connect=3, headers=3, first_delta=3, stall=3, progress=3, total=4.9)
client = sw.ChatClient(timeout=limits, retry=sw.RetryPolicy(attempts=1))
view = sw.StreamView(client.stream("{prompt}", demo=dict(tokens={tokens}, tokens_per_second=100, first_delta={first})))
view
"""


def view_of(chat: ChatKernel, cell: Execution) -> View:
    (output,) = cell.outputs
    return View(chat, output["data"][WIDGET]["model_id"])


def custom(view: View) -> list[Message]:
    """The view's own messages, with the times of their arrival."""
    return [m for m in list(view.kernel.iopub) if m.type == "comm_msg" and m.content["comm_id"] == view.model_id]


@pytest.mark.fault("K1", "no limit counts the time, no text is lost, and the view catches up within a flush of the end")
def test_a_blocking_cell_pauses_a_stream_and_nothing_more(chat: ChatKernel, seen: Seen) -> None:
    """Five seconds of sleep (four on older kernels) in mid-answer. Then all text so far is shown at once."""
    seconds = 5 if chat.generation == "latest" else 4
    view = view_of(chat, chat.execute(LIMITED.format(prompt="blocked", first=0, tokens=200)))
    view.wait("snapshot")
    cell = chat.execute_async(f"slept = time.time()\ntime.sleep({seconds})").wait()
    until = cell.replied_at
    if seconds == 5:
        assert chat.asked("blocked").ended is not None  # all of it waits in the socket
    end = view.wait("end")
    assert (end["outcome"], end["detail"], end["timing"]["deltas"]) == ("complete", "", 200)
    assert view.replay() == chat.value("view.completion.text")
    assert chat.value("view.completion.outcome") == "complete"
    slept = chat.value("slept")
    late = [m for m in custom(view) if m.header["date"].timestamp() > slept]
    if seconds == 5:
        # One or two flushes: the first read's text at once, the rest with the end.
        ops = [m.content["data"]["content"]["op"] for m in late if m.content["data"]["method"] == "custom"]
        assert ops[-1] == "end"
        assert len(ops) <= 3
    seen(f"{chat.generation}: asleep for {seconds} s, the end {late[-1].at - until:.2f} s after it, 200 of 200 deltas")
    chat.execute("view.close()")


@pytest.mark.fault("K1", "before the first byte, too")
def test_a_cell_that_blocks_before_the_first_byte_times_nothing_out(chat: ChatKernel) -> None:
    """The server's head and text come while the cell sleeps. The answer is complete."""
    code = (
        LIMITED.format(prompt="blocked early", first=0.3, tokens=100)
        + "\nimport asyncio\nawait asyncio.sleep(0)\ntime.sleep(3.6)"
    )
    chat.execute(code)
    chat.until("view.completion.outcome")
    assert chat.value("[view.completion.outcome, view.completion.timing.deltas]") == ["complete", 100]
    chat.execute("view.close()")


@pytest.mark.fault("K7", "the stream goes on in Python, keeps its text and can be stopped there; nothing raises")
@pytest.mark.parametrize("way", ["clear_output", "comm_close"])
def test_a_view_that_is_gone_from_the_page_leaves_its_stream(chat: ChatKernel, way: str) -> None:
    """Whether the output is cleared or the page drops the model: text keeps coming, ``_chat`` is set by a stop."""
    prompt = f"deleted by {way}"
    cell = chat.execute_async(f"s = %chat --bg -m demo-slow -o gone {prompt}")
    view = chat.view(cell)
    view.wait("snapshot")
    cell.wait()
    if way == "clear_output":
        chat.execute("from IPython.display import clear_output; clear_output()")
    else:
        chat.comm_close(view.model_id)
    before = chat.value("len(s.completion.text)")
    chat.until(f"len(s.completion.text) > {before}")
    assert chat.asked(prompt).ended is None
    assert chat.execute("gone = None; s.cancel()").traceback == []
    assert chat.asked(prompt).left.wait(SOON)
    chat.until("gone")
    assert chat.value("[gone.outcome, len(gone.text) > 0]") == ["cancelled", True]


@pytest.mark.fault("K18", "a subshell and the main thread speak to one view: no exception, last state equal")
def test_two_threads_speak_to_one_view(chat: ChatKernel) -> None:
    """The page asks ``sync`` on a subshell, threads read and stop the view, the stream writes: one story comes out."""
    cell = chat.execute(
        "import streamwidget as sw, threading, json\n"
        "view = sw.StreamView(sw.ChatClient().stream('two writers', demo={'tokens': 400, 'tokens_per_second': 300}))\n"
        "failures, states = [], []\n"
        "def look():\n"
        "    try:\n"
        "        while not view.completion.outcome:\n"
        "            states.append(view.get_state('state')['state'])\n"
        "    except BaseException as exc:\n"
        "        failures.append(repr(exc))\n"
        "threads = [threading.Thread(target=look) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "view"
    )
    view = view_of(chat, cell)
    subshell = chat.subshell is not None
    while not any(message["op"] == "end" for message in view.messages):
        view.send({"op": "sync", "page": "one"}, subshell=subshell)
        view.send({"op": "sync", "page": "two"})
        time.sleep(0.02)
    chat.execute("for thread in threads: thread.join()")
    assert chat.value("failures") == []
    text = chat.value("view.completion.text")
    assert view.replay() == text
    assert chat.value("all(view.completion.text.startswith(s['text']) for s in states)") is True
    view.send({"op": "sync"})
    last: dict[str, Any] = {}
    chat.until("True")
    for message in view.messages:
        last = message if message["op"] == "snapshot" else last
    assert (last["phase"], last["text"], last["outcome"]) == ("over", text, "complete")
    chat.execute("view.close()")
