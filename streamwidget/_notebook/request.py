"""A ``%chat`` with a prompt, from its options and its text to a turn of the conversation, and the stream of its answer.

All of it is checked first (:mod:`streamwidget._notebook.prepared`). Before that nothing is changed and nothing is sent.
"""

from __future__ import annotations

import uuid
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any, NamedTuple

from streamwidget._client.config import default_system
from streamwidget._client.spending import refused_when_sent
from streamwidget._conversation.conversation import Conversation
from streamwidget._core.stream import ChatStream
from streamwidget._notebook.advice import Target
from streamwidget._notebook.disclosure import say_what_goes, say_what_is_not_sent, show_prompt
from streamwidget._notebook.prepared import prepare
from streamwidget._notebook.resume import offer
from streamwidget._notebook.reuse import Asked, keep, kept_or_asked, told
from streamwidget._notebook.session import Session
from streamwidget._notebook.turn_outputs import Put, TurnOutputs


class NewTurn(NamedTuple):
    """A question that was asked: the stream of its answer, and its turn. With ``--once`` there is no turn.

    Attributes
    ----------
    stream : ChatStream
    target : Target
    conversation : Conversation or None
    key : str
        The turn's name in the conversation.
    keep : callable
        Keeps the answer of a stream for another run.
    outputs : TurnOutputs or None
        Keeps the turn beside its saved answer.
    name : str
        The name of the conversation.
    """

    stream: ChatStream
    target: Target
    conversation: Conversation | None = None
    key: str = ""
    keep: Callable[[ChatStream], None] = lambda _: None
    outputs: TurnOutputs | None = None
    name: str = ""

    def put(self, saved: dict[str, Any], put: Put) -> dict[str, Any]:
        """Put the saved answer into its place, with the turn. Return the whole mimebundle."""
        if self.conversation is None or self.outputs is None:
            put(saved)
            return saved
        return self.outputs.put(self.conversation, self.name, self.key, saved, put)

    def follow(self, stream: ChatStream) -> None:
        """Take the answer from another stream: Retry or Continue made it. Nothing if the turn is gone."""
        if stream.request_hash == self.stream.request_hash:
            self.keep(stream)
        if self.conversation is not None and self.outputs is not None:
            self.outputs.claim(self.conversation, self.key)
            with suppress(KeyError):
                self.conversation.follow(self.key, stream)


def ask(session: Session, options: Namespace, text: str) -> NewTurn:
    """Put the question into its conversation and make the stream of the answer. It is not started.

    Raises
    ------
    ConfigurationError
        If anything is wrong. The conversation is then as it was.
    """
    prepared = prepare(session, options, text)
    message, client, target, asked, *_ = prepared
    say_what_goes(session, [options], [prepared])
    reuses = options.reuse or session.settings.reuse
    may_be_kept = refused_when_sent if reuses else nullcontext  # an earlier answer needs no budget
    keeps = partial(keep, session.kept_answers, target, message) if reuses else lambda _: None
    if options.once or options.new:
        alone = Conversation(default_system())
        with may_be_kept():
            stream = alone.ask(message, client, **asked)  # for --new: raises before the conversation is cleared
        if options.once:
            show_prompt(options, alone, "", message, client)
            found = kept_or_asked(session, stream, keeps, fresh=options.fresh) if reuses else stream
            return NewTurn(found, target, keep=keeps)
    conversation, key = next_turn(session, options)
    show_prompt(options, conversation, key, message, client)
    say_what_is_not_sent(conversation, key)
    before = told(conversation.request_messages(key, system=options.system))
    with may_be_kept():
        stream = conversation.ask(message, client, key=key, **asked)
    session.variables["_conversation"] = conversation
    session.forget_asked()
    session.asked[key] = Asked(options, text, message, before, stream.request_hash, session.record.number)
    if reuses and (kept := kept_or_asked(session, stream, keeps, fresh=options.fresh)) is not stream:
        conversation.follow(key, kept)
        stream = kept
    return NewTurn(stream, target, conversation, key, keeps, session.outputs, options.conversation)


def next_turn(session: Session, options: Namespace) -> tuple[Conversation, str]:
    """Return the conversation of the options and the key of its next turn. ``--new`` clears it."""
    conversation = session.conversation(options.conversation)
    if options.new:
        conversation.clear()
    elif not (options.conversation or len(conversation)):
        offer(session)
    key = session.cells.next_key(conversation) or uuid.uuid4().hex
    session.outputs.claim(conversation, key)
    return conversation, key
