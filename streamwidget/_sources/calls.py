"""A call that makes a stream. It is made when the stream starts, and made anew for a retry."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import SourceError
from streamwidget._dialects.chat_completions import GO_ON


@dataclass(frozen=True, slots=True)
class Call:
    """A function and what to give it.

    Attributes
    ----------
    function : callable
    messages : list of dict
        The question, with the turns before it.
    write : callable
        Makes the positional and the named arguments of the messages.
    model : str or None
        The model that is asked for.
    name : str
        The function's name, for messages to people.
    """

    function: Callable[..., Any]
    messages: list[dict[str, Any]]
    write: Callable[[list[dict[str, Any]]], tuple[tuple[Any, ...], Mapping[str, Any]]]
    model: str | None = None
    name: str = field(default="the callable")

    @property
    def runs_on_the_loop(self) -> bool:
        """True for ``async def``. Any other function may block, so it is called in a thread."""
        function = self.function
        while isinstance(function, functools.partial):
            function = function.func
        called = function if inspect.isroutine(function) else type(function).__call__
        return inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called)

    def go_on(self, text: str) -> Call:
        """Return the call for the rest of an answer that began with ``text``."""
        rest = [{"role": "assistant", "content": text}, {"role": "user", "content": GO_ON}]
        return replace(self, messages=[*self.messages, *rest])

    def make(self) -> Any:
        """Call the function and return its stream. A text is a stream of one piece."""
        positional, named = self.write(self.messages)
        return self.checked(self.function(*positional, **named))

    def checked(self, made: Any) -> Any:
        """Return what the function made, as a stream."""
        if made is None:
            message = f"{self.name} returned None. Return the answer as text, or a stream of it."
            raise SourceError(ErrorInfo(message, kind="source"))
        return [made] if isinstance(made, str) else made
