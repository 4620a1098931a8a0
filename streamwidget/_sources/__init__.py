"""Streams of other libraries: any iterable of text, and the streams of the usual SDKs. Their shape tells them apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.stream import ChatStream
from streamwidget._sources.foreign import Foreign
from streamwidget._sources.shapes import check


def as_stream(source: Any, text: str | Callable[[Any], Any] | None = None) -> ChatStream:
    """Make a ChatStream of anything that streams an answer. A ChatStream is returned unchanged.

    The source is not read before the stream starts.

    Parameters
    ----------
    source : Any
    text : str or callable, optional
        Where an item holds its text, such as ``"message.content"``. Default: a dialect knows it.

    Raises
    ------
    ConfigurationError
        If it is not a stream: a text, a finished response, None, or a function instead of its result.

    Examples
    --------
    >>> as_stream(iter(["Hel", "lo"])).wait().text
    'Hello'
    >>> as_stream([{"said": "Hel"}, {"said": "lo"}], text="said").wait().text
    'Hello'
    """
    if text is not None and not isinstance(text, str) and not callable(text):
        raise ConfigurationError('text takes a path such as "message.content", or a function of an item.')
    if isinstance(source, ChatStream):
        if text is not None:
            raise ConfigurationError("A ChatStream knows its text: leave text= out.")
        return source
    check(source)
    return ChatStream(Foreign(source, text))
