"""What an SDK's word for the end means, whoever the provider behind it is."""

from __future__ import annotations

from streamwidget._core.events import Outcome

# The words are an open set; every other one is an ordinary end: stop, end_turn, tool_use, STOP, completed, ...
_LENGTH = frozenset(
    {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded", "incomplete"}
)
_FILTERED = frozenset(
    {"content_filter", "content_filtered", "guardrail_intervened", "refusal"}  # OpenAI, Bedrock, Anthropic
    | {"safety", "recitation", "prohibited_content", "blocklist", "spii"}  # Gemini
)


def outcome_of(reason: str) -> Outcome:
    word = reason.lower()
    return "length" if word in _LENGTH else "filtered" if word in _FILTERED else "complete"
