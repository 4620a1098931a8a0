"""What may be shown, by its shape alone, and what to say of what may not."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from streamwidget._core.exceptions import ConfigurationError

_PASS = (
    "Pass a ChatStream, an iterable of strings (async ones too), or what an SDK returns for stream=True, "
    ".stream() or .astream()."
)


def check(source: Any) -> None:
    """Refuse what is no stream.

    Raises
    ------
    ConfigurationError
        Saying what was given, and what to pass.
    """
    said = _wrong(source)
    if said is not None:
        raise ConfigurationError(f"{said} {_PASS}")


def _wrong(source: Any) -> str | None:
    kind = type(source).__name__
    if source is None:
        return "None is no stream; perhaps a function did not return it."
    if isinstance(source, str | bytes | bytearray):
        return f"An object of class {kind} is already whole; there is nothing to wait for."
    if inspect.isroutine(source) or inspect.isclass(source):
        return f"{source.__name__} is a {'class' if inspect.isclass(source) else 'function'}: call it."
    if isinstance(source, Mapping) or callable(getattr(source, "model_dump", None)):  # pydantic models are iterable
        return f"An object of class {kind} is one whole thing, not a stream of an answer. Ask for it with stream=True."
    if inspect.isawaitable(source) or is_async(source) or is_sync(source):
        return None
    return f"An object of class {kind} is no stream."


def is_async(source: Any) -> bool:
    """True for what is read on the event loop: an async iterable, or the async context manager of one."""
    if hasattr(source, "__aiter__"):
        # LiteLLM's stream is iterable both ways, whichever way the stream under it is.
        under = getattr(source, "completion_stream", source)
        return hasattr(under, "__aiter__") or not hasattr(source, "__iter__")
    return _is_manager(source, "__aenter__")


def is_sync(source: Any) -> bool:
    """True for what is read in a thread: an iterable, or the context manager of one."""
    return not is_async(source) and (hasattr(source, "__iter__") or _is_manager(source, "__enter__"))


def _is_manager(source: Any, enter: str) -> bool:
    # An SDK's client is one too; what distinguishes it is that it can be closed without having been entered.
    iterable = hasattr(source, "__iter__") or hasattr(source, "__aiter__")
    return not iterable and hasattr(type(source), enter) and not hasattr(source, "close")
