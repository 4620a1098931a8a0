"""What a chat widget does: ask, stop, ask again, and keep its pages up to date. The widget itself is its border.

Rules
-----
- A conversation has one answer at a time. While one is written, another question is refused with a reason, and none of
  its text is lost.
- The conversation is changed on one loop only. The page's messages may arrive on any thread.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Turn
from streamwidget._core.exceptions import StreamError
from streamwidget._core.loop import call_on, running_loop
from streamwidget._core.messages import Message
from streamwidget._core.stream import ChatStream
from streamwidget._core.surrogates import well_formed
from streamwidget._sources.models import Model
from streamwidget._view.audience import Audience
from streamwidget._view.chat.received import MAX_NAME, Refused, TypedPrompt
from streamwidget._view.chat.sent import SentChat
from streamwidget._view.chat.uploads import Uploads
from streamwidget._view.transcript import JSON

BUSY = "An answer is still being written: await it, or stop it first."
_MAX_MODELS = 2_000


class Chat:
    """One conversation in one widget.

    Parameters
    ----------
    conversation : Conversation
    client : Model
    send : callable
        Sends one message, a JSON object, to the pages.
    changed : callable
        Called when ``busy`` or ``model`` changed.
    stop_unseen : float, optional
        For the audience.

    Attributes
    ----------
    audience : Audience
        The pages of the widget. Its owner tells it of their messages.
    id : str
        The chat's name in the page.
    model : str or None
        The model for the next question. None leaves it to the client.
    loop : AbstractEventLoop or None
        The conversation is changed on this loop.
    uploads : Uploads
        Files that its pages are sending.
    """

    def __init__(
        self,
        conversation: Conversation,
        client: Model,
        send: Callable[[JSON], None],
        changed: Callable[[], None],
        stop_unseen: float | None = None,
    ) -> None:
        self.audience = Audience(stop_unseen, lambda: send({"op": "ping"}))
        self.id = uuid.uuid4().hex
        self.model: str | None = None
        self.uploads = Uploads()
        self.loop: asyncio.AbstractEventLoop | None = running_loop()
        self._conversation = conversation
        self._client = client
        self._send = send
        self._changed = changed
        self._asked: str | None = None  # the name of the last prompt that the page sent and the chat asked
        self._sent = SentChat(conversation, send, self._facts, changed)
        self._unobserve = conversation.observe(lambda: call_on(self.loop, self._sent.send_changes))

    @property
    def busy(self) -> bool:
        """True while an answer of this chat is written."""
        return self._sent.live

    # ---- asking

    def ask(self, prompt: Message, key: str) -> ChatStream:
        """Ask, and start the stream.

        Raises
        ------
        RuntimeError
            If an answer of the conversation is still being written, or no event loop runs here.
        ConfigurationError
            If the request cannot be made. Example: no model is chosen.
        """
        if self._conversation.streaming():
            raise RuntimeError(BUSY)
        self.loop = running_loop()
        if self.loop is None:
            raise RuntimeError("No event loop runs here, so nothing can be asked.")
        with self._sent.step():
            stream = self._conversation.ask(prompt, self._client, key=key, model=self.model)
            self._follow(key, stream)
        return stream

    def _follow(self, key: str, stream: ChatStream) -> None:
        self._sent.follow(key, stream)
        stream.start()  # first, because an observer of the change may raise
        self.audience.follow(stream)
        self._changed()

    def stop(self, stream: str | None = None) -> None:
        """Stop the answer that is being written. Its text stays. From any thread, any number of times.

        Parameters
        ----------
        stream : str, optional
            Stop only the stream of this id, because a page's Stop may come late. It may also be the key of a turn: the
            page knows a stream of another owner by its turn. Default: this chat's stream. If there is none, every
            stream of the conversation.
        """
        if self.busy and stream in (None, self._sent.stream.id):
            self._sent.stream.cancel()
        elif stream is not None:
            self._conversation.cancel(stream)
        else:
            for turn in self._conversation.streaming():
                self._conversation.cancel(turn.key)

    def close(self) -> None:
        """Send nothing more, and stop this chat's stream. Streams of other owners go on."""
        self._unobserve()
        if self.busy:
            self.stop()
        self._sent.leave()
        self._changed()

    def set_model(self, model: str | None) -> None:
        """Ask this model from now on."""
        if model != self.model:
            self.model = model
            self._changed()
            call_on(self.loop, self._sent.send_changes)

    def state(self) -> JSON:
        """Return everything, for a page that has nothing."""
        return {"id": self.id, **self._sent.state()}

    def _facts(self) -> JSON:
        model = self.model or self._client.model
        return {
            "model": model and well_formed(model),
            "trimmed": self._conversation.trimmed(),
            "asked": self._asked,
        }

    def _find(self, key: str | None) -> Turn | None:
        return next((turn for turn in self._conversation.turns if turn.key == key), None)

    # ---- what a page may ask for, on the chat's loop

    def ask_typed(self, typed: TypedPrompt) -> None:
        """Ask a prompt from the page. An edited prompt takes the place of the old one and of all turns after it.

        Raises
        ------
        Refused, RuntimeError, ConfigurationError
            If it cannot be asked. The conversation is unchanged.
        """
        if typed.name == self._asked:
            return  # the message came twice
        edited = self._find(typed.replaces)
        if typed.replaces and edited is None:
            raise Refused("The prompt that was edited is gone. Send this one as a new prompt.")
        key = typed.replaces or typed.name
        prompt = Message("user", typed.text, attachments=typed.files_with(edited.user.attachments if edited else ()))
        with self._sent.step():
            self.ask(prompt, key)
            self._sent.keep_thumbnails(key, typed.thumbnails_with(self._sent.thumbnails(key)))
            self._drop_after(key)
            self._asked = typed.name

    def _drop_after(self, key: str) -> None:
        keys = [turn.key for turn in self._conversation.turns]
        for after in keys[keys.index(key) + 1 :][:1]:
            self._conversation.drop(after, and_after=True)

    def ask_again(self, key: str, *, go_on: bool) -> None:
        """Ask the last prompt again, or continue its answer. Any turn but the last is ignored.

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
        if key != self._sent.key:
            raise Refused("This answer cannot go on, since its request is gone. Retry asks again.")
        if not self._conversation.is_from(key, self._sent.stream):
            raise Refused("This answer cannot go on here: it was asked again elsewhere. Retry asks again.")
        stream = self._sent.stream.again(go_on=True)
        with self._sent.step():
            self._conversation.follow(key, stream)
            self._follow(key, stream)

    def include(self, key: str, *, sent: bool) -> None:
        """Send a turn with later requests, or hide it from the model."""
        if self._find(key) is not None:
            self._conversation.include(key, sent)

    def clear(self) -> None:
        """Remove all turns."""
        self._conversation.clear()

    def refuse(self, name: str | None, why: str) -> None:
        """Tell the page that its prompt was not asked, and why."""
        self._send({"op": "refused", "asked": name, "why": well_formed(why)})

    def send_missing(self, rev: Any, pending: Any) -> None:
        """Bring a page up to date.

        Parameters
        ----------
        rev
            The revision that the page has.
        pending
            The name of a prompt that the page has sent. If it never arrived, it is refused.
        """
        self._sent.send_missing(rev)
        if isinstance(pending, str) and pending != self._asked and self._find(pending) is None:
            self.refuse(pending, "Not sent: the prompt was lost on its way. Send it again.")

    def send_answer(self, key: str) -> None:
        """Send the whole answer of one turn."""
        if (turn := self._find(key)) is not None:
            self._sent.send_answer(turn)

    def list_models(self) -> None:
        """Ask the server for its models, and send their names to the page."""
        if (loop := running_loop()) is not None:
            self._listing = loop.create_task(self._send_models())  # kept, or it might be collected before its end

    async def _send_models(self) -> None:
        try:
            names = [name for name in await self._client.models() if len(name) <= MAX_NAME]
        except (StreamError, ValueError) as exc:
            self._send({"op": "models", "names": [], "why": str(exc)})
        else:
            self._send({"op": "models", "names": names[:_MAX_MODELS], "why": None})
