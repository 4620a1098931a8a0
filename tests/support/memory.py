"""Memory of a process of its own: the cost of a child, measured in the child. Not a test module."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from tests.support.deadlines import START
from tests.support.kernels import ROOT, clean_environment


def peak_memory() -> int:
    """Return the most resident bytes of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: on Linux a process inherits it from the one that started it, and a small child of a large
        # parent would never seem to grow.
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run_python(code: str, *arguments: str) -> str:
    """Run code in a new interpreter, in this repository and a clean environment. Return its output."""
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=START,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
