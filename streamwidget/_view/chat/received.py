"""What a chat widget receives from its pages: messages, checked for their types, their sizes and their files.

A page is not trusted. Unknown and ill-typed messages are ignored. If a person is waiting for an answer, the chat says
why it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamwidget._core.attachments import Attachment
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.loop import call_on
from streamwidget._view.chat.uploads import MAX_FILES, Uploads

if TYPE_CHECKING:
    from streamwidget._view.chat.chat import Chat

MAX_PROMPT = 1_000_000  # characters of a prompt, or of a setting such as the system prompt
MAX_NAME = 200  # characters of a model's name
_KEY = re.compile(r"[A-Za-z0-9-]{8,64}")  # of a turn, as js/src/chat makes it: "3f2a9c04-..."
_THUMBNAIL = re.compile(r"data:image/(?:png|jpeg|webp);base64,[A-Za-z0-9+/]{4,40000}={0,2}")


class Refused(Exception):
    """The page asks for something impossible. The message tells the person why."""


@dataclass(frozen=True, slots=True)
class TypedPrompt:
    """A prompt from the page's prompt box.

    Attributes
    ----------
    name : str
        The page's name for it. A new turn has this name as its key.
    text : str
    files : tuple
        New files, and numbers for kept files. Example: 0 is the first file of the edited turn.
    thumbnails : tuple of str or None
        A ``data:`` URL for each image with one.
    replaces : str or None
        The key of the edited turn. The prompt takes its place, and the turns after it are removed.
    """

    name: str
    text: str
    files: tuple[Attachment | int, ...]
    thumbnails: tuple[str | None, ...]
    replaces: str | None

    def files_with(self, old: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
        """Return the files. ``old`` has those that are kept."""
        known = [file for file in self.files if not isinstance(file, int) or file < len(old)]
        return tuple(old[file] if isinstance(file, int) else file for file in known)

    def thumbnails_with(self, old: list[str | None]) -> list[str | None]:
        """Return the thumbnails. ``old`` has those that are kept."""
        kept = [old[file] if isinstance(file, int) and file < len(old) else None for file in self.files]
        return [new or before for new, before in zip(self.thumbnails, kept, strict=True)]


def receive(chat: Chat, content: Any) -> None:
    """Take one message of a page, which may be anything. May run on any thread."""
    match content:
        case {"op": "stop", "stream": str(stream)}:
            chat.stop(stream)
        case {"op": "confirm", "key": str(key), "decision": "once" | "always" | "refuse" as decision}:
            reason = content.get("reason")
            chat.confirm(key, decision, reason if isinstance(reason, str) else "")
        case {"op": str()}:
            call_on(chat.loop, lambda: _act(chat, content))


def _act(chat: Chat, content: dict[str, Any]) -> None:
    """Do what the message says, on the chat's loop."""
    match content:
        case {"op": "sync", "key": str(key)}:
            chat.send_answer(key)
        case {"op": "sync"}:
            chat.send_missing(content.get("rev"), content.get("pending"))
        case {"op": "send", "name": str(name)} if _KEY.fullmatch(name):
            _try(chat, name, lambda: chat.ask_typed(read_prompt(name, content, chat.uploads)))
        case {"op": "piece", "file": str(file), "buffers": [piece]} if _KEY.fullmatch(file):
            chat.uploads.take(file, content.get("at"), content.get("size"), piece)
        case {"op": "retry" | "continue" as op, "key": str(key)}:
            _try(chat, None, lambda: chat.ask_again(key, go_on=op == "continue"))
        case {"op": "model", "name": str(name)} if len(name) <= MAX_NAME and name.isprintable():
            _try(chat, None, lambda: chat.set_model(name.strip() or None))
        case {"op": "models"}:
            chat.list_models()
        case {"op": "set", "name": str(name), "value": str(value)} if len(value) <= MAX_PROMPT:
            _try(chat, None, lambda: chat.set(name, value))
        case {"op": "transcript", "format": str(form)}:
            chat.send_transcript(form)
        case _:
            _change(chat, content)


def _change(chat: Chat, content: dict[str, Any]) -> None:
    """Change the turns that are there."""
    match content:
        case {"op": "include", "key": str(key), "sent": bool(sent)}:
            chat.include(key, sent=sent)
        case {"op": "clear"}:
            chat.clear()
        case {"op": "delete", "key": str(key)}:
            chat.drop(key)
        case {"op": "undo"}:
            _try(chat, None, chat.undo)
        case {"op": "redo"}:
            _try(chat, None, chat.redo)
        case {"op": "branch", "key": str(key), "branch": int(branch)}:
            _try(chat, None, lambda: chat.show_branch(key, branch))
        case {"op": "rate", "key": str(key), "feedback": "up" | "down" | None as feedback}:
            chat.rate(key, feedback)


def _try(chat: Chat, name: str | None, act: Callable[[], None]) -> None:
    try:
        act()
    # All of them are raised before anything is done. A TypeError is of a function without such a field.
    except (Refused, RuntimeError, ConfigurationError, TypeError) as exc:
        chat.refuse(name, str(exc))


def read_prompt(name: str, content: dict[str, Any], uploads: Uploads) -> TypedPrompt:
    """Read a prompt.

    Raises
    ------
    Refused
        If it cannot be read, is too large, or has a file that cannot be read or has not come.
    """
    text, files, replaces = (content.get(field) for field in ("text", "files", "replaces"))
    if not isinstance(text, str) or not isinstance(files, list) or not isinstance(replaces, str | None):
        raise Refused("The prompt could not be read.")
    if len(text) > MAX_PROMPT:
        raise Refused(f"The prompt has {len(text):,} characters. The limit is {MAX_PROMPT:,}.")
    if len(files) > MAX_FILES:
        raise Refused(f"At most {MAX_FILES} files go with a prompt.")
    read = [_read_file(file, uploads) for file in files]
    return TypedPrompt(name, text, tuple(file for file, _ in read), tuple(thumbnail for _, thumbnail in read), replaces)


def _read_file(value: Any, uploads: Uploads) -> tuple[Attachment | int, str | None]:
    if not isinstance(value, dict):
        raise Refused("A file could not be read.")
    keep, file, name, thumbnail = (value.get(field) for field in ("keep", "file", "name", "thumbnail"))
    if isinstance(keep, int) and not isinstance(keep, bool) and 0 <= keep < MAX_FILES:
        return keep, None
    if not isinstance(file, str) or not isinstance(name, str):
        raise Refused("A file could not be read.")
    data = uploads.pop(file)
    if data is None:
        raise Refused("Not sent: a file was lost on its way. Send the prompt again.")
    try:
        attachment = Attachment.of(data, name[:1000])
    except ConfigurationError as exc:
        raise Refused(str(exc)) from None
    return attachment, thumbnail if isinstance(thumbnail, str) and _THUMBNAIL.fullmatch(thumbnail) else None
