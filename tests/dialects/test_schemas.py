"""The schema of an answer in the request of each API: strict where it can be, in words where a server refuses it."""

from __future__ import annotations

import json
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._client.servers import SERVERS
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.values import ValueType
from streamwidget._dialects.dialect import Question
from streamwidget._dialects.schemas import asked_again, strict
from tests.support.types_of_answers import Recipe, River, Taste

RIVER = {"type": "object", "properties": {"name": {"type": "string"}, "km": {"type": "integer"}}, "required": ["name"]}
CLOSED = {**RIVER, "required": ["name", "km"], "additionalProperties": False}
LIST = {"type": "array", "items": RIVER}
IN_OBJECT = {
    "type": "object",
    "properties": {"value": {"type": "array", "items": CLOSED}},
    "required": ["value"],
    "additionalProperties": False,
}
NAMED = {"name": "the_JSON_schema", "schema": IN_OBJECT, "strict": True}
#: The fields for a list, as the documentation of each API has them. Two of them need no object around it.
FIELDS: dict[str, dict[str, Any]] = {
    "openai": {"response_format": {"type": "json_schema", "json_schema": NAMED}},
    "ollama": {"response_format": {"type": "json_schema", "json_schema": NAMED}},
    "openai-responses": {"text": {"format": {"type": "json_schema", **NAMED}}},
    "anthropic": {"output_config": {"format": {"type": "json_schema", "schema": IN_OBJECT}}},
    "google": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": LIST}},
    "ollama-native": {"format": LIST},
}
TEXT, OUTPUT = FIELDS["openai-responses"]["text"], FIELDS["anthropic"]["output_config"]
#: What a server says that takes no schema.
REFUSALS = [
    (400, "This response_format type is unavailable now"),
    (400, "output_config.format: Extra inputs are not permitted"),
    (422, "Unknown name \"responseJsonSchema\" at 'generation_config': Cannot find field."),
    (400, "Structured outputs are not supported by this model."),
    (400, "Function calling with a response mime type: 'application/json' is unsupported"),
    (400, "'claude-3-haiku-20240307' does not support output format."),
    (400, "Cannot use custom grammar constraints with tools."),
    (500, "Failed to parse grammar"),
]


def question(wanted: Any, **params: Any) -> Question:
    return Question((sw.Message("user", "Name a river."),), "some-model", params, value=ValueType(wanted))


@pytest.mark.parametrize("provider", FIELDS)
def test_the_schema_stands_where_the_api_has_it(provider: str) -> None:
    """A plain question has none of these fields."""
    body = SERVERS[provider].dialect.body(question(LIST))
    plain = SERVERS[provider].dialect.body(Question(question(LIST).messages, "some-model", {}))
    assert {name: part for name, part in body.items() if plain.get(name) != part} == FIELDS[provider]


@pytest.mark.parametrize(
    ("provider", "params", "kept"),
    [
        ("openai", {"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        ("openai-responses", {"text": {"verbosity": "low"}}, {"text": {"verbosity": "low", **TEXT}}),
        ("anthropic", {"output_config": {"effort": "low"}}, {"output_config": {"effort": "low", **OUTPUT}}),
        ("google", {"temperature": 0}, {"generationConfig": {"temperature": 0} | FIELDS["google"]["generationConfig"]}),
        ("ollama-native", {"format": "json"}, {"format": "json"}),
    ],
)  # fmt: skip
def test_what_the_person_wrote_stays(provider: str, params: dict[str, Any], kept: dict[str, Any]) -> None:
    """A field of the person's own counts first. What else stands in the same field stays too."""
    body = SERVERS[provider].dialect.body(question(LIST, **params))
    assert {name: body[name] for name in kept} == kept


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        (RIVER, CLOSED),
        ({"anyOf": [RIVER, {"type": "null"}]}, {"anyOf": [CLOSED, {"type": "null"}]}),
        ({"oneOf": [RIVER], "discriminator": {"propertyName": "km"}}, {"anyOf": [CLOSED]}),
        ({"allOf": [{"$ref": "#/$defs/R"}], "$defs": {"R": RIVER}}, {"$ref": "#/$defs/R", "$defs": {"R": CLOSED}}),
        ({"$ref": "#/$defs/R", "description": "x"}, {"$ref": "#/$defs/R"}),
        ({"type": "string", "minLength": 2, "default": "a"}, {"type": "string"}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, None),
        ({**RIVER, "additionalProperties": True}, None),
        ({"type": "array", "items": {"type": "object"}}, None),
        ({"type": "array", "prefixItems": [RIVER]}, None),
        ({"allOf": [RIVER, RIVER]}, None),
    ],
)
def test_a_schema_is_strict_where_it_can_be(schema: dict[str, Any], wanted: dict[str, Any] | None) -> None:
    """Every object is closed and needs all of its fields."""
    assert strict(schema, "openai") == wanted
    if wanted is None:
        sent = SERVERS["openai"].dialect.body(question(schema))["response_format"]["json_schema"]
        assert (sent["strict"], sent["schema"]) == (False, ValueType(schema).object_schema)


@pytest.mark.parametrize("wanted", [Recipe, River, Taste, list[Recipe], River | Recipe])
def test_the_schemas_of_classes_are_strict(wanted: Any) -> None:
    """Nothing in them is open, and Anthropic gets none of the bounds that it does not take."""
    kind = ValueType(wanted)
    for bounds in ("openai", "anthropic"):
        closed = strict(kind.object_schema, bounds)
        assert closed is not None
        assert closed.get("type") == "object"
        assert ("exclusiveMinimum" in json.dumps(closed)) == (bounds == "openai" and "portions" in json.dumps(closed))


@pytest.mark.parametrize("provider", FIELDS)
@pytest.mark.parametrize(("status", "message"), REFUSALS)
@pytest.mark.fault("T3", "each API's refusal is known")
def test_a_server_that_takes_no_schema_is_asked_in_words(provider: str, status: int, message: str) -> None:
    """The prompt then has the schema, with an object at its root. The warning says so. It is dropped once."""
    dialect = SERVERS[provider].dialect
    found = dialect.simplify(question(LIST), ErrorInfo(message, status=status))
    assert found is not None
    simpler, warning = found
    assert warning.code == "schema_refused"
    body = dialect.body(simpler)
    assert not FIELDS[provider].keys() & body.keys()
    assert '\\"required\\": [\\"value\\"]' in json.dumps(body, ensure_ascii=False)
    assert dialect.simplify(simpler, ErrorInfo(message, status=status)) is None


@pytest.mark.parametrize("provider", FIELDS)
@pytest.mark.parametrize(
    ("status", "message"), [(401, "Wrong format of key"), (429, "Too many structured outputs"), (400, "No such model")]
)
def test_another_refusal_stays_one(provider: str, status: int, message: str) -> None:
    """The schema cannot be the reason, so nothing is asked again."""
    assert SERVERS[provider].dialect.simplify(question(LIST), ErrorInfo(message, status=status)) is None


@pytest.mark.parametrize("provider", FIELDS)
def test_an_answer_that_is_not_valid_goes_back_with_the_reason(provider: str) -> None:
    """The schema stays. An empty answer does not go back, and the reason is then in the question."""
    asked = question(LIST)
    again = asked_again(asked, sw.Message("assistant", '[{"km": 1}]'), "0.name: missing")
    body = SERVERS[provider].dialect.body(again)
    assert FIELDS[provider].items() <= body.items()
    assert "0.name: missing" in json.dumps(body)
    assert len(again.messages) == 3
    (alone,) = asked_again(asked, sw.Message("assistant", " "), "the answer has no text").messages
    assert isinstance(alone, sw.Message)
    assert alone.text.startswith("Name a river.")
