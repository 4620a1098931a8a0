"""``%chat --resume``: the conversation again, from the prompts and the answers in the notebook's file.

After a restart the kernel knows neither. The file is read as it was saved last. An unreadable part is named.
An answer's output keeps its whole turn (:mod:`streamwidget._saved.kept_turn`). An older one has the text alone. Nothing
in it is evaluated: the notebook may be anybody's, and its cells have not run. So ``{{df}}`` stays as typed there.
The first ``%%chat`` of a session offers the command in one line, if there are answers above its cell.
"""

from __future__ import annotations

import re
import time
import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from IPython.core.error import UsageError

from streamwidget._conversation.file import to_json
from streamwidget._conversation.turn import Turn, with_key
from streamwidget._core.counted import counted
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message
from streamwidget._core.secrets import mask
from streamwidget._core.tab import in_tab
from streamwidget._core.visible import one_line
from streamwidget._notebook.cell_turns import key_of
from streamwidget._notebook.expressions import find_fields
from streamwidget._notebook.magic_line import split_line
from streamwidget._notebook.place import notebook_path
from streamwidget._notebook.saved_cells import SavedCell, saved_cells
from streamwidget._notebook.session import Session
from streamwidget._notebook.terminal import say
from streamwidget._saved.kept_turn import KeptTurn, kept_turns
from streamwidget._saved.read_back import has_reasoning, has_tools, read_answer

_LINE = re.compile(r"^[ \t]*(?:[\w., \t]+=[ \t]*)?%chat\b[ \t]*(.*)$", re.MULTILINE)
_CELL = re.compile(r"\s*%%chat\b[ \t]*(.*)(?:\n|$)")
_WIDTH = 40  # characters of a prompt
_LARGEST = 20 * 2**20  # bytes. To look whether a larger notebook has answers would hold up the first question


class _Asked(NamedTuple):
    """A ``%chat`` with a prompt."""

    options: Namespace
    text: str


class _Answer(NamedTuple):
    """An output with an answer, and the turns that it keeps. Without one, its text is all that there is."""

    data: Mapping[str, Any]
    kept: list[KeptTurn]


def resume(session: Session, _: bool, options: Namespace) -> None:
    """Rebuild the conversation, and say what could not be read."""
    conversation = session.conversation(options.conversation)
    if len(conversation):
        raise ConfigurationError("The conversation is not empty. `%chat --reset` clears it.")
    path = notebook_path(session.shell)
    if path is None:
        name_it = (
            f"Name it, and resume then: `%env JPY_SESSION_NAME={Path.cwd() / 'NAME.ipynb'}`."
            if in_tab()
            else "JupyterLab, Notebook 7 and VS Code name it."
        )
        raise ConfigurationError(
            f"The kernel does not know the file of its notebook. {name_it} "
            "`%chat --import FILE` reads a conversation that was exported."
        )
    turns: list[Turn] = []
    notes: list[str] = []
    for cell in saved_cells(path):
        turns = _with_cell(session, cell, options.conversation, turns, notes)
    if turns:
        conversation.load(to_json(conversation.system, turns))
        session.outputs.claim(conversation, *(turn.key for turn in turns))  # the file has them
        session.variables["_conversation"] = conversation
    saved_at = time.strftime("%H:%M", time.localtime(path.stat().st_mtime))
    say(f"Resumed {counted(len(turns), 'turn')} from {path.name}, as it was saved at {saved_at}.")
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
        what = counted(len(turns), "saved answer")
        say(f"Not sent: {what} above, from before the restart. `%chat --resume` in a new cell brings them back.")


def _with_cell(session: Session, cell: SavedCell, name: str, before: list[Turn], notes: list[str]) -> list[Turn]:
    """Return the turns, with those of one cell."""
    asked = [one for one in _asked(_parser(session), cell, notes) if _same(one.options.conversation, name)]
    turns = before
    if asked and (asked[0].options.new or asked[0].options.reset):
        turns = []
        notes.clear()
    asked = [one for one in asked if one.text.strip()]
    answers = list(_answers(cell, name, notes))
    for number, found in enumerate(_paired(cell, asked, answers, notes), 1):
        notes += [
            f"Without {', '.join(kept.lost)}: {_named(cell, kept.turn.user.text)}." for kept in found if kept.lost
        ]
        key = key_of(cell.id) if cell.id else f"saved-{len(turns) + 1}"
        first, *later = (kept.turn for kept in found)
        turns = [*turns, with_key(first, key if number == 1 else f"{key}#{number}")]
        for turn in later:
            is_used = any(turn.key == other.key for other in turns)
            turns = [*turns, with_key(turn, uuid.uuid4().hex) if is_used else turn]
    return turns


def _paired(cell: SavedCell, asked: list[_Asked], answers: list[_Answer], notes: list[str]) -> Iterator[list[KeptTurn]]:
    """Yield the turns of each answer of a cell. An answer whose output has its text alone needs its prompt."""
    if len(asked) == len(answers):
        for one, answer in zip(asked, answers, strict=True):
            if answer.kept and _edited(one, answer.kept[0].turn):
                asked_as = _named(cell, answer.kept[0].turn.user.text)
                notes.append(f"As it was asked, and not as it is typed now: {asked_as}.")
            yield answer.kept or [_from_text(cell, one, answer.data, notes)]
        return
    kept = [answer.kept for answer in answers if answer.kept]
    if asked and cell.outputs and not answers:
        notes.append(f"Not read: {_named(cell, asked[0].text)}. Its output is not a saved answer, or a too long one.")
    elif asked and len(kept) < len(answers):
        counts = f"{len(asked)} prompts and {len(answers)} answers"
        notes.append(f"Not read: {_named(cell, asked[0].text)}. Its cell has {counts}.")
    yield from kept  # a loop asks several times by one line


def _answers(cell: SavedCell, name: str, notes: list[str]) -> Iterator[_Answer]:
    """Yield the answers of a cell that are of this conversation, as far as the file says so."""
    for data in cell.outputs:
        kept: list[KeptTurn] = []
        try:
            kept = kept_turns(data)
        except ValueError as exc:
            notes.append(f"As text: {_named(cell, cell.source)}. What its output keeps of it cannot be read: {exc}.")
        if kept and not _same(kept[0].conversation, name):
            continue
        if kept or read_answer(data) is not None:
            yield _Answer(data, kept)


def _from_text(cell: SavedCell, one: _Asked, data: Mapping[str, Any], notes: list[str]) -> KeptTurn:
    """Return the turn of an answer whose output keeps its text alone."""
    named = _named(cell, one.text)
    if not one.options.raw and any(find_fields(one.text)):
        notes.append(f"Without its variables: {named}. Run its cell again to send them.")
    if has_tools(data):
        notes.append(f"As text: the tools of {named}.")
    if has_reasoning(data):
        notes.append(f"Without its reasoning: {named}.")
    answer = read_answer(data)
    assert answer is not None
    message = Message("assistant", answer.text, completion=answer)
    return KeptTurn("", Turn("", Message("user", one.text), message))


def _edited(one: _Asked, turn: Turn) -> bool:
    """Return True if the prompt of a cell is another one than it has asked. Its variables may be anything."""
    place, fields = 0, [] if one.options.raw else list(find_fields(one.text))
    starts, ends = [0, *(field.end for field in fields)], [*(field.start for field in fields), len(one.text)]
    for start, end in zip(starts, ends, strict=True):
        typed = mask(one.text[start:end].strip())
        place = turn.user.text.find(typed, place)
        if place < 0:
            return True
        place += len(typed)
    return False


def _asked(parser: ArgumentParser, cell: SavedCell, notes: list[str]) -> Iterator[_Asked]:
    """Yield the prompts of a cell, and ``--reset``. Those of ``--once`` belong to no conversation."""
    whole, source = _CELL.match(cell.source), cell.source
    found = [(whole[1], source[whole.end() :])] if whole else [(line[1], None) for line in _LINE.finditer(source)]
    for line, body in found:
        try:
            options, text = split_line(parser, line)
        except (UsageError, ConfigurationError) as exc:
            notes.append(f"Not read: {_named(cell, line)}. {exc}")
            continue
        text = text if body is None else body
        if (text.strip() and not options.once) or (options.reset and cell.number is not None):
            yield _Asked(options, text)


def _same(one: str, other: str) -> bool:
    main = ("", "default")
    return one == other or (one in main and other in main)


def _parser(session: Session) -> ArgumentParser:
    magic: Any = session.shell.find_line_magic("chat")  # type: ignore[no-untyped-call]
    parser: ArgumentParser = magic.parser
    return parser


def _named(cell: SavedCell, text: str) -> str:
    """Return the name of a cell, such as ``[3] "Name a river."``."""
    number = "" if cell.number is None else f"[{cell.number}] "
    return f'{number}"{one_line(text, _WIDTH)}"'
