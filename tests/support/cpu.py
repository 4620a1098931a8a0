"""CPU time, for tests of how a cost grows."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable


def cpu(work: Callable[[], object], runs: int = 3) -> float:
    """Return the least CPU seconds of several runs. Other threads and other programs do not count."""
    least = float("inf")
    gc.collect()
    gc.disable()  # a collection looks at all that other tests left too
    try:
        for _ in range(runs):
            begun = time.thread_time()
            work()
            least = min(least, time.thread_time() - begun)
    finally:
        gc.enable()
    return least
