"""CPU of the page's parser and renderer on Markdown made to be slow, streamed in small steps."""

from __future__ import annotations

import itertools
from collections import defaultdict

from tests.benchmarks.browser import Page, start_chromium
from tests.benchmarks.report import Figure
from tests.benchmarks.server import answer

SIZE = 20_000  # characters
ROUNDS = 3
WORST_STEP, WHOLE = 50, 2  # milliseconds, seconds
NEAR = WORST_STEP / 2
SHOWN = 3


def measure() -> Figure:
    """Stream each pattern. If a step may have been long, stream it again with the CPU of each step."""
    figure = Figure("Hostile Markdown: main-thread CPU of parser and renderer")
    steps: dict[str, list[float]] = defaultdict(list)
    wholes: dict[str, list[float]] = defaultdict(list)
    with start_chromium() as chromium, chromium.open() as page:
        page.call("longestStep", "".join(itertools.islice(answer(), 2000)))  # compiles
        texts: dict[str, str] = dict(page.call("hostileTexts", SIZE))
        for _ in range(ROUNDS):
            for name, text in texts.items():
                cpu, longest = page.cpu_of("longestStep", text)
                wholes[name].append(cpu.all)
                # By the clock. It runs on while others have the processor, but no step takes more than the sum.
                steps[name].append(min(longest, cpu.all * 1e3))
        near = [name for name, longest in steps.items() if min(longest) > NEAR]
        for name in near:
            steps[name].append(_worst_step(page, texts[name]))
    _tell(figure, "the worst step", {name: min(longest) for name, longest in steps.items()}, WORST_STEP, "{:.1f} ms")
    _tell(figure, "all steps", {name: min(seconds) for name, seconds in wholes.items()}, WHOLE, "{:.2f} s")
    figure.notes += [
        f"{len(texts)} patterns of {SIZE // 1000} KB in steps of 64 characters, not in the page's layout.",
        f"Of each the least of {ROUNDS} rounds. A step's time is that of the clock;",
        f"where this was over {NEAR:.0f} ms ({len(near)} patterns) it is the CPU of one more round.",
    ]
    return figure


def _worst_step(page: Page, text: str) -> float:
    """Return the CPU milliseconds of the longest step."""
    page.call("startSteps", text)
    worst, done = 0.0, False
    while not done:
        cpu, done = page.cpu_of("step")
        worst = max(worst, cpu.all * 1e3)
    return worst


def _tell(figure: Figure, what: str, values: dict[str, float], limit: float, form: str) -> None:
    slowest = sorted(values, key=values.__getitem__, reverse=True)
    figure.at_most(f"{what}: {slowest[0]}", values[slowest[0]], limit, form)
    for name in slowest[1:SHOWN]:
        figure.add(f"{what}: {name}", form.format(values[name]))
