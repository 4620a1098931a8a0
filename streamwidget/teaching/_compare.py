"""The table of faults and clients, filled while it is shown: which client hangs, crashes or lies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from streamwidget._client.client import ChatClient
from streamwidget._core.timeout import Timeout
from streamwidget.demo import DemoServer
from streamwidget.teaching._trial import OURS, Trial, available, sentence_of, try_naive, try_stream, warm_up

FAULTS = ("none", "cut", "drop", "stall", "ping", "garble", "error", "length", "html", "429")
_PROMPT = "What is a stream?"
_ANSWER = 60  # deltas, enough to break off in the middle
_COLOURS = {
    "whole": "var(--jp-success-color1, #2e7d32)",
    "reports it": "var(--jp-info-color1, #0b62c4)",
    "crashes": "var(--jp-warn-color1, #b45309)",
    "lies": "var(--jp-error-color1, #b3261e)",
    "hangs": "var(--jp-error-color1, #b3261e)",
}
_TABLE = "table-layout:fixed;width:100%;margin:0;font-size:13px"
_CELL = "text-align:left;vertical-align:top;padding:2px 8px;line-height:1.25;white-space:normal"
_ONE_LINE = "display:block;white-space:nowrap;overflow:hidden;text-overflow:ellipsis"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How each client handled each fault. A notebook shows it as a table.

    ``comparison["stall", "requests"]`` is one :class:`Trial`.

    Attributes
    ----------
    faults : tuple of str
        The rows.
    clients : tuple of str
        The columns.
    deadline : float
        A client is given up after so many seconds without text.
    trials : dict
        The Trial for each (fault, client).

    Examples
    --------
    >>> import asyncio
    >>> from streamwidget.teaching import compare
    >>> comparison = asyncio.run(compare(["length"]))
    >>> comparison["length", "streamwidget"].facts
    'outcome length; kept 41 characters'
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
        """Return the table. It is so low that all rows fit on a projector. Long facts are cut, and whole as a tooltip.

        Returns
        -------
        str
            HTML without scripts.
        """
        widths = (8, 26, *(66 / len(self.clients) for _ in self.clients))
        head = "".join(
            f'<th style="{_CELL};width:{width:.0f}%">{escape(text)}</th>'
            for text, width in zip(("fault", "the server", *self.clients), widths, strict=True)
        )
        rows = "".join(f"<tr>{''.join(self._cells(fault))}</tr>" for fault in self.faults)
        return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'

    def _cells(self, fault: str) -> Iterator[str]:
        yield f'<td style="{_CELL}"><code>{escape(fault)}</code></td>'
        yield f'<td style="{_CELL}">{escape(sentence_of(fault))}</td>'
        for client in self.clients:
            trial = self.trials.get((fault, client))
            if trial is None:
                yield f'<td style="{_CELL}">…</td>'
            else:
                facts = escape(trial.facts)
                words = f'<strong style="color:{_COLOURS[trial.verdict]}">{escape(trial.words)}</strong>'
                yield f'<td style="{_CELL}" title="{facts}">{words}<small style="{_ONE_LINE}">{facts}</small></td>'

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": str(self)}

    def _ipython_display_(self) -> None:
        """Show the table, except in the cell that made it: the table is shown there already."""
        from streamwidget._notebook.cell_output import current_cell, show

        if self._cell is None or self._cell != current_cell():
            show(self._repr_mimebundle_())


async def compare(faults: Sequence[str] = FAULTS, *, deadline: float = 5.0, **demo: Any) -> Comparison:
    """Give each client each fault, all at once, and show the table while it fills.

    The clients are this one and the two loops of :mod:`streamwidget.teaching.naive`, if ``requests`` and ``openai`` are
    installed. They meet the faults on a demo server of their own. It stops at the end, which frees the loops that hang.

    Parameters
    ----------
    faults : sequence of str
        Names of the demo server's faults. "none" is a healthy answer.
    deadline : float, default 5
        A client hangs if it shows no text for so many seconds. The time limits of this client are two fifths of that,
        so that they come first. (By default they are 30 s and more.)
    **demo
        Further options of the demo server. For example ``after=3`` sends three deltas before the fault. ``times=1``
        fails only the first request of each client, so that a retry succeeds.

    Returns
    -------
    Comparison
        The table, with a :class:`Trial` for each fault and client.

    Examples
    --------
    >>> import asyncio
    >>> comparison = asyncio.run(compare(["none", "cut"]))
    >>> [comparison[fault, "streamwidget"].verdict for fault in comparison.faults]
    ['whole', 'reports it']
    """
    from streamwidget._notebook.cell_output import CellOutput

    output = CellOutput()
    trials: dict[tuple[str, str], Trial] = {}
    comparison = Comparison(tuple(faults), available(), deadline, trials, output.cell)
    output.put(comparison._repr_mimebundle_())
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
        output.put(comparison._repr_mimebundle_())

    try:
        whole = str(await client.complete(_PROMPT, demo={"tokens": _ANSWER, "first_delta": 0, "tokens_per_second": 0}))
        for name in comparison.clients:
            if name != OURS:
                await warm_up(name, server.url)
        await asyncio.gather(*(fill(fault, name, whole) for fault in faults for name in comparison.clients))
    finally:
        await asyncio.to_thread(server.stop)
    return comparison
