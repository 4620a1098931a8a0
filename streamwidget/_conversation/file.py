"""A conversation in a file: as JSON for programs, without a loss, and as Markdown for people."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import asdict
from math import isfinite
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

from streamwidget._conversation.turn import Turn
from streamwidget._core.completion import ChatCompletion, ErrorInfo, Timing, ToolCall
from streamwidget._core.events import Outcome, StreamWarning, Usage
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.images import Image
from streamwidget._core.messages import Message

_VERSION = 1


def to_json(system: str | None, turns: Iterable[Turn]) -> str:
    """Return the conversation as JSON. Lone surrogates are escaped."""
    written = [
        {
            "key": turn.key,
            "user": {"text": turn.user.text, "images": [_from_image(image) for image in turn.user.images]},
            "answer": _from_answer(turn.answer),
            "chosen": turn.chosen,
        }
        for turn in turns
    ]
    return json.dumps({"streamwidget": {"conversation": _VERSION}, "system": system, "turns": written}, indent=1)


def from_json(text: str) -> tuple[str | None, list[Turn]]:
    """Return the system prompt and the turns that :func:`to_json` wrote. ConfigurationError for other text."""
    try:
        value = json.loads(text)
        version = value["streamwidget"]["conversation"]
        if version != _VERSION:
            raise ConfigurationError(f"This conversation has version {version!r}. This streamwidget reads {_VERSION}.")
        system = value["system"]
        turns = [_to_turn(turn) for turn in value["turns"]]
    except ConfigurationError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise ConfigurationError(f"This is not a streamwidget conversation file: {type(exc).__name__} {exc}.") from exc
    if not (system is None or isinstance(system, str)) or len({turn.key for turn in turns}) < len(turns):
        raise ConfigurationError("This is not a streamwidget conversation file: its system prompt or keys are wrong.")
    return system, turns


def _from_image(image: Image) -> dict[str, Any]:
    return {"url": image.url} if image.url else {"base64": base64.b64encode(image.data).decode()}


def _to_image(value: dict[str, Any]) -> Image:
    return Image(url=value["url"]) if "url" in value else Image(base64.b64decode(value["base64"], validate=True))


def _from_answer(answer: Message | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return asdict(answer.completion or ChatCompletion(answer.text, outcome="complete"))


def _to_turn(value: dict[str, Any]) -> Turn:
    key, chosen = value["key"], value["chosen"]
    if not isinstance(key, str) or not key or not isinstance(chosen, bool | None):
        raise ValueError("in a turn")
    user = value["user"]
    asked = Message("user", user["text"], tuple(_to_image(image) for image in user["images"]))
    return Turn(key, asked, _to_answer(value["answer"]), chosen)


def _to_answer(value: dict[str, Any] | None) -> Message | None:
    if value is None:
        return None
    fields = dict(value)
    fields["tool_calls"] = tuple(ToolCall(**call) for call in fields["tool_calls"])
    fields["warnings"] = tuple(StreamWarning(**warning) for warning in fields["warnings"])
    fields["timing"] = Timing(**fields["timing"])
    fields["usage"] = None if fields["usage"] is None else Usage(**fields["usage"])
    fields["error"] = None if fields["error"] is None else ErrorInfo(**fields["error"])
    fields["outcome"] = fields["outcome"] or "interrupted"  # an answer that was still streaming is cut
    completion = ChatCompletion(**fields)
    _check(completion)
    return Message("assistant", completion.text, completion=completion)


def _check(completion: ChatCompletion) -> None:
    """Raise ValueError if a value does not have its annotated type. It would break the code that shows it later."""
    if completion.outcome not in get_args(Outcome):
        raise ValueError(f"unknown outcome {completion.outcome!r:.40}")
    parts = (completion, completion.timing, completion.usage, completion.error)
    for part in (*parts, *completion.tool_calls, *completion.warnings):
        for name, kind in get_type_hints(type(part)).items() if part is not None else ():
            value = getattr(part, name)
            kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
            plain = tuple(one for one in kinds if one in (str, int, float, bool, NoneType))
            if len(plain) == len(kinds) and not _is_one_of(value, plain):
                raise ValueError(f"{name} is {value!r:.40}")


def _is_one_of(value: object, kinds: tuple[type, ...]) -> bool:
    if float in kinds and type(value) in (int, float):
        return isfinite(value)  # type: ignore[arg-type]  # mypy does not narrow by type()
    return type(value) in kinds


def to_markdown(system: str | None, turns: Iterable[Turn]) -> str:
    """Return the conversation as Markdown. Each message has a heading."""
    parts = [f"## System\n\n{system}"] if system else []
    for turn in turns:
        shown = [f"![{image.media_type or 'image'}]({image.src})" for image in turn.user.images]
        parts.append("\n\n".join(["## User", *filter(None, [turn.user.text]), *shown]))
        if turn.answer is None:
            parts.append("## Assistant\n\n*(no answer)*")
            continue
        completion = turn.answer.completion
        text = turn.answer.text or (completion.refusal if completion else "")
        ending = "" if turn.answer.outcome == "complete" else f"*({_ending(turn)})*"
        parts.append("\n\n".join(["## Assistant", *filter(None, [text, ending])]))
    return "\n\n".join(parts) + "\n"


def _ending(turn: Turn) -> str:
    answer = turn.answer
    completion = answer.completion if answer else None
    why = completion.error.message if completion and completion.error else ""
    return f"{(answer and answer.outcome) or 'still streaming'}{': ' * bool(why)}{why}"
