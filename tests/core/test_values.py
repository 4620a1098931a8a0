"""What an answer is to be: from a type to its schema, and from a text, whole or growing, to a value of it."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget import ChatCompletion, ConfigurationError
from streamwidget._core.exceptions import InvalidValue
from streamwidget._core.json_text import Rows, json_in, partial_reader
from streamwidget._core.values import ValueType
from tests.support.types_of_answers import RECIPE, RECIPE_TEXT, RIVERS, VALUES, Recipe, River, Step, Taste


def growing(kind: ValueType, text: str) -> list[Any]:
    """Return the parts that are valid on the way, character by character, without repeats."""
    seen: list[Any] = []
    for end in range(1, len(text)):
        part = kind.partial(text[:end])
        if part is not None and part not in seen[-1:]:
            seen.append(part)
    return seen


@pytest.mark.parametrize(("wanted", "text", "value", "parts"), VALUES, ids=lambda case: str(case)[:30])
def test_a_text_becomes_a_value(wanted: Any, text: str, value: Any, parts: list[Any]) -> None:
    """With the object around it and without, with a fence and words around it, and the parts on the way."""
    kind = ValueType(wanted)
    around = f"Here it is:\n```json\n{text}\n```\nEnjoy!"
    assert [kind.read(text), kind.read(around)] == [value, value]
    assert growing(kind, text)[: len(parts)] == parts
    assert all(part in (*parts, value) for part in growing(kind, text))


def test_the_parts_of_a_model_are_objects_of_its_class() -> None:
    """A field that is missing is None or its default. A number counts once it is complete, and a text too."""
    seen = growing(ValueType(Recipe), RECIPE_TEXT)
    assert [(part.title, part.portions, len(part.steps)) for part in seen[:3]] == [
        ("Pancakes", None, 0),
        ("Pancakes", 4, 0),
        ("Pancakes", 4, 1),
    ]
    assert [type(part) for part in seen] == [Recipe] * len(seen)
    assert seen[0].model_fields_set == {"title"}
    assert ValueType(Recipe).read(RECIPE_TEXT) == RECIPE


@pytest.mark.fault("T4", "the other fields stay")
def test_a_field_that_is_not_valid_does_not_take_the_others_away() -> None:
    """``portions`` is wrong. What came beside it is still there."""
    part = ValueType(Recipe).partial('{"title": "Pancakes", "portions": "four", "steps": [{"what": "mix"}')
    assert (part.title, part.portions, part.steps) == ("Pancakes", None, [Step(what="mix")])


@pytest.mark.parametrize(
    ("wanted", "text", "said"),
    [
        (Recipe, '{"title": "Pancakes"}', "portions: Field required"),
        (Recipe, '{"title": "P", "portions": 0}', "title: String should have at least 2 characters (and 1 more)"),
        (Recipe, RECIPE_TEXT.replace('"mix"', "1"), "steps.0.what: Input should be a valid string"),
        (list[River], '{"value": [{"name": "Elbe", "km": "long"}]}', "0.km: Input should be a valid integer"),
        (Taste, '{"value": "bitter"}', "Input should be 'sweet' or 'salty'"),
        (Recipe, "I cannot cook.", "Invalid JSON"),
        (Recipe, RECIPE_TEXT[:-5], "Invalid JSON"),
        (Recipe, "  ", "the answer has no text"),
        (Recipe, "[" * 100_000, "Invalid JSON"),
        (RIVERS, '{"value": [{"km": "long"}]}', "0.km: 'long' is not of type 'integer'"),
        (RIVERS, "[NaN]", "not JSON"),
        (RIVERS, "[" * 100_000, "not JSON"),
    ],
)
@pytest.mark.fault("T1", "the field and the reason are named")
def test_what_is_not_valid_names_the_field_and_the_reason(wanted: Any, text: str, said: str) -> None:
    """The message is one short line, whatever the model wrote."""
    kind = ValueType(wanted)
    with pytest.raises(InvalidValue) as told:
        kind.read(text)
    assert said in str(told.value)
    assert len(str(told.value)) < 320
    assert kind.partial("[" * 100_000) is None


def test_a_validator_that_raises_anything_is_a_reason() -> None:
    """The person's own code may fail. The answer is then not a value."""

    class Odd(Step):
        def model_post_init(self, _: Any) -> None:
            raise ZeroDivisionError("oh\x1b[31m")

    with pytest.raises(InvalidValue, match=r"ZeroDivisionError: oh␛\[31m"):
        ValueType(Odd).read('{"what": "x"}')


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (len, "is a function"),
        (object(), "An answer cannot be"),
        ("Recipe", "The answer's type is a class or a JSON schema, not a str"),
        ({"type": 3}, "The JSON schema is not valid"),
        ({"a": {1, 2}}, "cannot be written as JSON"),
    ],
)
def test_what_is_not_a_type_is_refused_before_anything_is_sent(wanted: Any, said: str) -> None:
    """The message says what can be used."""
    with pytest.raises(ConfigurationError, match=said) as told:
        ValueType(wanted)
    assert "Nothing was sent." in str(told.value)


def test_a_type_without_pydantic_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has what to install, and what works without it."""
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(
        ConfigurationError, match=r'The type River needs pydantic.*pip install "streamwidget\[values\]"'
    ):
        ValueType(River)


def test_a_schema_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jsonschema the JSON alone is checked, which is said. Without jiter and pydantic the rows still come."""
    for library in ("pydantic", "pydantic_core", "jiter", "jsonschema.validators"):
        monkeypatch.setitem(sys.modules, library, None)
    partial_reader.cache_clear()
    try:
        rivers, river = ValueType(RIVERS), ValueType(RIVERS["$defs"]["River"])
        assert rivers.read('[{"km": "long"}]') == [{"km": "long"}]
        assert "jsonschema is not installed" in rivers.unchecked
        assert rivers.partial('[{"km": 1}, {"km"') == [{"km": 1}]
        assert (river.partial('{"km": 12,'), river.read('{"km": 12}')) == (None, {"km": 12})
    finally:
        partial_reader.cache_clear()


def test_a_type_can_be_copied_with_its_answer() -> None:
    """A completion with a value goes to another process like any other."""
    answer = ChatCompletion(RECIPE_TEXT, outcome="complete", value=RECIPE, value_type=ValueType(Recipe))
    for copied in (pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)):
        assert (copied, copied.value, copied.partial) == (answer, RECIPE, RECIPE)


@given(
    st.lists(
        st.recursive(st.none() | st.booleans() | st.integers() | st.text('ab"\\[]{},é\n'), lambda part: st.lists(part)
                     | st.dictionaries(st.text('k"]'), part), max_leaves=8),
        max_size=5,
    ),
    st.booleans(),
    st.sampled_from([None, 1]),
    st.integers(1, 7),
)  # fmt: skip
@pytest.mark.fault("T4", "each row is found once, when it is complete")
def test_rows_are_found_however_the_text_is_cut(rows: list[Any], wraps: bool, indent: int | None, size: int) -> None:
    """Each row once and whole, and never before it is complete."""
    text = json.dumps({"value": rows} if wraps else rows, indent=indent)
    finder, found = Rows(), []
    for start in range(0, len(text), size):
        found += finder.feed(text[start : start + size])
        assert [json.loads(row) for row in found] == rows[: len(found)]
    assert len(found) == len(rows)
    assert json.loads(json_in(f"Sure:\n```\n{text}\n``` done")) == (json.loads(text))


@pytest.mark.parametrize("text", ['{"other": [1, 2]}', "no list", '{"a": {"value": [1]}}', '"[1]"'])
def test_another_list_has_no_rows(text: str) -> None:
    """Only the root, or the value of the object around it."""
    assert Rows().feed(text) == []
