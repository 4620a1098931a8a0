"""What a tool is: a name, a description, the schema of its arguments, and a function to call.

A tool is made of a Python function. Its schema comes from the type hints (:mod:`streamwidget._core.tool_schema`) and
its description from the docstring. The tools of an MCP server (:mod:`streamwidget._client.mcp_server`) have the same
form.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.tool_schema import Arguments, arguments_of

F = TypeVar("F", bound=Callable[..., Any])
_SAFE = "_streamwidget_safe"
#: The APIs take no other characters in the name of a tool, and no longer name.
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST = 64


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """A tool that a model may call. :func:`~streamwidget.mcp` gives a list of them. A function becomes one by itself.

    Attributes
    ----------
    name : str
        The model calls it by this name.
    description : str
        What the model reads about it.
    arguments : Arguments
        The JSON schema of its arguments (``arguments.schema``), and their check.
    function : callable
        Is called with the checked arguments. It may be ``async``.
    safe : bool
        True: it runs without asking a person.
    identity : object
        What "Always in this session" remembers. A function that was defined anew is another one.

    Examples
    --------
    >>> import streamwidget as sw
    >>> def weather(city: str) -> str:
    ...     '''Return the weather of a city.'''
    ...     return "4 °C"
    >>> made = sw.Tool.of(weather)
    >>> made.name, made.description, made.arguments.schema["required"]
    ('weather', 'Return the weather of a city.', ['city'])
    """

    name: str
    description: str
    arguments: Arguments
    function: Callable[..., Any]
    safe: bool = False
    identity: Hashable = field(default=None, repr=False)  # an address or a command may hold a key

    @classmethod
    def of(cls, function: Any) -> Tool:
        """Make a tool of a function.

        Parameters
        ----------
        function : callable or Tool
            A function, an async function or a method, with type hints.

        Returns
        -------
        Tool
            ``function`` itself if it is one already.

        Raises
        ------
        ConfigurationError
            If it has no name, or a type hint has no JSON schema.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.Tool.of(lambda x: x)
        Traceback (most recent call last):
            ...
        streamwidget...ConfigurationError: A tool needs a name, and a lambda has none. Define it with def.
        """
        if isinstance(function, Tool):
            return function
        if not callable(function) or inspect.isclass(function):
            raise ConfigurationError(
                f"A tool is a function, the JSON of a tool, or one of sw.mcp(...), not {_kind(function)}."
            )
        inner = function.func if isinstance(function, functools.partial) else function
        name = getattr(inner, "__name__", type(inner).__name__)
        if name == "<lambda>":
            raise ConfigurationError("A tool needs a name, and a lambda has none. Define it with def.")
        made = arguments_of(function, name)
        safe = getattr(inner, _SAFE, False) is True
        identity = function if isinstance(function, Hashable) else id(function)
        return cls(tool_name(name), made.description, made, function, safe, identity)


def tool_name(name: str) -> str:
    """Return a name that every API takes.

    Examples
    --------
    >>> tool_name("größe"), tool_name("files.read")
    ('gr__e', 'files_read')
    """
    return _NOT_IN_A_NAME.sub("_", name)[:_LONGEST] or "tool"


def _kind(value: object) -> str:
    return f"the class {value.__name__}" if inspect.isclass(value) else f"an object of class {type(value).__name__}"


def tool(*, safe: bool = False) -> Callable[[F], F]:
    """Mark a function as a tool.

    Parameters
    ----------
    safe : bool, default False
        The function runs without asking the person, each time that a model calls it. Mark what only reads and what
        everybody may read.

    Returns
    -------
    callable
        A decorator. It returns the function itself.

    Examples
    --------
    >>> import streamwidget as sw
    >>> @sw.tool(safe=True)
    ... def length(river: str) -> int:
    ...     '''Return the length of a river in km.'''
    ...     return {"Elbe": 1094}[river]
    >>> sw.Tool.of(length).safe
    True
    """

    def mark(function: F) -> F:
        setattr(function, _SAFE, safe)
        return function

    return mark


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one question, and the rules for them.

    Attributes
    ----------
    tools : tuple
        Functions as :class:`Tool`. A mapping is the JSON of a tool that the person runs.
    confirm : str
        ``ask``: a person is asked before a tool runs that is not safe. ``never``: none is asked.
    max_steps : int
        The model is asked at most so often.
    """

    tools: tuple[Tool | Mapping[str, Any], ...]
    confirm: Literal["ask", "never"] = "ask"
    max_steps: int = 10

    @property
    def runs(self) -> bool:
        """True if there is a function to run. The JSON of tools alone is only passed on."""
        return any(isinstance(one, Tool) for one in self.tools)

    def find(self, name: str | None) -> Tool | None:
        """Return the function of this name."""
        return next((one for one in self.tools if isinstance(one, Tool) and one.name == name), None)

    def leaves(self, name: str | None) -> bool:
        """Return True if the calls of this name are the person's own to run: it is the name in the JSON of a tool."""
        return any(name in _names(one) for one in self.tools if isinstance(one, Mapping))


def _names(raw: Mapping[str, Any]) -> list[str]:
    """Return the names of the functions in the JSON of a tool, in the form of any API."""
    inner = (raw.get("function"), *(raw.get("functionDeclarations") or raw.get("function_declarations") or ()))
    found = [raw.get("name"), *(one.get("name") for one in inner if isinstance(one, Mapping))]
    return [name for name in found if isinstance(name, str)]


def toolbox(tools: object, confirm: str = "ask", max_steps: int = 10) -> Toolbox | None:
    """Return the tools of a question. None: there are none.

    Raises
    ------
    ConfigurationError
        If one is not a tool, two have the same name, or a rule is impossible.

    Examples
    --------
    >>> toolbox([{"type": "web_search"}]).runs
    False
    """
    if confirm not in ("ask", "never"):
        raise ConfigurationError("confirm is 'ask' or 'never'.")
    if type(max_steps) is not int or max_steps < 1:
        raise ConfigurationError("max_steps is a whole number from 1.")
    if tools is None:
        return None
    if isinstance(tools, str | bytes | Mapping) or not isinstance(tools, Iterable):
        raise ConfigurationError("tools is a list. Example: tools=[weather, lengths]")
    made = tuple(dict(one) if isinstance(one, Mapping) else Tool.of(one) for one in tools)
    names = [one.name for one in made if isinstance(one, Tool)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"Two tools have the name {twice[0]}. Nothing was sent.")
    return Toolbox(made, "never" if confirm == "never" else "ask", max_steps) if made else None
