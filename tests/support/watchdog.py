"""The watchdog beside each process that runs tests: ``python watchdog.py MARK``. Not a test module.

It waits until the process that started it has ended, by itself or by SIGKILL. Then it kills every process that carries
the mark. It is a program of its own, so it imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

#: The environment variable that holds the mark.
MARK = "SW_TESTS_CHILD_OF"


def carriers(mark: str) -> list[psutil.Process]:
    """Return the processes that carry the mark, or one that begins with it."""
    import psutil  # late: a watchdog needs it only at its end

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if f"{process.environ().get(MARK, '')}/".startswith(f"{mark}/"):
                found.append(process)
    return found


def watch(mark: str) -> None:
    """Wait for the end of the process that holds the other end of our stdin, and kill what carries its mark."""
    sys.stdin.buffer.read()
    while left := carriers(mark):
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.1)


if __name__ == "__main__":
    watch(sys.argv[1])
