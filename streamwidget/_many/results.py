"""The result of one row of a batch, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streamwidget._core.completion import Timing
from streamwidget._core.cost import UNKNOWN, Cost
from streamwidget._core.events import Outcome, Usage


@dataclass(frozen=True, slots=True)
class RowResult:
    """The result of one row of a :func:`~streamwidget.batch`. It can be pickled, so it may come from another machine.

    Attributes
    ----------
    id : str or int
        The row's id: of the column that you named, or its number. The first one is 0.
    value : object
        The answer as a value, if you asked with ``as_=``. Otherwise the text, as far as it came. None if there is none.
    text : str
        The answer, as far as it came.
    outcome : Outcome or None
        How the answer ended. None if the row was not asked.
    error : str or None
        What went wrong, or why the row was not asked. None for a whole and valid answer.
    usage : Usage or None
        Token counts. None if the provider did not send them.
    cost : Cost
        What the answer has cost. Unknown if it is from the file.
    timing : Timing or None
        How fast the answer came. None if it is from the file.
    reused : bool
        The answer is from the batch's file. It was not asked again.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> [row] = asyncio.run(sw.batch(["the Elbe"], "Where is {{text}}?"))
    >>> row.id, row.outcome, row.error
    (0, 'complete', None)
    """

    id: str | int
    value: Any = None
    text: str = ""
    outcome: Outcome | None = None
    error: str | None = None
    usage: Usage | None = None
    cost: Cost = UNKNOWN
    timing: Timing | None = None
    reused: bool = False

    @property
    def is_good(self) -> bool:
        """True if the answer is whole and valid."""
        return self.outcome == "complete" and self.error is None
