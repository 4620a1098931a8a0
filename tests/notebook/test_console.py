"""jupyter console, qtconsole and Spyder: they know no widgets and cannot replace an output. The answer is printed."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pexpect
import pytest

from streamwidget._notebook import front_end
from streamwidget.demo import DemoServer
from tests.support.chat_kernels import WIDGET, ChatKernel
from tests.support.deadlines import SOON, START
from tests.support.kernels import clean_environment

CLIENT = {"session": "5f-0a", "msg_id": "5f-0a_7_3"}
PAGE = {"session": "5f-0a", "msg_id": "8c-11"}
FRONT_ENDS = {
    "jupyter console": (CLIENT, True, {}, False),
    "nbclient": (CLIENT, False, {}, True),
    "a server that runs a page's cell": (CLIENT, True, {"cellId": "c1"}, True),
    "JupyterLab": (PAGE, True, {"cellId": "c1"}, True),
    "a page without ids of cells": (PAGE, True, {}, True),
    "no request": ({}, False, {}, True),
}
VIEW = (
    "import streamwidget as sw\nview = sw.StreamView(sw.ChatClient().stream('count to 3'))\n"
    "display(view)\ncompletion = await view"
)


@pytest.mark.parametrize(("header", "stdin", "metadata", "shows"), FRONT_ENDS.values(), ids=FRONT_ENDS)
def test_a_console_is_known_by_its_requests(
    header: dict[str, str], stdin: bool, metadata: dict[str, str], shows: bool
) -> None:
    """All that runs notebooks gets a widget."""
    request = {"header": header, "content": {"allow_stdin": stdin}, "metadata": metadata}
    shell: Any = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: request))
    assert front_end.shows_widgets(shell) is shows


@pytest.mark.kernel
def test_a_console_gets_the_answer_as_printed_text(chat: ChatKernel) -> None:
    """While it streams, and no widget. The next request of a page gets one again."""
    cell = chat.execute_async("%chat --once count to 3", stdin=True).wait()
    assert cell.stdout.startswith("1\n2\n3\n[")
    assert "complete" in cell.stdout
    assert {output["output_type"] for output in cell.outputs} == {"stream"}
    cell = chat.execute_async(VIEW, stdin=True).wait()
    assert [output["data"]["text/plain"][:9] for output in cell.outputs] == ["The answe", "1\n2\n3\n\n[d"]
    assert not [output for output in cell.outputs if WIDGET in output["data"]]
    assert chat.execute_async("display(view)", stdin=True).wait().text.startswith("1\n2\n3\n\n[")
    models = chat.execute_async("%chat --once -m demo -m demo-b count to 3", stdin=True).wait()
    assert "\nKept: 1. demo" in models.text
    assert models.text.count("1\n2\n3\n\n[") == 2
    refused = chat.execute_async("%chat --wire hello", stdin=True).wait()
    assert "--wire needs a notebook" in "".join(refused.traceback) + refused.stderr
    page = chat.execute_async("%chat --once count to 3", cell_id="c1", stdin=True).wait()
    assert "display_data" in {output["output_type"] for output in page.outputs}


@pytest.mark.kernel
@pytest.mark.skipif(importlib.util.find_spec("jupyter_console") is None, reason="jupyter_console is not installed")
def test_jupyter_console_shows_the_answer(tmp_path: Path) -> None:
    """Case console-no-answer: the answer and its line, and not the address of an object."""
    with DemoServer() as server:
        env = clean_environment(
            {"STREAMWIDGET_BASE_URL": server.url, "IPYTHONDIR": str(tmp_path), "PROMPT_TOOLKIT_NO_CPR": "1"}
        )
        arguments = ["-m", "jupyter_console", "--simple-prompt"]
        console: Any = pexpect.spawn(
            sys.executable, arguments, env=env, encoding="utf-8", dimensions=(60, 200), timeout=START
        )
        try:
            console.expect(r"In \[1\]: ?")
            console.sendline("%load_ext streamwidget")
            console.expect(r"In \[2\]: ?")
            console.sendline("%chat --once count to 3")
            console.expect(r"1\r\n2\r\n3\r\n\[demo server.*complete[^\n]*\]\r\n", timeout=SOON)
            shown = console.before + console.after
            console.expect(r"In \[3\]: ?")
            assert not re.search("StreamView|object at|bundle=", shown + console.before)
            console.sendline(VIEW.replace("\n", "; "))
            console.expect(r"The answer follows[^\n]*\r\n1\r\n2\r\n3\r\n\r\n\[demo server.*complete", timeout=SOON)
        finally:
            console.close(force=True)
