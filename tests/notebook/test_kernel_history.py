"""The conversation in real kernels: turns by the cell ids that a front end sends, and streams that still run."""

from __future__ import annotations

import json
import time

import pytest

from streamwidget.demo import DemoServer
from tests.support.chat_kernels import ChatKernel
from tests.support.deadlines import SOON
from tests.support.kernels import Kernel, Message

pytestmark = pytest.mark.kernel


@pytest.fixture
def notebook(chat: ChatKernel) -> ChatKernel:
    """Each generation's kernel, with an empty conversation."""
    assert chat.execute("%chat --reset").status == "ok"
    return chat


def ask(chat: ChatKernel, text: str, cell_id: str | None, options: str = "") -> list[str]:
    """Ask in a cell, and return the questions that its request carried."""
    assert chat.execute_async(f"%%chat {options}\n{text}", cell_id=cell_id).wait(SOON).status == "ok"
    return [m["content"].strip() for m in chat.asked(text).body["messages"] if m["role"] == "user"]


def test_a_cell_that_is_run_again_replaces_its_turn(notebook: ChatKernel) -> None:
    """By the ``cellId`` of the execution. A cell without one is a new turn each time."""
    ask(notebook, "one", "cell-1")
    ask(notebook, "two", "cell-2")
    assert ask(notebook, "one again", "cell-1") == ["one again"]
    assert ask(notebook, "three", None) == ["one again", "two", "three"]
    assert ask(notebook, "four", None) == ["one again", "two", "three", "four"]


def test_the_turns_follow_the_order_that_the_page_tells(notebook: ChatKernel) -> None:
    """It comes beside the cells, on a thread of its own. What is not a list of cells is ignored."""
    ask(notebook, "one", "moved-1")
    ask(notebook, "two", "moved-2")
    for cells in (["moved-2", "moved-new", "moved-1"], "moved-1", [None]):
        notebook.control({"op": "cells", "id": "cells", "cells": cells})
    notebook.until("get_ipython().magics_manager.registry['ChatMagics'].session.cells._places.get('moved-1') == 2")
    assert ask(notebook, "inserted", "moved-new") == ["two", "inserted"]
    assert ask(notebook, "one again", "moved-1") == ["two", "inserted", "one again"]


def test_a_cell_that_runs_cells_within_itself_is_one_cell(notebook: ChatKernel) -> None:
    """``%%capture`` and ``run_cell`` run a cell without an id. Its turn is that of the cell around it."""
    for _ in range(2):
        assert notebook.execute_async("%%capture\n%chat captured", cell_id="cell-1").wait(SOON).status == "ok"
        nested = "get_ipython().run_cell('x = 1')\n%chat after one"
        assert notebook.execute_async(nested, cell_id="cell-2").wait(SOON).status == "ok"
    assert ask(notebook, "last", "cell-3") == ["captured", "after one", "last"]


def test_a_deleted_cell_leaves_the_conversation(notebook: ChatKernel) -> None:
    """JupyterLab names the deleted cells with the next execution."""
    ask(notebook, "kept", "cell-1")
    ask(notebook, "deleted", "cell-2")
    ask(notebook, "deleted too", "cell-3")
    content = {"code": "1", "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    metadata = {"cellId": "cell-4", "deletedCells": ["cell-2", "cell-3"]}
    assert notebook.wait_reply(notebook.send("execute_request", content, metadata=metadata)).content["status"] == "ok"
    assert ask(notebook, "after", "cell-5") == ["kept", "after"]


def test_an_answer_that_still_streams_is_left_out_and_that_is_said(notebook: ChatKernel) -> None:
    """Half an answer would look whole to the model. A stopped answer is sent."""
    _, view = notebook.streaming("%%chat --bg -m demo-slow\nbehind", cell_id="cell-1")
    cell = notebook.execute_async("%%chat\nbeside", cell_id="cell-2")
    assert cell.wait(SOON).stdout == "1 earlier turn not sent: its answer is still streaming.\n"
    assert [m["content"].strip() for m in notebook.asked("beside").body["messages"]] == ["beside"]
    view.send({"op": "stop"})
    view.wait("end")
    assert ask(notebook, "afterwards", "cell-3") == ["behind", "beside", "afterwards"]


def test_a_background_answer_ends_with_its_cell(notebook: ChatKernel) -> None:
    """The cell runs something else: its output is gone, so its stream is cancelled and its turn is none."""
    notebook.streaming("%%chat --bg -m demo-slow\ngoes away", cell_id="cell-1")
    request = notebook.asked("goes away")
    assert notebook.execute_async("1", cell_id="cell-1").wait(SOON).status == "ok"
    assert request.left.wait(SOON)
    assert notebook.value("len(_conversation)") == 0


def test_the_models_are_listed_in_a_cell_that_awaits(notebook: ChatKernel) -> None:
    """And in one that cannot, such as under %%time."""
    for code in ("%chat --models", "%%time\n%chat --models"):
        cell = notebook.execute(code)
        assert cell.status == "ok"
        assert cell.stdout.startswith("demo\ndemo-long\n")


@pytest.mark.parametrize("generation", ["latest"], indirect=True)
def test_an_answer_asked_again_in_its_view_is_the_turns_answer(kernel: Kernel, demo: DemoServer) -> None:
    """Retry in a view that stays: the conversation and ``_chat`` have the new answer."""
    assert kernel.execute("%load_ext streamwidget").status == "ok"
    assert kernel.execute("%%chat --keep --max-tokens 2\nkept").status == "ok"
    (view,) = (
        comm for comm, data in kernel.comm_opens().items() if "StreamView" in str(data["state"].get("_anywidget_id"))
    )
    kernel.widget_send(view, {"op": "retry"})
    demo.wait_for_requests(2, SOON)
    looked = (
        "c = _conversation.turns[0].answer.completion\nprint(len(_conversation), c == _chat, c.outcome, c.request_id)"
    )
    expected = f"1 True length req_demo_{demo.requests[1].number:06}\n"
    deadline = time.monotonic() + SOON
    while kernel.execute(looked).stdout != expected:
        assert time.monotonic() < deadline, kernel.execute(looked).stdout


def test_cells_above_and_the_last_error_go_when_they_are_asked_for(notebook: ChatKernel) -> None:
    """With the outputs that IPython kept, in a fold before the answer."""
    notebook.execute_async("print('pri' + 'nted')\n'<b>' + 'old</b>'", cell_id="above")
    wrong = notebook.execute_async("import asyncio\nawait asyncio.sleep(0)\nnone.there", cell_id="wrong")
    assert wrong.wait(SOON).ename == "NameError"
    notebook.control({"op": "cells", "id": "cells", "cells": ["asks", "above", "wrong", "asks-2"]})
    notebook.until("get_ipython().magics_manager.registry['ChatMagics'].session.cells._places.get('asks-2') == 3")

    asked = notebook.execute_async("%%chat --cells 2\nwhat now", cell_id="asks-2").wait(SOON)
    assert asked.status == "ok"
    prompt = notebook.value("_conversation.turns[-1].user.text")
    keeps_prints = notebook.value("hasattr(get_ipython().history_manager, 'outputs')")
    assert ("printed\n'<b>old</b>'" if keeps_prints else "'<b>old</b>'") in prompt
    assert prompt.index("'<b>' + 'old</b>'") < prompt.index("none.there")
    fold, _ = (output["data"].get("text/html", "") for output in asked.outputs if "data" in output)
    assert fold.startswith('<details style="margin:0"><summary>Goes with the prompt: cell [')
    assert "&#x27;&lt;b&gt;old&lt;/b&gt;&#x27;" in fold

    assert notebook.execute_async("%chat --fix why", cell_id="asks-2").wait(SOON).status == "ok"
    prompt = notebook.value("_conversation.turns[-1].user.text")
    assert "line 3, in <module>\n    none.there\n" in prompt
    assert prompt.endswith("- `asyncio`: module asyncio")

    text = json.dumps({"text": "So.\n\n```python\nprint(1)\n```\n"})
    asked = notebook.execute_async(f"%chat --fix --bg -P 'demo={text}'", cell_id="asks-2").wait(SOON)
    assert asked.status == "ok"

    def has_diff(message: Message) -> bool:  # the answer may end after its cell
        return message.type == "update_display_data" and "corrected:" in message.content["data"]["text/plain"]

    notebook.wait_for(has_diff)
    found = [output["data"]["text/html"] for output in asked.outputs if "data" in output]
    assert ["streamwidget-fix-" in html for html in found] == [False, True]
