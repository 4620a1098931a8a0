"""From the options and the text of a ``%chat`` to a stream: the prompt, the client, the parameters, the conversation.

All of it is checked first. Before that nothing is changed and nothing is sent.
"""

from __future__ import annotations

import ast
import builtins
import os
import uuid
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from streamwidget._client.client import ChatClient
from streamwidget._client.config import default_system
from streamwidget._client.spending import refused_when_sent
from streamwidget._client.urls import host_of, is_loopback
from streamwidget._conversation.conversation import Conversation
from streamwidget._core.attachments import size_in_words
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.counted import counted
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.loop import interrupts_raise
from streamwidget._core.messages import Message
from streamwidget._core.stream import ChatStream
from streamwidget._core.timeout import Timeout
from streamwidget._notebook.advice import Limits, Target
from streamwidget._notebook.context import FIX, FromNotebook, from_notebook
from streamwidget._notebook.display import show_folded
from streamwidget._notebook.interpolate import interpolate
from streamwidget._notebook.resume import offer
from streamwidget._notebook.reuse import Asked, keep, kept_or_asked, told
from streamwidget._notebook.session import ChatSettings, Session
from streamwidget._notebook.terminal import say
from streamwidget._notebook.turn_outputs import Put, TurnOutputs
from streamwidget._sources.models import CallableModel, as_model
from streamwidget._sources.sdk_model import SDKModel

#: What a type may be written with: names, ``a.b``, ``list[a]``, ``a | b``, and the words of a Literal.
_OF_A_TYPE = (
    *(ast.Expression, ast.Name, ast.Load, ast.Attribute, ast.Subscript, ast.Tuple, ast.BinOp, ast.BitOr),
    ast.Constant,
)


class NoModel(ConfigurationError):
    """The server needs the name of a model, and nothing names one."""

    def __init__(self, client: ChatClient, target: Target) -> None:
        super().__init__(f"No model chosen for {target.host}.")
        self.client = client
        self.target = target


class NewTurn(NamedTuple):
    """A question that was asked: the stream of its answer, and its turn. With ``--once`` there is no turn.

    Attributes
    ----------
    stream : ChatStream
    target : Target
    conversation : Conversation or None
    key : str
        The turn's name in the conversation.
    keep : callable
        Keeps the answer of a stream for another run.
    outputs : TurnOutputs or None
        Where the turn is kept beside its saved answer.
    name : str
        The name of the conversation.
    """

    stream: ChatStream
    target: Target
    conversation: Conversation | None = None
    key: str = ""
    keep: Callable[[ChatStream], None] = lambda _: None
    outputs: TurnOutputs | None = None
    name: str = ""

    def put(self, saved: dict[str, Any], put: Put) -> dict[str, Any]:
        """Put the saved answer into its place, with the turn. Return the whole mimebundle."""
        if self.conversation is None or self.outputs is None:
            put(saved)
            return saved
        return self.outputs.put(self.conversation, self.name, self.key, saved, put)

    def follow(self, stream: ChatStream) -> None:
        """Take the answer from another stream: Retry or Continue made it. Nothing if the turn is gone."""
        if stream.request_hash == self.stream.request_hash:
            self.keep(stream)
        if self.conversation is not None and self.outputs is not None:
            self.outputs.claim(self.conversation, self.key)
            with suppress(KeyError):
                self.conversation.follow(self.key, stream)


def find_model(session: Session, options: Namespace) -> CallableModel | SDKModel | ChatClient:
    """Return what is asked: the variable that ``--client`` or the settings name, or else a client of ours.

    Raises
    ------
    ConfigurationError
        If the variable does not exist or cannot answer, or an option would have no effect on it.
    """
    name = options.client or (None if options.provider else session.settings.client)
    if name is None:
        return make_client(options)
    if name not in session.variables:
        raise ConfigurationError(f"There is no variable {name[:40]}. Nothing was sent. --client takes the name of one.")
    for option, value in (("-p", options.provider), ("--timeout", options.timeout), ("--no-stream", options.no_stream)):
        if value:
            raise ConfigurationError(f"{option} has no effect on the variable {name}. Nothing was sent.")
    return as_model(session.variables[name])


def find_tools(variables: dict[str, Any], names: str) -> list[Any]:
    """Return the tools that ``--tools`` names: functions, methods such as ``atlas.length``, and lists of tools.

    Examples
    --------
    >>> find_tools({"length": len, "more": [max, min]}, "length,more")
    [<built-in function len>, <built-in function max>, <built-in function min>]
    """
    found: list[Any] = []
    for name in filter(None, map(str.strip, names.split(","))):
        first, *path = name.split(".")
        if first not in variables:
            raise ConfigurationError(f"There is no variable {first[:40]}. Nothing was sent. --tools takes names: f,g")
        value = variables[first]
        for part in path:
            try:
                value = getattr(value, part)
            except AttributeError as exc:
                raise ConfigurationError(f"{name[:80]} is not there: {exc}. Nothing was sent.") from None
        found += value if isinstance(value, list | tuple) else [value]
    if not found:
        raise ConfigurationError("--tools takes the names of functions, such as --tools length,weather")
    return found


def make_client(options: Namespace) -> ChatClient:
    """Return the client for the options. Where they name nothing, the session's settings are the client's defaults."""
    client = ChatClient(model=options.model, provider=options.provider or None)
    if options.timeout is not None:
        client.timeout = _patient(client.timeout, options.timeout)
    return client


def _patient(limits: Timeout, seconds: float) -> Timeout:
    """Return the limits for ``--timeout``: each step of an answer may take so long, and the whole at least as long."""
    total = None if limits.total is None else max(limits.total, seconds)
    return replace(limits, headers=seconds, first_delta=seconds, stall=seconds, progress=seconds, total=total)


def _target(model: CallableModel | SDKModel | ChatClient, options: Namespace) -> Target:
    if isinstance(model, ChatClient):
        return target_of(model, options)
    return Target(model.name)


def target_of(client: ChatClient, options: Namespace) -> Target:
    """Return what the advice after a failure may name."""
    limits = Limits(client.timeout, on_the_line=options.timeout is not None)
    url, settings = client.base_url, client._settings
    if url is None:
        is_demo = settings.server.starts is None
        return Target(f"The {settings.place}", settings.provider, limits=limits, is_demo=is_demo)
    ready = [name for name in settings.key_variables if os.environ.get(name, "").strip()]
    variable = ready[0] if ready else settings.key_variable
    return Target(host_of(url), settings.provider, variable, bool(ready), limits)


def make_prompt(options: Namespace, text: str, variables: dict[str, Any]) -> tuple[Message, tuple[str, ...]]:
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


def named_type(text: str, variables: dict[str, Any]) -> Any:
    """Return the type that ``-f`` names: a variable, or a type of variables such as ``list[Recipe]``.

    Raises
    ------
    ConfigurationError
        If there is no such variable, or the text is more than a type.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        tree = None
    if tree is None or not all(isinstance(node, _OF_A_TYPE) for node in ast.walk(tree)):
        raise ConfigurationError(f"-f takes the name of a type, such as Recipe or list[Recipe], not {text[:40]!r}.")
    try:
        return eval(compile(tree, "-f", "eval"), {**vars(builtins), **variables})
    except NameError as exc:
        message = f"There is no type {exc.name or text[:40]}. Run the cell that defines it. Nothing was sent."
        raise ConfigurationError(message) from None
    except Exception as exc:  # noqa: BLE001  (a class may raise anything for what is in its brackets)
        raise ConfigurationError(f"-f {text[:40]} is not a type: {exc}. Nothing was sent.") from None


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
        A line for each variable that is cut.
    taken : FromNotebook or None
        What goes with the prompt.
    """

    message: Message
    client: CallableModel | SDKModel | ChatClient
    target: Target
    asked: dict[str, Any]
    cut: tuple[str, ...]
    taken: FromNotebook | None = None


def prepare(session: Session, options: Namespace, text: str) -> Prepared:
    """Check the options and fill in the prompt. ConfigurationError if anything is wrong."""
    return prepare_each(session, [options], text)[0]


def prepare_each(session: Session, columns: Sequence[Namespace], text: str) -> list[Prepared]:
    """Do the same for several models, which get one prompt. Only the model and the server differ in their options."""
    options = columns[0]
    taken = from_notebook(session.record, options, session.variables)
    message, cut = make_prompt(options, text or (FIX if options.fix else ""), session.variables)
    if taken is not None:
        variables = (*message.variables, *taken.parts)
        message = replace(message, text=f"{message.text}\n\n{taken.text}", variables=variables)
    wanted = None if options.format is None else named_type(options.format, session.variables)
    return [Prepared(message, *_asked_with(session, column, wanted), cut, taken) for column in columns]


def _asked_with(
    session: Session, options: Namespace, wanted: Any
) -> tuple[CallableModel | SDKModel | ChatClient, Target, dict[str, Any]]:
    """Return what is asked, its place, and what it is asked with."""
    settings = session.settings
    client = find_model(session, options)
    target = _target(client, options)
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


def ask(session: Session, options: Namespace, text: str) -> NewTurn:
    """Put the question into its conversation and make the stream of the answer. It is not started.

    Raises
    ------
    ConfigurationError
        If anything is wrong. The conversation is then as it was.
    """
    prepared = prepare(session, options, text)
    message, client, target, asked, *_ = prepared
    say_what_goes(session, [options], [prepared])
    reuses = options.reuse or session.settings.reuse
    may_be_kept = refused_when_sent if reuses else nullcontext  # an earlier answer needs no budget
    keeps = partial(keep, session.kept_answers, target, message) if reuses else lambda _: None
    if options.once or options.new:
        alone = Conversation(default_system())
        with may_be_kept():
            stream = alone.ask(message, client, **asked)  # for --new: raises before the conversation is cleared
        if options.once:
            show_prompt(options, alone, "", message, client)
            found = kept_or_asked(session, stream, keeps, fresh=options.fresh) if reuses else stream
            return NewTurn(found, target, keep=keeps)
    conversation, key = next_turn(session, options)
    show_prompt(options, conversation, key, message, client)
    say_what_is_not_sent(conversation, key)
    before = told(conversation.request_messages(key, system=options.system))
    with may_be_kept():
        stream = conversation.ask(message, client, key=key, **asked)
    session.variables["_conversation"] = conversation
    session.forget_asked()
    session.asked[key] = Asked(options, text, message, before, stream.request_hash, session.record.number)
    if reuses and (kept := kept_or_asked(session, stream, keeps, fresh=options.fresh)) is not stream:
        conversation.follow(key, kept)
        stream = kept
    return NewTurn(stream, target, conversation, key, keeps, session.outputs, options.conversation)


def say_what_goes(session: Session, columns: Sequence[Namespace], prepared: Sequence[Prepared]) -> None:
    """Name the servers, the variables that are cut, and what of the notebook goes with the prompt."""
    for options, one in zip(columns, prepared, strict=True):
        _say_where_it_goes(session, one.client, one.target, options)
    first = prepared[0]
    for line in first.cut:
        say(line)
    if (taken := first.taken) is not None:
        show_folded(session.shell, f"Goes with the prompt: {taken.about} ({len(taken.text):,} characters)", taken.text)


def next_turn(session: Session, options: Namespace) -> tuple[Conversation, str]:
    """Return the conversation of the options and the key of its next turn. ``--new`` clears it."""
    conversation = session.conversation(options.conversation)
    if options.new:
        conversation.clear()
    elif not (options.conversation or len(conversation)):
        offer(session)
    key = session.cells.next_key(conversation) or uuid.uuid4().hex
    session.outputs.claim(conversation, key)
    return conversation, key


def _say_where_it_goes(session: Session, client: object, target: Target, options: Namespace) -> None:
    """Name the server and the secrets' variables, once for each. A notebook of somebody else may have chosen them.

    What the environment or the config file names is the person's own choice. A server on this machine that gets no
    secrets is not named either.
    """
    if not isinstance(client, ChatClient) or client.base_url is None or not (options.provider or session.names_server):
        return
    sent = [f"the key in {target.key_variable}"] if target.key_is_set else []
    headers = session.settings.headers_env.items()
    sent += [f"the {name} in {variable}" for name, variable in headers if name in client._settings.headers]
    if is_loopback(client.base_url) and not sent:
        return
    secrets = f", with {' and '.join(sent)}" if sent else ""
    if (target.host, secrets) not in session.named:
        session.named.add((target.host, secrets))
        say(f"This notebook sends your prompts to {target.host}{secrets}.")


def _params(
    settings: ChatSettings, options: Namespace, client: CallableModel | SDKModel | ChatClient
) -> dict[str, Any]:
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


def say_what_is_not_sent(conversation: Conversation, key: str) -> None:
    """Print which earlier turns the request does not carry."""
    trimmed = conversation.trimmed(key)
    if trimmed:
        limits = {"max_turns": conversation.max_turns, "max_history_tokens": conversation.max_tokens}
        named = ", ".join(f"ChatMagics.{name} = {limit}" for name, limit in limits.items() if limit is not None)
        say(f"{_earlier_turns(trimmed)} not sent (limit {named}).")
    running = sum(not turn.sent for turn in conversation.streaming(before=key))
    if running:
        whose = "its answer is" if running == 1 else "their answers are"
        say(f"{_earlier_turns(running)} not sent: {whose} still streaming.")


def _earlier_turns(number: int) -> str:
    return counted(number, "earlier turn")


def show_prompt(options: Namespace, conversation: Conversation, key: str, message: Message, client: object) -> None:
    """Print the prompt and the size of what goes before it, for ``--show-prompt``."""
    if not options.show_prompt:
        return
    before = conversation.request_messages(key, system=options.system)
    system = [sent for sent in before if sent.role == "system"]
    earlier = [sent for sent in before if sent.role != "system"]
    turns = _earlier_turns(sum(sent.role == "user" for sent in earlier))
    parts = [f"the system prompt ({_size(system)})"] * bool(system) + [f"{turns} ({_size(earlier)})"] * bool(earlier)
    say(f"Sent before it: {', '.join(parts) or 'nothing'}.")
    if isinstance(client, ChatClient):
        say(f"All of it: {client.estimate_tokens([*before, message], options.model)}.")
    say(f"This turn ({_size([message])}):\n{message.text.rstrip()}\n")


def say_receipt(completion: ChatCompletion) -> None:
    """Print what left the kernel for an answer."""
    no_receipt = "There is no receipt: no request of streamwidget has left the kernel for this answer."
    say(no_receipt if completion.receipt is None else str(completion.receipt))


def _size(messages: list[Message]) -> str:
    """Return how much a request carries for these messages: ``1,204 characters, 1 file (12 kB)``."""
    characters = sum(len(message.text) for message in messages)
    files = [file for message in messages for file in message.attachments]
    text = counted(characters, "character")
    if not files:
        return text
    size = size_in_words(sum(len(file.data) for file in files))
    return f"{text}, {counted(len(files), 'file')} ({size})"
