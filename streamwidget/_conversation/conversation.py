"""A conversation: its turns in order, and the part of them that the next request carries.

Rules
-----
- One owner: only :class:`Conversation` changes the history. It returns snapshots.
- The history is always true. It has the answer before its first delta, and every answer gets its outcome.
- Nothing is left out silently. ``Turn.sent`` shows it, and :meth:`Conversation.trimmed` counts the turns over a limit.
- A request that cannot be made changes nothing.
- What a person edits, asks again, deletes or clears can be brought back: as a branch, and by undo.
"""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

from streamwidget._conversation.asking import answer_stream
from streamwidget._conversation.history import Entry, History, cancel
from streamwidget._conversation.turn import Feedback, Turn, completions, newest, settled, with_branches
from streamwidget._core.cost import Cost, total
from streamwidget._core.counted import counted
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message
from streamwidget._core.misplaced import check_system
from streamwidget._core.secrets import shows_no_variables
from streamwidget._core.subscribers import at_end

if TYPE_CHECKING:
    from streamwidget._core.stream import ChatStream


class Conversation:
    """The turns of a conversation. Each request carries the turns before it.

    Any thread may read it. Call :meth:`ask` in the thread whose loop runs the streams.

    Parameters
    ----------
    system : str, optional
        The system prompt.
    max_turns : int, optional
        A request carries at most so many earlier turns, the newest. Default: all.
    max_tokens : int, optional
        A request carries earlier turns of about so many tokens in total, the newest, and only whole turns. This is an
        estimate without the model's tokenizer: 4 bytes of text are one token, any other file is 1,000. Default: all.

    Attributes
    ----------
    system, max_turns, max_tokens
        You may change them. The next request uses the new values.

    Examples
    --------
    >>> import streamwidget as sw
    >>> client = sw.ChatClient()
    >>> conversation = sw.Conversation(system="Be brief.")
    >>> conversation.ask("Name a river.", client).wait().outcome
    'complete'
    >>> conversation.ask("And its source?", client).wait().outcome
    'complete'
    >>> [turn.user.text for turn in conversation.turns]
    ['Name a river.', 'And its source?']
    """

    @shows_no_variables
    def __init__(
        self, system: str | None = None, *, max_turns: int | None = None, max_tokens: int | None = None
    ) -> None:
        check_system(system)
        self.system = system
        self.max_turns = max_turns
        self.max_tokens = max_tokens
        self._history = History()
        self._observers: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<Conversation: {counted(len(self), 'turn')}>"

    def __len__(self) -> int:
        return len(self._history)

    def __getstate__(self) -> dict[str, Any]:
        # Streams and observers belong to this process. A copy has the turns, and an answer that still streams is cut.
        state = {name: value for name, value in vars(self).items() if name not in ("_history", "_observers")}
        return state | {"_turns": tuple(map(settled, self.turns))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._history = History()
        self._history.replace_all(state.pop("_turns"))
        self._observers = []
        vars(self).update(state)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns, with their answers so far."""
        return self._history.turns()

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages: the system prompt, then questions and answers so far, also those that are not sent."""
        messages = [message for turn in self.turns for message in (turn.user, turn.answer) if message is not None]
        return (*([Message("system", self.system)] if self.system else []), *messages)

    @property
    def cost(self) -> Cost:
        """What its answers cost, also those in other branches. The cost of a conversation from a file is in the file.

        An answer that was deleted, or replaced without a branch, does not count.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> str(conversation.cost)
        '$0'
        >>> completion = conversation.ask("Name a river.", sw.ChatClient()).wait()
        >>> str(conversation.cost)  # the demo server has no price
        'unknown'
        """
        return total(completion.cost for completion in completions(with_branches(self.turns)))

    def streaming(self, before: str | None = None) -> tuple[Turn, ...]:
        """Return the turns whose answer still streams.

        Parameters
        ----------
        before : str, optional
            The key of a turn. Only earlier turns are returned. Default: all.

        Returns
        -------
        tuple of Turn
            In order.
        """
        return tuple(turn for turn in self._history.turns(before) if turn.streams)

    # ---- requests

    def request_messages(self, before: str | None = None, *, system: str | None = None) -> list[Message]:
        """Return the history that a new request carries, without its own question.

        Parameters
        ----------
        before : str, optional
            The key of a turn that is asked again. Only earlier turns are returned. Default: all turns.
        system : str, optional
            The system prompt of this request only. An empty one sends none. Default: the conversation's.

        Returns
        -------
        list of Message
            The system prompt, then questions and answers.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation(system="Be brief.")
        >>> [message.role for message in conversation.request_messages()]
        ['system']
        """
        kept, _ = self._within_limits(before)
        history = [message for turn in kept for message in turn.to_messages()]
        system = self.system if system is None else system
        return [*([Message("system", system)] if system else []), *history]

    def trimmed(self, before: str | None = None) -> int:
        """Return how many turns ``max_turns`` and ``max_tokens`` leave out of a request.

        Parameters
        ----------
        before : str, optional
            The key of a turn that is asked again. Only earlier turns are counted. Default: all turns.

        Returns
        -------
        int
            Turns that the rule of :attr:`Turn.sent` leaves out do not count.
        """
        return self._within_limits(before)[1]

    def _within_limits(self, before: str | None) -> tuple[list[Turn], int]:
        sent = [turn for turn in self._history.turns(before) if turn.sent]
        kept = newest(sent, self.max_turns, self.max_tokens)
        return kept, len(sent) - len(kept)

    # ---- asking

    @shows_no_variables
    def ask(
        self,
        prompt: str | Message,
        client: Any,
        *,
        key: str | None = None,
        model: str | None = None,
        system: str | None = None,
        stream: bool = True,
        branch: bool = False,
        attachments: Sequence[Any] = (),
        as_: Any = None,
        retries: int = 0,
        tools: Sequence[Any] | None = None,
        confirm: Literal["ask", "never"] = "ask",
        max_steps: int = 10,
        **params: Any,
    ) -> ChatStream:
        """Add a question to the conversation, and make the stream of its answer. The stream does not start yet.

        Parameters
        ----------
        prompt : str or Message
            The question.
        client : ChatClient, callable or an SDK's client
            What to ask. A callable such as ``answer(messages)`` takes a list of dicts with ``role`` and ``content``,
            and returns the answer's text or anything that :func:`~streamwidget.show` takes. The client of the openai or
            anthropic SDK is asked with ``stream=True``.
        key : str, optional
            The turn's name. If there is a turn of this name, the new one replaces it in its position. The old stream is
            cancelled, and the request carries only the turns before it. Default: a new turn at the end.
        model : str, optional
            Default: the client's. An SDK's client has none.
        system : str, optional
            The system prompt of this request only. An empty one sends none. Default: the conversation's.
        stream : bool, default True
            False asks for one whole reply.
        branch : bool, default False
            If there is a turn of this name, keep it as a branch, with all turns after it. An answer without a word is
            not kept. See :meth:`show_branch`.
        attachments : sequence, optional
            Files that go with the question: what :meth:`Attachment.of` accepts.
        as_ : type or dict, optional
            What the answer is to be, as for :meth:`ChatClient.stream`. A callable is asked for it in words.
        retries : int, default 0
            How many times to ask again if it is not that. Only for a ChatClient.
        tools, confirm, max_steps
            As for :meth:`ChatClient.stream`. A callable or an SDK's client gets ``tools`` as you pass them, because it
            runs them itself.
        **params
            Fields of the request, as in :meth:`ChatClient.stream`. A callable gets those that it takes.

        Returns
        -------
        ChatStream
            Await it, or call its ``wait()``.

        Raises
        ------
        ConfigurationError
            If the prompt is empty or cannot be sent, ``client`` cannot answer, or a file cannot be read or sent. The
            conversation does not change.
        TypeError
            If a callable does not take one of ``params``.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> conversation.ask("Name three rivers.", sw.ChatClient()).wait().outcome
        'complete'
        >>> conversation.ask("And now?", lambda messages: f"This is message {len(messages)}.").wait().text
        'This is message 3.'
        """
        user = prompt if isinstance(prompt, Message) else Message("user", prompt)
        if user.role != "user":
            raise ConfigurationError(f"A question needs a message of role user, not {user.role}.")
        if attachments:
            user = replace(user, attachments=(*user.attachments, *attachments))
        if not user.text.strip() and not user.attachments:
            raise ConfigurationError("The prompt is empty. Nothing was sent.")
        key = key or uuid.uuid4().hex
        answer = answer_stream(
            *(self, user, client, key),
            model=model,
            system=system,
            stream=stream,
            as_=as_,
            retries=retries,
            tools=tools,
            confirm=confirm,
            max_steps=max_steps,
            **params,
        )
        entry = Entry(Turn(key, user, asked_at=time.time()), answer)
        turns = self.turns
        old = next((turn for turn in turns if turn.key == key), None)
        self._history.record("prompt" if old is None else "retry" if old.user == user else "edit")
        is_worth = old is not None and (old.has_content or old.user != user or old is not turns[-1])
        self._follow(entry, (self._history.put_branch if branch and is_worth else self._history.put)(entry))
        return answer

    def reserve(self, key: str, after: Sequence[str]) -> None:
        """Reserve a position for a turn that is not asked yet.

        Parameters
        ----------
        key : str
            The turn's name.
        after : sequence of str
            Names of turns. The position is after the last of them. If none of them has a position, nothing happens.
        """
        self._history.reserve(key, after)

    def arrange(self, rank: Callable[[str], int | None], slot: str | None = None) -> None:
        """Put turns into another order.

        Parameters
        ----------
        rank : callable
            Takes a turn's key. Returns its place among the others with a place, or None. A turn without a place stays
            where it is.
        slot : str, optional
            The key of a turn that is not asked yet. A position is reserved for it too.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> for key in ("b", "x", "a"):
        ...     completion = conversation.ask(f"Question {key}", sw.ChatClient(), key=key).wait()
        >>> conversation.arrange({"a": 1, "b": 2}.get)
        >>> [turn.key for turn in conversation.turns]
        ['a', 'x', 'b']
        """
        if self._history.arrange(rank, slot):
            self._notify()

    def follow(self, key: str, stream: ChatStream) -> None:
        """Replace the answer of a turn by another stream, for example after Retry or Continue.

        Parameters
        ----------
        key : str
            The turn's name.
        stream : ChatStream
            The new stream. The old one is cancelled.

        Raises
        ------
        KeyError
            If no turn has this name.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> stream = conversation.ask("Name three rivers.", sw.ChatClient(), key="rivers", max_tokens=3)
        >>> stream.wait().outcome
        'length'
        >>> rest = stream.again(go_on=True)
        >>> conversation.follow("rivers", rest)
        >>> conversation.is_from("rivers", rest)
        True
        """
        entry = Entry(self._history.turn(key), stream)
        self._follow(entry, self._history.put(entry))

    def is_from(self, key: str, stream: ChatStream) -> bool:
        """Return whether a turn's answer comes from a stream.

        Parameters
        ----------
        key : str
            The turn's name.
        stream : ChatStream
            A stream, running or ended.

        Returns
        -------
        bool
            False if the turn was asked again or dropped.
        """
        return self._history.source(key) == stream.id

    def cancel(self, key: str) -> None:
        """Stop the answer of a turn. Its text is kept. Any thread may call this.

        Parameters
        ----------
        key : str
            The turn's name. If its answer does not stream, nothing happens.
        """
        if (stream := self._history.stream(key)) is not None:
            stream.cancel()

    def _follow(self, entry: Entry, gone: list[Entry]) -> None:
        cancel(gone)
        if entry.stream is not None and entry.stream.over:
            self._history.settle(entry)
        elif entry.stream is not None:
            entry.stream.subscribe(at_end(lambda: self._ended(entry)))
        self._notify()

    def _ended(self, entry: Entry) -> None:
        self._history.settle(entry)
        self._notify()

    # ---- changing

    def include(self, key: str, sent: bool | None) -> None:
        """Choose whether later requests carry a turn.

        Parameters
        ----------
        key : str
            The turn's name.
        sent : bool or None
            None returns to the rule of :attr:`Turn.sent`.

        Raises
        ------
        KeyError
            If no turn has this name.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> completion = conversation.ask("Name three rivers.", sw.ChatClient(), key="rivers").wait()
        >>> conversation.include("rivers", sent=False)
        >>> conversation.turns[0].sent
        False
        """
        self._history.choose(key, sent)
        self._notify()

    def rate(self, key: str, feedback: Feedback | None) -> None:
        """Note what a person thinks of an answer. Files keep it.

        Parameters
        ----------
        key : str
            The turn's name.
        feedback : str or None
            ``"up"``, ``"down"``, or None for no opinion.

        Raises
        ------
        KeyError
            If no turn has this name.
        ConfigurationError
            If ``feedback`` is something else.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> completion = conversation.ask("Name three rivers.", sw.ChatClient(), key="rivers").wait()
        >>> conversation.rate("rivers", "up")
        >>> conversation.turns[0].feedback
        'up'
        """
        if feedback not in ("up", "down", None):
            raise ConfigurationError(f"The feedback on an answer is 'up', 'down' or None, not {feedback!r}.")
        self._history.rate(key, feedback)
        self._notify()

    def show_branch(self, key: str, branch: int) -> None:
        """Go to another branch of a turn. The present one, with the turns after it, is kept. Its stream is cancelled.

        Parameters
        ----------
        key : str
            The turn's name.
        branch : int
            The number of the branch. The oldest is 0.

        Raises
        ------
        KeyError
            If no turn has this name.
        IndexError
            If it has no such branch.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> for prompt in ("Name a river.", "Name a lake."):
        ...     completion = conversation.ask(prompt, sw.ChatClient(), key="first", branch=True).wait()
        >>> conversation.show_branch("first", 0)
        >>> conversation.turns[0].user.text
        'Name a river.'
        """
        cancel(self._history.show_branch(key, branch))
        self._notify()

    @property
    def steps(self) -> tuple[str | None, str | None]:
        """The names of the steps that :meth:`undo` and :meth:`redo` would take, such as ``"clear"``, or None."""
        return self._history.steps()

    def undo(self) -> None:
        """Take back the last step: a prompt, an edit, a retry, a deletion, or that all was cleared.

        Answers come back with their text. Nothing is asked again. If there is nothing to undo, nothing happens.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> completion = conversation.ask("Name three rivers.", sw.ChatClient()).wait()
        >>> conversation.clear()
        >>> conversation.steps
        ('clear', None)
        >>> conversation.undo()
        >>> len(conversation)
        1
        """
        cancel(self._history.undo())
        self._notify()

    def redo(self) -> None:
        """Take the last step again that was undone. If there is none, nothing happens.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> completion = conversation.ask("Name three rivers.", sw.ChatClient()).wait()
        >>> conversation.undo()
        >>> conversation.redo()
        >>> len(conversation)
        1
        """
        cancel(self._history.redo())
        self._notify()

    def drop(self, key: str, *, and_after: bool = False) -> None:
        """Remove a turn. Its stream is cancelled.

        If you ask again with the same key, the turn comes back in its old position.

        Parameters
        ----------
        key : str
            The turn's name. If no turn has it, nothing happens.
        and_after : bool, default False
            Remove all later turns too.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> completion = conversation.ask("Name three rivers.", sw.ChatClient(), key="rivers").wait()
        >>> conversation.drop("rivers")
        >>> len(conversation)
        0
        """
        if any(turn.key == key for turn in self.turns):
            self._history.record("delete")
            cancel(self._history.drop(key, and_after=and_after))
            self._notify()

    def clear(self) -> None:
        """Remove all turns. Their streams are cancelled. The system prompt stays."""
        if self.turns:
            self._history.record("clear")
        cancel(self._history.clear())
        self._notify()

    # ---- observing

    def observe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback()`` after each change: a turn was added, ended, chosen or dropped. Not for each delta.

        Parameters
        ----------
        callback : callable
            Takes no argument. It runs in the thread that makes the change.

        Returns
        -------
        callable
            Call it to end this.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> end = conversation.observe(lambda: print(len(conversation), "turns"))
        >>> stream = conversation.ask("Name three rivers.", sw.ChatClient())
        1 turns
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

    # ---- files

    def to_json(self) -> str:
        """Return the whole conversation as JSON, with its files. A streaming answer is written as cut.

        Returns
        -------
        str
            :meth:`from_json` and :meth:`load` read it.
        """
        from streamwidget._conversation.file import to_json

        return to_json(self.system, self.turns)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Make a conversation from the text that :meth:`to_json` returned.

        Parameters
        ----------
        text : str
            JSON.

        Returns
        -------
        Conversation
            Without limits. They are not in the text.

        Raises
        ------
        ConfigurationError
            If the text is not a conversation.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation(system="Be brief.")
        >>> sw.Conversation.from_json(conversation.to_json()).system
        'Be brief.'
        """
        made = cls()
        made.load(text)
        return made

    def load(self, text: str) -> None:
        """Replace the turns and the system prompt by those in a text of :meth:`to_json`. Old streams are cancelled.

        Parameters
        ----------
        text : str
            JSON.

        Raises
        ------
        ConfigurationError
            If the text is not a conversation. The conversation does not change then.

        Examples
        --------
        >>> import streamwidget as sw
        >>> conversation = sw.Conversation()
        >>> conversation.load(sw.Conversation(system="Be brief.").to_json())
        >>> conversation.system
        'Be brief.'
        """
        from streamwidget._conversation.file import from_json

        self.system, turns = from_json(text)
        cancel(self._history.replace_all(turns))
        self._notify()

    def to_markdown(self) -> str:
        """Return the conversation as Markdown for people.

        Returns
        -------
        str
            Each message has a heading. Endings other than ``complete`` are named.

        Examples
        --------
        >>> import streamwidget as sw
        >>> print(sw.Conversation(system="Be brief.").to_markdown())
        ## System
        <BLANKLINE>
        Be brief.
        <BLANKLINE>
        """
        from streamwidget._conversation.file import to_markdown

        return to_markdown(self.system, self.turns)


def check_conversation(value: object) -> None:
    """Raise ConfigurationError if somebody gave another thing in place of a conversation.

    Examples
    --------
    >>> check_conversation(Conversation())
    """
    if not isinstance(value, Conversation):
        raise ConfigurationError(f"conversation= takes a Conversation, not {type(value).__name__}. Nothing was sent.")
