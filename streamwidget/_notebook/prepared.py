"""A question of ``%chat``, checked: the prompt, what is asked, and the parameters. Nothing is changed or sent by it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from streamwidget._client.client import ChatClient
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.loop import interrupts_raise
from streamwidget._core.messages import Message
from streamwidget._notebook.advice import Target
from streamwidget._notebook.context import FIX, FromNotebook, from_notebook
from streamwidget._notebook.interpolate import interpolate
from streamwidget._notebook.named import find_model, find_tools, named_type, target_of
from streamwidget._notebook.session import ChatSettings, Session
from streamwidget._sources.models import CallableModel, Model
from streamwidget._sources.sdk_model import SDKModel


class NoModel(ConfigurationError):
    """The server needs the name of a model, and nothing names one."""

    def __init__(self, client: ChatClient, target: Target) -> None:
        super().__init__(f"No model chosen for {target.host}.")
        self.client = client
        self.target = target


class Prepared(NamedTuple):
    """A question that is checked. Nothing is changed yet.

    Attributes
    ----------
    message : Message
    client : CallableModel, SDKModel or ChatClient
    target : Target
    asked : dict
        For :meth:`Conversation.ask`.
    cut : tuple of str
        A line for each cut variable.
    taken : FromNotebook or None
        The parts of the notebook in the prompt.
    """

    message: Message
    client: Model
    target: Target
    asked: dict[str, Any]
    cut: tuple[str, ...]
    taken: FromNotebook | None = None


def _make_prompt(options: Namespace, text: str, variables: dict[str, Any]) -> tuple[Message, tuple[str, ...]]:
    """Return the question, with its variables and files put in, and a line for each variable that is cut."""
    cut: tuple[str, ...] = ()
    if options.raw:
        message = Message("user", text)
    else:
        with interrupts_raise():
            filled = interpolate(text, variables)
        if filled.undefined:
            typed = [f"{{{{{name}}}}}" for name in filled.undefined]
            raise ConfigurationError(
                f"There is no variable {' or '.join(filled.undefined)}. Nothing was sent. "
                f"--raw sends {' and '.join(typed)} as text."
            )
        message = Message("user", filled.text, attachments=filled.attachments, variables=filled.variables)
        cut = filled.cut
    if not message.text.strip():
        raise ConfigurationError(
            "The prompt is empty. Write `%chat your question`, or `%%chat` with the question below it."
        )
    return message, cut


def prepare(session: Session, options: Namespace, text: str) -> Prepared:
    """Check the options and fill in the prompt. ConfigurationError if anything is wrong."""
    return prepare_each(session, [options], text)[0]


def prepare_each(session: Session, columns: Sequence[Namespace], text: str) -> list[Prepared]:
    """Do the same for several models, which get one prompt. Only the model and the server differ in their options."""
    options = columns[0]
    taken = from_notebook(session.record, options, session.variables)
    message, cut = _make_prompt(options, text or (FIX if options.fix else ""), session.variables)
    if taken is not None:
        variables = (*message.variables, *taken.parts)
        message = replace(message, text=f"{message.text}\n\n{taken.text}", variables=variables)
    wanted = None if options.format is None else named_type(options.format, session.variables)
    return [Prepared(message, *_asked_with(session, column, wanted), cut, taken) for column in columns]


def _asked_with(session: Session, options: Namespace, wanted: Any) -> tuple[Model, Target, dict[str, Any]]:
    """Return what is asked, its place, and what it is asked with."""
    settings = session.settings
    client = find_model(session, options)
    target = target_of(client, options)
    # The settings' model is a default of our own clients already. A callable may take no model.
    model: str | None = options.model
    if isinstance(client, SDKModel):
        model = model or settings.model
    if isinstance(client, ChatClient) and not (model or client.model) and client.needs_model:
        raise NoModel(client, target)
    if options.reuse and not isinstance(client, ChatClient):
        raise ConfigurationError(f"--reuse has no effect on {client.name}. Nothing was sent.")
    params = _params(settings, options, client)
    asked = {"model": model, "system": options.system, "stream": not options.no_stream, "as_": wanted, **params}
    if options.tools is not None:
        asked["tools"] = find_tools(session.variables, options.tools)
        if isinstance(client, CallableModel) and not client.takes("tools"):
            raise ConfigurationError(f"{client.name} takes no argument tools. Nothing was sent.")
    return client, target, asked


def _params(settings: ChatSettings, options: Namespace, client: Model) -> dict[str, Any]:
    params: dict[str, Any] = {}
    temperature = settings.temperature if options.temperature is None else options.temperature
    if temperature is not None:
        params["temperature"] = temperature
    if options.max_tokens is not None:
        if isinstance(client, ChatClient):
            params |= client.dialect.limit_tokens(options.max_tokens)
        else:
            params["max_tokens"] = options.max_tokens
    typed = dict(options.param or ())
    params |= typed
    if isinstance(client, CallableModel):
        for option in (*(name for name in ("temperature", "max_tokens") if getattr(options, name) is not None), *typed):
            if not client.takes(option):
                raise ConfigurationError(f"{client.name} takes no argument {option}. Nothing was sent.")
        return {name: value for name, value in params.items() if client.takes(name)}
    return params
