"""Turns beside a saved answer, so that ``%chat --resume`` has all of them: files, branches, tools, reasoning, figures.

No front end draws this format. Its value is a list, because a page takes texts and lists from the kernel.

Rules
-----
- It is bounded. Large files are left out first, then branches, then the turn. All of these are named.
- It holds no key. A word like one is masked in the prompt, and a text file with one is left out.
- Other formats of the output are not repeated: a plain answer's text, and the figures.
- The notebook may be anybody's. Only text is read, and all of it is checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from streamwidget._conversation.file import turn_from_json, turn_to_json, without_usual
from streamwidget._conversation.turn import Turn, settled
from streamwidget._core.attachments import Attachment
from streamwidget._core.json_values import read, read_field
from streamwidget._core.secrets import mask
from streamwidget._core.surrogates import well_formed
from streamwidget._core.visible import one_line
from streamwidget._saved.outputs import BUNDLES
from streamwidget._saved.read_back import read_answer

TURNS = "application/vnd.streamwidget.turns+json"
#: Characters of JSON. A Jupyter server drops outputs above 1 MB a second.
LARGEST = 1_000_000
_VERSION = 1
_BESIDES = 10_000  # characters beside the text and the files of a turn
_WIDTH = 40  # of a name


class KeptTurn(NamedTuple):
    """A turn of a notebook's file.

    Attributes
    ----------
    conversation : str
        The name of its conversation.
    turn : Turn
    lost : tuple of str
        The parts of it that were not kept, such as ``cat.png (PNG, 3.1 MB)``.
    """

    conversation: str
    turn: Turn
    lost: tuple[str, ...] = ()


def turn_formats(turns: Iterable[Turn], saved: Mapping[str, Any], conversation: str = "") -> dict[str, Any]:
    """Return the format with turns. ``saved`` is the mimebundle of the first one's answer.

    Examples
    --------
    >>> from streamwidget._core.completion import ChatCompletion
    >>> from streamwidget._core.messages import Message
    >>> from streamwidget._saved.answer import mimebundle
    >>> answer = ChatCompletion("Elbe.", outcome="complete", reasoning="A river.")
    >>> turn = Turn("k", Message("user", "Name a river."), Message("assistant", "Elbe.", completion=answer))
    >>> saved = mimebundle(answer)
    >>> saved |= turn_formats([turn], saved)
    >>> [kept.turn == turn for kept in kept_turns(saved)]
    [True]
    """
    entries: list[dict[str, Any]] = []
    room = LARGEST
    for turn in turns:
        entry = _entry(settled(turn), {} if entries else saved, conversation, room)
        size = len(json.dumps(entry))
        if size > room:
            if entries:
                entries[-1]["lost"].append(f'the next turn, "{one_line(mask(turn.user.text), _WIDTH)}"')
            break
        entries.append(_well_formed(entry))
        room -= size
    return {TURNS: entries} if entries else {}


def kept_turns(data: Mapping[str, Any]) -> list[KeptTurn]:
    """Return the turns kept in an output. An empty list if it has kept none.

    Raises
    ------
    ValueError
        If they are not such turns, or of another version. The message names the place.
    """
    if TURNS not in data:
        return []
    try:
        return [
            _from_entry(entry, data if number == 1 else {}, f"turn {number}")
            for number, entry in enumerate(read(list[dict[str, object]], data[TURNS], "it"), 1)
        ]
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _entry(turn: Turn, saved: Mapping[str, Any], conversation: str, room: int) -> dict[str, Any]:
    lost: list[str] = []
    room -= _BESIDES
    bare = _with_files(turn, lambda _: False)
    if turn.branches and _size(bare, saved) > room:
        lost.append("its other branches")
        turn, bare = replace(turn, branches=(), branch=0), replace(bare, branches=(), branch=0)
    room -= _size(bare, saved)

    def fits(file: Attachment) -> bool:
        nonlocal room
        named = f"{file.name or 'a file'} ({file.label})"
        if mask(file.text) != file.text:
            lost.append(f"{named}, because it holds what looks like a key")
            return False
        size = len(file.url or "") or len(file.data) * 4 // 3
        if size > room:
            lost.append(named)
            return False
        room -= size
        return True

    if mask(turn.user.text) != turn.user.text:
        lost.append("what looks like a key in its prompt")
    written = _written(_with_files(turn, fits), saved)
    return {"version": _VERSION, "conversation": conversation, "turn": written, "lost": lost}


def _with_files(turn: Turn, fits: Callable[[Attachment], bool]) -> Turn:
    """Return a turn with the fitting files, and without keys in its prompt. Its branches too."""
    user = replace(turn.user, text=mask(turn.user.text), attachments=tuple(filter(fits, turn.user.attachments)))
    branches = tuple(tuple(_with_files(one, fits) for one in branch) for branch in turn.branches)
    return replace(turn, user=user, branches=branches)


def _size(turn: Turn, saved: Mapping[str, Any]) -> int:
    return len(json.dumps(_written(turn, saved)))


def _written(turn: Turn, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return a turn as JSON, without the parts in ``saved``."""
    written = _compact(turn_to_json(turn))
    completion = turn.answer.completion if turn.answer else None
    if completion is not None:
        answer, shown = written["answer"], read_answer(saved)
        answer["text"] = completion.text
        if shown is not None and shown.text == completion.text:
            del answer["text"]
        if BUNDLES in saved:
            answer.pop("outputs", None)
    return written


def _compact(written: dict[str, Any]) -> dict[str, Any]:
    answer = written["answer"]
    branches = [[_compact(one) for one in branch] for branch in written["branches"]]
    return {**written, "answer": answer and without_usual(answer), "branches": branches}


def _well_formed(value: Any) -> Any:
    """Return JSON without halves of characters. No kernel can send those."""
    if isinstance(value, dict):
        return {well_formed(str(name)): _well_formed(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [*map(_well_formed, value)]
    return well_formed(value) if isinstance(value, str) else value


def _from_entry(entry: dict[str, object], data: Mapping[str, Any], place: str) -> KeptTurn:
    version = read_field(int, entry, "version", place)
    if version != _VERSION:
        raise ValueError(f"{place} has version {version}, and this streamwidget reads {_VERSION}")
    written = read_field(dict[str, object], entry, "turn", place)
    answer = written.get("answer")
    if isinstance(answer, dict):
        shown = read_answer(data)
        if shown is not None:
            answer = {"text": shown.text, **answer}
        if BUNDLES in data:
            answer = {"outputs": data[BUNDLES], **answer}
        written = {**written, "answer": answer}
    lost = tuple(one_line(one, 200) for one in read_field(list[str], entry, "lost", place))
    return KeptTurn(read_field(str, entry, "conversation", place), turn_from_json(written, place), lost)
