"""The client of an SDK as a model. It is asked by its own ``create(stream=True)``.

What goes back with a request is the same as of our own client: the provider's own answers, with their thinking. If the
server refuses the thinking, the SDK is called once more with the text alone.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from streamwidget._client.spending import SPENDING
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import StreamWarning
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message, Prompt, as_messages
from streamwidget._core.stream import ChatStream
from streamwidget._core.unexpected import said_by
from streamwidget._core.values import ValueType, value_type
from streamwidget._dialects.dialect import Dialect, Question
from streamwidget._dialects.fields import count, field
from streamwidget._dialects.sdk_clients import arguments
from streamwidget._sources.calls import Call
from streamwidget._sources.foreign import Foreign

Sent: TypeAlias = Message | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SDKModel:
    """The client of an SDK as a model.

    Attributes
    ----------
    name : str
        The client's class.
    create : callable
        Its method that asks.
    dialect : Dialect
        The API of its arguments.
    url : str
        The address that it asks, for the price. Empty: it is not known.
    """

    name: str
    create: Callable[..., Any]
    dialect: Dialect
    url: str = ""

    @property
    def model(self) -> str | None:
        return None

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
        """Make the stream of an answer. The SDK is called when the stream starts.

        Raises
        ------
        ConfigurationError
            If no model is named, the budget is used up, or a tool is a function: nobody would run it.
        """
        if any(not isinstance(one, Mapping) for one in params.get("tools") or ()):
            raise ConfigurationError(
                f"The {self.name} client does not run functions as tools. Pass a sw.ChatClient, or the JSON of a tool."
            )
        if model is None:
            raise ConfigurationError(
                f'No model chosen for the {self.name} client. Pass model="NAME". In a cell: `%%chat -m NAME`.'
            )

        if self.url and (refusal := SPENDING.refusal(self.url, model, is_ours=False)) is not None:
            raise ConfigurationError(refusal)
        kind = without_retries(as_, retries, f"the {self.name} client")
        warnings: list[StreamWarning] = []
        ask = functools.partial(self._ask, Question((), model, params, value=kind), warnings)

        def write(messages: Sequence[Sent]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
            return (messages,), {}

        call = Call(ask, as_messages(prompt), write, model, self.name, self.dialect, warnings, self.url)
        return ChatStream(Foreign(call), kind)

    def _ask(self, question: Question, warnings: list[StreamWarning], messages: Sequence[Sent]) -> Any:
        """Call the SDK. If the server refuses a part of the request that is ours, call it once more without that."""
        question = replace(question, messages=tuple(messages))

        def call(question: Question) -> Any:
            return self.create(**arguments(self.dialect, question))

        def simpler(refused: Exception) -> Question:
            info = ErrorInfo(said_by(refused), status=count(field(refused, "status_code")))
            found = self.dialect.simplify(question, info)
            if found is None:
                raise refused
            warnings.append(found[1])
            return found[0]

        async def awaited(made: Awaitable[Any]) -> Any:
            try:
                return await made
            except Exception as exc:  # noqa: BLE001  (an SDK's own)
                return await call(simpler(exc))

        warnings.clear()
        try:
            made = call(question)
        except Exception as exc:  # noqa: BLE001
            return call(simpler(exc))
        return awaited(made) if inspect.iscoroutine(made) else made

    async def models(self) -> list[str]:
        """Return nothing. The SDK's own client lists its models."""
        return []


def without_retries(as_: Any, retries: int, who: str) -> ValueType | None:
    """Return what an answer of another library is to be. Only our own client asks again."""
    if retries:
        raise ConfigurationError(f"retries needs a ChatClient: {who} asks only once. Nothing was sent.")
    return value_type(as_)
