"""Files in prompts: their kinds, their sources, the bound of texts, the errors, and bytes that are never printed."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core import attachments
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
        assert image.name == ("misnamed.txt" if source in (path, str(path)) else "")
        assert sw.Image.of(image.src, image.name) == image
        assert sw.Attachment.of(source) == image


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
    monkeypatch.setattr(attachments, "MAX_SIZE", len(PNG))
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


#: The bytes, the name, and what the file is: its type, its kind, and the words beside its name.
KINDS = [
    (b"a,b\n1,2\n", "data.csv", "text/csv", "text", "CSV, 8 bytes"),
    ("Größe\n".encode(), "notes", "text/plain", "text", "text, 8 bytes"),
    ("Größe".encode("utf-16"), "notes.txt", "text/plain", "text", "text, 12 bytes"),
    (b"\xef\xbb\xbfa\tb", "DATA.TSV", "text/tab-separated-values", "text", "TSV, 6 bytes"),
    (b"# Rivers", "rivers.md", "text/markdown", "text", "MARKDOWN, 8 bytes"),
    (b"<svg onload='alert(1)'/>", "a.svg", "image/svg+xml", "text", "SVG, 24 bytes"),
    (b"%PDF-1.7\n%\xe2\xe3", "a.txt", "application/pdf", "pdf", "PDF, 12 bytes"),
    (b"ID3\x04" + b"\0" * 5000, "talk.mp3", "audio/mpeg", "audio", "MP3, 5 kB"),
    (b"\xff\xfb\x90\x64" + b"\0" * 9, "", "audio/mpeg", "audio", "MP3, 13 bytes"),
    (b"RIFF\x24\x00\x00\x00WAVEfmt ", "a.wav", "audio/wav", "audio", "WAV, 16 bytes"),
    (b"fLaC\0", "", "audio/flac", "audio", "FLAC, 5 bytes"),
    (b"OggS\0", "", "audio/ogg", "audio", "OGG, 5 bytes"),
    (b"\0\0\0\x20ftypM4A \0", "", "audio/mp4", "audio", "M4A, 13 bytes"),
    (PNG, "a.csv", "image/png", "image", f"PNG, {len(PNG)} bytes"),
]


@pytest.mark.parametrize(("data", "name", "media_type", "kind", "label"), KINDS)
def test_the_bytes_decide_and_the_name_says_which_text(
    data: bytes, name: str, media_type: str, kind: str, label: str
) -> None:
    """Only of a text the end of the name counts. An image is an Image, whatever made it."""
    made = sw.Attachment.of(data, name=name)
    assert (made.media_type, made.kind, made.label, made.name) == (media_type, kind, label, name)
    assert isinstance(made, sw.Image) is (kind == "image")
    assert sw.Attachment(data, name=name).media_type == media_type


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"PK\x03\x04", "a.docx"), (b"MZ\0\0", "a.txt"), (b"Gr\xfc\xdfe", "old.csv"), (b"a\x1bb\0", "a.csv")],
)
def test_a_file_of_another_kind_is_named_with_what_is_taken(data: bytes, name: str) -> None:
    """A document of an office program, a program, a text that is not in UTF-8, and bytes that call themselves CSV."""
    with pytest.raises(
        sw.ConfigurationError, match=rf"'{name}' is not a file of a known kind .*Use text, CSV, PDF, audio"
    ):
        sw.Attachment.of(data, name=name)


def test_what_is_not_a_file_is_named(tmp_path: Path) -> None:
    """A missing file, a folder and an empty file."""
    (tmp_path / "empty.csv").touch()
    for path, says in (
        (tmp_path, "is a folder"),
        ("lost.pdf", "No file 'lost.pdf'"),
        (tmp_path / "empty.csv", "empty"),
    ):
        with pytest.raises(sw.ConfigurationError, match=f"{says}.*Nothing was sent"):
            sw.Attachment.of(path)
    with pytest.raises(sw.ConfigurationError, match="type int is not a file"):
        sw.Attachment.of(7)
    with pytest.raises(sw.ConfigurationError, match=r"'a\.csv' is not an image file"):
        sw.Image.of(sw.Attachment.of(b"a,b", name="a.csv"))


def test_a_long_text_is_sent_up_to_the_end_of_a_line() -> None:
    """The words beside the name say how much. A text of one line is cut within it."""
    row = "1,234\n"
    table = sw.Attachment.of((row * 20_000 + "x").encode(), name="a.csv")
    assert (table.text, table.bound) == (row * 16_666, "first 99,996 of 120,001 characters")
    line = sw.Attachment.of(("x" * 100_001).encode())
    assert (len(line.text), line.bound) == (attachments.MAX_SENT, "first 100,000 of 100,001 characters")
    assert sw.Attachment.of(b"x" * 100_000).bound == ""


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\a.csv", "a.csv"),
        ("a\n\x1b[2J\u202eb", "a ␛[2J[U+202E]b"),
        ("x" * 999, "x" * 99 + "…"),
    ],
)
def test_a_name_is_only_a_name(given: str, kept: str) -> None:
    """It has no folder, one line, and no hidden characters."""
    assert sw.Attachment.of(b"a", name=given).name == kept


def test_a_message_keeps_all_its_files_in_order() -> None:
    """Images are among the attachments. Only a user's message has them."""
    message = sw.Message("user", "", attachments=[b"text", PNG, "https://host.invalid/a.png"])
    assert [one.kind for one in message.attachments] == ["text", "image", "image"]
    assert message.images == message.attachments[1:]
    assert replace(message, text="x").attachments == message.attachments
    with pytest.raises(sw.ConfigurationError, match="attachments"):
        sw.Message("assistant", "x", attachments=[b"text"])
