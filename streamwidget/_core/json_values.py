"""Make checked values of JSON that somebody may have edited. A wrong value is refused, and its place is named.

A value of the wrong type would break the code that shows it, much later and far away from the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

#: No real number is larger. Larger ones overflow where a float is needed.
_LARGEST = 2.0**128
_PLAIN = (str, int, float, bool, NoneType)


def read(kind: Any, value: object, place: str) -> Any:
    """Return ``value`` as a value of the type ``kind``.

    Parameters
    ----------
    kind : type
        ``str``, ``int``, ``float``, ``bool``, ``None``, a ``Literal``, a union, ``tuple[X, ...]``, ``list[X]``,
        ``dict[str, X]``, a dataclass of such types, or ``object`` or ``Any`` for anything. Numbers must be finite and
        not negative.
    value : object
        A value that ``json.loads`` returned.
    place : str
        Where the value is, for messages.

    Raises
    ------
    ValueError
        If it is not such a value.

    Examples
    --------
    >>> read(dict[str, int], {"a": 1}, "counts")
    {'a': 1}
    >>> read(tuple[int, ...], [1, "x"], "counts")
    Traceback (most recent call last):
        ...
    ValueError: counts[1] is 'x'
    """
    if kind in (object, Any):
        return value
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        if not isinstance(value, str) or value not in parts:
            raise _wrong(value, place)
        return value
    if origin in (UnionType, Union):  # `str | None`, and `Literal[...] | None`
        return _read_union(parts, value, place)
    if origin in (tuple, list):
        if not isinstance(value, list):
            raise _wrong(value, place)
        return origin(read(parts[0], item, f"{place}[{number}]") for number, item in enumerate(value))
    if origin in (dict, Mapping):
        return {name: read(parts[1], item, f"{place}.{name:.40}") for name, item in _object(value, place).items()}
    if is_dataclass(kind):
        return _read_dataclass(kind, value, place)
    if not _is_plain(kind, value) or (isinstance(value, int | float) and value < 0):
        raise _wrong(value, place)
    return value


def read_field(kind: Any, value: object, name: str, place: str) -> Any:
    """Return one field of an object, as :func:`read` does. ValueError if ``value`` is not an object with this field."""
    given = _object(value, place)
    if name not in given:
        raise ValueError(f"{place} has no {name!r}")
    return read(kind, given[name], f"{place}, {name}")


def _read_union(kinds: tuple[Any, ...], value: object, place: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not NoneType)
    if len(kinds) == 1:
        return read(kinds[0], value, place)
    # Text or a number: that is a provider's code, and -32000 is one.
    if not any(_is_plain(kind, value) for kind in kinds):
        raise _wrong(value, place)
    return value


def _read_dataclass(kind: Any, value: object, place: str) -> Any:
    given = _object(value, place)
    hints = get_type_hints(kind)
    if unknown := set(given) - set(hints):
        raise ValueError(f"{place} has an unknown field {min(unknown)!r:.40}")
    for field in fields(kind):  # older files may lack fields that have a default
        if field.name not in given and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{place} has no {field.name!r}")
    return kind(**{name: read(hints[name], part, f"{place}.{name}") for name, part in given.items()})


def _object(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(value, place)
    return value


def _is_plain(kind: Any, value: object) -> bool:
    assert kind in _PLAIN, kind
    if type(value) not in ((int, float) if kind is float else (kind,)):
        return False
    return not isinstance(value, int | float) or abs(value) < _LARGEST  # never true of NaN


def _wrong(value: object, place: str) -> ValueError:
    # The repr of a list or an object may be long, or nested too deeply.
    found = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else f"{value!r:.40}"
    return ValueError(f"{place} is {found}")
