"""Messages of a conversation. They are checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from streamwidget._core.attachments import Attachment, Image
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import Outcome
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.receipt import SentVariable


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """One message of a conversation. ``str()`` gives the text.

    Parameters
    ----------
    role : str
    text : str
    images : iterable, optional
        Images of the prompt: paths, bytes, figures, ... They come before the other attachments.
    completion : ChatCompletion, optional
    attachments : iterable, optional
        Files of the prompt. You may pass everything that :meth:`Attachment.of` accepts.
    variables : iterable, optional
        The notebook's variables in the text, for the receipt.

    Attributes
    ----------
    role : str
        ``system``, ``user`` or ``assistant``.
    text : str
        Exactly as it was typed, or as it arrived. An answer with a part missing has a mark there.
    attachments : tuple of Attachment
        Only for the role ``user``. Images are among them.
    completion : ChatCompletion or None
        The answer behind an assistant's message. It is a snapshot.
    variables : tuple of SentVariable
        The notebook's variables in the text. The receipt names them.

    Raises
    ------
    ConfigurationError
        If the role is unknown, the text is not a str, or a file cannot be sent.

    Examples
    --------
    >>> import streamwidget as sw
    >>> message = sw.Message("user", "Name three rivers.")
    >>> sw.ChatClient().stream(message).wait().outcome
    'complete'
    >>> sw.ChatClient().stream([sw.Message("system", "Be brief."), message]).wait().outcome
    'complete'
    >>> rivers = sw.Attachment.of(b"river,km", name="rivers.csv")
    >>> sw.Message("user", "Which is the longest?", attachments=[rivers]).attachments
    (Attachment('rivers.csv', text/csv, 8 bytes),)
    """

    role: Literal["system", "user", "assistant"]
    text: str
    attachments: tuple[Attachment, ...] = ()
    completion: ChatCompletion | None = None
    variables: tuple[SentVariable, ...] = field(default=(), repr=False, compare=False)

    def __init__(
        self,
        role: Literal["system", "user", "assistant"],
        text: str,
        images: Iterable[Any] = (),
        completion: ChatCompletion | None = None,
        *,
        attachments: Iterable[Any] = (),
        variables: Iterable[SentVariable] = (),
    ) -> None:
        if role not in ("system", "user", "assistant"):
            raise ConfigurationError(f"The role of a message is system, user or assistant, not {role!r}.")
        if not isinstance(text, str):
            raise ConfigurationError(f"The text of a message is a str, not {type(text).__name__}.")
        attached = (*map(Image.of, images), *map(Attachment.of, attachments))
        if attached and role != "user":
            kind = "images" if all(one.kind == "image" for one in attached) else "attachments"
            raise ConfigurationError(f"Only a user's message can have {kind}, not one of role {role}.")
        values = {"role": role, "text": text, "attachments": attached, "completion": completion}
        for name, value in {**values, "variables": tuple(variables)}.items():
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return self.text

    @property
    def images(self) -> tuple[Image, ...]:
        """The images among the attachments."""
        return tuple(one for one in self.attachments if isinstance(one, Image))

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
        if not prompt.text.strip() and not prompt.attachments:
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
