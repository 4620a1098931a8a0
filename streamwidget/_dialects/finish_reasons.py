"""The providers' words for the end of an answer, and the outcome of each. One table for all dialects."""

from __future__ import annotations

from streamwidget._core.events import Outcome

# Providers may invent more words. All others mean an ordinary end: stop, end_turn, tool_use, STOP, completed, ...
_LENGTH = frozenset(
    {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded", "incomplete"}
)
_FILTERED = frozenset(
    {"content_filter", "content_filtered", "guardrail_intervened", "refusal"}  # OpenAI, Bedrock, Anthropic
    | {"safety", "recitation", "prohibited_content", "blocklist", "spii"}  # Gemini
)


def outcome_of(reason: str) -> Outcome:
    """Return the outcome for a provider's word.

    Examples
    --------
    >>> outcome_of("MAX_TOKENS"), outcome_of("content_filter"), outcome_of("end_turn")
    ('length', 'filtered', 'complete')
    """
    word = reason.lower()
    return "length" if word in _LENGTH else "filtered" if word in _FILTERED else "complete"
