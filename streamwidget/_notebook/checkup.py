"""``%chat --doctor``: the doctor's walk, with the notebook's own part of the way: the kernel, the comm and the page."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Generator
from functools import partial
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from streamwidget._client.client import ChatClient
from streamwidget._core.loop import run
from streamwidget._notebook.advice import Target
from streamwidget._notebook.cell_output import show
from streamwidget._notebook.cell_run import CellJob
from streamwidget._notebook.front_end import is_deaf, is_page
from streamwidget._notebook.named import find_model
from streamwidget._notebook.session import Session
from streamwidget._notebook.terminal import say, write
from streamwidget.doctor._examine import Examination, NotWatched
from streamwidget.doctor._finding import Finding, seconds
from streamwidget.doctor._report import Report

_HELLO = 10.0  # seconds until a page has answered at all
_PINGS = 5
_PONG = 5.0  # seconds
_LARGE = 64_000  # characters: about the text of a long answer
_SLOW = 0.3  # seconds to the page and back. A person notices it
_SLOW_LARGE = 1.0
_NO_PAGE = (
    "If the cell's own outputs appear, the page has no widgets: is jupyterlab_widgets installed where JupyterLab runs, "
    "and anywidget where the kernel runs? Reload the page after an installation."
)
_SLOW_COMM = (
    "The way between the page and the kernel is slow: the network to the Jupyter server, its proxy, or a VPN. The "
    "model is not the cause."
)


def examine(session: Session, _: bool, options: Namespace) -> CellJob:
    """Return the job of a walk along the path of a request. Its result is the report."""
    checkup = Checkup(session, options)
    return CellJob(checkup, Target("the doctor"), interrupted="the doctor has stopped. What it found is above.")


class Checkup:
    """One walk, in the cell of `%chat --doctor`."""

    def __init__(self, session: Session, options: Namespace) -> None:
        self._session = session
        self._options = options
        self._task: asyncio.Task[Any] | None = None
        self._line_is_open = False

    def __await__(self) -> Generator[Any, None, Report]:
        return self._run(awaits=True).__await__()

    def wait(self) -> Report:
        """Do the same in a cell that cannot await."""
        return run(partial(self._run, awaits=False), self.cancel)

    def cancel(self) -> None:
        """Stop the walk, from any thread."""
        if (task := self._task) is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    async def _run(self, *, awaits: bool) -> Report:
        self._task = asyncio.current_task()
        shell = self._session.shell
        in_page = is_page(shell)
        examination = Examination(
            self._client,
            self._announce,
            self._tell,
            runner="kernel" if self._session.in_kernel else "Python",
            facts=kernel_facts(shell, awaits=awaits) if self._session.in_kernel else {},
            more=partial(check_page, shell, awaits=awaits) if in_page else None,
        )
        try:
            return await examination.run()
        finally:  # an interrupt leaves the findings so far
            self._end_line()
            show(dict(examination.report._repr_mimebundle_()))

    def _client(self) -> ChatClient:
        client = find_model(self._session, self._options)
        if not isinstance(client, ChatClient):
            raise NotWatched(f"{client.name} sends its requests itself, and the doctor cannot watch them.")
        return client

    def _announce(self, sentence: str) -> None:
        self._end_line()
        say(sentence)

    def _tell(self, finding: Finding) -> None:
        write(sys.stdout, f"{finding.hop}: {finding.state}  ")
        sys.stdout.flush()
        self._line_is_open = True

    def _end_line(self) -> None:
        if self._line_is_open:
            write(sys.stdout, "\n")
        self._line_is_open = False


def kernel_facts(shell: InteractiveShell, *, awaits: bool) -> dict[str, str]:
    """Return facts of the kernel."""
    kernel: Any = getattr(shell, "kernel", None)
    has_subshells = getattr(kernel, "_supports_kernel_subshells", False) is True
    return {
        "kernel": type(kernel).__module__.partition(".")[0],
        "subshells": "yes" if has_subshells else "no",
        "cell": "awaits" if awaits else "blocks",
    }


async def check_page(shell: InteractiveShell, *, awaits: bool) -> list[Finding]:
    """Send messages to the page and back, with their times."""
    if is_deaf(shell):
        return [Finding("comm", "unknown", "This kernel hears no page while a cell runs. ipykernel 7 does.")]
    if not awaits:
        sentence = "This cell blocks the kernel, so no page can be heard. Write `%chat --doctor` in a line of its own."
        return [Finding("comm", "unknown", sentence)]
    from streamwidget._view.page_probe import PageProbe  # late: it brings the widgets

    probe = PageProbe()
    try:
        facts = await probe.facts(_HELLO)
        if facts is None:
            sentence = f"No page has answered within {_HELLO:g} s."
            return [Finding("comm", "failed", sentence, advice=_NO_PAGE, fault="no page")]
        page = Finding("page", "ok", f"The page is {facts.get('host', 'unknown')}.", facts)
        return [await _comm(probe), page]
    finally:
        probe.close()


async def _comm(probe: Any) -> Finding:
    small = [await probe.ping(_PONG) for _ in range(_PINGS)]
    large = [await probe.ping(_PONG, _LARGE) for _ in range(2)]
    if None in (*small, *large):
        lost = sum(pong is None for pong in (*small, *large))
        sentence = f"{lost} of {_PINGS + 2} messages were not answered within {_PONG:g} s."
        return Finding("comm", "slow", sentence, advice=_SLOW_COMM, fault="lost")
    # A busy machine delays some. A slow way delays all.
    best, best_large = min(small), min(large)
    figures = {
        "there and back": f"{seconds(best.seconds)} at best, {seconds(max(small).seconds)} at worst",
        f"with {_LARGE // 1000} KB": seconds(best_large.seconds),
        "page late": seconds(max(pong.late for pong in small)),
    }
    if best.seconds < _SLOW and best_large.seconds < _SLOW_LARGE:
        return Finding("comm", "ok", "The page and the kernel hear each other quickly.", figures)
    if best.late > best.seconds / 2:
        sentence = "The page is busy: it gets to a message late."
        advice = "Close other tabs and long outputs of this page, or reload it."
        return Finding("page", "slow", sentence, figures, advice, "busy")
    what = (
        f"A message to the page and back takes {seconds(best.seconds)}, and {seconds(best_large.seconds)} with 64 KB."
    )
    return Finding("comm", "slow", what, figures, _SLOW_COMM, "slow")
