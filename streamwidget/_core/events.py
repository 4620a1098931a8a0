"""What a stream tells: one frozen value for each thing that can happen, in the order in which it happened.

These are the public ``StreamEvent`` values. They say what the *provider* sent or what the *client* did about it; how
the events came over the wire (:mod:`streamwidget._client.sse`) and what they add up to
(:mod:`streamwidget._core.accumulator`) is told elsewhere. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal[
    "complete",  # the provider said that it was done
    "length",  # cut at the token limit (finish_reason "length")
    "filtered",  # cut by a content filter (finish_reason "content_filter")
    "cancelled",  # stopped by the person: Stop, interrupt, cancel(), close()
    "interrupted",  # the connection ended with neither finish_reason nor [DONE]
    "timeout",  # one of the limits in Timeout passed
    "error",  # the server reported an error inside the stream
    "http_error",  # no usable response: connection, TLS, proxy, or an HTTP error status
    "protocol_error",  # a response that is no chat completion
]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text. ``index`` is the choice it belongs to (0 unless ``n`` > 1 was asked for)."""

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the model's reasoning, where the provider shows it."""

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """A piece of a refusal, sent instead of text."""

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call: ``index`` is its place among the calls, ``arguments`` a fragment of JSON text.

    ``id`` and ``name`` are None where a fragment repeats neither; ``index`` is None where the provider sent none.
    """

    index: int | None
    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of the whole request, as the provider counts them. A later one replaces an earlier one."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The request failed before its first delta; attempt number ``attempt`` (from 2) starts in ``delay`` seconds."""

    attempt: int
    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The end, told once and last. ``reason`` is the provider's word (finish_reason) or None."""

    reason: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class StreamWarning:
    """Something was odd but did not stop the stream: a machine-readable ``code`` and one sentence of ``detail``."""

    code: str
    detail: str


StreamEvent: TypeAlias = (
    TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta | Usage | Retry | Finish | StreamWarning
)
