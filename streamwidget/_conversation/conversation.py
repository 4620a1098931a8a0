"""A conversation: its turns in order, and what of them goes out with the next request.

Rules
-----
- One owner: only :class:`Conversation` changes the history. What it hands out are values of one moment.
- History never lies: the answer is in it before its first delta, and ends with its outcome in every case.
- Nothing is left out silently: ``Turn.sent`` says it, and :meth:`Conversation.trimmed` counts what a limit leaves out.
- A request that cannot be made changes nothing.
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from streamwidget._conversation.history import Entry, History, cancel
from streamwidget._conversation.turn import Turn, newest
from streamwidget._core.events import Finish, StreamEvent
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message

if TYPE_CHECKING:
    from streamwidget._client.client import ChatClient
    from streamwidget._core.stream import ChatStream


class Conversation:
    """The turns of a conversation. Any thread may read it; ask where the streams are to run.

    Parameters
    ----------
    system : str, optional
        The system prompt.
    max_turns : int, optional
        At most so many earlier turns go out with a request, the newest. Default: all.
    max_tokens : int, optional
        At most about so many tokens of earlier turns go out, in whole turns, the newest. Counted without the model's
        tokenizer: 4 bytes of text are one token, an image is 1,000. Default: all.

    Attributes
    ----------
    system, max_turns, max_tokens
        May be changed; the next request heeds them.

    Examples
    --------
    >>> conversation = Conversation(system="Be brief.")  # doctest: +SKIP
    >>> await conversation.ask("Name a river.", client)  # doctest: +SKIP
    >>> await conversation.ask("And its source?", client)  # doctest: +SKIP
    """

    def __init__(
        self, system: str | None = None, *, max_turns: int | None = None, max_tokens: int | None = None
    ) -> None:
        self.system = system
        self.max_turns = max_turns
        self.max_tokens = max_tokens
        self._history = History()
        self._observers: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        count = len(self)
        return f"<Conversation: {count} turn{'' if count == 1 else 's'}>"

    def __len__(self) -> int:
        return len(self._history)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns at this moment."""
        return self._history.turns()

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages at this moment: the system prompt, then questions and answers, whether they are sent or not."""
        said = [message for turn in self.turns for message in (turn.user, turn.answer) if message is not None]
        return (*([Message("system", self.system)] if self.system else []), *said)

    def streaming(self, before: str | None = None) -> tuple[Turn, ...]:
        """Return the turns whose answer is still written; with ``before`` only those before the turn of this name."""
        return tuple(turn for turn in self._history.turns(before) if turn.streams)

    # ---- what goes out

    def request_messages(self, before: str | None = None, *, system: str | None = None) -> list[Message]:
        """Return the history that a new request carries, without its own question.

        Parameters
        ----------
        before : str, optional
            The key of a turn that is asked anew: what comes before it. Default, and where there is none: all.
        system : str, optional
            The system prompt of this request alone; an empty one sends none. Default: the conversation's.
        """
        kept, _ = self._within_limits(before)
        history = [message for turn in kept for message in turn.to_messages()]
        system = self.system if system is None else system
        return [*([Message("system", system)] if system else []), *history]

    def trimmed(self, before: str | None = None) -> int:
        """Return how many turns that would be sent are left out by ``max_turns`` or ``max_tokens``."""
        return self._within_limits(before)[1]

    def _within_limits(self, before: str | None) -> tuple[list[Turn], int]:
        sent = [turn for turn in self._history.turns(before) if turn.sent]
        kept = newest(sent, self.max_turns, self.max_tokens)
        return kept, len(sent) - len(kept)

    # ---- asking

    def ask(
        self,
        prompt: str | Message,
        client: ChatClient,
        *,
        key: str | None = None,
        model: str | None = None,
        system: str | None = None,
        stream: bool = True,
        **params: Any,
    ) -> ChatStream:
        """Put a question into the conversation, and make the stream of its answer. Nothing is sent before it starts.

        Parameters
        ----------
        prompt : str or Message
        client : ChatClient
        key : str, optional
            Names the turn. Where there is one of this name it is replaced, in its place: what it streams is cancelled,
            and only what stands before it goes out. Default: a new turn at the end.
        model : str, optional
            Default: the client's.
        system : str, optional
            The system prompt of this request alone; an empty one sends none. Default: the conversation's.
        stream : bool, default True
            False asks for one whole reply.
        **params
            Fields of the request, as :meth:`ChatClient.stream` takes them.

        Raises
        ------
        ConfigurationError
            If nothing can be sent; the conversation is as it was.
        """
        user = prompt if isinstance(prompt, Message) else Message("user", prompt)
        if user.role != "user":
            raise ConfigurationError(f"A question is a message of role user, not {user.role}.")
        if not user.text.strip() and not user.images:
            raise ConfigurationError("The prompt is empty; nothing was sent.")
        key = key or uuid.uuid4().hex
        messages = [*self.request_messages(key, system=system), user]
        answer = client.request(messages, model, params, stream=stream)
        self._put(Turn(key, user), answer)
        return answer

    def reserve(self, key: str, after: Sequence[str]) -> None:
        """Give a turn that is still to be asked a place: behind the last of these that has one, else none."""
        self._history.reserve(key, after)

    def follow(self, key: str, stream: ChatStream) -> None:
        """Let a turn's answer come from another stream: one that was asked again, or goes on where it was cut.

        Raises
        ------
        KeyError
            If there is no turn of this name.
        """
        self._put(self._history.turn(key), stream)

    def is_from(self, key: str, stream: ChatStream) -> bool:
        """True where a turn's answer comes from this stream; False where it was asked again, or is gone."""
        return self._history.source(key) == stream.id

    def cancel(self, key: str) -> None:
        """Stop the answer of a turn; its text stays. From any thread. Nothing is streamed there: nothing."""
        if (stream := self._history.stream(key)) is not None:
            stream.cancel()

    def _put(self, turn: Turn, stream: ChatStream) -> None:
        entry = Entry(turn, stream)
        cancel(self._history.put(entry))
        stream.subscribe(lambda events: self._ended(entry, events))
        self._notify()

    def _ended(self, entry: Entry, events: list[StreamEvent]) -> None:
        if isinstance(events[-1], Finish):
            self._history.settle(entry)
            self._notify()

    # ---- changing

    def include(self, key: str, sent: bool | None) -> None:
        """Say whether a turn goes out with later requests; None returns to the rule of :attr:`Turn.sent`.

        Raises
        ------
        KeyError
            If there is no turn of this name.
        """
        self._history.choose(key, sent)
        self._notify()

    def drop(self, key: str, *, and_after: bool = False) -> None:
        """Take a turn out, with ``and_after`` those after it too; what they stream is cancelled. No such turn: nothing.

        If a turn of this name is asked again, it comes back to its place.
        """
        gone = self._history.drop(key, and_after=and_after)
        if gone:
            cancel(gone)
            self._notify()

    def clear(self) -> None:
        """Take all turns out; what still streams is cancelled. The system prompt stays."""
        cancel(self._history.replace_all(()))
        self._notify()

    # ---- telling

    def observe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback()`` when turns were added, ended, chosen or dropped (not for each delta), on that thread.

        Returns
        -------
        callable
            Ends this.
        """
        self._observers.append(callback)

        def remove() -> None:
            if callback in self._observers:
                self._observers.remove(callback)

        return remove

    def _notify(self) -> None:
        for callback in tuple(self._observers):
            try:
                callback()
            except Exception as exc:  # noqa: BLE001  (a person's callback may raise anything)
                warnings.warn(f"An observer of a conversation raised {exc!r}.", RuntimeWarning, stacklevel=2)

    # ---- keeping

    def to_json(self) -> str:
        """Return all of it as JSON, images too. An answer that still streams is written as cut."""
        from streamwidget._conversation.file import to_json

        return to_json(self.system, self.turns)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Make the conversation that :meth:`to_json` wrote; ConfigurationError if the text is something else."""
        made = cls()
        made.load(text)
        return made

    def load(self, text: str) -> None:
        """Take what :meth:`to_json` wrote in place of its own turns and system prompt; what streams is cancelled.

        Raises
        ------
        ConfigurationError
            If the text is something else; the conversation is as it was.
        """
        from streamwidget._conversation.file import from_json

        self.system, turns = from_json(text)
        cancel(self._history.replace_all(turns))
        self._notify()

    def to_markdown(self) -> str:
        """Return it as Markdown to read: each message under its heading, each ending that is not ``complete`` named."""
        from streamwidget._conversation.file import to_markdown

        return to_markdown(self.system, self.turns)
