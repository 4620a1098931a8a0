"""Run All of a notebook whose answers are kept: the time, and the requests."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from streamwidget.demo import DemoServer
from tests.benchmarks.report import Figure
from tests.support.kernels import Kernel, start_kernel

CELLS = 50
SECONDS = 2.0


def measure() -> Figure:
    """Ask in all cells, restart, and run all of them again as Run All does."""
    figure = Figure(f"Reuse: Run All of {CELLS} %%chat cells in one conversation, answers of 190 tokens")
    with tempfile.TemporaryDirectory() as directory, DemoServer(tokens_per_second=0, first_delta=0) as server:
        notebook = Path(directory, "lesson.ipynb")
        notebook.touch()
        env = {"STREAMWIDGET_BASE_URL": server.url, "JPY_SESSION_NAME": str(notebook)}
        for what in ("asked", "shown again"):
            server.reset()
            with start_kernel("latest", env) as kernel:
                seconds = _run_all(kernel)
            requests = len(server.requests)
            if what == "asked":
                figure.add(what, f"{seconds:.2f} s, {requests} requests")
    figure.at_most("shown again after a restart", seconds, SECONDS, "{:.2f} s")
    figure.holds("its requests", str(requests), "0", requests == 0)
    figure.notes.append("From the first execute_request to the last reply. The extension is loaded before.")
    return figure


def _run_all(kernel: Kernel) -> float:
    for code in ("%load_ext streamwidget", "%config ChatMagics.reuse = True"):
        kernel.execute(code)
    begun = time.monotonic()
    cells = [
        kernel.execute_async(f"%%chat -m demo\nQuestion {number}", cell_id=f"cell-{number}") for number in range(CELLS)
    ]
    for cell in cells:
        if cell.wait(120).status != "ok":
            raise RuntimeError("\n".join(cell.traceback))
    return time.monotonic() - begun
