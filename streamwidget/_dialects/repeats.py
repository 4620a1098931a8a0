"""Text from the provider a second time: the whole answer in a last piece or after its pieces, and growing messages.

Only new text is a part of the answer. In doubt a text stays, because a person sees a text twice, but does not see a
lost one.
"""

from __future__ import annotations

import zlib

_SURE = 40  # characters. A piece of this length with all the text so far is not an accident
_WORD = 6  # characters. The last piece may be the same as the only one before it: "ha", "ha"


def new_in_message(message: str, said: str) -> str | None:
    """Return the new text of a whole message. None: it is another text.

    Examples
    --------
    >>> new_in_message("Paris is big.", "Paris is "), new_in_message("Paris is big.", "Rome")
    ('big.', None)
    """
    whole, begin = message.strip(), said.strip()
    if whole == begin:
        return ""
    if whole.startswith(begin):
        rest = message.lstrip()
        return rest[len(begin) if len(begin) > len(rest.rstrip()) else _end_of(said.lstrip(), begin, rest) :]
    # An earlier state of it, the same with other white space, or the same with its thoughts before it.
    same = begin.startswith(whole) or whole.endswith(begin) or whole.split() == begin.split()
    return "" if same else None


def new_in_piece(piece: str, said: str, *, is_last: bool) -> str:
    """Return the new text of a piece. Nearly always it is the whole piece.

    Examples
    --------
    >>> new_in_piece("Paris is big.", "Paris is ", is_last=False), new_in_piece("ha", "ha", is_last=True)
    ('big.', 'ha')
    """
    begin = said.strip()
    if len({letter for letter in begin[:200] if letter.isalnum()}) < 3:
        return piece
    if piece.strip() == begin:
        return "" if len(begin) > (_WORD if is_last else _SURE) else piece
    rest = piece.lstrip()
    return rest[_end_of(said.lstrip(), begin, rest) :] if len(begin) > 3 and rest.startswith(begin) else piece


def _end_of(said: str, begin: str, text: str) -> int:
    """Return the end of the text so far in ``text``. That begins with it, at least without its last white space."""
    return len(said) if text.startswith(said) else len(begin)


class Once:
    """A text by its length and checksum, to notice it a second time.

    Examples
    --------
    >>> thought = Once()
    >>> [thought.new(text, is_whole=True) for text in ("The Elbe", "The Elbe is long.", "The Elbe is long.")]
    ['The Elbe', ' is long.', '']
    """

    def __init__(self) -> None:
        self._length = 0
        self._checksum = 0

    def __bool__(self) -> bool:
        return self._length > 0

    def new(self, text: str, *, is_whole: bool, is_last: bool = False) -> str:
        """Return the new part of ``text``, and add it.

        Parameters
        ----------
        text : str
        is_whole : bool
            It is the whole text so far, and not the next piece.
        is_last : bool, default False
            The answer ends here, so a piece may be the whole once more.
        """
        again = self._length and len(text) >= self._length and self._sum(text[: self._length], 0) == self._checksum
        grows = len(text) > self._length
        if again and (is_whole or self._length > (_WORD if is_last or grows else _SURE)):
            text = text[self._length :]
        elif is_whole and self._length:
            return ""  # an earlier state of it, or the same in other words
        self._checksum = self._sum(text, self._checksum)
        self._length += len(text)
        return text

    @staticmethod
    def _sum(text: str, start: int) -> int:
        return zlib.crc32(text.encode("utf-8", "surrogatepass"), start)
