"""Main-thread CPU of the page: for each frame of a growing answer, and beside other ways to show it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.benchmarks.browser import Chromium, Cpu, start_chromium
from tests.benchmarks.report import Figure
from tests.benchmarks.server import answer, cut

EACH = 4  # tokens a frame
WINDOWS, WINDOW = 5, 100  # frames are measured in so many windows of so many, evenly spaced. Of a short answer: all
BETWEEN = 40  # tokens a frame from one window to the next: few enough that code blocks are laid out as they grow
WARM_UP = 1600  # tokens of a first answer, not measured
ROUNDS = 2
OURS, FLOOR, NAIVE, SMD = "ours", "floor", "naive", "streamingMarkdown"
NAMES = {OURS: "ours", FLOOR: "plain text in 1.5 KB blocks", NAIVE: "innerHTML of marked", SMD: "streaming-markdown"}
SIZES = {2_000: (OURS, FLOOR, SMD, NAIVE), 10_000: (OURS, FLOOR, SMD, NAIVE), 50_000: (OURS, FLOOR, SMD)}
LIMITS = {10_000: 2.5, 50_000: 3.5}  # times the floor
KIND_TOKENS = 10_000
KIND_LIMIT = 3.0  # times the ordinary answer of that length
REMOVED_TOKENS = 1_500
WORDS = ("each", "event", "of", "the", "stream", "carries", "a", "small", "piece", "to", "its", "reader")


def measure() -> Figure:
    """Stream the same text into each contestant's page, window by window in turn, in several rounds."""
    figure = Figure("The page: main-thread CPU a frame, 4 tokens a frame")
    with start_chromium() as chromium:
        _tell_sizes(figure, chromium)
        _tell_kinds(figure, chromium)
        _tell_removed(figure, chromium)
    figure.notes += [
        f"CDP Performance.getMetrics in threadTicks. An answer of more than {WINDOWS * WINDOW} frames is measured in",
        f"{WINDOWS} windows of {WINDOW} frames, evenly spaced, with {BETWEEN} tokens a frame between them.",
        f"The contestants in turn, window by window, each after a first answer of {WARM_UP:,} tokens; of each window",
        f"the least of {ROUNDS} rounds. Frames come as fast as they can.",
        "ours: the renderer with colours and buttons for code, in the style that is shipped; the page is not scrolled.",
    ]
    return figure


@dataclass(frozen=True, slots=True)
class Run:
    """One answer, shown by one contestant."""

    contestant: str
    text: Sequence[str]


def _least(chromium: Chromium, runs: dict[str, Run]) -> dict[str, Cpu]:
    """Return the cost of each run in all its windows: of each window the least of the rounds."""
    windows: dict[tuple[str, int], list[Cpu]] = defaultdict(list)
    for _ in range(ROUNDS):
        with ExitStack() as pages:
            opened = {name: pages.enter_context(chromium.open()) for name in runs}
            for name, run in runs.items():
                opened[name].call("start", run.contestant, run.text[:WARM_UP])
                opened[name].call("stream", WARM_UP, EACH)
                opened[name].call("start", run.contestant, run.text)
            for number in range(WINDOWS):
                for name, run in runs.items():
                    begin, end = _window(number, len(run.text))
                    # The naive way renders the whole answer in each frame, so earlier frames do not matter.
                    opened[name].call("stream", begin, BETWEEN if run.contestant != NAIVE else begin)
                    cpu, frames = opened[name].cpu_of("stream", end, EACH)
                    windows[name, number].append(Cpu(cpu.all, cpu.script, frames))
    return {
        name: sum((min(windows[name, number], key=lambda cpu: cpu.all) for number in range(WINDOWS)), Cpu(0.0, 0.0, 0))
        for name in runs
    }


def _window(number: int, tokens: int) -> tuple[int, int]:
    """Return the begin and the end of a window in tokens: in the middle of its fifth of the answer."""
    share = tokens // WINDOWS
    length = min(share, WINDOW * EACH)
    begin = number * share + (share - length) // 2
    return begin, begin + length


def _tell_sizes(figure: Figure, chromium: Chromium) -> None:
    scripts = {}
    for tokens, contestants in SIZES.items():
        text = list(itertools.islice(answer(), tokens))
        taken = _least(chromium, {name: Run(name, text) for name in contestants})
        scripts[tokens] = taken[OURS].frame_script
        for name, cpu in taken.items():
            value = f"{cpu.frame:.2f} ms, script {cpu.frame_script:.2f}"
            figure.add(f"{tokens // 1000}k tokens: {NAMES[name]}", value)
        ratio = taken[OURS].frame / taken[FLOOR].frame
        what = f"{tokens // 1000}k tokens: ours / plain text"
        if tokens in LIMITS:
            figure.at_most(what, ratio, LIMITS[tokens], "{:.2f} x")
        else:
            figure.add(what, f"{ratio:.2f} x")
    figure.at_most("ours: script, 50k / 2k tokens", scripts[50_000] / scripts[2_000], 1.5, "{:.2f} x")


def _tell_kinds(figure: Figure, chromium: Chromium) -> None:
    kinds: dict[str, Callable[[], Iterator[str]]] = {
        "ordinary": answer,
        "fence": _fence,
        "list": _list,
        "table": _table,
    }
    runs = {name: Run(OURS, list(itertools.islice(kind(), KIND_TOKENS))) for name, kind in kinds.items()}
    taken = _least(chromium, runs)
    figure.add(f"ordinary answer of {KIND_TOKENS // 1000}k tokens, beside these:", f"{taken['ordinary'].frame:.2f} ms")
    for name in ("fence", "list", "table"):
        what = f"one {name} of that length, {taken[name].frame:.2f} ms / the ordinary answer"
        figure.at_most(what, taken[name].frame / taken["ordinary"].frame, KIND_LIMIT, "{:.2f} x")


def _tell_removed(figure: Figure, chromium: Chromium) -> None:
    text = list(itertools.islice(answer(), REMOVED_TOKENS))
    removed = {}
    with chromium.open() as page:
        for name in (OURS, NAIVE):
            page.call("start", name, text)
            removed[name] = page.call("countRemoved")
    what = f"nodes removed, {REMOVED_TOKENS:,} tokens one by one"
    figure.at_most(f"{what}: ours", removed[OURS], 100, "{:,.0f}")
    figure.add(f"{what}: {NAMES[NAIVE]}", f"{removed[NAIVE]:,}")


# -- answers of one block, without an end


def _fence() -> Iterator[str]:
    words = itertools.cycle(WORDS)

    def lines() -> Iterator[str]:
        yield "```python\n"
        for n in itertools.count():
            comment = " ".join(itertools.islice(words, 4))
            yield f"def step_{n}(x: int) -> int:\n    return x + {n}  # {comment}\n"

    return cut(lines())


def _list() -> Iterator[str]:
    words = itertools.cycle(WORDS)

    def items() -> Iterator[str]:
        for n in itertools.count():
            yield f"- {' '.join(itertools.islice(words, 12))}{' **bold**' if n % 3 == 0 else ''}\n"

    return cut(items())


def _table() -> Iterator[str]:
    words = itertools.cycle(WORDS)

    def rows() -> Iterator[str]:
        yield "| a | b | c |\n|---|---|---|\n"
        for n in itertools.count():
            yield f"| {n} | {' '.join(itertools.islice(words, 4))} | `x{n}` |\n"

    return cut(rows())
