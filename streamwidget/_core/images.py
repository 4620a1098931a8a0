"""An image in a prompt: its bytes and media type, or the address that the server fetches it from.

Rules
-----
- matplotlib and PIL are never imported here. A figure is recognized by its method ``savefig``, a PIL image by ``save``.
- Bytes are recognized by their first bytes, not by a file name. Anything but an image is rejected before it is sent.
"""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from streamwidget._core.exceptions import ConfigurationError

#: Bytes of one image. Servers accept about this much, and each later turn sends the image again.
MAX_SIZE = 20_000_000
_FORMATS = "PNG, JPEG, GIF or WebP"
_REMOTE = ("https://", "http://")


@dataclass(frozen=True, slots=True, repr=False)
class Image:
    """An image in a prompt: PNG, JPEG, GIF or WebP. Use :meth:`of` to make one.

    Attributes
    ----------
    data : bytes
        The file's bytes, at most 20 MB. Empty if there is a ``url``.
    media_type : str or None
        The type that the bytes have, such as ``image/png``. None if there is a ``url``.
    url : str or None
        An http(s) address. The server fetches it. We do not.

    Raises
    ------
    ConfigurationError
        If the bytes are not such an image, there are too many of them, or the address is not an http(s) address.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.Image.of("https://example.com/cat.png")
    Image(url='https://example.com/cat.png')
    >>> sw.Message("user", "What is this?", images=("https://example.com/cat.png",)).images
    (Image(url='https://example.com/cat.png'),)
    """

    data: bytes = b""
    media_type: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if self.url is not None:
            if self.data or self.media_type or not self.url.startswith(_REMOTE) or not _is_printable_word(self.url):
                raise ConfigurationError(f"{self.url[:80]!r} is not an image address. It must begin with https://.")
            return
        _check_size(len(self.data))
        found = _media_type(self.data)
        if found is None:
            raise ConfigurationError(f"This is not an image file ({len(self.data):,} bytes). Use {_FORMATS}.")
        object.__setattr__(self, "media_type", found)

    def __repr__(self) -> str:
        return f"Image(url={self.url[:80]!r})" if self.url else f"Image({self.media_type}, {len(self.data):,} bytes)"

    @classmethod
    def of(cls, source: Any) -> Self:
        """Make an image from a path, an address, bytes, a figure or a picture.

        Parameters
        ----------
        source : str, Path, bytes, figure, picture or Image
            A file path, an ``https://`` address, a ``data:`` URL, the bytes of a file, a matplotlib figure or a PIL
            image. Figures and PIL images are sent as PNG.

        Returns
        -------
        Image
            ``source`` itself if it is an Image already.

        Raises
        ------
        ConfigurationError
            If it is not an image, cannot be read or written as PNG, or has more than 20 MB.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.Image.of(b"GIF89a...")
        Image(image/gif, 9 bytes)
        """
        if isinstance(source, cls):
            return source
        if isinstance(source, bytes | bytearray | memoryview):
            return cls(bytes(source))
        if isinstance(source, str) and source.startswith(_REMOTE):
            return cls(url=source)
        if isinstance(source, str) and source.startswith("data:"):
            return cls(_decode_data_url(source))
        if isinstance(source, str | Path):
            return cls._read(Path(source))
        if is_drawing(source):
            return cls(_as_png(source))
        raise ConfigurationError(
            f"An object of type {type(source).__name__} is not an image. "
            "Use a path, bytes, a URL, a matplotlib figure or a PIL image."
        )

    @classmethod
    def _read(cls, path: Path) -> Self:
        try:
            if not path.is_file():  # reading a pipe or a device might never end
                raise ConfigurationError(f"No image file {str(path)[:200]!r} was found.")
            _check_size(path.stat().st_size)
            data = path.read_bytes()
        except (OSError, ValueError) as exc:
            if isinstance(exc, ConfigurationError):
                raise
            raise ConfigurationError(f"The image {str(path)[:200]!r} cannot be read: {exc}.") from exc
        if _media_type(data) is None:
            raise ConfigurationError(f"{path.name!r} is not an image file. Use {_FORMATS}.")
        return cls(data)

    @property
    def src(self) -> str:
        """The address, or the bytes as a ``data:`` URL. An ``<img>`` and the chat completions API accept both.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.Image.of(b"GIF89a").src
        'data:image/gif;base64,R0lGODlh'
        """
        return self.url or f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


def is_drawing(value: Any) -> bool:
    """Return True for a matplotlib figure or a PIL image. Only its class is examined, so no code of the value runs."""
    kind = type(value)
    # Many classes have `save`. Only a picture also has `convert` and `tobytes`.
    return hasattr(kind, "savefig") or all(hasattr(kind, method) for method in ("save", "convert", "tobytes"))


def is_image_data(value: Any) -> bool:
    """Return True for the bytes of a PNG, JPEG, GIF or WebP file."""
    return isinstance(value, bytes) and _media_type(value) is not None


def _as_png(drawing: Any) -> bytes:
    file = io.BytesIO()
    write = drawing.savefig if hasattr(type(drawing), "savefig") else drawing.save
    try:
        write(file, format="png")
    except Exception as exc:  # the library may raise anything
        raise ConfigurationError(f"The {type(drawing).__name__} cannot be written as PNG: {exc}.") from exc
    return file.getvalue()


def _decode_data_url(url: str) -> bytes:
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
        raise ConfigurationError(f"The image has {size:,} bytes. At most {MAX_SIZE:,} are sent. Make it smaller.")


def _is_printable_word(text: str) -> bool:
    return text.isprintable() and " " not in text
