"""API keys: they are checked here, and kept out of everything that is shown or saved.

Rules
-----
- A key is only ever kept in an :class:`ApiKey`. Its ``repr`` and ``str`` hide the key, so tracebacks and logs do too.
- Text from a server goes through :func:`mask` before it is shown, because providers repeat keys in error messages.
"""

from __future__ import annotations

import re
from dataclasses import replace

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConfigurationError

# Half-masked keys too: in a 401, providers repeat the first and last characters of the key (`sk-12******89`).
_KEY_LIKE = re.compile(
    r"(?:\b(?:(?:sk|pk|rk|xai|nvapi)-|gsk_|hf_|AIza|Bearer )[\w*.-]{6,}|[\w.-]*\*{3,}[\w.-]*)(?<![.])"
)
_MASK = "[key]"


class ApiKey:
    """A key that hides itself. Only the transport calls ``reveal()``, to send it.

    Raises
    ------
    ConfigurationError
        If the key is empty or cannot be sent in an HTTP header.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        value = value.strip()
        if not value:
            raise ConfigurationError("The API key is empty. Set it in the environment, or pass None for no key.")
        if not (value.isascii() and value.isprintable()) or " " in value:
            # The value is not repeated: this message reaches the notebook.
            raise ConfigurationError(
                "The API key contains a character that cannot be sent in an HTTP header (a line break, a space, a "
                "control or non-ASCII character). Copy it again. Nothing was sent."
            )
        self._value = value

    def reveal(self) -> str:
        """Return the key itself."""
        return self._value

    def __repr__(self) -> str:
        return "ApiKey(***)"

    def __reduce__(self) -> str:
        raise TypeError("An API key cannot be pickled.")


def mask(text: str, key: ApiKey | None = None) -> str:
    """Replace the key, and everything that looks like a provider's key, by ``[key]``.

    Examples
    --------
    >>> mask("Incorrect API key provided: sk-12345678.")
    'Incorrect API key provided: [key].'
    """
    if key is not None:
        text = text.replace(key.reveal(), _MASK)
    return _KEY_LIKE.sub(_MASK, text)


def mask_error(info: ErrorInfo, key: ApiKey | None = None) -> ErrorInfo:
    """Mask all that a server wrote into an error. Providers repeat a wrong key, or half of it."""
    code = mask(info.code, key) if isinstance(info.code, str) else info.code
    kind, detail = (text and mask(text, key) for text in (info.type, info.detail))
    return replace(info, message=mask(info.message, key), code=code, type=kind, detail=detail)


def mask_bytes(data: bytes, key: ApiKey | None, *, guess: bool) -> bytes:
    """Replace each byte of the key by ``*``. With ``guess``, also everything that looks like a provider's key.

    The length stays the same.

    Examples
    --------
    >>> mask_bytes(b"key sk-12345678 is wrong", None, guess=True)
    b'key *********** is wrong'
    """
    if key is not None:
        secret = key.reveal().encode()
        data = data.replace(secret, b"*" * len(secret))
    if guess:
        # In Latin-1 each byte is one character, so the length stays the same.
        data = _KEY_LIKE.sub(lambda found: "*" * len(found[0]), data.decode("latin-1")).encode("latin-1")
    return data
