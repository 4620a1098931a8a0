"""``await sw.batch(...)`` in a real kernel: an interrupt keeps what was answered, and the cell goes on after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.chat_kernels import ChatKernel
from tests.support.deadlines import SOON

pytestmark = pytest.mark.kernel

ROWS, AT_ONCE = 30, 5
CELL = """
import os, signal, streamwidget as sw
def source():
    for number in range(ROWS):
        if number == ROWS // 2 and not os.path.exists(SEEN):
            open(SEEN, "w").close()
            os.kill(os.getpid(), signal.SIGINT)  # what an interrupt of the kernel does, at a moment of ours
        yield str(number)
rows = await sw.batch(source(), "Say {{text}}", file=PATH, concurrency=AT_ONCE,
                      demo={"tokens": 20, "tokens_per_second": 100})
"""


@pytest.mark.parametrize("chat", ["latest"], indirect=True)
def test_an_interrupted_batch_goes_on_when_it_is_run_again(chat: ChatKernel, tmp_path: Path) -> None:
    """The interrupt closes all connections, and the cell ends with one line. Only what is missing is asked again."""
    path = tmp_path / "rows.jsonl"
    code = f"ROWS, AT_ONCE, PATH, SEEN = {ROWS}, {AT_ONCE}, {str(path)!r}, {str(tmp_path / 'seen')!r}\n{CELL}"
    cell = chat.execute(code, SOON)
    assert cell.status == "error"
    (line,) = cell.traceback
    assert line.startswith("Interrupted: ")
    assert " complete" in line
    assert cell.stderr == ""
    kept = len([line for line in path.read_text().splitlines() if '"complete"' in line])
    assert kept >= AT_ONCE
    before = len(chat.server.requests)
    again = chat.execute(code, SOON)
    assert (again.status, again.stderr) == ("ok", "")
    (output,) = again.outputs
    assert set(output["data"]) == {"text/html", "text/plain"}
    said = f"demo server (no model) · {ROWS} of {ROWS} rows complete ({kept} from the file)"
    assert output["data"]["text/plain"].startswith(said)
    assert chat.value("[row.outcome for row in rows]") == ["complete"] * ROWS
    assert len(chat.server.requests) - before == ROWS - kept


TASK = """
import asyncio, streamwidget as sw
task = asyncio.create_task(sw.batch(map(str, range(6)), "Say {{text}}", file=PATH, concurrency=2, demo=DEMO))
"""


@pytest.mark.parametrize("chat", ["latest"], indirect=True)
def test_a_cell_that_is_run_again_stops_the_task_that_it_has_started(chat: ChatKernel, tmp_path: Path) -> None:
    """Two batches never write one file. The second one asks what the first has not finished."""
    begun = len(chat.server.requests)
    for demo, cell in (({"tokens_per_second": 1}, "a"), ({"tokens_per_second": 1}, "b"), ({"tokens": 2}, "a")):
        code = f"PATH, DEMO = {str(tmp_path / 'rows.jsonl')!r}, {demo!r}\n{TASK}"
        ran = chat.execute_async(code, cell_id=cell).wait(SOON)
        assert ran.status == "ok", ran.traceback
        if cell == "b":  # another cell
            failed = chat.execute("await task")
            assert "still writes" in failed.traceback[-1]
        elif "tokens" not in demo:
            chat.server.wait_for_requests(begun + 2)
    assert chat.execute("rows = await task", SOON).status == "ok"
    assert chat.value("[row.outcome for row in rows]") == ["complete"] * 6
