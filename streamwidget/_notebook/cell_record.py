"""The cells of this kernel so far, with their sources and text outputs, and the last error.

All of it is IPython's own record: the source of a cell as it ran, and not as it may stand in the page now. IPython 9
keeps what a cell printed and displayed. An older one keeps only its result. The page's order of the cells says which
cells are above (:mod:`streamwidget._notebook.cell_turns`). Without a page that is the order of the runs.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from streamwidget._core.exceptions import StreamError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_CHAT = re.compile(r"\s*(?:\w+\s*=\s*)?%%?chat\b")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_CELL = re.compile(r"ipykernel_\d+[/\\]\d+\.py$|^<ipython-input-")
_FRAMES = 20  # of a traceback


@dataclass(frozen=True, slots=True)
class RanCell:
    """A cell after its run.

    Attributes
    ----------
    number : int
        The number in ``In [3]``.
    source : str
        As it ran.
    output : str
        All that it printed and displayed, as text.
    """

    number: int
    source: str
    output: str = ""


@dataclass(frozen=True, slots=True)
class LastError:
    """The last cell with an error.

    Attributes
    ----------
    cell : RanCell
        Without its output.
    id : str or None
        The cell's id in the page.
    traceback : str
        Without the frames of IPython.
    """

    cell: RanCell
    id: str | None
    traceback: str


class CellRecord:
    """The cells of one shell.

    Parameters
    ----------
    shell : InteractiveShell
    place : callable
        Takes the id of a cell. Returns its place among the cells of the page, or None.
    """

    def __init__(self, shell: InteractiveShell, place: Callable[[str], int | None]) -> None:
        self._shell = shell
        self._place = place
        self._ids: dict[int, str] = {}  # of the runs that ended since the extension was loaded
        self._running: str | None = None
        self._before: int | None = None  # the cell that :meth:`seen_from` looks from
        self.last_error: LastError | None = None

    def begin(self, cell: str | None) -> None:
        """Note that a cell begins."""
        self._running = cell

    def end(self, result: Any) -> None:
        """Note how a cell ended. IPython calls this after each cell (``post_run_cell``)."""
        number, cell_id = result.execution_count, getattr(result.info, "cell_id", None)
        if number is not None and cell_id is not None:
            self._ids[number] = cell_id
        error = result.error_before_exec or result.error_in_exec
        source = result.info.raw_cell or ""
        # An error of %chat is said already, and no code of the person caused it.
        is_ours = isinstance(error, StreamError) or (isinstance(error, UsageError) and "%chat" in source)
        if not isinstance(error, Exception) or is_ours:
            return
        if number is None or _CHAT.match(source):
            return
        cell = RanCell(number, source.rstrip())
        self.last_error = LastError(cell, cell_id, _traceback(error, number))

    @property
    def number(self) -> int:
        """The number of the running cell."""
        return len(self._sources()) - 1

    @contextmanager
    def seen_from(self, cell: str, number: int) -> Iterator[None]:
        """Let "above" mean above a cell that ran before: its id, and the number of its run."""
        running, self._running, self._before = self._running, cell, number
        try:
            yield
        finally:
            self._running, self._before = running, None

    def above(self, count: int) -> list[RanCell]:
        """Return the newest runs above the running cell, at most so many, in the order of the cells.

        A cell with ``%chat`` is not one of them: the conversation has it.
        """
        own = self._place(self._running or "")
        places = {number: self._place_of(number, own) for number in self._numbers()}
        found = [number for number, place in places.items() if place is not None]
        found.sort(key=lambda number: (places[number], number))
        return [self._cell(number) for number in found[-count:]] if count else []

    def numbered(self, numbers: list[int]) -> list[RanCell]:
        """Return the cells with these numbers. A number without a cell is left out."""
        known = set(self._numbers())
        return [self._cell(number) for number in numbers if number in known]

    def _place_of(self, number: int, own: int | None) -> int | None:
        """Return the place of a run. None: below the running cell, or nowhere, or a later run took its place."""
        cell = self._ids.get(number)
        if self._before is not None and number >= self._before and (own is None or cell is None):
            return None  # without a page the earlier runs are above
        if cell is None:
            return -1  # before %load_ext, or in a terminal
        if any(later > number and other == cell for later, other in self._ids.items()):
            return None
        place = self._place(cell)
        if own is None:
            return 0
        return place if place is not None and place < own else None

    def _numbers(self) -> Iterator[int]:
        # The last one is the running cell.
        for number, source in enumerate(self._sources()[:-1]):
            if number and source.strip() and not _CHAT.match(source):
                yield number

    def _sources(self) -> list[str]:
        manager = self._shell.history_manager
        return manager.input_hist_raw if manager is not None else []

    def _cell(self, number: int) -> RanCell:
        return RanCell(number, self._sources()[number].rstrip(), self._output(number))

    def _output(self, number: int) -> str:
        manager: Any = self._shell.history_manager
        outputs = getattr(manager, "outputs", None)
        if outputs is None:
            result = self._shell.user_ns.get("_oh", {}).get(number)
            return "" if result is None else repr(result)
        texts = [_text_of(output) for output in outputs.get(number, ())]
        error = getattr(manager, "exceptions", {}).get(number)
        if isinstance(error, dict):
            texts.append(f"{error.get('ename')}: {error.get('evalue')}")
        return "\n".join(text for text in (_ESCAPES.sub("", text).rstrip() for text in texts) if text)


def _text_of(output: Any) -> str:
    bundle = output.bundle
    if "stream" in bundle:
        return "".join(bundle["stream"])
    if _WIDGET in bundle:
        return ""
    text = bundle.get("text/plain", "")
    return "".join(text) if isinstance(text, list) else str(text)


def _traceback(error: BaseException, number: int) -> str:
    """Return a traceback as text, from the person's cell on. The home folder is written as ``~``."""
    told = traceback.TracebackException.from_exception(error)
    seen: list[traceback.TracebackException] = []
    link: traceback.TracebackException | None = told
    while link is not None and link not in seen:
        seen.append(link)
        link.stack = _shown(link.stack, number)
        if getattr(link, "filename", None) and _is_cell(link.filename):  # of a SyntaxError
            link.filename = f"In [{number}]"
        link = link.__cause__ or link.__context__
    text = "".join(told.format()).rstrip()
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def _shown(stack: traceback.StackSummary, number: int) -> traceback.StackSummary:
    frames = list(stack)
    first = next((place for place, frame in enumerate(frames) if _is_cell(frame.filename)), len(frames))
    frames = frames[first:]
    if len(frames) > _FRAMES:
        frames = [*frames[: _FRAMES // 2], *frames[-_FRAMES // 2 :]]
    for frame in frames:
        if _is_cell(frame.filename):
            frame.filename = f"In [{number}]" if frame is frames[0] else "a cell"
    return traceback.StackSummary.from_list(frames)


def _is_cell(filename: str) -> bool:
    return _CELL.search(filename) is not None
