"""Every process that the tests start ends with them, however they end. Not a test module.

:func:`watch_children` marks this process's environment. Whatever this process starts inherits the mark: servers, the
kernels of those servers, Chromium. A watchdog beside this process kills them all when it has ended, also by SIGKILL.

The workers of pytest-xdist call it too. A worker's mark begins with the mark of the process that started it. So the end
of a worker ends its own children, and the end of the whole run ends everything.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import watchdog
from tests.support.deadlines import SOON, START, until

_watchdogs: list[subprocess.Popen[bytes]] = []  # kept: a watchdog acts when the other end of its stdin is closed


def watch_children() -> None:
    """Let everything that this process starts from now on end with it. A second call does nothing."""
    if _watchdogs:
        return
    outer = {name: value for name, value in os.environ.items() if name != watchdog.MARK}
    mark = f"{os.environ.get(watchdog.MARK, '')}/{uuid.uuid4().hex}"
    command = [sys.executable, "-I", watchdog.__file__, mark]
    _watchdogs.append(subprocess.Popen(command, stdin=subprocess.PIPE, env=outer, start_new_session=True))
    os.environ[watchdog.MARK] = mark


@dataclass(frozen=True, slots=True)
class Child:
    """A server in a process of its own, and the file that its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, ready: Callable[[], Any], what: str) -> Any:
        """Wait until the server is ready, and return what ``ready`` returned. An OSError means: not yet."""

        def look() -> Any:
            if self.process.poll() is not None:
                raise RuntimeError(f"{what}: it ended\n{self._tail}")
            try:
                return ready()
            except OSError:
                return None

        try:
            return until(look, what, START, pause=0.1)
        except TimeoutError as error:
            raise RuntimeError(f"{error}\n{self._tail}") from error

    @property
    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-5000:]


@contextmanager
def child(command: Sequence[str], log: Path, *, directory: Path, env: Mapping[str, str]) -> Iterator[Child]:
    """Start a server in ``directory``, and end it afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=dict(env), cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield Child(process, log)
    finally:
        end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """Ask a process to end, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(SOON)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
