"""The sub-commands of ``%chat``, such as ``%chat --history``. They take no prompt and ask no model.

:data:`COMMANDS` is their table. A row has a command's option, its help and its action.
"""

from __future__ import annotations

import sys
import traceback
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Turn, completions, with_branches
from streamwidget._core import files
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.counted import counted
from streamwidget._core.exceptions import ConfigurationError, StreamError
from streamwidget._core.secrets import mask
from streamwidget._core.surrogates import well_formed
from streamwidget._core.visible import one_line
from streamwidget._notebook.cell_run import CellJob
from streamwidget._notebook.checkup import examine
from streamwidget._notebook.code import find_code
from streamwidget._notebook.display import show_saved
from streamwidget._notebook.model_choice import list_models
from streamwidget._notebook.options import Option
from streamwidget._notebook.resume import resume
from streamwidget._notebook.session import Session
from streamwidget._notebook.stale import show_stale
from streamwidget._notebook.terminal import say

_WIDTH = 60  # characters of a message in the list of turns

#: Takes the session, the option's value and all options. Returns a request for the cell to run, if it needs one.
Action = Callable[[Session, Any, Namespace], CellJob | None]


@dataclass(frozen=True, slots=True)
class Command(Option):
    """A sub-command: its option and its action."""

    action: Action = field(kw_only=True)


# ---- the conversation


def show_history(session: Session, _: bool, options: Namespace) -> None:
    conversation = session.conversation(options.conversation)
    turns = conversation.turns
    if not turns:
        say("The conversation is empty.")
    trimmed = conversation.trimmed()  # so many of the oldest
    if conversation.system:
        say(f"     system  {one_line(conversation.system, _WIDTH)}")
    for number, turn in enumerate(turns, 1):
        is_trimmed = turn.sent and trimmed > 0
        trimmed -= is_trimmed
        say(f"{number:>3}  {_state(turn, trimmed=is_trimmed)}  {one_line(turn.user.text, _WIDTH)}")
        answer = one_line(turn.answer.text if turn.answer else "", _WIDTH)
        say(f"     {_ending(turn)}  {answer}".rstrip())
    if not all(turn.sent for turn in turns):
        say("`%chat --send N` sends turn N with the next requests, `%chat --skip N` does not.")
    if turns:
        say(_spent(conversation))


def send_turn(session: Session, number: int, options: Namespace) -> None:
    _choose(session.conversation(options.conversation), number, sent=True)


def skip_turn(session: Session, number: int, options: Namespace) -> None:
    _choose(session.conversation(options.conversation), number, sent=False)


def reset(session: Session, _: bool, options: Namespace) -> None:
    conversation = session.conversation(options.conversation)
    count = _turns(conversation)
    conversation.clear()
    say(f"Conversation cleared ({count}).")


def export_file(session: Session, typed: str, options: Namespace) -> None:
    conversation = session.conversation(options.conversation)
    path = _path(typed)
    if path.suffix == ".json":
        text = conversation.to_json()
    elif path.suffix in (".md", ".markdown"):
        text = well_formed(conversation.to_markdown())
    else:
        raise ConfigurationError("--export takes a file that ends in .json (to import again) or .md (to read).")
    try:
        replaced = path.exists()
        files.write_text(path, text)
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"{str(path)!r} cannot be written: {files.reason_of(exc)}.") from None
    note = ", replacing the file that was there" if replaced else ""
    say(f"Wrote {_turns(conversation)} to {path}{note}.")


def import_file(session: Session, typed: str, options: Namespace) -> None:
    path = _path(typed)
    try:
        text = files.read_text(path)
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"{str(path)!r} cannot be read: {files.reason_of(exc)}.") from None
    conversation = session.conversation(options.conversation)
    before = _turns(conversation) if len(conversation) else ""
    conversation.load(text)
    note = f", replacing {before}" if before else ""
    say(f"Imported {_turns(conversation)}{note}.")


# ---- the last answer


def show_last(session: Session, _: bool, __: Namespace) -> None:
    show_saved(_last_answer(session), session.shell)


def insert_code(session: Session, _: bool, __: Namespace) -> None:
    prefilter = session.shell.prefilter_manager
    assert prefilter is not None
    code = find_code(_last_answer(session).text, lambda line: prefilter.prefilter_lines(line) != line)
    if code is None:
        raise ConfigurationError("The last answer has no code block.")
    # The front end makes a cell of it below this one. Nothing runs it.
    session.shell.set_next_input(code.text)
    if code.note:
        say(code.note)
    if code.left_out:
        say(f"Left out, in another language: {', '.join(code.left_out)}.")


def show_traceback(session: Session, _: bool, __: Namespace) -> None:
    last = getattr(sys, "last_value", None)  # a failed await in Python code counts too
    failure = last if isinstance(last, StreamError) else session.failure
    if failure is None:
        say("No answer has failed in this session.")
    else:
        say(mask("".join(traceback.format_exception(type(failure), failure, failure.raised_at))))
        if failure.error.detail:
            say(f"The server's whole message: {mask(failure.error.detail)}")


COMMANDS = (
    Command(("--history",), "Show the conversation, its turns numbered.", action=show_history),
    Command(("--send",), "Send turn N with the next requests.", int, "N", action=send_turn),
    Command(("--skip",), "Do not send turn N.", int, "N", action=skip_turn),
    Command(("--resume",), "Rebuild the conversation from the saved notebook, after a restart.", action=resume),
    Command(("--stale",), "List the turns that would be asked differently now.", action=show_stale),
    Command(("--reset",), "Clear the conversation.", action=reset),
    Command(("--export",), "Write the conversation to a .json or .md file.", str, "FILE", action=export_file),
    Command(("--import",), "Read a .json file in place of the conversation.", str, "FILE", action=import_file),
    Command(("--models",), "List the server's models.", action=list_models),
    Command(("--last",), "Show the last answer again.", action=show_last),
    Command(("--code",), "Put the code of the last answer into the next cell.", action=insert_code),
    Command(("--traceback",), "Show the last failure in full.", action=show_traceback),
    Command(("--doctor",), "Find out why an answer does not come or does not stream.", action=examine),
)


def find_command(options: Namespace) -> tuple[Command, Any] | None:
    """Return the typed command and its value, or None. Of several commands the first in the table is chosen."""
    for command in COMMANDS:
        value = getattr(options, command.name)
        if value is not None and value is not False:
            return command, value
    return None


def _choose(conversation: Conversation, number: int, *, sent: bool) -> None:
    turns = conversation.turns
    if not 1 <= number <= len(turns):
        raise ConfigurationError(f"There is no turn {number}. The conversation has {_turns(conversation)}.")
    turn = turns[number - 1]
    conversation.include(turn.key, None if turn.sendable is sent else sent)
    question = one_line(turn.user.text, _WIDTH)
    say(f"Turn {number} is {'' if sent else 'not '}sent with the next requests: {question}")


def _path(typed: str) -> Path:
    try:
        return Path(typed).expanduser()
    except RuntimeError as exc:  # the home folder of a user that does not exist
        raise ConfigurationError(f"{typed!r} is not a path: {exc}") from None


def _last_answer(session: Session) -> ChatCompletion:
    if session.last_answer is None:
        raise ConfigurationError("There is no answer yet.")
    return session.last_answer


def _turns(conversation: Conversation) -> str:
    return counted(len(conversation), "turn")


def _spent(conversation: Conversation) -> str:
    """Return what the answers took: ``1,204 prompt tokens (900 cached), 182 answer tokens, cost ≈ $0.0012``."""
    usages = [answer.usage for answer in completions(with_branches(conversation.turns)) if answer.usage]
    if not usages:
        return f"Tokens unknown, cost {conversation.cost}."
    prompt, cached, said, reasoning = (
        sum(getattr(usage, name) or 0 for usage in usages)
        for name in ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")
    )
    apart = (f" ({count:,} {kind})" if count else "" for count, kind in ((cached, "cached"), (reasoning, "reasoning")))
    return f"{prompt:,} prompt tokens{next(apart)}, {said:,} answer tokens{next(apart)}, cost {conversation.cost}."


def _state(turn: Turn, *, trimmed: bool) -> str:
    return "trimmed " if trimmed else "sent    " if turn.sent else "not sent"


def _ending(turn: Turn) -> str:
    if turn.answer is None:
        return "no answer"
    return turn.answer.outcome or "streaming"
