"""``%chat --resume`` in a real kernel: the conversation from the saved notebook is the one before the restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.chat_kernels import ChatKernel
from tests.support.kernels import Execution

pytestmark = pytest.mark.kernel
DEFINITIONS = """
import streamwidget as sw
picture = b"GIF89a" + bytes(20)
@sw.tool(safe=True)
def length(river: str) -> str:
    return f"{river}: 1,094 km"
"""
CELLS = (
    "%chat -m demo -c other count to 2",
    "%%chat -m demo\ncount to 2\n\n- short",
    "%%chat -m demo\ncount to {{1 + 1}} for {{picture}}",
    "x = %chat -m demo count to 3\nprint(x.outcome)",
    "%%chat -m demo --tools length --cells 1\nHow long is the Elbe?",
    "%%chat -m demo-reasoning --timeline\ncount to 4",
    "%%chat -m demo -f list[int]\nCount.",
    "%%chat -m demo-length\ncount to 50",
    "%%chat -m demo-drop\ncount to 60",
    "%%chat -m demo-401 -m demo\ncount to 5",
    "for name in 'ab':\n    %chat -m demo count to 6",
    "%chat -m demo count to 7\n%chat -m demo count to 8",
    "%chat -m demo --wire count to 9",
    "%chat -m demo --once count to 2",
)
#: Run later, in a cell without an answer. The outputs above get the changes.
LATER = """
first, *_, last = _conversation.turns
_conversation.ask("Name a lake.", sw.ChatClient(model="demo"), key=last.key, branch=True).wait()
_conversation.ask("Asked by code", sw.ChatClient(model="demo"), attachments=[picture]).wait()
_conversation.rate(first.key, "up")
"""
#: The branch of the last cell, shown at the end.
EDITED = 'As it was asked, and not as it is typed now: [13] "Name a lake.".'


def notebook(path: Path, cells: list[tuple[str, Execution]]) -> None:
    """Write the cells with their outputs, as a page holds them."""
    made = [
        {
            "cell_type": "code",
            "id": f"resume-{number}",
            "source": code,
            "execution_count": number + 1,
            "outputs": cell.outputs,
            "metadata": {},
        }
        for number, (code, cell) in enumerate(cells)
    ]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made}), "utf-8")


def run(chat: ChatKernel, code: str, cell_id: str) -> Execution:
    return chat.execute_async(code, cell_id=cell_id).wait()


def turns(chat: ChatKernel) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(chat.value("_conversation.to_json()"))["turns"]
    return found


@pytest.mark.parametrize("chat", ["latest"], indirect=True)
def test_the_conversation_is_the_one_before(chat: ChatKernel, tmp_path: Path) -> None:
    path = tmp_path / "lesson.ipynb"
    path.touch()
    named = f"import os; os.environ['JPY_SESSION_NAME'] = {str(path)!r}"
    assert chat.execute(f"{named}\n{DEFINITIONS}").status == "ok"
    try:
        cells = [(code, run(chat, code, f"resume-{number}")) for number, code in enumerate(CELLS)]
        failed = [cell.evalue for _, cell in cells if cell.status != "ok"]
        assert len(failed) == 1, failed  # its connection is lost
        later = chat.execute(f"{LATER}\n%chat --skip 2")
        assert later.status == "ok", later.traceback
        before = turns(chat)
        notebook(path, cells)
        assert chat.execute("%chat --reset\n%chat -c other --reset").status == "ok"
        first, *notes = run(chat, "%chat --resume", "resume").stdout.splitlines()
        assert (first.partition(" from ")[0], notes) == ("Resumed 15 turns", [EDITED])
        assert turns(chat) == before
        assert chat.execute("%chat -m demo Goes on").status == "ok"  # all of it can be sent
        assert run(chat, "%chat -c other --resume", "resume").stdout.startswith("Resumed 1 turn from")
    finally:
        chat.execute("del os.environ['JPY_SESSION_NAME']")
