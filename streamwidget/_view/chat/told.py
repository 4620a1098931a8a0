"""What the pages of a chat are told: its turns as values, and the answer that streams as a feed.

Rules
-----
- What is over is told once; what streams is told by a feed, as for a StreamView.
- What changes in one step is told in one message, and after the feed knows its stream.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Turn
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.stream import ChatStream
from streamwidget._view.chat.turns import Turns
from streamwidget._view.feed import AnswerFeed
from streamwidget._view.presentation import Presentation
from streamwidget._view.transcript import JSON, state_of


class Told:
    """Keep pages told of a conversation, one of whose turns may stream.

    Parameters
    ----------
    conversation : Conversation
    tell : callable
        Sends one message, a JSON object, to the pages.
    facts : callable
        Gives what else a message on the turns carries.
    ended : callable
        Called right after the last message of an answer.

    Attributes
    ----------
    key : str or None
        Of the turn that streams, or streamed last.
    live : bool
        True while it streams.
    """

    def __init__(
        self,
        conversation: Conversation,
        tell: Callable[[JSON], None],
        facts: Callable[[], JSON],
        ended: Callable[[], None],
    ) -> None:
        self.key: str | None = None
        self.live = False
        self._conversation = conversation
        self._tell = tell
        self._facts = facts
        self._ended = ended
        self._feed = AnswerFeed(self._tell_answer, self._fed, Presentation(end_in_turn=False))
        self._turns = Turns(self._answer)
        self._turns.news(conversation.turns, None)
        self._hushed = False

    @property
    def stream(self) -> ChatStream:
        """The stream that is followed, or was followed last. Not there before the first."""
        return self._feed.stream

    def follow(self, key: str, stream: ChatStream) -> None:
        """Tell the answer of the turn ``key`` from this stream."""
        self.key, self.live = key, True
        self._feed.follow(stream, stream.completion.text)

    def leave(self) -> None:
        """Tell no more of the stream."""
        self._feed.leave()
        self.live = False

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Tell all that changes within it at its end; nothing, where it fails."""
        if self._hushed:
            yield
            return
        self._hushed = True
        try:
            yield
        finally:
            self._hushed = False
        self.tell_news()

    @property
    def in_step(self) -> bool:
        """True within a step."""
        return self._hushed

    def tell_news(self) -> None:
        """Tell what has changed."""
        live = self.key if self.live else None
        news = {"op": "chat", **self._turns.news(self._conversation.turns, live), **self._facts()}
        try:
            self._tell(news)
        except Exception as exc:  # noqa: BLE001  (of the wire; what happened has happened, and the page sees the gap)
            warnings.warn(f"A page could not be told of a conversation: {exc!r}.", RuntimeWarning, stacklevel=2)

    def state(self) -> JSON:
        """Return everything, for a page that knows nothing."""
        return {**self._turns.whole(self._conversation.turns), **self._facts()}

    def sync(self, rev: Any) -> None:
        """Tell all to a page that knows another revision."""
        if rev == self._turns.rev:
            self._tell({"op": "chat", "rev": rev, "keys": None, "turns": [], **self._facts()})
        else:
            self._tell({"op": "chat", "whole": True, **self.state()})

    def sync_answer(self, turn: Turn) -> None:
        """Tell all of one answer."""
        if turn.answer is not None:
            message = {"op": "snapshot", **self._answer(turn)}
            self._tell({"op": "answer", "key": turn.key, "message": message})

    def keep_thumbnails(self, key: str, make: Callable[[list[str | None]], list[str | None]]) -> None:
        """Show for the images of a turn what ``make`` makes of the thumbnails that it had."""
        self._turns.keep_thumbnails(key, make(self._turns.thumbnails(key)))

    def _tell_answer(self, message: JSON) -> None:
        self._tell({"op": "answer", "key": self.key, "message": message})

    def _fed(self) -> None:
        for turn in self._conversation.turns:
            if turn.key == self.key:
                self._turns.fed(turn)
        self.live = False
        self._ended()

    def _answer(self, turn: Turn) -> JSON:
        if self.live and turn.key == self.key:
            return self._feed.snapshot()
        assert turn.answer is not None  # asked for those that have one
        said = turn.answer.completion or ChatCompletion(turn.answer.text, outcome="complete")
        return state_of(said, seq=self._feed.seq, id=turn.key, elapsed=round(said.timing.total, 3), kept=True)
