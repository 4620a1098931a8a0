"""One turn of a conversation: whether later requests carry it, and how many turns the limits allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.messages import Message
from streamwidget._core.outcomes import OUTCOMES

#: A person's opinion of an answer.
Feedback: TypeAlias = Literal["up", "down"]

_BYTES_A_TOKEN = 4
_TOKENS_A_FILE = 1_000  # of an image, a PDF, a sound


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer. It is a snapshot.

    Attributes
    ----------
    key : str
        The turn's name: the id of its cell, or a name of its own.
    user : Message
        The question.
    answer : Message or None
        The answer. Its ``outcome`` is None while it streams. None if the question has no answer.
    chosen : bool or None
        Your choice, from :meth:`Conversation.include`. None: the rule of :attr:`sent` decides.
    asked_at : float or None
        When the question was asked, in seconds since 1970 as ``time.time()`` has them. None if that is not known.
    feedback : str or None
        ``"up"``, ``"down"`` or None, from :meth:`Conversation.rate`.
    branches : tuple of tuple of Turn
        The other branches from here: the turn as it was before an edit or a retry, and the turns after it.
    branch : int
        The position of this turn among all its branches. With two others it is 0, 1 or 2.

    Examples
    --------
    >>> import streamwidget as sw
    >>> conversation = sw.Conversation()
    >>> completion = conversation.ask("Name three rivers.", sw.ChatClient()).wait()
    >>> turn = conversation.turns[0]
    >>> turn.user.text, turn.answer.outcome, turn.sent
    ('Name three rivers.', 'complete', True)
    """

    key: str
    user: Message
    answer: Message | None = None
    chosen: bool | None = None
    asked_at: float | None = None
    feedback: Feedback | None = None
    branches: tuple[tuple[Turn, ...], ...] = ()
    branch: int = 0

    @property
    def streams(self) -> bool:
        """True while the answer streams."""
        return self.answer is not None and self.answer.outcome is None

    @property
    def sent(self) -> bool:
        """True if later requests carry the turn, as far as the limits allow.

        By default they carry an answer with text that is complete, was stopped, or was cut by a token limit or a
        filter. They do not carry one that failed, is empty or still streams.
        """
        return self.sendable if self.chosen is None else self.chosen

    @property
    def has_content(self) -> bool:
        """True if the answer has a text or a refusal. One that failed before its first word has none."""
        return bool(_text_of(self.answer))

    @property
    def sendable(self) -> bool:
        """Whether the rule of :attr:`sent` allows it, without your choice."""
        if self.answer is None or self.answer.outcome is None:
            return False
        return OUTCOMES[self.answer.outcome].sent_again and self.has_content

    def to_messages(self) -> list[Message]:
        """Return the messages that a later request carries. A turn without an answer is the question alone."""
        text = _text_of(self.answer)
        completion = self.answer.completion if self.answer else None
        return [self.user, *([Message("assistant", text, completion=completion)] if text else [])]


def settled(turn: Turn) -> Turn:
    """Return the turn. An answer that still streams is cut here."""
    answer = turn.answer
    if answer is None or answer.completion is None or answer.completion.outcome is not None:
        return turn
    return replace(turn, answer=replace(answer, completion=replace(answer.completion, outcome="interrupted")))


def with_key(turn: Turn, key: str) -> Turn:
    """Return a turn under another name. Its branches begin with it, so they get the name too."""
    branches = tuple((replace(first, key=key), *later) for first, *later in turn.branches)
    return replace(turn, key=key, branches=branches)


def with_branches(turns: Iterable[Turn]) -> Iterator[Turn]:
    """Yield these turns, and those in their other branches."""
    for turn in turns:
        yield turn
        for branch in turn.branches:
            yield from with_branches(branch)


def completions(turns: Iterable[Turn]) -> list[ChatCompletion]:
    """Return the answers of these turns, as far as they are completions. A message from elsewhere has none."""
    return [turn.answer.completion for turn in turns if turn.answer and turn.answer.completion]


def branched(old: Turn, later: Sequence[Turn], new: Turn) -> Turn:
    """Return ``new`` with ``old``, and the turns ``later`` after it, as one more branch. The new one is the last.

    Examples
    --------
    >>> old, new = (Turn("k", Message("user", text)) for text in ("Name a river.", "Name a lake."))
    >>> turn = branched(old, [], new)
    >>> [branch[0].user.text for branch in turn.branches], turn.branch
    (['Name a river.'], 1)
    """
    branches = _all_branches(old, later)
    return replace(new, branches=branches, branch=len(branches))


def switched(turn: Turn, later: Sequence[Turn], branch: int) -> tuple[Turn, ...]:
    """Return the turns of another branch. ``turn``, and the turns ``later`` after it, become one of the others.

    Raises
    ------
    IndexError
        If there is no branch of this number. The first is 0.

    Examples
    --------
    >>> old, new = (Turn("k", Message("user", text)) for text in ("Name a river.", "Name a lake."))
    >>> (again,) = switched(branched(old, [], new), [], 0)
    >>> again.user.text, again.branch, again.branches[0][0].user.text
    ('Name a river.', 0, 'Name a lake.')
    """
    branches = _all_branches(turn, later)
    if not 0 <= branch < len(branches):
        raise IndexError(f"Turn {turn.key!r} has {len(branches)} branches. Their numbers begin at 0.")
    first, *rest = branches[branch]
    return replace(first, branches=branches[:branch] + branches[branch + 1 :], branch=branch), *rest


def _all_branches(turn: Turn, later: Sequence[Turn]) -> tuple[tuple[Turn, ...], ...]:
    shown = (replace(turn, branches=(), branch=0), *later)
    return (*turn.branches[: turn.branch], tuple(map(settled, shown)), *turn.branches[turn.branch :])


def newest(turns: Sequence[Turn], max_turns: int | None, max_tokens: int | None) -> list[Turn]:
    """Return as many of the last turns as both limits allow. Only whole turns."""
    kept: list[Turn] = []
    tokens = 0
    for turn in reversed(turns):
        tokens += _tokens(turn)
        if (max_turns is not None and len(kept) >= max_turns) or (max_tokens is not None and tokens > max_tokens):
            break
        kept.append(turn)
    return kept[::-1]


def _text_of(answer: Message | None) -> str:
    """Return the text that later requests carry for an answer: its text, or else its refusal, or its outputs' text."""
    if answer is None or answer.text.strip() or answer.completion is None:
        return answer.text if answer else ""
    outputs = "\n\n".join(output.format("text/plain") for output in answer.completion.outputs)
    return answer.completion.refusal or outputs


def _tokens(turn: Turn) -> int:
    texts = [turn.user.text, _text_of(turn.answer), *(one.text for one in turn.user.attachments)]
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    others = sum(one.kind != "text" for one in turn.user.attachments)
    return -(-size // _BYTES_A_TOKEN) + _TOKENS_A_FILE * others
