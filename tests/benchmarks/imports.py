"""The time of ``import streamwidget`` in a fresh process."""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.report import Figure
from tests.support.kernels import clean_environment

ROUNDS = 9
HEAVY = ("httpx", "httpx2", "anywidget", "ipywidgets", "IPython", "markdown_it", "nest_asyncio2", "pandas")
_TIMED = "import sys, time; begun = time.perf_counter(); import {}; print(time.perf_counter() - begun)"
_LOADED = f"import sys, streamwidget; print(*[name for name in {HEAVY} if name in sys.modules])"


def measure() -> Figure:
    """Import each in turn, several rounds, and compare the least times."""
    figure = Figure("Import")
    taken: dict[str, list[float]] = {"streamwidget": [], "openai": []}
    for _ in range(ROUNDS):
        for name, times in taken.items():
            times.append(float(_run(_TIMED.format(name))))
    ours, theirs = min(taken["streamwidget"]), min(taken["openai"])
    figure.add("import streamwidget", f"{ours * 1e3:.0f} ms")
    figure.add("import openai", f"{theirs * 1e3:.0f} ms")
    figure.at_most("streamwidget / openai", ours / theirs, 1 / 3, "{:.2f} x")
    loaded = _run(_LOADED).strip()
    figure.holds("heavy modules that it loads", loaded or "none", "none", not loaded)
    figure.notes.append(f"The least of {ROUNDS} fresh processes each, in turn.")
    return figure


def _run(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=True).stdout
