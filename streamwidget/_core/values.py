"""The type that an answer is to have: its JSON schema, and how a text becomes a value of it.

Rules
-----
- A value is a whole answer that was checked. A cut answer has none.
- What is there so far is found by pydantic's or jiter's partial parsing. Nothing here repairs JSON.
- pydantic checks types. It is imported when a type is used. A JSON schema needs no library.
- A list, an enum or any other type that is not an object is put into an object for servers that want one. Its only
  field is ``value``. It is taken out again here. A bare value is taken too.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import operator
import re
import sys
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from streamwidget._core.exceptions import ConfigurationError, InvalidValue
from streamwidget._core.json_text import WRAPPED, Rows, certain, json_in, unwrapped
from streamwidget._core.surrogates import well_formed
from streamwidget._core.visible import one_line

_LISTS = (list, Sequence, Collection, typing.Iterable)
_NAME = 64  # characters of a schema's name, which servers limit
_REASON = 300  # characters of what is wrong


class _Kind(Protocol):
    """What differs between a Python type and a JSON schema."""

    name: str
    schema: dict[str, Any]

    def whole(self, text: str) -> Any:
        """Return the value of a whole JSON text. InvalidValue if it is not one."""
        ...

    def part(self, text: str) -> Any:
        """Return what is valid so far of a growing JSON text, or None."""
        ...

    def row(self) -> Callable[[str], Any] | None:
        """Return what makes a value of one row's JSON. It raises InvalidValue. None: this is not a list."""
        ...


class ValueType:
    """What an answer is to be.

    Parameters
    ----------
    wanted : type or mapping
        A pydantic model, a dataclass, a TypedDict, a list of one of them, an Enum, a Literal, any other type that
        pydantic knows, or a JSON schema as a dict.

    Attributes
    ----------
    wanted : type or mapping
    name : str
        Its name, for people.
    schema : dict
        Its JSON schema.
    unchecked : str
        Why its values cannot be checked, in words. Empty: they are.

    Raises
    ------
    ConfigurationError
        If it is not such a type, or the library that it needs is not installed.

    Examples
    --------
    >>> kind = ValueType({"type": "array", "items": {"type": "integer"}})
    >>> kind.read('{"value": [1, 2]}'), kind.read("[1, 2]"), kind.partial("[1, 2, 3")
    ([1, 2], [1, 2], [1, 2])
    """

    name = ""  # a traceback shows the repr, even if __init__ failed

    def __init__(self, wanted: Any) -> None:
        if isinstance(wanted, str | bytes):
            raise ConfigurationError(
                f"The answer's type is a class or a JSON schema, not a {type(wanted).__name__}. Nothing was sent."
            )
        self.wanted = wanted
        self._kind: _Kind = _OfSchema(wanted) if isinstance(wanted, Mapping) else _OfType(wanted)
        self.name = self._kind.name
        self.schema = self._kind.schema
        self.unchecked = getattr(self._kind, "unchecked", "")
        self._row = self._kind.row()

    def __repr__(self) -> str:
        return f"ValueType({self.name})"

    def __reduce__(self) -> tuple[Any, ...]:
        return ValueType, (self.wanted,)

    @property
    def is_ours(self) -> bool:
        """True if no code of the person runs when a value is made. A class may have validators, a schema has none."""
        return isinstance(self.wanted, Mapping)

    @property
    def is_list(self) -> bool:
        """True if its values have rows."""
        return self._row is not None

    @property
    def is_object(self) -> bool:
        """True if its schema describes an object, so that nothing has to be put around it."""
        return _resolved(self.schema).get("type") == "object"

    @property
    def label(self) -> str:
        """Its name as servers take it: ASCII letters, digits, ``_`` and ``-``."""
        return re.sub(r"[^A-Za-z0-9_-]+", "_", self.name).strip("_")[:_NAME] or "answer"

    @property
    def object_schema(self) -> dict[str, Any]:
        """The schema with an object at its root."""
        return self.schema if self.is_object else wrapped(self.schema)

    def read(self, text: str) -> Any:
        """Return the value of a whole answer.

        Raises
        ------
        InvalidValue
            If it is not one.
        """
        if not text.strip():
            raise InvalidValue("the answer has no text")
        try:
            return self._kind.whole(json_in(text))
        except InvalidValue:
            raise
        except Exception as exc:  # a validator of the person may raise anything
            raise InvalidValue(_reason("", f"{type(exc).__name__}: {exc}")) from exc

    def partial(self, text: str) -> Any:
        """Return the part that is already valid, or None. Of a list these are the rows that are complete."""
        if self._row is not None:
            return self.rows(Rows().feed(text)) or None
        try:
            found = self._kind.part(certain(text))
        except Exception:  # noqa: BLE001  (it is not JSON, or not yet)
            return None
        return None if found == {} else found

    def rows(self, found: Sequence[str]) -> list[Any]:
        """Return the values of these rows. One that is not valid is left out."""
        values = []
        for row in found:
            try:
                values.append(self._row(row) if self._row is not None else None)
            except Exception:  # noqa: BLE001
                continue
        return values


def value_type(wanted: Any, retries: int = 0) -> ValueType | None:
    """Return what an answer is to be. None: any text.

    Raises
    ------
    ConfigurationError
        If ``wanted`` is not a type of answers, or ``retries`` is not a number of them.
    """
    if type(retries) is not int or retries < 0:
        raise ConfigurationError("retries must be a whole number from 0.")
    if wanted is None and retries:
        raise ConfigurationError("retries needs as_=: it asks again for a value that is not valid. Nothing was sent.")
    return wanted if wanted is None or isinstance(wanted, ValueType) else ValueType(wanted)


def wrapped(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object whose only field is a value of ``schema``.

    >>> wrapped({"enum": ["red"]})["properties"]
    {'value': {'enum': ['red']}}
    """
    inner = {name: part for name, part in schema.items() if name not in ("$defs", "definitions", "$schema")}
    around = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    fields = {"properties": {WRAPPED: inner}, "required": [WRAPPED], "additionalProperties": False}
    return {"type": "object", **fields, **around}


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, or the definition that its root names."""
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        with_name: Any = schema
        for name in reference[2:].split("/"):
            with_name = with_name.get(name, {}) if isinstance(with_name, Mapping) else {}
        return with_name if isinstance(with_name, Mapping) else {}
    return schema


def _reason(place: str, why: str) -> str:
    return one_line(well_formed(f"{place}: {why}" if place else why), _REASON)


class _OfSchema:
    """A JSON schema. Its values are what ``json.loads`` returns. They are checked if ``jsonschema`` is installed."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        try:
            self.schema: dict[str, Any] = json.loads(json.dumps(schema, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as exc:
            raise ConfigurationError(f"The JSON schema cannot be written as JSON: {exc}. Nothing was sent.") from exc
        self.name = one_line(str(schema.get("title") or "the JSON schema"), 80)
        self.unchecked = ""
        self._is_object = _resolved(self.schema).get("type") == "object"
        self._check = self._checker(self.schema)
        self._partly = _partial_reader()

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
            message = f"The JSON schema is not valid: {_reason('', getattr(exc, 'message', str(exc)))}"
            raise ConfigurationError(f"{message}. Nothing was sent.") from exc
        checker = kind(schema)

        def check(value: Any) -> None:
            wrong = next(iter(checker.iter_errors(value)), None)
            if wrong is not None:
                raise InvalidValue(_reason(".".join(map(str, wrong.absolute_path)), wrong.message))

        return check

    def whole(self, text: str) -> Any:
        return self._checked(unwrapped(_loaded(text), is_object=self._is_object))

    def _checked(self, value: Any) -> Any:
        self._check(value)
        return value

    def part(self, text: str) -> Any:
        return unwrapped(self._partly(text), is_object=self._is_object)

    def row(self) -> Callable[[str], Any] | None:
        root = _resolved(self.schema)
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
        raise InvalidValue(_reason("", f"not JSON ({exc or 'nested too deeply'})")) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@functools.cache
def _partial_reader() -> Callable[[str], Any]:
    """Return what reads growing JSON: jiter's or pydantic's parser. Without them there is a value only at the end."""
    for module, option in (("pydantic_core", "allow_partial"), ("jiter", "partial_mode")):
        try:
            from_json = importlib.import_module(module).from_json
        except ImportError:
            continue
        return lambda text: from_json(text.encode(), allow_inf_nan=False, **{option: True})
    return lambda text: None  # noqa: ARG005


class _OfType:
    """A Python type. pydantic reads and checks it."""

    def __init__(self, wanted: Any) -> None:
        self.name = one_line(getattr(wanted, "__name__", "") if not typing.get_args(wanted) else str(wanted), 80)
        self.name = re.sub(r"\b(?:\w+\.)+(?:<locals>\.)?", "", self.name) or one_line(repr(wanted), 80)
        try:
            from pydantic import TypeAdapter, ValidationError
        except ImportError:
            raise ConfigurationError(
                f"The type {self.name} needs pydantic, which is not installed here: "
                '`pip install "streamwidget[values]"`. A JSON schema (a dict) needs no library. Nothing was sent.'
            ) from None
        if isinstance(wanted, types.FunctionType | types.MethodType | types.BuiltinFunctionType):
            raise ConfigurationError(f"{self.name} is a function, and not a type of answers. Nothing was sent.")
        self._invalid = ValidationError
        self._read_part = _partial_reader()
        self._adapter_of = TypeAdapter
        self._wanted = _with_known_dicts(wanted)
        try:
            self._adapter = TypeAdapter(self._wanted)
            self.schema = self._adapter.json_schema()
            self._is_object = _resolved(self.schema).get("type") == "object"
            self._in_object = None if self._is_object else TypeAdapter(_typed_dict("Answer", {WRAPPED: self._wanted}))
            self._fields = _fields_of(self._wanted)
            self._partly = self._partial_adapter()
        except ConfigurationError:
            raise
        except Exception as exc:
            why = _reason("", str(exc).partition("\n")[0]).rstrip(".")
            message = f"An answer cannot be {self.name}: {why}. Use a class, a list of one, or a JSON schema."
            raise ConfigurationError(f"{message} Nothing was sent.") from exc

    def _partial_adapter(self) -> Any:
        if self._fields is not None:
            return self._adapter_of(_typed_dict(self.name, self._fields, total=False))
        if self._in_object is not None:
            return self._adapter_of(_typed_dict("Answer", {WRAPPED: self._wanted}, total=False))
        return self._adapter

    def whole(self, text: str) -> Any:
        try:
            if self._in_object is not None and text.startswith("{") and _is_wrapped(text):
                return self._in_object.validate_json(text)[WRAPPED]
            return self._adapter.validate_json(text)
        except self._invalid as exc:
            raise InvalidValue(_first_error(exc)) from exc

    def part(self, text: str) -> Any:
        given = self._read_part(text)
        found = self._valid_part(text, given) if given else None  # pydantic would fill in the defaults
        if self._in_object is not None:
            return found.get(WRAPPED) if isinstance(found, dict) else found
        return found if self._fields is None or found is None else _unfinished(self._wanted, found, given)

    def _valid_part(self, text: str, given: Any) -> Any:
        if self._in_object is not None and not text.startswith("{"):
            return self._adapter.validate_json(text, experimental_allow_partial=True)
        try:
            return self._partly.validate_json(text, experimental_allow_partial=True)
        except self._invalid as exc:
            # A field that came whole and is not valid. The others are still there.
            wrong = {error["loc"][0] for error in exc.errors() if error["loc"]}
            if self._fields is None or not wrong or not isinstance(given, dict):
                return None
            rest = json.dumps({name: value for name, value in given.items() if name not in wrong})
            return self._partly.validate_json(rest, experimental_allow_partial=True) or None

    def row(self) -> Callable[[str], Any] | None:
        parts = typing.get_args(self._wanted)
        if typing.get_origin(self._wanted) not in _LISTS or len(parts) != 1:
            return None
        read: Callable[[str], Any] = self._adapter_of(parts[0]).validate_json
        return read


def _is_wrapped(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return True  # the message then names the place in the object
    return isinstance(value, dict) and value.keys() == {WRAPPED}


def _first_error(exc: Any) -> str:
    errors = exc.errors(include_url=False, include_context=False, include_input=False)
    first = errors[0]
    place = [str(part) for part in first["loc"]]
    place = place[1:] if place[:1] == [WRAPPED] and len(place) > 1 else place
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return _reason(".".join(place), f"{first['msg']}{more}")


def _fields_of(wanted: Any) -> dict[str, Any] | None:
    """Return the fields of a class with their types, for its partial values. None if it is not such a class."""
    model_fields = getattr(wanted, "model_fields", None) if isinstance(wanted, type) else None
    if isinstance(model_fields, dict) and not getattr(wanted, "__pydantic_root_model__", False):
        return {name: typing.Annotated[field.annotation, field] for name, field in model_fields.items()}
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        hints = typing.get_type_hints(wanted, include_extras=True)
        return {field.name: hints[field.name] for field in dataclasses.fields(wanted) if field.init}
    if typing.is_typeddict(wanted) or _is_extended_dict(wanted):
        hints = typing.get_type_hints(wanted, include_extras=True)
        return {name: _without_need(hint) for name, hint in hints.items()}
    return None


def _is_extended_dict(wanted: Any) -> bool:
    """Return True for a TypedDict of ``typing_extensions``, which ``typing`` does not know in older Pythons."""
    return isinstance(wanted, type) and hasattr(wanted, "__required_keys__")


def _is_required(wanted: Any, name: str, hint: Any) -> bool:
    """Return True for a field that must be there. Python does not read ``NotRequired`` in postponed annotations."""
    said = getattr(typing.get_origin(hint), "_name", "")
    return said == "Required" if said in ("Required", "NotRequired") else name in wanted.__required_keys__


def _without_need(hint: Any) -> Any:
    """Return the type in ``Required[...]`` or ``NotRequired[...]``."""
    origin = typing.get_origin(hint)
    return typing.get_args(hint)[0] if getattr(origin, "_name", "") in ("Required", "NotRequired") else hint


def _unfinished(wanted: Any, found: dict[str, Any], given: Any) -> Any:
    """Return an object of the class with the fields that came. Those that are still missing have their default or None.

    ``model_fields_set`` of a pydantic model names the fields that came.
    """
    if hasattr(wanted, "model_construct"):
        names = {field.alias: name for name, field in wanted.model_fields.items() if field.alias}
        value = wanted.model_construct({names.get(name, name) for name in given} & found.keys(), **found)
        for name in wanted.model_fields:
            if name not in vars(value):
                vars(value)[name] = None
        return value
    if not dataclasses.is_dataclass(wanted):
        return found
    made: Any = object.__new__(typing.cast(type, wanted))
    for field in dataclasses.fields(wanted):
        default = None if field.default is dataclasses.MISSING else field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        object.__setattr__(made, field.name, found.get(field.name, default))
    return made


def _typed_dict(name: str, fields: dict[str, Any], *, total: bool = True) -> Any:
    """Make a TypedDict of which pydantic can read a part. It is pydantic's own, because 3.11's lacks something."""
    make: Any = importlib.import_module("typing_extensions").TypedDict
    return make(name, fields, total=total)


def _with_known_dicts(wanted: Any) -> Any:
    """Replace each TypedDict of ``typing`` by one of ``typing_extensions``. Before Python 3.12 pydantic needs that."""
    if sys.version_info >= (3, 12):
        return wanted
    if typing.is_typeddict(wanted):
        hints = typing.get_type_hints(wanted, include_extras=True)
        need = importlib.import_module("typing_extensions")
        fields = {
            name: (need.Required if _is_required(wanted, name, hint) else need.NotRequired)[
                _with_known_dicts(_without_need(hint))
            ]
            for name, hint in hints.items()
        }
        return _typed_dict(wanted.__name__, fields)
    parts = tuple(map(_with_known_dicts, typing.get_args(wanted)))
    origin = typing.get_origin(wanted)
    if not parts or origin is typing.Literal or parts == typing.get_args(wanted):
        return wanted
    if origin in (types.UnionType, typing.Union):
        return functools.reduce(operator.or_, parts)
    if hasattr(wanted, "copy_with"):
        return wanted.copy_with(parts)
    return origin[parts] if origin is not None else wanted
