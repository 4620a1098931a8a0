"""Streams that no cell waits for: ``--bg``, a cell that is run again, and views made from Python."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.puppet import PuppetServer
from tests.support.chat_kernels import WIDGET, ChatKernel, View
from tests.support.deadlines import SOON, until
from tests.support.kernels import Execution

pytestmark = pytest.mark.kernel

SETUP = "import asyncio, streamwidget as sw\nclient = sw.ChatClient()"


@pytest.fixture(scope="module")
def python(chat: ChatKernel) -> ChatKernel:
    """The kernel, with a client in ``client``."""
    assert chat.execute(SETUP).status == "ok"
    return chat


def view_of_result(chat: ChatKernel, cell: Execution) -> View:
    """The view that a cell shows as its result."""
    shown = chat.wait_for(lambda m: m.parent_id == cell.msg_id and WIDGET in m.content.get("data", {}))
    return View(chat, shown.content["data"][WIDGET]["model_id"])


def test_bg_returns_at_once_and_other_cells_run(chat: ChatKernel) -> None:
    """The cell ends while the stream runs. ``_chat``, -o and the saved answer come at the stream's end."""
    with PuppetServer() as server:
        chat.execute(f"import streamwidget as sw\nheld, _chat, late = {server.client}, None, None")
        cell = chat.execute_async("%%chat --bg --client held -o late\nin the background")
        call = server.wait_call(1)
        assert cell.wait().status == "ok"
        assert [output["output_type"] for output in cell.outputs] == ["display_data"]
        assert chat.execute("print(late, _chat)").stdout == "None None\n"
        for word in ("It", " comes", " later", "."):
            call.delta(word)
        call.finish()
        view = chat.view(cell)
        assert view.wait("end")["outcome"] == "complete"
    chat.until("late")
    assert chat.value("[late.outcome, late is _chat, late.timing.deltas]") == ["complete", True, 4]
    assert cell.text.startswith(chat.value("late.text"))
    assert view.replay() == chat.value("late.text")


def test_a_bg_view_that_is_closed_leaves_what_came(chat: ChatKernel) -> None:
    """Whoever closes all widgets in mid-stream stops the stream, and finds its text in the notebook all the same."""
    cell, _ = chat.streaming("%%chat --bg -m demo-slow -o cut\nclosed in mid-stream")
    assert cell.wait().status == "ok"
    assert chat.execute("import ipywidgets; ipywidgets.Widget.close_all()").status == "ok"
    (shown,) = until(lambda: cell.updates, "the view is replaced")
    assert chat.value("cut.outcome") == "cancelled"
    assert shown.content["data"]["text/plain"].startswith(chat.value("cut.text"))
    assert cell.text.startswith(chat.value("cut.text"))


def test_bg_gives_the_stream(chat: ChatKernel) -> None:
    """``s = %chat --bg`` is the ChatStream, which can be awaited in a later cell."""
    cell = chat.execute("s = %chat --bg -m demo-slow --max-tokens 2 for later")
    assert cell.status == "ok"
    assert chat.value("type(s).__name__") == "ChatStream"
    assert chat.execute("c = await s\nprint(c.timing.deltas, c == _chat)").stdout == "2 True\n"


def test_two_bg_streams_run_side_by_side(chat: ChatKernel) -> None:
    """Neither waits for the other, and each view has its own text."""
    cells = [chat.streaming(f"%%chat --bg -m demo-slow -o side{i}\nside {i}") for i in range(2)]
    for i, (cell, view) in enumerate(cells):
        assert chat.asked(f"side {i}").ended is None
        view.send({"op": "stop"})
        view.wait("end")
        assert view.replay() == chat.value(f"side{i}.text")
        assert cell.wait().status == "ok"


def test_a_failure_in_the_background_is_shown_in_the_view(chat: ChatKernel) -> None:
    """No cell fails. The view, the saved answer and ``_chat`` say what happened."""
    cell = chat.execute_async("%%chat --bg -m demo-error\nfails behind the back")
    assert cell.wait().status == "ok"
    end = chat.view(cell).wait("end")
    assert end["outcome"] == "error"
    assert "The server had an error" in end["detail"]
    chat.until("_chat.error")
    assert chat.value("_chat.outcome") == "error"
    assert "The server had an error" in cell.text


@pytest.mark.fault("K6", "the older stream is cancelled, one lives, those of other cells too")
def test_a_cell_that_is_run_again_cancels_its_older_stream(chat: ChatKernel) -> None:
    """A cell that runs again has one stream. The stream of another cell goes on."""
    _, other = chat.streaming("%%chat --bg -m demo-slow\nanother cell", cell_id="cell-b")
    _, first = chat.streaming("%%chat --bg -m demo-slow -o first\nrun again", cell_id="cell-a")
    older = chat.asked("run again")
    _, second = chat.streaming("%%chat --bg -m demo-slow -o second\nrun again", cell_id="cell-a")
    assert older.left.wait(SOON)
    assert first.wait("end")["outcome"] == "cancelled"
    assert chat.value("first.outcome") == "cancelled"
    newer = chat.asked("run again")
    assert newer is not older
    assert (newer.ended, chat.asked("another cell").ended) == (None, None)
    for view in (second, other):
        view.send({"op": "stop"})
        view.wait("end")


@pytest.mark.parametrize("ending", ["view.stop()", "stream.cancel()"])
def test_a_view_from_python_can_be_stopped_and_stays(python: ChatKernel, ending: str) -> None:
    """``view.stop()`` and ``stream.cancel()`` do the same: EOF, one end message, the live view stays."""
    prompt = f"stopped by {ending}"
    cell = python.execute(f"stream = client.stream({prompt!r}, 'demo-slow')\nview = sw.StreamView(stream)\nview")
    view = view_of_result(python, cell)
    view.wait("snapshot")
    assert python.execute(f"{ending}; {ending}").status == "ok"
    assert python.asked(prompt).left.wait(SOON)
    assert view.wait("end")["outcome"] == "cancelled"
    assert python.value("view.completion.outcome") == "cancelled"
    assert view.replay() == python.value("view.completion.text")
    view.send({"op": "sync"})
    assert view.wait("snapshot", count=2)["phase"] == "over"


def test_awaiting_a_view_gives_the_completion(python: ChatKernel) -> None:
    """``await view`` waits for the end, in the cell that made it or in a later one."""
    cell = python.execute(
        "view = sw.StreamView(client.stream('awaited view', demo={'tokens': 20}))\ndisplay(view)\nc = await view"
    )
    assert cell.status == "ok"
    assert python.value("[c.outcome, c.timing.deltas, c == view.completion]") == ["complete", 20, True]
    assert python.execute("print(await view == c)").stdout == "True\n"
    assert python.view(cell).replay() == python.value("c.text")


@pytest.mark.fault("K8", "EOF at the server, no further message on its comms")
def test_closing_a_view_ends_its_stream(python: ChatKernel) -> None:
    """``view.close()`` in mid-stream: EOF at the server, and nothing more on its comms (the fixture looks too)."""
    python.execute("view = sw.StreamView(client.stream('closed', 'demo-endless'))\nlayout = view.layout.model_id")
    python.until("view.completion.timing.deltas > 20")
    cell = python.execute("model = view.model_id\nview.close(); view.close()")
    assert cell.status == "ok"
    assert python.asked("closed").left.wait(SOON)
    model, layout = python.value("[model, layout]")
    closed = [message.content["comm_id"] for message in cell.messages if message.type == "comm_close"]
    assert sorted(closed) == sorted([model, layout])
    said = len(View(python, model).messages)
    assert python.execute("await asyncio.sleep(0.15)\nprint(view.completion.outcome)").stdout == "cancelled\n"
    assert len(View(python, model).messages) == said


def test_wait_inside_a_running_loop(python: ChatKernel) -> None:
    """``stream.wait()`` gives the completion in a cell, though a loop runs there. The next queued cells run too."""
    cells = [
        python.execute_async("w = client.stream('waited', demo={'tokens': 30}).wait()\nprint(w.outcome)"),
        python.execute_async("print(w.timing.deltas)"),
        python.execute_async("async def f():\n    return client.stream('inside', demo={'tokens': 5}).wait()"),
        python.execute_async("print((await f()).timing.deltas)"),
    ]
    printed: list[Any] = [cell.wait().stdout for cell in cells]
    assert printed == ["complete\n", "30\n", "", "5\n"]


def test_wait_in_a_thread_while_the_kernel_streams(python: ChatKernel) -> None:
    """A thread may wait for a stream of its own, or for one that runs on the kernel's loop."""
    cell = python.execute(
        "running = client.stream('on the loop', demo={'tokens': 40, 'tokens_per_second': 200})\n"
        "running.start()\n"
        "own = asyncio.to_thread(lambda: client.stream('in a thread', demo={'tokens': 10}).wait())\n"
        "both = await asyncio.gather(own, asyncio.to_thread(running.wait))\n"
        "print([c.timing.deltas for c in both])"
    )
    assert cell.stdout == "[10, 40]\n"
