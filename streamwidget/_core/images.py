"""An image in a prompt: its bytes and their media type, or the address where the server finds it.

Figures and pictures are known by what they can do (``savefig``, ``save``): matplotlib and PIL are never imported here.
What is no image is refused before anything is sent, by its first bytes and not by its name.
"""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from streamwidget._core.exceptions import ConfigurationError

#: Bytes of one image. Servers take about as much; a larger one would travel with every later turn, too.
MAX_SIZE = 20_000_000
_TAKEN = "PNG, JPEG, GIF or WebP"
_REMOTE = ("https://", "http://")


@dataclass(frozen=True, slots=True, repr=False)
class Image:
    """An image in a prompt, as PNG, JPEG, GIF or WebP. Made by :meth:`of`.

    Attributes
    ----------
    data : bytes
        At most 20 MB; empty where there is a ``url``.
    media_type : str or None
        Such as ``image/png``; None where there is a ``url``.
    url : str or None
        An http(s) address, which the server fetches; nothing is fetched here.

    Raises
    ------
    ConfigurationError
        If the bytes are no image of these kinds or too many, or the address cannot be one.
    """

    data: bytes = b""
    media_type: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if self.url is not None:
            if self.data or self.media_type or not self.url.startswith(_REMOTE) or not _is_one_word(self.url):
                raise ConfigurationError(f"{self.url[:80]!r} is no address of an image: it must begin with https://.")
            return
        _check_size(len(self.data))
        found = _media_type(self.data)
        if found is None:
            raise ConfigurationError(f"These {len(self.data):,} bytes are no image: {_TAKEN} is needed.")
        object.__setattr__(self, "media_type", found)

    def __repr__(self) -> str:
        return f"Image(url={self.url[:80]!r})" if self.url else f"Image({self.media_type}, {len(self.data):,} bytes)"

    @classmethod
    def of(cls, source: Any) -> Self:
        """Make an image from whatever holds one.

        Parameters
        ----------
        source : str, Path, bytes, figure, picture or Image
            A file's path; an ``https://`` address or a ``data:`` URL; the bytes; a matplotlib figure; a PIL image.

        Raises
        ------
        ConfigurationError
            If it is no image, cannot be read or written as PNG, or has more than 20 MB.
        """
        if isinstance(source, cls):
            return source
        if isinstance(source, bytes | bytearray | memoryview):
            return cls(bytes(source))
        if isinstance(source, str) and source.startswith(_REMOTE):
            return cls(url=source)
        if isinstance(source, str) and source.startswith("data:"):
            return cls(_decoded(source))
        if isinstance(source, str | Path):
            return cls._read(Path(source))
        if is_drawing(source):
            return cls(_drawn(source))
        raise ConfigurationError(
            f"A {type(source).__name__} is no image. A path, bytes, a URL, a matplotlib figure or a PIL image is one."
        )

    @classmethod
    def _read(cls, path: Path) -> Self:
        try:
            if not path.is_file():  # a pipe or a device would never end
                raise ConfigurationError(f"There is no image file {str(path)[:200]!r}.")
            _check_size(path.stat().st_size)
            data = path.read_bytes()
        except (OSError, ValueError) as exc:
            if isinstance(exc, ConfigurationError):
                raise
            raise ConfigurationError(f"The image {str(path)[:200]!r} cannot be read: {exc}.") from exc
        if _media_type(data) is None:
            raise ConfigurationError(f"{path.name!r} is no image: {_TAKEN} is needed.")
        return cls(data)

    @property
    def src(self) -> str:
        """What an ``<img>`` and the chat completions API take: the address, or the bytes as a ``data:`` URL."""
        return self.url or f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


def is_drawing(value: Any) -> bool:
    """True for a matplotlib figure or a PIL image, by what its class can do; the value itself is not asked."""
    kind = type(value)
    # Much can be saved; only a picture can also be converted and given as bytes.
    return hasattr(kind, "savefig") or all(hasattr(kind, method) for method in ("save", "convert", "tobytes"))


def is_image_data(value: Any) -> bool:
    """True for the bytes of an image of a kind that is taken."""
    return isinstance(value, bytes) and _media_type(value) is not None


def _drawn(drawing: Any) -> bytes:
    file = io.BytesIO()
    write = drawing.savefig if hasattr(type(drawing), "savefig") else drawing.save
    try:
        write(file, format="png")
    except Exception as exc:  # whatever the library raises
        raise ConfigurationError(f"The {type(drawing).__name__} cannot be written as PNG: {exc}.") from exc
    return file.getvalue()


def _decoded(url: str) -> bytes:
    head, _, body = url.partition(",")
    if not head.endswith(";base64"):
        raise ConfigurationError("A data: URL of an image must be in base64.")
    _check_size(len(body) * 3 // 4 - 2)
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as exc:
        raise ConfigurationError(f"The data: URL is broken: {exc}.") from exc


def _media_type(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def _check_size(size: int) -> None:
    if size > MAX_SIZE:
        raise ConfigurationError(f"The image has {size:,} bytes; at most {MAX_SIZE:,} are sent. Make it smaller.")


def _is_one_word(text: str) -> bool:
    return text.isprintable() and " " not in text
