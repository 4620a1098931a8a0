r"""The ways in which a secret may be written, to find it in a text: ``sk-a+b`` is also ``sk-a%2Bb``.

Rules
-----
- In any case: ``SK-A+B``.
- Each character may be escaped, as in a URL (``%2B``), in JSON (``\u002b``, ``\/``), in Python (``\x2b``) and in HTML
  (``&#43;``, ``&amp;``). So escapes are read first, and then the secret is looked for.
- The whole may be in base64 (``c2stYSti``) or in hexadecimal.
- All of this takes time in proportion to the text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamwidget._core.secrets import Secret

#: What stands in place of a secret.
MASK: Final = "[key]"
#: So many characters show that a text may be the beginning of a secret. Fewer occur in any text: `sk-`.
HEAD: Final = 4
# A run of backslashes is read as one: JSON in the text of a JSON string has two.
_ESCAPE = re.compile(
    r"%([0-9a-f]{2})|(?<!\\)\\++(?:(?:u00|x)([0-9a-f]{2})|([\"'/]))"
    r"|&#x0*+([0-9a-f]{1,2});|&#0*+([0-9]{1,3});|&(amp|lt|gt|quot|apos);",
    re.IGNORECASE,
)
_CUT_ESCAPE = re.compile(
    r"(?:%[0-9a-f]?|(?<!\\)\\++(?:u0{0,2}|u00[0-9a-f]|x[0-9a-f]?)?|&(?:#0*+[0-9]{0,3}|#x0*+[0-9a-f]{0,2}|[a-z]{0,4}))\Z",
    re.IGNORECASE,
)
_OPENS_ESCAPE = frozenset("%&\\")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


class Spellings:
    """The ways in which some secrets may be written.

    It keeps methods of built-in objects only. No attribute shows a secret, not even in a traceback with values.

    Attributes
    ----------
    may_begin : callable
        Takes a text in lower case. Returns the first match of :data:`HEAD` characters that a spelling begins with, of
        fewer at the end of the text, or of a sign that opens an escape. None: no spelling stands or begins in it.
    """

    __slots__ = ("_beginnings", "_find", "_longest", "_starts", "may_begin")

    def __init__(self, secrets: Iterable[Secret]) -> None:
        forms = sorted({form.lower() for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        begins = _beginning_of({form[:HEAD] for form in forms})
        self._find: Callable[[str], Iterator[re.Match[str]]] = re.compile("|".join(map(re.escape, forms))).finditer
        self._beginnings: Callable[[str], Iterator[re.Match[str]]] = re.compile(f"(?={begins})").finditer
        self._starts: tuple[Callable[[str], bool], ...] = tuple(form.startswith for form in forms)
        self._longest = 6 * len(forms[0])  # "\u0073" for each character
        self.may_begin: Callable[[str], re.Match[str] | None] = re.compile(rf"[%&\\]|{begins}").search

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where secrets stand in a text, in order."""
        plain = _lower(text)
        spans = [found.span() for found in self._find(plain)]
        if _ESCAPE.search(plain):
            plain, places = unescaped(plain)
            spans += [(places[found.start()], places[found.end()]) for found in self._find(plain)]
            spans.sort()
        return spans

    def replace(self, text: str) -> str:
        """Replace each secret by ``[key]``, and the beginning of one before a cut: ``sk-1234…``."""
        text = self._put(text, lambda _: MASK)
        kept = text.removesuffix("…")
        if kept != text and (begun := self.begun_at_end(kept)) >= HEAD:
            return f"{kept[:-begun]}{MASK}…"
        return text

    def stars(self, text: str) -> str:
        """Replace each character of a secret by ``*``."""
        return self._put(text, lambda length: "*" * length)

    def begun_at_end(self, text: str) -> int:
        """Return how many characters at the end of a text may be the beginning of a secret. 0: none."""
        tail = _lower(text[-self._longest :])
        start = self._start_in(tail)
        begun = 0 if start is None else len(tail) - start
        if _OPENS_ESCAPE.isdisjoint(tail):
            return begun
        cut = _CUT_ESCAPE.search(tail)
        end = cut.start() if cut else len(tail)
        plain, places = unescaped(tail[:end])
        start = self._start_in(plain)
        if start is not None:
            end = places[start]
        return max(begun, len(tail) - end)

    def _start_in(self, plain: str) -> int | None:
        """Return where the rest of a text is the beginning of a secret."""
        for found in self._beginnings(plain):
            rest = plain[found.start() :]
            if any(starts(rest) for starts in self._starts):
                return found.start()
        return None

    def _put(self, text: str, mask: Callable[[int], str]) -> str:
        pieces: list[str] = []
        place = 0
        for start, end in self.spans(text):
            if end > place:
                start = max(start, place)  # noqa: PLW2901
                pieces += [text[place:start], mask(end - start)]
                place = end
        return "".join([*pieces, text[place:]])


def unescaped(text: str) -> tuple[str, list[int]]:
    r"""Return a text with its escapes read, and the place of each character in the text, and of the end.

    Examples
    --------
    >>> unescaped("a%2Bb")
    ('a+b', [0, 1, 4, 5])
    """
    pieces: list[str] = []
    places: list[int] = []
    place = 0
    for found in _ESCAPE.finditer(text):
        pieces += [text[place : found.start()], _read(*found.groups())]
        places += [*range(place, found.start()), found.start()]
        place = found.end()
    return "".join([*pieces, text[place:]]), [*places, *range(place, len(text) + 1)]


def _read(
    url: str | None, code: str | None, sign: str | None, hexadecimal: str | None, decimal: str | None, name: str | None
) -> str:
    """Return the character of an escape, in lower case."""
    if sign or name:
        return sign or _NAMED[name.lower()]  # type: ignore[union-attr]
    number = int(decimal) if decimal else int(url or code or hexadecimal or "", 16)
    return chr(number).lower() if number < 128 else "\0"  # no secret has a NUL


def _lower(text: str) -> str:
    """Return a text in lower case, and of the same length."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)  # "İ".lower() has two signs


def _forms(secret: Secret) -> Iterator[str]:
    """Yield a secret, and the forms of the whole."""
    data = secret.reveal().encode()
    yield secret.reveal()
    yield data.hex()
    for before in range(3):  # bytes before the secret, in the same group of three
        coded = base64.b64encode(bytes(before) + data).decode()
        # The first and the last characters depend on what is around the secret.
        coded = coded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield coded
        yield coded.replace("+", "-").replace("/", "_")


def _beginning_of(words: set[str]) -> str:
    r"""Return a pattern for one of these words, or for the beginning of one at the end of a text.

    Examples
    --------
    >>> _beginning_of({"ab", "ac"})
    'a(?:\\Z|b|c)'
    """
    rests: dict[str, set[str]] = {}
    for word in sorted(words):
        rests.setdefault(word[0], set()).add(word[1:])
    return "|".join(
        re.escape(letter) + ("" if rest == {""} else rf"(?:\Z|{_beginning_of(rest)})") for letter, rest in rests.items()
    )
