r"""Reasoning that a model writes into its answer: ``<think>...</think>`` at the very beginning becomes reasoning.

Many local models write their thoughts so. The rules, each with an example (``|`` is the end of a delta):

1. Only the beginning of an answer counts: ``<think>a</think>b`` is the reasoning ``a`` and the text ``b``. In
   ``Use <think> here`` nothing is reasoning, and in a code span or a code block neither. White space may stand
   before it.
2. A tag may be cut: ``<thi|nk>a</th|ink>b`` is the same. Until it is known what a piece is, it is held back.
3. White space around the reasoning belongs to nothing: ``<think>\n a \n</think>\n\nb`` is ``a`` and ``b``.
4. Without its end all of it is reasoning: ``<think>a`` has no text.
5. Case and attributes do not matter: ``<Think type="x">``. Other models have other tags: ``[THINK]``, ``<|channel|>``.
6. Several thoughts are one: ``<think>a</think><think>b</think>c`` is ``a``, an empty line and ``b``.
7. A tag that the reasoning only mentions is a part of it: ``<think>the `</think>` tag</think>b`` is one thought. So is
   a thought in a thought, if both ends come soon: ``<think>a<think>b</think>c</think>d`` has the text ``d``.
8. A template may begin the answer inside the thoughts: ``a</think>b`` is the reasoning ``a`` and the text ``b``. It is
   so in the first 64 Ki characters, if no tag and no other reasoning came before, and not in code. The thoughts are
   text deltas until their end is known. Then a :class:`TextWasReasoning` follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from streamwidget._core.events import (
    Finish,
    NewStep,
    ParsedEvent,
    ReasoningDelta,
    TextDelta,
    TextWasReasoning,
    ToolCallDelta,
    ToolResult,
)
from streamwidget._core.growing_text import GrowingText

_NAMES = ("think", "thinking", "thought", "thoughts", "reasoning", "seed:think")
_TAG = re.compile(rf"<({'|'.join(_NAMES)})(?:\s[^<>]{{0,200}})?(/?)>", re.IGNORECASE)
_OPEN_TAG = re.compile(rf"<(?:{'|'.join(_NAMES)})(?:/|\s[^<>]{{0,200}})?\Z", re.IGNORECASE)  # its end may come
_FINAL = "<|channel|>final<|message|>"  # gpt-oss: the answer begins
_NEXT = "<|start|>assistant"  # gpt-oss: the next message begins
#: Other beginnings, with the ends of each. Without an end the text begins there.
_OTHERS: dict[str, tuple[str, ...]] = {
    "[think]": ("[/think]",),
    "◁think▷": ("◁/think▷",),
    "<|begin_of_thought|>": ("<|end_of_thought|>",),
    "<|start_thinking|>": ("<|end_thinking|>",),
    "<|channel>thought": ("<channel|>",),
    "<|channel|>analysis<|message|>": (f"<|end|>{_NEXT}{_FINAL}", f"{_NEXT}{_FINAL}", _FINAL),
    _FINAL: (),
}
_OTHERS |= {f"{_NEXT}{begin}": ends for begin, ends in _OTHERS.items() if begin.startswith("<|channel|>")}
#: The ends of thoughts that may have no beginning.
_ENDS = (
    *(f"</{name}{space}>" for name in _NAMES for space in ("", " ")),
    *(end for begin, ends in _OTHERS.items() if "<|channel|>" not in begin for end in ends),
)
_END_SIGN = re.compile(r"[<\[◁](?:[/|c]|\Z)", re.IGNORECASE)  # a delta without one begins no end
_END = re.compile("|".join(map(re.escape, _ENDS)), re.IGNORECASE)
#: A fence of code, a line end, backticks, the beginning of thoughts, and their end.
_MARK = re.compile(
    rf"^[ \t>]*(?P<fence>`{{3,}}(?=[^`\n]*$)|~{{3,}})[^\n]*|(?P<line>\n)|(?P<ticks>`+)"
    rf"|(?P<begin>{_TAG.pattern}|{'|'.join(map(re.escape, _OTHERS))})|(?P<end>{_END.pattern})",
    re.IGNORECASE | re.MULTILINE,
)
_MOST_BEFORE = 65_536  # characters before an end without a beginning
_MOST_ENDS = 20  # in code, before the text is not looked at any more. Each look reads all of the text
_BLANK = re.compile(r"[\s\ufeff]*")
_DEEPEST = 4  # thoughts in thoughts
_PIECE = 4096  # characters that are looked through at once. A megabyte of tags would take a minute
_SOON = 400  # characters after the end of a thought in a thought, within which the outer end comes


@dataclass(frozen=True, slots=True)
class _Tag:
    """The beginning of a thought: its length, how it may end, and how another one like it begins."""

    length: int
    ends: tuple[str, ...]
    inner: str


def _tag_at(text: str) -> _Tag | None:
    """Return the tag at the start of a text. A tag of length 0 is not whole yet. None: there is not a tag."""
    if found := _TAG.match(text):
        name = found[1].lower()
        return _Tag(found.end(), () if found[2] else (f"</{name}>", f"</{name} >"), f"<{name}>")
    lower = text[:100].lower()
    for begin, ends in _OTHERS.items():
        if lower.startswith(begin):
            return _Tag(len(begin), ends, begin)
    may_be = any(f"<{name}".startswith(lower) for name in _NAMES) or any(begin.startswith(lower) for begin in _OTHERS)
    return _Tag(0, (), "") if may_be or _OPEN_TAG.match(text) else None


def _end_without_beginning(text: str) -> tuple[int, int] | None:
    """Return where the first end of thoughts begins and ends. None: it is in code, or a beginning comes before it."""
    fence = span = ""
    for found in _MARK.finditer(text):
        mark = found["fence"]
        if fence:
            if mark and mark.startswith(fence) and found[0].strip(" \t>") == mark:
                fence = ""
        elif mark:
            fence = mark
        elif found["line"]:
            span = ""
        elif ticks := found["ticks"]:
            span = "" if ticks == span else span or ticks
        elif not span:
            return found.span() if found["end"] else None
    return None


def _joined(events: list[ParsedEvent]) -> list[ParsedEvent]:
    """Join the neighbours of one kind: thoughts, or texts."""
    joined: list[ParsedEvent] = []
    for kind, run in groupby(events, type):
        if kind is TextWasReasoning:
            joined += run
            continue
        text = "".join(event.text for event in run if isinstance(event, ReasoningDelta | TextDelta))
        joined.append(ReasoningDelta(text) if kind is ReasoningDelta else TextDelta(text))
    return joined


class ThinkTags:
    """Turns the text deltas of one answer into reasoning where they are thoughts.

    Attributes
    ----------
    is_open : bool
        False once no tag can come any more. Then every event passes as it is.

    Parameters
    ----------
    needs_begin : bool, default False
        True leaves thoughts without a beginning in the text.

    Examples
    --------
    >>> tags = ThinkTags()
    >>> [*tags.split(TextDelta("<think>Two rivers")), *tags.split(TextDelta(".</think>Rhine"))]
    [ReasoningDelta(text='Two rivers', index=0), ReasoningDelta(text='.', index=0), TextDelta(text='Rhine', index=0)]
    """

    def __init__(self, *, needs_begin: bool = False) -> None:
        self.is_open = True
        self._held = ""
        self._tag: _Tag | None = None  # of the thought that we are in
        self._ended = False  # a thought has ended
        self._begun = False  # this thought has a first character
        self._separator = ""  # before the next thought
        self._line = 0  # backticks in the last line of the thought
        self._nested = 0  # beginnings of thoughts in this thought
        self._needs_begin = needs_begin  # also if the provider sends reasoning, calls or steps itself
        self._is_text = False  # the text has begun without a tag, and the end of thoughts may come in it
        self._said = GrowingText()  # the text since then
        self._ends = 0  # ends of thoughts in it

    @property
    def holds_text(self) -> bool:
        """True if a piece of text is held back."""
        return bool(self._held.strip())

    def split(self, event: ParsedEvent) -> Iterable[ParsedEvent]:
        """Return what an event stands for."""
        if not isinstance(event, TextDelta):
            return (*self.flush(), event) if isinstance(event, Finish) else self._pass(event)
        text = event.text
        if not self.is_open or event.index != 0 or not text:
            return (event,)
        if self._is_text and not self._held and not _END_SIGN.search(text):  # the usual case
            self._say(text)
            return (event,)
        return self._split(text)

    def flush(self) -> Iterable[ParsedEvent]:
        """Return what was still held back at the end of the answer."""
        events = self._take(is_last=True) if self._held else []
        self.is_open, self._held, self._said = False, "", GrowingText()
        return events

    def _pass(self, event: ParsedEvent) -> Iterable[ParsedEvent]:
        """Return an event that is not text. After some of them, the text before was the answer's own."""
        own = event.text and event.index == 0 if isinstance(event, ReasoningDelta) else False
        if not (own or isinstance(event, ToolCallDelta | ToolResult | NewStep | TextWasReasoning)):
            return (event,)
        self._needs_begin = True
        return (*self.flush(), event) if self._is_text else (event,)

    def _say(self, text: str) -> None:
        """Note text of the answer, until there is too much of it."""
        self._said.append(text)
        if self._said.length > _MOST_BEFORE or self._ends > _MOST_ENDS:
            self.is_open, self._said = False, GrowingText()

    def _watch(self, *, is_last: bool) -> list[ParsedEvent]:
        """Look for the end of thoughts in the text that is held."""
        text, self._held = self._held, ""
        if _END.search(text):
            self._ends += 1
            before = str(self._said)
            start, end = _end_without_beginning(before + text) or (-1, -1)
            if start >= len(before):
                thought, self._held = text[: start - len(before)], text[end - len(before) :]
                self._is_text, self._said, self._ended = False, GrowingText(), True
                events: list[ParsedEvent] = []
                if (before + thought).strip():
                    self._separator = "\n\n"
                    events = [*([TextDelta(thought)] if thought else ()), TextWasReasoning()]
                return events + self._take(is_last=is_last)
        sign = max(map(text.rfind, "<[◁"))
        tail = text[sign:].lower() if sign >= 0 else ""
        if tail and not is_last and any(end.startswith(tail) and end != tail for end in _ENDS):
            begins = bool(self._said.length or text[:sign].strip())  # white space before the end belongs to nothing
            text, self._held = (text[:sign], text[sign:]) if begins else ("", text)
        if not text:
            return []
        self._say(text)
        if not self.is_open:
            text, self._held = text + self._held, ""
        return [TextDelta(text)]

    def _split(self, text: str) -> list[ParsedEvent]:
        events: list[ParsedEvent] = []
        for start in range(0, len(text), _PIECE):
            if not self.is_open:
                events.append(TextDelta(text[start:]))
                break
            self._held += text[start : start + _PIECE]
            events += self._take(is_last=False)
        return _joined(events) if len(text) > _PIECE else events

    def _take(self, *, is_last: bool) -> list[ParsedEvent]:
        if self._is_text:
            return self._watch(is_last=is_last)
        events: list[ParsedEvent] = []
        while self._held:
            begin = self._held[_BLANK.match(self._held).end() :]  # type: ignore[union-attr]
            if self._tag is None or not self._begun:
                tag = _tag_at(begin) if begin else None
                waits = not begin or (tag is not None and not tag.length)
                if waits and not is_last:
                    return events
                if tag is not None and tag.length and (self._tag is None or tag.inner == self._tag.inner):
                    self._enter(tag, begin)
                    continue
            if self._tag is None:
                if not self._ended and not self._needs_begin:
                    self._is_text = True
                    return events + self._watch(is_last=is_last)
                if begin or not self._ended:
                    events.append(TextDelta(begin if self._ended else self._held))
                self._held, self.is_open = "", False
                return events
            found = self._find_end(self._tag, is_last=is_last)
            if found is None:
                self._think(events, self._keep(self._tag, is_last=is_last))
                return events
            start, end = found
            if start == end:  # it is not known yet
                self._think(events, len(self._held[:start].rstrip()))
                return events
            rest = self._held[end:]
            self._think(events, len(self._held[:start].rstrip()))
            self._held, self._tag, self._ended = rest, None, True
        return events

    def _enter(self, tag: _Tag, begin: str) -> None:
        """Begin a thought, or pass over the second of two tags in a row."""
        self._held = begin[tag.length :]
        if not tag.ends:
            self._ended = True
            return
        self._tag, self._begun, self._line, self._nested = tag, False, 0, 0

    def _find_end(self, tag: _Tag, *, is_last: bool) -> tuple[int, int] | None:
        """Return where the end of the thought begins and ends. Both are equal if more must come to know it."""
        held = self._held
        ends: list[tuple[int, int]] = []
        nested = 0
        for found in re.finditer("|".join(map(re.escape, tag.ends)), held, re.IGNORECASE):
            start, end = found.span()
            if self._backticks(held[:start]) % 2:
                if end == len(held) and not is_last:
                    return ends[0] if ends else (start, start)
                if held[end : end + 1] == "`":
                    continue  # in a code span
            if not ends:
                nested = min(self._nested + held[:start].lower().count(tag.inner), _DEEPEST)
            ends.append((start, end))
            if len(ends) > nested:
                break
        if not ends:
            return None
        if len(ends) <= nested and not is_last and len(held) - ends[-1][1] < _SOON:
            return ends[0][0], ends[0][0]
        return ends[min(nested, len(ends) - 1)]

    def _backticks(self, text: str) -> int:
        """Return how many backticks the last line has after this piece of the thought."""
        _, newline, line = text.rpartition("\n")
        return line.count("`") if newline else self._line + line.count("`")

    def _keep(self, tag: _Tag, *, is_last: bool) -> int:
        """Return how much of what is held surely is a thought. The rest may be the beginning of a tag."""
        held = self._held
        size = len(held.rstrip())
        if is_last:
            return size
        tags = (*tag.ends, tag.inner)
        tail = held[max(0, size - max(map(len, tags))) : size].lower()
        cut = next((n for n in range(len(tail)) if any(tag.startswith(tail[n:]) for tag in tags)), len(tail))
        return len(held[: size - len(tail) + cut].rstrip())

    def _think(self, events: list[ParsedEvent], size: int) -> None:
        """Publish so much of what is held as reasoning."""
        thought, self._held = self._held[:size], self._held[size:]
        self._line = self._backticks(thought)
        if self._tag is not None:
            self._nested += thought.lower().count(self._tag.inner)
        if not self._begun:
            thought = thought.lstrip()
            if thought:
                thought, self._separator = self._separator + thought, "\n\n"
        if thought:
            self._begun = True
            events.append(ReasoningDelta(thought))
