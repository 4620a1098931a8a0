"""What the next question of a chat is asked with: the client, the model, and the fields of the request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from streamwidget._client.client import ChatClient
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.misplaced import check_fields
from streamwidget._sources.models import CallableModel, Model
from streamwidget._sources.sdk_model import SDKModel
from streamwidget._view.chat.received import Refused

#: The fields with a control in the page.
_TYPED = ("temperature", "max_tokens")


class Settings:
    """The settings of one chat.

    Attributes
    ----------
    client : Model
    model : str or None
        The model for the next question. None leaves it to the client.
    params : mapping
        Fields of the next request. It is replaced and never changed.
    """

    def __init__(self, client: Model) -> None:
        self.client = client
        self.model: str | None = None
        self.params: Mapping[str, Any] = {}

    @property
    def asked_model(self) -> str | None:
        """The model that is asked, as far as somebody has named it."""
        return self.model or self.client.model

    @property
    def needs_model(self) -> bool:
        """True if a question cannot be asked, because no model is chosen."""
        needs = isinstance(self.client, SDKModel) or getattr(self.client, "needs_model", False)
        return needs and not self.asked_model

    def takes(self, name: str) -> bool:
        """Return False for a field that the function of a person does not take."""
        return not isinstance(self.client, CallableModel) or self.client.takes(name)

    def check(self, params: Mapping[str, Any]) -> None:
        """Raise a ConfigurationError if a callable that answers does not take one of these fields, or one is a key."""
        if isinstance(self.client, ChatClient):
            check_fields(params)
        if unknown := [name for name in params if not self.takes(name)]:
            name = getattr(self.client, "name", "The client")
            raise ConfigurationError(f"{name} takes no argument {' or '.join(unknown)}.")

    def shown(self) -> dict[str, str]:
        """Return the settings that a person can change, as the page shows them. An empty text is the default."""
        limit = next((self.params[name] for name in self._limits if name in self.params), None)
        values = {"temperature": self.params.get("temperature"), "max_tokens": limit}
        fields = {name: "" if values[name] is None else str(values[name]) for name in _TYPED if self.takes(name)}
        return ({"model": self.asked_model or ""} if self.takes("model") else {}) | fields

    def params_with(self, name: str, typed: str) -> Mapping[str, Any]:
        """Return the fields after a person typed a value. An empty text is the default.

        Raises
        ------
        Refused
            If it is not a number of its kind.
        """
        if name not in _TYPED or not self.takes(name):
            return self.params
        fields = self._limits if name == "max_tokens" else (name,)
        rest = {field: given for field, given in self.params.items() if field not in fields}
        return {**rest, **(self._read(name, typed) if typed else {})}

    @property
    def _limits(self) -> tuple[str, ...]:
        """The fields that limit the length of an answer."""
        dialect = getattr(self.client, "dialect", None)
        return ("max_tokens",) if dialect is None else tuple(sorted(dialect.token_limits))

    def _read(self, name: str, typed: str) -> dict[str, Any]:
        try:
            number = float(typed)
            if name == "temperature" and math.isfinite(number) and number >= 0:
                return {name: number}
            if name == "max_tokens" and number == int(number) and number >= 1:
                dialect = getattr(self.client, "dialect", None)
                return {name: int(number)} if dialect is None else dialect.limit_tokens(int(number))
        except (ValueError, OverflowError):
            pass
        kind = "a number from 0" if name == "temperature" else "a whole number from 1"
        raise Refused(f"{typed[:40]!r} is not {kind}. The setting was not changed.")
