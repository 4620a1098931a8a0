"""Text of a model made visible: what a screen would obey, or not show at all, is shown as a sign.

C0 controls (NUL, ESC, ...) become the pictures of U+2400; C1 controls, bidirectional embeddings, overrides and
isolates, zero-width and tag characters become ``[U+202E]`` and the like. Newline and tab stay, CR LF becomes LF.
Joiners (U+200C, U+200D), the marks U+200E and U+200F and the three flags that are written with tag characters stay too:
scripts and emoji need them. A surrogate outside a pair becomes U+FFFD. Standard library only.
"""

from __future__ import annotations

import re

from streamwidget._core.surrogates import well_formed

_TAG_FLAG = "\U0001f3f4(?:{})\U000e007f".format(
    "|".join("".join(chr(0xE0000 + ord(letter)) for letter in name) for name in ("gbeng", "gbsct", "gbwls"))
)
_HIDDEN = re.compile(
    f"({_TAG_FLAG})"
    "|\r\n"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u200b\u2060-\u2064\u202a-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Return ``text`` with its hidden and controlling characters shown as signs."""
    return _HIDDEN.sub(_sign, well_formed(text))


def one_line(text: str, limit: int = 300) -> str:
    """Return ``text`` made visible, on one line, and cut (with ``…``) where it is longer than ``limit`` characters."""
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
