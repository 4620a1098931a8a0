"""ChatWidget: a conversation in the page, with a prompt box. :mod:`streamwidget._view.chat.chat` has its logic."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import anywidget
import traitlets

from streamwidget._client.client import ChatClient
from streamwidget._client.config import default_system
from streamwidget._conversation.conversation import Conversation, check_conversation
from streamwidget._conversation.turn import Turn
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message
from streamwidget._core.misplaced import check_model
from streamwidget._core.secrets import shows_no_variables
from streamwidget._core.tools import toolbox
from streamwidget._core.values import value_type
from streamwidget._saved.conversation import conversation_bundles, conversation_html, conversation_text
from streamwidget._sources.models import as_model
from streamwidget._view import control, output
from streamwidget._view.arguments import refuse_unknown
from streamwidget._view.bundle import LOADER, shared_bundle
from streamwidget._view.chat.chat import Chat
from streamwidget._view.chat.received import receive
from streamwidget._view.chat.settings import Settings
from streamwidget._view.chat.setup import Command, Setup
from streamwidget._view.size import set_size
from streamwidget._view.transcript import JSON

_NOT_PARAMS = {
    "prompt",
    "client",
    "key",
    "model",
    "system",
    "stream",
    "branch",
    "attachments",
    "messages",
    "as_",
    "retries",
}


class ChatWidget(anywidget.AnyWidget):
    r"""A conversation in the page: its transcript, a prompt box, Stop, Retry, Edit, Undo, branches, settings, files.

    Parameters
    ----------
    answer : ChatClient, callable, an SDK's client or str, optional
        What answers. Default: a new ``ChatClient()``, with the settings of ``%config ChatMagics`` and of the
        environment. A callable such as ``answer(messages)`` takes a list of dicts with ``role`` and ``content``, and
        returns the answer's text or anything that :func:`~streamwidget.show` takes: a generator, an SDK's stream, a
        coroutine. A str is the name of a model for a new ``ChatClient()``.
    system : str, optional
        The system prompt of a new conversation. Default: ``%config ChatMagics.system``, then ``STREAMWIDGET_SYSTEM``.
    client : optional
        The same as ``answer``, by its older name.
    conversation : Conversation, optional
        A conversation to continue. Cells and other widgets may share it. Default: a new one.
    stop_unseen : float, optional
        Stop an answer if no page has answered for so many seconds. 0 never stops it. Default:
        ``%config ChatMagics.stop_unseen``, which is 60 in Voila and 0 elsewhere.
    model : str, optional
        The first model. You can choose another one in the page. Default: the client's.
    params : mapping, optional
        Fields of each request. Example: ``params={"temperature": 0}``. In the page you can change the temperature and
        the length of an answer.
    greeting : str, optional
        Markdown above the conversation. It is never sent.
    prompts : sequence of str, optional
        Prompts to choose from while the conversation is empty. For ``"Translate {{text}} into {{language}}"`` the page
        asks for the two values.
    commands : mapping, optional
        Slash commands: a name, and a prompt or a function. ``commands={"fix": "Fix this:\n{{input}}"}`` makes
        ``/fix 1 + = 2`` a prompt. A function gets the words after the command. It returns a prompt, or None to ask
        nothing.
    on_feedback : callable, optional
        ``on_feedback(turn)`` is called when a person rates an answer in the page. ``turn.feedback`` is ``"up"``,
        ``"down"`` or None. The conversation keeps it. Default: the page has no thumbs.
    context_window : int, optional
        How many tokens the model can hold. The page then shows how much of it is used. Default: what the server says
        in its list of models, once that was opened.
    height, max_height : int or str, optional
        Pixels or a CSS size. The turns scroll inside it. Default: as high as needed, up to 80 % of the window.
    tools : sequence, optional
        What the model may call, as for :meth:`ChatClient.stream`.
    confirm : str, default "ask"
        ``"never"`` asks nobody before a tool runs.
    max_steps : int, default 10
        For one prompt the model is asked at most so often.
    as_ : type or dict, optional
        What each answer is to be, as for :meth:`ChatClient.stream`. The page shows it as a table or a tree, and
        :meth:`send` returns its ``value``.
    retries : int, default 0
        How many times to ask again if it is not that. Only for a ChatClient.
    **widget
        Traits of the widget, such as ``layout``.

    Attributes
    ----------
    conversation : Conversation
        The history. ``widget.observe(f, "conversation")`` calls ``f`` after a turn was added, ended or removed.
    busy : bool
        True while an answer of this widget is written. You can observe it.
    model : str or None
        The model for the next prompt. You can set it and observe it.
    params : dict
        Fields of the next request. You can set it and observe it.
    state, bundle
        For the page: the conversation, and the name of the JavaScript that shows it. Python code has no use for them.

    Methods
    -------
    send(text, images=(), attachments=())
        Ask a prompt, as if it had been typed. Await it for the answer.
    stop()
        Stop the answer that is being written.
    freeze()
        Replace the widget with its transcript.
    close()
        Take the widget out of the page.

    Raises
    ------
    ConfigurationError
        If you give both ``system`` and ``conversation``, if ``stop_unseen`` is not a number from 0, if ``answer``
        cannot answer, or if no client can be made. Also if a greeting, a prompt, a command, a size or a name in
        ``params`` is impossible.
    TypeError
        If you give an argument that the widget does not take.

    Notes
    -----
    The chat works while a cell awaits something. While a cell blocks the kernel, your prompt is queued, and the page
    says so. On ipykernel 7 Stop works beside a blocking cell too.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> from streamwidget.demo import DemoServer
    >>> async def chat(client):
    ...     widget = sw.ChatWidget(client, system="Be brief.")  # in a notebook: display(widget)
    ...     await widget.send("count to 3")
    ...     return widget.conversation
    >>> with DemoServer() as server:
    ...     conversation = asyncio.run(chat(sw.ChatClient(server.url)))
    >>> for message in conversation.messages:
    ...     print(message.role, message.text.split())
    system ['Be', 'brief.']
    user ['count', 'to', '3']
    assistant ['1', '2', '3']

    Your own function answers too.

    >>> def answer(messages):
    ...     yield "You said: "
    ...     yield messages[-1]["content"]
    >>> asyncio.run(sw.ChatWidget(answer).send("Hello")).text
    'You said: Hello'
    """

    _esm = LOADER
    bundle = traitlets.Unicode(read_only=True).tag(sync=True)
    # Never assigned. It is read from the conversation whenever the widget's state is asked for, so it cannot be stale.
    state = traitlets.Dict(read_only=True).tag(sync=True, to_json=lambda _value, widget: widget._chat.state())
    busy = traitlets.Bool(read_only=True)
    model = traitlets.Unicode(None, allow_none=True)
    params = traitlets.Dict(key_trait=traitlets.Unicode())
    conversation = traitlets.Instance(Conversation, read_only=True)

    @shows_no_variables
    def __init__(
        self,
        answer: Any = None,
        system: str | None = None,
        client: Any = None,
        conversation: Conversation | None = None,
        *,
        model: str | None = None,
        params: Mapping[str, Any] | None = None,
        greeting: str = "",
        prompts: Sequence[str] = (),
        commands: Mapping[str, Command] | None = None,
        on_feedback: Callable[[Turn], object] | None = None,
        context_window: int | None = None,
        height: int | str | None = None,
        max_height: int | str | None = None,
        stop_unseen: float | None = None,
        tools: Sequence[Any] | None = None,
        confirm: Literal["ask", "never"] = "ask",
        max_steps: int = 10,
        as_: Any = None,
        retries: int = 0,
        **widget: Any,
    ) -> None:
        toolbox(tools, confirm, max_steps)  # or ConfigurationError
        value_type(as_, retries)  # the same
        refuse_unknown(self, widget, 'Fields of a request go into params: ChatWidget(params={"temperature": 0}).')
        setup = Setup(greeting, prompts, commands or {}, rates=on_feedback is not None)
        set_size(widget, height=height, max_height=max_height)
        _check_types(params, on_feedback, context_window)
        if conversation is not None:
            check_conversation(conversation)
        if conversation is not None and system is not None:
            raise ConfigurationError("A conversation has a system prompt of its own: set conversation.system instead.")
        if answer is not None and client is not None:
            raise ConfigurationError("Pass answer or client, not both: they are the same.")
        if isinstance(answer, str):
            answer, model = None, model or answer
        answer = client if answer is None else answer
        settings = Settings(ChatClient() if answer is None else as_model(answer))
        if conversation is None:
            conversation = Conversation(default_system() if system is None else system)
        settings.params = _check_params(settings, params or {})
        self._chat = Chat(
            conversation,
            settings,
            self._send_to_pages,
            self._reflect,
            setup,
            window=context_window,
            on_feedback=on_feedback,
            stop_unseen=stop_unseen,
            wanted=({"tools": tools, "confirm": confirm, "max_steps": max_steps} if tools else {})
            | ({"as_": as_, "retries": retries} if as_ is not None else {}),
        )
        self._displays: list[str] = []  # display ids
        self._page_spoke = False
        self._freezing = False
        self.set_trait("conversation", conversation)
        self.set_trait("bundle", shared_bundle("chat").model_id)
        super().__init__(**widget)
        self._unobserve = conversation.observe(self._notify)
        self.observe(lambda change: self._chat.set_model(change.new), "model")
        self.model = model
        self.params = dict(settings.params)
        self.observe(lambda change: self._chat.set_params(change.new), "params")
        self.on_msg(lambda _widget, content, buffers: self._receive(_with_buffers(content, buffers)))
        control.register(self._chat.id, self._receive)

    # ---- for Python

    async def send(self, text: str, images: Sequence[Any] = (), *, attachments: Sequence[Any] = ()) -> ChatCompletion:
        """Ask a prompt, as if it had been typed.

        Parameters
        ----------
        text : str
        images : sequence, optional
            Paths, bytes, matplotlib figures, PIL images or addresses.
        attachments : sequence, optional
            Files of any kind: what :meth:`Attachment.of` accepts.

        Returns
        -------
        ChatCompletion
            With outcome ``complete``, ``length``, ``filtered`` or ``cancelled``.

        Raises
        ------
        RuntimeError
            If an answer of the conversation is still being written. Nothing is sent.
        ConfigurationError
            If the prompt is empty, or a file cannot be read. Nothing is sent.
        StreamError
            On a failure. Its ``.completion`` holds the text that arrived.
        """
        asked = Message("user", text, images, attachments=attachments)
        return await self._chat.ask(asked, uuid.uuid4().hex[:16])

    def stop(self) -> None:
        """Stop the answer that is being written, here or elsewhere in the conversation. Its text stays.

        You may call it from any thread, any number of times.
        """
        self._chat.stop()

    def freeze(self) -> None:
        """Replace the widget with its transcript as HTML, and close it. A running answer is stopped.

        This works where the widget itself was shown: as a cell's result, or by ``display``. In a box or a tab there is
        no output to replace, so the widget just disappears. When the kernel stops or restarts, JupyterLab and
        Notebook 7 do the same automatically. Other hosts do not allow it.
        """
        if self.comm is None:
            return
        if self.busy:
            self._freezing = True
            self.stop()
            return
        turns = self.conversation.turns
        saved = {"text/html": conversation_html(turns), "text/plain": self._text(), **conversation_bundles(turns)}
        # A page that was reloaded does not know the display id. It puts the mimebundle into the notebook itself.
        self._send_to_pages({"op": "saved", "view": self.model_id, "mimebundle": saved})
        for display_id in self._displays:
            output.replace(display_id, saved)
        self.close()

    def close(self) -> None:
        """Take the widget out of the page. An answer that is being written is stopped. The conversation stays."""
        if self.comm is None:
            return
        self._displays.clear()
        self._unobserve()
        self._chat.close()
        layout = self.layout
        super().close()
        layout.close()

    # ---- the border

    @traitlets.validate("model")
    def _valid_model(self, proposal: traitlets.Bunch) -> str | None:
        check_model(proposal.value)
        return cast("str | None", proposal.value)

    @traitlets.validate("params")
    def _valid_params(self, proposal: traitlets.Bunch) -> dict[str, Any]:
        return _check_params(self._chat.settings, proposal.value)

    def set_state(self, sync_data: JSON) -> None:
        """Do nothing. The page sets no trait, and other pages never see what it tries to set."""

    def _receive(self, content: Any) -> None:
        """Take a message of the page, which may be anything. May run on any thread."""
        self._page_spoke = True
        self._chat.audience.heard()
        receive(self._chat, content)

    def _send_to_pages(self, message: JSON) -> None:
        if self.comm is not None:
            super().send(message)

    def _reflect(self) -> None:
        """Show the chat's ``model`` and ``busy`` as traits, and do what waits for the end of an answer."""
        ended = self.busy and not self._chat.busy
        settings = self._chat.settings
        for name, value in (("model", settings.model), ("params", settings.params), ("busy", self._chat.busy)):
            try:
                self.set_trait(name, value)
            except Exception as exc:  # noqa: BLE001  (a person's observer may raise anything)
                warnings.warn(f"An observer of a chat's {name} raised {exc!r}.", RuntimeWarning, stacklevel=2)
        if ended and not self._page_spoke:
            self._renew()
        if self._freezing and not self._chat.busy:
            self._freezing = False
            self.freeze()

    def _renew(self) -> None:
        # Where no page ever spoke (nbclient, papermill), the file gets the transcript so far. A page would draw the
        # widget again.
        if self._displays and (made := self._repr_mimebundle_()):
            self.send_state("state")
            for display_id in self._displays:
                output.replace(display_id, made[0])

    def _notify(self) -> None:
        same = self.conversation
        self.notify_change(traitlets.Bunch(name="conversation", old=same, new=same, owner=self, type="change"))

    def _ipython_display_(self) -> None:
        # Not left to IPython, because `freeze` needs a display id to replace the output.
        if made := self._repr_mimebundle_():
            self._displays.append(output.show(made[0]))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Show the widget. A front end without widgets shows the transcript as plain text."""
        made = super()._repr_mimebundle_()
        return made and ({**made[0], "text/plain": self._text()}, made[1])

    def _text(self) -> str:
        return conversation_text(self.conversation.turns)


def _check_types(params: Any, on_feedback: Any, context_window: Any) -> None:
    if not isinstance(params, Mapping | None):
        raise ConfigurationError('params is a dict. Example: params={"temperature": 0}')
    if on_feedback is not None and not callable(on_feedback):
        raise ConfigurationError(
            "on_feedback is a function. It gets the turn: on_feedback=lambda turn: print(turn.feedback)"
        )
    if context_window is not None and (type(context_window) is not int or context_window < 1):
        raise ConfigurationError("context_window is a number of tokens. Example: context_window=128_000")


def _check_params(settings: Settings, params: Mapping[str, Any]) -> dict[str, Any]:
    for name in params:
        if name in _NOT_PARAMS:
            raise ConfigurationError(f"{name} is not a field for params. Examples: temperature, max_tokens, top_p.")
    settings.check(params)
    return dict(params)


def _with_buffers(content: Any, buffers: Any) -> Any:
    return {**content, "buffers": buffers} if isinstance(content, dict) else content
