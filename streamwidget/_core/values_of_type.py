"""The values of a Python type. pydantic reads and checks them, and is imported when a type is used."""

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
from collections.abc import Callable, Collection, Sequence
from typing import Any

from streamwidget._core.exceptions import ConfigurationError, InvalidValue
from streamwidget._core.json_text import WRAPPED, partial_reader
from streamwidget._core.values_of_schema import is_object, reason
from streamwidget._core.visible import one_line

_LISTS = (list, Sequence, Collection, typing.Iterable)


class OfType:
    """A Python type. pydantic reads and checks it."""

    unchecked = ""

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
        self._read_part = partial_reader()
        self._adapter_of = TypeAdapter
        self._wanted = _with_known_dicts(wanted)
        try:
            self._adapter = TypeAdapter(self._wanted)
            self.schema = self._adapter.json_schema()
            self._in_object = (
                None if is_object(self.schema) else TypeAdapter(_typed_dict("Answer", {WRAPPED: self._wanted}))
            )
            self._fields = _fields_of(self._wanted)
            self._partly = self._partial_adapter()
        except ConfigurationError:
            raise
        except Exception as exc:
            why = reason("", str(exc).partition("\n")[0]).rstrip(".")
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
            # A field came whole and is not valid. The others are still there.
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
    return reason(".".join(place), f"{first['msg']}{more}")


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
    """Return True for a TypedDict of ``typing_extensions``. In older Pythons ``typing`` does not know it."""
    return isinstance(wanted, type) and hasattr(wanted, "__required_keys__")


def _is_required(wanted: Any, name: str, hint: Any) -> bool:
    """Return True for a required field. Python does not read ``NotRequired`` in postponed annotations."""
    said = getattr(typing.get_origin(hint), "_name", "")
    return said == "Required" if said in ("Required", "NotRequired") else name in wanted.__required_keys__


def _without_need(hint: Any) -> Any:
    """Return the type in ``Required[...]`` or ``NotRequired[...]``."""
    origin = typing.get_origin(hint)
    return typing.get_args(hint)[0] if getattr(origin, "_name", "") in ("Required", "NotRequired") else hint


def _unfinished(wanted: Any, found: dict[str, Any], given: Any) -> Any:
    """Return an object of the class with the fields so far. The missing ones have their default or None.

    ``model_fields_set`` of a pydantic model names the fields so far.
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
    """Make a TypedDict for partial reading. It is pydantic's own, because Python 3.11's lacks something."""
    make: Any = importlib.import_module("typing_extensions").TypedDict
    return make(name, fields, total=total)


def _with_known_dicts(wanted: Any) -> Any:
    """Replace each TypedDict of ``typing`` by one of ``typing_extensions``. Before Python 3.12 pydantic needs it."""
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
