"""The arguments of a function: their JSON schema, and their check before the call.

pydantic does both if it is installed. Without it the plain types are known: ``str``, ``int``, ``float``, ``bool``,
``None``, ``list``, ``dict``, ``Literal`` and unions of them. docstring_parser finds the words of a docstring about each
argument, in the styles of numpy and Google. Without it the whole docstring is the description.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from streamwidget._core.exceptions import ConfigurationError

_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    dict: {"type": "object"},
    Any: {},
    object: {},
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (NoneType,),
    "array": (list,),
    "object": (dict,),
}
_NAMED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a tool.

    Attributes
    ----------
    schema : dict
        Their JSON schema.
    check : callable
        Takes the model's arguments. Returns those to call the function with, or raises a ValueError whose
        text the model is told.
    positional : tuple of str
        The names of positional-only arguments.
    description : str
        The words of the docstring about the function.
    """

    schema: dict[str, Any]
    check: Callable[[dict[str, Any]], dict[str, Any]]
    positional: tuple[str, ...] = ()
    description: str = ""


def arguments_of(function: Callable[..., Any], name: str) -> Arguments:
    """Read the signature, the type hints and the docstring of a function.

    Raises
    ------
    ConfigurationError
        If a hint has no JSON schema, or names something undefined.

    Examples
    --------
    >>> def weather(city: str, days: int = 1) -> str: ...
    >>> made = arguments_of(weather, "weather")
    >>> made.schema["properties"]["days"]["type"], made.schema["required"]
    ('integer', ['city'])
    >>> made.check({"city": "Oslo", "days": 2})
    {'city': 'Oslo', 'days': 2}
    """
    hinted = function.func if isinstance(function, functools.partial) else function
    if not (inspect.isfunction(hinted) or inspect.ismethod(hinted) or inspect.isbuiltin(hinted)):
        hinted = type(hinted).__call__
    try:
        hints = typing.get_type_hints(hinted, include_extras=True)
        parameters = [one for one in inspect.signature(function).parameters.values() if one.kind in _NAMED]
    except (NameError, TypeError, ValueError) as exc:
        raise ConfigurationError(f"The arguments of the tool {name} cannot be read: {exc}.") from exc
    description, said = _docstring(function)
    taken = [_Parameter(one.name, hints.get(one.name, Any), one.default, said.get(one.name, "")) for one in parameters]
    positional = tuple(one.name for one in parameters if one.kind is inspect.Parameter.POSITIONAL_ONLY)
    try:
        schema, check = _with_pydantic(name, taken)
    except ImportError:
        schema, check = _with_plain_types(name, taken)
    return Arguments(schema, check, positional, description)


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    hint: Any
    default: Any
    said: str

    @property
    def is_required(self) -> bool:
        return self.default is inspect.Parameter.empty


def _docstring(function: Any) -> tuple[str, dict[str, str]]:
    """Return the words of a docstring about the function, and about each of its arguments."""
    whole = inspect.getdoc(function) or "" if not isinstance(function, functools.partial) else ""
    try:
        import docstring_parser
    except ImportError:
        return whole, {}
    try:
        read = docstring_parser.parse(whole)
    except docstring_parser.ParseError:
        return whole, {}
    about = "\n\n".join(filter(None, [read.short_description, read.long_description]))
    return about, {
        name.strip(): one.description for one in read.params if one.description for name in one.arg_name.split(",")
    }


def _with_pydantic(
    name: str, taken: list[_Parameter]
) -> tuple[dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]]]:
    import pydantic

    fields: dict[str, Any] = {}
    for place, one in enumerate(taken):
        # The names are aliases, because pydantic keeps some names of fields for itself.
        default = ... if one.is_required else one.default
        fields[f"p{place}"] = (one.hint, pydantic.Field(default, alias=one.name, description=one.said or None))
    config = pydantic.ConfigDict(extra="forbid", title=name)
    try:
        model = pydantic.create_model(name, __config__=config, **fields)
        schema = model.model_json_schema()
    except Exception as exc:
        why = str(exc).partition("\n")[0]
        raise ConfigurationError(f"The arguments of the tool {name} have no JSON schema: {why}") from exc
    names = {f"p{place}": one.name for place, one in enumerate(taken)}

    def check(given: dict[str, Any]) -> dict[str, Any]:
        try:
            read = model.model_validate(given)
        except pydantic.ValidationError as exc:
            wrong = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in exc.errors(include_url=False)]
            raise ValueError("; ".join(wrong)) from None
        return {names[field]: getattr(read, field) for field in names if field in read.model_fields_set}

    return _without_titles(schema), check


def _without_titles(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop pydantic's titles of fields, because they repeat the names. An argument of the name ``title`` stays."""
    bare = {name: value for name, value in schema.items() if name != "title"}
    if isinstance(properties := bare.get("properties"), dict):
        bare["properties"] = {
            name: {key: value for key, value in one.items() if key != "title"} for name, one in properties.items()
        }
    bare.setdefault("properties", {})
    return bare


def _with_plain_types(
    name: str, taken: list[_Parameter]
) -> tuple[dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]]]:
    properties = {}
    for one in taken:
        found = _plain_schema(one.hint)
        if found is None:
            raise ConfigurationError(
                f"The tool {name} takes {one.name} of a type that needs pydantic. Install it: pip install pydantic"
            )
        properties[one.name] = {**found, **({"description": one.said} if one.said else {})}
    required = [one.name for one in taken if one.is_required]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def check(given: dict[str, Any]) -> dict[str, Any]:
        wrong = [f"{key}: there is no such argument" for key in given if key not in properties]
        wrong += [f"{key}: it is missing" for key in required if key not in given]
        for key, value in given.items():
            if key in properties and not _fits(value, properties[key]):
                wrong.append(f"{key}: {value!r:.100} does not fit")
        if wrong:
            raise ValueError("; ".join(wrong))
        return given

    return schema, check


def _plain_schema(hint: Any) -> dict[str, Any] | None:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(parts)}
    if origin in (Union, UnionType):
        inner = [_plain_schema(part) for part in parts]
        return None if None in inner else {"anyOf": inner}
    if origin in (list, dict, tuple) and parts:
        of = _plain_schema(parts[-1 if origin is dict else 0])
        return None if of is None else {**_PLAIN[origin], "additionalProperties" if origin is dict else "items": of}
    try:
        return _PLAIN.get(hint)
    except TypeError:  # it cannot be hashed
        return None


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    if "anyOf" in schema:
        return any(_fits(value, one) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema.get("type")
    if kind is not None and (not isinstance(value, _TYPES[kind]) or (kind != "boolean" and isinstance(value, bool))):
        return False
    if isinstance(value, list):
        return all(_fits(one, schema.get("items", {})) for one in value)
    if isinstance(value, dict):
        return all(_fits(one, schema.get("additionalProperties", {})) for one in value.values())
    return True
