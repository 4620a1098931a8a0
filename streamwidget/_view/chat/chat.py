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
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from streamwidget._client.client import ChatClient
from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Feedback, Turn, completions
from streamwidget._core.consent import Decision
from streamwidget._core.exceptions import StreamError
from streamwidget._core.loop import call_on, running_loop
from streamwidget._core.messages import Message
from streamwidget._core.misplaced import check_model, check_system
from streamwidget._core.stream import ChatStream
from streamwidget._core.surrogates import well_formed
from streamwidget._saved.notebook import conversation_notebook
from streamwidget._view import control, output
from streamwidget._view.audience import Audience
from streamwidget._view.chat.received import MAX_NAME, Refused, TypedPrompt
from streamwidget._view.chat.sent import SentChat
from streamwidget._view.chat.settings import Settings
from streamwidget._view.chat.setup import NotACommand, Setup
from streamwidget._view.chat.uploads import Uploads
from streamwidget._view.transcript import JSON

BUSY = "An answer is still being written: await it, or stop it first."
_MAX_MODELS = 2_000


class Chat:
    """One conversation in one widget.

    Parameters
    ----------
    conversation : Conversation
    settings : Settings
    send : callable
        Sends one message, a JSON object, to the pages.
    changed : callable
        Called when ``busy``, ``model`` or ``params`` changed.
    setup : Setup
        How the chat begins.
    window : int, optional
        The size of the model's context, in tokens.
    on_feedback : callable, optional
        Called with a turn after its rating in the page.
    stop_unseen : float, optional
        For the audience.
    wanted : mapping, optional
        The tools of each question and the type of its answer, as :meth:`Conversation.ask` takes them.

    Attributes
    ----------
    audience : Audience
        The pages of the widget. Its owner tells it of their messages.
    id : str
        The chat's name in the page.
    settings : Settings
    loop : AbstractEventLoop or None
        The conversation is changed on this loop.
    uploads : Uploads
        Files on their way from its pages.
    """

    def __init__(
        self,
        conversation: Conversation,
        settings: Settings,
        send: Callable[[JSON], None],
        changed: Callable[[], None],
        setup: Setup,
        *,
        window: int | None = None,
        on_feedback: Callable[[Turn], object] | None = None,
        stop_unseen: float | None = None,
        wanted: Mapping[str, Any] | None = None,
    ) -> None:
        self.audience = Audience(stop_unseen, lambda: send({"op": "ping"}))
        self.id = control.name_for_pages(uuid.uuid4().hex)
        self.settings = settings
        self.uploads = Uploads()
        self.loop: asyncio.AbstractEventLoop | None = running_loop()
        self._conversation = conversation
        self._send = send
        self._changed = changed
        self._setup = setup
        self._window = window
        self._windows: Mapping[str, int] = {}  # of the listed models
        self._on_feedback = on_feedback
        self._wanted = wanted or {}
        self._asked: str | None = None  # the last asked prompt of the page, by its name
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
            asked = {"model": self.settings.model, "branch": True, **self._wanted, **self.settings.params}
            stream = self._conversation.ask(prompt, self.settings.client, key=key, **asked)
            self._follow(key, stream)
        return stream

    def _follow(self, key: str, stream: ChatStream) -> None:
        if output.in_kernel():
            stream._run_apart()
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

    def confirm(self, key: str, decision: Decision, reason: str) -> None:
        """Let a tool run that waits for the person, or refuse it. From any thread."""
        if self.busy:
            self._sent.stream.confirm(key, decision, reason)

    def close(self) -> None:
        """Send nothing more, and stop this chat's stream. Streams of other owners go on."""
        self._unobserve()
        if self.busy:
            self.stop()
        self._sent.leave()
        self._changed()

    def state(self) -> JSON:
        """Return everything, for a page that has nothing."""
        return {"id": self.id, "setup": self._setup.for_page(), **self._sent.state()}

    def _facts(self) -> JSON:
        model = self.settings.asked_model
        settings = {**self.settings.shown(), "system": self._conversation.system or ""}
        undo, redo = self._conversation.steps
        return {
            "model": model and well_formed(model),
            "needs_model": self.settings.needs_model,
            "settings": {name: well_formed(value) for name, value in settings.items()},
            "trimmed": self._conversation.trimmed(),
            "tokens": self._tokens(),
            "undo": undo,
            "redo": redo,
            "asked": self._asked,
        }

    # ---- settings

    def set_model(self, model: str | None) -> None:
        """Ask this model from now on."""
        check_model(model)
        if model != self.settings.model:
            self.settings.model = model
            self._changed()
            call_on(self.loop, self._sent.send_changes)

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Send these fields with requests from now on."""
        if params != self.settings.params:
            self.settings.params = dict(params)
            self._changed()
            call_on(self.loop, self._sent.send_changes)

    def set(self, name: str, value: str) -> None:
        """Change a setting, as a person typed it.

        Raises
        ------
        Refused
            If it is not a number of its kind.
        """
        if name == "system":
            check_system(value)
            self._conversation.system = value.strip() or None
            self._sent.send_changes()
        else:
            self.set_params(self.settings.params_with(name, value))

    # ---- figures

    def _tokens(self) -> JSON:
        """Return the tokens of all requests and answers, and how much of the context the last one filled."""
        counts = [answer.usage for answer in completions(self._conversation.turns) if answer.usage is not None]
        prompt = sum(usage.prompt_tokens or 0 for usage in counts)
        answer = sum(usage.completion_tokens or 0 for usage in counts)
        last = counts[-1] if counts else None
        context = (last.prompt_tokens or 0) + (last.completion_tokens or 0) if last and last.prompt_tokens else 0
        cost = self._conversation.cost
        return {
            "prompt": prompt,
            "answer": answer,
            "context": context,
            "window": self._context_window,
            "cost": "" if cost.amount is None else str(cost),
        }

    @property
    def _context_window(self) -> int:
        """How many tokens the model can hold. 0 if nobody has said so."""
        return self._window or self._windows.get(self.settings.asked_model or "", 0)

    def _find(self, key: str | None) -> Turn | None:
        return next((turn for turn in self._conversation.turns if turn.key == key), None)

    # ---- what a page may ask for, on the chat's loop

    def ask_typed(self, typed: TypedPrompt) -> None:
        """Ask a prompt from the page. An edited prompt takes the place of the old one, which becomes a branch.

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
        try:
            text = self._setup.expand(typed.text)
        except NotACommand as exc:
            raise Refused(str(exc)) from exc
        if text is None:
            self._asked = typed.name
            self._sent.send_changes()
            return
        prompt = Message("user", text, attachments=typed.files_with(edited.user.attachments if edited else ()))
        thumbnails = typed.thumbnails_with(self._sent.thumbnails(edited.user) if edited else [])
        with self._sent.step():
            self.ask(prompt, key)
            self._sent.keep_thumbnails(prompt, thumbnails)
            self._asked = typed.name

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

    def drop(self, key: str) -> None:
        """Remove one turn."""
        self._conversation.drop(key)

    def undo(self) -> None:
        """Take back the last step of the conversation. RuntimeError if an answer is being written."""
        self._check_idle()
        self._conversation.undo()

    def redo(self) -> None:
        """Take an undone step again. RuntimeError if an answer is being written."""
        self._check_idle()
        self._conversation.redo()

    def show_branch(self, key: str, branch: int) -> None:
        """Show another branch of a turn. RuntimeError if an answer is being written."""
        self._check_idle()
        if (turn := self._find(key)) is not None and 0 <= branch <= len(turn.branches):
            self._conversation.show_branch(key, branch)

    def _check_idle(self) -> None:
        if self._conversation.streaming():
            raise RuntimeError(BUSY)

    def rate(self, key: str, feedback: Feedback | None) -> None:
        """Note what a person thinks of an answer, where the chat asks for that."""
        if self._on_feedback is None or self._find(key) is None:
            return
        self._conversation.rate(key, feedback)
        if (turn := self._find(key)) is not None:
            try:
                self._on_feedback(turn)
            except Exception as exc:  # noqa: BLE001  (a person's function may raise anything)
                warnings.warn(f"on_feedback raised {exc!r}.", RuntimeWarning, stacklevel=2)
                self.refuse(
                    None, f"on_feedback failed with {type(exc).__name__}: {exc}. The conversation has your rating."
                )

    def send_transcript(self, form: str) -> None:
        """Send the conversation as a file: ``markdown``, ``json`` or ``notebook``."""
        conversation = self._conversation
        match form:
            case "markdown":
                text, name, kind = conversation.to_markdown(), "conversation.md", "text/markdown"
            case "json":
                text, name, kind = conversation.to_json(), "conversation.json", "application/json"
            case "notebook":
                text, name, kind = conversation_notebook(conversation.turns), "conversation.ipynb", "application/json"
            case _:
                return
        self._send({"op": "transcript", "format": form, "text": well_formed(text), "name": name, "type": kind})

    def refuse(self, name: str | None, why: str) -> None:
        """Tell the page that something was not done, and why.

        Parameters
        ----------
        name : str or None
            The page's name of the refused prompt. None: it is not about a prompt.
        why : str
            One sentence or two.
        """
        wants_model = name is not None and self.settings.needs_model
        self._send({"op": "refused", "asked": name, "why": well_formed(why), "model": wants_model})

    def send_missing(self, rev: Any, pending: Any) -> None:
        """Bring a page up to date.

        Parameters
        ----------
        rev
            The page's revision.
        pending
            The name of a sent prompt. If it never arrived, it is refused.
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
            names = [name for name in await self._list_models() if len(name) <= MAX_NAME]
        except (StreamError, ValueError) as exc:
            self._send({"op": "models", "names": [], "why": str(exc)})
        else:
            self._send({"op": "models", "names": names[:_MAX_MODELS], "why": None})
            if self._windows:
                self._sent.send_changes()

    async def _list_models(self) -> list[str]:
        client = self.settings.client
        if not isinstance(client, ChatClient):
            return await client.models()
        listing = client.list_models()
        await listing.stream
        self._windows = listing.windows
        return listing.names
