r"""Make hidden characters of a model's text visible. A terminal obeys some of them, and a page hides others.

- C0 controls (NUL, ESC, ...) become pictures: ``\x1b`` -> ``␛``.
- C1 controls, bidirectional embeddings, overrides and isolates, zero-width characters and tag characters become their
  code: ``\u202e`` -> ``[U+202E]``.
- CR LF becomes LF. A surrogate outside a pair becomes U+FFFD.

Unchanged are newline, tab, the joiners U+200C and U+200D, the marks U+200E and U+200F, and the three flags that consist
of tag characters (England, Scotland, Wales). Scripts and emoji need them. So is a U+200B beside a Thai, Lao, Burmese or
Khmer letter. These scripts have no spaces, and U+200B marks where a word ends: ``สวัสดี\u200bชาวโลก`` stays, and
``a\u200bb`` -> ``a[U+200B]b``.
"""

from __future__ import annotations

import re

from streamwidget._core.surrogates import well_formed

_TAG_FLAG = "\U0001f3f4(?:{})\U000e007f".format(
    "|".join("".join(chr(0xE0000 + ord(letter)) for letter in name) for name in ("gbeng", "gbsct", "gbwls"))
)
_NO_SPACES = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"  # Thai and Lao, Burmese, Khmer
_HIDDEN = re.compile(
    f"({_TAG_FLAG})"
    f"|(?<!{_NO_SPACES})\u200b(?!{_NO_SPACES})"
    "|\r\n"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u2060-\u2064\u202a-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""Return ``text`` with its hidden and control characters made visible.

    Examples
    --------
    >>> visible("a\u202eb")
    'a[U+202E]b'
    """
    return _HIDDEN.sub(_sign, well_formed(text))


def one_line(text: str, limit: int = 300) -> str:
    """Return ``text`` made visible, on one line. Text of more than ``limit`` characters is cut, and ends with ``…``."""
    line = visible(" ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _sign(match: re.Match[str]) -> str:
    if match[1]:
        return match[1]
    if match[0] == "\r\n":
        return "\n"
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"[U+{code:04X}]"
