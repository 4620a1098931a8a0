"""Keys: how one is accepted, and how it is kept out of everything that a person may see.

A key lives in :class:`ApiKey` only, whose ``repr`` and ``str`` do not show it, so that tracebacks with locals, logs and
reprs stay clean. Text that comes from a server goes through :func:`mask` before it is shown.
"""

from __future__ import annotations

import re
from dataclasses import replace

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConfigurationError

# Half-masked keys too: providers echo the first and last characters of a wrong key in their 401.
_KEY_LIKE = re.compile(
    r"(?:\b(?:(?:sk|pk|rk|xai|nvapi)-|gsk_|hf_|AIza|Bearer )[\w*.-]{6,}|[\w.-]*\*{3,}[\w.-]*)(?<![.])"
)
_MASK = "[key]"


class ApiKey:
    """A key that does not show itself. ``reveal()`` gives it to the one place that sends it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        value = value.strip()
        if not value:
            raise ConfigurationError("The API key is empty. Set it in the environment, or pass None for no key.")
        if not (value.isascii() and value.isprintable()) or " " in value:
            # The value is not repeated: this message reaches the notebook.
            raise ConfigurationError(
                "The API key holds a character that no HTTP header may carry (a line break, a space, a control or "
                "non-ASCII character). Copy it again; nothing was sent."
            )
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "ApiKey(***)"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not pickled")


def mask(text: str, key: ApiKey | None = None) -> str:
    """Replace the key itself, and what looks like any provider's key, by ``[key]``."""
    if key is not None:
        text = text.replace(key.reveal(), _MASK)
    return _KEY_LIKE.sub(_MASK, text)


def mask_error(info: ErrorInfo, key: ApiKey | None = None) -> ErrorInfo:
    """Mask what a server said: providers echo a wrong key, or half of it."""
    code = mask(info.code, key) if isinstance(info.code, str) else info.code
    return replace(info, message=mask(info.message, key), code=code, type=info.type and mask(info.type, key))


def mask_bytes(data: bytes, key: ApiKey | None, *, guess: bool) -> bytes:
    """Write ``*`` over each byte of the key; with ``guess`` also over what looks like any provider's key."""
    if key is not None:
        secret = key.reveal().encode()
        data = data.replace(secret, b"*" * len(secret))
    if guess:
        # Latin-1: each byte is one character, so that the length stays.
        data = _KEY_LIKE.sub(lambda found: "*" * len(found[0]), data.decode("latin-1")).encode("latin-1")
    return data
