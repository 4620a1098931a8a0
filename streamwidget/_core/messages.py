"""What is sent: a prompt or a list of messages, checked before anything goes over the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import Outcome
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.images import Image


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes
    ----------
    role : str
        ``system``, ``user`` or ``assistant``.
    text : str
        Exactly as it was typed, or as it arrived.
    images : tuple of Image
        Of a user's message. Whatever :meth:`Image.of` takes may be given: paths, bytes, figures, addresses.
    completion : ChatCompletion or None
        What an assistant's message came from, at the moment at which the message was looked at.

    Raises
    ------
    ConfigurationError
        If the role is another, or an image is none.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[Image, ...] = ()
    completion: ChatCompletion | None = None

    def __post_init__(self) -> None:
        if self.role not in ("system", "user", "assistant"):
            raise ConfigurationError(f"A message's role is system, user or assistant, not {self.role!r}.")
        if not isinstance(self.text, str):
            raise ConfigurationError(f"A message's text is a str, not {type(self.text).__name__}.")
        object.__setattr__(self, "images", tuple(Image.of(image) for image in self.images))
        if self.images and self.role != "user":
            raise ConfigurationError(f"Images go with a user's message, not with one of role {self.role}.")

    def __str__(self) -> str:
        return self.text

    @property
    def outcome(self) -> Outcome | None:
        """How an assistant's message ended; None while it runs, and for the other roles."""
        return self.completion.outcome if self.completion else None


Prompt: TypeAlias = str | Message | Sequence[Mapping[str, Any] | Message]


def as_messages(prompt: Prompt) -> tuple[Message | Mapping[str, Any], ...]:
    """Return the messages of a request. A text becomes one user message. A list is checked and copied.

    Raises
    ------
    ConfigurationError
        If there is no text, or a message has no ``role``.
    """
    if isinstance(prompt, str):
        prompt = Message("user", prompt)
    if isinstance(prompt, Message):
        if not prompt.text.strip() and not prompt.images:
            raise ConfigurationError("The prompt is empty; nothing was sent.")
        return (prompt,)
    if not isinstance(prompt, list | tuple):
        raise ConfigurationError(f"A prompt is a text or a list of messages, not {type(prompt).__name__}.")
    messages: list[Message | Mapping[str, Any]] = []
    for place, message in enumerate(prompt):
        if isinstance(message, Message):
            messages.append(message)
        elif isinstance(message, Mapping) and isinstance(message.get("role"), str):
            messages.append(dict(message))
        else:
            raise ConfigurationError(
                f"Message {place} must look like {{'role': 'user', 'content': 'text'}}; nothing was sent."
            )
    if not messages:
        raise ConfigurationError("The list of messages is empty; nothing was sent.")
    return tuple(messages)
