"""The result of a chat completion: :class:`ChatCompletion` and the small values in it.

A ``ChatCompletion`` is a snapshot. The one a stream shows while it runs has ``outcome`` None; the last one is final.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streamwidget._core.events import Outcome, StreamWarning, Usage


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that the model asked for. ``arguments`` is JSON text, as it came (it may be cut, or not be JSON)."""

    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class Timing:
    """How the answer came.

    Attributes
    ----------
    first_delta : float or None
        Seconds from the request to the first delta (time to first token); None before there was one.
    total : float
        Seconds from the request to the end, or until now while the stream runs.
    deltas : int
        How many text, reasoning, refusal and tool call deltas came.
    """

    first_delta: float | None = None
    total: float = 0.0
    deltas: int = 0


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """What went wrong, as far as it is known.

    Attributes
    ----------
    message : str
        One sentence, keys masked.
    code, type : str, int or None
        The provider's own words.
    status : int or None
        The HTTP status of the response; None where there was no response.
    kind : str or None
        The client's word: ``connect``, ``tls``, ``proxy``, ``redirect``, the name of a limit of ``Timeout``, ...
    retry_after : float or None
        Seconds that the server asked to wait.
    """

    message: str
    code: str | int | None = None
    type: str | None = None
    status: int | None = None
    kind: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class ChatCompletion:
    """What a stream has brought so far, or in all. ``str()`` is the text.

    Attributes
    ----------
    text, reasoning, refusal : str
        Exactly what arrived, joined.
    tool_calls : tuple of ToolCall
        In the order of their index.
    finish_reason : str or None
        The provider's own word.
    outcome : Outcome or None
        How it ended; None while it runs.
    usage : Usage or None
        Token counts, where the provider told them.
    timing : Timing
        Seconds and counts.
    warnings : tuple of StreamWarning
        One for each code, in the order in which they first came.
    error : ErrorInfo or None
        What went wrong, for the outcomes that are failures.
    model, request_id : str or None
        As the provider names them.
    demo : bool
        True for an answer of the built-in demo server.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    outcome: Outcome | None = None
    usage: Usage | None = None
    timing: Timing = field(default_factory=Timing)
    warnings: tuple[StreamWarning, ...] = ()
    error: ErrorInfo | None = None
    model: str | None = None
    request_id: str | None = None
    demo: bool = False

    def __str__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Show the answer as the saved notebook would show it."""
        from streamwidget._saved.answer import mimebundle

        return mimebundle(self)


def why(completion: ChatCompletion) -> str:
    """Say in a sentence why it ended as it did, where its outcome does not say all: a failure, or a vain stop."""
    if completion.error is not None:
        return completion.error.message
    return next((warning.detail for warning in completion.warnings if warning.code == "not_stopped"), "")
