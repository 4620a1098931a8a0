"""What is sent: a prompt or a list of messages, checked before anything goes over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from streamwidget._exceptions import ConfigurationError

Prompt: TypeAlias = str | list[Mapping[str, Any]] | tuple[Mapping[str, Any], ...]


def as_messages(prompt: Prompt) -> list[dict[str, Any]]:
    """The messages of a request: a text becomes one user message, a list is checked and copied.

    Raises
    ------
    ConfigurationError
        If there is no text, or a message has no ``role``.
    """
    if isinstance(prompt, str):
        if not prompt.strip():
            raise ConfigurationError("The prompt is empty; nothing was sent.")
        return [{"role": "user", "content": prompt}]
    if not isinstance(prompt, list | tuple):
        raise ConfigurationError(f"A prompt is a text or a list of messages, not {type(prompt).__name__}.")
    messages = []
    for place, message in enumerate(prompt):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise ConfigurationError(
                f"Message {place} must look like {{'role': 'user', 'content': 'text'}}; nothing was sent."
            )
        messages.append(dict(message))
    if not messages:
        raise ConfigurationError("The list of messages is empty; nothing was sent.")
    return messages
