"""Files from a page come in pieces. Every bound is checked, because a page may send anything."""

from __future__ import annotations

from typing import Any

import pytest

from streamwidget._core.attachments import MAX_SIZE
from streamwidget._view.chat import uploads
from streamwidget._view.chat.uploads import MAX_FILES, MAX_PIECE, Uploads


def test_pieces_add_up_and_a_file_is_taken_once() -> None:
    """Two files may come in turn."""
    files = Uploads()
    files.take("one", 0, 4, b"ab")
    files.take("two", 0, 1, memoryview(b"x"))
    files.take("one", 2, 4, bytearray(b"cd"))
    assert (files.pop("one"), files.pop("two"), files.pop("one")) == (b"abcd", b"x", None)


@pytest.mark.parametrize(
    "pieces",
    [
        [(0, 4, b"ab")],
        [(0, 4, b"ab"), (3, 4, b"cd")],
        [(0, 4, b"ab"), (0, 4, b"ab")],
        [(0, 4, b"ab"), (2, 5, b"cd")],
        [(0, 4, b"abcde")],
        [(0, 4, b"ab"), (0, 4, b"ab"), (2, 4, b"cd")],
        [(2, 4, b"cd")],
        [(0, 0, b"")],
        [(0, 2, "ab")],
        [(0, "2", b"ab")],
        [(False, 2.0, b"ab")],
        [(0, MAX_SIZE + 1, b"ab")],
        [(0, MAX_PIECE + 1, b"a" * (MAX_PIECE + 1))],
    ],
    ids=lambda pieces: str([(at, size) for at, size, _ in pieces]),
)
def test_a_piece_that_does_not_fit_ends_its_file(pieces: list[tuple[Any, Any, Any]]) -> None:
    """One that is missing, too much, out of order, of another type or of another size."""
    files = Uploads()
    for at, size, data in pieces:
        files.take("one", at, size, data)
    assert files.pop("one") is None


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest files are forgotten, when there are too many or too many bytes."""
    files = Uploads()
    for number in range(MAX_FILES + 1):
        files.take(f"{number}", 0, 1, b"x")
    assert (files.pop("0"), files.pop("1")) == (None, b"x")
    monkeypatch.setattr(uploads, "_MAX_WAITING", 100)
    files.take("large", 0, 95, b"x" * 95)
    assert (files.pop("2"), files.pop("20"), files.pop("large")) == (None, b"x", b"x" * 95)
