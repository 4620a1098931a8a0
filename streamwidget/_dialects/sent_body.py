"""What a request holds, read from its body, whichever API it is for. This is for the receipt.

Each API has a list of messages, and perhaps the system prompt beside it. What is known of neither a text nor a file is
JSON, so nothing of a request is left out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from streamwidget._core.receipt import SentFile, SentMessage
from streamwidget._core.secrets import Secrets, mask

_SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction")
_MESSAGES = ("messages", "input", "contents")
_TYPES = ("media_type", "mime_type", "mimeType", "format")
_known: WeakValueDictionary[tuple[Any, ...], SentMessage] = WeakValueDictionary()
_OPAQUE = 1_000  # characters without a space. They are a file, a signature or encrypted reasoning


def sent_messages(body: Mapping[str, Any], secrets: Secrets) -> tuple[SentMessage, ...]:
    """Return the messages of a body, the system prompt first. Their texts are masked.

    Examples
    --------
    >>> from streamwidget._core.secrets import NO_SECRETS
    >>> body = {"system": "Be brief.", "messages": [{"role": "user", "content": "Name a river."}]}
    >>> [(sent.role, sent.text) for sent in sent_messages(body, NO_SECRETS)]
    [('system', 'Be brief.'), ('user', 'Name a river.')]
    """
    found: list[Any] = [{"role": "system", "content": body[name]} for name in _SYSTEM if body.get(name)]
    for name in _MESSAGES:
        given = body.get(name, [])
        found += given if isinstance(given, list | tuple) else [given]
    return tuple(_message(one if isinstance(one, Mapping) else {"content": one}, secrets) for one in found)


def sent_fields(body: Mapping[str, Any], secrets: Secrets) -> tuple[tuple[str, str], ...]:
    """Return the other fields of a body in the order of their names, each as JSON.

    Examples
    --------
    >>> from streamwidget._core.secrets import NO_SECRETS
    >>> sent_fields({"messages": [], "model": "m", "temperature": 0.5}, NO_SECRETS)
    (('model', '"m"'), ('temperature', '0.5'))
    """
    files: list[SentFile] = []
    others = sorted((str(name), value) for name, value in body.items() if name not in (*_SYSTEM, *_MESSAGES))
    return tuple((name, mask(_json(_without_files(value, files)), secrets)) for name, value in others)


def _message(message: Mapping[str, Any], secrets: Secrets) -> SentMessage:
    files: list[SentFile] = []
    named = next((name for name in ("role", "type") if isinstance(message.get(name), str)), None)
    rest = {name: value for name, value in message.items() if name != named and value not in (None, "", [])}
    plain = _without_files(rest, files)
    texts = [_text(plain.pop(name)) for name in ("content", "parts") if name in plain]
    if plain:
        texts.append(_json(plain))
    return _shared(SentMessage(str(message[named]) if named else "user", mask("\n".join(texts), secrets), tuple(files)))


def _shared(message: SentMessage) -> SentMessage:
    """Return the one that another receipt has. Each request of a long conversation has all messages of it again."""
    return _known.setdefault((message.role, message.text, message.files), message)


def _text(value: Any) -> str:
    """Return the text of a content: of one text, of the texts of its parts, and the JSON of all others."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return "\n".join(map(_text, value))
    if isinstance(value, Mapping):
        if isinstance(value.get("text"), str) and value.keys() <= {"type", "text"}:
            return str(value["text"])
        if value.keys() == {"parts"}:
            return _text(value["parts"])
    return _json(value)


def _without_files(value: Any, files: list[SentFile], media_type: str = "") -> Any:
    """Return a copy in which each file is its line in brackets. The files are added to ``files``."""
    if isinstance(value, str):
        return _file_line(value, files, media_type)
    if isinstance(value, Mapping):
        named = next((kind for name in _TYPES if isinstance(kind := value.get(name), str)), "")
        types = {"data": named, "images": "image"}
        return {str(name): _without_files(one, files, types.get(name, "")) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_files(one, files, media_type) for one in value]
    return value


def _file_line(text: str, files: list[SentFile], media_type: str) -> str:
    head, comma, _ = text[:200].partition(";base64,")
    if head.startswith("data:") and comma:
        media_type, text = head[len("data:") :], text[len(head) + len(comma) :]
    elif not media_type and (len(text) < _OPAQUE or any(space in text for space in " \n")):
        return text
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        content = text.encode("utf-8", "replace")
    file = SentFile(media_type, len(content), hashlib.sha256(content).hexdigest()[:12])
    files.append(file)
    return f"[{file}]"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
