"""The answers of several models beside each other in a cell: live views, then a table, and the person's choice.

The streams and the rule for the kept one are in :mod:`streamwidget._many.side_by_side`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from streamwidget._client.client import ChatClient
from streamwidget._client.urls import host_of
from streamwidget._conversation.asking import answer_stream
from streamwidget._conversation.conversation import Conversation
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import StreamError
from streamwidget._core.loop import running_loop
from streamwidget._core.messages import Message
from streamwidget._core.stream import ChatStream
from streamwidget._core.subscribers import at_end
from streamwidget._many.side_by_side import Column, SideBySide, can_go_on, choose
from streamwidget._notebook import front_end
from streamwidget._notebook.cell_output import CellOutput, show
from streamwidget._notebook.comparison import Comparison
from streamwidget._notebook.live_then_static import PutSaved, put_alone
from streamwidget._saved.side_by_side import COMPARED, comparison_mimebundle, title
from streamwidget._sources.models import Model

if TYPE_CHECKING:
    from streamwidget._view.page_tools import PageTools

_MOST = 20  # comparisons with "Keep this one"


def column_of(model: Model, name: str | None = None) -> Column:
    """Return the column of a model. ``name`` is the one on the line of the cell."""
    if not isinstance(model, ChatClient):
        return Column(f"{name} by {model.name}" if name else model.name, "")
    return Column(
        name or model.model or "", model._settings.place if model.base_url is None else host_of(model.base_url)
    )


class ComparedTurn(NamedTuple):
    """The turn of a conversation that several streams answer. The one that is kept is its answer."""

    conversation: Conversation
    key: str
    kept: Callable[[int, ChatCompletion], None] = lambda _place, _answer: None
    put: PutSaved = put_alone
    claim: Callable[[], None] = lambda: None

    def ask(self, message: Message, asked: Sequence[tuple[Any, dict[str, Any]]]) -> list[ChatStream]:
        """Add the question, and make the streams. If one cannot be made, the conversation does not change."""
        (client, fields), *others = asked
        rest = [answer_stream(self.conversation, message, other, self.key, **given) for other, given in others]
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


class SideBySideOutput:
    """A comparison in the cell that runs: live views, then the saved table, and the person's choice.

    Attributes
    ----------
    stream : ChatStream
        Ends when all have ended. To stop it stops all of them.
    """

    def __init__(self, columns: Sequence[Column], streams: Sequence[ChatStream], turn: ComparedTurn | None) -> None:
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

    @property
    def failure(self) -> StreamError | None:
        """What the first model's stream raised, if all have failed."""
        return self._work.failure

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
        shell = front_end.current_shell()
        view = None
        if front_end.shows_widgets(shell):
            from streamwidget._view.side_by_side import SideBySideView

            titles = [title(place, column) for place, column in enumerate(self._columns)]
            view = SideBySideView(self._work.streams, titles, COMPARED)
            self._output.put(view.mimebundle())
        captured = front_end.is_captured(shell)

        def end() -> None:
            self._answers = self._work.answers
            self._work.vote.kept = choose(self._answers)
            self._keep(self._work.vote.kept or 0)
            if view is not None and not captured:  # no page replaces the outputs in an Output
                self._offer()
                view.replaced_by(self._put())
            elif view is None:
                self._put()

        self.stream.subscribe(at_end(end))

    def _keep(self, place: int) -> bool:
        """Make an answer the turn's. False if the turn is not the last one any more."""
        if self._turn is not None and not self._turn.keep(self._work.streams, place):
            return False
        if self._turn is not None:
            self._turn.kept(place, self._answers[place])
        return True

    def _put(self) -> dict[str, Any]:
        """Put what is saved into its place, and return it."""
        put = put_alone if self._turn is None else self._turn.put
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
        # A reloaded page does not know the output's display id.
        _page().send({"chosen": f"streamwidget-compared-{self._name}-", "data": self._put()})


_offered: dict[str, SideBySideOutput] = {}  # the oldest first. The page has them all


def _page() -> PageTools:
    from streamwidget._view.page_tools import bring_tools

    return bring_tools()
