"""The provider ``local`` in a real kernel: the wait, the mark, Stop, and the end with the kernel. One model for all."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tests.support.chat_kernels import ChatKernel, start_chat_kernel
from tests.support.deadlines import START
from tests.support.kernels import ROOT
from tests.support.local_model import MARK, NAME, model_of, needs_llamacpp, until_ended
from tests.support.notebooks import execute

pytestmark = [pytest.mark.kernel, needs_llamacpp]


@pytest.fixture(scope="module")
def chat() -> Iterator[ChatKernel]:
    """A kernel of its own, because the last test kills it. Its settings name a demo server, and the cells ``local``."""
    with start_chat_kernel("latest") as kernel:
        yield kernel


def test_the_page_reads_that_the_model_loads(chat: ChatKernel) -> None:
    """The status says so until the request is sent. Then the live answer has its mark, and so has the saved one."""
    cell = chat.execute_async("%%chat -p local --max-tokens 12\nName three rivers.")
    view = chat.view(cell)
    loading = view.wait("status")
    assert (loading["phase"], loading["detail"]) == ("waiting", f"{NAME} is loading")
    first = view.wait("snapshot")
    assert (first["mark"], first["demo"], first["detail"]) == (MARK, False, "")
    saved = cell.wait(START).outputs[-1]["data"]
    assert f"<strong>{MARK}</strong>" in saved["text/html"]
    assert MARK in saved["text/plain"]
    assert [message["detail"] for message in view.messages if message["op"] == "status"] == [loading["detail"], ""]


def test_the_second_cell_waits_for_nothing(chat: ChatKernel) -> None:
    """The model is loaded once. Both cells are one conversation, and ``--models`` lists the model."""
    cell = chat.execute("%%chat -p local --max-tokens 4\nAnd a lake?", timeout=START)
    view = chat.view(cell)
    assert not [message for message in view.messages if message["op"] == "status"]
    assert len(chat.value("[turn.user.text for turn in _conversation.turns]")) == 2
    assert chat.execute("%chat -p local --models").stdout == f"{NAME}\n"


def test_stop_keeps_the_text(chat: ChatKernel) -> None:
    """As with any server."""
    cell, view = chat.streaming("%%chat -p local --once -t 0\nWrite a long essay about rivers.")
    view.send({"op": "stop"})
    assert view.wait("end")["outcome"] == "cancelled"
    assert cell.wait().status == "ok"


def test_a_setting_that_cannot_work_is_refused_in_one_line(chat: ChatKernel, tmp_path: Path) -> None:
    """Nothing is sent, and the conversation stays as it was."""
    before = chat.value("len(_conversation)")
    chat.execute(f"%config ChatMagics.gguf = {str(tmp_path)!r}")
    refused = chat.execute("%chat -p local Hello")
    assert refused.status == "error"
    assert "is a folder, not a model. Name a GGUF file" in refused.stderr + "".join(refused.traceback)
    assert chat.value("len(_conversation)") == before
    chat.execute("%config ChatMagics.gguf = None")


def test_without_a_setting_the_demo_server_answers(chat: ChatKernel) -> None:
    """The model is asked only where it is named."""
    cell = chat.execute("%%chat --once\nHello")
    assert "<strong>demo" in cell.outputs[-1]["data"]["text/html"]


def test_it_ends_when_the_kernel_is_killed(chat: ChatKernel) -> None:
    """Within a moment, although nobody could tell it."""
    chat.execute("%chat -p local --once --max-tokens 1 Hello", timeout=START)
    model = model_of(chat.pid)
    os.kill(chat.pid, signal.SIGKILL)
    until_ended(model)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """Return the quickstart, run by nbclient on the model."""
    notebook = nbformat.read(ROOT / "notebooks" / "00_quickstart.ipynb", as_version=4)
    settings = {"STREAMWIDGET_PROVIDER": "local", "STREAMWIDGET_MAX_TOKENS": "30"}
    execute(notebook, tmp_path_factory.mktemp("local"), settings)
    return notebook


def test_the_quickstart_runs_to_its_end_on_a_real_model(quickstart: NotebookNode) -> None:
    """Every cell runs, the answers are the model's, and the failure comes from the demo server that it names."""
    cells = {cell.id: cell for cell in quickstart.cells if cell.cell_type == "code"}
    assert all(cell.execution_count for cell in cells.values())
    for name in ("first-code", "stop-code", "local-code"):
        assert MARK in cells[name].outputs[-1].data["text/html"]
    told = "".join(output.text for output in cells["error-code"].outputs)
    assert told.startswith("StreamInterrupted: ")
    assert "what came: '## Tell me about rivers" in told
