"""The dialects of streams that others make: how a reader is found for the first item, and how a person adds one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from streamwidget._core.events import StreamEvent
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._dialects.dialect import Reader


class Dialect(Protocol):
    """How to read the stream of a library that streamwidget does not know. :func:`register_dialect` takes such a class.

    Each stream gets an instance of its own, so the instance may keep what it has read.

    Attributes
    ----------
    plain_end : bool
        True if the items have no word for the end. A stream that just ends is then complete. False: ``parse`` returns
        a :class:`Finish` at the end, and a stream without it was cut.

    Examples
    --------
    >>> import streamwidget as sw
    >>> class Shouts:
    ...     plain_end = True
    ...     @staticmethod
    ...     def fits(item):
    ...         return isinstance(item, dict) and "shout" in item
    ...     def parse(self, item):
    ...         return [sw.TextDelta(item["shout"].upper())]
    >>> sw.register_dialect(Shouts) is Shouts
    True
    """

    plain_end: bool

    @staticmethod
    def fits(item: Any) -> bool:
        """Return True if this is an item of the library.

        Parameters
        ----------
        item : Any
            The first item of a stream, of any library.

        Returns
        -------
        bool
            True: this dialect reads the stream.
        """
        ...

    def parse(self, item: Any) -> list[StreamEvent]:
        """Return the events of one item, in order.

        Parameters
        ----------
        item : Any
            An item of the stream.

        Returns
        -------
        list of StreamEvent
            Empty for an item that brings nothing.
        """
        ...


D = TypeVar("D", bound=type)
_registered: list[type[Any]] = []


def register_dialect(dialect: D) -> D:
    """Read the streams of one more library, in ``show`` and wherever an answer comes from a callable.

    Your dialects are asked before the built-in ones, the latest first. Registering a class again, as a cell that is
    run again does, replaces the class of the same name.

    Parameters
    ----------
    dialect : class
        A class like :class:`Dialect`. It is made without arguments, once for each stream.

    Returns
    -------
    class
        The same class, so that this works as a decorator too.

    Raises
    ------
    ConfigurationError
        If it is not a class with ``plain_end``, ``fits`` and ``parse``.

    Examples
    --------
    >>> import streamwidget as sw
    >>> @sw.register_dialect
    ... class Pairs:
    ...     plain_end = True
    ...     @staticmethod
    ...     def fits(item):
    ...         return isinstance(item, frozenset)
    ...     def parse(self, item):
    ...         return [sw.TextDelta(" ".join(sorted(item)))]
    >>> Pairs.__name__
    'Pairs'
    """
    missing = [name for name in ("plain_end", "fits", "parse") if not hasattr(dialect, name)]
    if not inspect.isclass(dialect):
        raise ConfigurationError(f"register_dialect takes a class, not an object of class {type(dialect).__name__}.")
    if missing:
        raise ConfigurationError(f"The dialect {dialect.__name__} has no {' and no '.join(missing)}. See sw.Dialect.")
    name = (dialect.__module__, dialect.__qualname__)
    _registered[:] = [other for other in _registered if (other.__module__, other.__qualname__) != name]
    _registered.insert(0, dialect)
    return dialect


def reader_for(item: Any, said: Callable[[], str] = str) -> Reader | None:
    """Return a new reader for a stream with this first item, or None if no dialect fits.

    ``said`` returns the text so far.
    """
    from streamwidget._dialects.anthropic import MessagesReader
    from streamwidget._dialects.bedrock import BedrockReader
    from streamwidget._dialects.chat_chunks import ChatCompletionsReader
    from streamwidget._dialects.envelopes import EnvelopeReader
    from streamwidget._dialects.events import EventsReader
    from streamwidget._dialects.google import GoogleReader
    from streamwidget._dialects.langchain import LangChainReader
    from streamwidget._dialects.layout import LayoutReader
    from streamwidget._dialects.libraries import LAYOUTS
    from streamwidget._dialects.responses import ResponsesReader
    from streamwidget._dialects.strings import StringsReader
    from streamwidget._dialects.vercel_lines import VercelLinesReader

    for dialect in _registered:
        if dialect.fits(item):
            made: Reader = dialect()
            return made
    # These may say something again, so they need to know what was said.
    for retelling in (ChatCompletionsReader, GoogleReader, ResponsesReader, MessagesReader, LangChainReader):
        if retelling.fits(item):
            reader: Reader = retelling(said)
            return reader
    for kind in (VercelLinesReader, StringsReader, EventsReader, BedrockReader):
        if kind.fits(item):
            plain: Reader = kind()
            return plain
    layout = next((layout for layout in LAYOUTS if layout.fits(item)), None)
    if layout is not None:
        return LayoutReader(layout, said)
    return EnvelopeReader(lambda inner: reader_for(inner, said)) if EnvelopeReader.fits(item) else None
