"""Content codings: decompress a body in bounded memory. No I/O, standard library only."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from streamwidget._client.http import BodyError

_AT_ONCE = 64 * 1024  # bytes of one piece
_PLAIN = b"deir:{[< \r\n\xef"  # the first bytes of events, JSON and pages
_NOT_CODINGS = {"", "identity", "none", "utf-8", "utf8", "text", "binary", "chunked"}
_BOMB = 200  # times the compressed size. The text of a model never compresses this well


class Inflater:
    """Decompress a body piece by piece, and refuse one that grows without bound.

    The first byte shows what the body is. Some servers call plain text ``gzip``.
    """

    def __init__(self, *, may_lack_header: bool = False) -> None:
        self._may_lack_header = may_lack_header
        self._zlib = zlib.decompressobj(wbits=47)  # gzip or zlib, as the header says
        self._taken = self._given = 0
        self._is_plain = False

    @property
    def eof(self) -> bool:
        return self._is_plain or self._zlib.eof

    def __call__(self, data: bytes) -> list[bytes]:
        if data and not self._taken:
            self._is_plain = data[:1] in _PLAIN
            if self._may_lack_header and data[0] & 15 != zlib.DEFLATED:  # zlib's header begins so
                self._zlib = zlib.decompressobj(wbits=-15)
        self._taken += len(data)
        if self._is_plain:
            return [data]
        pieces = []
        while data and not self._zlib.eof:
            piece = self._zlib.decompress(data, _AT_ONCE)
            data = self._zlib.unconsumed_tail
            self._given += len(piece)
            if self._given > max(2**20, _BOMB * self._taken):
                raise BodyError("the compressed body was refused, because it grows without bound")
            pieces.append(piece)
        return pieces


def inflater(coding: str) -> Inflater | None:
    """Return an inflater for a content coding, or None if the body is not compressed.

    Raises
    ------
    BodyError
        If the coding is another one.

    Examples
    --------
    >>> inflater("gzip"), inflater("identity")
    (<...Inflater object at ...>, None)
    """
    # Some servers write other words there.
    match "".join({part.strip().lower() for part in coding.split(",")} - _NOT_CODINGS):
        case "":
            return None
        case "gzip" | "x-gzip":
            return Inflater()
        case "deflate":
            return Inflater(may_lack_header=True)
        case other:
            raise BodyError(f"the body is coded as {other[:40]!r}, and this coding was not asked for")


async def inflated(pieces: AsyncIterator[bytes], coding: str) -> AsyncIterator[bytes]:
    """Yield a body decompressed, as it arrives.

    Raises
    ------
    BodyError
        If the compressed body is broken, or cut.
    """
    inflate = inflater(coding)
    async for piece in pieces:
        if inflate is None:
            yield piece
            continue
        try:
            for part in inflate(piece):
                yield part
        except zlib.error as exc:
            raise BodyError(str(exc)) from exc
    if inflate is not None and not inflate.eof:
        raise BodyError("the compressed body is cut")
