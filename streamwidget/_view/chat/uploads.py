"""Files on their way from a page, in pieces. A prompt then names them.

A notebook server takes no message of more than 10 MB, and a large one would hold up a Stop behind it. So a file comes
as binary pieces, in order, before its prompt: ``{"op": "piece", "file": ID, "at": 0, "size": 2_500_000}`` with the
bytes beside it. A piece that does not fit ends its file. The prompt is then refused, and stays in its box.
"""

from __future__ import annotations

from typing import Any

from streamwidget._core.attachments import MAX_SIZE

MAX_PIECE = 2_000_000  # bytes
MAX_FILES = 20  # of one prompt, and as many may be on their way
_MAX_WAITING = 3 * MAX_SIZE  # bytes of all files on their way


class Uploads:
    """The files that came and that no prompt has named yet."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[int, bytearray]] = {}  # by id: the size that it will have, and what came

    def take(self, file: str, at: Any, size: Any, piece: Any) -> None:
        """Take a piece. A piece that is too large, or not the next one, removes its file."""
        if file not in self._files and at == 0 and type(size) is int and 0 < size <= MAX_SIZE:
            self._files[file] = (size, bytearray())
        whole, data = self._files.get(file, (0, bytearray()))
        count = memoryview(piece).nbytes if isinstance(piece, bytes | bytearray | memoryview) else 0
        if at != len(data) or whole != size or not 0 < count <= min(MAX_PIECE, whole - len(data)):
            self._files.pop(file, None)
            return
        data += piece
        while len(self._files) > MAX_FILES or sum(len(data) for _, data in self._files.values()) > _MAX_WAITING:
            del self._files[next(iter(self._files))]

    def pop(self, file: str) -> bytes | None:
        """Return the bytes of a file, and forget it. None if not all of it came."""
        size, data = self._files.pop(file, (1, bytearray()))
        return bytes(data) if len(data) == size else None
