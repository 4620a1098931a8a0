"""Process CPU per event: in a script without a page, and with a StreamView in a real kernel."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from tests.benchmarks.report import Figure
from tests.benchmarks.server import start_server
from tests.support.kernels import ROOT, Kernel, clean_environment, start_kernel

BURST, PACED = 0.0, 1000.0  # tokens a second; 0: as fast as the server can
NAMES = {BURST: "bursts", PACED: "paced, 1,000/s"}
TOKENS = {BURST: 4000, PACED: 3000}
REQUESTS = {BURST: 3, PACED: 1}
ROUNDS = {BURST: 9, PACED: 3}


def measure() -> Figure:
    """Run the contestants in turn, several rounds, and compare the least times.

    What they took beyond that is due to what else the machine did.
    """
    figure = Figure("CPU per event")
    with start_server() as server, start_kernel("latest", {"PYTHONPATH": str(ROOT)}) as kernel:
        kernel.execute("from tests.benchmarks import loops")
        for rate in (BURST, PACED):
            script = _least(partial(_script, server.url, rate), ("ours", "bare", "openai"), ROUNDS[rate])
            page = _least(partial(_in_kernel, kernel, server.url, rate), ("viewed", "bare"), ROUNDS[rate])
            _tell(figure, rate, script, page)
    figure.notes += [
        "ours: async for event in client.stream(); openai: AsyncOpenAI; bare: httpx aiter_raw + json.loads.",
        "The least of several rounds, the contestants in turn; the server is another process.",
    ]
    return figure


def _tell(figure: Figure, rate: float, script: dict[str, float], page: dict[str, float]) -> None:
    kind = NAMES[rate]
    for name in ("ours", "bare", "openai"):
        figure.add(f"script, {kind}: {name}", f"{script[name] * 1e6:.1f} us")
    gain = script["openai"] / script["ours"]
    if rate == BURST:
        figure.at_least(f"script, {kind}: openai / ours", gain, 6, "{:.2f} x")
    else:
        figure.add(f"script, {kind}: openai / ours", f"{gain:.2f} x")
    figure.at_most(f"script, {kind}: ours / bare", script["ours"] / script["bare"], 1.25, "{:.2f} x")
    figure.add(f"kernel, {kind}: StreamView", f"{page['viewed'] * 1e6:.1f} us")
    figure.add(f"kernel, {kind}: bare", f"{page['bare'] * 1e6:.1f} us")
    figure.at_most(f"kernel, {kind}: StreamView / bare", page["viewed"] / page["bare"], 2, "{:.2f} x")


def _least(run: Callable[[str], tuple[float, int]], names: tuple[str, ...], rounds: int) -> dict[str, float]:
    """Return the CPU seconds per event of each."""
    taken: dict[str, list[float]] = defaultdict(list)
    lengths: set[int] = set()
    for _ in range(rounds):
        for name in names:
            cpu, length = run(name)
            taken[name].append(cpu)
            lengths.add(length)
    if len(lengths) != 1:
        raise AssertionError(f"the contestants read answers of different lengths: {lengths}")
    return {name: min(values) for name, values in taken.items()}


def _script(url: str, rate: float, name: str) -> tuple[float, int]:
    arguments = [name, url, str(TOKENS[rate]), str(rate), str(REQUESTS[rate])]
    command = [sys.executable, "-m", "tests.benchmarks.loops", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True)
    return _read(done.stdout)


def _in_kernel(kernel: Kernel, url: str, rate: float, name: str) -> tuple[float, int]:
    loop = f"loops.LOOPS[{name!r}]({url!r})"
    cell = kernel.execute(f"print(*await loops.cpu_per_event({loop}, {TOKENS[rate]}, {rate}, {REQUESTS[rate]}))", 60)
    if cell.status != "ok":
        raise RuntimeError("\n".join(cell.traceback))
    return _read(cell.stdout)


def _read(printed: str) -> tuple[float, int]:
    cpu, length = printed.split()
    return float(cpu), int(length)
