r"""The joint between the beginning of an answer and its rest. Nothing stands there twice.

Rules, for the beginning ``One, two,\n``

1. A server gets the beginning without the white space at its end. So the rest may bring the space again:
   ``\nthree`` becomes ``three``.
2. Some servers write the whole beginning again: ``One, two,\nthree`` becomes ``three``. The rest is held back until
   then. A short beginning is dropped only for a server with this habit.
3. All other text is the rest. A person sees a text twice, but does not see a lost one.
"""

from __future__ import annotations

from collections.abc import Iterable

from streamwidget._core.events import Finish, NewStep, ParsedEvent, TextDelta, ToolCallDelta

_SURE = 40  # characters. To begin with them again is not an accident


class Seam:
    r"""The joint of one answer.

    Parameters
    ----------
    said : str
        The beginning.
    continues : bool
        The server continues the text. False: the model is asked in words, and has all of it.
    echoes : bool, default False
        The server is known to write the beginning again.

    Attributes
    ----------
    is_open : bool
        False once the rest has begun. Then all of it is passed on.

    Examples
    --------
    >>> seam = Seam("One, two,\n", continues=True, echoes=True)
    >>> [event.text for piece in ("One, ", "two,", "\nthree") for event in seam.split(TextDelta(piece))]
    ['three']
    """

    def __init__(self, said: str, *, continues: bool, echoes: bool = False) -> None:
        self._said = said.rstrip()
        self._space = said[len(self._said) :] if continues else ""
        self._least = 1 if echoes else _SURE
        self._may_echo = len(self._said) >= self._least
        self._held = ""
        self.is_open = said != ""

    @property
    def holds_text(self) -> bool:
        """True if text is held back."""
        return self._held != ""

    def split(self, event: ParsedEvent) -> Iterable[ParsedEvent]:
        """Return an event without the text of the beginning. Text may come later."""
        if isinstance(event, TextDelta) and event.index == 0 and self.is_open:
            self._held += event.text
            return self._released()
        if isinstance(event, Finish | NewStep | ToolCallDelta):
            return (*self.flush(), event)
        return (event,)

    def flush(self) -> Iterable[ParsedEvent]:
        """Return the held text. A part of the beginning is dropped if it surely came again."""
        rest, self._held, self.is_open = self._held, "", False
        if self._may_echo and len(rest) >= self._least and self._said.startswith(rest):
            return ()
        return self._text(self._without_space(rest))

    def _released(self) -> Iterable[ParsedEvent]:
        rest = self._held
        if self._may_echo:
            if self._said.startswith(rest) and len(rest) < len(self._said):
                return ()
            rest = rest.removeprefix(self._said)
        if len(rest) < len(self._space) and self._space.startswith(rest):
            return ()
        self._held, self.is_open = "", False
        return self._text(self._without_space(rest))

    def _without_space(self, rest: str) -> str:
        differs = (place for place, pair in enumerate(zip(rest, self._space, strict=False)) if pair[0] != pair[1])
        return rest[next(differs, min(len(rest), len(self._space))) :]

    def _text(self, text: str) -> Iterable[ParsedEvent]:
        return (TextDelta(text),) if text else ()
