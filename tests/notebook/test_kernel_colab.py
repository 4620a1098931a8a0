"""Colab's generation: IPython 7.34, ipykernel 6.17, ipywidgets 7.7, anywidget 0.9, with a shell of Colab's kind.

Colab itself is not here. Its shell overrides ``run_cell_magic``, and its display hook is switched on for one thread.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.chat_kernels import WIDGET, ChatKernel, View
from tests.support.deadlines import SOON
from tests.support.kernels import COLAB

pytestmark = [pytest.mark.kernel, pytest.mark.parametrize("chat", [COLAB], indirect=True)]

AS_COLAB = """
import sys, threading, types
switched = []
colab = types.ModuleType("google.colab.output")
colab.enable_custom_widget_manager = lambda: switched.append(threading.current_thread() is threading.main_thread())
colab._widgets = types.SimpleNamespace(_installed_url=None)  # anywidget asks for it
sys.modules["google.colab.output"] = colab

class Shell(type(get_ipython())):
    def run_cell_magic(self, magic_name, line, cell):
        return super().run_cell_magic(magic_name, line, cell or " ")

get_ipython().__class__ = Shell
%reload_ext streamwidget
import streamwidget as sw
"""
CELLS = {
    "%%chat": "%%chat\nhello",
    "assigned": "x = %chat hello",
    "with a question mark": "%chat hello?",
    "%%time": "%%time\n%chat hello",
    "%time": "%time x = %chat hello",
    "in a function": "def f():\n    x = %chat hello\n    return x\nassert f().outcome == 'complete'",
    "in a function, in a cell that awaits": "import asyncio\nawait asyncio.sleep(0)\ndef f():\n    %chat hello\nf()",
    "in async def": "async def f():\n    x = %chat hello\n    return x\nassert (await f()).outcome == 'complete'",
    "with its options": "%%chat -m demo -t 0.5 --once --timeline\nhello",
    "below a form's fields": "#@title A form\ncity = 'Bonn'  #@param {type:'string'}\n%chat hello {{city}}",
    "in a form of one magic": "#@title A form { display-mode: 'form' }\n\n%chat hello",
    "where asyncio is patched": "import nest_asyncio2\nnest_asyncio2.apply()\n%chat hello",
    "in a loop": "for _ in range(1):\n    x = %chat hello",
    "by run_line_magic": "get_ipython().run_line_magic('chat', 'hello')",
    "by run_cell_magic": "get_ipython().run_cell_magic('chat', '', 'hello')",
}


@pytest.fixture(autouse=True, scope="module")
def _colab(chat: ChatKernel) -> None:
    assert chat.execute(AS_COLAB).status == "ok"


def test_each_form_gives_its_answer_once_and_saves_it(chat: ChatKernel) -> None:
    """One display, which was a widget and is static at the end. The view's messages join to the text."""
    for name, code in CELLS.items():
        chat.execute("_chat = None")
        cell = chat.execute(code)
        assert (cell.status, cell.traceback, cell.stderr) == ("ok", [], ""), name
        assert chat.value("_chat.outcome") == "complete", name
        answer = chat.value("_chat.text")
        assert chat.view(cell).replay() == answer, name
        shown = [output for output in cell.outputs if output["output_type"] == "display_data"]
        assert len(shown) == 1, name
        assert WIDGET not in shown[0]["data"], name
        assert "text/html" in shown[0]["data"], name
        assert cell.text.startswith(answer), name
        assert "execute_result" not in [message.type for message in cell.messages], name


def test_widgets_are_shown_and_lead_to_their_bundles(chat: ChatKernel) -> None:
    """Also the boxes of ipywidgets, which make no mimebundle there. Colab's manager is on before the first one."""
    assert chat.value("switched")[0] is True
    cell = chat.execute("sw.StreamView(sw.ChatClient().stream('hello'))")
    assert View(chat, chat.view(cell).model_id).opened["bundle"] in chat.comm_opens()
    for code in (
        "sw.ChatWidget()",
        "await sw.compare('hello', [sw.ChatClient(), sw.ChatClient()])",
        "await sw.race('hello')",
    ):
        cell = chat.execute(code)
        assert (cell.status, cell.traceback) == ("ok", []), code
        assert any(WIDGET in m.content.get("data", {}) for m in cell.messages if m.type == "display_data"), code


def by_widget(chat: ChatKernel, view: View) -> None:
    view.send({"op": "stop"})


def by_control(chat: ChatKernel, view: View) -> None:
    chat.control({"op": "stop", "id": view.opened["key"]})


@pytest.mark.parametrize("stop", [by_widget, by_control])
def test_stop_of_a_background_stream(chat: ChatKernel, stop: Callable[[ChatKernel, View], None]) -> None:
    """ipykernel 6.17 has comms of its own. The control comm is opened on them."""
    cell, view = chat.streaming("%%chat --bg -m demo-slow\nto be stopped")
    cell.wait()
    stop(chat, view)
    assert view.wait("end")["outcome"] == "cancelled"
    assert chat.asked("to be stopped").left.wait(SOON)


def test_an_interrupt_ends_the_stream(chat: ChatKernel) -> None:
    """The Stop button of a cell in Colab interrupts the kernel."""
    cell, view = chat.streaming("%%chat -m demo-slow\ninterrupted")
    chat.interrupt()
    assert cell.wait(SOON).ename == "ChatInterrupted"
    assert len(cell.traceback) == 1
    assert cell.text.startswith(view.replay())
    assert chat.value("_chat.outcome") == "cancelled"


def test_what_an_output_captures_stays_live(chat: ChatKernel) -> None:
    """A page cannot replace it there."""
    chat.execute("import ipywidgets\nplace = ipywidgets.Output()\ndisplay(place)")
    cell = chat.execute("with place:\n    %chat hello")
    assert (cell.status, cell.traceback) == ("ok", [])
    chat.view(cell).wait("end")
    assert not [m for m in cell.messages if m.type == "comm_close"]
