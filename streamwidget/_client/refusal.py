"""What a server's refusal means for a person: its reason, and the part of its words to read.

Servers use many codes, types and sentences for one reason. :func:`refusal_of` reads them all from one table. A request
that was refused for one of these reasons is not sent again, because the same request would be refused again.

A gateway such as LiteLLM wraps the words of the server behind it into 400 to 750 characters of its own state.
:func:`to_the_point` takes the wrapping off. The whole text stays in the error's ``detail``.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from typing import Any, Literal

from streamwidget._core.completion import ErrorInfo

#: ``context``: the prompt is too long for the model. ``quota``: nothing is left to spend. ``access``: the key may not
#: use this model. ``model``: there is no such model. ``upstream_key``: a gateway's own key was refused by its provider.
#: ``unsupported``: the model cannot do a part of what was asked.
Refusal = Literal["context", "quota", "access", "model", "upstream_key", "unsupported"]

#: Searched in this order, in the code, the type and the message: ``"code": "context_length_exceeded"`` -> ``context``.
_PATTERNS: dict[Refusal, tuple[str, ...]] = {
    "upstream_key": (
        r"\w+(Exception|Error): ?.{0,40}\w+Exception\b.{0,60}\b(api.?key|subscription key|credentials)\b",
        r"\w+Exception\b.{0,20} - .{0,90}\b(invalid|incorrect|wrong|missing|not valid|no)\b.{0,20}\bapi.?key",
        r"\w+Exception\b.{0,20} - .{0,90}\b(unauthori[sz]ed|authentication.?(fail|error)|api_?key_?invalid)",
        r"\w+Exception\b.{0,20} - .{0,60}\bapi.?key\b.{0,40}\b(not valid|invalid|must be set|missing)",
        r"MissingAPIKeyError",
    ),
    "context": (
        r"context[ _]?(length|window|size|limit)|exceeded model token limit|tokens_limit_reached|string_above_max",
        r"max(imum|_)?[ _]?(prompt|input|model)[ _]?len|max_model_len",
        r"\b(prompt|input|messages?|conversation|string|text) (is |are )?too (long|large)|too many (input )?tokens",
        r"token count.{0,40}exceeds|exceeds? the (maximum|available|configured) (context|number of tokens)",
        r"reduce (the length of|your (prompt|message))|input length.{0,40}(exceed|should be)",
        r"(inputs?|prompt)\W{1,3}tokens \+",
        r"(tokens?|prompt|input)\b.{0,40}\bexceeds? the (configured |maximum )?limit|total tokens must be less",
        r"request (body )?too large for (\S+|this) model",
    ),
    "quota": (
        r"insufficient[ _](quota|credits?|balance|funds)|budget[ _](limit[ _])?exceeded|payment[ _]required|\bbilling_",
        r"(exceeded|used up|out of|over|used all of) (your|the|its) ((current|monthly|free) )*(quota|budget)",
        r"(exceeded|used up|out of|used all of) (your|the|its) ((current|monthly|included|free|trial) )*credits?",
        r"budget has been exceeded|exceeded_?(\w+_?)?(budget|quota)|(over|exceeded) budget",
        r"budget (is |has been )?(exhausted|spent|used)|budget limit (is |was |has been )?reached",
        r"credit balance is too low|out of (free )?credits|requires more credits|no credits? left|\btop up\b",
        r"\b(spending|spend|hard|billing|key) limit\b|account is (not active|suspended)|no (remaining|more) credits?",
        r"(quota|credits?) (is |are |has been |have been )?(exhausted|used up|depleted)|overdue|arrearage",
    ),
    "access": (
        r"model_access_denied|model_not_allowed|can only access models|model not allowed",
        r"not allowed to (access|use) (this |the )?model",
        r"(not|n't) have (access|permission)( to| for)?( access| use)?( to)? (the |this )?(requested )?model",
        r"not (authori[sz]ed|permitted|entitled) (to (access|use)|for) .{0,40}model",
        r"\bno (access|permission) (to|for) (the |this )?model|access to (the |this )?model\b.{0,80}\brestricted",
        r"must be verified to use|not (available|included) (on|in|for) your (current )?(plan|tier|subscription)",
    ),
    "model": (
        r"model_not_(found|available)|unknown_model|not a valid model|no model named|model name passed",
        r"DeploymentNotFound|\bmodels?\b.{0,80}\b(decommissioned|deprecated|no longer (available|supported))",
        r"\b(invalid|unknown|no such|unsupported) model\b|unable to access model|model identifier is invalid",
        r"\bmodels?\b.{0,80}\b(not exist|not found|not a chat model)",
        r"\bmodel \S+ is (not|no longer) (currently )?(supported|available)|no models? (is |are )?loaded",
        r"no endpoints found for|deployment\b.{0,40}\bnot exist|not_found_error .{0,10}model:",
    ),
    "unsupported": (
        r"(not|n't|n’t) (currently |yet )?support|\bunsupported|not implemented|not_supported",
        r"no endpoints found that support|only supported by|not a (multimodal|vision) model|at most 0 image",
        r"missing data required for|tool choice requires|enable-auto-tool-choice",
    ),
}
_REASONS = {reason: re.compile("|".join(each), re.IGNORECASE) for reason, each in _PATTERNS.items()}
#: A limit for a minute or a day is not a spent quota, even if the server calls it one.
_PASSING = re.compile(r"per.?(second|minute|hour|day)|\b[RT]P[MD]\b|\b(retry|try again) (in|after)\b", re.IGNORECASE)
#: Statuses at which "not supported" is about the request, and not about a country (403) or a method (405).
_ABOUT_THE_REQUEST = frozenset({None, 200, 400, 404, 422, 500, 501})

_GATEWAY = re.compile(r"^litellm\.")
_WRAPPED_BEFORE = re.compile(
    r"^(?:/[\w/]+: |litellm\.\w+: (?:litellm\.\w+: |\w+(?:Error|Exception): |\w+Exception - )*)"
)
_WRAPPED_AFTER = re.compile(
    r"\s*(?:LiteLLM: model group|Received Model Group|Available Model Group|model=\S+ context_window_fallbacks"
    r"|Set 'context_window_fallback'|LiteLLM Retried|No fallback model group found|Received API Key = ).*",
    re.DOTALL,
)
_OBJECT = re.compile(r"b?['\"]?(\{.*\})['\"]?", re.DOTALL)
_HASH = re.compile(r"\b[0-9a-f]{40,}\b")


def refusal_of(error: ErrorInfo) -> Refusal | None:
    """Return the reason for a refusal. None if it is another one, for example that the server is busy.

    Examples
    --------
    >>> refusal_of(ErrorInfo("Budget has been exceeded! Max budget: 0.5", status=422))
    'quota'
    >>> refusal_of(ErrorInfo("Rate limit reached: 3 requests per min.", status=429)) is None
    True
    """
    words = f"{error.code} {error.type} {error.detail or error.message}"
    reason = next((reason for reason, sentence in _REASONS.items() if sentence.search(words)), None)
    if error.status == 402:
        return "quota"
    # Google calls a limit for a minute a quota, and says how long to wait.
    has_wait = error.retry_after is not None and "insufficient" not in words.lower()
    if error.status == 429 and (reason not in ("quota", "upstream_key") or has_wait or _PASSING.search(words)):
        return None
    if reason == "unsupported" and error.status not in _ABOUT_THE_REQUEST:
        return None
    return reason


def is_of_gateway(error: ErrorInfo) -> bool:
    """Return True if a gateway reports a failure of the server behind it."""
    return _GATEWAY.match(error.detail or error.message) is not None


def to_the_point(error: ErrorInfo) -> ErrorInfo:
    """Return the error with the words that a person can act on. The server's whole text is its ``detail``.

    A hash of a key is removed from both.

    Examples
    --------
    >>> wrapped = "litellm.RateLimitError: RateLimitError: OpenAIException - Slow down. LiteLLM: model group 'a' failed"
    >>> to_the_point(ErrorInfo(wrapped)).message
    'Slow down.'
    """
    whole = _HASH.sub("[key]", error.message)
    words = _WRAPPED_AFTER.sub("", _WRAPPED_BEFORE.sub("", whole))
    if (found := _OBJECT.search(words)) and (inner := _words_of(_read(found[1]))):
        words = inner
    if not words or words == whole:
        return replace(error, message=whole)
    return replace(error, message=words, detail=whole)


def _read(text: str) -> Any:
    """Read an object in JSON, or as Python prints it: ``{'error': 'no such key'}``."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue  # TypeError: `{{}}` is a set with an object in it, for Python
    return None


def _words_of(value: Any) -> str:
    """Return the message in an error object."""
    while isinstance(value, dict):
        value = value.get("error") or value.get("message") or value.get("detail")
    return value.strip() if isinstance(value, str) else ""
