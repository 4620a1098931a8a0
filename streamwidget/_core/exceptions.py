"""The failures of a stream. Each carries the partial result: text that reached us is never lost.

::

    StreamError                     .completion, .outcome, .error, .retryable
    ├── ConnectionFailed            http_error      no response: address, TLS, proxy, redirect
    ├── HTTPStatusError             http_error      the server answered with an error status
    ├── InStreamError               error           the server reported an error inside the stream
    ├── SourceError                 error           a foreign source raised; its exception is the __cause__
    ├── StreamInterrupted           interrupted     the connection ended before the answer did
    ├── StreamTimeout               timeout         a limit of Timeout passed
    └── ProtocolError               protocol_error  the response is no chat completion

    ConfigurationError (ValueError) a setting that cannot work, found before anything was sent

A person's Stop is no failure: such a stream returns its completion, with outcome ``cancelled``.
"""

from __future__ import annotations

from typing import ClassVar

from streamwidget._core.completion import ChatCompletion, ErrorInfo
from streamwidget._core.events import Outcome


class ConfigurationError(ValueError):
    """A setting (address, key, model, limit) that cannot work; nothing was sent."""


class StreamError(Exception):
    """Base of all failures of a stream.

    Attributes
    ----------
    completion : ChatCompletion
        All that arrived before the failure; empty where nothing did.
    error : ErrorInfo
        What went wrong.
    outcome : Outcome
        The completion's outcome.
    retryable : bool
        True where the same request may well succeed if it is made again.
    """

    outcome: Outcome
    default_outcome: ClassVar[Outcome] = "error"

    def __init__(self, error: ErrorInfo, completion: ChatCompletion | None = None, *, retryable: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.outcome = self.default_outcome
        self.completion = completion or ChatCompletion(outcome=self.outcome, error=error)
        self.retryable = retryable


class ConnectionFailed(StreamError):
    """No response at all: the name, the address, TLS, a proxy or a redirect was in the way."""

    default_outcome = "http_error"


class HTTPStatusError(StreamError):
    """The server answered with an error status (``.error.status``)."""

    default_outcome = "http_error"


class InStreamError(StreamError):
    """The server reported an error inside a stream that had begun with status 200."""

    default_outcome = "error"


class SourceError(StreamError):
    """A source that is not ours (:func:`~streamwidget.show`) raised; its own exception is the ``__cause__``."""

    default_outcome = "error"

    def _render_traceback_(self) -> list[str]:
        # IPython would show the cause too, word for word, and SDKs echo keys. Ours has them masked.
        return [f"{type(self).__name__}: {self}", "What the source raised is the exception's __cause__."]


class StreamInterrupted(StreamError):
    """The connection, or the source, ended with neither a finish_reason nor ``[DONE]``: the answer is cut."""

    default_outcome = "interrupted"


class StreamTimeout(StreamError):
    """A limit of :class:`~streamwidget.Timeout` passed (``.error.kind`` names it)."""

    default_outcome = "timeout"

    def __str__(self) -> str:
        # For a program: what to type. A cell says it in its own words.
        return f"{self.error.message}. Timeout({self.error.kind}=...) allows more."


class ProtocolError(StreamError):
    """The response is no chat completion: a web page, broken JSON, an event without end."""

    default_outcome = "protocol_error"
