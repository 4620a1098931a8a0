r"""Secrets: what a client sends and never shows. They are checked here, and kept out of all that is shown or saved.

Rules
-----
- A client's secrets are its key and the values of its own headers. They are only ever kept in a :class:`Secret`. No
  attribute of it shows the text, so tracebacks and logs do not either.
- Text from a server goes through :func:`mask` before it is shown, because providers repeat keys in error messages.
- A server may write a secret in other ways (:mod:`~streamwidget._core.spellings`).
- Short words and plain words are not looked for in an answer: ``true``, ``beta``, ``ollama``. An answer may contain
  them. :attr:`Secret.is_telling` decides.
- All of this takes time in proportion to the text.
"""

from __future__ import annotations

import base64
import binascii
import functools
import inspect
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar, cast

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
_SHORT = 6  # characters. A shorter key is masked as a word only, or the key "k" would be masked in "ask"
#: Headers whose values only describe the client. An answer may contain them: `X-Title: My Course`.
_PUBLIC = re.compile(r"accept.*|content-type|(http-)?referer|user-agent|x-title|.*-(beta|version)", re.IGNORECASE)
#: Between the words of a header's value: `Bearer abc`, `session=abc; theme=dark`, `Token token="abc"`
_BETWEEN_WORDS = re.compile(r"""[\s,;=:&"']+""")
LONGEST = 8_000  # characters. Servers refuse longer headers
#: White space and quotation marks: those of a file of variables, and those of a word processor.
_AROUND = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\"'`“”„‘’"
#: What people copy along with a key: `Authorization: Bearer sk-...`, `export OPENAI_API_KEY="sk-..."`
_BEFORE = re.compile(
    rf"(?:[{re.escape(_AROUND)}]|(?i:authorization:|bearer\s)"
    r"|(?:export\s+|set\s+|\$env:)?[A-Z][A-Z0-9_]*_(?:KEY|TOKEN)\s*=(?=[^=]))*"
)

P = ParamSpec("P")
R = TypeVar("R")


class Secret:
    """A text that hides itself. Only the transport calls ``reveal()``, to send it."""

    __slots__ = ("reveal",)

    #: Returns the text. A method of the text itself: it has no frame, and its repr does not show the text.
    reveal: Callable[[], str]

    def __init__(self, value: str) -> None:
        self.reveal = value.__str__

    @property
    def is_telling(self) -> bool:
        """True if it is masked in an answer: 20 characters or more, or 8 with a digit.

        False for the words that servers without keys are given: ``ollama``, ``lm-studio``, ``not-needed``.
        """
        return len(self.reveal()) >= 20 or (len(self.reveal()) >= 8 and any(map(str.isdigit, self.reveal())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    def __reduce__(self) -> str:
        raise TypeError("A secret cannot be pickled.")

    def __getstate__(self) -> object:
        raise TypeError("A secret cannot be pickled.")


class ApiKey(Secret):
    """A key, as somebody pasted it.

    Raises
    ------
    ConfigurationError
        If the key is not a text, is empty or cannot be sent in an HTTP header. The key is not repeated.
    """

    __slots__ = ()

    def __init__(self, value: str) -> None:
        problem = _problem_of(value)
        if problem is None:
            super().__init__(_pasted(value))
        del value
        if problem is not None:
            raise ConfigurationError(problem)


class Secrets:
    """All that one client sends and never shows.

    Parameters
    ----------
    key : ApiKey, optional
    headers : mapping of str to Secret, optional
        The client's own headers.
    in_address : sequence of Secret, optional
        What its address holds: `https://host/api?code=...`.

    Attributes
    ----------
    key : ApiKey or None
    headers : mapping of str to Secret
    """

    __slots__ = ("_in_address", "_spellings", "headers", "key")

    def __init__(
        self,
        key: ApiKey | None = None,
        headers: Mapping[str, Secret] | None = None,
        in_address: Sequence[Secret] = (),
    ) -> None:
        self.key = key
        self._in_address = in_address
        self.headers: Mapping[str, Secret] = headers or {}
        self._spellings: Spellings | None = None

    def __repr__(self) -> str:
        return "Secrets(***)"

    @property
    def spellings(self) -> Spellings | None:
        """The ways in which they may be written. None: an answer may contain them all."""
        if self._spellings is None:
            try:
                telling = [secret for secret in self._all() if secret.is_telling]
                self._spellings = Spellings(telling) if telling else None
            except BaseException as exc:  # an interrupt too: the frames below hold the secrets
                forget(exc)
                raise
        return self._spellings

    def replace(self, text: str) -> str:
        """Replace each secret in a message by ``[key]``. There a key is masked even if it is a plain word."""
        if self.spellings is not None:
            text = self.spellings.replace(text)
        return text if self.key is None or self.key.is_telling else _without_word(text, self.key)

    def _all(self) -> Iterator[Secret]:
        if self.key is not None:
            yield self.key
        yield from self._in_address
        for name, value in self.headers.items():
            if not _PUBLIC.fullmatch(name):
                yield value
                yield from map(Secret, _words_of(value))


#: Those of a client without any.
NO_SECRETS = Secrets()


def _words_of(value: Secret) -> Iterator[str]:
    """Yield the words of a header's value. A server may repeat one without the others."""
    words = _BETWEEN_WORDS.split(value.reveal())
    yield from words
    if words[0].lower() == "basic":  # a user's name and password, in base64
        try:
            yield from base64.b64decode(f"{words[1]}==").decode().partition(":")
        except (IndexError, binascii.Error, UnicodeDecodeError):
            return


def _without_word(text: str, key: ApiKey) -> str:
    word = re.escape(key.reveal())
    return re.sub(rf"(?<!\w){word}(?!\w)" if len(key.reveal()) < _SHORT else word, MASK, text)


def unquoted(text: str) -> str:
    """Return a text without the white space and the quotes around it. ``docker --env-file`` keeps quotes, for one."""
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _pasted(value: str) -> str:
    """Return the key in a text that somebody pasted: ``"sk-..."`` with its quotes, or a header's ``Bearer sk-...``."""
    return _BEFORE.sub("", value.strip(_AROUND), count=1)  # it matches at the start, if only an empty text


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
    if len(value) > LONGEST:
        return f"The API key has {len(value)} characters, and no server takes more than {LONGEST}. Nothing was sent."
    return None


def mask(text: str, secrets: Secrets = NO_SECRETS) -> str:
    """Replace the secrets, and everything that looks like a provider's key, by ``[key]``.

    Examples
    --------
    >>> mask("Incorrect API key provided: sk-12345678.")
    'Incorrect API key provided: [key].'
    """
    return _KEY_LIKE.sub(MASK, secrets.replace(text))


def may_hold_a_key(text: str) -> bool:
    """Return True for a text with a provider's key, or with a long word that has letters and digits.

    Examples
    --------
    >>> may_hold_a_key("ghp_16C7e42F292c6912E7710c838347Ae178B4a"), may_hold_a_key("localhost:8000/v1")
    (True, False)
    """
    return mask(text) != text or any(
        re.search("[0-9]", word) and re.search("[A-Za-z]", word) for word in re.findall(r"[A-Za-z0-9_]{20,}", text)
    )


def mask_error(info: ErrorInfo, secrets: Secrets = NO_SECRETS) -> ErrorInfo:
    """Mask all that a server wrote into an error. Providers repeat a wrong key, or half of it."""
    code = _brief(info.code, secrets) if isinstance(info.code, str) else info.code
    kind = info.type and _brief(info.type, secrets)
    detail = info.detail and mask(info.detail, secrets)
    return replace(info, message=mask(info.message, secrets), code=code, type=kind, detail=detail)


def _brief(text: str, secrets: Secrets) -> str:
    text = mask(text if len(text) <= 2 * _BRIEF else f"{text[: 2 * _BRIEF]}…", secrets)
    return text if len(text) <= _BRIEF else f"{text[: _BRIEF - 1]}…"


def mask_bytes(data: bytes, secrets: Secrets, *, guess: bool) -> bytes:
    """Replace each byte of the secrets by ``*``. With ``guess``, also everything that looks like a provider's key.

    The length stays the same.

    Examples
    --------
    >>> mask_bytes(b"key sk-12345678 is wrong", NO_SECRETS, guess=True)
    b'key *********** is wrong'
    """
    text = data.decode("latin-1")  # each byte is one character, so the length stays the same
    if secrets.spellings is not None:
        text = secrets.spellings.stars(text)
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


def shows_no_variables(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function show none of its variables in a traceback: :func:`forget`, and its own arguments too.

    People pass a key in the place of any argument. Example: ``ChatClient(url, timeout="sk-...")``. The function may be
    ``async``.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except BaseException as exc:  # an interrupt too
            del args, kwargs
            forget(exc)
            raise

    @functools.wraps(function)
    async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return await cast("Any", function(*args, **kwargs))
        except BaseException as exc:
            del args, kwargs
            forget(exc)
            raise

    return cast("Callable[P, R]", awaited) if inspect.iscoroutinefunction(function) else call
