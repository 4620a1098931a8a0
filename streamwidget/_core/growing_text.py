"""A text that grows piece by piece, at a cost and in a memory in proportion to it."""

from __future__ import annotations

_PARTS = 1024  # in a block of text


class GrowingText:
    """A growing text. One thread appends, and any thread may read. A read joins only the parts since the last one.

    Full blocks of parts are joined early, because a part alone takes ten times the memory of its characters.
    """

    __slots__ = ("_blocks", "_joined", "_tail", "length")

    def __init__(self) -> None:
        self.length = 0
        self._blocks: list[str] = []
        # Each of these two is one tuple: another thread must never see half of a change.
        self._tail: tuple[int, list[str]] = (0, [])  # how many blocks there are, and the parts after them
        self._joined = ("", 0, 0)  # the text of the last read, the number of its blocks, and their characters

    def append(self, text: str) -> None:
        parts = self._tail[1]
        parts.append(text)
        self.length += len(text)
        if len(parts) == _PARTS:
            self._blocks.append("".join(parts))
            self._tail = (len(self._blocks), [])

    def __str__(self) -> str:
        text, count, start = self._joined
        now, parts = self._tail
        whole = "".join(self._blocks[count:now])
        fresh = (whole + "".join(parts))[len(text) - start :]
        if fresh:
            text += fresh
            self._joined = (text, now, start + len(whole))
        return text
