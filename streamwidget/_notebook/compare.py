"""``await compare(prompt, [client, answer])`` and ``%%chat -m a -m b``: several models beside each other.

The streams and the rule for the one that is kept are in :mod:`streamwidget._many.side_by_side`. Here are the cell's
output, the choice of the person in the page, and the turn of the conversation.
"""

from __future__ import annotations

import asyncio
import uuid
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from streamwidget._client.client import ChatClient
from streamwidget._client.config import default_system
from streamwidget._client.spending import refused_when_sent
from streamwidget._client.urls import host_of
from streamwidget._conversation.conversation import Conversation, check_conversation
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import Finish
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.loop import running_loop
from streamwidget._core.messages import Message, Prompt
from streamwidget._core.stream import ChatStream
from streamwidget._many.side_by_side import Column, SideBySide, Vote, can_go_on, choose
from streamwidget._notebook import display
from streamwidget._notebook.advice import Target, explain
from streamwidget._notebook.cell_output import CellOutput, current_cell, show
from streamwidget._notebook.cell_run import CellJob, never_left_behind
from streamwidget._notebook.request import (
    Prepared,
    next_turn,
    prepare_each,
    say_what_goes,
    say_what_is_not_sent,
    show_prompt,
)
from streamwidget._notebook.reuse import Asked, keep, kept_or_asked, told
from streamwidget._notebook.session import Session
from streamwidget._notebook.short_traceback import shorten_traceback
from streamwidget._saved.side_by_side import COMPARED, comparison_mimebundle, table, title
from streamwidget._sources.models import CallableModel, as_model
from streamwidget._sources.sdk_model import SDKModel
from streamwidget._view.output import is_captured

if TYPE_CHECKING:
    from streamwidget._view.page_tools import PageTools

_MOST = 20  # comparisons in which a person can still choose
#: Options that go with one model only.
_ALONE = ("bg", "fix", "keep", "receipt", "timeline", "tools", "wire")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answers of several models to one question. A notebook shows the figures, and the answers side by side.

    Attributes
    ----------
    answers : tuple of ChatCompletion
        In the order of the models. ``outcome`` says how each ended.
    columns : tuple of Column
        Who was asked: the ``name`` of each model, and its ``host``.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> from streamwidget.demo import DemoServer
    >>> with DemoServer() as server:
    ...     models = [sw.ChatClient(server.url, model=name) for name in ("demo", "demo-401")]
    ...     comparison = asyncio.run(sw.compare("count to 3", models))
    >>> [answer.outcome for answer in comparison.answers]
    ['complete', 'http_error']
    >>> comparison.kept is comparison.answers[0]
    True
    """

    answers: tuple[ChatCompletion, ...]
    columns: tuple[Column, ...]
    _vote: Vote = field(default_factory=Vote, repr=False, compare=False)
    _cell: int | None = field(default=None, repr=False, compare=False)

    @property
    def kept(self) -> ChatCompletion | None:
        """The answer that is kept: the one that the person chose last, or else the first complete one.

        If none is complete, it is the first one that was stopped or cut. None if all have failed.
        """
        return None if self._vote.kept is None else self.answers[self._vote.kept]

    def __str__(self) -> str:
        return table(self.columns, self.answers, self._vote)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return comparison_mimebundle(self.columns, self.answers, self._vote)

    def _ipython_display_(self) -> None:
        """Show it, except in the cell that made it: it is shown there already."""
        if self._cell is None or self._cell != current_cell():
            show(self._repr_mimebundle_())


async def compare(
    prompt: Prompt, models: Sequence[Any], *, conversation: Conversation | None = None, **params: Any
) -> Comparison:
    """Ask several models one question at one moment, and show the answers side by side while they come.

    In a notebook each answer has a Stop button. One that fails or is stopped does not stop the others. At the end each
    has "Keep this one", until a later question is asked. If nobody chooses, the first complete answer is kept.

    Parameters
    ----------
    prompt : str or list of dict
        As for :meth:`ChatClient.stream`. With ``conversation`` it is a text or a :class:`Message`.
    models : sequence of ChatClient, callable or an SDK's client
        What to ask, as for :class:`ChatWidget`: a callable such as ``answer(messages)`` returns what :func:`show`
        takes. The same one twice gives two answers.
    conversation : Conversation, optional
        The question is its next turn, with the turns before it. The kept answer is the turn's answer. ``_conversation``
        is the notebook's. Default: the question is asked alone.
    **params
        Fields of each request. A callable gets those that it takes.

    Returns
    -------
    Comparison
        All answers, also those that failed. ``kept`` is the one that goes on.

    Raises
    ------
    ConfigurationError
        If ``models`` is empty, one of them cannot answer, or the prompt cannot be sent. Nothing was sent then.

    Examples
    --------
    In a notebook, write ``await sw.compare(...)``. In a script, run it:

    >>> import asyncio
    >>> import streamwidget as sw
    >>> def short(messages):
    ...     return "The Elbe."
    >>> talk = sw.Conversation()
    >>> comparison = asyncio.run(sw.compare("Name a river.", [sw.ChatClient(), short], conversation=talk))
    >>> [answer.outcome for answer in comparison.answers]
    ['complete', 'complete']
    >>> comparison.kept == comparison.answers[0], talk.turns[0].answer.text == comparison.kept.text
    (True, True)
    """
    try:
        asked = _with_params(models, params)
    finally:
        del params  # people pass a key here, and a traceback shows variables
    columns = [_column(model) for model, _ in asked]
    if conversation is None:
        streams = [model.request(prompt, None, fields, stream=True) for model, fields in asked]
        turn = None
    else:
        check_conversation(conversation)
        if not isinstance(prompt, str | Message):
            raise ConfigurationError("With conversation= the prompt is a text or a Message. Nothing was sent.")
        message = prompt if isinstance(prompt, Message) else Message("user", prompt)
        turn = Turns(conversation, uuid.uuid4().hex)
        streams = turn.ask(message, asked)
    shown = _SideBySide(columns, streams, turn)
    shown.begin()
    try:
        await shown.stream
    except asyncio.CancelledError as exc:
        kept = sum(len(stream.completion.text) for stream in streams)
        shorten_traceback(exc, f"Interrupted: all {len(streams)} streams are closed. {kept} characters had come.")
        raise
    return shown.comparison


def _with_params(
    models: Sequence[Any], params: dict[str, Any]
) -> list[tuple[ChatClient | CallableModel | SDKModel, dict[str, Any]]]:
    if isinstance(models, str) or not isinstance(models, Sequence) or not models:
        raise ConfigurationError("compare() takes a list of what to ask: [client, answer]. Nothing was sent.")
    return [
        (model, {name: value for name, value in params.items() if model.takes(name)})
        if isinstance(model, CallableModel)
        else (model, params)
        for model in map(as_model, models)
    ]


def _column(model: ChatClient | CallableModel | SDKModel, name: str | None = None) -> Column:
    if not isinstance(model, ChatClient):
        return Column(f"{name} by {model.name}" if name else model.name, "")
    return Column(
        name or model.model or "", model._settings.place if model.base_url is None else host_of(model.base_url)
    )


class Turns(NamedTuple):
    """The turn of a conversation that several streams answer. The one that is kept is its answer."""

    conversation: Conversation
    key: str
    kept: Callable[[int, ChatCompletion], None] = lambda _place, _answer: None
    put: display.PutSaved = display.put_alone
    claim: Callable[[], None] = lambda: None

    def ask(self, message: Message, asked: Sequence[tuple[Any, dict[str, Any]]]) -> list[ChatStream]:
        """Add the question, and make the streams. If one cannot be made, the conversation does not change."""
        (client, fields), *others = asked
        rest = [self.conversation._stream_of(message, other, self.key, **given) for other, given in others]
        return [self.conversation.ask(message, client, key=self.key, **fields), *rest]

    def keep(self, streams: Sequence[ChatStream], place: int) -> bool:
        """Take the answer of another stream. False, and nothing changes, if the turn is not the last one any more."""
        turns = self.conversation.turns
        is_ours = any(self.conversation.is_from(self.key, stream) for stream in streams)
        if not turns or turns[-1].key != self.key or not is_ours:
            return False
        self.claim()  # the output is drawn once: with the choice
        self.conversation.follow(self.key, streams[place])
        return True


class _SideBySide:
    """A comparison in the cell that runs: live views, then the saved table, and the person's choice.

    Attributes
    ----------
    stream : ChatStream
        Ends when all have ended. To stop it stops all of them.
    """

    def __init__(self, columns: Sequence[Column], streams: Sequence[ChatStream], turn: Turns | None) -> None:
        self._columns = tuple(columns)
        self._turn = turn
        self._work = SideBySide(streams)
        self._output = CellOutput()
        self._name = uuid.uuid4().hex
        self._answers: tuple[ChatCompletion, ...] = ()
        self.stream = ChatStream(self._work)

    @property
    def comparison(self) -> Comparison:
        """The result, after the end."""
        return Comparison(self._answers, self._columns, self._work.vote, self._output.cell)

    def show_at_end(self) -> Comparison:
        """Return the result. A terminal and a console show it now, because no output was filled there."""
        comparison = self.comparison
        if self._output.cell is None:
            show(comparison._repr_mimebundle_())
        return comparison

    def begin(self) -> None:
        """Start all streams, if an event loop runs, and show them."""
        if running_loop() is not None:
            self.stream.start()
        shell = display.current_shell()
        view = None
        if shell is not None and display.shows_widgets(shell):
            from streamwidget._view.side_by_side import SideBySideView

            titles = [title(place, column) for place, column in enumerate(self._columns)]
            view = SideBySideView(self._work.streams, titles, COMPARED)
            self._output.put(view.mimebundle())
        captured = shell is not None and is_captured(display.execution_id(shell))

        def end(events: list[Any]) -> None:
            if not isinstance(events[-1], Finish):
                return
            self._answers = self._work.answers
            self._work.vote.kept = choose(self._answers)
            self._keep(self._work.vote.kept or 0)
            if view is not None and not captured:  # no page replaces what an Output has captured
                self._offer()
                view.replaced_by(self._put())
            elif view is None:
                self._put()

        self.stream.subscribe(end)

    def _keep(self, place: int) -> bool:
        """Make an answer the turn's. False if the turn is not the last one any more."""
        if self._turn is not None and not self._turn.keep(self._work.streams, place):
            return False
        if self._turn is not None:
            self._turn.kept(place, self._answers[place])
        return True

    def _put(self) -> dict[str, Any]:
        """Put what is saved into its place, and return it."""
        put = display.put_alone if self._turn is None else self._turn.put
        return put(dict(self._mimebundle()), self._output.put)

    def _mimebundle(self) -> dict[str, str]:
        return comparison_mimebundle(self._columns, self._answers, self._work.vote, self._name)

    # ---- the person's choice

    def _offer(self) -> None:
        """Let the page offer "Keep this one" at each answer that can go on."""
        from streamwidget._view import control

        control.register(self._name, self._hear)
        _offered[self._name] = self
        while len(_offered) > _MOST:
            del _offered[next(iter(_offered))]
        votes = {name: [can_go_on(answer) for answer in one._answers] for name, one in _offered.items()}
        _page().set_trait("votes", votes)

    def _hear(self, message: Any) -> None:
        """Take a message of the page. May run on any thread."""
        match message:
            case {"op": "keep", "place": int(place)} if 0 <= place < len(self._answers):
                self._work.streams[place].call(lambda: self._choose(place))

    def _choose(self, place: int) -> None:
        vote = self._work.vote
        if not can_go_on(self._answers[place]):
            return
        vote.late = not self._keep(place)
        if not vote.late:
            vote.kept, vote.by_person = place, True
        # A page that was reloaded does not know the output's display id.
        _page().send({"chosen": f"streamwidget-compared-{self._name}-", "data": self._put()})


_offered: dict[str, _SideBySide] = {}  # the oldest first. The page has them all


def _page() -> PageTools:
    from streamwidget._view.page_tools import bring_tools

    return bring_tools()


# ---- %%chat


def _kept_or_asked(
    session: Session, prepared: Sequence[Prepared], turn: Turns, streams: Sequence[ChatStream], *, fresh: bool
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
    message = prepared[0].message
    asked = [(one.client, one.asked) for one in prepared]
    say_what_goes(session, columns, prepared)
    reuses = options.reuse or session.settings.reuse
    may_be_kept = refused_when_sent if reuses else nullcontext  # earlier answers need no budget
    alone = Turns(Conversation(default_system()), uuid.uuid4().hex)
    with may_be_kept():
        streams = alone.ask(message, asked) if options.once or options.new else []  # raises before --new clears
    turn = alone
    if not options.once:
        conversation, key = next_turn(session, options)
        show_prompt(options, conversation, key, message, asked[0][0])
        say_what_is_not_sent(conversation, key)
        before = told(conversation.request_messages(key, system=options.system))
        outputs = session.outputs
        turn = Turns(
            conversation,
            key,
            put=partial(outputs.put, conversation, options.conversation, key),
            claim=partial(outputs.claim, conversation, key),
        )
        with may_be_kept():
            streams = turn.ask(message, asked)
        session.variables["_conversation"] = conversation
        session.forget_asked()

        def note(place: int) -> None:
            asked_with = (columns[place], text, message, before, streams[place].request_hash)
            session.asked[key] = Asked(*asked_with, session.record.number)

        note(0)
    if reuses:
        streams = _kept_or_asked(session, prepared, turn, streams, fresh=options.fresh)
    ours: list[ChatCompletion] = []

    def kept(place: int, answer: ChatCompletion) -> None:
        if not options.once:
            note(place)
        if not ours or any(session.variables.get("_chat") is one for one in ours):
            session.variables["_chat"] = answer
        ours.append(answer)

    named = [_column(one.client, column.model) for one, column in zip(prepared, columns, strict=True)]
    shown = _SideBySide(named, streams, turn._replace(kept=kept))

    def result(_: ChatCompletion) -> Comparison:
        comparison = shown.show_at_end()
        if options.out is not None:
            session.variables[options.out] = comparison
        if (failure := shown._work.failure) is not None:
            session.failure = failure
            shorten_traceback(failure, *explain(failure, prepared[0].target))
            raise failure
        return comparison

    with never_left_behind(shown.stream):
        shown.begin()
    closed = "all streams are closed. What came of the kept answer is in _chat."
    return CellJob(shown.stream, Target(""), result=result, interrupted=closed)
