"""Can this object be shown? Its shape decides. For another object there is a message with the next step."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._sources.wrappers import is_wrapper

_PASS = (
    "Pass a ChatStream, an iterable of strings (async ones too), or the result of an SDK's call with stream=True, "
    ".stream() or .astream()."
)
_UNDER = ("completion_stream", "streaming_response")
_DEPTH = 4


def check(source: Any) -> None:
    """Refuse an object that is not a stream.

    Raises
    ------
    ConfigurationError
        If it is not a stream. The message names the object's class, and says what to pass instead.

    Examples
    --------
    >>> check("text")
    Traceback (most recent call last):
        ...
    streamwidget...ConfigurationError: This object of class str is already whole, so there is nothing to stream. Pass...
    """
    said = _wrong(source)
    if said is not None:
        raise ConfigurationError(f"{said} {_PASS}")


def _wrong(source: Any) -> str | None:
    kind = type(source).__name__
    if is_wrapper(source):
        return None
    if source is None:
        return "None is not a stream. Did a function forget to return it?"
    if isinstance(source, str | bytes | bytearray):
        return f"This object of class {kind} is already whole, so there is nothing to stream."
    if inspect.isroutine(source) or inspect.isclass(source):
        return f"{source.__name__} is a {'class' if inspect.isclass(source) else 'function'}: call it."
    if isinstance(source, Mapping) or callable(getattr(source, "model_dump", None)):  # pydantic models are iterable
        return f"This object of class {kind} is one whole thing, not a stream. Ask for it with stream=True."
    if inspect.isawaitable(source) or is_async(source) or is_sync(source):
        return None
    return f"This object of class {kind} is not a stream."


def is_async(source: Any) -> bool:
    """Return True for a source to read on the event loop: an async iterable, or its async context manager."""
    return (hasattr(source, "__aiter__") and not _blocks(source)) or is_manager(source, "__aenter__")


def is_sync(source: Any) -> bool:
    """Return True for a source to read in a thread: an iterable, or its context manager."""
    return not is_async(source) and (hasattr(source, "__iter__") or is_manager(source, "__enter__"))


def _blocks(source: Any) -> bool:
    """Return whether something that is iterable both ways can be read in one way only: as a blocking iterable.

    LiteLLM's stream is such a thing. The stream under it decides, and for some providers the one under that.
    """
    for _ in range(_DEPTH):
        if not hasattr(source, "__aiter__"):
            return hasattr(source, "__iter__")
        if not hasattr(source, "__iter__"):
            return False
        under = next((found for name in _UNDER if (found := getattr(source, name, None)) is not None), None)
        if under is None:
            return _calls_blocking(source)
        source = under
    return False


def _calls_blocking(source: Any) -> bool:
    """Return whether LiteLLM's stream, which is not open yet, will be opened by a blocking function."""
    call = getattr(source, "make_call", None)
    while isinstance(call, functools.partial):
        call = call.func
    return call is not None and not inspect.iscoroutinefunction(call)


def is_manager(source: Any, enter: str) -> bool:
    """Return True for a context manager of a stream. An SDK's client is one too, but has a ``close``."""
    iterable = hasattr(source, "__iter__") or hasattr(source, "__aiter__")
    return not iterable and hasattr(type(source), enter) and not hasattr(source, "close")
