"""``python -m tests.benchmarks [--only NAME]``: measure, and print one table for each figure.

A figure that fails is reported, and the others are measured all the same.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.benchmarks import (
    batch,
    beside,
    carried,
    chat,
    cpu,
    hostile,
    imports,
    latency,
    local,
    memory,
    page,
    reuse,
    show,
    stop,
    streams,
    values,
    views,
    wire,
)
from tests.benchmarks.report import missed
from tests.support.children import watch_children

FIGURES = {
    "wire": wire.measure,
    "show": show.measure,
    "cpu": cpu.measure,
    "streams": streams.measure,
    "latency": latency.measure,
    "stop": stop.measure,
    "beside": beside.measure,
    "import": imports.measure,
    "memory": memory.measure,
    "page": page.measure,
    "chat": chat.measure,
    "reuse": reuse.measure,
    "hostile": hostile.measure,
    "carried": carried.measure,
    "local": local.measure,
    "values": values.measure,
    "batch": batch.measure,
    "views": views.measure,
}


def main() -> int:
    """Measure. Return 1 if a figure failed. A missed target is not a failure: a busy machine misses targets too."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=FIGURES, action="append", help="measure only this figure; may be repeated")
    watch_children()
    only = parser.parse_args().only or list(FIGURES)
    figures, failed = [], []
    for name in only:
        begun = time.monotonic()
        try:
            figure = FIGURES[name]()
        except Exception:  # noqa: BLE001  (whatever it is, the other figures are measured)
            failed.append(name)
            print(f"{name}: FAILED\n{traceback.format_exc()}", flush=True)
            continue
        figures.append(figure)
        print(f"{figure}\n  ({name}: {time.monotonic() - begun:.0f} s)\n", flush=True)
    targets = sum(row.met is not None for figure in figures for row in figure.rows)
    late = missed(figures)
    print(f"{targets - len(late)} of {targets} targets met.", *(f"Missed: {line}" for line in late), sep="\n")
    print(*(f"Failed: {name}" for name in failed), sep="\n", end="\n" if failed else "")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
