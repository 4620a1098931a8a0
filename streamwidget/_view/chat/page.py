"""What a page may say to a chat widget, checked: type, size, and that an image is one.

A page is not trusted: what is unknown or ill-typed is dropped. What a person would wonder about is refused in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.images import Image

if TYPE_CHECKING:
    from streamwidget._view.chat.chat import Chat

MAX_TEXT = 1_000_000  # characters of a prompt
MAX_IMAGE = 10_000_000  # bytes
MAX_IMAGES = 20
MAX_NAME = 200  # characters of a model's name
_KEY = re.compile(r"[A-Za-z0-9-]{8,64}")
_THUMBNAIL = re.compile(r"data:image/(?:png|jpeg|webp);base64,[A-Za-z0-9+/]{4,40000}={0,2}")


@dataclass(frozen=True, slots=True)
class Ask:
    """A prompt that was typed.

    Attributes
    ----------
    name : str
        What the page calls it; a new turn has it as its key.
    text : str
    images : tuple
        Images, and numbers: of the images of the turn that it replaces.
    thumbnails : tuple of str or None
        For each image a ``data:`` URL, where the page made one.
    replaces : str or None
        The key of the turn that was edited: it goes, with all after it.
    """

    name: str
    text: str
    images: tuple[Image | int, ...]
    thumbnails: tuple[str | None, ...]
    replaces: str | None

    def images_with(self, had: tuple[Image, ...]) -> tuple[Image, ...]:
        """Return the images; those that are kept are of ``had``."""
        known = [image for image in self.images if not isinstance(image, int) or image < len(had)]
        return tuple(had[image] if isinstance(image, int) else image for image in known)

    def thumbnails_with(self, had: list[str | None]) -> list[str | None]:
        """Return the thumbnails; those that are kept are of ``had``."""
        kept = [had[image] if isinstance(image, int) and image < len(had) else None for image in self.images]
        return [fresh or old for fresh, old in zip(self.thumbnails, kept, strict=True)]


class Refused(Exception):
    """The page asks for what cannot be done; the message says why, to the person."""


def receive(chat: Chat, content: Any) -> None:
    """Take a message of the page, which may be anything. May run on any thread."""
    match content:
        case {"op": "stop", "stream": str(stream)}:
            chat.stop(stream)
        case {"op": "sync", "key": str(key)}:
            chat.call(lambda: chat.sync_answer(key))
        case {"op": "sync"}:
            chat.call(lambda: chat.sync(content.get("rev"), content.get("pending")))
        case {"op": "send", "name": str(name)} if _KEY.fullmatch(name):
            chat.call(lambda: _try(chat, name, lambda: chat.ask_typed(read_ask(name, content))))
        case {"op": "retry" | "continue" as op, "key": str(key)}:
            chat.call(lambda: _try(chat, None, lambda: chat.ask_again(key, go_on=op == "continue")))
        case {"op": "include", "key": str(key), "sent": bool(sent)}:
            chat.call(lambda: chat.include(key, sent=sent))
        case {"op": "clear"}:
            chat.call(chat.clear)
        case {"op": "model", "name": str(name)} if len(name) <= MAX_NAME and name.isprintable():
            chat.call(lambda: chat.set_model(name.strip() or None))
        case {"op": "models"}:
            chat.call(chat.list_models)


def _try(chat: Chat, asked: str | None, ask: Callable[[], None]) -> None:
    try:
        ask()
    except (Refused, RuntimeError, ConfigurationError) as exc:  # raised before the question is put; later nothing is
        chat.refuse(asked, str(exc))


def read_ask(name: str, content: dict[str, Any]) -> Ask:
    """Read a prompt.

    Raises
    ------
    Refused
        If it is none, or too large, or an image is none.
    """
    text, images, replaces = (content.get(field) for field in ("text", "images", "replaces"))
    if not isinstance(text, str) or not isinstance(images, list) or not isinstance(replaces, str | None):
        raise Refused("The prompt could not be read.")
    if len(text) > MAX_TEXT:
        raise Refused(f"The prompt has {len(text):,} characters; at most {MAX_TEXT:,} are taken.")
    if len(images) > MAX_IMAGES:
        raise Refused(f"At most {MAX_IMAGES} images go with a prompt.")
    read = [_read_image(image) for image in images]
    return Ask(name, text, tuple(image for image, _ in read), tuple(thumbnail for _, thumbnail in read), replaces)


def _read_image(value: Any) -> tuple[Image | int, str | None]:
    if not isinstance(value, dict):
        raise Refused("An image could not be read.")
    keep, data, thumbnail = value.get("keep"), value.get("data"), value.get("thumbnail")
    if isinstance(keep, int) and not isinstance(keep, bool) and 0 <= keep < MAX_IMAGES:
        return keep, None
    if not isinstance(data, str):
        raise Refused("An image could not be read.")
    if len(data) * 3 // 4 > MAX_IMAGE:
        raise Refused(f"An image has more than {MAX_IMAGE // 1_000_000} MB.")
    try:
        image = Image.of(f"data:;base64,{data}")
    except ConfigurationError as exc:
        raise Refused(str(exc)) from None
    return image, thumbnail if isinstance(thumbnail, str) and _THUMBNAIL.fullmatch(thumbnail) else None
