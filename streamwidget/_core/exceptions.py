"""The failures of a stream. Each carries the partial result, so no text that arrived is lost.

::

    StreamError                     .completion, .outcome, .error, .retryable
    ├── ConnectionFailed            http_error      no response: address, TLS, proxy, redirect
    ├── HTTPStatusError             http_error      the server answered with an error status
    ├── InStreamError               error           the server reported an error inside the stream
    ├── SourceError                 error           a source of another library raised: see __cause__
    ├── StreamInterrupted           interrupted     the connection ended before the answer did
    ├── StreamTimeout               timeout         a limit of Timeout passed
    └── ProtocolError               protocol_error  the response is not a chat completion

    ConfigurationError (ValueError) a setting that cannot work, found before anything was sent

A Stop is not a failure. A stopped stream returns its completion, with outcome ``cancelled``.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar

from streamwidget._core.completion import ChatCompletion, ErrorInfo
from streamwidget._core.events import Outcome
from streamwidget._core.visible import visible


class ConfigurationError(ValueError):
    """A setting cannot work: an address, a key, a model, a limit or a prompt. Nothing was sent.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.ChatClient().stream("  ")
    Traceback (most recent call last):
        ...
    streamwidget._core.exceptions.ConfigurationError: The prompt is empty. Nothing was sent.
    """

    def __init__(self, message: str) -> None:
        # It may repeat a part of a file that somebody else wrote, with a terminal's escape sequences.
        super().__init__(visible(message))


class InvalidValue(ValueError):
    """A text is not a value of the type that was asked for. It names the field and the reason. Programs get a warning.

    >>> str(InvalidValue("steps.0.minutes: Field required"))
    'steps.0.minutes: Field required'
    """


class StreamError(Exception):
    """Base of all failures of a stream.

    Parameters
    ----------
    error : ErrorInfo
        What went wrong. Its message becomes the exception's text.
    completion : ChatCompletion, optional
        All that arrived before the failure. Default: an empty one.
    retryable : bool, default False
        The same request may succeed if it is sent again.

    Attributes
    ----------
    completion : ChatCompletion
        All that arrived before the failure. Its text is empty if nothing did.
    error : ErrorInfo
        What went wrong.
    outcome : Outcome
        The completion's outcome.
    retryable : bool
        True if the same request may succeed when it is sent again.
    raised_at : types.TracebackType or None
        Where streamwidget raised it, once its stream has ended. The traceback itself shows your own ``await``.

    Examples
    --------
    >>> import streamwidget as sw
    >>> stream = sw.ChatClient().stream("Name three rivers.", "demo-503", demo={"after": 3})
    >>> try:
    ...     completion = stream.wait()
    ... except sw.StreamError as failure:
    ...     completion = failure.completion
    >>> completion.outcome
    'http_error'
    """

    outcome: Outcome
    default_outcome: ClassVar[Outcome] = "error"

    def __init__(self, error: ErrorInfo, completion: ChatCompletion | None = None, *, retryable: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.outcome = self.default_outcome
        self.completion = completion or ChatCompletion(outcome=self.outcome, error=error)
        self.retryable = retryable
        self.raised_at: TracebackType | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own form would make the copy of the text alone. What a cell shows of it stays in that cell, and
        # frames cannot be copied.
        state = {name: value for name, value in vars(self).items() if name not in ("_render_traceback_", "raised_at")}
        return type(self), (self.error, self.completion), state


class ConnectionFailed(StreamError):
    """There was no response: the name, the address, TLS, a proxy or a redirect prevented it.

    ``error.kind`` names the cause: ``connect``, ``tls``, ``proxy``, ``redirect``, ...

    Examples
    --------
    >>> import streamwidget as sw
    >>> client = sw.ChatClient("http://localhost:9/v1", retry=sw.RetryPolicy(attempts=1))
    >>> try:
    ...     completion = client.stream("Name three rivers.", "any-model").wait()
    ... except sw.ConnectionFailed as failure:
    ...     failure.error.kind
    'connect'
    """

    default_outcome = "http_error"


class HTTPStatusError(StreamError):
    """The server answered with an error status (``.error.status``).

    Examples
    --------
    >>> import streamwidget as sw
    >>> try:
    ...     completion = sw.ChatClient().stream("Name three rivers.", "demo-401").wait()
    ... except sw.HTTPStatusError as failure:
    ...     failure.error.status
    401
    """

    default_outcome = "http_error"


class InStreamError(StreamError):
    """The server reported an error inside a stream that had begun with status 200.

    Examples
    --------
    >>> import streamwidget as sw
    >>> try:
    ...     completion = sw.ChatClient().stream("Name three rivers.", "demo-error", demo={"after": 3}).wait()
    ... except sw.InStreamError as failure:
    ...     failure.completion.outcome
    'error'
    """

    default_outcome = "error"


class SourceError(StreamError):
    """A source of another library raised an exception. You find it in ``__cause__``.

    Streams that :func:`~streamwidget.show` reads raise it. Requests of a ChatClient do not.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> def answer():
    ...     yield "The Elbe"
    ...     raise OSError("gone")
    >>> try:
    ...     completion = asyncio.run(sw.show(answer()))  # doctest: +ELLIPSIS
    ... except sw.SourceError as failure:
    ...     failure.__cause__
    The Elbe
    [error (OSError: gone); ...]
    OSError('gone')
    """

    default_outcome = "error"

    def _render_traceback_(self) -> list[str]:
        # IPython would also print the cause, and SDKs repeat keys in their messages. Our message has them masked.
        return [f"{type(self).__name__}: {self}", "The source's own exception is in __cause__."]


class StreamInterrupted(StreamError):
    """The connection or the source ended before the provider said that the answer is whole. The answer is cut.

    Examples
    --------
    >>> import streamwidget as sw
    >>> try:
    ...     completion = sw.ChatClient().stream("Name three rivers.", "demo-cut", demo={"after": 3}).wait()
    ... except sw.StreamInterrupted as failure:
    ...     failure.completion.timing.deltas
    3
    """

    default_outcome = "interrupted"


class StreamTimeout(StreamError):
    """A limit of :class:`~streamwidget.Timeout` passed. ``.error.kind`` names it.

    Examples
    --------
    >>> import streamwidget as sw
    >>> client = sw.ChatClient(timeout=sw.Timeout(stall=0.3))
    >>> try:
    ...     completion = client.stream("Name three rivers.", "demo-stall", demo={"after": 3}).wait()
    ... except sw.StreamTimeout as failure:
    ...     failure.error.kind
    'stall'
    """

    default_outcome = "timeout"

    def __str__(self) -> str:
        # A program's message names the argument to change. A cell uses other words, because it has no such argument.
        return f"{self.error.message}. Timeout({self.error.kind}=...) allows more."


class ProtocolError(StreamError):
    """The response is not a chat completion: a web page, broken JSON, or an event that does not end.

    Examples
    --------
    >>> import streamwidget as sw
    >>> try:
    ...     completion = sw.ChatClient().stream("Name three rivers.", "demo-html").wait()
    ... except sw.ProtocolError as failure:
    ...     failure.outcome
    'protocol_error'
    """

    default_outcome = "protocol_error"
