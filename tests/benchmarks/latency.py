"""From the first delta at the socket to its message leaving the kernel, against ``print(flush=True)``."""

from __future__ import annotations

import statistics
import time

from tests.benchmarks.report import Figure
from tests.benchmarks.server import Server, start_server
from tests.support.kernels import ROOT, Kernel, Message, start_kernel

TRIES = 40


def measure() -> Figure:
    """Ask for short answers, one way after the other, in the same kernel on the same event loop."""
    figure = Figure("First delta: from the socket to its message")
    delays: dict[str, list[float]] = {"viewed": [], "printed": []}
    # The first delta comes alone: the next one is 50 ms behind it.
    with start_server(20, 0.05) as server, start_kernel("latest", {"PYTHONPATH": str(ROOT)}) as kernel:
        kernel.execute(
            "from tests.benchmarks import loops\n"
            f"ways = {{name: loops.LOOPS[name]({server.url!r}) for name in {tuple(delays)}}}"
        )
        for count in range(TRIES + 2):
            for name, found in delays.items():
                delay = _first_delta(kernel, server, name)
                if count >= 2:  # the first ones import, and connect
                    found.append(delay)
    ours, least = (statistics.median(delays[name]) * 1e3 for name in ("viewed", "printed"))
    figure.add("StreamView, median", f"{ours:.2f} ms")
    figure.add("bare httpx loop with print(flush=True), median", f"{least:.2f} ms")
    figure.at_most("difference of the medians", ours - least, 5, "{:.2f} ms")
    figure.notes.append(f"{TRIES} tries each, in turn; from the server's write to the message's arrival at the client.")
    return figure


def _first_delta(kernel: Kernel, server: Server, name: str) -> float:
    """Return the seconds from the server's write to the arrival of the message with the first text."""
    server.forget()
    before = len(kernel.iopub)
    cell = kernel.execute_async(f"_ = await ways[{name!r}](3, 20)")
    arrived = kernel.wait_for(_has_text, after=before).at
    cell.wait()
    deadline = time.monotonic() + 5
    while (written := server.last_request()["first_delta"]) is None:
        if time.monotonic() > deadline:
            raise TimeoutError("the server wrote no delta")
    return arrived - written


def _has_text(message: Message) -> bool:
    if message.type == "stream":
        return True
    sent = message.content.get("data", {}) if message.type == "comm_msg" else {}
    return sent.get("method") == "custom" and bool(sent["content"].get("text"))
