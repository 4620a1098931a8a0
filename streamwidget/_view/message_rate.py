"""How often the kernel writes to its pages: one rate for all the views of a kernel.

jupyter_server drops iopub messages above 1,000 a second without a word, and each message costs the kernel's main thread
about 50 us. So every message claims a slot first. Slots are given in the order of the claims, at most
:data:`PER_SECOND` of them in any second. One view alone never waits for a slot, only for :data:`FLUSH`.
"""

from __future__ import annotations

import threading
import time

PER_SECOND = 100
FLUSH = 0.06  # seconds between two messages of a view: text seems to arrive steadily, at 17 messages a second at most
_BURST = 20  # free slots after a rest
_RATE = (PER_SECOND - _BURST) / (1 + FLUSH)  # slots a second. A view may use its slot up to a flush later.
_lock = threading.RLock()  # a signal's handler may ask within it
_last_slot = float("-inf")  # time of the last claimed slot


def claim(slots: int = 1) -> float:
    """Claim slots for messages. Urgent messages claim slots too, so that the others slow down.

    Parameters
    ----------
    slots : int, default 1

    Returns
    -------
    float
        Time of the last of these slots, in seconds of ``time.monotonic``. It is mostly in the past: send immediately.
    """
    global _last_slot  # noqa: PLW0603  (one rate for the kernel is the point)
    with _lock:
        _last_slot = _after(slots)
        return _last_slot


def claim_free(slots: int = 1) -> bool:
    """Claim slots if all of them are free now. Otherwise claim none and return False."""
    global _last_slot  # noqa: PLW0603  (as above)
    with _lock:
        last = _after(slots)
        if last > time.monotonic():
            return False
        _last_slot = last
        return True


def _after(slots: int) -> float:
    return max(_last_slot, time.monotonic() - _BURST / _RATE) + slots / _RATE
