"""The conversation in real kernels: turns by the cell ids that a front end sends, and streams that still run."""

from __future__ import annotations

import pytest

from tests.chat_kernels import ChatKernel

pytestmark = pytest.mark.kernel


@pytest.fixture(autouse=True)
def _empty(chat: ChatKernel) -> None:
    assert chat.execute("%chat --reset").status == "ok"


def ask(chat: ChatKernel, text: str, cell_id: str | None, options: str = "") -> list[str]:
    """Ask in a cell, and return the questions that its request carried."""
    assert chat.execute_async(f"%%chat {options}\n{text}", cell_id=cell_id).wait(30).status == "ok"
    return [m["content"].strip() for m in chat.asked(text).body["messages"] if m["role"] == "user"]


def test_a_cell_that_is_run_again_replaces_its_turn(chat: ChatKernel) -> None:
    """By the ``cellId`` of the execution; a cell without one is a turn of its own each time."""
    ask(chat, "one", "cell-1")
    ask(chat, "two", "cell-2")
    assert ask(chat, "one again", "cell-1") == ["one again"]
    assert ask(chat, "three", None) == ["one again", "two", "three"]
    assert ask(chat, "four", None) == ["one again", "two", "three", "four"]


def test_a_deleted_cell_leaves_the_conversation(chat: ChatKernel) -> None:
    """JupyterLab names the deleted cells with the next execution."""
    ask(chat, "kept", "cell-1")
    ask(chat, "deleted", "cell-2")
    ask(chat, "deleted too", "cell-3")
    content = {"code": "1", "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    metadata = {"cellId": "cell-4", "deletedCells": ["cell-2", "cell-3"]}
    assert chat.wait_reply(chat.send("execute_request", content, metadata=metadata)).content["status"] == "ok"
    assert ask(chat, "after", "cell-5") == ["kept", "after"]


def test_an_answer_that_still_streams_is_left_out_and_that_is_said(chat: ChatKernel) -> None:
    """Half an answer would look whole to the model; once it is stopped it is sent."""
    _, view = chat.streaming("%%chat --bg -m demo-slow\nbehind", cell_id="cell-1")
    cell = chat.execute_async("%%chat\nbeside", cell_id="cell-2")
    assert cell.wait(30).stdout == "1 earlier turn is left out, as the answer still streams.\n"
    assert [m["content"].strip() for m in chat.asked("beside").body["messages"]] == ["beside"]
    view.send({"op": "stop"})
    view.wait("end")
    assert ask(chat, "afterwards", "cell-3") == ["behind", "beside", "afterwards"]


def test_a_background_answer_ends_with_its_cell(chat: ChatKernel) -> None:
    """The cell runs something else: its output is gone, so its stream is cancelled and its turn is none."""
    chat.streaming("%%chat --bg -m demo-slow\ngoes away", cell_id="cell-1")
    request = chat.asked("goes away")
    assert chat.execute_async("1", cell_id="cell-1").wait(30).status == "ok"
    assert request.left.wait(15)
    assert chat.value("len(_conversation)") == 0


def test_the_models_are_listed_in_a_cell_that_awaits(chat: ChatKernel) -> None:
    """And in one that cannot, such as under %%time."""
    for code in ("%chat --models", "%%time\n%chat --models"):
        cell = chat.execute(code)
        assert cell.status == "ok"
        assert cell.stdout.startswith("demo\ndemo-long\n")
