"""Files of a question: as text where an API has no part for them, and read back from the parts of chat completions.

The part that an API has for a kind of file is in the API's own module.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from streamwidget._core.attachments import Attachment
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._dialects.fields import text


def text_of_file(attachment: Attachment) -> str:
    r"""Return a text file as a part of a prompt: its name, how much of it is sent, and the text as a block of code.

    Examples
    --------
    >>> print(text_of_file(Attachment.of(b"river,km\nElbe,1094", name="rivers.csv")))
    File rivers.csv:
    ```csv
    river,km
    Elbe,1094
    ```
    """
    said = attachment.text
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", said)), default=0))
    bound = f" ({attachment.bound})" if attachment.bound else ""
    language = (attachment.media_type or "").rpartition("/")[2]
    language = language if language in ("csv", "markdown", "html", "xml", "json") else ""
    name = f"File {attachment.name}" if attachment.name else "A file"
    return f"{name}{bound}:\n{fence}{language}\n{said.rstrip(chr(10))}\n{fence}"


def as_audio(attachment: Attachment) -> dict[str, str]:
    """Return an audio file as OpenAI's APIs have it. They take WAV and MP3, and other servers more.

    Examples
    --------
    >>> as_audio(Attachment.of(b"ID3", name="talk.mp3"))
    {'data': 'SUQz', 'format': 'mp3'}
    """
    return {"data": attachment.base64, "format": attachment.label.partition(",")[0].lower()}


def cannot_take(api: str, attachment: Attachment) -> ConfigurationError:
    """Return the error for a kind of file that an API has no part for.

    Examples
    --------
    >>> print(cannot_take("Ollama", Attachment.of(b"%PDF-1.7", name="a.pdf")))
    Ollama takes no PDF file, so a.pdf cannot be sent. Nothing was sent.
    """
    kind, name = "PDF" if attachment.kind == "pdf" else attachment.kind, attachment.name or "this one"
    return ConfigurationError(f"{api} takes no {kind} file, so {name} cannot be sent. Nothing was sent.")


def from_part(part: Any) -> Attachment | None:
    """Return the file in a part of chat completions. None: it holds no file that we can read.

    Examples
    --------
    >>> from_part({"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}})
    Image(url='https://example.com/cat.png')
    """
    if not isinstance(part, dict) or part.keys() != {"type", part.get("type")}:
        return None
    if part["type"] == "image_url":
        url = text(part, "image_url", "url")
        return Attachment.of(url) if url.startswith(("http://", "https://", "data:")) else None
    if part["type"] == "file":
        url = text(part, "file", "file_data")
        return Attachment.of(url, name=text(part, "file", "filename")) if url.startswith("data:") else None
    if part["type"] == "input_audio":
        try:
            return Attachment.of(base64.b64decode(text(part, "input_audio", "data"), validate=True))
        except (binascii.Error, ConfigurationError):
            return None
    return None
