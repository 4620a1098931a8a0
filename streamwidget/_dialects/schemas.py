"""A JSON schema as the APIs take it, and in words for a server without schemas.

OpenAI and Anthropic want it strict: every object is closed and names all of its fields. Some schemas cannot be so.
Such a one (``dict[str, int]``) goes as it is, and the server keeps to it as far as it can.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import StreamWarning
from streamwidget._core.messages import Message
from streamwidget._core.values import ValueType
from streamwidget._dialects.dialect import Question

#: Statuses of a refusal with another reason than a field of ours: the key, the pace, the size.
NOT_ABOUT_FIELDS = frozenset({401, 402, 403, 407, 413, 429, 502, 503, 504})
#: Words of a server against a schema.
_ABOUT_SCHEMA = re.compile(r"schema|format|structured|grammar|output_config|response[_ ]?mime", re.IGNORECASE)
#: Bounds refused by some strict servers. The value is checked here too.
_BOUNDS = {
    "openai": frozenset({"default", "minLength", "maxLength", "minProperties", "maxProperties", "uniqueItems"}),
    "anthropic": frozenset(
        {"default", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
        | {"multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "pattern"}
    ),
}
#: Ways to describe a value, all refused by strict servers.
_OPEN = frozenset(
    {"patternProperties", "prefixItems", "not", "if", "then", "else", "dependentRequired", "dependentSchemas"}
    | {"propertyNames", "unevaluatedProperties", "contains"}
)
_IN_WORDS = """\
Answer with JSON only: no other word, and no code fence. The JSON must be valid under this JSON schema:
{schema}"""
_AGAIN = """\
That answer is not valid: {problem}
Answer again, with the whole JSON and no other word."""


class _NotStrictError(Exception):
    """The schema has an object with unknown fields."""


def strict(schema: Mapping[str, Any], bounds: str) -> dict[str, Any] | None:
    """Return the schema with all objects closed and all of their fields required. None if this is not possible.

    ``bounds`` names the bounds to leave out: ``openai`` or ``anthropic``.

    Examples
    --------
    >>> strict({"type": "object", "properties": {"km": {"type": "integer", "default": 0}}}, "openai")["required"]
    ['km']
    >>> strict({"type": "object", "additionalProperties": {"type": "integer"}}, "openai")
    """
    try:
        found: dict[str, Any] = _strict(schema, _BOUNDS[bounds])
    except (_NotStrictError, RecursionError):
        return None
    return found


def _strict(schema: Any, dropped: frozenset[str]) -> Any:
    if not isinstance(schema, Mapping) or not _OPEN.isdisjoint(schema) or len(schema.get("allOf", ())) > 1:
        raise _NotStrictError
    if isinstance(schema.get("$ref"), str):
        return {"$ref": schema["$ref"], **_definitions(schema, dropped)}  # nothing may stand beside it
    found = {name: part for name, part in schema.items() if name not in dropped and name not in ("allOf", "oneOf")}
    for one in schema.get("allOf", ()):
        found |= _strict(one, dropped)
    found |= _definitions(schema, dropped)
    if "items" in found:
        found["items"] = _strict(found["items"], dropped)
    for name in ("anyOf", "oneOf"):
        if name in schema:
            found["anyOf"] = [_strict(one, dropped) for one in schema[name]]
    found.pop("discriminator", None)
    if found.get("type") == "object" or "properties" in found:
        if found.get("additionalProperties", False) is not False or not isinstance(found.get("properties"), Mapping):
            raise _NotStrictError
        properties = {name: _strict(part, dropped) for name, part in found["properties"].items()}
        found |= {"properties": properties, "required": [*properties], "additionalProperties": False}
    return found


def _definitions(schema: Mapping[str, Any], dropped: frozenset[str]) -> dict[str, Any]:
    return {
        name: {key: _strict(part, dropped) for key, part in schema[name].items()}
        for name in ("$defs", "definitions")
        if isinstance(schema.get(name), Mapping)
    }


def openai_format(value: ValueType) -> dict[str, Any]:
    """Return name, schema and strictness as OpenAI's APIs take them."""
    closed = strict(value.object_schema, "openai")
    schema = value.object_schema if closed is None else closed
    return {"name": value.label, "schema": schema, "strict": closed is not None}


def with_fields(ours: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's fields with ours. The person's own count first, also within a field.

    A field with a ``type`` is not mixed: the person's takes its place.

    Examples
    --------
    >>> with_fields({"text": {"format": "f"}}, {"text": {"verbosity": "low"}, "top_p": 1})
    {'text': {'format': 'f', 'verbosity': 'low'}, 'top_p': 1}
    """
    found = {**ours, **params}
    for name, part in ours.items():
        theirs = params.get(name)
        if isinstance(part, Mapping) and isinstance(theirs, Mapping) and "type" not in part:
            found[name] = {**part, **theirs}
    return found


def in_words(question: Question) -> Question:
    """Return a question for the value in words, and not by a field of the API."""
    if question.value is None:
        return question
    schema = json.dumps(question.value.object_schema, ensure_ascii=False)
    messages = with_words(question.messages, _IN_WORDS.format(schema=schema))
    return replace(question, messages=messages, value=None)


def with_words(
    messages: tuple[Message | Mapping[str, Any], ...], words: str
) -> tuple[Message | Mapping[str, Any], ...]:
    """Return messages with a further paragraph of the person. Some servers refuse two messages of one role in a row."""
    *before, last = messages
    if isinstance(last, Message) and last.role == "user":
        return *before, replace(last, text=f"{last.text}\n\n{words}".lstrip())
    if isinstance(last, Mapping) and last.get("role") == "user" and isinstance(last.get("content"), str):
        return *before, {**last, "content": f"{last['content']}\n\n{words}"}
    return *messages, Message("user", words)


def without_schema(question: Question, refusal: ErrorInfo) -> tuple[Question, StreamWarning] | None:
    """Ask in words, if the server refused the schema. None if it was something else."""
    if question.value is None or refusal.status in NOT_ABOUT_FIELDS or not _ABOUT_SCHEMA.search(refusal.message):
        return None
    detail = "the server takes no schema: it was asked for JSON in words"
    return in_words(question), StreamWarning("schema_refused", detail)


def asked_again(question: Question, answer: Message, problem: str) -> Question:
    """Return the question once more, with the invalid answer and its fault."""
    said = (answer,) if answer.text.strip() else ()
    words = _AGAIN.format(problem=problem)
    messages = (*question.messages, *said, Message("user", words)) if said else with_words(question.messages, words)
    return replace(question, messages=messages, prefix=None)
