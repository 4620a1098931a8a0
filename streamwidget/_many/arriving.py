"""The rows of an asynchronous iterable: one of them is read ahead, while others are asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Callable
from typing import Any, Self, TypeAlias

_Row: TypeAlias = tuple[str | int, Any]


class Arriving:
    """An iterator that gives None while the next row has not arrived.

    Parameters
    ----------
    rows : async iterable of (id, row)
        What it raises is raised where its row is taken.
    arrived : callable
        Is called whenever a row has arrived, and at the end.

    Examples
    --------
    >>> async def rivers():
    ...     for number, name in enumerate(["Elbe", "Oder"]):
    ...         yield number, name
    >>> async def read():
    ...     rows = Arriving(rivers(), lambda: None)
    ...     before = next(rows)
    ...     await rows.first()
    ...     return before, next(rows)
    >>> asyncio.run(read())
    (None, (0, 'Elbe'))
    """

    def __init__(self, rows: AsyncIterable[_Row], arrived: Callable[[], None]) -> None:
        self._rows = aiter(rows)
        self._arrived = arrived
        self._task: asyncio.Task[_Row | None] | None = None
        self._is_over = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _Row | None:
        if self._is_over:
            raise StopIteration
        task = self._reading()
        if not task.done():
            return None
        self._task = None
        row = task.result()
        if row is None:
            self._is_over = True
            raise StopIteration
        return row

    async def first(self) -> None:
        """Wait until a row has arrived, or the end."""
        await asyncio.wait([self._reading()])

    async def close(self) -> None:
        """Stop reading."""
        self._is_over = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        close = getattr(self._rows, "aclose", None)
        if close is not None:
            with contextlib.suppress(Exception):  # of the person's own code, after the end
                await close()

    def _reading(self) -> asyncio.Task[_Row | None]:
        if self._task is None:
            self._task = asyncio.ensure_future(self._read())
            self._task.add_done_callback(lambda _task: self._arrived())
        return self._task

    async def _read(self) -> _Row | None:
        return await anext(self._rows, None)
