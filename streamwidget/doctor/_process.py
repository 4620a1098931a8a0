"""The process itself: its versions, its event loop, and how late the loop is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from streamwidget.doctor._finding import Finding, seconds

_STEP = 0.05  # seconds between two looks at the clock
_BLOCKED = 0.25  # seconds. A busy loop is seldom so late
_OFTEN = 3  # times. An import or a busy machine may do it once or twice
_SHARE = 0.3  # of the time
_PACKAGES = ("streamwidget", "httpx", "ipykernel", "ipython", "ipywidgets", "anywidget", "traitlets", "tornado")


@dataclass(slots=True)
class Lateness:
    """How late the event loop was while it was watched.

    Attributes
    ----------
    watched : float
        Seconds.
    late : float
        Of these, the seconds of delay.
    worst : float
        The longest delay.
    times : int
        Long delays.
    """

    watched: float = 0.0
    late: float = 0.0
    worst: float = 0.0
    times: int = 0

    @property
    def is_blocked(self) -> bool:
        """True if something on the loop holds it up: for long, and again and again."""
        return self.times >= _OFTEN and self.late >= _SHARE * self.watched

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Watch the loop during the block."""
        watching = asyncio.ensure_future(self._watch())
        await asyncio.sleep(0)
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    async def _watch(self) -> None:
        while True:
            begun = time.monotonic()
            try:
                await asyncio.sleep(_STEP)
            finally:
                took = time.monotonic() - begun
                late = max(0.0, took - _STEP)
                self.watched += took
                self.late += late
                self.worst = max(self.worst, late)
                self.times += late >= _BLOCKED


def process(lateness: Lateness, runner: Literal["Python", "kernel"], facts: Mapping[str, str]) -> Finding:
    """Say how the loop runs, with the versions.

    Parameters
    ----------
    lateness : Lateness
    runner : str
        ``kernel`` in a notebook.
    facts : mapping of str to str
        Facts of the kernel, from the notebook.
    """
    loop = type(asyncio.get_running_loop())
    about = {
        "Python": f"{platform.python_version()} on {sys.platform} {platform.machine()}",
        **{name: found for name in _PACKAGES if name in sys.modules or name == "ipython" if (found := _version(name))},
        "loop": f"{loop.__module__.partition('.')[0]} {loop.__name__}",
        "loop late": f"{seconds(lateness.worst)} at most",
        **({"load": f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"} if hasattr(os, "getloadavg") else {}),
        **facts,
    }
    whose = "the kernel's event loop" if runner == "kernel" else "the event loop"
    if lateness.is_blocked:
        share = min(lateness.late / lateness.watched, 1)
        sentence = (
            f"Something blocks {whose}: it was up to {seconds(lateness.worst)} late, and {share:.0%} of the time."
        )
        advice = (
            "Look for a background task or a callback that computes or sleeps without `await`. Restart the kernel, and "
            "run only this cell. If it is healthy then, a cell of the notebook is the cause."
        )
        return Finding(runner, "slow", sentence, about, advice, "blocked")
    return Finding(runner, "ok", f"{whose[0].upper()}{whose[1:]} runs freely.", about)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
