"""Run All with kept answers in a real kernel: no request, the real view, and a saved answer with its day."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.chat_kernels import WIDGET, ChatKernel
from tests.support.deadlines import SOON
from tests.support.kernels import Execution

pytestmark = pytest.mark.kernel
CELLS = [f"%%chat\nQuestion {number}" for number in range(8)]


def run_all(chat: ChatKernel) -> list[Execution]:
    """Queue all cells, as a page does."""
    assert chat.execute("%chat --reset").status == "ok"
    cells = [chat.execute_async(code, cell_id=f"reuse-{number}") for number, code in enumerate(CELLS)]
    assert [cell.wait(SOON).status for cell in cells] == ["ok"] * len(cells)
    return cells


@pytest.mark.parametrize("chat", ["latest"], indirect=True)
def test_run_all_sends_nothing(chat: ChatKernel, tmp_path: Path) -> None:
    """The file stands beside the notebook. Each view ends at once, and is replaced."""
    notebook = tmp_path / "lesson.ipynb"
    notebook.touch()
    named = f"import os; os.environ['JPY_SESSION_NAME'] = {str(notebook)!r}"
    assert chat.execute(f"{named}\n%config ChatMagics.reuse = True").status == "ok"
    try:
        run_all(chat)
        asked = len(chat.server.requests)
        assert asked == len(CELLS)
        for cell in run_all(chat):
            (shown,) = [message for message in cell.messages if message.type == "display_data"]
            assert WIDGET in shown.content["data"]
            (saved,) = cell.updates
            assert "not asked again" in saved.content["data"]["text/html"]
            assert "first token" not in saved.content["data"]["text/plain"]
            messages = chat.widget_messages(shown.content["data"][WIDGET]["model_id"])
            assert [message["op"] for message in messages if message["op"] != "ping"][-1] == "end"
        assert len(chat.server.requests) == asked
        assert len((tmp_path / "lesson.chat.jsonl").read_text("utf-8").splitlines()) == len(CELLS)
    finally:
        chat.execute("del os.environ['JPY_SESSION_NAME']\n%config ChatMagics.reuse = False")
