"""Process CPU per event: in a script without a page, and with a StreamView in a real kernel."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from tests.benchmarks.report import Figure
from tests.benchmarks.server import start_server
from tests.support.kernels import ROOT, Kernel, clean_environment, start_kernel

BURST, PACED = 0.0, 1000.0  # tokens a second. 0 is as fast as the server can
NAMES = {BURST: "bursts", PACED: "paced, 1,000/s"}
TOKENS = {BURST: 4000, PACED: 3000}
REQUESTS = {BURST: 3, PACED: 1}
ROUNDS = {BURST: 15, PACED: 5}
Taken = dict[str, list[float]]  # contestant -> CPU seconds per event, a figure a round


def measure() -> Figure:
    """Run the contestants in turn, several rounds.

    Two contestants are compared within each round, where the machine was as busy for the one as for the other. The
    figure is the median of the rounds, so a round that something disturbed does not decide it.
    """
    figure = Figure("CPU per event")
    with start_server() as server, start_kernel("latest", {"PYTHONPATH": str(ROOT)}) as kernel:
        kernel.execute("from tests.benchmarks import loops")
        for rate in (BURST, PACED):
            script = _taken(partial(_script, server.url, rate), ("ours", "bare", "openai"), ROUNDS[rate])
            page = _taken(partial(_in_kernel, kernel, server.url, rate), ("viewed", "bare"), ROUNDS[rate])
            _tell(figure, rate, script, page)
    figure.notes += [
        "ours: async for event in client.stream(); openai: AsyncOpenAI; bare: httpx aiter_raw + json.loads.",
        "us: the least of several rounds. x: the median of the rounds. The server is another process.",
    ]
    return figure


def _tell(figure: Figure, rate: float, script: Taken, page: Taken) -> None:
    kind = NAMES[rate]
    for name in ("ours", "bare", "openai"):
        figure.add(f"script, {kind}: {name}", f"{min(script[name]) * 1e6:.1f} us")
    gain = _ratio(script, "openai", "ours")
    if rate == BURST:
        figure.at_least(f"script, {kind}: openai / ours", gain, 6, "{:.2f} x")
    else:
        figure.add(f"script, {kind}: openai / ours", f"{gain:.2f} x")
    figure.at_most(f"script, {kind}: ours / bare", _ratio(script, "ours", "bare"), 1.25, "{:.2f} x")
    figure.add(f"kernel, {kind}: StreamView", f"{min(page['viewed']) * 1e6:.1f} us")
    figure.add(f"kernel, {kind}: bare", f"{min(page['bare']) * 1e6:.1f} us")
    figure.at_most(f"kernel, {kind}: StreamView / bare", _ratio(page, "viewed", "bare"), 2, "{:.2f} x")


def _ratio(taken: Taken, one: str, other: str) -> float:
    return statistics.median(a / b for a, b in zip(taken[one], taken[other], strict=True))


def _taken(run: Callable[[str], tuple[float, int]], names: tuple[str, ...], rounds: int) -> Taken:
    """Return the CPU seconds per event of each, by round. Every other round has the opposite order."""
    taken: Taken = defaultdict(list)
    lengths: set[int] = set()
    for number in range(rounds):
        for name in names if number % 2 else reversed(names):
            cpu, length = run(name)
            taken[name].append(cpu)
            lengths.add(length)
    if len(lengths) != 1:
        raise AssertionError(f"the contestants read answers of different lengths: {lengths}")
    return taken


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
