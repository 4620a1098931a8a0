"""A stream beside a cell that blocks the kernel: how many of its deltas reach the page before the cell ends."""

from __future__ import annotations

from tests.benchmarks.report import Figure
from tests.benchmarks.server import start_server
from tests.support.kernels import GENERATIONS, Kernel, Message, start_kernel

DELTAS, RATE = 250, 50
SECONDS = DELTAS / RATE + 1.5
CELLS = {
    "time.sleep": f"import time\ntime.sleep({SECONDS})",
    "a Python loop": f"import time\nend = time.monotonic() + {SECONDS}\nwhile time.monotonic() < end: sum(range(99))",
}


def measure() -> Figure:
    """Ask with ``--bg``, and run a cell that blocks."""
    figure = Figure(f"Beside a cell that blocks: deltas of {DELTAS} that reach the page meanwhile ({RATE}/s)")
    with start_server(RATE) as server:
        for generation in GENERATIONS:
            with start_kernel(generation, {"STREAMWIDGET_BASE_URL": server.url}) as kernel:
                kernel.execute("%load_ext streamwidget\n%chat --max-tokens 3 Hello.")
                for name, code in CELLS.items():
                    figure.at_least(f"{generation}, {name}", _arrived(kernel, code), DELTAS, "{:.0f}")
    return figure


def _arrived(kernel: Kernel, code: str) -> int:
    """Return the deltas that came while the cell ran."""
    begun = len(kernel.iopub)
    kernel.execute(f"stream = %chat --bg --max-tokens {DELTAS} Write about streams.")
    ended = kernel.execute(code, 60).replied_at
    kernel.execute("await stream")
    return sum(_deltas(message) for message in kernel.iopub[begun:] if message.at <= ended)


def _deltas(message: Message) -> int:
    """Return how many deltas a message brings. The first ones come with a snapshot."""
    data = message.content.get("data", {}) if message.type == "comm_msg" else {}
    content = data.get("content") or {} if data.get("method") == "custom" else {}
    if content.get("op") == "snapshot":
        return int(content["timing"]["deltas"])
    return int(content.get("deltas", 0))
