"""The readers of a typed answer while it streams: the value that grows, and the rows of a list."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from streamwidget._core.events import NewStep, TextDelta, TextWasReasoning
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.json_text import Rows
from streamwidget._core.values import ValueType

if TYPE_CHECKING:
    from streamwidget._core.stream import ChatStream

#: After a reading, wait so many times as long as it took. A long text is read less often, so the whole stays linear.
_REST = 10


def values_of(stream: ChatStream) -> AsyncIterator[Any]:
    """Give the valid part each time that it has grown, and the whole value at the end."""
    kind = stream.value_type
    if kind is None:
        raise ConfigurationError("values() needs a type: ask with as_=, such as as_=list[str].")
    return _lists(stream, kind) if kind.is_list else _parts(stream, kind)


def rows_of(stream: ChatStream) -> AsyncIterator[Any]:
    """Give each complete and valid row of a list, once."""
    kind = stream.value_type
    if kind is None or not kind.is_list:
        asked = "as_=list[...]" if kind is None else f"as_=list[...], and not as_={kind.name}"
        raise ConfigurationError(f"rows() needs a list: ask with {asked}.")
    return _rows(stream, kind)


async def _parts(stream: ChatStream, kind: ValueType) -> AsyncIterator[Any]:
    last, cost = None, 0.0
    async with aclosing(stream._batches(lambda: _REST * cost)) as batches:
        async for _ in batches:
            begun = time.monotonic()
            found = kind.partial(stream._work.accumulator.last_text)
            cost = time.monotonic() - begun
            if found is not None and found != last:
                last = found
                yield found
    whole = stream.completion.value
    if whole is not None and whole != last:
        yield whole


async def _lists(stream: ChatStream, kind: ValueType) -> AsyncIterator[Any]:
    """Give the list of the rows so far, whenever there is a new one."""
    last: list[Any] | None = None
    async with aclosing(_placed(stream, kind)) as rows:
        async for place, row in rows:
            last = [*(last or ())[:place], row]
            yield last
    whole = stream.completion.value
    if whole is not None and whole != last:
        yield whole


async def _rows(stream: ChatStream, kind: ValueType) -> AsyncIterator[Any]:
    given: list[Any] = []
    async with aclosing(_placed(stream, kind)) as rows:
        async for place, row in rows:
            if given[place : place + 1] != [row]:  # an answer that was asked for again repeats its rows
                given[place:] = [row]
                yield row


async def _placed(stream: ChatStream, kind: ValueType) -> AsyncGenerator[tuple[int, Any], None]:
    """Give each row with its place in the list. A new answer begins again at 0."""
    rows, place = Rows(), 0
    async with aclosing(stream._events()) as events:
        async for event in events:
            if isinstance(event, NewStep | TextWasReasoning):
                rows, place = Rows(), 0
            elif isinstance(event, TextDelta) and event.index == 0:
                for row in kind.rows(rows.feed(event.text)):
                    yield place, row
                    place += 1
    for row in (stream.completion.value or [])[place:]:  # a reader that came late may have missed the beginning
        yield place, row
        place += 1
