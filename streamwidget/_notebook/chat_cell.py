"""One ``%chat`` or ``%%chat``, from its parsed line to the cell's result: a command, a question, or several models."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.stream import ChatStream
from streamwidget._core.subscribers import at_end
from streamwidget._notebook import front_end
from streamwidget._notebook.cell_record import LastError
from streamwidget._notebook.cell_run import CellJob, never_left_behind, run_awaited, run_blocking
from streamwidget._notebook.columns import columns_of
from streamwidget._notebook.commands import find_command
from streamwidget._notebook.disclosure import say_receipt
from streamwidget._notebook.display import present
from streamwidget._notebook.model_choice import offer_models
from streamwidget._notebook.prepared import NoModel
from streamwidget._notebook.request import NewTurn, ask
from streamwidget._notebook.session import Session

T = TypeVar("T")


def run_chat(session: Session, options: Namespace, text: str, cell: str | None, *, awaits: bool) -> Any:
    """Do what the line says. Return the cell's result, in a coroutine if the cell awaits one.

    Raises
    ------
    ConfigurationError
        If it cannot be done. Nothing is changed then.
    """
    found = find_command(options)
    if found is not None:
        command, value = found
        if text or (cell or "").strip():
            raise ConfigurationError(f"{command.flags[0]} takes no prompt. Nothing was sent.")
        job = command.action(session, value, options)
        return _finish(session, job, awaits=awaits) if job is not None else _given(None, awaits=awaits)
    _check(session, options, text, cell)
    # IPython has put a line end behind the last line of the cell.
    text = text if cell is None else cell.removesuffix("\n")
    columns = columns_of(options)
    try:
        if len(columns) > 1:
            from streamwidget._notebook.compare_cell import compare_in_cell  # late: few cells compare

            job = compare_in_cell(session, options, columns, text)
            with never_left_behind(job.stream):
                return _finish(session, job, awaits=awaits)
        turn = ask(session, options, text)
    except NoModel as missing:
        return _finish(session, offer_models(session, missing), awaits=awaits)
    with never_left_behind(turn.stream):
        return _show_and_run(session, turn, options, awaits=awaits)


def _show_and_run(session: Session, turn: NewTurn, options: Namespace, *, awaits: bool) -> Any:
    stream = turn.stream
    if options.bg and not options.wire:
        stream._run_apart()
    session.keep_answer(stream, options.out)

    latest = [stream]

    def asked_again(other: ChatStream) -> None:
        latest[:] = [other]
        turn.follow(other)
        session.keep_answer(other, options.out)

    error = session.record.last_error if options.fix else None

    def put(saved: dict[str, Any], place: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        if error is not None and options.bg:
            from streamwidget._notebook.fix import saved_with_fix  # late: few cells are corrected

            saved = saved_with_fix(session, error, latest[0].completion, saved)
        return turn.put(saved, place)

    view = present(
        stream,
        session.shell,
        keep=options.keep or session.settings.keep,
        asked_again=asked_again,
        background=options.bg,
        wire=options.wire,
        timeline=options.timeline,
        put=put,
    )
    if options.receipt:
        stream.subscribe(at_end(lambda: say_receipt(stream.completion)))
    if options.bg:
        stream.start()
        session.cells.leave_running(stream)
        return _given(stream, awaits=awaits)
    job = CellJob(stream, turn.target, view, front_end.shows_line_above_error(session.shell))
    if error is not None:
        job = job._replace(result=partial(_fixed, session, error))
    return _finish(session, job, awaits=awaits)


def _fixed(session: Session, error: LastError, completion: ChatCompletion) -> ChatCompletion:
    from streamwidget._notebook.fix import offer_fix  # late: few cells are corrected

    offer_fix(session, error, completion)
    return completion


def _check(session: Session, options: Namespace, text: str, cell: str | None) -> None:
    """Refuse options that cannot work, before anything is changed."""
    if cell is not None and text and not text.startswith("#"):  # %%chat  # a remark
        raise ConfigurationError(
            f"Unexpected {text[:40]!r} after %%chat. The prompt goes below it, and -m names a model."
        )
    if options.out is not None and not options.out.isidentifier():
        raise ConfigurationError(f"-o takes the name of a variable, not {options.out[:40]!r}.")
    if options.bg and not session.in_kernel:
        raise ConfigurationError("--bg needs a notebook. A terminal runs nothing between two cells.")
    if options.wire and not front_end.shows_widgets(session.shell):
        raise ConfigurationError("--wire needs a notebook. --timeline works in a terminal too.")


def _finish(session: Session, job: CellJob, *, awaits: bool) -> Any:
    return run_awaited(session, job) if awaits else run_blocking(session, job)


def _given(value: T, *, awaits: bool) -> Any:
    """Return a value, in a coroutine if the cell awaits one."""

    async def given() -> T:
        return value

    return given() if awaits else value
