"""The words with which providers end an answer, and the outcome of each. One table for all dialects.

The words are an open set, and gateways let the words of others through. So a word that is not in the table is judged by
its parts (``SAFETY_BLOCK`` holds ``safety``). A word without a known part is an ordinary end, with a warning.
"""

from __future__ import annotations

import re

from streamwidget._core.events import Finish, Outcome, StreamWarning

_COMPLETE = frozenset(
    {"stop", "stopped", "end", "eos", "done", "complete", "completed", "finish", "finished", "success", "ok", "normal"}
    | {"end_turn", "stop_sequence", "stop_token", "eos_token", "end_of_turn", "end_of_text"}  # Anthropic, TGI, others
    | {"tool_calls", "tool_call", "tool_use", "function_call", "function_calls", "pause_turn"}
    | {"finish_reason_unspecified", "unspecified"}  # Gemini
)
_LENGTH = frozenset({"length", "incomplete", "truncated"})
#: Parts of a word, in the order in which they are looked for: ``context_length_error`` is a matter of length.
_PARTS: tuple[tuple[Outcome, str], ...] = (
    ("length", r"max_?(new_|output_|completion_)?tokens?|length|context_window|token_limit|tokens?_exceeded|max_seq"),
    (
        "filtered",
        r"filter|safety|guardrail|refus|blocklist|blocked|prohibited|recitation|sensitive|moderat|policy|spii",
    ),
    ("filtered", r"toxic|violat|censor|harm|unsafe|^language$"),
    (
        "interrupted",
        r"abort|cancel|insufficient|resource|network|connection|disconnect|interrupt|reset|timeout|timed_out|time_limit",
    ),
    ("interrupted", r"overload|unavailable|shut_?down|preempt|evict|capacity|rate_limit|quota|max_time"),
    ("error", r"error|fail|exception|malformed|invalid|unexpected|too_many|crash|fault"),
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # maxTokens -> max_Tokens
_PREFIX = re.compile(r"^finish_?reason[_.]+")  # FinishReason.MAX_TOKENS, FINISH_REASON_SAFETY


def outcome_of(reason: str) -> Outcome | None:
    """Return the outcome for a provider's word. None: the word is not known.

    Examples
    --------
    >>> outcome_of("MAX_TOKENS"), outcome_of("content_filter"), outcome_of("end_turn"), outcome_of("abort")
    ('length', 'filtered', 'complete', 'interrupted')
    >>> outcome_of("IMAGE_SAFETY"), outcome_of("network_error"), outcome_of("malformed_function_call")
    ('filtered', 'interrupted', 'error')
    """
    spaced = re.sub(r"[\s-]+", "_", _CAMEL.sub("_", reason.strip())).lower()
    bare = _PREFIX.sub("", spaced) or spaced
    if bare in _COMPLETE or spaced in _COMPLETE:
        return "complete"
    if bare in _LENGTH:
        return "length"
    return next((outcome for outcome, parts in _PARTS if re.search(parts, bare)), None)


def finish(reason: str) -> list[Finish | StreamWarning]:
    """Return the event of an end with this word, and a warning where the word is not known."""
    outcome = outcome_of(reason)
    if outcome is not None:
        return [Finish(reason, outcome)]
    detail = f"the provider ended the answer with {reason[:60]!r}, a word that is not known"
    return [Finish(reason, "complete"), StreamWarning("unknown_finish_reason", detail)]
