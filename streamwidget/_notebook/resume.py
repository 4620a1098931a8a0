"""``%chat --resume``: the conversation again, from the prompts and the answers in the notebook's file.

After a restart the kernel knows neither. The file is read as it was saved last. What cannot be read back is named.
Nothing of it is evaluated: the notebook may be anybody's, and its cells have not run. So ``{{df}}`` stays as typed.
The first ``%%chat`` of a session offers the command in one line, if there are answers above its cell.
"""

from __future__ import annotations

import re
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any, NamedTuple

from IPython.core.error import UsageError

from streamwidget._conversation.file import to_json
from streamwidget._conversation.turn import Turn
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message
from streamwidget._core.visible import one_line
from streamwidget._notebook.cell_turns import key_of
from streamwidget._notebook.expressions import find_fields
from streamwidget._notebook.magic_line import split_line
from streamwidget._notebook.place import notebook_path
from streamwidget._notebook.saved_cells import SavedCell, saved_cells
from streamwidget._notebook.session import Session
from streamwidget._notebook.terminal import say
from streamwidget._saved.read_back import has_tools, read_answer

_LINE = re.compile(r"^[ \t]*(?:[\w., \t]+=[ \t]*)?%chat\b[ \t]*(.*)$", re.MULTILINE)
_CELL = re.compile(r"\s*%%chat\b[ \t]*(.*)(?:\n|$)")
_WIDTH = 40  # characters of a prompt
_LARGEST = 20 * 2**20  # bytes. To look whether a larger notebook has answers would hold up the first question


class _Asked(NamedTuple):
    """A ``%chat`` with a prompt."""

    options: Namespace
    text: str


def resume(session: Session, _: bool, options: Namespace) -> None:
    """Rebuild the conversation, and say what could not be read."""
    conversation = session.conversation(options.conversation)
    if len(conversation):
        raise ConfigurationError("The conversation is not empty. `%chat --reset` clears it.")
    path = notebook_path(session.shell)
    if path is None:
        raise ConfigurationError(
            "The kernel does not know the file of its notebook. JupyterLab, Notebook 7 and VS Code name it. "
            "`%chat --import FILE` reads a conversation that was exported."
        )
    turns: list[Turn] = []
    notes: list[str] = []
    for cell in saved_cells(path):
        turns = _with_cell(session, cell, options.conversation, turns, notes)
    if turns:
        conversation.load(to_json(conversation.system, turns))
    count = f"{len(turns)} turn{'' if len(turns) == 1 else 's'}"
    saved_at = time.strftime("%H:%M", time.localtime(path.stat().st_mtime))
    say(f"Resumed {count} from {path.name}, as it was saved at {saved_at}.")
    for note in notes:
        say(note)


def offer(session: Session) -> None:
    """Print one line if the notebook has answers above the running cell that this kernel does not know."""
    path = notebook_path(session.shell)
    running = session.cells.running
    if session.offered_to_resume or path is None or running is None:
        return
    session.offered_to_resume = True
    try:
        cells = saved_cells(path) if path.stat().st_size < _LARGEST else []
    except (OSError, ConfigurationError):
        return
    keys = [key_of(cell.id) if cell.id else "" for cell in cells]
    above = cells[: keys.index(running)] if running in keys else []
    turns: list[Turn] = []
    for cell in above:
        turns = _with_cell(session, cell, "", turns, [])
    if turns:
        what = "1 saved answer" if len(turns) == 1 else f"{len(turns)} saved answers"
        say(f"Not sent: {what} above, from before the restart. `%chat --resume` in a new cell brings them back.")


def _with_cell(session: Session, cell: SavedCell, name: str, before: list[Turn], notes: list[str]) -> list[Turn]:
    """Return the turns, with those of one cell."""
    asked = [one for one in _asked(_parser(session), cell.source, notes) if _is_of(one.options, name)]
    answers = [(data, answer) for data in cell.outputs if (answer := read_answer(data)) is not None]
    if not asked or not answers:
        if asked and cell.outputs:
            notes.append(f"Not read: {_quoted(asked[0].text)}. Its output is not a saved answer.")
        return before
    if len(asked) != len(answers):
        notes.append(
            f"Not read: {_quoted(asked[0].text)}. Its cell has {len(asked)} prompts and {len(answers)} answers."
        )
        return before
    turns = [] if asked[0].options.new else before
    for number, (one, (data, answer)) in enumerate(zip(asked, answers, strict=True), 1):
        if not one.options.raw and any(find_fields(one.text)):
            notes.append(f"Without its variables: {_quoted(one.text)}. Run its cell again to send them.")
        if has_tools(data):
            notes.append(f"As text: the tools of {_quoted(one.text)}.")
        key = key_of(cell.id) if cell.id else f"saved-{len(turns) + 1}"
        message = Message("assistant", answer.text, completion=answer)
        user = Message("user", one.text)
        turns = [*turns, Turn(key if number == 1 else f"{key}#{number}", user, message)]
    return turns


def _asked(parser: ArgumentParser, source: str, notes: list[str]) -> Iterator[_Asked]:
    """Yield the prompts of a cell. Those of ``--once`` and the commands belong to no conversation."""
    whole = _CELL.match(source)
    found = [(whole[1], source[whole.end() :])] if whole else [(line[1], None) for line in _LINE.finditer(source)]
    for line, body in found:
        try:
            options, text = split_line(parser, line)
        except (UsageError, ConfigurationError) as exc:
            notes.append(f"Not read: {_quoted(line)}. {exc}")
            continue
        text = text if body is None else body
        if text.strip() and not options.once:
            yield _Asked(options, text)


def _is_of(options: Namespace, name: str) -> bool:
    same = ("", "default")
    return options.conversation == name or (options.conversation in same and name in same)


def _parser(session: Session) -> ArgumentParser:
    magic: Any = session.shell.find_line_magic("chat")  # type: ignore[no-untyped-call]
    parser: ArgumentParser = magic.parser
    return parser


def _quoted(text: str) -> str:
    return f'"{one_line(text, _WIDTH)}"'
