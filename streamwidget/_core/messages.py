"""Messages of a conversation. They are checked before anything is sent."""

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
    """One message of a conversation. ``str()`` gives the text.

    Attributes
    ----------
    role : str
        ``system``, ``user`` or ``assistant``.
    text : str
        Exactly as it was typed, or as it arrived. An answer with a part missing has a mark there.
    images : tuple of Image
        Only for the role ``user``. You may pass everything that :meth:`Image.of` accepts: paths, bytes, figures, ...
    completion : ChatCompletion or None
        The answer behind an assistant's message. It is a snapshot.

    Raises
    ------
    ConfigurationError
        If the role is unknown, the text is not a str, or an image is not an image.

    Examples
    --------
    >>> import streamwidget as sw
    >>> message = sw.Message("user", "Name three rivers.")
    >>> sw.ChatClient().stream(message).wait().outcome
    'complete'
    >>> sw.ChatClient().stream([sw.Message("system", "Be brief."), message]).wait().outcome
    'complete'
    """

    role: Literal["system", "user", "assistant"]
    text: str
    images: tuple[Image, ...] = ()
    completion: ChatCompletion | None = None

    def __post_init__(self) -> None:
        if self.role not in ("system", "user", "assistant"):
            raise ConfigurationError(f"The role of a message is system, user or assistant, not {self.role!r}.")
        if not isinstance(self.text, str):
            raise ConfigurationError(f"The text of a message is a str, not {type(self.text).__name__}.")
        object.__setattr__(self, "images", tuple(Image.of(image) for image in self.images))
        if self.images and self.role != "user":
            raise ConfigurationError(f"Only a user's message can have images, not one of role {self.role}.")

    def __str__(self) -> str:
        return self.text

    @property
    def outcome(self) -> Outcome | None:
        """How an assistant's message ended. None while it runs, and for the other roles."""
        return self.completion.outcome if self.completion else None


Prompt: TypeAlias = str | Message | Sequence[Mapping[str, Any] | Message]


def as_messages(prompt: Prompt) -> tuple[Message | Mapping[str, Any], ...]:
    """Return the messages of a request. A text becomes one user message. A list is checked and copied.

    Raises
    ------
    ConfigurationError
        If the prompt is empty, or a message has no ``role``.
    """
    if isinstance(prompt, str):
        prompt = Message("user", prompt)
    if isinstance(prompt, Message):
        if not prompt.text.strip() and not prompt.images:
            raise ConfigurationError("The prompt is empty. Nothing was sent.")
        return (prompt,)
    if not isinstance(prompt, list | tuple):
        raise ConfigurationError(f"A prompt is a text or a list of messages, not {type(prompt).__name__}.")
    messages: list[Message | Mapping[str, Any]] = []
    for position, message in enumerate(prompt):
        if isinstance(message, Message):
            messages.append(message)
        elif isinstance(message, Mapping) and isinstance(message.get("role") or message.get("type"), str):
            messages.append(dict(message))
        else:
            raise ConfigurationError(
                f"Message {position} must look like {{'role': 'user', 'content': 'text'}}. Nothing was sent."
            )
    if not messages:
        raise ConfigurationError("The list of messages is empty. Nothing was sent.")
    return tuple(messages)
