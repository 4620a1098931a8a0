"""How long a test waits for what is not itself its promise. Not a test module.

Both bounds are generous, because a busy machine may need minutes. They cost nothing: every wait polls a condition and
ends when it is true. A test whose promise is a time measures that time and compares it itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

#: Seconds for a server, a kernel or the page of an application to start.
START = 240.0
#: Seconds for anything that should happen at once.
SOON = 120.0
#: Seconds by which a busy machine may be late in what a limit ends. Without the limit the same would take far longer.
LATE = 20.0
T = TypeVar("T")


def until(condition: Callable[[], T], what: str = "the condition", seconds: float = SOON, pause: float = 0.02) -> T:
    """Ask until the condition is true, and return what it returned. TimeoutError names ``what`` did not happen."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)
    return found


async def until_async(condition: Callable[[], T], what: str = "the condition", seconds: float = SOON) -> T:
    """Ask until the condition is true, while the loop runs."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        await asyncio.sleep(0.01)
    return found
