"""What the options of a ``%chat`` name: the model or the variable to ask, its tools, and the type of the answer."""

from __future__ import annotations

import ast
import builtins
import os
from argparse import Namespace
from dataclasses import replace
from typing import Any

from streamwidget._client.client import ChatClient
from streamwidget._client.urls import host_of
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.key_form import oddity_of
from streamwidget._core.timeout import Timeout
from streamwidget._notebook.advice import Limits, Target
from streamwidget._notebook.session import Session
from streamwidget._sources.models import Model, as_model

#: What a type may be written with: names, ``a.b``, ``list[a]``, ``a | b``, and the words of a Literal.
_OF_A_TYPE = (
    *(ast.Expression, ast.Name, ast.Load, ast.Attribute, ast.Subscript, ast.Tuple, ast.BinOp, ast.BitOr),
    ast.Constant,
)


def find_model(session: Session, options: Namespace) -> Model:
    """Return what is asked: the variable that ``--client`` or the settings name, or else a client of ours.

    Raises
    ------
    ConfigurationError
        If the variable does not exist or cannot answer, or an option would have no effect on it.
    """
    name = options.client or (None if options.provider else session.settings.client)
    if name is None:
        return make_client(options)
    if name not in session.variables:
        raise ConfigurationError(f"There is no variable {name[:40]}. Nothing was sent. --client takes the name of one.")
    for option, value in (("-p", options.provider), ("--timeout", options.timeout), ("--no-stream", options.no_stream)):
        if value:
            raise ConfigurationError(f"{option} has no effect on the variable {name}. Nothing was sent.")
    return as_model(session.variables[name])


def make_client(options: Namespace) -> ChatClient:
    """Return the client for the options. Where they name nothing, the session's settings are the client's defaults."""
    client = ChatClient(model=options.model, provider=options.provider or None)
    if options.timeout is not None:
        client.timeout = _patient(client.timeout, options.timeout)
    return client


def _patient(limits: Timeout, seconds: float) -> Timeout:
    """Return the limits for ``--timeout``: each step of an answer may take so long, and the whole at least as long."""
    total = None if limits.total is None else max(limits.total, seconds)
    return replace(limits, headers=seconds, first_delta=seconds, stall=seconds, progress=seconds, total=total)


def target_of(model: Model, options: Namespace) -> Target:
    """Return what the advice after a failure may name."""
    if isinstance(model, ChatClient):
        return _target_of_client(model, options)
    return Target(model.name)


def _target_of_client(client: ChatClient, options: Namespace) -> Target:
    limits = Limits(client.timeout, on_the_line=options.timeout is not None)
    url, settings = client.base_url, client._settings
    if url is None:
        is_demo = settings.server.starts is None
        return Target(f"The {settings.place}", settings.provider, limits=limits, is_demo=is_demo)
    ready = [name for name in settings.key_variables if os.environ.get(name, "").strip()]
    variable = ready[0] if ready else settings.key_variable
    odd = oddity_of(settings.api_key, host_of(url)) if settings.api_key is not None else ""
    return Target(host_of(url), settings.provider, variable, bool(ready), limits, key_oddity=odd)


def find_tools(variables: dict[str, Any], names: str) -> list[Any]:
    """Return the tools that ``--tools`` names: functions, methods such as ``atlas.length``, and lists of tools.

    Examples
    --------
    >>> find_tools({"length": len, "more": [max, min]}, "length,more")
    [<built-in function len>, <built-in function max>, <built-in function min>]
    """
    found: list[Any] = []
    for name in filter(None, map(str.strip, names.split(","))):
        first, *path = name.split(".")
        if first not in variables:
            raise ConfigurationError(f"There is no variable {first[:40]}. Nothing was sent. --tools takes names: f,g")
        value = variables[first]
        for part in path:
            try:
                value = getattr(value, part)
            except AttributeError as exc:
                raise ConfigurationError(f"{name[:80]} is not there: {exc}. Nothing was sent.") from None
        found += value if isinstance(value, list | tuple) else [value]
    if not found:
        raise ConfigurationError("--tools takes the names of functions, such as --tools length,weather")
    return found


def named_type(text: str, variables: dict[str, Any]) -> Any:
    """Return the type that ``-f`` names: a variable, or a type of variables such as ``list[Recipe]``.

    Raises
    ------
    ConfigurationError
        If there is no such variable, or the text is more than a type.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        tree = None
    if tree is None or not all(isinstance(node, _OF_A_TYPE) for node in ast.walk(tree)):
        raise ConfigurationError(f"-f takes the name of a type, such as Recipe or list[Recipe], not {text[:40]!r}.")
    try:
        return eval(compile(tree, "-f", "eval"), {**vars(builtins), **variables})
    except NameError as exc:
        message = f"There is no type {exc.name or text[:40]}. Run the cell that defines it. Nothing was sent."
        raise ConfigurationError(message) from None
    except Exception as exc:  # noqa: BLE001  (a class may raise anything for what is in its brackets)
        raise ConfigurationError(f"-f {text[:40]} is not a type: {exc}. Nothing was sent.") from None
