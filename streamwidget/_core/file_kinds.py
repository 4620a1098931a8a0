"""The kind of a file: its bytes decide. For a text, its name says which one."""

from __future__ import annotations

import codecs
import re
from typing import Literal

Kind = Literal["image", "pdf", "audio", "text"]
#: The types of texts, by the end of their names. Any other text is plain.
_TEXTS = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "md": "text/markdown",
    "html": "text/html",
    "htm": "text/html",
    "xml": "text/xml",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_MP3 = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xeb]")  # the first frame of one without tags
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def kind_of(media_type: str | None) -> Kind:
    """Return the kind of a type. A file by its address alone has no type, and is an image."""
    if media_type is None or (media_type.startswith("image/") and media_type != "image/svg+xml"):
        return "image"
    if media_type == "application/pdf":
        return "pdf"
    return "audio" if media_type.startswith("audio/") else "text"


def media_type_of(data: bytes, name: str) -> str | None:
    """Return the type of these bytes, or None. js/src/chat/files.ts recognizes the same."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] in (b"WEBP", b"WAVE"):
        return "image/webp" if data[8:12] == b"WEBP" else "audio/wav"
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    return _audio_type(data) or _text_type(data, name)


def _audio_type(data: bytes) -> str | None:
    if data.startswith(b"ID3") or _MP3.match(data):
        return "audio/mpeg"
    if data.startswith((b"fLaC", b"OggS")):
        return "audio/flac" if data.startswith(b"fLaC") else "audio/ogg"
    if data[4:8] == b"ftyp" and data[8:11] == b"M4A":
        return "audio/mp4"
    return None


def _text_type(data: bytes, name: str) -> str | None:
    if not data or decoded(data) is None:
        return None
    return _TEXTS.get(name.rpartition(".")[2].lower(), "text/plain")


def decoded(data: bytes) -> str | None:
    """Return a text that is in UTF-8, or in UTF-16 with its mark. None: these bytes are not a text."""
    try:
        text = data.decode("utf-16" if data.startswith(_MARKS) else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if _NOT_TEXT.search(text) else text
