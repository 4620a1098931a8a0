"""What a comparison of several models gives: the answers, and the one that is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streamwidget._core.completion import ChatCompletion
from streamwidget._many.side_by_side import Column, Vote
from streamwidget._notebook.cell_output import current_cell, show
from streamwidget._saved.side_by_side import comparison_mimebundle, table


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answers of several models to one question. A notebook shows the figures, and the answers side by side.

    Attributes
    ----------
    answers : tuple of ChatCompletion
        In the order of the models. ``outcome`` says how each ended.
    columns : tuple of Column
        Who was asked: the ``name`` of each model, and its ``host``.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> from streamwidget.demo import DemoServer
    >>> with DemoServer() as server:
    ...     models = [sw.ChatClient(server.url, model=name) for name in ("demo", "demo-401")]
    ...     comparison = asyncio.run(sw.compare("count to 3", models))
    >>> [answer.outcome for answer in comparison.answers]
    ['complete', 'http_error']
    >>> comparison.kept is comparison.answers[0]
    True
    """

    answers: tuple[ChatCompletion, ...]
    columns: tuple[Column, ...]
    _vote: Vote = field(default_factory=Vote, repr=False, compare=False)
    _cell: int | None = field(default=None, repr=False, compare=False)

    @property
    def kept(self) -> ChatCompletion | None:
        """The answer that is kept: the one that the person chose last, or else the first complete one.

        If none is complete, it is the first one that was stopped or cut. None if all have failed.
        """
        return None if self._vote.kept is None else self.answers[self._vote.kept]

    def __str__(self) -> str:
        return table(self.columns, self.answers, self._vote)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return comparison_mimebundle(self.columns, self.answers, self._vote)

    def _ipython_display_(self) -> None:
        """Show it, except in the cell that made it: it is shown there already."""
        if self._cell is None or self._cell != current_cell():
            show(self._repr_mimebundle_())
