"""Images in prompts: their sources, the errors, and bytes that are never printed."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core import images
from tests.support.pictures import GIF, JPEG, PNG, WEBP


class Figure:
    """Has the method of a matplotlib figure that is used."""

    def savefig(self, file: Any, *, format: str) -> None:  # noqa: A002  (matplotlib's word)
        assert format == "png"
        file.write(PNG)


class Picture:
    """Has the methods of a PIL image that are used."""

    def convert(self, mode: str) -> Picture:
        return self

    def tobytes(self) -> bytes:
        return b""

    def save(self, file: Any, format: str) -> None:  # noqa: A002  (PIL's word)
        assert format == "png"
        file.write(PNG)


@pytest.mark.parametrize(
    ("data", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (WEBP, "image/webp")]
)
def test_the_first_bytes_give_the_type(data: bytes, kind: str, tmp_path: Path) -> None:
    """The type comes from the bytes, not from the file's name."""
    path = tmp_path / "misnamed.txt"
    path.write_bytes(data)
    for source in (data, bytearray(data), path, str(path)):
        image = sw.Image.of(source)
        assert (image.data, image.media_type, image.url) == (data, kind, None)
        assert sw.Image.of(image.src) == image


@pytest.mark.parametrize("drawing", [Figure(), Picture()])
def test_figures_and_pictures_become_png(drawing: Any) -> None:
    """They are recognized by their methods, so nothing is imported."""
    assert sw.Image.of(drawing) == sw.Image(PNG)


def test_matplotlibs_figures_and_pils_images_are_taken() -> None:
    """The real libraries work, also with a picture in a mode that PNG does not have."""
    from matplotlib.figure import Figure as RealFigure
    from PIL import Image as Pictures

    figure = RealFigure()
    figure.subplots().plot([1, 2])
    assert sw.Image.of(figure).media_type == "image/png"
    picture = sw.Image.of(Pictures.new("RGBA", (2, 3), "red"))
    assert Pictures.open(io.BytesIO(picture.data)).size == (2, 3)
    with pytest.raises(sw.ConfigurationError, match="cannot be written as PNG"):
        sw.Image.of(Pictures.new("CMYK", (2, 3)))


def test_an_address_is_sent_as_it_is() -> None:
    """Nothing is fetched here."""
    image = sw.Image.of("https://host.invalid/plot.png")
    assert (image.src, image.data, image.media_type) == ("https://host.invalid/plot.png", b"", None)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"", "not an image"),
        (b"%PDF-1.7", "PNG, JPEG, GIF or WebP"),
        ("no such.png", "No image file 'no such.png' was found"),
        ("https://a b", "address"),
        ("data:image/png,abc", "base64"),
        ("data:image/png;base64,%%%", "broken"),
        ("data:image/png;base64,aGVsbG8=", "not an image"),
        ("a\0b", "No image file .* was found|cannot be read"),
        (7, "type int is not an image"),
        (Figure, "type type is not an image"),
        (None, "type NoneType is not an image"),
    ],
)
def test_anything_but_an_image_is_rejected(source: Any, says: str) -> None:
    """The error comes before anything is sent, and names the accepted kinds."""
    with pytest.raises(sw.ConfigurationError, match=says):
        sw.Image.of(source)


def test_a_failing_library_is_named() -> None:
    """If a figure cannot be written, the error gives the library's reason."""

    class Broken(Figure):
        def savefig(self, file: Any, *, format: str) -> None:  # noqa: A002
            raise RuntimeError("no backend")

    with pytest.raises(sw.ConfigurationError, match="The Broken cannot be written as PNG: no backend"):
        sw.Image.of(Broken())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A path that is not an ordinary file is rejected without reading it."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(sw.ConfigurationError, match="No image file"):
        sw.Image.of(tmp_path / "pipe")


def test_too_large_an_image_is_refused_with_both_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As bytes, as a file (which is not read) and as a data: URL."""
    monkeypatch.setattr(images, "MAX_SIZE", len(PNG))
    large = PNG + b"\0" * 10
    path = tmp_path / "large.png"
    path.write_bytes(large)
    assert sw.Image.of(PNG).media_type == "image/png"
    address = sw.Image(PNG).src.replace("base64,", "base64," + "AAAA" * 20)
    for source in (large, path, address):
        with pytest.raises(sw.ConfigurationError, match=rf"bytes. At most {len(PNG)} are sent"):
            sw.Image.of(source)


def test_the_bytes_are_never_printed() -> None:
    """Neither the image nor its message prints them."""
    message = sw.Message("user", "look", images=(PNG,))  # type: ignore[arg-type]
    assert repr(message.images[0]) == f"Image(image/png, {len(PNG)} bytes)"
    assert "IHDR" not in repr(message)
    assert "IHDR" not in str(message)
