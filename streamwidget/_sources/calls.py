"""A call that makes a stream. It is made when the stream starts, and made anew for a retry."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from streamwidget._core.completion import ChatCompletion, ErrorInfo, shown
from streamwidget._core.events import StreamWarning
from streamwidget._core.exceptions import SourceError
from streamwidget._core.messages import Message
from streamwidget._dialects.dialect import Dialect, Question
from streamwidget._dialects.going_on import GO_ON, asked_to_go_on
from streamwidget._sources.rich import is_rich
from streamwidget._sources.wrappers import is_wrapper


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
    dialect : Dialect or None
        The API of an SDK's function. Its own answers go back as they were. None: answers go back as text.
    warnings : list of StreamWarning
        The function puts its warnings here.
    url : str
        The address that an SDK's function asks. Empty: it is not known.
    """

    function: Callable[..., Any]
    messages: Sequence[Message | Mapping[str, Any]]
    write: Callable[[Sequence[Message | Mapping[str, Any]]], tuple[tuple[Any, ...], Mapping[str, Any]]]
    model: str | None = None
    name: str = field(default="the callable")
    dialect: Dialect | None = None
    warnings: list[StreamWarning] = field(default_factory=list)
    url: str = ""

    @property
    def runs_on_the_loop(self) -> bool:
        """True for ``async def``. Any other function may block, so it is called in a thread."""
        function = self.function
        while isinstance(function, functools.partial):
            function = function.func
        called = function if inspect.isroutine(function) else type(function).__call__
        return inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called)

    def go_on(self, so_far: ChatCompletion) -> Call:
        """Return the call for the rest of an answer."""
        answer = Message("assistant", shown(so_far), completion=so_far)
        if self.dialect is not None:
            asked = Question(tuple(self.messages), None, {})
            on = self.dialect.go_on(asked, answer)
            # An SDK's error does not say surely that the beginning was refused, so it is asked in words.
            return replace(self, messages=(on if on.prefix is None else asked_to_go_on(asked, answer)).messages)
        rest = [{"role": "assistant", "content": answer.text}, {"role": "user", "content": GO_ON}]
        return replace(self, messages=[*self.messages, *rest])

    def resumes(self, so_far: ChatCompletion) -> bool:
        """Return True if the provider goes on with its own parts of the answer."""
        return self.dialect is not None and self.dialect.resumes(so_far)

    def make(self) -> Any:
        """Call the function and return its stream. A text is a stream of one piece."""
        positional, named = self.write(self.messages)
        return self.checked(self.function(*positional, **named))

    def checked(self, made: Any) -> Any:
        """Return what the function made, as a stream. A text, a figure or a table is a stream of one item."""
        if made is None:
            message = f"{self.name} returned None. Return the answer as text, or a stream of it."
            raise SourceError(ErrorInfo(message, kind="source"))
        is_whole = isinstance(made, str) or (is_rich(made) and not is_wrapper(made))
        return [made] if is_whole else made
