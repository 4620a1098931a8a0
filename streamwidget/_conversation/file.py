"""A conversation in a file: as JSON for programs, without a loss, and as Markdown for people."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from streamwidget._conversation.inert import inert
from streamwidget._conversation.turn import Feedback, Turn
from streamwidget._core.completion import ChatCompletion, shown
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.images import Image
from streamwidget._core.json_values import read, read_field
from streamwidget._core.messages import Message
from streamwidget._core.visible import one_line

_VERSION = 1
_URL = ":/?#@!$&'*+,;=%~"  # not brackets, which would end the link
_MARKUP = re.compile(r"[\\`*_\[\]<>!|~$&#]")  # characters that Markdown may take for markup
_ESCAPED = r"\\\g<0>"
_LATER_FIELDS: dict[str, object] = {"asked_at": None, "feedback": None, "branches": [], "branch": 0}
_OTHER = "This is not a streamwidget conversation file"


def to_json(system: str | None, turns: Iterable[Turn]) -> str:
    """Return the conversation as JSON. Lone surrogates are escaped."""
    written = [_from_turn(turn) for turn in turns]
    return json.dumps({"streamwidget": {"conversation": _VERSION}, "system": system, "turns": written}, indent=1)


def _from_turn(turn: Turn) -> dict[str, Any]:
    return {
        "key": turn.key,
        "user": {"text": turn.user.text, "images": [_from_image(image) for image in turn.user.images]},
        "answer": _from_answer(turn.answer),
        "chosen": turn.chosen,
        "asked_at": turn.asked_at,
        "feedback": turn.feedback,
        "branches": [[_from_turn(one) for one in branch] for branch in turn.branches],
        "branch": turn.branch,
    }


def from_json(text: str) -> tuple[str | None, list[Turn]]:
    """Return the system prompt and the turns that :func:`to_json` wrote. ConfigurationError for other text."""
    try:
        value = json.loads(text)
        ours = read_field(object, value, "streamwidget", "it")
        version = read_field(int, ours, "conversation", "it")
        if version != _VERSION:
            raise ConfigurationError(f"This conversation has version {version}. This streamwidget reads {_VERSION}.")
        system = read_field(str | None, value, "system", "it")
        turns = read_field(list[object], value, "turns", "it")
        read_turns = [_to_turn(turn, f"turn {number}") for number, turn in enumerate(turns, 1)]
        if len({turn.key for turn in read_turns}) < len(read_turns):
            raise ValueError("two turns have the same key")
    except ConfigurationError:
        raise
    except RecursionError:
        raise ConfigurationError(f"{_OTHER}: its values are nested too deeply.") from None
    except (TypeError, ValueError) as exc:
        raise ConfigurationError(f"{_OTHER}: {exc}.") from exc
    return system, read_turns


def _from_image(image: Image) -> dict[str, Any]:
    return {"url": image.url} if image.url else {"base64": base64.b64encode(image.data).decode()}


def _to_image(value: dict[str, str], place: str) -> Image:
    try:
        if "url" in value:
            return Image(url=value["url"])
        return Image(base64.b64decode(read_field(str, value, "base64", "it"), validate=True))
    except ValueError as exc:  # the ConfigurationError of an Image too
        raise ValueError(f"{place}: {str(exc).rstrip('.')}") from None


def _from_answer(answer: Message | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return asdict(answer.completion or ChatCompletion(answer.text, outcome="complete"))


def _to_turn(value: object, place: str) -> Turn:
    key = read_field(str, value, "key", place)
    if not key:
        raise ValueError(f"{place} has an empty key")
    user = read_field(object, value, "user", place)
    images = read_field(list[dict[str, str]], user, "images", f"{place}, user")
    text = read_field(str, user, "text", f"{place}, user")
    asked = Message("user", text, tuple(_to_image(image, f"{place}, an image") for image in images))
    answer = read_field(dict[str, object] | None, value, "answer", place)
    later = {**_LATER_FIELDS, **read(dict[str, object], value, place)}  # older files have none of these
    branches = tuple(
        tuple(_to_turn(one, f"{place}, branch {number}") for one in branch)
        for number, branch in enumerate(read_field(list[list[object]], later, "branches", place), 1)
    )
    branch = read_field(int, later, "branch", place)
    if branch > len(branches) or any(not other or other[0].key != key for other in branches):
        raise ValueError(f"{place} has a branch that does not begin there")
    return Turn(
        key,
        asked,
        _to_answer(answer, f"{place}, answer"),
        read_field(bool | None, value, "chosen", place),
        read_field(float | None, later, "asked_at", place),
        read_field(Feedback | None, later, "feedback", place),
        branches,
        branch,
    )


def _to_answer(value: dict[str, Any] | None, place: str) -> Message | None:
    if value is None:
        return None
    if value.get("outcome") is None:
        value["outcome"] = "interrupted"  # an answer that was still streaming is cut
    completion = read(ChatCompletion, value, place)
    return Message("assistant", shown(completion), completion=completion)


def to_markdown(system: str | None, turns: Iterable[Turn]) -> str:
    """Return the conversation as Markdown. Each message has a heading, and none can look like another one's."""
    parts = [f"## System\n\n{inert(system)}"] if system else []
    for turn in turns:
        shown = [_shown(image) for image in turn.user.images]
        parts.append("\n\n".join(["## User", *filter(None, [inert(turn.user.text)]), *shown]))
        if turn.answer is None:
            parts.append("## Assistant\n\n*(no answer)*")
            continue
        completion = turn.answer.completion
        text = turn.answer.text or (completion.refusal if completion else "")
        ending = "" if turn.answer.outcome == "complete" else f"*({_ending(turn)})*"
        parts.append("\n\n".join(["## Assistant", *filter(None, [inert(text), ending])]))
    return "\n\n".join(parts) + "\n"


def _shown(image: Image) -> str:
    """Return an image with its bytes, or a link. Who looks at the file must not ask another server for an image."""
    if image.url is None:
        return f"![{image.media_type}]({image.src})"
    return f"[image]({quote(image.url, safe=_URL)})"


def _ending(turn: Turn) -> str:
    answer = turn.answer
    completion = answer.completion if answer else None
    why = _MARKUP.sub(_ESCAPED, one_line(completion.error.message)) if completion and completion.error else ""
    return f"{(answer and answer.outcome) or 'still streaming'}{': ' * bool(why)}{why}"
