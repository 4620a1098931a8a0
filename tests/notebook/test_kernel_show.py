"""``await sw.show(source)`` in real kernels: it streams, is stopped by the page, and leaves the saved answer."""

from __future__ import annotations

import pytest

from tests.support.chat_kernels import ChatKernel
from tests.support.deadlines import SOON
from tests.support.kernels import Execution

pytestmark = pytest.mark.kernel

ASYNC = """
import asyncio, streamwidget as sw
async def words(count, pause=0.01):
    try:
        for number in range(count):
            yield f"word{number} "
            await asyncio.sleep(pause)
    finally:
        closed = "async"
        globals().update(closed=closed)
shown = await sw.show(words({count}))
"""
SYNC = """
import threading, time, streamwidget as sw
def words(count, pause=0.01):
    try:
        for number in range(count):
            yield f"word{number} "
            time.sleep(pause)
    finally:
        globals().update(closed="sync", thread=threading.current_thread().name)
shown = await sw.show(words({count}))
"""
PATIENT = "from streamwidget._sources import foreign\nforeign._PATIENCE = {}\n"  # seconds
SOURCES = {"async": PATIENT.format(60) + ASYNC, "sync": PATIENT.format(60) + SYNC}  # as a busy machine may need
with_subshells = pytest.mark.parametrize("chat", ["latest", "7.3"], indirect=True)
each = pytest.mark.parametrize("kind", SOURCES)


def check_saved(cell: Execution, text: str, ending: str) -> None:
    """What is left in the notebook is the static answer: the view was replaced and closed."""
    (output,) = cell.outputs
    assert set(output["data"]) == {"text/html", "text/plain", "text/markdown"}
    assert output["data"]["text/plain"].startswith(text.strip())
    assert ending in output["data"]["text/plain"].splitlines()[-1]
    assert "comm_close" in [message.type for message in cell.messages]


@each
def test_an_answer_streams_and_is_saved(chat: ChatKernel, kind: str) -> None:
    """Its view tells many messages while the cell runs, and the cell's result is the completion."""
    cell = chat.execute_async(SOURCES[kind].replace("{count}", "80"))
    view = chat.view(cell)
    view.wait("delta", count=2)
    cell.wait(SOON * 2)
    assert (cell.status, cell.stderr) == ("ok", "")
    text = "".join(f"word{number} " for number in range(80))
    assert view.replay() == text == chat.value("shown.text")
    assert chat.value("shown.outcome") == "complete"
    check_saved(cell, text, "complete")


def test_an_answer_that_is_the_result_of_its_cell_is_shown_once(chat: ChatKernel) -> None:
    """``await sw.show(...)`` in the last line: no ``Out`` beside the saved answer, and ``_`` has it."""
    cell = chat.execute("import streamwidget as sw\nawait sw.show(['one ', 'two'])")
    check_saved(cell, "one two", "complete")
    assert chat.execute("print(_.text)").stdout == "one two\n"


@with_subshells
@each
def test_stop_closes_the_source_and_the_cell_ends_well(chat: ChatKernel, kind: str) -> None:
    """The page's Stop ends an endless source, whichever thread reads it, and the next queued cell runs."""
    cell = chat.execute_async(SOURCES[kind].replace("{count}", "10**9"))
    view = chat.view(cell)
    view.wait("snapshot")
    after = chat.execute_async("print('after', shown.outcome, closed)")
    chat.control({"op": "stop", "id": view.opened["key"]})
    view.send({"op": "stop"}, subshell=chat.generation == "7.3")
    cell.wait(SOON)
    assert (cell.status, cell.traceback, cell.stderr) == ("ok", [], "")
    assert after.wait(SOON).stdout == f"after cancelled {kind}\n"
    text = chat.value("shown.text")
    assert view.replay() == text
    assert text
    check_saved(cell, text, "stopped")


@each
def test_an_interrupt_closes_the_source_and_is_one_line(chat: ChatKernel, kind: str) -> None:
    """A kernel interrupt ends the cell with status error, a short one, and the source with it."""
    cell = chat.execute_async(SOURCES[kind].replace("{count}", "10**9"))
    view = chat.view(cell)
    view.wait("snapshot")
    chat.interrupt()
    cell.wait(SOON)
    assert cell.status == "error"
    (line,) = cell.traceback
    assert "Interrupted: the source is closed" in line
    assert view.messages[-1]["op"] == "end"
    chat.until(f"closed == {kind!r}")
    assert chat.execute("1 + 1").text == "2"


BLOCKED = """
import threading, streamwidget as sw
go = threading.Event()
def blocks():
    yield "as far as it came"
    go.wait(600)
    yield "late"
shown = await sw.show(blocks())
"""


@with_subshells
def test_a_source_that_cannot_be_stopped_is_left_behind_and_the_view_says_so(chat: ChatKernel) -> None:
    """The cell ends all the same. Later text is neither shown nor saved."""
    cell = chat.execute_async(PATIENT.format(0.5) + BLOCKED)
    view = chat.view(cell)
    view.wait("snapshot")
    chat.control({"op": "stop", "id": view.opened["key"]})
    cell.wait(SOON)
    assert cell.status == "ok"
    end = view.messages[-1]
    assert (end["op"], end["outcome"]) == ("end", "cancelled")
    assert "abandoned" in end["detail"]
    check_saved(cell, "as far as it came", "stopped by you (the source did not stop and was abandoned")
    count = len(view.messages)
    chat.execute("go.set()")
    chat.until("not any(thread.name == 'streamwidget source' for thread in threading.enumerate())")
    assert len(view.messages) == count
    assert chat.value("shown.text") == "as far as it came"


def test_a_kept_view_of_a_source_offers_nothing(chat: ChatKernel) -> None:
    """With ``keep`` the live view stays. The page knows that nothing can be asked again."""
    cell = chat.execute("import streamwidget as sw\nshown = await sw.show(['one ', 'two'], keep=True)")
    view = chat.view(cell)
    chat.wait_for(
        lambda m: (
            m.type == "comm_msg" and m.content["comm_id"] == view.model_id and m.content["data"]["method"] == "update"
        )
    )
    view.send({"op": "sync"})
    view.wait("snapshot", count=2)
    state = view.messages[-1]
    assert (state["phase"], state["text"], state["kept"]) == ("over", "one two", False)
    view.send({"op": "retry"})
    assert chat.execute("1 + 1").text == "2"
    assert view.messages[-1] == state
