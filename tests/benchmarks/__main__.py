"""``python -m tests.benchmarks [--only NAME]``: measure, and print one table for each figure."""

from __future__ import annotations

import argparse
import sys
import time

from tests.benchmarks import carried, chat, cpu, hostile, imports, latency, memory, page, show, stop, wire
from tests.benchmarks.report import missed
from tests.support.children import watch_children

FIGURES = {
    "wire": wire.measure,
    "show": show.measure,
    "cpu": cpu.measure,
    "latency": latency.measure,
    "stop": stop.measure,
    "import": imports.measure,
    "memory": memory.measure,
    "page": page.measure,
    "chat": chat.measure,
    "hostile": hostile.measure,
    "carried": carried.measure,
}


def main() -> int:
    """Return 0 also where a target was missed: how busy the machine is has its part in that."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", choices=FIGURES, action="append", help="measure only this figure; may be repeated")
    watch_children()
    only = parser.parse_args().only or list(FIGURES)
    figures = []
    for name in only:
        begun = time.monotonic()
        figure = FIGURES[name]()
        figures.append(figure)
        print(f"{figure}\n  ({name}: {time.monotonic() - begun:.0f} s)\n", flush=True)
    targets = sum(row.met is not None for figure in figures for row in figure.rows)
    late = missed(figures)
    print(f"{targets - len(late)} of {targets} targets met.", *(f"Missed: {line}" for line in late), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
