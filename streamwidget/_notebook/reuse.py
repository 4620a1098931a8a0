"""``reuse``: a cell whose request is unchanged shows its earlier answer. Nothing is sent.

The answers are in a file beside the notebook (:mod:`streamwidget._conversation.kept_answers`). A complete answer is put
there when it ends.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from streamwidget._conversation.kept_answers import KeptAnswers, is_worth_keeping
from streamwidget._core.earlier import earlier_answer
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message
from streamwidget._core.stream import ChatStream
from streamwidget._core.subscribers import at_end
from streamwidget._notebook.advice import Target
from streamwidget._notebook.terminal import say

if TYPE_CHECKING:
    from streamwidget._notebook.session import Session


class Asked(NamedTuple):
    """What a turn was asked with, to see later if it would be asked the same.

    Attributes
    ----------
    options : Namespace
        Those of the cell.
    text : str
        The prompt as it was typed.
    message : Message
        The prompt as it was sent.
    before : int
        A hash of the messages before it, for this process. They themselves may leave the conversation.
    request_hash : str or None
        None if the request was not one of ours.
    number : int
        The number of the cell's run.
    """

    options: Namespace
    text: str
    message: Message
    before: int
    request_hash: str | None
    number: int


def told(messages: Iterable[Message]) -> int:
    """Return a hash of what messages tell a model. The answers of two runs differ in their times alone."""
    return hash(tuple((message.role, message.text, message.attachments) for message in messages))


def kept_or_asked(
    session: Session,
    stream: ChatStream,
    keeps: Callable[[ChatStream], None],
    number: int = 1,
    *,
    fresh: bool,
) -> ChatStream:
    """Return a stream of the earlier answer to the same request. If there is none, return ``stream``, and keep its own.

    A ``fresh`` answer takes the place of the earlier one. If the file cannot be used, it is named, and the question is
    asked. A cell that asks the same several times has an answer for each, by its number.
    """
    name = _name(stream, number)
    if name is None:
        return stream
    if fresh:
        keeps(stream)
        return stream
    answers = session.kept_answers
    try:
        found = answers.find(name)
    except ConfigurationError as exc:
        say(f"{exc} Nothing is reused.")
        return stream
    if found is not None:
        return earlier_answer(stream, found.completion, found.at)
    keeps(stream)
    return stream


def _name(stream: ChatStream, number: int) -> str | None:
    return stream.request_hash and (stream.request_hash if number == 1 else f"{stream.request_hash}#{number}")


def keep(answers: KeptAnswers, target: Target, message: Message, stream: ChatStream, number: int = 1) -> None:
    """Put the answer of a stream into the file when it ends, if it is whole.

    The file is known from the cell. The end of a `--bg` answer belongs to no cell.
    """
    name, at = _name(stream, number), time.time()

    def keep_whole() -> None:
        completion = stream.completion
        if name is None or not is_worth_keeping(completion):
            return
        try:
            answers.keep(name, completion, at, target.host, message.text)
        except ConfigurationError as exc:
            say(f"{exc} The answer will be asked again.")

    stream.subscribe(at_end(keep_whole))
