"""The first minute in a real kernel: the first cell without a model, and completion as a page asks for it."""

from __future__ import annotations

import pytest

from tests.support.chat_kernels import ChatKernel
from tests.support.deadlines import until
from tests.support.kernels import Kernel

pytestmark = pytest.mark.kernel


def test_the_first_cell_without_a_model_lists_the_models(chat: ChatKernel) -> None:
    """The cell awaits the list and ends with one error. Then Tab after -m offers the models."""
    assert chat.execute("import os; os.environ['STREAMWIDGET_PROVIDER'] = 'openai'").status == "ok"
    cell = chat.execute("%%chat\nhello")
    assert cell.status == "error"
    assert "No model chosen for 127.0.0.1" in cell.stderr
    assert "Its models: demo, demo-long, " in cell.stderr
    offered = complete(chat, "%%chat -m demo-lo")
    assert ("demo-long", "model") in offered
    answered = chat.execute("%%chat -m demo\nhello")
    assert answered.status == "ok"
    chat.execute("del os.environ['STREAMWIDGET_PROVIDER']")


def test_tab_offers_options_and_variables(chat: ChatKernel) -> None:
    """Options have their help, and variables their type."""
    chat.execute("table = 1")
    assert complete(chat, "%%chat --mod") == [("--model", "The model to ask. Repeat it to ask several side by side.")]
    assert complete(chat, "%%chat\nSum of {{tab") == [("table", "int")]


def test_a_cell_reads_a_stream_in_a_plain_loop(chat: ChatKernel) -> None:
    """The chapter's own loop, in a cell whose kernel's loop runs. The next cells still work."""
    loop = "[e.text for e in sw.ChatClient().stream('hello') if type(e) is sw.TextDelta]"
    assert chat.execute(f"import streamwidget as sw\nwords = {loop}").status == "ok"
    assert chat.execute(f"def read():\n    return {loop}").status == "ok"
    assert chat.execute("same = read() == words").status == "ok"
    assert chat.value("same and len(words) > 3")


@pytest.mark.parametrize("generation", ["latest"], indirect=True)
def test_what_the_first_answer_needs_is_prepared_after_the_load(kernel: Kernel) -> None:
    """The cell that loads the extension is over, and no cell asks. Later the modules are there."""
    needed = ("streamwidget._view.stream_view", "httpx", "anyio._backends._asyncio", "streamwidget._saved.html")
    assert (
        kernel.execute(f"%load_ext streamwidget\nimport sys; print('{needed[0]}' in sys.modules)").stdout == "False\n"
    )
    look = f"print(all(name in sys.modules for name in {needed}))"
    until(lambda: kernel.execute(look).stdout == "True\n", look)


def complete(chat: ChatKernel, code: str) -> list[tuple[str, str]]:
    """Ask as a page does, with the cursor at the end. Return the texts and their kinds."""
    reply = chat.request("complete_request", {"code": code, "cursor_pos": len(code)})
    assert reply["status"] == "ok"
    return [(each["text"], each["type"]) for each in reply["metadata"]["_jupyter_types_experimental"]]
