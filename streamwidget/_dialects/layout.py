"""A reader for any library with the usual fields in places of its own.

A :class:`Layout` is a library, and its :class:`Rule` values name the places of the parts in an item. To add a
library, write one layout into :mod:`streamwidget._dialects.libraries`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from streamwidget._core.events import (
    Finish,
    Identity,
    NewStep,
    ParsedEvent,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
)
from streamwidget._dialects.dialect import ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.fields import as_text, items, plain
from streamwidget._dialects.finish_reasons import finish
from streamwidget._dialects.growth import Growth
from streamwidget._dialects.left_out import left_out
from streamwidget._dialects.paths import MISSING, at, word_of

#: A condition: the path exists (``...``), leads to this word, or to one of these words.
Condition = Any


@dataclass(frozen=True, slots=True)
class Call:
    """The places of the parts of a tool call, or of a piece of it. ``each`` leads to a list of calls."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    index: str = ""
    each: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """The places of the parts of a tool's result. ``each`` leads to a list of results."""

    id: str = ""
    name: str = ""
    text: str = ""
    each: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The places of the parts in items of one kind. All values are paths, but for those named here.

    Attributes
    ----------
    when : mapping
        The conditions for an item of this kind, by path.
    unless : mapping
        Not read if it fulfils any of these.
    whole : str
        A whole text. It is skipped if its pieces came before.
    ends : str
        A word of our own: an item of this kind is the end.
    beside : tuple of str
        Paths of hidden lists. The last name of a path is the kind.
    new_step : bool
        An item of this kind begins a model call.
    usage : tuple of str
        Paths in the order of :class:`Usage`.
    """

    when: Mapping[str, Condition] = field(default_factory=dict)
    unless: Mapping[str, Condition] = field(default_factory=dict)
    text: str = ""
    whole: str = ""
    reasoning: str = ""
    call: Call | None = None
    result: Result | None = None
    end: str = ""
    ends: str = ""
    usage: tuple[str, ...] = ()
    model: str = ""
    id: str = ""
    error: str = ""
    beside: tuple[str, ...] = ()
    new_step: bool = False

    def matches(self, item: Any) -> bool:
        return all(_holds(item, *condition) for condition in self.when.items())


@dataclass(frozen=True, slots=True)
class Layout:
    """The items of one library.

    Attributes
    ----------
    library : str
    rules : tuple of Rule
        The first one to match an item reads it. An item without a rule brings nothing.
    plain_end : bool, default True
        The library has no word for the end, and raises if its stream breaks. False: it has a word.
    grows : bool, default False
        Its texts may repeat the text so far.
    """

    library: str
    rules: tuple[Rule, ...]
    plain_end: bool = True
    grows: bool = False

    def fits(self, item: Any) -> bool:
        return any(rule.matches(item) for rule in self.rules)


class LayoutReader:
    """Reads a stream by the rules of a layout."""

    def __init__(self, layout: Layout, said: Callable[[], str] = str) -> None:
        self.plain_end = layout.plain_end
        self.fits = layout.fits
        self._layout = layout
        self._said = said
        self._growth = Growth() if layout.grows else None
        self._thoughts = Growth() if layout.grows else None

    def parse(self, item: Any) -> list[ParsedEvent]:
        rule = next((rule for rule in self._layout.rules if rule.matches(item)), None)
        if rule is None and isinstance(item, Mapping) and item.get("error"):
            raise ServerReportedError(error_info(plain(item["error"]), 200))
        if rule is None or any(_holds(item, *condition) for condition in rule.unless.items()):
            return []
        if rule.error and (error := at(item, rule.error)):
            raise ServerReportedError(error_info(plain(error), 200))
        return list(self._read(rule, item))

    def close(self) -> list[ParsedEvent]:
        """Return the events still waiting at the end of the stream."""
        if self._growth is None or self._thoughts is None:
            return []
        return [ReasoningDelta(self._thoughts.close()), TextDelta(self._growth.close())]

    def _read(self, rule: Rule, item: Any) -> Iterator[ParsedEvent]:
        if rule.new_step:
            yield NewStep()
        if rule.model or rule.id:
            yield Identity(_word(item, rule.model), _word(item, rule.id))
        if rule.reasoning:
            thought = _text(item, rule.reasoning)
            yield ReasoningDelta(self._thoughts.take(thought) if self._thoughts else thought)
        if rule.text:
            text = _text(item, rule.text)
            yield TextDelta(self._growth.take(text) if self._growth else text)
            yield from self._growth.warnings() if self._growth else ()
        if rule.whole and not self._said().endswith(text := _text(item, rule.whole)):
            yield TextDelta(text)
        if rule.call is not None:
            yield from _calls(item, rule.call)
        if rule.result is not None:
            yield from _results(item, rule.result)
        yield from _beside(item, rule)
        counts = [_count(at(item, path)) if path else None for path in rule.usage]
        if any(count is not None for count in counts):
            yield _usage(counts)
        reason = word_of(at(item, rule.end)) if rule.end else None
        if reason:
            yield from finish(reason)
        elif rule.ends:
            yield Finish(None, "complete")


def _holds(item: Any, path: str, wanted: Condition) -> bool:
    found = at(item, path, MISSING)
    if wanted is ...:
        return found is not MISSING
    if isinstance(wanted, tuple):
        return (word_of(found) or found) in wanted
    return found is wanted or word_of(found) == wanted if isinstance(wanted, str) else found is wanted


def _text(item: Any, path: str) -> str:
    value = at(item, path)
    if isinstance(value, list):  # a content of parts
        return "".join(part if isinstance(part, str) else _text(part, "text") for part in value)
    return value if isinstance(value, str) else ""


def _word(item: Any, path: str) -> str | None:
    return word_of(at(item, path)) if path else None


def _count(value: Any) -> int | None:
    """Return a count. Cohere's are floats."""
    return int(value) if type(value) in (int, float) and value == value else None


def _usage(counts: list[int | None]) -> Usage:
    prompt, completion, total, *rest = counts + [None] * (5 - len(counts))
    if total is None and prompt is not None and completion is not None:
        total = prompt + completion
    return Usage(prompt, completion, total, *rest)


def _calls(item: Any, call: Call) -> Iterator[ToolCallDelta]:
    found = at(item, call.each) if call.each else [item]
    for place, one in enumerate(found if isinstance(found, list | tuple) else ()):
        index = at(one, call.index) if call.index else None
        if type(index) is not int:
            index = place if call.each and len(found) > 1 else None
        id_, name, arguments = _word(one, call.id), _word(one, call.name), at(one, call.arguments)
        if id_ or name or arguments:  # a list may hold other parts too
            yield ToolCallDelta(index, id_, name, as_text(arguments))


def _beside(item: Any, rule: Rule) -> Iterator[ParsedEvent]:
    for path in rule.beside:
        if found := items(at(item, path)):
            yield left_out(path.rpartition(".")[2], found)


def _results(item: Any, result: Result) -> Iterator[ToolResult]:
    found = at(item, result.each) if result.each else [item]
    for one in found if isinstance(found, list | tuple) else ():
        yield ToolResult(_word(one, result.id), _word(one, result.name), as_text(at(one, result.text)))
