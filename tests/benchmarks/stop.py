"""From Stop, or the kernel's interrupt, to the end of the connection at the server."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from tests.benchmarks.report import Figure
from tests.benchmarks.server import Server, start_server
from tests.support.kernels import GENERATIONS, Execution, Kernel, Message, start_kernel

TRIES = 40
WIDGET = "application/vnd.jupyter.widget-view+json"
AWAITED = "%%chat -m demo-long\nWrite about streams."
BACKGROUND = AWAITED.replace("%%chat", "%%chat --bg")
BLOCKING = "import time\nprint('on', flush=True)\ntime.sleep(0.4)"
Send = Callable[[str, str], object]


def measure() -> Figure:
    """Stop in the page's two ways, here one at a time, and interrupt."""
    figure = Figure("Stop: from the page's message to the end of the connection at the server")
    with start_server(200) as server:
        for generation in GENERATIONS:
            with start_kernel(generation, {"STREAMWIDGET_BASE_URL": server.url}) as kernel:
                kernel.execute("%load_ext streamwidget")
                kernel.execute("%chat --max-tokens 3 Hello.")  # registers the control comm's target
                if kernel.has_subshells:
                    _measure_stops(figure, kernel, server)
                _measure_interrupts(figure, kernel, server)
    figure.notes.append(f"{TRIES} cells each, in turn, on one kernel; from when the client sends the message.")
    return figure


def _measure_stops(figure: Figure, kernel: Kernel, server: Server) -> None:
    subshell = kernel.create_subshell()  # as JupyterLab speaks to comms
    control = kernel.comm_open("streamwidget.control", subshell_id=subshell)

    def by_widget(model: str, _: str) -> object:
        return kernel.widget_send(model, {"op": "stop"}, subshell_id=subshell)

    def by_control(_: str, name: str) -> object:
        return kernel.comm_send(control, {"op": "stop", "id": name}, subshell_id=subshell)

    cases: dict[str, tuple[str, Send, bool, float]] = {
        "awaited, by the widget's own comm": (AWAITED, by_widget, False, 50),
        "awaited, by the control comm": (AWAITED, by_control, False, 50),
        "in the background": (BACKGROUND, by_control, False, 100),
        "beside a cell that blocks": (BACKGROUND, by_control, True, 250),
    }
    delays: dict[str, list[float]] = {name: [] for name in cases}
    floor: list[float] = []
    for count in range(TRIES + 1):
        floor.append(_answer(kernel))
        for name, (code, send, blocked, _) in cases.items():
            delay = _stop(kernel, server, code, send, blocked=blocked)
            if count:  # the first one imports, and connects
                delays[name].append(delay)
    for name, (_, _, _, target) in cases.items():
        _add(figure, f"{kernel.generation}: {name}", delays[name], target)
    _add(figure, f"{kernel.generation}: for comparison, a bare request's answer", floor)


def _measure_interrupts(figure: Figure, kernel: Kernel, server: Server) -> None:
    ends, delays = [], []
    for _ in range(TRIES):
        cell, _model, _stream = _start(kernel, server, AWAITED)
        sent_at = time.monotonic()
        kernel.interrupt()
        cell.wait(10)
        ends.append(cell.replied_at - sent_at)
        delays.append(_left(server) - sent_at)
    _add(figure, f"{kernel.generation}: interrupted", delays, 500)
    _add(figure, f"{kernel.generation}: interrupted, to the end of the cell", ends, 1000)


def _add(figure: Figure, what: str, delays: list[float], target: float | None = None) -> None:
    most = statistics.quantiles(delays, n=20)[-1] * 1e3
    figure.add(f"{what}, p50", f"{statistics.median(delays) * 1e3:.1f} ms")
    if target is None:
        figure.add(f"{what}, p95", f"{most:.1f} ms")
    else:
        figure.at_most(f"{what}, p95", most, target, "{:.1f} ms")


def _answer(kernel: Kernel) -> float:
    sent_at = time.monotonic()
    kernel.request("kernel_info_request", {})
    return time.monotonic() - sent_at


def _stop(kernel: Kernel, server: Server, code: str, send: Send, *, blocked: bool) -> float:
    """Return the seconds from sending Stop to the end of the connection."""
    cell, model, stream = _start(kernel, server, code)
    if blocked:
        cell = kernel.execute_async(BLOCKING)
        kernel.wait_for(lambda message: message.type == "stream" and message.parent_id == cell.msg_id)
    sent_at = time.monotonic()
    send(model, stream)
    left = _left(server)
    cell.wait(10)
    if cell.status != "ok":
        raise RuntimeError("\n".join(cell.traceback))
    return left - sent_at


def _start(kernel: Kernel, server: Server, code: str) -> tuple[Execution, str, str]:
    """Run a cell up to its third text. Return it with the id of its widget and the name of its view."""
    server.forget()
    before = len(kernel.iopub)
    cell = kernel.execute_async(code)
    shown = kernel.wait_for(lambda message: WIDGET in message.content.get("data", {}), after=before)
    model = shown.content["data"][WIDGET]["model_id"]
    texts: list[Message] = []

    def some_text(message: Message) -> bool:
        sent = message.content["data"] if message.type == "comm_msg" else {}
        if sent.get("method") == "custom" and sent["content"].get("text"):
            texts.append(message)
        return len(texts) == 3

    kernel.wait_for(some_text, after=before)
    return cell, model, kernel.comm_opens()[model]["state"]["key"]


def _left(server: Server) -> float:
    """Wait until the server saw the end of the newest request's connection, and return when."""
    deadline = time.monotonic() + 5
    while (left := server.last_request()["client_left"]) is None:
        if time.monotonic() > deadline:
            raise TimeoutError("the connection was not closed")
        time.sleep(0.002)
    return float(left)
