"""What the pages have been told of a conversation's turns, and what is news.

Rules
-----
- A turn's text travels once. The answer that streams travels as the messages of a feed, so its turn is told without it.
- What is told is text that any encoder takes, or no later message on these turns would reach a page.
- What is told carries a revision, one higher each time: the wire to the page is lossy, and so it sees a gap.
- Everything at once is told only to who asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamwidget._conversation.turn import Turn
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.images import Image
from streamwidget._core.messages import Message
from streamwidget._core.surrogates import well_formed
from streamwidget._view.transcript import JSON

_SMALL = 30_000  # bytes of an image that is shown as it is; of a larger one only what it is
_KEPT = 100  # turns whose thumbnails are kept


@dataclass(frozen=True, slots=True)
class _Told:
    user: Message
    sent: bool
    answer: ChatCompletion | str | None  # a word stands for an answer that is told otherwise


class Turns:
    """The turns as pages know them.

    Parameters
    ----------
    state : callable
        Gives the state of a turn's answer, a JSON object.

    Attributes
    ----------
    rev : int
        The revision that was told last.
    """

    def __init__(self, state: Callable[[Turn], JSON]) -> None:
        self.rev = 0
        self._state = state
        self._told: dict[str, _Told] = {}
        self._thumbnails: dict[str, list[Any]] = {}

    def keep_thumbnails(self, key: str, thumbnails: list[Any]) -> None:
        """Show these, ``data:`` URLs or None, for the images of the turn ``key``."""
        self._thumbnails[key] = thumbnails
        while len(self._thumbnails) > _KEPT:
            del self._thumbnails[next(iter(self._thumbnails))]

    def thumbnails(self, key: str) -> list[Any]:
        """Return those that are kept of a turn."""
        return self._thumbnails.get(key, [])

    def whole(self, turns: tuple[Turn, ...]) -> JSON:
        """Return all there is, as of the last revision."""
        return {"rev": self.rev, "keys": [turn.key for turn in turns], "turns": [self._full(turn) for turn in turns]}

    def news(self, turns: tuple[Turn, ...], live: str | None) -> JSON:
        """Return what has changed since the last call, as the next revision.

        Parameters
        ----------
        turns : tuple of Turn
        live : str or None
            The key of the turn whose answer a feed tells.
        """
        self.rev += 1
        told: dict[str, _Told] = {}
        changed: list[JSON] = []
        for turn in turns:
            known, now = self._told.get(turn.key), _now(turn, live)
            told[turn.key] = now
            if known == now:
                continue
            if known is None or known.user != now.user:
                changed.append(self._full(turn))
                continue
            answer = {} if now.answer in ("live", known.answer) else {"answer": self._answer(turn)}
            changed.append({"key": turn.key, "sent": turn.sent, **answer})
        keys = list(told) if list(told) != list(self._told) else None
        self._told = told
        return {"rev": self.rev, "keys": keys, "turns": changed}

    def fed(self, turn: Turn) -> None:
        """Note that a feed has told the answer of this turn to its end."""
        if turn.key in self._told:
            self._told[turn.key] = _now(turn, None)

    def _full(self, turn: Turn) -> JSON:
        images, thumbnails = turn.user.images, self.thumbnails(turn.key)
        shown = [
            _shown(image, thumbnails[place] if place < len(thumbnails) else None) for place, image in enumerate(images)
        ]
        return {
            "key": turn.key,
            "text": well_formed(turn.user.text),
            "images": shown,
            "sent": turn.sent,
            "answer": self._answer(turn),
        }

    def _answer(self, turn: Turn) -> JSON | None:
        return None if turn.answer is None else self._state(turn)


def _now(turn: Turn, live: str | None) -> _Told:
    completion = turn.answer.completion if turn.answer else None
    if turn.key == live:
        return _Told(turn.user, turn.sent, "live")
    # One that streams elsewhere is asked for by the page, as often as it likes.
    streams = completion is not None and completion.outcome is None
    return _Told(turn.user, turn.sent, "elsewhere" if streams else completion)


def _shown(image: Image, thumbnail: str | None) -> JSON:
    """Say what an image is, with what may be shown of it: never its address, which would be asked for its content."""
    if image.url:
        return {"src": None, "label": image.url[:200]}
    kind = (image.media_type or "image").removeprefix("image/").upper()
    small = image.src if len(image.data) <= _SMALL else None
    return {"src": thumbnail or small, "label": f"{kind}, {len(image.data) / 1000:,.0f} kB"}
