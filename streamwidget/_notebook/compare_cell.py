"""``%%chat -m a -m b``: several models beside each other, and the turn that one of them answers."""

from __future__ import annotations

import uuid
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial

from streamwidget._client.config import default_system
from streamwidget._client.spending import refused_when_sent
from streamwidget._conversation.conversation import Conversation
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.stream import ChatStream
from streamwidget._notebook.advice import Target, explain
from streamwidget._notebook.cell_run import CellJob, never_left_behind
from streamwidget._notebook.comparison import Comparison
from streamwidget._notebook.disclosure import say_what_goes, say_what_is_not_sent, show_prompt
from streamwidget._notebook.prepared import Prepared, prepare_each
from streamwidget._notebook.request import next_turn
from streamwidget._notebook.reuse import Asked, keep, kept_or_asked, told
from streamwidget._notebook.session import Session
from streamwidget._notebook.short_traceback import shorten_traceback
from streamwidget._notebook.side_by_side import ComparedTurn, SideBySideOutput, column_of

#: Options that go with one model only.
_ALONE = ("bg", "fix", "keep", "receipt", "timeline", "tools", "wire")
_CLOSED = "all streams are closed. What came of the kept answer is in _chat."


def compare_in_cell(session: Session, options: Namespace, columns: Sequence[Namespace], text: str) -> CellJob:
    """Ask the models of a ``%%chat`` with several, and return the job of the cell.

    Raises
    ------
    ConfigurationError
        If anything is wrong. The conversation is then as it was.
    """
    for name in _ALONE:
        if getattr(options, name):
            raise ConfigurationError(f"--{name} goes with one model. Nothing was sent.")
    prepared = prepare_each(session, columns, text)
    say_what_goes(session, columns, prepared)
    reuses = options.reuse or session.settings.reuse
    with refused_when_sent() if reuses else nullcontext():  # earlier answers need no budget
        turn = ComparedTurn(Conversation(default_system()), uuid.uuid4().hex)
        if options.once or options.new:
            streams = _ask(turn, prepared)  # for --new: raises before the conversation is cleared
        if not options.once:
            turn, streams = _ask_in_conversation(session, columns, prepared, text)
    if reuses:
        streams = _kept_or_asked(session, prepared, turn, streams, fresh=options.fresh)
    named = [column_of(one.client, column.model) for one, column in zip(prepared, columns, strict=True)]
    shown = SideBySideOutput(named, streams, turn._replace(kept=_keeper(session, turn)))

    def result(_: ChatCompletion) -> Comparison:
        comparison = shown.show_at_end()
        if options.out is not None:
            session.variables[options.out] = comparison
        if (failure := shown.failure) is not None:
            session.failure = failure
            shorten_traceback(failure, *explain(failure, prepared[0].target))
            raise failure
        return comparison

    with never_left_behind(shown.stream):
        shown.begin()
    return CellJob(shown.stream, Target(""), result=result, interrupted=_CLOSED)


def _ask(turn: ComparedTurn, prepared: Sequence[Prepared]) -> list[ChatStream]:
    return turn.ask(prepared[0].message, [(one.client, one.asked) for one in prepared])


def _ask_in_conversation(
    session: Session, columns: Sequence[Namespace], prepared: Sequence[Prepared], text: str
) -> tuple[ComparedTurn, list[ChatStream]]:
    """Ask as the next turn of the conversation. Note for ``%chat --stale`` what the kept answer was asked with."""
    options, message, outputs = columns[0], prepared[0].message, session.outputs
    conversation, key = next_turn(session, options)
    show_prompt(options, conversation, key, message, prepared[0].client)
    say_what_is_not_sent(conversation, key)
    before, number = told(conversation.request_messages(key, system=options.system)), session.record.number

    def note(place: int, _answer: ChatCompletion | None = None) -> None:
        session.asked[key] = Asked(columns[place], text, message, before, streams[place].request_hash, number)

    turn = ComparedTurn(
        conversation,
        key,
        kept=note,
        put=partial(outputs.put, conversation, options.conversation, key),
        claim=partial(outputs.claim, conversation, key),
    )
    streams = _ask(turn, prepared)
    session.variables["_conversation"] = conversation
    session.forget_asked()
    note(0)
    return turn, streams


def _keeper(session: Session, turn: ComparedTurn) -> Callable[[int, ChatCompletion], None]:
    """Return what is called with the kept answer. It goes into ``_chat``, unless a later cell has put its own there."""
    ours: list[ChatCompletion] = []

    def kept(place: int, answer: ChatCompletion) -> None:
        turn.kept(place, answer)
        if not ours or any(session.variables.get("_chat") is one for one in ours):
            session.variables["_chat"] = answer
        ours.append(answer)

    return kept


def _kept_or_asked(
    session: Session, prepared: Sequence[Prepared], turn: ComparedTurn, streams: Sequence[ChatStream], *, fresh: bool
) -> list[ChatStream]:
    """Return a stream of the earlier answer for each column that has one. The same model twice has two answers."""
    counts: Counter[str | None] = Counter()
    kept: list[ChatStream] = []
    for one, stream in zip(prepared, streams, strict=True):
        counts[stream.request_hash] += 1
        number = counts[stream.request_hash]
        keeps = partial(keep, session.kept_answers, one.target, one.message, number=number)
        kept.append(kept_or_asked(session, stream, keeps, number, fresh=fresh))
    if kept[0] is not streams[0]:
        turn.conversation.follow(turn.key, kept[0])
    return kept
