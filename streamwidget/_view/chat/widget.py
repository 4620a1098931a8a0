"""ChatWidget: a conversation in the page, with a prompt box. What it does is in :mod:`streamwidget._view.chat.chat`."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from streamwidget._client.client import ChatClient
from streamwidget._conversation.conversation import Conversation
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message
from streamwidget._saved.conversation import conversation_html, conversation_text
from streamwidget._view import control, output
from streamwidget._view.bundle import LOADER, shared_bundle
from streamwidget._view.chat.chat import Chat
from streamwidget._view.chat.page import receive
from streamwidget._view.transcript import JSON


class ChatWidget(anywidget.AnyWidget):
    """A conversation in the page: its transcript, a prompt box, Stop, Retry, Edit, Clear, a choice of models, images.

    Parameters
    ----------
    model : str, optional
        Whom to ask first; the person may choose another. Default: the client's.
    system : str, optional
        The system prompt of a new conversation.
    client : ChatClient, optional
        Default: a new ``ChatClient()``, as the environment configures it.
    conversation : Conversation, optional
        One that goes on here, and may be shared with cells and other widgets. Default: a new one.

    Attributes
    ----------
    conversation : Conversation
        The history. ``widget.observe(f, "conversation")`` calls ``f`` whenever turns were added, ended or dropped.
    busy : bool
        True while an answer of this widget is written. Can be observed.
    model : str or None
        Whom the next prompt goes to. May be set, and observed.

    Raises
    ------
    ConfigurationError
        If both ``system`` and ``conversation`` are given, or no client can be made.

    Notes
    -----
    The widget stays live. A prompt that is typed while a cell runs is asked as soon as the kernel's event loop is free:
    at once beside a cell that awaits, after the cell otherwise; until then the page says so. Stop gets through beside
    a blocking cell too, on ipykernel 7.

    Examples
    --------
    >>> widget = ChatWidget(system="Be brief.")  # doctest: +SKIP
    >>> widget  # doctest: +SKIP
    >>> completion = await widget.send("Name a river.")  # doctest: +SKIP
    """

    _esm = LOADER
    bundle = traitlets.Unicode(read_only=True).tag(sync=True)
    # Never assigned: read from the conversation whenever the widget's state is asked for, so it cannot be stale.
    state = traitlets.Dict(read_only=True).tag(sync=True, to_json=lambda _value, widget: widget._chat.state())
    busy = traitlets.Bool(read_only=True)
    model = traitlets.Unicode(None, allow_none=True)
    conversation = traitlets.Instance(Conversation, read_only=True)

    def __init__(
        self,
        model: str | None = None,
        system: str | None = None,
        client: ChatClient | None = None,
        conversation: Conversation | None = None,
        **widget: Any,
    ) -> None:
        if conversation is not None and system is not None:
            raise ConfigurationError("A conversation has a system prompt of its own: set conversation.system instead.")
        conversation = Conversation(system) if conversation is None else conversation
        self._chat = Chat(conversation, ChatClient() if client is None else client, self._tell, self._reflect)
        self._displays: list[str] = []
        self._page_spoke = False
        self._freezing = False
        self.set_trait("conversation", conversation)
        self.set_trait("bundle", shared_bundle().model_id)
        super().__init__(**widget)
        self._unobserve = conversation.observe(self._notify)
        self.observe(lambda change: self._chat.set_model(change.new), "model")
        self.model = model
        self.on_msg(lambda _widget, content, _buffers: self._receive(content))
        control.register(self._chat.id, self._receive)

    # ---- for Python

    async def send(self, text: str, images: Sequence[Any] = ()) -> ChatCompletion:
        """Ask, as if it had been typed.

        Parameters
        ----------
        text : str
        images : sequence
            Paths, bytes, matplotlib figures, PIL images or addresses.

        Raises
        ------
        RuntimeError
            If an answer of the conversation is still being written; nothing is sent.
        ConfigurationError
            If there is nothing to send, or an image is none.
        StreamError
            On a failure; its ``.completion`` holds what arrived.
        """
        return await self._chat.ask(Message("user", text, tuple(images)), uuid.uuid4().hex[:16])

    def stop(self) -> None:
        """Stop the answer that is being written, here or elsewhere in the conversation; its text stays.

        From any thread, any number of times.
        """
        self._chat.stop()

    def freeze(self) -> None:
        """Leave the transcript as it is in the place of the live widget, and close it. A running answer is stopped.

        It reaches what was shown by itself: as a cell's result, or by ``display``. In a box or a tab there is nothing
        to put in its place, so it goes. Where the kernel ends or restarts, JupyterLab's and Notebook 7's page does the
        same by itself; other hosts do not let it.
        """
        if self.comm is None:
            return
        if self.busy:
            self._freezing = True
            self.stop()
            return
        bundle = {"text/html": conversation_html(self.conversation.turns), "text/plain": self._text()}
        # A page that was reloaded knows no display id: there the page itself puts it into the notebook.
        self._tell({"op": "saved", "view": self.model_id, "mimebundle": bundle})
        for display_id in self._displays:
            output.replace(display_id, bundle)
        self.close()

    def close(self) -> None:
        """Take the widget out of the page; an answer that is being written is stopped. The conversation stays."""
        if self.comm is None:
            return
        self._displays.clear()
        self._unobserve()
        self._chat.close()
        layout = self.layout
        super().close()
        layout.close()

    # ---- the border

    def set_state(self, sync_data: JSON) -> None:
        """Nothing: the page sets no trait, and what it tries to set is not echoed to other pages."""

    def _receive(self, content: Any) -> None:
        """Take a message of the page, which may be anything. May run on any thread."""
        self._page_spoke = True
        receive(self._chat, content)

    def _tell(self, message: JSON) -> None:
        if self.comm is not None:
            super().send(message)

    def _reflect(self) -> None:
        ended = self.busy and not self._chat.busy
        for name in ("model", "busy"):
            try:
                self.set_trait(name, getattr(self._chat, name))
            except Exception as exc:  # noqa: BLE001  (a person's observer may raise anything)
                warnings.warn(f"An observer of a chat's {name} raised {exc!r}.", RuntimeWarning, stacklevel=2)
        if ended and not self._page_spoke:
            self._renew()
        if self._freezing and not self._chat.busy:
            self._freezing = False
            self.freeze()

    def _renew(self) -> None:
        # Where no page ever spoke (nbclient, papermill), the file gets what there is. A page would draw it all anew.
        if self._displays and (made := self._repr_mimebundle_()):
            self.send_state("state")
            for display_id in self._displays:
                output.replace(display_id, made[0])

    def _notify(self) -> None:
        same = self.conversation
        self.notify_change(traitlets.Bunch(name="conversation", old=same, new=same, owner=self, type="change"))

    def _ipython_display_(self) -> None:
        # Not left to IPython, so that there is a display id, under which `freeze` can put something else.
        if made := self._repr_mimebundle_():
            self._displays.append(output.show(made[0]))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Show the widget, with the transcript as plain text for what can show no widget."""
        made = super()._repr_mimebundle_()
        return made and ({**made[0], "text/plain": self._text()}, made[1])

    def _text(self) -> str:
        return conversation_text(self.conversation.turns)
