"""From Stop to the end of the connection at the server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from tests.benchmarks.report import Figure
from tests.benchmarks.server import Server, start_server
from tests.kernels import Kernel, Message, start_kernel

TRIES = 40
WIDGET = "application/vnd.jupyter.widget-view+json"


def measure() -> Figure:
    """Stop awaited ``%%chat`` cells by the two ways that the page uses at once, here one at a time."""
    figure = Figure("Stop: from the page's message to the end of the connection at the server")
    with start_server(200) as server, start_kernel("latest", {"STREAMWIDGET_BASE_URL": server.url}) as kernel:
        kernel.execute("%load_ext streamwidget")
        kernel.execute("%chat --max-tokens 3 Hello.")  # registers the control comm's target
        subshell = kernel.create_subshell()  # as JupyterLab speaks to comms
        control = kernel.comm_open("streamwidget.control", subshell_id=subshell)
        ways: dict[str, Callable[[str, str], object]] = {
            "the widget's own comm": lambda model, _: kernel.widget_send(model, {"op": "stop"}, subshell_id=subshell),
            "the control comm": lambda _, stream: kernel.comm_send(
                control, {"op": "stop", "id": stream}, subshell_id=subshell
            ),
        }
        delays: dict[str, list[float]] = {name: [] for name in ways}
        for count in range(TRIES + 1):
            for name, send in ways.items():
                delay = _stop(kernel, server, send)
                if count:  # the first one imports, and connects
                    delays[name].append(delay)
    for name, found in delays.items():
        figure.add(f"{name}, p50", f"{statistics.median(found) * 1e3:.1f} ms")
        figure.at_most(f"{name}, p95", statistics.quantiles(found, n=20)[-1] * 1e3, 50, "{:.1f} ms")
    figure.notes.append(f"{TRIES} awaited cells each, in turn; from the moment at which the client sends the message.")
    return figure


def _stop(kernel: Kernel, server: Server, send: Callable[[str, str], object]) -> float:
    """Return the seconds from sending Stop to the end of the connection."""
    server.forget()
    before = len(kernel.iopub)
    cell = kernel.execute_async("%%chat -m demo-long\nWrite about streams.")
    shown = kernel.wait_for(lambda message: WIDGET in message.content.get("data", {}), after=before)
    model = shown.content["data"][WIDGET]["model_id"]
    texts: list[Message] = []

    def some_text(message: Message) -> bool:
        sent = message.content["data"] if message.type == "comm_msg" else {}
        if sent.get("method") == "custom" and sent["content"].get("text"):
            texts.append(message)
        return len(texts) == 3

    kernel.wait_for(some_text, after=before)
    stream = kernel.comm_opens()[model]["state"]["state"]["id"]
    sent_at = time.monotonic()
    send(model, stream)
    cell.wait(10)
    if cell.status != "ok":
        raise RuntimeError("\n".join(cell.traceback))
    deadline = time.monotonic() + 5
    while (left := server.last_request()["client_left"]) is None:
        if time.monotonic() > deadline:
            raise TimeoutError("the connection was not closed")
    return left - sent_at
