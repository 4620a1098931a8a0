"""A file in a prompt: an image, a PDF, a sound or a text. Its bytes decide what it is, and its name says which text.

Rules
-----
- matplotlib and PIL are never imported here. A figure is recognized by its method ``savefig``, a PIL image by ``save``.
- A file of any other kind is rejected before it is sent.
- An SVG is a text. Nothing ever draws it.
- A text is sent up to a bound. ``Attachment.bound`` says so beside its name.
- The name comes from a file or from a page, so it may be anything. It is made visible, and never opened.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from streamwidget._core.counted import counted
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.file_kinds import Kind, decoded, kind_of, media_type_of
from streamwidget._core.visible import one_line

#: Bytes of one file. Servers accept about this much, and each later turn sends the file again.
MAX_SIZE = 20_000_000
#: Characters of a text that are sent.
MAX_SENT = 100_000
_REMOTE = ("https://", "http://")
_NAME = 100  # characters
#: The words for a type, where its second half is not the word.
_WORDS = {
    "text/plain": "text",
    "text/tab-separated-values": "TSV",
    "image/svg+xml": "SVG",
    "audio/mpeg": "MP3",
    "audio/mp4": "M4A",
}


@dataclass(frozen=True, slots=True, repr=False)
class Attachment:
    r"""A file in a prompt: an image, a PDF, a sound, a CSV or another text. Use :meth:`of` to make one.

    Attributes
    ----------
    data : bytes
        The file's bytes, at most 20 MB. Empty if there is a ``url``.
    media_type : str or None
        The type that the bytes have, such as ``application/pdf``. None if there is a ``url``.
    url : str or None
        The http(s) address of an image. The server fetches it. We do not.
    name : str
        The file's name, without its folder. It may be empty.
    text : str
        The part of a text that is sent: its first 100,000 characters, up to the end of a line. Else empty.

    Raises
    ------
    ConfigurationError
        If the bytes are of no kind that can be sent, there are too many of them, or the address is not an http(s)
        address.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.Attachment(b"river,km\nElbe,1094\n", name="rivers.csv")
    Attachment('rivers.csv', text/csv, 19 bytes)
    >>> sw.Attachment.of(b"river,km", name="rivers.csv").text
    'river,km'
    """

    data: bytes = b""
    media_type: str | None = None
    url: str | None = None
    name: str = ""
    # Made once, because each request and each message to the page reads them.
    text: str = field(default="", init=False, compare=False)
    _length: int = field(default=0, init=False, compare=False)  # characters of the whole text

    _what: ClassVar[str] = "file"
    _takes: ClassVar[str] = "text, CSV, PDF, audio (MP3, WAV, FLAC, OGG, M4A) or images (PNG, JPEG, GIF, WebP)"

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", one_line(re.split(r"[/\\]", self.name)[-1], _NAME))
        if self.url is not None:
            if self.data or self.media_type or not self.url.startswith(_REMOTE) or not _is_printable_word(self.url):
                raise ConfigurationError(f"{self.url[:80]!r} is not an image address. It must begin with https://.")
            return
        _check_size(len(self.data), self._what, self.name)
        found = media_type_of(self.data, self.name)
        if found is None or not self._is_taken(found):
            raise ConfigurationError(self._refusal(self.name, len(self.data)))
        object.__setattr__(self, "media_type", found)
        if self.kind == "text":
            whole = decoded(self.data) or ""
            object.__setattr__(self, "text", _within_bound(whole))
            object.__setattr__(self, "_length", len(whole))

    @classmethod
    def _is_taken(cls, media_type: str) -> bool:  # noqa: ARG003  (a subclass takes less)
        return True

    @classmethod
    def _refusal(cls, name: str, size: int) -> str:
        if size == 0 and cls is Attachment:
            return f"{repr(name) if name else 'This file'} is empty. Nothing was sent."
        what = f"{name!r} is not" if name else "This is not"
        a_kind = "an image file" if cls is not Attachment else "a file of a known kind"
        return f"{what} {a_kind} ({size:,} bytes). Use {cls._takes}."

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        about = f"url={self.url[:80]!r}" if self.url else f"{name}{self.media_type}, {len(self.data):,} bytes"
        return f"{type(self).__name__}({about})"

    @classmethod
    def of(cls, source: Any, name: str = "") -> Self:
        """Make an attachment from a path, bytes, a figure or a picture.

        Parameters
        ----------
        source : str, Path, bytes, figure, picture or Attachment
            A file path, the bytes of a file, a ``data:`` URL, the ``https://`` address of an image, a matplotlib figure
            or a PIL image. Figures and PIL images are sent as PNG.
        name : str, optional
            The name of the file. For bytes it says which kind of text they are: ``rivers.csv``. Default: the path's.

        Returns
        -------
        Attachment
            ``source`` itself if it is one already. Images are of the class :class:`Image`.

        Raises
        ------
        ConfigurationError
            If there is no such file, it is a folder, it cannot be read, it is of another kind, or it has more than
            20 MB.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.Attachment.of(b"river,km", name="rivers.csv")
        Attachment('rivers.csv', text/csv, 8 bytes)
        >>> sw.Attachment.of("lost.pdf")
        Traceback (most recent call last):
            ...
        streamwidget...ConfigurationError: No file 'lost.pdf' was found. Nothing was sent.
        """
        if isinstance(source, Attachment):
            return cls._as_own(source)
        if isinstance(source, bytes | bytearray | memoryview):
            return cls._as_own(cls(bytes(source), name=name))
        if isinstance(source, str) and source.startswith(_REMOTE):
            return cls._as_own(Image(url=source, name=name))
        if isinstance(source, str) and source.startswith("data:"):
            return cls._as_own(cls(_decode_data_url(source, cls._what), name=name))
        if isinstance(source, str | Path):
            path = Path(source)
            return cls._as_own(cls(cls._read(path), name=name or path.name))
        if is_drawing(source):
            return cls._as_own(Image(_as_png(source), name=name))
        raise ConfigurationError(
            f"An object of type {type(source).__name__} is not {'an image' if cls is Image else 'a file'}. "
            "Use a path, bytes, a URL, a matplotlib figure or a PIL image."
        )

    @classmethod
    def _as_own(cls, made: Attachment) -> Self:
        """Return the attachment in this class. An image is always an Image."""
        kind = Image if made.kind == "image" else Attachment
        if not issubclass(kind, cls):
            raise ConfigurationError(cls._refusal(made.name, len(made.data)))
        if type(made) is not kind:
            made = kind(made.data, made.media_type, made.url, made.name)
        return made  # type: ignore[return-value]

    @classmethod
    def _read(cls, path: Path) -> bytes:
        shown = repr(str(path)[:200])
        try:
            if path.is_dir():
                raise ConfigurationError(f"{shown} is a folder. Pass a file in it. Nothing was sent.")
            if not path.is_file():  # reading a pipe or a device might never end
                found = "file" if cls is Attachment else "image file"
                raise ConfigurationError(f"No {found} {shown} was found. Nothing was sent.")
            _check_size(path.stat().st_size, cls._what, path.name)
            return path.read_bytes()
        except (OSError, ValueError) as exc:
            if isinstance(exc, ConfigurationError):
                raise
            raise ConfigurationError(f"The {cls._what} {shown} cannot be read: {exc}.") from exc

    @property
    def kind(self) -> Kind:
        """``image``, ``pdf``, ``audio`` or ``text``.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.Attachment.of(b"river,km", name="rivers.csv").kind
        'text'
        """
        return kind_of(self.media_type)

    @property
    def label(self) -> str:
        """What a person reads beside the name: ``CSV, 12 kB``.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.Attachment.of(b"river,km", name="rivers.csv").label
        'CSV, 8 bytes'
        """
        if self.url:
            return "image"
        media_type = self.media_type or ""
        word = _WORDS.get(media_type) or media_type.split("/")[-1].upper()
        return f"{word}, {size_in_words(len(self.data))}"

    @property
    def bound(self) -> str:
        r"""What is said beside a text that is not sent whole: ``first 99,990 of 250,000 characters``. Else empty.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.Attachment.of(b"a,b\n" * 50_000, name="long.csv").bound
        'first 100,000 of 200,000 characters'
        """
        sent, whole = len(self.text), self._length
        return "" if sent == whole else f"first {sent:,} of {whole:,} characters"

    @property
    def src(self) -> str:
        """The address, or the bytes as a ``data:`` URL. An ``<img>`` and the chat completions API accept both.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.Image.of(b"GIF89a").src
        'data:image/gif;base64,R0lGODlh'
        """
        return self.url or f"data:{self.media_type};base64,{self.base64}"

    @property
    def base64(self) -> str:
        """The bytes in base64.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.Image.of(b"GIF89a").base64
        'R0lGODlh'
        """
        return base64.b64encode(self.data).decode()


@dataclass(frozen=True, slots=True, repr=False)
class Image(Attachment):
    """An image in a prompt: PNG, JPEG, GIF or WebP. Use ``Image.of`` to make one from what :meth:`Attachment.of` takes.

    Attributes
    ----------
    data : bytes
        The file's bytes, at most 20 MB. Empty if there is a ``url``.
    media_type : str or None
        The type that the bytes have, such as ``image/png``. None if there is a ``url``.
    url : str or None
        An http(s) address. The server fetches it. We do not.
    name : str
        The file's name, without its folder. It may be empty.

    Raises
    ------
    ConfigurationError
        If the bytes are not such an image, there are too many of them, or the address is not an http(s) address.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.Image.of("https://example.com/cat.png")
    Image(url='https://example.com/cat.png')
    >>> sw.Image.of(b"GIF89a...")
    Image(image/gif, 9 bytes)
    >>> sw.Message("user", "What is this?", images=("https://example.com/cat.png",)).images
    (Image(url='https://example.com/cat.png'),)
    """

    _what: ClassVar[str] = "image"
    _takes: ClassVar[str] = "PNG, JPEG, GIF or WebP"

    @classmethod
    def _is_taken(cls, media_type: str) -> bool:
        return kind_of(media_type) == "image"


def is_drawing(value: Any) -> bool:
    """Return True for a matplotlib figure or a PIL image. Only its class is examined, so no code of the value runs."""
    kind = type(value)
    # Many classes have `save`. Only a picture also has `convert` and `tobytes`.
    return hasattr(kind, "savefig") or all(hasattr(kind, method) for method in ("save", "convert", "tobytes"))


def is_image_data(value: Any) -> bool:
    """Return True for the bytes of a PNG, JPEG, GIF or WebP file."""
    return isinstance(value, bytes) and (media_type_of(value, "") or "").startswith("image/")


def _as_png(drawing: Any) -> bytes:
    file = io.BytesIO()
    write = drawing.savefig if hasattr(type(drawing), "savefig") else drawing.save
    try:
        write(file, format="png")
    except Exception as exc:  # the library may raise anything
        raise ConfigurationError(f"The {type(drawing).__name__} cannot be written as PNG: {exc}.") from exc
    return file.getvalue()


def _decode_data_url(url: str, what: str) -> bytes:
    head, _, body = url.partition(",")
    if not head.endswith(";base64"):
        raise ConfigurationError(f"A data: URL of {'an image' if what == 'image' else 'a file'} must be in base64.")
    _check_size(len(body) * 3 // 4 - 2, what, "")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as exc:
        raise ConfigurationError(f"The data: URL is broken: {exc}.") from exc


def _within_bound(text: str) -> str:
    if len(text) <= MAX_SENT:
        return text
    end = text.rfind("\n", MAX_SENT // 2, MAX_SENT) + 1  # no half of a CSV's row
    return text[: end or MAX_SENT]


def size_in_words(count: int) -> str:
    """Return a number of bytes in words.

    Examples
    --------
    >>> size_in_words(1), size_in_words(999), size_in_words(12_400), size_in_words(1_250_000)
    ('1 byte', '999 bytes', '12 kB', '1.2 MB')
    """
    if count < 1000:
        return counted(count, "byte")
    return f"{count / 1000:.0f} kB" if count < 999_500 else f"{count / 1_000_000:.1f} MB"


def _check_size(size: int, what: str, name: str) -> None:
    if size > MAX_SIZE:
        the = repr(name) if name else f"The {what}"
        raise ConfigurationError(f"{the} has {size:,} bytes. At most {MAX_SIZE:,} are sent. Make it smaller.")


def _is_printable_word(text: str) -> bool:
    return text.isprintable() and " " not in text
