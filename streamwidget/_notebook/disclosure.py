"""Lines for the person before a request is sent: its server, its secrets, its extra parts, and the turns left out."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from streamwidget._client.client import ChatClient
from streamwidget._client.urls import is_loopback
from streamwidget._conversation.conversation import Conversation
from streamwidget._core.attachments import size_in_words
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.counted import counted
from streamwidget._core.messages import Message
from streamwidget._notebook.advice import Target
from streamwidget._notebook.display import show_folded
from streamwidget._notebook.prepared import Prepared
from streamwidget._notebook.session import Session
from streamwidget._notebook.terminal import say


def say_what_goes(session: Session, columns: Sequence[Namespace], prepared: Sequence[Prepared]) -> None:
    """Name the servers, the cut variables, and the parts of the notebook in the prompt."""
    for options, one in zip(columns, prepared, strict=True):
        _say_where_it_goes(session, one.client, one.target, options)
    first = prepared[0]
    for line in first.cut:
        say(line)
    if (taken := first.taken) is not None:
        show_folded(session.shell, f"Goes with the prompt: {taken.about} ({len(taken.text):,} characters)", taken.text)


def _say_where_it_goes(session: Session, client: object, target: Target, options: Namespace) -> None:
    """Name the server and the secrets' variables, once for each. A notebook of somebody else may have chosen them.

    A server in the environment or the config file is the person's own choice. A server on this machine is not named
    either, unless it gets secrets.
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


def say_what_is_not_sent(conversation: Conversation, key: str) -> None:
    """Print how many earlier turns the request does not carry, and the reason."""
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
    """Print the prompt, and the size of all before it, for ``--show-prompt``."""
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
    """Print the receipt of an answer: all that left the kernel for it."""
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
