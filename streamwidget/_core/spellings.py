r"""The ways in which a key may be written, to find it in a text: ``sk-a+b`` is also ``sk-a%2Bb``.

Rules
-----
- In any case: ``SK-A+B``.
- Each character may be escaped, as in a URL (``%2B``), in JSON (``\u002b``), in Python (``\x2b``) and in HTML
  (``&#43;``). So escapes are read first, and then the key is looked for.
- The whole may be in base64 (``c2stYSti``) or in hexadecimal.
- A word that is not secret (``ollama``) is looked for as it is.
- All of this takes time in proportion to the text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamwidget._core.secrets import ApiKey

#: What stands in place of a key.
MASK: Final = "[key]"
#: So many characters show that a text may be the beginning of a key. Fewer occur in any text: `sk-`.
HEAD: Final = 4
_SHORT = 6  # characters. A shorter key is masked as a word only, or the key "k" would be masked in "ask"
_ESCAPE = re.compile(
    r"%([0-9a-f]{2})|\\(?:u00|x)([0-9a-f]{2})|&#x0*+([0-9a-f]{1,2});|&#0*+([0-9]{1,3});", re.IGNORECASE
)
_CUT_ESCAPE = re.compile(
    r"(?:%[0-9a-f]?|\\(?:u0{0,2}|u00[0-9a-f]|x[0-9a-f]?)?|&(?:#[0-9]{0,3}|#x[0-9a-f]{0,2})?)\Z", re.IGNORECASE
)


class Spellings:
    """The ways in which a key may be written.

    It keeps methods of built-in objects only. No attribute shows the key, not even in a traceback with values.

    Attributes
    ----------
    may_begin : callable
        Takes a text in lower case. Returns whether a spelling may begin in it.
    longest : int
        The length of the longest spelling.
    """

    __slots__ = ("_find", "_heads", "_is_secret", "_starts", "longest", "may_begin")

    def __init__(self, key: ApiKey) -> None:
        forms = [form.lower() for form in _forms(key)]
        begins = [*forms, *_escaped(key)]
        heads = "|".join(sorted({re.escape(form[:HEAD]) for form in begins if len(form) >= HEAD})) or r"(?!)"
        self._is_secret = key.is_secret
        self._find: Callable[[str], Iterator[re.Match[str]]] = re.compile(_pattern(key, forms)).finditer
        self._heads: Callable[[str], Iterator[re.Match[str]]] = re.compile(f"(?={heads})").finditer
        self._starts: tuple[Callable[[str], bool], ...] = tuple(form.startswith for form in begins)
        self.may_begin: Callable[[str], object] = re.compile(f"[%&\\\\]|{heads}").search
        self.longest: int = max(map(len, begins))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the key stands in a text, in order."""
        plain = _lower(text) if self._is_secret else text
        spans = [found.span() for found in self._find(plain)]
        if self._is_secret and _ESCAPE.search(plain):
            plain, places = unescaped(plain)
            spans += [(places[found.start()], places[found.end()]) for found in self._find(plain)]
            spans.sort()
        return spans

    def replace(self, text: str) -> str:
        """Replace the key by ``[key]``, and its beginning before a cut: ``sk-1234…``."""
        text = self._put(text, lambda _: MASK)
        kept = text.removesuffix("…")
        if kept != text and (begun := self.begun_at_end(kept)):
            return f"{kept[:-begun]}{MASK}…"
        return text

    def stars(self, text: str) -> str:
        """Replace each character of the key by ``*``."""
        return self._put(text, lambda length: "*" * length)

    def begun_at_end(self, text: str) -> int:
        """Return how many characters at the end of a text are the beginning of the key. 0: none."""
        tail = _lower(text[-self.longest :])
        start = self._start_in(tail)
        begun = 0 if start is None else len(tail) - start
        if not self._is_secret or not re.search(r"[%&\\]", tail):
            return begun
        cut = _CUT_ESCAPE.search(tail)
        plain, places = unescaped(tail[: cut.start()] if cut else tail)
        start = self._start_in(plain)
        # A cut escape counts after so many characters that these are surely the key.
        if start is None or (cut and len(plain) - start < 2 * HEAD):
            return begun
        return max(begun, len(tail) - places[start])

    def _start_in(self, plain: str) -> int | None:
        """Return where the rest of a text is the beginning of the key."""
        for found in self._heads(plain):
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
        url, code, hexadecimal, decimal = found.groups()
        number = int(decimal) if decimal else int(url or code or hexadecimal, 16)
        pieces += [text[place : found.start()], chr(number).lower() if number < 128 else "\0"]  # no key has a NUL
        places += [*range(place, found.start()), found.start()]
        place = found.end()
    return "".join([*pieces, text[place:]]), [*places, *range(place, len(text) + 1)]


def _lower(text: str) -> str:
    """Return a text in lower case, and of the same length."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)  # "İ".lower() has two signs


def _forms(key: ApiKey) -> list[str]:
    """Return the key, and the forms of the whole. A key that is not secret has none: they would occur in any text."""
    if not key.is_secret:
        return [key.reveal()]
    data = key.reveal().encode()
    forms = [key.reveal(), data.hex()]
    for before in range(3):  # bytes before the key, in the same group of three
        coded = base64.b64encode(bytes(before) + data).decode()
        # The first and the last characters depend on what is around the key.
        coded = coded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        forms += [coded, coded.replace("+", "-").replace("/", "_")]
    return list(dict.fromkeys(forms))


def _escaped(key: ApiKey) -> list[str]:
    """Return the key with each character escaped, in lower case. By these a beginning of two characters is known."""
    if not key.is_secret:
        return []
    escapes = ("%{:02x}", "\\u{:04x}", "\\x{:02x}", "&#{};", "&#x{:x};")
    return ["".join(escape.format(byte) for byte in key.reveal().encode()) for escape in escapes]


def _pattern(key: ApiKey, forms: list[str]) -> str:
    if key.is_secret:
        return "|".join(map(re.escape, forms))
    exact = re.escape(key.reveal())
    return rf"(?<!\w){exact}(?!\w)" if len(key.reveal()) < _SHORT else exact
