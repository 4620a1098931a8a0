"""How often the kernel writes to its pages: one pace for all the views of a kernel.

jupyter_server drops iopub messages above 1,000 a second, silently, and each costs the kernel's main thread about 50 us.
So who has something to tell claims a place for it, first come, first served: there are at most :data:`PER_SECOND` of
them in any second. One view alone never has to wait for a place, only for :data:`FLUSH`.
"""

from __future__ import annotations

import threading
import time

PER_SECOND = 100
FLUSH = 0.06  # seconds between two messages of a view: the eye sees text arrive steadily; at most 17 messages a second
_BURST = 20  # places that may be taken at once, after a rest
_RATE = (PER_SECOND - _BURST) / (1 + FLUSH)  # places a second; who waits for its flush uses its place that much later
_lock = threading.Lock()
_taken = float("-inf")  # when the last place is


def claim(places: int = 1) -> float:
    """Take so many places, and return when the last of them is, in seconds of ``time.monotonic``; mostly in the past.

    What cannot wait claims its places too: then those who can wait do.
    """
    global _taken  # noqa: PLW0603  (one pace for the kernel is the point)
    with _lock:
        _taken = max(_taken, time.monotonic() - _BURST / _RATE) + places / _RATE
        return _taken
