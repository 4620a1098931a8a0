"""How often the kernel writes to the page: one pace for all the views of a kernel.

jupyter_server drops iopub messages above 1,000 a second, silently, and each costs the kernel's main thread about 50 us.
So a view flushes each :data:`FLUSH` seconds, and more seldom the more views are active, to stay under
:data:`PER_SECOND` messages a second in all. The first delta of a view does not wait.
"""

from __future__ import annotations

FLUSH = 0.06  # seconds: the eye sees text arrive steadily; the wire weighs at most 17 messages a second
PER_SECOND = 80  # deltas a second of all views together; the rest, up to 100, is for starts and ends

_active: set[int] = set()


def enter(view: int) -> None:
    """A view begins to write."""
    _active.add(view)


def leave(view: int) -> None:
    """It wrote its last message."""
    _active.discard(view)


def interval() -> float:
    """Seconds between two flushes of one view."""
    return max(FLUSH, len(_active) / PER_SECOND)
