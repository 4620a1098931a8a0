"""The messages of a chat widget to its pages: the turns as values, and the streaming answer as a feed.

Rules
-----
- Each text is sent once. A finished answer is sent with its turn. A running answer is sent through a feed, as in
  StreamView, so its turn is sent without it.
- Changes of one step are sent in one message, after the feed knows its stream.
- Each message about the turns has a revision, one higher each time. The wire to the page is lossy, and the revision
  shows a page that it missed something.
- Everything at once is sent only if a page asks for it.
- Text is made well-formed first (half of a surrogate pair becomes U+FFFD). Otherwise it could not be encoded, and no
  later message about these turns would reach a page.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Turn
from streamwidget._core.attachments import Attachment
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.messages import Message
from streamwidget._core.stream import ChatStream
from streamwidget._core.surrogates import well_formed
from streamwidget._view.bundle import values_bundle
from streamwidget._view.feed import AnswerFeed
from streamwidget._view.presentation import Presentation
from streamwidget._view.transcript import JSON, state_of

_SMALL = 30_000  # bytes of an image. A larger one is only named.
_THUMBNAILS = 100  # prompts with thumbnails


@dataclass(frozen=True, slots=True)
class _PageTurn:
    """A turn as the pages have it."""

    user: Message
    facts: JSON
    answer: ChatCompletion | str | None  # "live" or "elsewhere": it is sent in another way


class SentChat:
    """All that the pages of a chat have got, and have still to get.

    Parameters
    ----------
    conversation : Conversation
    send : callable
        Sends one message, a JSON object, to the pages.
    facts : callable
        Returns the other fields of a message about the turns.
    ended : callable
        Called right after the last message of an answer.

    Attributes
    ----------
    key : str or None
        The streaming turn, or the last one.
    live : bool
        True while it streams.
    """

    def __init__(
        self,
        conversation: Conversation,
        send: Callable[[JSON], None],
        facts: Callable[[], JSON],
        ended: Callable[[], None],
    ) -> None:
        self.key: str | None = None
        self.live = False
        self._conversation = conversation
        self._send = send
        self._facts = facts
        self._ended = ended
        self._feed = AnswerFeed(self._send_fed, self._fed, Presentation(end_in_turn=False))
        self._thumbnails: dict[Message, list[str | None]] = {}  # by prompt: each branch of a turn has its own
        self._in_step = False
        self._rev = 1  # the page's state begins with these turns
        self._turns = {turn.key: self._now(turn) for turn in conversation.turns}

    @property
    def stream(self) -> ChatStream:
        """The followed stream, or the last one. Missing before the first one."""
        return self._feed.stream

    def follow(self, key: str, stream: ChatStream) -> None:
        """Send the answer of the turn ``key`` from this stream."""
        self._feed.leave()  # first: it names this chat's turn
        self.key, self.live = key, True
        self._feed.follow(stream, anew=True)

    def leave(self) -> None:
        """Send nothing more of the stream."""
        self._feed.leave()
        self.live = False

    # ---- sending

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Send the changes within it at its end, in one message. If it fails, nothing is sent."""
        if self._in_step:
            yield
            return
        self._in_step = True
        try:
            yield
        finally:
            self._in_step = False
        self.send_changes()

    def send_changes(self) -> None:
        """Send the changes since the last revision. Within a step nothing is sent before its end."""
        if self._in_step:
            return
        message = {"op": "chat", **self._changes(), **self._facts()}
        try:
            self._send(message)
        except Exception as exc:  # noqa: BLE001  (the wire's. The change is made, and the page will see the gap.)
            warnings.warn(
                f"A change of the conversation could not be sent to the page: {exc!r}.", RuntimeWarning, stacklevel=2
            )

    def send_missing(self, rev: Any) -> None:
        """Send everything, unless the page has this revision already."""
        if rev == self._rev:
            self._send({"op": "chat", "rev": rev, "keys": None, "turns": [], **self._facts()})
        else:
            self._send({"op": "chat", "whole": True, **self.state()})

    def send_answer(self, turn: Turn) -> None:
        """Send the whole answer of a turn."""
        if (answer := self._answer(turn)) is not None:
            self._send({"op": "answer", "key": turn.key, "message": {"op": "snapshot", **answer}})

    def state(self) -> JSON:
        """Return everything, for a page that has nothing."""
        turns = self._conversation.turns
        return {
            "rev": self._rev,
            "keys": [turn.key for turn in turns],
            "turns": [self._whole(turn) for turn in turns],
            **self._facts(),
        }

    def thumbnails(self, prompt: Message) -> list[str | None]:
        """Return the thumbnails of a prompt's files, ``data:`` URLs or None."""
        return self._thumbnails.get(prompt, []) if prompt.attachments else []

    def keep_thumbnails(self, prompt: Message, thumbnails: list[str | None]) -> None:
        """Show these thumbnails for the files of a prompt."""
        self._thumbnails[prompt] = thumbnails
        while len(self._thumbnails) > _THUMBNAILS:
            del self._thumbnails[next(iter(self._thumbnails))]

    # ---- the streaming answer

    def _send_fed(self, message: JSON) -> None:
        self._send({"op": "answer", "key": self.key, "message": message})

    def _fed(self) -> None:
        self.live = False
        for turn in self._conversation.turns:
            if turn.key == self.key and turn.key in self._turns:
                self._turns[turn.key] = self._now(turn)  # the feed has sent its answer to the end
        self._ended()

    # ---- turns as values

    def _changes(self) -> JSON:
        self._rev += 1
        before, self._turns = self._turns, {}
        changed: list[JSON] = []
        for turn in self._conversation.turns:
            old, new = before.get(turn.key), self._now(turn)
            self._turns[turn.key] = new
            if old == new:
                continue
            if old is None or old.user != new.user:
                changed.append(self._whole(turn))
                continue
            answer = {} if new.answer in ("live", old.answer) else {"answer": self._answer(turn)}
            changed.append({**new.facts, **answer})
        keys = None if list(self._turns) == list(before) else list(self._turns)
        return {"rev": self._rev, "keys": keys, "turns": changed}

    def _now(self, turn: Turn) -> _PageTurn:
        completion = turn.answer.completion if turn.answer else None
        if self.live and turn.key == self.key:
            return _PageTurn(turn.user, _facts(turn), "live")
        # An answer may stream elsewhere. The page asks for it as often as it likes.
        streams = completion is not None and completion.outcome is None
        return _PageTurn(turn.user, _facts(turn), "elsewhere" if streams else completion)

    def _whole(self, turn: Turn) -> JSON:
        thumbnails = self.thumbnails(turn.user)
        return {
            **_facts(turn),
            "text": well_formed(turn.user.text),
            "files": [
                _shown(file, thumbnails[place] if place < len(thumbnails) else None)
                for place, file in enumerate(turn.user.attachments)
            ],
            "answer": self._answer(turn),
        }

    def _answer(self, turn: Turn) -> JSON | None:
        if turn.answer is None:
            return None
        answer = turn.answer.completion or ChatCompletion(turn.answer.text, outcome="complete")
        if answer.value_type is not None:
            values_bundle("chat")
        if self.live and turn.key == self.key:
            return self._feed.snapshot()
        return state_of(answer, seq=self._feed.seq, id=turn.key, elapsed=round(answer.timing.total, 3), kept=True)


def _facts(turn: Turn) -> JSON:
    """Return the small facts of a turn. They go with each change of it."""
    return {
        "key": turn.key,
        "sent": turn.sent,
        "at": turn.asked_at,
        "branch": turn.branch,
        "branches": len(turn.branches) + 1,
        "feedback": turn.feedback,
    }


def _shown(file: Attachment, thumbnail: str | None) -> JSON:
    """Return a file for the page: its name and its size, and the picture of an image.

    Never the address of an image as ``src``, or the page would load it.
    """
    if file.url:
        return {"kind": "image", "src": None, "name": file.name or file.url[:200], "label": "not loaded"}
    small = file.src if file.kind == "image" and len(file.data) <= _SMALL else None
    bound = f", {file.bound} sent" if file.bound else ""
    return {"kind": file.kind, "src": thumbnail or small, "name": file.name, "label": file.label + bound}
