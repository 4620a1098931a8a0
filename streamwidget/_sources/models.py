"""A model is a ChatClient, any callable, or the client of an SDK. :func:`as_model` makes one kind of object of them.

- ``answer(messages)`` takes a list of dicts with ``role`` and ``content``. It returns the answer's text, or whatever
  ``show()`` takes. It may be ``async def`` or a generator.
- The client of the openai or anthropic SDK is known by its shape. It is asked by its own ``create(stream=True)``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from streamwidget._client.client import ChatClient
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Prompt, as_messages
from streamwidget._core.stream import ChatStream
from streamwidget._dialects.dialect import Question
from streamwidget._dialects.paths import at
from streamwidget._dialects.schemas import in_words
from streamwidget._dialects.sdk_clients import SDK_CLIENTS, written
from streamwidget._sources.calls import Call
from streamwidget._sources.foreign import Foreign
from streamwidget._sources.sdk_model import SDKModel, without_retries

_TAKES = "Pass a ChatClient, a callable such as answer(messages), or the client of the openai or anthropic SDK"


def as_model(answer: Any) -> Model:
    """Return a model for a ChatClient, a callable, or an SDK's client.

    Raises
    ------
    ConfigurationError
        If it is none of these. The message says what is taken.

    Examples
    --------
    >>> model = as_model(lambda messages: f"You said {messages[-1]['content']}.")
    >>> model.request("Hi", None, {}, stream=True).wait().text
    'You said Hi.'
    """
    if isinstance(answer, Model):
        return answer
    for create, dialect in SDK_CLIENTS:
        method = at(answer, create)
        if callable(method) and not inspect.isclass(answer):
            return SDKModel(type(answer).__name__, method, dialect, _address(answer))
    if inspect.isclass(answer):
        raise ConfigurationError(f"{answer.__name__} is a class. {_TAKES}.")
    if callable(answer):
        return CallableModel(answer)
    raise ConfigurationError(f"An object of class {type(answer).__name__} cannot answer. {_TAKES}.")


def _address(client: Any) -> str:
    """Return the address that an SDK's client asks, without its query. Empty if it does not say so."""
    found = str(at(client, "base_url") or "")
    return found.partition("?")[0].rstrip("/") if found.startswith(("https://", "http://")) else ""


@dataclass(frozen=True, slots=True)
class CallableModel:
    """A callable as a model."""

    function: Callable[..., Any]

    @property
    def model(self) -> str | None:
        return None

    @property
    def name(self) -> str:
        """The callable's name, for messages to people."""
        function = self.function.func if isinstance(self.function, functools.partial) else self.function
        return f"{getattr(function, '__name__', type(function).__name__)}()"

    def takes(self, name: str) -> bool:
        """Return True if the callable takes an argument of this name beside the messages."""
        try:
            parameters = list(inspect.signature(self.function).parameters.values())
        except (TypeError, ValueError):  # of a built-in function
            return False
        kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        return any(
            one.kind is inspect.Parameter.VAR_KEYWORD or (place > 0 and one.name == name and one.kind in kinds)
            for place, one in enumerate(parameters)
        )

    def request(
        self,
        prompt: Prompt,
        model: str | None,
        params: dict[str, Any],
        *,
        stream: bool,  # noqa: ARG002
        as_: Any = None,
        retries: int = 0,
    ) -> ChatStream:
        """Make the stream of the callable's answer. It is called when the stream starts."""
        kind = without_retries(as_, retries, self.name)
        if model is not None and not self.takes("model"):
            raise ConfigurationError(f"{self.name} takes no model: it cannot be asked for {model!r}.")
        unknown = [name for name in params if not self.takes(name)]
        if unknown:
            raise TypeError(f"{self.name} takes no argument {' or '.join(unknown)}. Nothing was asked.")
        named = {**params, **({} if model is None else {"model": model})}
        messages = written(in_words(Question(as_messages(prompt), model, {}, value=kind)).messages)
        call = Call(self.function, messages, lambda messages: ((messages,), named), model, self.name)
        return ChatStream(Foreign(call), kind)

    async def models(self) -> list[str]:
        """Return nothing, because a callable lists no models."""
        return []


#: What conversations and chats ask.
Model: TypeAlias = ChatClient | CallableModel | SDKModel
