"""What a chat widget does: ask, stop, ask again, and keep its pages told. The widget itself is its border.

Rules
-----
- One answer of a conversation at a time, whoever asked for it: who asks while one is written is refused, in words, and
  nothing of the question is lost.
- The conversation is changed on one loop only. What the page says may come on any thread.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from streamwidget._client.client import ChatClient
from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Turn
from streamwidget._core.exceptions import StreamError
from streamwidget._core.loop import running_loop
from streamwidget._core.messages import Message
from streamwidget._core.stream import ChatStream
from streamwidget._core.surrogates import well_formed
from streamwidget._view.chat.page import Ask, Refused
from streamwidget._view.chat.told import Told
from streamwidget._view.transcript import JSON

BUSY = "An answer is still being written: await it, or stop it first."
_LONGEST_NAME = 200  # characters of a model's name
_MOST_MODELS = 2_000


class Chat:
    """One conversation, as one widget goes on with it.

    Parameters
    ----------
    conversation : Conversation
    client : ChatClient
    tell : callable
        Sends one message, a JSON object, to the pages.
    changed : callable
        Called when ``busy`` or ``model`` changed.

    Attributes
    ----------
    id : str
        Names the chat in the page.
    model : str or None
        Whom to ask; None leaves it to the client.
    """

    def __init__(
        self,
        conversation: Conversation,
        client: ChatClient,
        tell: Callable[[JSON], None],
        changed: Callable[[], None],
    ) -> None:
        self.id = uuid.uuid4().hex
        self.model: str | None = None
        self._conversation = conversation
        self._client = client
        self._tell = tell
        self._changed = changed
        self._asked: str | None = None  # what the page calls the last prompt of its that was taken
        self._told = Told(conversation, tell, self._facts, changed)
        self._loop = running_loop()
        self._unobserve = conversation.observe(self._noted)

    @property
    def busy(self) -> bool:
        """True while an answer of this chat is written."""
        return self._told.live

    # ---- asking

    def ask(self, prompt: Message, key: str) -> ChatStream:
        """Ask, and start the stream.

        Raises
        ------
        RuntimeError
            If an answer of the conversation is still being written, or no event loop runs here.
        ConfigurationError
            If nothing can be sent.
        """
        if self._conversation.streaming():
            raise RuntimeError(BUSY)
        self._loop = running_loop()
        if self._loop is None:
            raise RuntimeError("No event loop runs here, so nothing can be asked.")
        with self._told.step():
            stream = self._conversation.ask(prompt, self._client, key=key, model=self.model)
            self._follow(key, stream)
        return stream

    def _follow(self, key: str, stream: ChatStream) -> None:
        self._told.follow(key, stream)
        stream.start()  # before anybody is told who may raise
        self._changed()

    def stop(self, stream: str | None = None) -> None:
        """Stop the answer that is being written; its text stays. From any thread, any number of times.

        Parameters
        ----------
        stream : str, optional
            Only if it comes from the stream of this id: a page's word may come late. Or the key of a turn, as which a
            page knows what streams elsewhere. Default: this chat's, else whatever streams in the conversation.
        """
        if self.busy and stream in (None, self._told.stream.id):
            self._told.stream.cancel()
        elif stream is not None:
            self._conversation.cancel(stream)
        else:
            for turn in self._conversation.streaming():
                self._conversation.cancel(turn.key)

    def close(self) -> None:
        """Tell no more; what streams is stopped."""
        self._unobserve()
        if self.busy:
            self.stop()  # of others nothing
        self._told.leave()
        self._changed()

    def set_model(self, model: str | None) -> None:
        """Ask this one from now on."""
        if model != self.model:
            self.model = model
            self._changed()
            self.call(self._told.tell_news)

    def call(self, function: Callable[[], None]) -> None:
        """Call a function on the loop: at once where that runs here or never will, else soon."""
        loop = self._loop
        if loop is None or loop.is_closed() or running_loop() is loop:
            function()
        else:
            loop.call_soon_threadsafe(function)

    # ---- to the page

    def state(self) -> JSON:
        """Return everything, for a page that knows nothing."""
        return {"id": self.id, **self._told.state()}

    def _facts(self) -> JSON:
        model = self.model or self._client.model
        return {
            "model": model and well_formed(model),
            "trimmed": self._conversation.trimmed(),
            "asked": self._asked,
        }

    def _noted(self) -> None:
        if not self._told.in_step:
            self.call(self._told.tell_news)

    def _find(self, key: str | None) -> Turn | None:
        return next((turn for turn in self._conversation.turns if turn.key == key), None)

    # ---- what a page may ask for

    def ask_typed(self, asked: Ask) -> None:
        """Ask what was typed; in place of an edited prompt, with which all after it goes.

        Raises
        ------
        Refused, RuntimeError, ConfigurationError
            If it cannot be asked; the conversation is as it was.
        """
        if asked.name == self._asked:
            return  # it came twice
        edited = self._find(asked.replaces)
        if asked.replaces and edited is None:
            raise Refused("The prompt that was edited is gone. Send this one as a new prompt.")
        key = asked.replaces or asked.name
        prompt = Message("user", asked.text, asked.images_with(edited.user.images if edited else ()))
        with self._told.step():
            self.ask(prompt, key)
            self._told.keep_thumbnails(key, asked.thumbnails_with)
            self._drop_after(key)
            self._asked = asked.name

    def _drop_after(self, key: str) -> None:
        keys = [turn.key for turn in self._conversation.turns]
        for after in keys[keys.index(key) + 1 :][:1]:
            self._conversation.drop(after, and_after=True)

    def ask_again(self, key: str, *, go_on: bool) -> None:
        """Ask the last prompt again, or for the rest of its answer. Another turn than the last: nothing.

        Raises
        ------
        Refused, RuntimeError, ConfigurationError
            If it cannot be asked.
        """
        turns = self._conversation.turns
        if not turns or turns[-1].key != key:
            return
        if not go_on:
            self.ask(turns[-1].user, key)
            return
        if self._conversation.streaming():
            raise RuntimeError(BUSY)
        if key != self._told.key:
            raise Refused("This answer cannot go on, since its request is gone. Retry asks again.")
        if not self._conversation.is_from(key, self._told.stream):
            raise Refused("This answer cannot go on here: it was asked again elsewhere. Retry asks again.")
        stream = self._told.stream.again(go_on=True)
        with self._told.step():
            self._conversation.follow(key, stream)
            self._follow(key, stream)

    def include(self, key: str, *, sent: bool) -> None:
        """Send a turn with later requests, or leave it out."""
        if self._find(key) is not None:
            self._conversation.include(key, sent)

    def clear(self) -> None:
        """Take all turns out."""
        self._conversation.clear()

    def refuse(self, asked: str | None, why: str) -> None:
        """Tell the page that a prompt was not taken."""
        self._tell({"op": "refused", "asked": asked, "why": well_formed(why)})

    def sync(self, rev: Any, pending: Any = None) -> None:
        """Tell all to a page that knows another revision, and that a prompt which it waits for never came."""
        self._told.sync(rev)
        if isinstance(pending, str) and pending != self._asked and self._find(pending) is None:
            self.refuse(pending, "Not sent: the prompt was lost on its way. Send it again.")

    def sync_answer(self, key: str) -> None:
        """Tell all of one answer."""
        if (turn := self._find(key)) is not None:
            self._told.sync_answer(turn)

    def list_models(self) -> None:
        """Ask the server for its models, and tell their names."""
        if (loop := running_loop()) is not None:
            self._listing = loop.create_task(self._tell_models())  # kept, or it might be collected before its end

    async def _tell_models(self) -> None:
        try:
            names = [name for name in await self._client.models() if len(name) <= _LONGEST_NAME]
        except (StreamError, ValueError) as exc:
            self._tell({"op": "models", "names": [], "why": str(exc)})
        else:
            self._tell({"op": "models", "names": names[:_MOST_MODELS], "why": None})
