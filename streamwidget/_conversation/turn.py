"""One turn of a conversation, when it is sent again, and how many turns a limit leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamwidget._core.messages import Message
from streamwidget._core.outcomes import OUTCOMES

_BYTES_A_TOKEN = 4
_TOKENS_AN_IMAGE = 1_000


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer, at one moment.

    Attributes
    ----------
    key : str
        Names the turn: the id of its cell, or one of its own.
    user : Message
    answer : Message or None
        Its ``outcome`` is None while it streams. None: there is no answer.
    chosen : bool or None
        What :meth:`Conversation.include` was told; None leaves it to the rule of :attr:`sent`.
    """

    key: str
    user: Message
    answer: Message | None = None
    chosen: bool | None = None

    @property
    def streams(self) -> bool:
        """True while the answer is written."""
        return self.answer is not None and self.answer.outcome is None

    @property
    def sent(self) -> bool:
        """True where the turn goes out with later requests, as far as the limits allow.

        By default an answer with text that is complete, cut by a limit or a filter, or was stopped; not one that
        failed, is empty, or still streams.
        """
        return self.sendable if self.chosen is None else self.chosen

    @property
    def sendable(self) -> bool:
        """The default of :attr:`sent`."""
        if self.answer is None or self.answer.outcome is None:
            return False
        return OUTCOMES[self.answer.outcome].sent_again and bool(_said(self.answer))

    def to_messages(self) -> list[Message]:
        """Return the messages that a later request carries. A turn without an answer is the question alone."""
        said = _said(self.answer)
        return [self.user, *([Message("assistant", said)] if said else [])]


def newest(turns: Sequence[Turn], max_turns: int | None, max_tokens: int | None) -> list[Turn]:
    """Return the last of ``turns`` that both limits allow, whole turns only."""
    kept: list[Turn] = []
    tokens = 0
    for turn in reversed(turns):
        tokens += _tokens(turn)
        if (max_turns is not None and len(kept) >= max_turns) or (max_tokens is not None and tokens > max_tokens):
            break
        kept.append(turn)
    return kept[::-1]


def _said(answer: Message | None) -> str:
    if answer is None:
        return ""
    refusal = answer.completion.refusal if answer.completion else ""
    return answer.text if answer.text.strip() else refusal


def _tokens(turn: Turn) -> int:
    size = len(turn.user.text.encode("utf-8", "replace")) + len(_said(turn.answer).encode("utf-8", "replace"))
    return -(-size // _BYTES_A_TOKEN) + _TOKENS_AN_IMAGE * len(turn.user.images)
