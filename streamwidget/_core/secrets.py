r"""API keys: they are checked here, and kept out of everything that is shown or saved.

Rules
-----
- A key is only ever kept in an :class:`ApiKey`. No attribute of it shows the key, so tracebacks and logs do not either.
- Text from a server goes through :func:`mask` before it is shown, because providers repeat keys in error messages.
- A server may write the key in other ways (:mod:`~streamwidget._core.spellings`).
- All of this takes time in proportion to the text.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from dataclasses import replace

from streamwidget._core.causes import causes
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.spellings import MASK, Spellings

# Half-masked keys too: in a 401, providers repeat the first and last characters of the key (`sk-12******89`). A word
# is looked at once, from its beginning. Otherwise a word of 100 KB would take hours.
_KEY_LIKE = re.compile(
    r"\b(?:(?:sk|pk|rk|xai|nvapi)-|gsk_|hf_|AIza|Bearer )[\w*.-]{6,}(?<![.])"
    r"|(?<![\w.-])(?:[\w.-]*+\*{3,}+)+[\w.-]*(?<![.])"
)
_SENDABLE = re.compile(r"[!-~]+")
_BRIEF = 200  # characters of a code or a type
_LONGEST_KEY = 8_000  # characters. Servers refuse longer headers


class ApiKey:
    """A key that hides itself. Only the transport calls ``reveal()``, to send it.

    Raises
    ------
    ConfigurationError
        If the key is not a text, is empty or cannot be sent in an HTTP header. The key is not repeated.
    """

    __slots__ = ("_spellings", "reveal")

    #: Returns the key itself. A method of the text: it has no frame, and its repr does not show the text.
    reveal: Callable[[], str]

    def __init__(self, value: str) -> None:
        problem = _problem_of(value)
        if problem is None:
            self.reveal = _pasted(value).__str__
            self._spellings: Spellings | None = None
        del value
        if problem is not None:
            raise ConfigurationError(problem)

    @property
    def is_secret(self) -> bool:
        """False for the words that servers without keys are given: ``ollama``, ``lm-studio``, ``not-needed``.

        An answer may contain such a word, so there it is not masked.
        """
        return len(self.reveal()) >= 20 or (len(self.reveal()) >= 8 and any(map(str.isdigit, self.reveal())))

    @property
    def spellings(self) -> Spellings:
        """The ways in which the key may be written."""
        if self._spellings is None:
            try:
                self._spellings = Spellings(self)
            except BaseException as exc:  # an interrupt too: the frames below hold the key
                forget(exc)
                raise
        return self._spellings

    def __repr__(self) -> str:
        return "ApiKey(***)"

    def __reduce__(self) -> str:
        raise TypeError("An API key cannot be pickled.")

    def __getstate__(self) -> object:
        raise TypeError("An API key cannot be pickled.")


def unquoted(text: str) -> str:
    """Return a text without the white space and the quotes around it. ``docker --env-file`` keeps quotes, for one."""
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _pasted(value: str) -> str:
    """Return the key in a text that somebody pasted: ``"sk-..."`` with its quotes, or a header's ``Bearer sk-...``."""
    key = unquoted(value)
    return key[7:].strip() if key[:7].lower() == "bearer " else key


def _problem_of(value: object) -> str | None:
    """Return a message that does not repeat the key, because it reaches the notebook. None: the key can be sent."""
    if not isinstance(value, str):
        return f"The API key is a text (str), not a {type(value).__name__}. Nothing was sent."
    if not _pasted(value):
        return "The API key is empty. Set it in the environment, or pass None for no key."
    if not _SENDABLE.fullmatch(_pasted(value)):
        return (
            "The API key contains a character that cannot be sent in an HTTP header (a line break, a space, a "
            "control or non-ASCII character). Copy it again. Nothing was sent."
        )
    if len(value) > _LONGEST_KEY:
        return (
            f"The API key has {len(value)} characters, and no server takes more than {_LONGEST_KEY}. Nothing was sent."
        )
    return None


def mask(text: str, key: ApiKey | None = None) -> str:
    """Replace the key, and everything that looks like a provider's key, by ``[key]``.

    Examples
    --------
    >>> mask("Incorrect API key provided: sk-12345678.")
    'Incorrect API key provided: [key].'
    """
    if key is not None:
        text = key.spellings.replace(text)
    return _KEY_LIKE.sub(MASK, text)


def mask_error(info: ErrorInfo, key: ApiKey | None = None) -> ErrorInfo:
    """Mask all that a server wrote into an error. Providers repeat a wrong key, or half of it."""
    code = _brief(info.code, key) if isinstance(info.code, str) else info.code
    kind = info.type and _brief(info.type, key)
    detail = info.detail and mask(info.detail, key)
    return replace(info, message=mask(info.message, key), code=code, type=kind, detail=detail)


def _brief(text: str, key: ApiKey | None) -> str:
    text = mask(text if len(text) <= 2 * _BRIEF else f"{text[: 2 * _BRIEF]}…", key)
    return text if len(text) <= _BRIEF else f"{text[: _BRIEF - 1]}…"


def mask_bytes(data: bytes, key: ApiKey | None, *, guess: bool) -> bytes:
    """Replace each byte of the key by ``*``. With ``guess``, also everything that looks like a provider's key.

    The length stays the same.

    Examples
    --------
    >>> mask_bytes(b"key sk-12345678 is wrong", None, guess=True)
    b'key *********** is wrong'
    """
    text = data.decode("latin-1")  # each byte is one character, so the length stays the same
    if key is not None:
        text = key.spellings.stars(text)
    if guess:
        text = _KEY_LIKE.sub(_stars, text)
    return text.encode("latin-1")


def _stars(found: re.Match[str]) -> str:
    return "*" * len(found[0])


def forget(exc: BaseException) -> None:
    """Clear the variables in the frames of an exception and of all that led to it. Its lines stay.

    The frames of a request hold headers and a server's words. `%xmode Verbose`, `pytest -l` and rich print variables.
    A frame that still runs keeps its variables. So do the frames of the exception that the caller was busy with.
    """
    for link in causes(exc):
        traceback.clear_frames(link.__traceback__)
