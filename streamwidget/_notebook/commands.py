"""``%chat --history`` and the other options that ask nothing of a model."""

from __future__ import annotations

import traceback
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Turn
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import mask
from streamwidget._core.surrogates import well_formed
from streamwidget._notebook import display
from streamwidget._notebook.code import find_code

if TYPE_CHECKING:
    from streamwidget._notebook.magics import ChatMagics

_WIDTH = 60


def show_last(magics: ChatMagics, _: Namespace) -> None:
    display.show_saved(_last(magics), magics.shell)


def put_code(magics: ChatMagics, _: Namespace) -> None:
    code = find_code(_last(magics).text)
    if code is None:
        raise ConfigurationError("the last answer has no code block")
    # The front end makes a cell of it under this one; nothing runs it.
    magics.shell.set_next_input(code.text)
    if code.left_out:
        print(f"Left out, being in another language: {', '.join(code.left_out)}.")  # noqa: T201


def show_traceback(magics: ChatMagics, _: Namespace) -> None:
    failure = magics.waiting.failure
    if failure is None:
        print("No %chat has failed in this session.")  # noqa: T201
        return
    print(mask("".join(traceback.format_exception(failure))))  # noqa: T201


def show_history(magics: ChatMagics, options: Namespace) -> None:
    conversation = magics.conversation(options.conversation)
    turns = conversation.turns
    if not turns:
        print("The conversation is empty.")  # noqa: T201
    left_out = conversation.trimmed()
    if conversation.system:
        print(f"     system  {_line(conversation.system)}")  # noqa: T201
    for number, turn in enumerate(turns, 1):
        trimmed = turn.sent and left_out > 0
        left_out -= trimmed
        print(f"{number:>3}  {_state(turn, trimmed=trimmed)}  {_line(turn.user.text)}")  # noqa: T201
        print(f"     {_ending(turn)}  {_line(turn.answer.text if turn.answer else '')}".rstrip())  # noqa: T201
    if not all(turn.sent for turn in turns):
        print("What is not sent can be: %chat --send NUMBER; and %chat --skip NUMBER leaves a turn out.")  # noqa: T201


def reset(magics: ChatMagics, options: Namespace) -> None:
    conversation = magics.conversation(options.conversation)
    print(f"The conversation is empty; {_turns(conversation)} left it.")  # noqa: T201
    conversation.clear()


def export(magics: ChatMagics, options: Namespace) -> None:
    conversation = magics.conversation(options.conversation)
    path = _path(options.export)
    if path.suffix == ".json":
        text = conversation.to_json()
    elif path.suffix in (".md", ".markdown"):
        text = well_formed(conversation.to_markdown())
    else:
        raise ConfigurationError("--export takes a file that ends in .json (to import again) or .md (to read)")
    try:
        path.write_text(text, "utf-8")
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"{str(path)!r} cannot be written: {getattr(exc, 'strerror', None) or exc}") from None
    print(f"Wrote {_turns(conversation)} to {path}.")  # noqa: T201


def _path(typed: str) -> Path:
    try:
        return Path(typed).expanduser()
    except RuntimeError as exc:  # of a user that is not there
        raise ConfigurationError(f"{typed!r} is no path: {exc}") from None


def import_(magics: ChatMagics, options: Namespace) -> None:
    path = _path(options.import_file)
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"{str(path)!r} cannot be read: {exc}") from None
    conversation = magics.conversation(options.conversation)
    before = _turns(conversation)
    conversation.load(text)
    print(f"Read {_turns(conversation)} from {path}; {before} left the conversation.")  # noqa: T201


def send(magics: ChatMagics, options: Namespace) -> None:
    _include(magics, options, options.send, sent=True)


def skip(magics: ChatMagics, options: Namespace) -> None:
    _include(magics, options, options.skip, sent=False)


#: By the option's name, in the order in which they are looked for.
COMMANDS: dict[str, Any] = {
    "traceback": show_traceback,
    "last": show_last,
    "code": put_code,
    "history": show_history,
    "reset": reset,
    "export": export,
    "import_file": import_,
    "send": send,
    "skip": skip,
}


def _include(magics: ChatMagics, options: Namespace, number: int, *, sent: bool) -> None:
    conversation = magics.conversation(options.conversation)
    turns = conversation.turns
    if not 1 <= number <= len(turns):
        raise ConfigurationError(f"there is no turn {number}: the conversation has {_turns(conversation)}")
    turn = turns[number - 1]
    conversation.include(turn.key, None if turn.sendable is sent else sent)
    print(f"Turn {number} is {'' if sent else 'not '}sent with the next requests: {_line(turn.user.text)}")  # noqa: T201


def _last(magics: ChatMagics) -> ChatCompletion:
    completion = magics.shell.user_ns.get("_chat")
    if not isinstance(completion, ChatCompletion):
        raise ConfigurationError("there is no answer yet")
    return completion


def _turns(conversation: Conversation) -> str:
    return f"{len(conversation)} turn{'' if len(conversation) == 1 else 's'}"


def _state(turn: Turn, *, trimmed: bool) -> str:
    return "trimmed " if trimmed else "sent    " if turn.sent else "not sent"


def _ending(turn: Turn) -> str:
    if turn.answer is None:
        return "no answer"
    return turn.answer.outcome or "still streams"


def _line(text: str) -> str:
    words = " ".join(text[: 4 * _WIDTH].split())
    return words if len(words) <= _WIDTH else f"{words[: _WIDTH - 1]}…"
