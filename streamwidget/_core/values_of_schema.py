"""The values of a JSON schema: what ``json.loads`` returns."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from streamwidget._core.exceptions import ConfigurationError, InvalidValue
from streamwidget._core.json_text import WRAPPED, partial_reader, unwrapped
from streamwidget._core.surrogates import well_formed
from streamwidget._core.visible import one_line

_REASON = 300  # characters


class OfSchema:
    """A JSON schema. Its values are checked if ``jsonschema`` is installed."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        try:
            self.schema: dict[str, Any] = json.loads(json.dumps(schema, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as exc:
            raise ConfigurationError(f"The JSON schema cannot be written as JSON: {exc}. Nothing was sent.") from exc
        self.name = one_line(str(schema.get("title") or "the JSON schema"), 80)
        self.unchecked = ""
        self._is_object = is_object(self.schema)
        self._check = self._checker(self.schema)
        self._partly = partial_reader()

    def _checker(self, schema: Mapping[str, Any]) -> Callable[[Any], None]:
        try:
            validators = importlib.import_module("jsonschema.validators")
        except ImportError:
            self.unchecked = "jsonschema is not installed, so only the JSON was checked, and not its fields"
            return lambda value: None  # noqa: ARG005
        kind = validators.validator_for(schema, default=validators.Draft202012Validator)
        try:
            kind.check_schema(schema)
        except Exception as exc:
            message = f"The JSON schema is not valid: {reason('', getattr(exc, 'message', str(exc)))}"
            raise ConfigurationError(f"{message}. Nothing was sent.") from exc
        checker = kind(schema)

        def check(value: Any) -> None:
            wrong = next(iter(checker.iter_errors(value)), None)
            if wrong is not None:
                raise InvalidValue(reason(".".join(map(str, wrong.absolute_path)), wrong.message))

        return check

    def whole(self, text: str) -> Any:
        value = unwrapped(_loaded(text), is_object=self._is_object)
        self._check(value)
        return value

    def part(self, text: str) -> Any:
        return unwrapped(self._partly(text), is_object=self._is_object)

    def row(self) -> Callable[[str], Any] | None:
        root = _root_of(self.schema)
        if root.get("type") != "array":
            return None
        items = root.get("items")
        definitions: dict[str, Any] = {
            name: self.schema[name] for name in ("$defs", "definitions") if name in self.schema
        }
        check = self._checker({**definitions, **items} if isinstance(items, dict) else {})

        def read(text: str) -> Any:
            value = _loaded(text)
            check(value)
            return value

        return read


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        raise InvalidValue(reason("", f"not JSON ({exc or 'nested too deeply'})")) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def is_object(schema: Mapping[str, Any]) -> bool:
    """Return True if a schema describes an object."""
    return _root_of(schema).get("type") == "object"


def wrapped(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with a value of ``schema`` as its only field.

    >>> wrapped({"enum": ["red"]})["properties"]
    {'value': {'enum': ['red']}}
    """
    inner = {name: part for name, part in schema.items() if name not in ("$defs", "definitions", "$schema")}
    around = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    fields = {"properties": {WRAPPED: inner}, "required": [WRAPPED], "additionalProperties": False}
    return {"type": "object", **fields, **around}


def _root_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, or the definition named by its root."""
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        with_name: Any = schema
        for name in reference[2:].split("/"):
            with_name = with_name.get(name, {}) if isinstance(with_name, Mapping) else {}
        return with_name if isinstance(with_name, Mapping) else {}
    return schema


def reason(place: str, why: str) -> str:
    """Return the fault of a value, in one line."""
    return one_line(well_formed(f"{place}: {why}" if place else why), _REASON)
