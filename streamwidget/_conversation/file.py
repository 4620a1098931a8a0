"""A conversation in a file: as JSON for programs, without a loss, and as Markdown for people."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote

from streamwidget._conversation.inert import as_code, inert
from streamwidget._conversation.turn import Feedback, Turn
from streamwidget._core.attachments import Attachment
from streamwidget._core.completion import ChatCompletion, shown, shown_steps, split_at_outputs
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.json_values import read, read_field
from streamwidget._core.messages import Message
from streamwidget._core.visible import one_line, visible

_VERSION = 1
_URL = ":/?#@!$&'*+,;=%~"  # not brackets, which would end the link
_MARKUP = re.compile(r"[\\`*_\[\]<>!|~$&#]")  # Markdown may take these for markup
_ESCAPED = r"\\\g<0>"
_LATER_FIELDS: dict[str, object] = {"asked_at": None, "feedback": None, "branches": [], "branch": 0}
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_OTHER = "This is not a streamwidget conversation file"


def to_json(system: str | None, turns: Iterable[Turn]) -> str:
    """Return the conversation as JSON. Lone surrogates are escaped."""
    written = [turn_to_json(turn) for turn in turns]
    return json.dumps({"streamwidget": {"conversation": _VERSION}, "system": system, "turns": written}, indent=1)


def turn_to_json(turn: Turn) -> dict[str, Any]:
    """Return a turn as JSON values, with its branches."""
    return {
        "key": turn.key,
        "user": {"text": turn.user.text, "attachments": [*map(_from_file, turn.user.attachments)]},
        "answer": _from_answer(turn.answer),
        "chosen": turn.chosen,
        "asked_at": turn.asked_at,
        "feedback": turn.feedback,
        "branches": [[turn_to_json(one) for one in branch] for branch in turn.branches],
        "branch": turn.branch,
    }


def from_json(text: str) -> tuple[str | None, list[Turn]]:
    """Return the system prompt and the turns of a text of :func:`to_json`. ConfigurationError for other text."""
    try:
        value = json.loads(text)
        ours = read_field(object, value, "streamwidget", "it")
        version = read_field(int, ours, "conversation", "it")
        if version != _VERSION:
            raise ConfigurationError(f"This conversation has version {version}. This streamwidget reads {_VERSION}.")
        system = read_field(str | None, value, "system", "it")
        turns = read_field(list[object], value, "turns", "it")
        read_turns = [turn_from_json(turn, f"turn {number}") for number, turn in enumerate(turns, 1)]
        if len({turn.key for turn in read_turns}) < len(read_turns):
            raise ValueError("two turns have the same key")
    except ConfigurationError:
        raise
    except RecursionError:
        raise ConfigurationError(f"{_OTHER}: its values are nested too deeply.") from None
    except (TypeError, ValueError) as exc:
        raise ConfigurationError(f"{_OTHER}: {exc}.") from exc
    return system, read_turns


def _from_file(file: Attachment) -> dict[str, Any]:
    name = {"name": file.name} if file.name else {}
    return name | ({"url": file.url} if file.url else {"base64": file.base64})


def _to_file(value: dict[str, str], place: str) -> Attachment:
    name = value.get("name", "")
    try:
        if "url" in value:
            return Attachment.of(Attachment(url=value["url"], name=name))
        return Attachment.of(base64.b64decode(read_field(str, value, "base64", "it"), validate=True), name)
    except ValueError as exc:  # the ConfigurationError of an Attachment too
        raise ValueError(f"{place}: {str(exc).rstrip('.')}") from None


def _from_answer(answer: Message | None) -> dict[str, Any] | None:
    return None if answer is None else answer_to_json(answer)


def answer_to_json(answer: Message) -> dict[str, Any]:
    """Return an answer as JSON values. Values with another place in the file are left out."""
    completion = answer.completion or ChatCompletion(answer.text, outcome="complete")
    # The value is in the text, and its type is a class of this process. The sent messages are in the conversation.
    written = asdict(replace(completion, value=None, value_type=None, receipt=None))
    for name in ("value", "value_type", "receipt"):
        del written[name]
    return written


def without_usual(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the values of an answer without the usual ones. So people find its text.

    :func:`answer_from_json` reads both.
    """
    usual = answer_to_json(Message("assistant", "", completion=ChatCompletion()))
    return {name: value for name, value in answer.items() if value != usual[name]}


def turn_from_json(value: object, place: str) -> Turn:
    """Return the turn of :func:`turn_to_json`. ValueError, with its ``place``, for other values."""
    key = read_field(str, value, "key", place)
    if not key:
        raise ValueError(f"{place} has an empty key")
    user = read_field(dict[str, object], value, "user", place)
    field = "attachments" if "images" not in user else "images"  # the name in older files
    files = read_field(list[dict[str, str]], user, field, f"{place}, user")
    text = read_field(str, user, "text", f"{place}, user")
    what = "an image" if field == "images" else "an attachment"
    asked = Message("user", text, attachments=[_to_file(file, f"{place}, {what}") for file in files])
    answer = read_field(dict[str, object] | None, value, "answer", place)
    later = {**_LATER_FIELDS, **read(dict[str, object], value, place)}  # older files have none of these
    branches = tuple(
        tuple(turn_from_json(one, f"{place}, branch {number}") for one in branch)
        for number, branch in enumerate(read_field(list[list[object]], later, "branches", place), 1)
    )
    branch = read_field(int, later, "branch", place)
    if branch > len(branches) or any(not other or other[0].key != key for other in branches):
        raise ValueError(f"{place} has a branch that does not begin there")
    return Turn(
        key,
        asked,
        answer_from_json(answer, f"{place}, answer"),
        read_field(bool | None, value, "chosen", place),
        read_field(float | None, later, "asked_at", place),
        read_field(Feedback | None, later, "feedback", place),
        branches,
        branch,
    )


def answer_from_json(value: dict[str, Any] | None, place: str) -> Message | None:
    """Return the answer of :func:`answer_to_json`. ValueError, with its ``place``, for other values."""
    if value is None:
        return None
    if value.get("outcome") is None:
        value["outcome"] = "interrupted"  # a streaming answer is cut
    completion = read(ChatCompletion, value, place)
    # The file may be another person's. Their HTML is not this person's output.
    outputs = tuple(replace(output, trusted=False) for output in completion.outputs)
    completion = replace(completion, outputs=outputs, value=None, value_type=None, receipt=None)
    return Message("assistant", shown(completion), completion=completion)


def to_markdown(system: str | None, turns: Iterable[Turn]) -> str:
    """Return the conversation as Markdown. Each message has a heading, and none can look like another one's."""
    parts = [f"## System\n\n{inert(system)}"] if system else []
    for turn in turns:
        shown = [*map(_shown, turn.user.attachments)]
        parts.append("\n\n".join(["## User", *filter(None, [inert(turn.user.text)]), *shown]))
        if turn.answer is None:
            parts.append("## Assistant\n\n*(no answer)*")
            continue
        completion = turn.answer.completion
        text = turn.answer.text or (completion.refusal if completion else "")
        ending = "" if turn.answer.outcome == "complete" else f"*({_ending(turn)})*"
        said = [*_with_outputs(completion, text)] if completion and completion.outputs else [inert(text)]
        parts.append("\n\n".join(["## Assistant", *filter(None, [*said, ending])]))
    return "\n\n".join(parts) + "\n"


def _with_outputs(completion: ChatCompletion, text: str) -> Iterable[str]:
    """Yield the text of an answer, and its outputs as pictures and texts at their places."""
    *before, last = shown_steps(completion)
    yield from (inert(step.text) for step in before)
    for part in split_at_outputs(completion, last.text if completion.text else text):
        if isinstance(part, str):
            yield inert(part)
        elif (png := "".join(part.format("image/png").split())) and _BASE64.fullmatch(png):
            yield f"![output](data:image/png;base64,{png})"
        else:
            yield as_code(visible(part.format("text/plain")))


def _shown(file: Attachment) -> str:
    """Return an image with its bytes, or a link. A reader of the file must not ask another server for an image.

    A text is in the file too, as far as it was sent. Of a PDF or a sound the file has the name.
    """
    if file.url is not None:
        return f"[image]({quote(file.url, safe=_URL)})"
    if file.kind == "image":
        return f"![{file.media_type}]({file.src})"
    about = ", ".join(filter(None, [file.label, file.bound]))
    named = f"*File {_MARKUP.sub(_ESCAPED, file.name or 'without a name')} ({about})*"
    return f"{named}\n\n{as_code(visible(file.text))}" if file.kind == "text" else named


def _ending(turn: Turn) -> str:
    answer = turn.answer
    completion = answer.completion if answer else None
    why = _MARKUP.sub(_ESCAPED, one_line(completion.error.message)) if completion and completion.error else ""
    return f"{(answer and answer.outcome) or 'still streaming'}{': ' * bool(why)}{why}"
