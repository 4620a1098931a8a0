r"""Remove surrogates outside of pairs, so that any encoder accepts the text.

JSON can escape half of a character (``"\ud83d"``). A server that cuts its text by UTF-16 units sends the other half in
the next delta. Python keeps such a half in a str, and fails much later, when the text is printed or sent.
"""

from __future__ import annotations


def well_formed(text: str) -> str:
    r"""Return ``text`` with its surrogate pairs joined and every other surrogate replaced by U+FFFD.

    Examples
    --------
    >>> well_formed("\ud83d\ude00"), well_formed("\ud83d!")
    ('😀', '�!')
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def ends_high(text: str) -> bool:
    """Return True if ``text`` ends with the first half of a pair. The other half may follow."""
    return "\ud800" <= text[-1:] <= "\udbff"
