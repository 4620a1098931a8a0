r"""Make hidden characters of a model's text visible. A terminal obeys some of them, and a page hides others.

- C0 controls (NUL, ESC, ...) become pictures: ``\x1b`` -> ``␛``.
- C1 controls, bidirectional embeddings, overrides and isolates, characters without a width, fillers, blank characters
  of other scripts and tag characters become their code: ``\u202e`` -> ``[U+202E]``.
- CR LF becomes LF. A surrogate outside a pair becomes U+FFFD.

Unchanged are newline, tab, the marks U+200E and U+200F, and what scripts and emoji need:

- the flags of England, Scotland and Wales, which consist of tag characters
- one variation selector and one joiner behind an emoji: ``❤\ufe0f``, ``👩\u200d🔬``, and ``1\ufe0f\u20e3``
- one variation selector of an ideograph, or of a Mongolian letter
- one joiner U+200C or U+200D behind a letter of the scripts that have them, such as Persian and Hindi
- U+200B beside a Thai, Lao, Burmese or Khmer letter. These scripts have no spaces, and it marks where a word ends:
  ``สวัสดี\u200bชาวโลก`` stays, and ``a\u200bb`` -> ``a[U+200B]b``
- blanks behind a Braille letter

Each may stand once behind its letter, so that no message can be hidden in a row of them.
"""

from __future__ import annotations

import re

from streamwidget._core.surrogates import well_formed

_TAG_FLAG = "\U0001f3f4(?:{})\U000e007f".format(
    "|".join("".join(chr(0xE0000 + ord(letter)) for letter in name) for name in ("gbeng", "gbsct", "gbwls"))
)
_NO_SPACES = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff]"  # Thai and Lao, Burmese, Khmer
_EMOJI = "[\u00a9\u00ae\u203c-\u2049\u2100-\u27ff\u2900-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
# Arabic and Persian, the scripts of India, Tibetan, Burmese, Khmer.
_JOINED = (
    "[\u0600-\u061b\u061d-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff"
    "\ufb50-\ufdff\ufe70-\ufefc]"
)
_IDEOGRAPH = "[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_MONGOLIAN = "[\u1820-\u18aa]"
# A text without any of these stays as it is. Most texts are such, so this is looked for first.
_ANY = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_MAY_HIDE = re.compile(_ANY)
_HIDDEN = re.compile(
    f"({_TAG_FLAG}|{_EMOJI}(?:[\ufe0e\ufe0f]\u200d?|\u200d)|[#*0-9]\ufe0f\u20e3|{_IDEOGRAPH}[\U000e0100-\U000e011f]"
    f"|{_MONGOLIAN}[\u180b-\u180f]|{_JOINED}[\u200c\u200d]|{_NO_SPACES}\u200b|\u200b(?={_NO_SPACES})"
    "|[\u2801-\u28ff]\u2800+)"
    f"|\r\n|{_ANY}"
)


def visible(text: str) -> str:
    r"""Return ``text`` with its hidden and control characters made visible.

    Examples
    --------
    >>> visible("a\u202eb")
    'a[U+202E]b'
    """
    whole = well_formed(text)
    return _HIDDEN.sub(_sign, whole) if _MAY_HIDE.search(whole) else whole


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
