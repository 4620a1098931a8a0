"""The words for an end, whoever the provider is, and the words in errors."""

from __future__ import annotations

import enum
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget._core.events import Finish, StreamWarning
from streamwidget._dialects.chat_chunks import ChatCompletionsReader
from streamwidget._dialects.errors import http_error_info
from streamwidget._dialects.finish_reasons import finish, outcome_of

WORDS = {
    "complete": "stop STOP end_turn stop_sequence eos eos_token tool_calls tool_use function_call completed "
    "COMPLETE Stop EndTurn endTurn END_TURN STOP_SEQUENCE stopSequence EOS_TOKEN end_of_turn "
    "tool-calls ToolCalls TOOL_USE finish FINISHED FinishReason.STOP FINISH_REASON_STOP "
    "StopReason.END_TURN google.STOP done success stop_string stop_token natural_stop requires_action "
    "content_stop eosFound stopStringFound toolCalls end_id stop_words word tool_call TOOL_CALL eod "
    "EOS im_end stop_sequence_reached end_of_text natural function-call completed_normally "
    "hit_stop_token matched_stop turn_end end_of_answer stop_token_hit finished_normally stop_id "
    "eos_reached endoftext message_stop response_done",
    "length": "length max_tokens MAX_TOKENS maxTokens max_output_tokens model_length "
    "model_context_window_exceeded FinishReason.MAX_TOKENS FINISH_REASON_MAX_TOKENS incomplete "
    "max_new_tokens context_length_exceeded token_limit max_tokens_reached token_budget_exceeded "
    "output_limit limit_reached too_long length_capped MAX_LENGTH maxlen cutoff cut_off truncation "
    "MaxTokens MAXTOKENS max-tokens google.MAX_TOKENS StopReason.MAX_TOKENS "
    "CompletionsFinishReason.TOKEN_LIMIT_REACHED STOP_REASON_MAX_TOKENS context_length "
    "context_overflow TOKEN_LIMIT num_predict max_output_reached output_token_limit "
    "context_window_full length_limit max_completion_tokens token_limit_reached finish_reason_length "
    "FINISH_REASON_LENGTH limit ERROR_LIMIT maximum_tokens maxPredictedTokensReached "
    "contextLengthReached CONTEXT_LIMIT maximum_length max_seq_len_exceeded tokens_exhausted "
    "out_of_tokens context_exhausted response_too_long max_new_tokens_reached LENGTH_CAPPED "
    "output_truncated max_output exceed_max_length LENGTH_LIMIT_REACHED hit_limit overlong "
    "generation_limit completion_limit token_cap tokens_maxed length_exceeded reply_too_long "
    "context_overflowed max_response_length exceeded_max_tokens",
    "filtered": "content_filter content_filtered guardrail_intervened refusal SAFETY RECITATION PROHIBITED_CONTENT "
    "BLOCKLIST SPII IMAGE_SAFETY LANGUAGE sensitive ERROR_TOXIC content_policy_violation moderation "
    "BLOCK ProhibitedContent copyright hate violence self_harm sexual jailbreak prompt_injection "
    "content-filter ContentFilter CONTENTFILTER contentFilter blocked policy_violation flagged "
    "content_moderation inappropriate denied forbidden declined risk GUARDRAIL_INTERVENED guardrails "
    "safety_stop bedrock:content_filtered FinishReason.SAFETY IMAGE_PROHIBITED_CONTENT "
    "IMAGE_RECITATION MODEL_ARMOR_blocked responsible_ai_policy_violation CONTENT_FILTERED "
    "malicious_content image_prohibited ARMOR_BLOCKED content_blocked unsafe_content PROMPT_BLOCKED "
    "banned nsfw adult_content moderated safety_violation guardrail refusal_stop content_flagged "
    "BLOCKED_BY_POLICY trust_and_safety csam hate_speech blocked_content policy_block terms_violation "
    "self-harm violence_filter unsafe_output content_restriction privacy_policy flagged_by_moderation",
    "interrupted": "abort aborted cancelled canceled insufficient_system_resource network_error connection_lost "
    "timeout overloaded server_shutdown preempted terminated killed oom out_of_memory worker_died "
    "disconnected client_disconnect deadline_exceeded expired paused pause_turn user_cancelled "
    "stopped_by_user user_stop server_busy throttled rate_limited no_capacity "
    "model_unloaded_connection_closed engine_shutdown ABORTED canceled_by_user max_tool_calls "
    "max_turns max_steps scale_down partial OTHER other FinishReason.OTHER compaction timed_out "
    "TIMEOUT connection_reset upstream_disconnect idle_timeout USER_CANCEL modelUnloaded "
    "client_cancelled turn_detected preemption node_failure_reset evicted gpu_unavailable "
    "quota_exhausted time_limit timed-out stopped_early early_stop watchdog repetition loop_detected "
    "connection_aborted server_restart session_expired upstream_closed stream_cut unknown_interrupt "
    "aborted_by_server queue_full worker_lost gpu_lost connection_dropped upstream_gone client_closed "
    "request_cancelled pod_evicted drain_shutdown node_preempted aborted_by_client suspended "
    "resource_exhausted",
    "error": "error failed MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL internal_error engine_crash "
    "engine_error internal_server_error server_error ERROR Error FAILURE generation_failed exception "
    "MALFORMED_RESPONSE too_many_tool_calls tool_call_error crash invalid_request NO_IMAGE_error "
    "cuda_error malformed_tool_use error_toolcalls FinishReason.MALFORMED_FUNCTION_CALL "
    "malformed_model_output NO_IMAGE TOO_MANY_TOOL_CALLS MISSING_THOUGHT_SIGNATURE internal "
    "parse_failure CRASHED bad_request fatal unexpected_eof runtime_exception tool_error invalid_json "
    "model_error decode_failed backend_exception corrupt_output engine_fault panic validation_failed "
    "unexpected_token",
}


@pytest.mark.fault("N32", "the outcome says so, and the provider's own word is kept")
@pytest.mark.parametrize("outcome", WORDS)
def test_a_word_for_the_end_has_its_outcome(outcome: str) -> None:
    """Words of many providers, and of gateways that let the words of others through."""
    assert {word: outcome_of(word) for word in WORDS[outcome].split()} == dict.fromkeys(WORDS[outcome].split(), outcome)


@given(st.sampled_from([(word, outcome) for outcome, words in WORDS.items() for word in words.split()]))
def test_spelling_makes_no_difference(known: tuple[str, str]) -> None:
    """Upper and lower case, spaces and hyphens in place of underscores."""
    word, outcome = known
    assert outcome_of(f"FinishReason.{word}") == outcome
    for spelling in (word.upper(), word.lower(), word.replace("_", "-"), word.replace("_", " "), f" {word}"):
        if "." not in word and (word.islower() or word.isupper()):
            assert outcome_of(spelling) == outcome


class Known(enum.Enum):
    MAX_TOKENS = 2
    SHORT = "length"


FORMS: list[tuple[Any, str | None]] = [
    ({"finish_reason": Known.MAX_TOKENS}, "length"),
    ({"finish_reason": Known.SHORT}, "length"),
    ({"finish_reason": 2}, "length"),
    ({"finish_reason": 3}, "filtered"),
    ({"finish_reason": {"type": "max_tokens"}}, "length"),
    ({"finish_reason": {"reason": "SAFETY", "message": "x"}}, "filtered"),
    ({"finish_reason": ["length"]}, "length"),
    ({"finish_details": {"type": "max_tokens"}}, "length"),
    ({"stop_reason": "max_tokens"}, "length"),
    ({"delta": {"finish_reason": "length"}}, "length"),
    ({"finish_reason": "stop", "native_finish_reason": "MAX_TOKENS"}, "length"),
    ({"finish_reason": "stop", "native_finish_reason": "STOP"}, "complete"),
    ({"finish_reason": "stop", "stop_reason": "max"}, "complete"),  # of vLLM: the text at which it stopped
    ({"finish_reason": "stop", "stop_reason": 128009}, "complete"),
    *(
        ({"finish_reason": word}, None)
        for word in (None, "", "null", "None", 0, "FINISH_REASON_UNSPECIFIED", False, {})
    ),
]


@pytest.mark.fault("N32", "in any form and in any place")
@pytest.mark.parametrize(("end", "outcome"), FORMS)
def test_a_word_is_found_in_any_form(end: dict[str, Any], outcome: str | None) -> None:
    """A member of an enumeration, a number, an object, and the fields in which servers have it."""
    events = ChatCompletionsReader().parse({"choices": [{"index": 0, "delta": {"content": "a"}, **end}]})
    assert next((event.outcome for event in events if isinstance(event, Finish)), None) == outcome


def test_an_unknown_word_is_an_end_with_a_warning() -> None:
    """It is kept as it is, and a person sees it."""
    end, warning = finish("quiet_time")
    assert end == Finish("quiet_time", "complete")
    assert isinstance(warning, StreamWarning)
    assert "quiet_time" in warning.detail


@given(st.text(max_size=40))
def test_any_word_has_an_end(word: str) -> None:
    """No word raises."""
    assert isinstance(finish(word)[0], Finish)


ERRORS: list[tuple[Any, str]] = [
    ({"error": {"message": "busy"}}, "busy"),
    ({"error": "busy"}, "busy"),
    ({"error": {"error": {"message": "busy"}}}, "busy"),
    ({"errors": [{"message": "busy"}]}, "busy"),
    ({"errors": ["busy", "late"]}, "busy; late"),
    ({"detail": "busy"}, "busy"),
    ({"detail": {"error": {"message": "busy"}}}, "busy"),
    ({"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}, "model: Field required"),
    ({"message": "busy", "code": 3}, "busy"),
    ({"msg": "busy"}, "busy"),
    ({"error_description": "busy"}, "busy"),
    ({"title": "Busy", "status": 503}, "Busy"),
    ({"fault": {"faultstring": "busy"}}, "busy"),
    ([{"error": {"message": "busy"}}], "busy"),
    ({"error": {"message": '{"error": {"message": "busy"}}'}}, "busy"),
    ({"error": {"message": "Provider returned error", "metadata": {"raw": "busy"}}}, "Provider returned error: busy"),
    ({"error": {"message": "Unknown parameter", "param": "top_k"}}, "Unknown parameter (top_k)"),
    ({"ok": False, "why_not": {"x": "busy"}}, '{"ok": false, "why_not": {"x": "busy"}}'),
    ("busy", "busy"),
]


@pytest.mark.fault("N36", "the server's own words")
@pytest.mark.parametrize(("body", "words"), ERRORS, ids=[json.dumps(body)[:50] for body, _ in ERRORS])
def test_the_words_are_found_in_any_wrapping(body: Any, words: str) -> None:
    """The sentence that a person can read. Without one, the body itself."""
    assert http_error_info(400, json.dumps(body).encode()).message == words


FIELDS = st.sampled_from(["error", "message", "detail", "code", "type", "loc", "metadata"])
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner),
)


@given(BODIES)
def test_any_body_gives_one_line(body: Any) -> None:
    """Never an exception, and never an empty message."""
    info = http_error_info(500, json.dumps(body).encode())
    assert info.message
    assert "\n" not in info.message
