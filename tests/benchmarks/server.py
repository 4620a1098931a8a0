"""The demo server in a process of its own, so its CPU time is not counted elsewhere.

Its answers are cut into pieces as long as the tokens of English prose are, 5.4 bytes each on average, so that 1,000 of
them are 5.4 KB of text.
"""

from __future__ import annotations

import itertools
import json
import runpy
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from streamwidget.demo import _answers, _reply
from tests.support.kernels import ROOT, clean_environment

_LENGTHS = (5, 6, 5, 5, 6)  # characters of the pieces, in turn


@dataclass(frozen=True, slots=True)
class Server:
    """A running demo server. ``url`` is its base URL, and ``control`` the secret address of its records."""

    url: str
    control: str

    def last_request(self) -> dict[str, Any]:
        """Return the record of the newest request. Its times are ``time.monotonic()`` of this machine."""
        return self._ask("requests")["requests"][-1]

    def forget(self) -> None:
        """Forget the requests so far."""
        self._ask("reset", b"")

    def _ask(self, what: str, data: bytes | None = None) -> dict[str, Any]:
        address = f"{self.control}/{what}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(address, data, timeout=10) as reply:
            return json.load(reply)


@contextmanager
def start_server(tokens_per_second: float = 0, first_delta: float = 0, *, module: str = __name__) -> Iterator[Server]:
    """Start a server, and end it afterwards. ``module`` is another one that runs the demo server in its own way."""
    command = [sys.executable, "-m", module, "--tokens-per-second", str(tokens_per_second)]
    command += ["--first-delta", str(first_delta)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, cwd=ROOT, env=clean_environment()) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError("the demo server did not start")
            control = process.stderr.readline().partition(": ")[2].strip().removesuffix("/requests")
            yield Server(url, control)
        finally:
            process.terminate()


def answer() -> Iterator[str]:
    """Return the pieces of the answer, without an end. The question does not matter."""
    return cut(_answers.answer_pieces([], "demo", 100_000))


def cut(parts: Iterable[str]) -> Iterator[str]:
    """Cut an endless text in any parts into pieces as long as tokens."""
    text = itertools.chain.from_iterable(parts)
    for length in itertools.cycle(_LENGTHS):
        yield "".join(itertools.islice(text, length))


def _cut(_messages: object, _model: str, tokens: int | None = None) -> Iterator[str]:
    return itertools.islice(answer(), tokens)


if __name__ == "__main__":
    _reply.answer_pieces = _cut
    runpy.run_module("streamwidget.demo", run_name="__main__", alter_sys=True)
