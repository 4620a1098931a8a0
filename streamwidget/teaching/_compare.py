"""The table of faults and clients, made live: who hangs, who crashes, who lies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from streamwidget._client.client import ChatClient
from streamwidget._core.timeout import Timeout
from streamwidget.demo import DemoServer, _faults
from streamwidget.teaching._trial import OURS, Trial, available, try_naive, try_stream, warm_up

FAULTS = ("none", "cut", "drop", "stall", "ping", "garble", "error", "length", "html", "429")
_PROMPT = "What is a stream?"
_ANSWER = 60  # deltas: enough to break off in the middle
_COLOURS = {
    "whole": "var(--jp-success-color1, #2e7d32)",
    "says so": "var(--jp-info-color1, #0b62c4)",
    "crashes": "var(--jp-warn-color1, #b45309)",
    "lies": "var(--jp-error-color1, #b3261e)",
    "hangs": "var(--jp-error-color1, #b3261e)",
}
_LEGEND = {
    "whole": "returned the whole answer",
    "says so": "ended, said that the answer is not whole, and kept what had come",
    "crashes": "an exception of another kind, or one that took with it what had come",
    "lies": "returned a part, or nothing, as though it were the answer",
    "hangs": "neither text nor answer nor error, until it was given up",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What each client made of each fault; shows itself as a table. ``comparison["stall", "requests"]`` is one trial.

    Attributes
    ----------
    faults : tuple of str
        In the order of the rows.
    clients : tuple of str
        In the order of the columns.
    deadline : float
        Seconds without anything after which a trial was given up.
    trials : dict
        The Trial for each (fault, client).
    """

    faults: tuple[str, ...]
    clients: tuple[str, ...]
    deadline: float
    trials: dict[tuple[str, str], Trial]
    _cell: int | None = field(default=None, repr=False, compare=False)

    def __getitem__(self, place: tuple[str, str]) -> Trial:
        return self.trials[place]

    def __str__(self) -> str:
        width = max(map(len, self.faults), default=0)
        lines = []
        for fault in self.faults:
            for client in self.clients:
                trial = self.trials.get((fault, client))
                lines.append(f"{fault:{width}}  {trial or f'{client} ...'}")
        return "\n".join(lines)

    def to_html(self) -> str:
        """The table, with the meaning of the verdicts under it."""
        head = "".join(
            f'<th style="text-align:left">{escape(text)}</th>' for text in ("fault", "the server", *self.clients)
        )
        rows = "".join(f"<tr>{''.join(self._cells(fault))}</tr>" for fault in self.faults)
        seen = {trial.verdict for trial in self.trials.values()}
        meaning = "; ".join(f"{_verdict(word)}: {_LEGEND[word]}" for word in _LEGEND if word in seen)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{meaning}</p>"

    def _cells(self, fault: str) -> Iterator[str]:
        left = ' style="text-align:left;vertical-align:top"'
        yield f"<td{left}><code>{escape(fault)}</code></td><td{left}>{escape(_says(fault))}</td>"
        for client in self.clients:
            trial = self.trials.get((fault, client))
            what = "…" if trial is None else f"{_verdict(trial.verdict)}<br><small>{escape(trial.facts)}</small>"
            yield f"<td{left}>{what}</td>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": str(self)}

    def _ipython_display_(self) -> None:
        """Show the table; not in the cell that made it, where it stands already."""
        from streamwidget._notebook.cell_output import current_cell, show

        if self._cell is None or self._cell != current_cell():
            show(self._repr_mimebundle_())


async def compare(faults: Sequence[str] = FAULTS, *, deadline: float = 5.0, **demo: Any) -> Comparison:
    """Give each client each fault, all at once, and show the table as it fills.

    The clients are this one and the two loops of :mod:`streamwidget.teaching.naive`, as far as their libraries are
    installed. The server is one of its own; when it stops, at the end, loops that hang are let go.

    Parameters
    ----------
    faults : sequence of str
        Names of the demo server's faults; "none" for a healthy answer.
    deadline : float, default 5
        A client from which nothing came for so many seconds is said to hang. The limits of this client are two
        fifths of it, where by default they are 30 s and more.
    **demo
        Further options of the demo server, such as ``after`` (deltas before the fault) or ``times`` (the fault befalls
        so many requests of a client only, so that a retry finds a healthy server).

    Returns
    -------
    Comparison
    """
    from streamwidget._notebook.cell_output import Place

    place = Place()
    trials: dict[tuple[str, str], Trial] = {}
    comparison = Comparison(tuple(faults), available(), deadline, trials, place.cell)
    place.put(comparison._repr_mimebundle_())
    limit = deadline * 0.4
    timeout = Timeout(headers=limit, first_delta=limit, stall=limit, progress=limit)
    server = DemoServer(tokens_per_second=200, first_delta=0.05).start()
    client = ChatClient(server.url, model="demo", timeout=timeout)

    async def fill(fault: str, name: str, whole: str) -> None:
        options = {"tokens": _ANSWER, **({} if fault == "none" else {"fault": fault}), "key": name, **demo}
        if name == OURS:
            trial = await try_stream(client.stream(_PROMPT, demo=options), whole=whole, deadline=deadline)
        else:
            trial = await try_naive(name, server.url, _PROMPT, options, whole=whole, deadline=deadline)
        trials[fault, name] = trial
        place.put(comparison._repr_mimebundle_())

    try:
        whole = str(await client.complete(_PROMPT, demo={"tokens": _ANSWER, "first_delta": 0, "tokens_per_second": 0}))
        for name in comparison.clients:
            if name != OURS:
                await warm_up(name, server.url)
        await asyncio.gather(*(fill(fault, name, whole) for fault in faults for name in comparison.clients))
    finally:
        await asyncio.to_thread(server.stop)
    return comparison


def _says(fault: str) -> str:
    return _faults.FAULTS[fault].says if fault in _faults.FAULTS else "answers as it should"


def _verdict(word: str) -> str:
    return f'<strong style="color:{_COLOURS[word]}">{word}</strong>'
