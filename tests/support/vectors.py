"""The stream vectors of ``data/streams.json``, decoded. Not a test module."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Vector:
    """One recorded or written stream and its result, however its bytes are cut into reads."""

    id: str
    chunks: tuple[bytes, ...]
    expect: dict[str, Any]  # only the keys to compare
    clean: bool  # the connection was closed, not broken
    http: dict[str, Any] | None  # status and headers, if they matter

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def load_vectors(layer: str) -> list[Vector]:
    """Return the vectors of one layer: ``sse``, ``chat``, ``responses`` or ``anthropic``."""
    path = Path(__file__).parents[1] / "data" / "streams.json"
    return [
        Vector(
            id=case["id"],
            chunks=tuple(base64.b64decode(chunk) for chunk in case["chunks_b64"]),
            expect=case["expect"],
            clean=case.get("eof", "clean") == "clean",
            http=case.get("http"),
        )
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
        if case["layer"] == layer
    ]


def cut(body: bytes, points: list[int]) -> list[bytes]:
    """Return ``body`` cut at ``points``."""
    edges = [0, *sorted(min(point, len(body)) for point in points), len(body)]
    return [body[a:b] for a, b in pairwise(edges)]
