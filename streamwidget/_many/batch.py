"""The rows of a batch: asked within the limits, put back if the server is busy, kept when they end.

A batch is a :class:`~streamwidget._core.work.Work`. So there is one way to stop it, from a button, an interrupt, a
closed page or a program: as its stream is stopped. It has no text of its own.

A row is taken from its source when there is room for it, and not before. Its stream is forgotten when it ends.
:mod:`streamwidget._many.failures` has the rules for failures.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import time
from collections import Counter
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ChatCompletion, why
from streamwidget._core.cost import Cost
from streamwidget._core.events import Outcome, StreamEvent
from streamwidget._core.exceptions import ConfigurationError, InvalidValue, StreamError
from streamwidget._core.messages import Message, as_messages
from streamwidget._core.outcomes import ending
from streamwidget._core.timeout import TICK
from streamwidget._core.visible import one_line
from streamwidget._many.arriving import Arriving
from streamwidget._many.failures import Failures
from streamwidget._many.journal import Journal
from streamwidget._many.rates import Rates
from streamwidget._many.results import RowResult
from streamwidget._many.rows import Question, Row, Source
from streamwidget._many.spending import Spending, tokens_of

if TYPE_CHECKING:
    from streamwidget._core.recording import Recording
    from streamwidget._core.stream import ChatStream

_LOOKED_AT = 20  # first rows. If none of them can be asked, the mistake is in the question
_ABOUT = 80  # characters of a row's prompt in a view
_AT_A_TIME = 50  # rows from the file before the loop gets a turn
_SETTLED = 1.0  # seconds for the connections of a stopped batch to close


class Batch:
    """Ask all rows. A :class:`~streamwidget._core.work.Work`.

    Parameters
    ----------
    source : Source
    question : Question
    rates : Rates
    spending : Spending
    journal : Journal, optional

    Attributes
    ----------
    results : list
        A RowResult for each ended row, at its place. None for a row still running.
    abouts : list of str
        The beginning of each row's prompt, for people.
    taken : dict of int to Row
        The rows still running, by their place.
    counts : Counter
        How many rows have ended, by outcome. ``failed``: with an error, other than ``cancelled``. ``reused``: of the
        complete ones, those from the file.
    total : int or None
        How many rows there are, as far as it is known.
    spending : Spending
    ended_because : str
        Why the last rows were not asked. Empty: all were, or will be.
    changed : callable
        Is called with the place of a row whenever it has changed. A view sets it.
    """

    model: str | None
    request_hash = request_id = reused_from = left_at = pending_limit = consents = None
    sent = ()
    demo = False
    mark = ""
    repeatable = False
    is_ours = False  # a client or a function of the person may answer the rows

    def __init__(
        self, source: Source, question: Question, rates: Rates, spending: Spending, journal: Journal | None = None
    ) -> None:
        self.accumulator = Accumulator()
        self.model = question.model or question.client.model
        self.results: list[RowResult | None] = []
        self.abouts: list[str] = []
        self.taken: dict[int, Row] = {}
        self.counts: Counter[str] = Counter()
        self.spending = spending
        self.total = source.total
        self.ended_because = ""
        self.changed: Callable[[int], None] = lambda _number: None
        self._source = source
        self._woken = asyncio.Event()
        self._arriving = Arriving(source.rows, self._woken.set) if isinstance(source.rows, AsyncIterable) else None
        self._rows: Iterator[tuple[str | int, Any] | None] = self._arriving or iter(source.rows)  # type: ignore[arg-type]
        self._all_taken = False
        self._question = question
        self._rates = rates
        self._journal = journal
        self._next: Row | None = None  # taken, and waits for room
        self._put_back: list[tuple[float, int, Row]] = []  # a heap: when each may be asked again
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = Failures(question.client.retry, rates)
        self._mistake: ConfigurationError | None = None  # the fault of the first row with one
        self._failure: BaseException | None = None

    @property
    def cost(self) -> Cost:
        """The cost of its rows. Unknown if one of them is."""
        return self.spending.cost

    # ---- from outside

    async def check_first(self) -> None:
        """Take the first usable row. So a mistake in the question is found before anything is sent.

        Raises
        ------
        ConfigurationError
            If none of the first rows can be asked. It says why the first one cannot.
        """
        self._next = self._take(strict=True)
        while self._next is None and self._arriving is not None and not self._all_taken:
            await self._arriving.first()
            self._next = self._take(strict=True)

    def stop_row(self, number: int) -> None:
        """Stop one row, on the batch's loop. Its text is kept."""
        row = self.taken.get(number)
        if row is None:
            return
        row.stopped = True
        if row.state == "running":
            row.stream.cancel()
        else:
            self._end(row, RowResult(row.id, outcome="cancelled", error="stopped by you before it was asked"))
            self._woken.set()

    @property
    def done(self) -> int:
        """How many rows have ended."""
        return sum(count for name, count in self.counts.items() if name != "reused")

    @property
    def is_done(self) -> bool:
        """True if all rows have ended."""
        return self.done == self.total

    @property
    def running(self) -> int:
        """How many rows are asked now."""
        return len(self._tasks)

    def held_for(self, now: float) -> float:
        """Return for how many seconds all rows wait, because the server asked for it."""
        return self._rates.held_for(now)

    def completion_of(self, number: int) -> ChatCompletion | None:
        """Return the answer so far of a running row."""
        row = self.taken.get(number)
        return row.stream.completion if row is not None and row.state == "running" else None

    def finished(self) -> list[RowResult]:
        """Return the results of all rows, after the end. The rest of the rows are read, and not asked."""
        if self.total is not None:
            rest = (row for row in self._rows if row is not None)
            self.results += [RowResult(id_, error=f"not asked: {self.ended_because}") for id_, _ in rest]
        return [result for result in self.results if result is not None]

    # ---- as a Work

    async def run(self, publish: Callable[[list[StreamEvent]], None]) -> Outcome:  # noqa: ARG002  (it has no events)
        """Ask all rows. CancelledError if the batch is stopped."""
        try:
            await self._dispatch()
        finally:
            self.ended_because = self.ended_because or ("" if self.is_done else "the batch was stopped")
            for row in list(self.taken.values()):
                if row.state == "running":
                    row.stream.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_SETTLED)
            for row in list(self.taken.values()):
                # A row still runs if its connection has not closed in time.
                left = row.stream.completion if row.state == "running" else None
                self._end(row, self._not_asked(row) if left is None else self._result_of(row, left), keep=False)
            if self._arriving is not None:
                await self._arriving.close()
            if self._journal is not None:
                self._journal.close()
                self._journal = None
        return "complete"

    def stop(self) -> None:
        """Do nothing. The stream cancels the task, and so all rows."""

    def record(self) -> Recording:
        """Refuse: a batch has many wires."""
        raise ConfigurationError("A batch has many streams. Record one of its questions alone.")

    def again(self, *, go_on: bool) -> NoReturn:  # noqa: ARG002
        """Refuse: a new call asks a batch again, and reads its file."""
        raise ConfigurationError("A batch is asked again by sw.batch(...).")

    # ---- asking

    async def _dispatch(self) -> None:
        """Let rows leave as long as there are any."""
        reused = 0
        while self._failure is None:
            row = self._ready()
            if row is None and self._has_nothing_left:
                return
            if row is None:
                await self._sleep(TICK)
            elif (found := self._found(row)) is not None:
                self._end(row, found)
                reused += 1
                if reused % _AT_A_TIME == 0:
                    await asyncio.sleep(0)
            elif (wait := self._rates.wait(time.monotonic(), len(self._tasks))) > 0:
                self._keep(row)
                await self._sleep(min(wait, TICK))
            elif not self.spending.has_room(row.tokens, len(self._tasks)):
                self._keep(row)
                if self._tasks:
                    await self._sleep(TICK)  # the running ones may take less than estimated
                else:
                    self._end_asking(self.spending.reason)
            else:
                self._leave(row)
        raise self._failure

    @property
    def _has_nothing_left(self) -> bool:
        """True if no row runs or waits, and none will be taken."""
        over = self._all_taken or self.ended_because != ""
        return over and self._next is None and not self.taken and not self._tasks

    async def _sleep(self, seconds: float) -> None:
        """Wait for a row's end. Not for long: the interpreter sees an interrupt only when the loop wakes up."""
        self._woken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    def _ready(self) -> Row | None:
        """Return the next row to ask. None: no row is ready now."""
        if self.ended_because:
            return None
        while self._put_back and self._put_back[0][0] <= time.monotonic():
            again = heapq.heappop(self._put_back)[2]
            if again.number in self.taken:  # or else somebody has stopped it meanwhile
                return again
        if self._next is None:
            self._next = self._take()
        row, self._next = self._next, None
        return row if row is None or row.number in self.taken else self._ready()

    def _keep(self, row: Row) -> None:
        """Let the row wait for room."""
        if row.state == "put back":
            heapq.heappush(self._put_back, (0.0, row.number, row))
        else:
            self._next = row

    def _take(self, *, strict: bool = False) -> Row | None:
        """Take the next usable row of the source. None: no row has arrived, or all are taken.

        An unusable row has ended.
        """
        for arrived in self._rows:
            if arrived is None:
                return None
            id_, row = arrived
            number = len(self.results)
            self.results.append(None)
            self.abouts.append("")
            try:
                prompt = self._source.prompt(row)
                stream = self._question.stream(prompt)
            except ConfigurationError as exc:
                self._mistake = self._mistake or exc
                if strict and number == _LOOKED_AT - 1:
                    raise self._mistake from None
                self.results[number] = RowResult(id_, error=f"not asked: {exc}")
                self._note_end(number)
                continue
            messages = as_messages(prompt)
            self.abouts[number] = one_line(_text_of(messages[-1]), _ABOUT)
            characters = sum(len(str(one)) for one in messages)
            taken = self.taken[number] = Row(number, id_, prompt, stream, characters, self._key_of(stream, id_))
            return taken
        self._all_taken = True
        if self.total is None:
            self.total = len(self.results)
        if strict and self._mistake is not None:
            raise self._mistake
        return None

    def _key_of(self, stream: ChatStream, id_: str | int) -> str | None:
        """Return the key of a row in the file. None: there is no file."""
        if self._journal is None:
            return None
        return self._journal.key(stream.request_hash or "", id_ if self._source.named else None)

    def _found(self, row: Row) -> RowResult | None:
        """Return the row's whole answer of an earlier run, if the file has it."""
        found = self._journal.find(row.key) if self._journal is not None and row.key is not None else None
        if found is None:
            row.tokens = self.spending.estimate(row.characters)
            return None
        found = replace(found, id=row.id)
        if self._question.kind is None:
            return found
        try:
            return replace(found, value=self._question.kind.read(found.text))
        except InvalidValue:  # the type's own rules have changed, and its schema has not
            row.tokens = self.spending.estimate(row.characters)
            return None

    def _leave(self, row: Row) -> None:
        if row.state == "put back":
            row.stream = self._question.stream(row.prompt)
        row.left = time.monotonic()
        self._rates.leave(row.left, row.tokens)
        self.spending.reserve(row.tokens)
        row.state = "running"
        row.attempts += 1
        row.stream.subscribe(lambda _events: self.changed(row.number))
        task = asyncio.get_running_loop().create_task(self._ask(row))
        self._tasks.add(task)
        task.add_done_callback(self._left)
        self.changed(row.number)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failure = self._failure or failure
        self._woken.set()

    async def _ask(self, row: Row) -> None:
        failure: StreamError | None = None
        try:
            completion = await row.stream
        except StreamError as exc:
            completion, failure = exc.completion, exc
        self.demo, self.mark = self.demo or completion.demo, self.mark or completion.mark
        tokens, answer, guessed = tokens_of(completion, row.characters)
        self._rates.ended(row.tokens, tokens)
        self.spending.guessed |= guessed
        self.spending.settle(row.tokens, tokens, answer=answer, characters=row.characters, cost=completion.cost)
        if completion.timing.deltas:
            self._failures.answered()
        if failure is not None and failure.error.kind == "configuration":  # the session's budget is used up
            self._end_asking(one_line(failure.error.message))
            self._end(row, self._not_asked(row), keep=False)
            return
        delay = None
        if failure is not None and not row.stopped:
            delay = self._failures.again_in(row, failure, has_answers=self.counts["complete"] > 0)
            if self._failures.hopeless:
                self._end_asking(self._failures.hopeless)
        if delay is None or self.ended_because:
            self._end(row, self._result_of(row, completion))
        else:
            row.state = "put back"
            heapq.heappush(self._put_back, (time.monotonic() + delay, row.number, row))
            self.changed(row.number)

    def _end_asking(self, why: str) -> None:
        """Ask no more rows. The running ones go on."""
        self.ended_because = self.ended_because or why
        for row in list(self.taken.values()):
            if row.state != "running":
                self._end(row, self._not_asked(row), keep=False)
        self._next = None

    def _not_asked(self, row: Row) -> RowResult:
        return RowResult(row.id, error=f"not asked: {self.ended_because}")

    def _result_of(self, row: Row, completion: ChatCompletion) -> RowResult:
        is_valued = self._question.kind is not None
        value: Any = completion.value if is_valued else completion.text or None
        invalid = next((one.detail for one in completion.warnings if one.code == "invalid_value"), None)
        error = invalid if completion.outcome == "complete" else _reason(completion)
        if completion.refusal:
            error = error or f"the model refused: {one_line(completion.refusal)}"
        return RowResult(
            row.id,
            value,
            completion.text,
            completion.outcome,
            error,
            completion.usage,
            completion.cost,
            completion.timing,
        )

    def _end(self, row: Row, result: RowResult, *, keep: bool = True) -> None:
        self.taken.pop(row.number, None)
        self.results[row.number] = result
        if keep and self._journal is not None and row.key is not None and not result.reused:
            self._journal.add(row.key, result)
        self._note_end(row.number)

    def _note_end(self, number: int) -> None:
        result = self.results[number]
        assert result is not None
        if result.is_good:
            self.counts["complete"] += 1
            self.counts["reused"] += result.reused
        elif result.outcome is None:
            self.counts["not asked"] += 1
        else:
            self.counts["cancelled" if result.outcome == "cancelled" else "failed"] += 1
        self.changed(number)


def _text_of(message: Message | Mapping[str, Any]) -> str:
    return message.text if isinstance(message, Message) else str(message.get("content", ""))


def _reason(completion: ChatCompletion) -> str:
    """Return why an answer is not whole."""
    has_content = bool(completion.text or completion.reasoning or completion.refusal or completion.tool_calls)
    return ending(completion.outcome or "error", one_line(why(completion)).rstrip("."), has_content=has_content)
