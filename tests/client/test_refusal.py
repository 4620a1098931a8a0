"""What real servers and gateways say when they refuse: the reason, the words that are shown, and whether to ask again.

``refusals.json`` holds whole responses of llama.cpp, LiteLLM's proxy, vLLM and a stand-in for OpenAI.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget import ErrorInfo
from streamwidget._client.refusal import refusal_of, to_the_point
from streamwidget._client.retry import worth_retrying
from streamwidget._notebook.advice import Target, explain
from tests.support.servers import QUICK, RawServer, failure_of, response

CASES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("refusals.json").read_text("utf-8"))
GATEWAY = Target("llm.example", "litellm", "LITELLM_API_KEY", True)

# The words that are shown whole or from their beginning, words of the advice, and whether the request is sent again.
EXPECTED = {
    "llama.cpp: context": ("request (2031 tokens) exceeds the available context", "max_history_tokens", False),
    "llama.cpp: image": ("image input is not supported", "an image", False),
    "llama.cpp: key": ("Invalid API Key", "llm.example refused the key", False),
    "LiteLLM: no such model": ("Invalid model name passed in model=nope.", "`%chat --models`", False),
    "LiteLLM: wrong key": ("This key is not on the class list.", "LITELLM_API_KEY (a key of the gateway, not", False),
    "LiteLLM: budget": ("Budget has been exceeded!", "Ask whoever gave you the key for llm.example", False),
    "LiteLLM: budget of a key without a name": ("Budget has been exceeded! Key=[key]", "Waiting does not help", False),
    "LiteLLM: all in cooldown": ("No deployments available for selected model", "asks to wait 5 s", True),
    "LiteLLM: model not for this key": ("key not allowed to access model.", "This key may not use this model", False),
    "LiteLLM: upstream dead": ("Connection error.", "The server behind the gateway failed", True),
    "LiteLLM: upstream's key is wrong": ("Invalid API Key", "Your key is not the cause", False),
    "LiteLLM: upstream 429": ("Rate limit reached for gpt-4o", "Wait a little", True),
    "LiteLLM: upstream quota": ("You exceeded your current quota,", "Waiting does not help", False),
    "LiteLLM: context": ("This model's maximum context length is 8192 tokens.", "`%%chat --new`", False),
    "LiteLLM: upstream 500": ("The server had an error while processing", "The server behind the gateway", True),
    "LiteLLM: rpm of the key": ("Rate limit exceeded for api_key: [key].", "asks to wait 60 s", True),
    "OpenAI (aimock): quota": ("You exceeded your current quota,", "Waiting does not help", False),
    "OpenAI (aimock): rate": ("Rate limit reached for gpt-4o", "asks to wait 1 s", True),
    "OpenAI (aimock): context": ("This model's maximum context length is 8192 tokens.", "`%%chat --new`", False),
    "vLLM: context": ("This model's maximum context length is 1024 tokens.", "max_history_tokens", False),
}


def answer(case: dict[str, Any]) -> bytes:
    headers = [f"{name}: {value}" for name, value in case["headers"].items() if name.lower() != "content-type"]
    return response(case["body"].encode(), *headers, status=f"{case['status']} Refused", kind="application/json")


def test_each_case_has_its_row() -> None:
    """No case is left out."""
    assert EXPECTED.keys() == CASES.keys()


@pytest.mark.parametrize("name", CASES)
async def test_a_real_refusal_is_short_and_has_advice_that_fits(name: str) -> None:
    """Two lines. The words of the server behind a gateway come first, and its inner matters are left out."""
    words, todo, again = EXPECTED[name]
    with RawServer(answer(CASES[name])) as server:
        failure = await failure_of(sw.ChatClient(server.url, retry=sw.RetryPolicy(attempts=1)).stream("x", "m"))
    assert failure.retryable is again
    first, second = explain(failure, GATEWAY)
    assert first.startswith(f"HTTPStatusError (HTTP {CASES[name]['status']}): {words}")
    assert todo in second
    assert len(first) <= 340
    shown = f"{first} {second} {failure.error.detail}"
    assert not re.search(r"[0-9a-f]{40}|sk-", shown)
    for inner in ("litellm.", "Exception", "fallback", "{'"):
        assert inner not in first
    whole = json.loads(CASES[name]["body"])["error"]["message"]
    if whole.startswith("litellm."):
        assert "`%chat --traceback`" in second
        assert words[:15] in (failure.error.detail or "")


@pytest.mark.parametrize("name", ["LiteLLM: upstream quota", "llama.cpp: image", "LiteLLM: upstream dead"])
async def test_a_refusal_that_lasts_is_asked_once(name: str) -> None:
    """A spent quota and a model without images give one request. A server that is down gives three."""
    with RawServer(answer(CASES[name])) as server:
        await failure_of(sw.ChatClient(server.url, retry=QUICK).stream("x", "m"))
    assert len(server.requests) == (3 if EXPECTED[name][2] else 1)


async def test_an_error_in_the_stream_is_short_too() -> None:
    """A gateway may answer 200 and then fail."""
    body = b"data: " + CASES["LiteLLM: upstream quota"]["body"].encode() + b"\n\n"
    with RawServer(response(body)) as server:
        failure = await failure_of(sw.ChatClient(server.url, retry=QUICK).stream("x", "m"))
    assert failure.error.message.startswith("You exceeded your current quota")
    assert "litellm" in (failure.error.detail or "")
    assert len(server.requests) == 1


# Sentences of other servers for the same reasons, with their status.
SIBLINGS = [
    ("context", 400, "prompt is too long: 210000 tokens > 200000 maximum"),
    ("context", 400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
    ("context", 400, "This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
    ("context", 400, "Input is too long for requested model. Reduce the length of the messages."),
    ("context", 422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096."),
    ("context", 413, "Request body too large for gpt-4o model. Max size: 8000 tokens."),
    ("context", 400, "Your request exceeded model token limit: 8192"),
    ("context", 500, "the request exceeds the available context size. try increasing the context size"),
    ("quota", 402, "Insufficient Balance"),
    ("quota", 402, "This request requires more credits, or fewer max_tokens."),
    ("quota", 400, "Your credit balance is too low to access the API. Please go to Plans & Billing."),
    ("quota", 403, "Your team has either used all available credits or reached its monthly spending limit."),
    ("quota", 429, "Your account is not active, please check your billing details on our website."),
    ("quota", 400, "ExceededBudget: User=u1 over budget. Spend: 10.1, Budget: 10.0"),
    ("quota", 429, "LiteLLM Virtual Key: k1, key_alias: anna, exceeded budget for model=gpt-5"),
    ("quota", 429, "Max budget limit reached."),
    ("access", 403, "Project `proj_1` does not have access to model `gpt-5`"),
    ("access", 401, "team not allowed to access model. This team can only access models=['a']"),
    ("model", 404, "The model `gpt-9` does not exist or you do not have access to it."),
    ("model", 400, "gpt-nine is not a valid model ID"),
    ("model", 400, "Model Not Exist"),
    ("model", 404, 'model "llama9" not found, try pulling it first'),
    ("model", 400, "Invalid model: mistral-huge"),
    ("upstream_key", 401, "litellm.AuthenticationError: AnthropicException - invalid x-api-key"),
    ("upstream_key", 500, "litellm.AuthenticationError: OpenAIException - Incorrect API key provided: [key]."),
    ("unsupported", 400, "Unsupported parameter: 'temperature' is not supported with this model."),
    ("unsupported", 400, "registry.ollama.ai/library/gemma:2b does not support tools"),
    ("unsupported", 500, "This model doesn't support image input."),
    (None, 403, "Country, region, or territory not supported"),
    (None, 429, "You exceeded your current quota, please check your plan. Please retry in 25.5s."),
    (None, 429, "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000"),
    (None, 503, "Loading model"),
    (None, 500, "The server had an error while processing your request."),
    (None, 400, "max_tokens is too large: 100000. This model supports at most 16384 completion tokens."),
]


@pytest.mark.parametrize(("reason", "status", "message"), SIBLINGS)
def test_other_servers_say_the_same_in_other_words(reason: str | None, status: int, message: str) -> None:
    """The reason is read from the sentence. With a reason the request is not sent again."""
    error = ErrorInfo(message, status=status)
    assert refusal_of(error) == reason
    if reason is not None:
        assert not worth_retrying(error)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("quota", "insufficient_quota"),
        ("quota", "billing_hard_limit_reached"),
        ("quota", "budget_exceeded"),
        ("quota", "insufficient_credits"),
        ("context", "context_length_exceeded"),
        ("access", "key_model_access_denied"),
        ("model", "model_not_found"),
    ],
)
def test_a_code_or_a_type_names_the_reason(reason: str, code: str) -> None:
    """Whatever the sentence is."""
    assert refusal_of(ErrorInfo("", code=code, status=400)) == reason
    assert refusal_of(ErrorInfo("", type=code, status=400)) == reason


@pytest.mark.parametrize(
    ("wrapped", "words"),
    [
        (
            "litellm.BadRequestError: OpenAIException - Error code: 400 - {'error': {'message': 'No.', 'code': 1}}",
            "No.",
        ),
        (
            'litellm.APIError: AnthropicException - {"type":"error","error":{"type":"x","message":"Too much."}}',
            "Too much.",
        ),
        ("litellm.RateLimitError: Slow. Received Model Group=a Available Model Group Fallbacks=None", "Slow."),
        ("Authentication Error. Received API Key = [key], Key Hash (Token) =" + "0a" * 32, "Authentication Error."),
        ("{'error': 'no such key'}", "no such key"),
        ("ValueError: a function call {is} odd", "ValueError: a function call {is} odd"),
        ("litellm.Timeout: ", "litellm.Timeout: "),
    ],
)
def test_the_wrapping_of_a_gateway_is_taken_off(wrapped: str, words: str) -> None:
    """The rest is in the detail. Words without a wrapping stay as they are."""
    error = to_the_point(ErrorInfo(wrapped, status=400))
    assert error.message == words
    assert (error.detail is None) == (words == wrapped)


@example("{}", None)
@given(st.text(), st.sampled_from([None, 200, 400, 429, 500]))
def test_any_words_are_read(text: str, status: int | None) -> None:
    """Any text has a reason or none, and keeps some words."""
    for message in (text, f"litellm.X: {text}", f"{{'error': {text!r}}}", f"{{{text}}}"):
        error = to_the_point(ErrorInfo(message, status=status))
        assert error.message or not message
        refusal_of(error)
