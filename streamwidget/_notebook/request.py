"""From the options and the text of a ``%chat`` to a stream: the prompt, the client, the parameters, the conversation.

Nothing is changed, and nothing sent, before all of it is known to be right.
"""

from __future__ import annotations

import os
import sys
import uuid
from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from streamwidget._client.client import ChatClient
from streamwidget._conversation.conversation import Conversation
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message
from streamwidget._core.stream import ChatStream
from streamwidget._notebook.interpolate import interpolate

if TYPE_CHECKING:
    from streamwidget._notebook.magics import ChatMagics


def make_client(magics: ChatMagics, options: Namespace) -> ChatClient:
    """The client for the settings; ``-p`` on the line sets the address and the key of the settings aside."""
    model = options.model or magics.model
    if options.provider:
        return ChatClient(model=model, provider=options.provider)
    return ChatClient(magics.base_url, _key(magics.api_key_env), model, provider=magics.provider)


def make_prompt(options: Namespace, text: str, namespace: Mapping[str, Any]) -> Message:
    """The question: the text with its variables put in, and the images among them."""
    if options.raw:
        message = Message("user", text)
    else:
        filled = interpolate(text, namespace)
        for name in filled.undefined:
            print(f"{{{{{name}}}}} is no variable here; it is sent as it stands.", file=sys.stderr)  # noqa: T201
        message = Message("user", filled.text, filled.images)
    if not message.text.strip():
        raise ConfigurationError("the prompt is empty; nothing was sent")
    return message


class Asked(NamedTuple):
    """A question that was asked: its stream, and where it stands; ``--once`` stands nowhere."""

    stream: ChatStream
    conversation: Conversation | None = None
    key: str = ""

    def again(self, stream: ChatStream) -> None:
        """Retry or Continue in a view made another stream: the turn's answer comes from there, if it is still there."""
        if self.conversation is not None:
            with suppress(KeyError):
                self.conversation.follow(self.key, stream)


def make_stream(magics: ChatMagics, options: Namespace, text: str) -> Asked:
    """Put the question into its conversation and make the stream of the answer; it is not started.

    Raises
    ------
    ConfigurationError
        If anything is wrong; the conversation is then as it was.
    """
    message = make_prompt(options, text, magics.shell.user_ns)
    client = make_client(magics, options)
    params = _params(magics, options, client)
    asked = {"model": None, "system": options.system, "stream": not options.no_stream, **params}
    if options.once or options.new:
        alone = Conversation(magics.system)
        stream = alone.ask(message, client, **asked)
        if options.once:
            _show_prompt(options, alone, "", message)
            return Asked(stream)
    conversation = magics.conversation(options.conversation)
    if options.new:
        conversation.clear()
    key = magics.turns.next_key(conversation) or uuid.uuid4().hex
    _show_prompt(options, conversation, key, message)
    _say_what_is_left_out(conversation, key)
    stream = conversation.ask(message, client, key=key, **asked)
    magics.shell.user_ns["_conversation"] = conversation
    return Asked(stream, conversation, key)


def _params(magics: ChatMagics, options: Namespace, client: ChatClient) -> dict[str, Any]:
    params: dict[str, Any] = {}
    temperature = magics.temperature if options.temperature is None else options.temperature
    max_tokens = magics.max_tokens if options.max_tokens is None else options.max_tokens
    if temperature is not None:
        params["temperature"] = temperature
    if max_tokens is not None:
        params |= client.dialect.limit_tokens(max_tokens)
    return params


def _key(name: str | None) -> str | None:
    if name is None:
        return None
    key = os.environ.get(name)
    if not key:
        raise ConfigurationError(f"the environment variable {name} (ChatMagics.api_key_env) is not set")
    return key


def _say_what_is_left_out(conversation: Conversation, key: str) -> None:
    trimmed = conversation.trimmed(key)
    if trimmed:
        print(f"{_count(trimmed, 'earlier turn')} left out (ChatMagics.max_turns, max_history_tokens).")  # noqa: T201
    running = sum(not turn.sent for turn in conversation.streaming(before=key))
    if running:
        print(f"{_count(running, 'earlier turn')} left out, as the answer still streams.")  # noqa: T201


def _count(number: int, what: str) -> str:
    return f"{number} {what} is" if number == 1 else f"{number} {what}s are"


def _show_prompt(options: Namespace, conversation: Conversation, key: str, message: Message) -> None:
    if not options.show_prompt:
        return
    for sent in [*conversation.request_messages(key, system=options.system), message]:
        # An image's bytes are not printed.
        parts = [*([sent.text] if sent.text.strip() or not sent.images else []), *("[an image]" for _ in sent.images)]
        print(f"[{sent.role}]\n{chr(10).join(parts).rstrip()}\n")  # noqa: T201
