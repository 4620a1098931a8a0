r"""Reasoning that a model writes into its answer: ``<think>...</think>`` at the very beginning becomes reasoning.

Many local models write their thoughts so. The rules, each with an example (``|`` is the end of a delta):

1. Only the beginning of an answer counts: ``<think>a</think>b`` is the reasoning ``a`` and the text ``b``. In
   ``Use <think> here`` nothing is reasoning. White space may stand before it.
2. A tag may be cut: ``<thi|nk>a</th|ink>b`` is the same. Until it is known what a piece is, it is held back.
3. White space around the reasoning belongs to nothing: ``<think>\n a \n</think>\n\nb`` is ``a`` and ``b``.
4. Without its end all of it is reasoning: ``<think>a`` has no text.
"""

from __future__ import annotations

from collections.abc import Iterable

from streamwidget._core.events import Finish, ParsedEvent, ReasoningDelta, TextDelta

_TAGS = {"<think>": "</think>", "<thinking>": "</thinking>"}


class ThinkTags:
    """Turns the text deltas of one answer into reasoning where they are thoughts.

    Attributes
    ----------
    is_open : bool
        False once the text itself has begun. Then every event passes as it is.

    Examples
    --------
    >>> tags = ThinkTags()
    >>> [*tags.split(TextDelta("<think>Two rivers")), *tags.split(TextDelta(".</think>Rhine"))]
    [ReasoningDelta(text='Two rivers', index=0), ReasoningDelta(text='.', index=0), TextDelta(text='Rhine', index=0)]
    """

    def __init__(self) -> None:
        self.is_open = True
        self._held = ""
        self._end = ""  # the tag that ends the reasoning. Empty: no tag has begun it yet.
        self._begun = False  # the reasoning has a first character
        self._ended = False

    def split(self, event: ParsedEvent) -> Iterable[ParsedEvent]:
        """Return what an event stands for."""
        if isinstance(event, Finish):
            return (*self.flush(), event)
        if not self.is_open or not isinstance(event, TextDelta) or event.index != 0 or not event.text:
            return (event,)
        self._held += event.text
        return self._take()

    def flush(self) -> Iterable[ParsedEvent]:
        """Return what was still held back at the end of the answer."""
        held, self._held = self._held, ""
        self.is_open = False
        if not held or self._ended:
            return ()
        return (ReasoningDelta(held.rstrip()),) if self._end else (TextDelta(held),)

    def _take(self) -> Iterable[ParsedEvent]:
        if not self._end:
            begin = self._held.lstrip()
            tag = next((tag for tag in _TAGS if begin.startswith(tag)), None)
            if tag is None:
                return () if not begin or any(tag.startswith(begin) for tag in _TAGS) else self._pass()
            self._end, self._held = _TAGS[tag], begin[len(tag) :]
        if self._ended:
            return self._after()
        thought, end, rest = self._held.partition(self._end)
        if not self._begun:
            thought = thought.lstrip()
        if end:
            self._ended, self._held = True, rest
            thought = thought.rstrip()
            return (*([ReasoningDelta(thought)] if thought else []), *self._after())
        # White space and the beginning of the tag may be the end of the reasoning.
        keep = len(thought.rstrip())
        keep = next(
            (n for n in range(max(0, keep - len(self._end)), keep) if self._end.startswith(thought[n:keep])), keep
        )
        keep = len(thought[:keep].rstrip())
        self._held, thought = thought[keep:], thought[:keep]
        self._begun = self._begun or bool(thought)
        return (ReasoningDelta(thought),) if thought else ()

    def _after(self) -> Iterable[ParsedEvent]:
        self._held = self._held.lstrip()
        return self._pass() if self._held else ()

    def _pass(self) -> Iterable[ParsedEvent]:
        held, self._held = self._held, ""
        self.is_open = False
        return (TextDelta(held),)
