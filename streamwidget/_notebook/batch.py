"""``await batch(rows, "Classify: {{text}}")``: one question for each row of a table, many at once.

The batch itself is in :mod:`streamwidget._many`. Here are the arguments of the person, and where the progress is shown.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamwidget._client.client import ChatClient
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Prompt
from streamwidget._core.stream import ChatStream
from streamwidget._core.subscribers import at_end
from streamwidget._core.values import value_type
from streamwidget._many.batch import Batch
from streamwidget._many.frames import Frame, is_frame
from streamwidget._many.journal import Journal
from streamwidget._many.rates import Rates
from streamwidget._many.rows import Question
from streamwidget._many.shown import summary
from streamwidget._many.spending import Spending
from streamwidget._notebook.batch_source import source_of
from streamwidget._notebook.short_traceback import shorten_traceback
from streamwidget._notebook.terminal import say

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from streamwidget._notebook.live_then_static import LiveThenStatic

#: The batches that run, by the id of their cell, each with the execution that began it.
_running: dict[str, list[tuple[str | None, ChatStream]]] = {}


async def batch(
    rows: Any,
    prompt: str | Callable[[Any], Prompt],
    *,
    into: str | None = None,
    as_: Any = None,
    retries: int = 0,
    client: ChatClient | None = None,
    model: str | None = None,
    id_: str | None = None,
    file: str | Path | None = None,
    concurrency: int = 10,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    token_limit: int | None = None,
    cost_limit: float | None = None,
    **params: Any,
) -> Any:
    """Ask one question for each row, many at once. A notebook shows the rows while they are answered.

    A row that fails keeps its error, and does not stop the others. Stop it, or all of it, in the notebook: what was
    answered is kept. With ``file``, run it again after that, or after the kernel died, and only the rows that are
    missing or changed are asked. If a cell starts it as a task, it goes on after the cell. To run that cell again stops
    it first, so that no two batches write one file.

    Parameters
    ----------
    rows : DataFrame, or iterable of dict or str
        A pandas or polars DataFrame, an Arrow table (``pip install "streamwidget[frames]"``), or any iterable, also an
        asynchronous one. It is read as far as there is room for rows.
    prompt : str or callable
        ``{{name}}`` is replaced by the column of this name, as in ``%%chat``. So is an expression:
        ``{{name.upper()}}``. ``{{text}}`` is a row that is not a dict, and ``{{row}}`` the whole row:
        ``{{row["full name"]}}``. A row without a value there (None or NaN) is not asked. A callable takes the row, and
        returns a text or a list of messages.
    into : str, optional
        The name of the new column of a DataFrame. Default: one column for each field if ``as_`` is an object, or else
        ``answer``.
    as_ : type or dict, optional
        What each answer is to be, as for :meth:`ChatClient.stream`.
    retries : int, default 0
        How many times to ask again if it is not that.
    client : ChatClient, optional
        Default: ``ChatClient()``.
    model : str, optional
        Default: the client's.
    id_ : str, optional
        The column that names a row in the results and in the file. Default: its number.
    file : str or Path, optional
        A file of JSON lines. Each row is appended to it as soon as it has ended.
    concurrency : int, default 10
        The most rows at once.
    requests_per_minute, tokens_per_minute : float, optional
        The most in a minute. If the server asks one row to wait, all rows wait.
    token_limit : int, optional
        A budget of tokens, of prompts and answers together. Rows beyond it are not asked. Those that run are finished.
    cost_limit : float, optional
        A budget in US dollars. If the cost of an answer is not known, no more rows are asked.
    **params
        Fields of each request, such as ``temperature`` or ``max_tokens``.

    Returns
    -------
    DataFrame, or list of RowResult
        A DataFrame comes back in its own type, with the new columns, ``outcome`` and ``error``. ``outcome`` is missing
        for a row that was not asked, and ``error`` says why. Any other rows become a list of :class:`RowResult`.

    Raises
    ------
    ConfigurationError
        If an argument cannot work, none of the first rows has such a column, or ``file`` is not a file of a batch.
    StreamError
        If the rows cannot be read to their end, or the file not be written. What was answered is in the file.

    Examples
    --------
    In a notebook, write ``await sw.batch(...)``. In a script, run it:

    >>> import asyncio
    >>> import streamwidget as sw
    >>> rivers = [{"name": "Elbe", "sea": "North Sea"}, {"name": "Oder", "sea": "Baltic Sea"}]
    >>> answers = asyncio.run(sw.batch(rivers, "How long is the {{name}}?", max_tokens=3))
    >>> [(answer.text, answer.outcome) for answer in answers]
    [('## How long', 'length'), ('## How long', 'length')]

    A DataFrame gets new columns.

    >>> import pandas as pd
    >>> frame = pd.DataFrame(rivers)
    >>> frame = asyncio.run(sw.batch(frame, "Which river ends in the {{sea}}?", into="river"))
    >>> list(frame.columns), list(frame["outcome"])
    (['name', 'sea', 'river', 'outcome', 'error'], ['complete', 'complete'])
    """
    cell = _this_cell()
    if cell is not None:
        await _end_those_of(*cell)
    frame = Frame(rows) if is_frame(rows) else None
    if not isinstance(client, ChatClient | None):
        raise ConfigurationError(
            f"client= is a ChatClient, not {type(client).__name__}. Call your own function in a loop. Nothing was sent."
        )
    try:
        question = Question(client or ChatClient(), model, params, value_type(as_, retries), retries)
    finally:
        del model, params  # people pass a key here, and a traceback shows variables
    if frame is not None:
        frame.check_names(into, question.kind)
    source = source_of(rows if frame is None else frame, prompt, id_, None if frame is None else frame.columns)
    rates = Rates(concurrency, requests_per_minute, tokens_per_minute)
    spending = Spending(token_limit, cost_limit)
    journal = None if file is None else Journal(file)
    try:
        asked = Batch(source, question, rates, spending, journal)
        await asked.check_first()
        await _run(asked, cell)
    finally:
        if journal is not None:
            journal.close()
    results = asked.finished()
    return results if frame is None else frame.with_results(results, into, question.kind)


async def _run(asked: Batch, cell: tuple[str, str | None] | None) -> None:
    """Run a batch to its end, and show it."""
    stream = ChatStream(asked)
    if cell is not None:
        _running.setdefault(cell[0], []).append((cell[1], stream))
        stream.subscribe(at_end(lambda: _forget(cell[0], stream)))
    shown = _present(stream, asked)
    try:
        try:
            await stream
        finally:
            if shown is not None:
                await shown.settled(sys.exception())
    except asyncio.CancelledError as exc:
        shorten_traceback(exc, f"Interrupted: {summary(asked, stream.elapsed)}")
        raise
    if shown is None and sys.stdout is not None and sys.stdout.isatty():
        say(summary(asked, stream.elapsed))


def _shell() -> InteractiveShell | None:
    """Return the IPython whose cell runs here. A program in a thread or on another machine has no cell."""
    if "IPython" not in sys.modules or threading.current_thread() is not threading.main_thread():
        return None
    from streamwidget._notebook.front_end import current_shell

    return current_shell()


def _this_cell() -> tuple[str, str | None] | None:
    """Return the id of the cell that began this, and of its execution. None if it has no id."""
    shell = _shell()
    if shell is None:
        return None
    from streamwidget._notebook.front_end import cell_id, execution_id

    cell = cell_id(shell)
    return None if cell is None else (cell, execution_id(shell))


async def _end_those_of(cell: str, execution: str | None) -> None:
    """Stop what an earlier run of this cell has left running, as a task. Its view has gone with the cell's output."""
    for began, stream in [*_running.get(cell, ())]:
        if began != execution:
            stream.cancel()
            await stream


def _forget(cell: str, stream: ChatStream) -> None:
    _running[cell] = [one for one in _running.get(cell, ()) if one[1] is not stream]
    if not _running[cell]:
        del _running[cell]


def _present(stream: ChatStream, asked: Batch) -> LiveThenStatic | None:
    """Show the rows, if a cell of a notebook runs here."""
    shell = _shell()
    if shell is None:
        return None
    from streamwidget._notebook import front_end

    if not front_end.shows_widgets(shell):
        return None
    from streamwidget._notebook.live_then_static import LiveThenStatic
    from streamwidget._view.grid.view import GridView

    view = GridView(stream, asked, layout=None)
    view._presentation.stays = view._presentation.end_in_turn = False
    shown = LiveThenStatic(
        stream,
        view,
        lambda _stream: None,
        timeline=False,
        captured=front_end.is_captured(shell),
        for_page=front_end.is_page(shell),
    )
    shown.begin()
    return shown
