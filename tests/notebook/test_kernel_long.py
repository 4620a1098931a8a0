"""The end of a long hostile answer: its saved form takes seconds, and the kernel answers meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import pytest

from tests.support.chat_kernels import ChatKernel, View, start_chat_kernel
from tests.support.deadlines import SOON, until
from tests.support.kernels import Execution
from tests.support.servers import RawServer, response, sse

pytestmark = pytest.mark.kernel

# The Markdown of this text, one list, uses up its time, which is seconds.
TEXT = "-\n" * 150_000
STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
ASK = """
import os, streamwidget as sw
old = os.environ["STREAMWIDGET_BASE_URL"]
os.environ["STREAMWIDGET_BASE_URL"] = %r
"""
CELLS = {
    "awaited": "%chat -m m long",
    "shown": "await sw.show(sw.ChatClient().stream('long', model='m'))",
    "in def": "def f():\n    r = %chat -m m long\n    return r\nf()",
}


@pytest.fixture(scope="module")
def long_answers() -> Iterator[str]:
    """The address of a server whose answers are the long text."""
    with RawServer(response(sse(TEXT, STOP, b"data: [DONE]\n\n"))) as server:
        yield server.url


@pytest.fixture
def long(chat: ChatKernel, long_answers: str) -> Iterator[ChatKernel]:
    """The kernel, which asks that server."""
    assert chat.execute(ASK % long_answers).status == "ok"
    yield chat
    assert chat.execute("os.environ['STREAMWIDGET_BASE_URL'] = old").status == "ok"


def ended(chat: ChatKernel, code: str) -> tuple[Execution, View]:
    """Run a cell up to the end of its stream. Its saved answer is still to be made."""
    cell = chat.execute_async(code)
    view = chat.view(cell)
    assert view.wait("end")["outcome"] == "complete"
    assert not cell.updates
    return cell, view


@pytest.mark.parametrize("place", CELLS)
@pytest.mark.fault("K2", "also while the saved form of a long answer is made: the text is saved as it was typed")
def test_an_interrupt_gets_through_while_the_saved_answer_is_made(long: ChatKernel, place: str) -> None:
    """The cell ends with one line. The whole text is in ``_chat`` and in the notebook, as plain text."""
    cell, view = ended(long, CELLS[place])
    long.interrupt()
    cell.wait(SOON)
    assert cell.status == "error"
    (line,) = cell.traceback
    assert line.startswith("Interrupted: ")
    (swap,) = cell.updates
    saved = swap.content["data"]
    assert saved["text/plain"].startswith(TEXT.rstrip())
    assert saved["text/html"].count("\n-") > 140_000
    assert not re.search("<(li|ul)>", saved["text/html"])  # nothing was parsed
    assert view.replay() == TEXT
    assert long.execute("6 * 7").text == "42"


@pytest.mark.fault("K2", "and so does the next cell, and all of it is saved")
def test_the_next_cell_runs_while_the_saved_answer_is_made(long: ChatKernel) -> None:
    """After ``--bg`` a cell is answered before the saved answer is there, and that comes once."""
    first, _ = ended(long, "%chat --bg -m m -o one long")
    other, _ = ended(long, "%chat --bg -m m -o two long")
    assert long.execute("[one.outcome, two.outcome]").text == "['complete', 'complete']"
    assert not other.updates
    for cell in (first, other):
        (swap,) = until(partial(getattr, cell, "updates"), "the saved answer")
        assert swap.content["data"]["text/plain"].startswith(TEXT.rstrip())


#: Ways to see an answer again. They wait for the saved form, so that has a second.
AGAIN = {
    "repr": "await asyncio.sleep(0)\none.completion",
    "--last": "%chat --last",
    "freeze": "w = sw.ChatWidget('m', conversation=conversation)\ndisplay(w)\nw.freeze()",
    "a race": "from streamwidget.teaching._race import Race\nRace(_chat, _chat, (one.timeline, one.timeline))",
}


@pytest.fixture(scope="module")
def seen_before(long_answers: str) -> Iterator[ChatKernel]:
    """A kernel in which the long answer is over: ``_chat``, the stream ``one``, and the ``conversation`` of both."""
    with start_chat_kernel("latest") as kernel:
        kernel.execute(ASK % long_answers)
        asked = kernel.execute(
            "import asyncio\nconversation = sw.Conversation()\n"
            "one = conversation.ask('long', sw.ChatClient(model='m'))\n_chat = await one\n_chat.outcome"
        )
        assert asked.text == "'complete'"
        yield kernel


@pytest.mark.fault("K2", "and where an answer that is over is shown again")
def test_an_interrupt_gets_through_while_an_answer_is_shown_again(seen_before: ChatKernel) -> None:
    """``show()`` of a stream that is over is made off the loop. The interrupt puts it there as plain text."""
    cell = seen_before.execute_async("print('begun', flush=True)\nawait sw.show(one)")
    seen_before.wait_for(lambda message: message.parent_id == cell.msg_id and message.type == "stream")
    seen_before.interrupt()
    cell.wait(SOON)
    assert (cell.status, len(cell.traceback)) == ("error", 1)
    (shown,) = [output for output in cell.outputs if "text/html" in output.get("data", {})]
    assert shown["data"]["text/plain"].startswith(TEXT.rstrip())
    assert not re.search("<(li|ul)>", shown["data"]["text/html"])
    assert seen_before.execute("6 * 7").text == "42"


@pytest.mark.parametrize("way", AGAIN)
def test_an_interrupt_and_the_next_cell_do_not_wait_for_an_answer_that_is_shown_again(
    seen_before: ChatKernel, way: str
) -> None:
    """The cell ends, in any way, and the next cell runs."""
    cell = seen_before.execute_async(f"print('begun', flush=True)\n{AGAIN[way]}")
    seen_before.wait_for(lambda message: message.parent_id == cell.msg_id and message.type == "stream")
    seen_before.interrupt()
    cell.wait(SOON)
    assert seen_before.execute("6 * 7").text == "42"
