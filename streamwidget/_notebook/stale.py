"""``%chat --stale``: the turns that would be asked differently now. Nothing is sent.

Each turn of this session is prepared again, with the variables, the settings and the turns before it as they are now.
The hash of the request decides. So the expressions in its ``{{...}}`` are evaluated again. If the notebook's file is
known, a cell is listed too if it was edited and saved after its run.
"""

from __future__ import annotations

from argparse import Namespace

from streamwidget._client.spending import refused_when_sent
from streamwidget._conversation.asking import answer_stream
from streamwidget._conversation.conversation import Conversation
from streamwidget._conversation.turn import Turn
from streamwidget._core.counted import counted
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.visible import one_line
from streamwidget._notebook.cell_turns import key_of
from streamwidget._notebook.place import notebook_path
from streamwidget._notebook.prepared import prepare
from streamwidget._notebook.reuse import Asked, told
from streamwidget._notebook.saved_cells import saved_cells
from streamwidget._notebook.session import Session
from streamwidget._notebook.terminal import say

_WIDTH = 60  # characters of a prompt


def show_stale(session: Session, _: bool, options: Namespace) -> None:
    """Print the turns that would be asked differently now, each with the reason."""
    conversation = session.conversation(options.conversation)
    typed = _typed(session)
    looked = [
        (number, turn, _change(session, conversation, turn, asked) or _edited(typed, turn, asked))
        for number, turn in enumerate(conversation.turns, 1)
        if (asked := session.asked.get(turn.key)) is not None and asked.request_hash is not None
    ]
    stale = [(number, turn, change) for number, turn, change in looked if change]
    count = counted(len(looked), "turn")
    say(f"{len(stale) or 'None'} of {count} would be asked differently now{':' if stale else '.'}")
    for number, turn, change in stale:
        say(f"{number:>3}  {one_line(turn.user.text, _WIDTH)}\n     {change}")
    if others := len(conversation) - len(looked):
        say(f"Not looked at: {counted(others, 'turn')} from a file, or asked in another way.")


def _change(session: Session, conversation: Conversation, turn: Turn, asked: Asked) -> str:
    """Return what has changed since a turn was asked. Empty if nothing has."""
    try:
        with session.record.seen_from(turn.key.partition("#")[0], asked.number):
            now = prepare(session, asked.options, asked.text)
        with refused_when_sent():  # nothing is sent
            stream = answer_stream(conversation, now.message, now.client, turn.key, **now.asked)
    except ConfigurationError as exc:
        return f"It cannot be asked: {exc}"
    if stream.request_hash == asked.request_hash:
        return ""
    if told([now.message]) != told([asked.message]):
        taken = now.taken.parts if now.taken is not None else ()
        changed = [one for one in now.message.variables if one not in asked.message.variables]
        named = [one.name if one in taken else f"{{{{{one.name}}}}}" for one in changed or now.message.variables]
        return f"Its prompt has changed: {', '.join(named)}." if named else "Its prompt has changed."
    before = conversation.request_messages(turn.key, system=asked.options.system)
    if told(before) != asked.before:
        return "What goes before it has changed: a turn, or the system prompt."
    return "The model, the server, a tool or a parameter has changed."


def _typed(session: Session) -> tuple[float, dict[str, str]]:
    """Return when the notebook was saved, and the source of each cell. Empty if that is not known."""
    path = notebook_path(session.shell)
    try:
        if path is not None:
            return path.stat().st_mtime, {key_of(cell.id): cell.source for cell in saved_cells(path)}
    except (OSError, ConfigurationError):
        pass
    return 0.0, {}


def _edited(typed: tuple[float, dict[str, str]], turn: Turn, asked: Asked) -> str:
    """Return a line for a cell that was edited and saved after it ran."""
    saved_at, sources = typed
    source = sources.get(turn.key.partition("#")[0])
    if source is None or saved_at <= (turn.asked_at or saved_at) or asked.text.strip() in source:
        return ""
    return "Its cell was edited after it ran."
