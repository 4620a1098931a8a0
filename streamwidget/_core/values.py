"""The type of an answer: its JSON schema, and how a text becomes a value of it.

Rules
-----
- A value is a whole and checked answer. A cut answer has none.
- pydantic's or jiter's partial parsing finds the valid part so far. Nothing here repairs JSON.
- Some servers want an object. For them a list, an enum or another type is put into one. Its only field is ``value``. It
  is taken out again here. A bare value is taken too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from streamwidget._core.exceptions import ConfigurationError, InvalidValue
from streamwidget._core.json_text import Rows, certain, json_in
from streamwidget._core.values_of_schema import OfSchema, is_object, reason, wrapped
from streamwidget._core.values_of_type import OfType

_NAME = 64  # characters of a schema's name. Servers limit it


class _Kind(Protocol):
    """A Python type or a JSON schema."""

    name: str
    schema: dict[str, Any]
    unchecked: str  # why values cannot be checked, in words. Empty: they are

    def whole(self, text: str) -> Any:
        """Return the value of a whole JSON text. InvalidValue if it is not one."""
        ...

    def part(self, text: str) -> Any:
        """Return the valid part of a growing JSON text, or None."""
        ...

    def row(self) -> Callable[[str], Any] | None:
        """Return a reader of one row's JSON. It raises InvalidValue. None: this is not a list."""
        ...


class ValueType:
    """The type of an answer.

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
        If it is not such a type, or needs a library that is not installed.

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
        self._kind: _Kind = OfSchema(wanted) if isinstance(wanted, Mapping) else OfType(wanted)
        self.name = self._kind.name
        self.schema = self._kind.schema
        self.unchecked = self._kind.unchecked
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
        """True if its schema describes an object. Then nothing is put around it."""
        return is_object(self.schema)

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
            raise InvalidValue(reason("", f"{type(exc).__name__}: {exc}")) from exc

    def partial(self, text: str) -> Any:
        """Return the part that is already valid, or None. Of a list these are the complete rows."""
        if self._row is not None:
            return self.rows(Rows().feed(text)) or None
        try:
            found = self._kind.part(certain(text))
        except Exception:  # noqa: BLE001  (it is not JSON, or not yet)
            return None
        return None if found == {} else found

    def rows(self, found: Sequence[str]) -> list[Any]:
        """Return the values of these rows, without the invalid ones."""
        values = []
        for row in found:
            try:
                values.append(self._row(row) if self._row is not None else None)
            except Exception:  # noqa: BLE001
                continue
        return values


def value_type(wanted: Any, retries: int = 0) -> ValueType | None:
    """Return the type of an answer. None: any text.

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
