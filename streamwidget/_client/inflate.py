"""Content codings: a compressed body, unpacked in bounded memory. No I/O, standard library only."""

from __future__ import annotations

import zlib

from streamwidget._client.http import BodyError

_AT_ONCE = 64 * 1024  # bytes of one piece
_BOMB = 200  # times its compressed size: no text of a model compresses like this


class Inflater:
    """Bounded decompression: a small body must not become a large one in memory."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=47)  # gzip or zlib, by its header
        self._taken = self._given = 0

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    def __call__(self, data: bytes) -> list[bytes]:
        self._taken += len(data)
        pieces = []
        while data and not self._zlib.eof:
            piece = self._zlib.decompress(data, _AT_ONCE)
            data = self._zlib.unconsumed_tail
            self._given += len(piece)
            if self._given > max(2**20, _BOMB * self._taken):
                raise BodyError("the compressed body grows without bound; it was refused")
            pieces.append(piece)
        return pieces


def inflater(coding: str) -> Inflater | None:
    """Return what unpacks a content coding: an Inflater for ``gzip``, None for ``identity``. Others raise BodyError."""
    match coding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return Inflater()
        case other:
            raise BodyError(f"the body is coded as {other[:40]!r}, which was not asked for")
