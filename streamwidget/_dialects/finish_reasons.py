"""The providers' words for the end of an answer, and the outcome of each. One table for all dialects.

The words are an open set, and gateways let the words of others through. So a word outside the table is judged by
its parts (``SAFETY_BLOCK`` holds ``safety``). A word without a known part is an ordinary end, with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from streamwidget._core.events import Finish, Outcome, StreamWarning

#: Whole words, without underscores. A server may repeat such a word in each chunk. That is not an end.
_NONE = frozenset({"", "0", "null", "none", "nil", "undefined", "unspecified", "notfinished", "inprogress", "ongoing"})
_COMPLETE = frozenset(
    {"stop", "stopped", "end", "ended", "eos", "eot", "done", "complete", "completed", "completion", "finish"}
    | {"finished", "success", "succeeded", "successful", "ok", "normal", "natural", "final", "true"}
    | {"endturn", "stopsequence", "stoptoken", "stopword", "stopwords", "stopstring", "stopstr", "eostoken", "eosid"}
    | {"endofturn", "endoftext", "endofsequence", "endofmessage", "endofstream", "naturalend", "naturalstop"}
    | {"toolcalls", "toolcall", "tooluse", "tooluses", "functioncall", "functioncalls", "functioncalling"}
    | {"requiresaction", "toolcallsrequired"}
)
_LENGTH = frozenset({"length", "incomplete", "truncated", "limit", "budget"})
#: Words for an answer that goes on in another request, or stopped for an unknown reason.
_INTERRUPTED = frozenset({"pauseturn", "pause", "paused", "compaction", "other", "partial", "suspended"})
#: Numbers of Gemini's enumeration. Some gateways let them through.
_NUMBERS = ("unspecified", "stop", "max_tokens", "safety", "recitation", "other", "blocklist", "prohibited_content",
            "spii", "malformed_function_call", "image_safety")  # fmt: skip
#: Parts of a word, in the order of the search: ``context_length_error`` is a matter of length.
_PARTS: tuple[tuple[Outcome, str], ...] = (
    ("interrupted", r"rate_?limit|time_?limit|max_?time|quota|throttl|by_(the_)?user|user_(stop|abort|cancel)"),
    ("interrupted", r"max_?(tool|step|turn|iteration|round|call)s?|(tool|step|turn|round|call)s?_limit|memory_limit"),
    ("length", r"max_?(new_?|output_?|completion_?)?tokens?|length|tokens?_?(limit|budget|exceeded|max|count|cap)"),
    ("length", r"maximum_|tokens?_exhaust|out_of_tokens?|over_?(long|length|size)|(^|_)max$"),
    ("length", r"context_?(window|size|limit|overflow|full|exceed|exhaust)|output_?(limit|max|cap)|max_?(seq|len)"),
    ("length", r"limit_?(reached|exceeded|hit)|_limit$|^max_|too_?long|truncat|cut_?off|budget|num_?predict"),
    ("filtered", r"filter|safety|guard_?rail|refus|block|prohibited|recitation|sensitive|moderat|policy|spii"),
    ("filtered", r"toxic|violat|violen|censor|harm|unsafe|^language$|hate|sexual|jail_?break|injection|profan"),
    ("filtered", r"copyright|declin|forbid|denied|restrict|compliance|offensive|inappropriate|illegal"),
    ("filtered", r"flagged|(^|_)(risk|pii|csam)($|_)|malicious|banned|nsfw|adult|abus|explicit|suicid|weapon|extremis"),
    ("interrupted", r"abort|cancel|insufficient|resource|network|connect|interrupt|reset|timed?_?out|deadline|paus"),
    ("interrupted", r"overload|unavailable|shut_?down|preempt|evict|capacity|terminat|kill|expire|memory|oom($|_)"),
    ("interrupted", r"busy|scal(e|ing)_?down|stall|broken|drop|lost|closed|(^|_)(gone|died|dead)($|_)|suspend"),
    ("interrupted", r"requeue|queue|unfinished|incomplete|not_(complete|finish)|no_complet|unload|restart|early"),
    ("interrupted", r"watch_?dog|repetition|loop|(^|_)cut($|_)|turn_detected|barge|hang_?up|skipped|migrat|quit"),
    ("error", r"error|fail|exception|malformed|invalid|unexpected|too_?many|crash|fault|panic|unparsable|missing"),
    ("error", r"reject|fatal|^internal|bad_|^no_|corrupt|unsupported|not_(found|supported|allowed)"),
    ("complete", r"^(stop|end|eos|eot|finish|complete|success)|(^|_)(stop|end|eos|eot|eod|done|turn|normal|word)($|_)"),
)
_SENTENCE = 500  # characters of a provider's own sentence
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # maxTokens -> max_Tokens
_PLACE = re.compile(r"^.*[.:/](?=[^.:/]*\w)")  # FinishReason.MAX_TOKENS, gemini:SAFETY
# FINISH_REASON_SAFETY
_PREFIX = re.compile(r"^(finish|stop|end|done|completion|termination|candidate)_?(finish_?)?reason_+")


def reason_of(value: Any) -> str | None:
    """Return the word for the end: a string, a member of an enumeration, a number, or an object with one of these.

    None if it is not an end: ``null``, an empty string, ``"none"``, ``FINISH_REASON_UNSPECIFIED``.

    Examples
    --------
    >>> reason_of({"type": "max_tokens"}), reason_of(2), reason_of("null")
    ('max_tokens', '2', None)
    """
    if isinstance(value, Enum):
        # FinishReason.STOP is 1 in one library and "stop" in another.
        value = value.value if isinstance(value.value, str) else value.name
    if isinstance(value, Mapping):
        names = ("type", "reason", "finish_reason", "stop_reason", "name", "value", "code")
        return next((found for name in names if (found := reason_of(value.get(name))) is not None), None)
    if isinstance(value, list | tuple):
        return next((found for part in value if (found := reason_of(part)) is not None), None)
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str) or _bare(value).replace("_", "") in _NONE:
        return None
    return value


def outcome_of(reason: str) -> Outcome | None:
    """Return the outcome for a provider's word. None: the word is not known.

    Examples
    --------
    >>> outcome_of("MAX_TOKENS"), outcome_of("content_filter"), outcome_of("end_turn"), outcome_of("abort")
    ('length', 'filtered', 'complete', 'interrupted')
    >>> outcome_of("IMAGE_SAFETY"), outcome_of("network_error"), outcome_of("malformed_function_call")
    ('filtered', 'interrupted', 'error')
    """
    bare = _bare(reason)
    if bare.isdecimal() and int(bare) < len(_NUMBERS):
        bare = _NUMBERS[int(bare)]
    joined = bare.replace("_", "")
    if joined in _COMPLETE:
        return "complete"
    if joined in _LENGTH:
        return "length"
    if joined in _INTERRUPTED:
        return "interrupted"
    return next((outcome for outcome, parts in _PARTS if re.search(parts, bare)), None)


def finish(reason: str, why: str = "", outcome: Outcome | None = None) -> list[Finish | StreamWarning]:
    """Return the event of an end with this word, and warnings for people.

    One names an unknown word. One has the provider's own sentence (``why``) on an incomplete end.
    The word decides, unless ``outcome`` is known from elsewhere.
    """
    outcome = outcome or outcome_of(reason)
    events: list[Finish | StreamWarning] = [Finish(reason, outcome or "complete")]
    if outcome is None:
        detail = f"the provider ended the answer with {reason[:60]!r}, a word that is not known"
        events.append(StreamWarning("unknown_finish_reason", detail))
    if outcome != "complete" and (said := " ".join(why.split())[:_SENTENCE]):
        events.append(StreamWarning("end_explained", f"the provider says: {said}"))
    return events


def _bare(reason: str) -> str:
    """Return a word in one spelling: ``FinishReason.MaxTokens`` -> ``max_tokens``."""
    spaced = re.sub(r"[\s_-]+", "_", _CAMEL.sub("_", _PLACE.sub("", reason.strip()[:200]))).lower().strip("_\"'")
    return _PREFIX.sub("", spaced) or spaced
