"""The process itself: its versions, its event loop, and how late the loop is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from streamwidget._core.tab import in_tab
from streamwidget.doctor._finding import Finding, seconds

BUSY = "busy machine"
_STEP = 0.05  # seconds between two looks at the clock
_BLOCKED = 0.25  # seconds. A busy loop is seldom so late
_OFTEN = 3  # times. An import or a busy machine may do it once or twice
_SHARE = 0.3  # of the time
_PACKAGES = ("streamwidget", "httpx", "ipykernel", "ipython", "ipywidgets", "anywidget", "traitlets", "tornado")


@dataclass(slots=True)
class Lateness:
    """How late the event loop was while it was watched, and how late the machine was.

    A machine with too much to do makes everything late, and that is not a fault of this program. A thread beside the
    loop finds it out: only a late loop beside a punctual thread is blocked. A program that computes makes the thread
    late too, so its own processor time counts as blocked.

    Attributes
    ----------
    watched : float
        Seconds.
    late : float
        Of these, the seconds of delay.
    blocked : float
        Of these, the seconds for which this program is the cause.
    worst : float
        The longest delay.
    times : int
        Long delays for which this program is the cause.
    """

    watched: float = 0.0
    late: float = 0.0
    blocked: float = 0.0
    worst: float = 0.0
    times: int = 0

    @property
    def is_blocked(self) -> bool:
        """True if something on the loop holds it up: for long, and again and again."""
        return self.times >= _OFTEN and self.blocked >= _SHARE * self.watched

    @property
    def is_starved(self) -> bool:
        """True if the loop was late for as long, and the machine is the cause."""
        return self.late - self.blocked >= _SHARE * self.watched and not self.is_blocked

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Watch the loop during the block."""
        with _Witness() as witness:
            watching = asyncio.ensure_future(self._watch(witness))
            await asyncio.sleep(0)
            try:
                yield
            finally:
                watching.cancel()
                await asyncio.wait([watching])

    async def _watch(self, witness: _Witness) -> None:
        while True:
            begun, before, computed = time.monotonic(), witness.late, time.process_time()
            try:
                await asyncio.sleep(_STEP)
            finally:
                took = time.monotonic() - begun
                self.note(took, witness.late - before, time.process_time() - computed)

    def note(self, took: float, machine: float, computed: float) -> None:
        """Count one look at the clock.

        Parameters
        ----------
        took : float
            Seconds since the look before.
        machine : float
            How late the thread was meanwhile.
        computed : float
            The processor time of this program meanwhile.
        """
        late = max(0.0, took - _STEP)
        blocked = max(late - machine, min(late, computed), 0.0)
        self.watched += took
        self.late += late
        self.blocked += blocked
        self.worst = max(self.worst, late)
        self.times += blocked >= _BLOCKED


class _Witness:
    """A thread beside the loop. ``late`` is how late it has been in all, the present moment included."""

    def __init__(self) -> None:
        self._total = 0.0
        self._due = time.monotonic() + _STEP
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="streamwidget doctor", daemon=True)

    def __enter__(self) -> _Witness:
        if not in_tab():  # a tab has no threads
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    @property
    def late(self) -> float:
        if not self._thread.is_alive():
            return self._total
        return self._total + max(0.0, time.monotonic() - self._due)

    def _run(self) -> None:
        while not self._over.wait(_STEP):
            now = time.monotonic()
            self._total += max(0.0, now - self._due)
            self._due = now + _STEP


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
        share = min(lateness.blocked / lateness.watched, 1)
        sentence = (
            f"Something blocks {whose}: it was up to {seconds(lateness.worst)} late, and {share:.0%} of the time."
        )
        advice = (
            "Look for a background task or a callback that computes or sleeps without `await`. Restart the kernel, and "
            "run only this cell. If it is healthy then, a cell of the notebook is the cause."
        )
        return Finding(runner, "slow", sentence, about, advice, "blocked")
    if lateness.is_starved:
        sentence = (
            f"This machine is very busy, so {whose} was up to {seconds(lateness.worst)} late. Nothing here blocks it."
        )
        return Finding(runner, "ok", sentence, about, fault=BUSY)
    return Finding(runner, "ok", f"{whose[0].upper()}{whose[1:]} runs freely.", about)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
