"""The requests of an answer with tools: ask, run the called tools, and ask again with the results.

Rules
-----
- One accumulator has all steps, so the answer is one. Each request has its own retries and its own clock. While a tool
  runs or a person is asked no clock runs.
- A key in a result is masked, because a result is sent, shown and saved.
- Each call gets exactly one result, also if it is refused, fails or is stopped. So the next request is whole.
- A call of the person's own tool (the JSON of a tool) ends the answer, as without a loop.
- After ``max_steps`` requests the answer is cut, with outcome ``length``.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streamwidget._client.attempts import Attempts
from streamwidget._client.exchange import Publish
from streamwidget._client.request import Request
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.spans import tool_span
from streamwidget._client.tool_run import ToolRun
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ChatCompletion, ToolCall
from streamwidget._core.consent import Consents, Verdict, is_allowed
from streamwidget._core.cost import Cost, total
from streamwidget._core.events import ConsentNeeded, Outcome, StreamWarning, ToolResult, Waiting
from streamwidget._core.loop import settler
from streamwidget._core.messages import Message
from streamwidget._core.recording import Recording, ToolReturned
from streamwidget._core.timeout import TICK, PendingLimit, Timeout
from streamwidget._core.tool_result import Result, failure_of_tool
from streamwidget._core.tools import Tool, Toolbox

if TYPE_CHECKING:
    from streamwidget._core.receipt import SentRequest

#: Seconds for the page of a view to speak. After them nobody is asked. A first page loads for some time.
PAGE_PATIENCE = 30.0
_REMEDY = 'The person can mark the function with sw.tool(safe=True), or pass confirm="never" in code.'


class ToolLoop:
    """Ask until the model calls no tool. A :class:`~streamwidget._core.work.Work`.

    Parameters
    ----------
    request : Request
        The person's own question.
    limits : Timeout
    retry : RetryPolicy
    toolbox : Toolbox
    so_far : ChatCompletion or None, default None
        The beginning of the answer, if the model is to go on with it.
    asks_again : int, default 0
        As for :class:`~streamwidget._client.attempts.Attempts`.

    Attributes
    ----------
    accumulator : Accumulator
        All steps so far.
    consents : Consents
        The tools waiting for a person.
    """

    repeatable = True
    reused_from = None
    is_ours = False  # the tools are the person's

    def __init__(
        self,
        request: Request,
        limits: Timeout,
        retry: RetryPolicy,
        toolbox: Toolbox,
        so_far: ChatCompletion | None = None,
        *,
        asks_again: int = 0,
    ) -> None:
        self.consents = Consents()
        self._request = request
        self._sent = request
        self._limits = limits
        self._retry = retry
        self._toolbox = toolbox
        self._so_far = so_far
        self._asks_again = asks_again
        self._opening = self._attempts = self._first(request)
        self._cost_so_far: list[Cost] = []
        self._left_at: float | None = None
        self._running: tuple[str, ...] = ()
        self._recording: Recording | None = None
        self._not_asked: dict[str, None] = {}  # the names of the tools, in order

    @property
    def accumulator(self) -> Accumulator:
        return self._attempts.accumulator

    @property
    def model(self) -> str | None:
        return self._request.question.model

    @property
    def request_hash(self) -> str | None:
        return self._opening.request_hash

    @property
    def sent(self) -> tuple[SentRequest, ...]:
        return self._attempts.sent

    @property
    def request_id(self) -> str | None:
        return self._attempts.request_id

    @property
    def demo(self) -> bool:
        return self._attempts.demo

    @property
    def mark(self) -> str:
        return self._attempts.mark

    @property
    def cost(self) -> Cost:
        return total([*self._cost_so_far, self._attempts.cost])

    @property
    def left_at(self) -> float | None:
        return self._left_at or self._attempts.left_at

    @property
    def pending_limit(self) -> PendingLimit | None:
        return None if self._running else self._attempts.pending_limit

    def stop(self) -> None:
        self._attempts.stop()

    def record(self) -> Recording:
        from streamwidget._client.recorder import record  # late: few streams are recorded

        self._recording, self._sent = record(self._sent, self._limits)
        self._attempts = self._first(self._sent)
        return self._recording

    def _first(self, request: Request) -> Attempts:
        return Attempts(request, self._limits, self._retry, self._so_far, asks_again=self._asks_again)

    def again(self, *, go_on: bool) -> ToolLoop:
        so_far = self.accumulator.snapshot(cost=self.cost) if go_on else None
        return ToolLoop(self._request, self._limits, self._retry, self._toolbox, so_far, asks_again=self._asks_again)

    async def run(self, publish: Publish) -> Outcome:
        """Ask and run tools until the answer ends. Return how it ended.

        Raises
        ------
        StreamError
            If a step of the answer is not whole.
        asyncio.CancelledError
            If the task is cancelled. Running tools are then stopped, or left behind and named.
        """
        for step in range(1, self._toolbox.max_steps + 1):
            outcome = await self._attempts.run(publish)
            self._left_at = self.left_at
            calls = self._calls_to_run() if outcome == "complete" else ()
            if not calls:
                return outcome
            if step < self._toolbox.max_steps:
                await self._run_all(calls, publish)
                self._attempts = self._next(publish)
        for call in calls:
            self._publish_result(call, failure_of_tool("Not run: this answer has no more steps."), None, publish)
        detail = f"stopped by streamwidget: the model still called a tool in step {self._toolbox.max_steps} (max_steps)"
        self._warn(StreamWarning("max_steps", detail), publish)
        return "length"

    def _calls_to_run(self) -> tuple[ToolCall, ...]:
        """Return the calls of this step. Empty if the model called nothing, or the person's own tool."""
        calls = self.accumulator.identify()
        if any(self._toolbox.leaves(call.name) for call in calls):
            return ()
        # If the server has tools of its own, it has run a call of an unknown name itself.
        only_ours = all(isinstance(one, Tool) for one in self._toolbox.tools)
        return calls if only_ours else tuple(call for call in calls if self._toolbox.find(call.name))

    def _next(self, publish: Publish) -> Attempts:
        """Return the request with the results. The step so far ends."""
        accumulator = self.accumulator
        publish(accumulator.begin_call())
        self._cost_so_far.append(self._attempts.cost)
        self._keep_what_was_refused()
        so_far, question = accumulator.snapshot(), self._sent.question
        answer = Message("assistant", so_far.text, completion=so_far)
        request = replace(self._sent, question=replace(question, messages=(*question.messages, answer)))
        again = self._asks_again
        return Attempts(request, self._limits, self._retry, accumulator=accumulator, asks_again=again, sent=self.sent)

    def _keep_what_was_refused(self) -> None:
        """Ask from now on without the refused fields. Otherwise each step would be refused once."""
        exchange, question = self._attempts.exchange, self._sent.question
        if exchange is not None:
            asked = exchange.question
            messages = asked.messages[: len(question.messages)]
            # Words in place of a schema are in the person's message, or they were a message of one step.
            value = question.value if messages == question.messages else asked.value
            simpler = replace(question, messages=messages, params=asked.params, value=value)
            self._sent = replace(self._sent, question=simpler)

    # ---- tools

    async def _run_all(self, calls: tuple[ToolCall, ...], publish: Publish) -> None:
        """Run all calls at the same time. Each publishes its own result."""
        self._running = tuple(call.name or "?" for call in calls)
        tasks = [asyncio.ensure_future(self._run_one(call, publish)) for call in calls]
        pending = set(tasks)
        try:
            while pending:  # the interpreter sees an interrupt only when the loop wakes up
                _, pending = await asyncio.wait(pending, timeout=TICK)
        except KeyboardInterrupt:
            # The loop has raised the interrupt already, in the code it hit.
            raise asyncio.CancelledError from None
        finally:
            self._running = ()
            for task in pending:
                task.cancel()
            if pending:
                await asyncio.wait(pending)
        for task in tasks:
            task.result()

    async def _run_one(self, call: ToolCall, publish: Publish) -> None:
        begun: float | None = None
        run: ToolRun | None = None
        try:
            checked = self._checked(call)
            if isinstance(checked, Result):
                self._publish_result(call, checked, None, publish)
                return
            tool, arguments = checked
            verdict = await self._verdict(tool, call, publish)
            if not verdict.runs:
                self._publish_result(call, failure_of_tool(verdict.reason), None, publish)
                return
            publish([self._waiting(tool.name)])
            begun = time.monotonic()
            run = ToolRun(tool, arguments, self._request.transport.secrets)
            with tool_span(tool, call, self._request.transport.secrets) as ended:
                result = await run.result()
                ended(result)
        except asyncio.CancelledError:
            said = "Stopped by the person before it ended." if run else "Not run: the person stopped the answer."
            if run is not None and run.left_behind:
                self._warn(StreamWarning("not_stopped", f"{call.name} could not be stopped and runs on"), publish)
                said = "Stopped by the person. It could not be ended, so it runs on, and its result is dropped."
            self._publish_result(call, failure_of_tool(said), _since(begun), publish)
            raise
        self._publish_result(call, result, _since(begun), publish)

    def _checked(self, call: ToolCall) -> tuple[Tool, dict[str, Any]] | Result:
        """Return the tool and its arguments, or why there are none."""
        tool = self._toolbox.find(call.name)
        if tool is None:
            known = ", ".join(one.name for one in self._toolbox.tools if isinstance(one, Tool))
            return failure_of_tool(f"There is no tool {call.name or ''!r}. The tools are: {known}.")
        try:
            given = json.loads(call.arguments or "{}")
            if not isinstance(given, dict):
                raise ValueError("they are not an object")
        except (ValueError, RecursionError) as exc:
            return failure_of_tool(f"The arguments of {tool.name} are not JSON: {exc}. Nothing ran.")
        try:
            return tool, tool.arguments.check(given)
        except Exception as exc:  # noqa: BLE001  (a person's own type may raise anything)
            return failure_of_tool(f"The arguments of {tool.name} do not fit: {exc}. Nothing ran.")

    async def _verdict(self, tool: Tool, call: ToolCall, publish: Publish) -> Verdict:
        """Return whether the tool may run. A person is asked if need be."""
        if self._toolbox.confirm == "never" or is_allowed(tool):
            return Verdict(runs=True)
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        key = self.consents.ask(tool, call, settler(answer))
        try:
            if not await self._somebody_is_there():
                return Verdict(runs=False, reason=self._nobody(tool, publish))
            publish([self._waiting(tool.name), ConsentNeeded(self.consents.pending)])
            verdict = await answer
        finally:
            self.consents.withdraw(key)
            publish([ConsentNeeded(self.consents.pending)])
        if verdict.runs:
            return verdict
        reason = f" The reason: {verdict.reason}" if verdict.reason.strip() else ""
        return Verdict(runs=False, reason=f"Not run: the person refused it.{reason}")

    async def _somebody_is_there(self) -> bool:
        """Wait until a person can be asked. False if none can, or no page of the view speaks for some time."""
        end = time.monotonic() + PAGE_PATIENCE
        while self.consents.expected and not self.consents.heard and time.monotonic() < end:  # noqa: ASYNC110  (any thread sets it)
            await asyncio.sleep(TICK)
        if not self.consents.heard:
            self.consents.expected = False  # the next tool does not wait again
        return self.consents.heard

    def _nobody(self, tool: Tool, publish: Publish) -> str:
        """Warn the person of a tool that did not run, and return the words for the model."""
        why = f"nobody could be asked{self.consents.unheard and f': {self.consents.unheard}'}"
        self._not_asked[tool.name] = None
        self._warn(StreamWarning("not_asked", f"{', '.join(self._not_asked)} did not run: {why}"), publish)
        return f"Not run: {why}. {_REMEDY}"

    def _publish_result(self, call: ToolCall, result: Result, seconds: float | None, publish: Publish) -> None:
        spellings = self._request.transport.secrets.spellings
        text = result.text if spellings is None else spellings.replace(result.text)  # a tool may read the key's file
        event = ToolResult(call.id, call.name, text, result.error, seconds, result.images)
        if self._recording is not None:
            self._recording.add(ToolReturned(self._recording.now(), event))
        publish(self.accumulator.take([event]))
        if self.consents.pending:
            publish([self._waiting(call.name or "?")])  # a page takes the result for the end of the wait

    def _waiting(self, name: str) -> Waiting:
        """Return the reason to wait: the person if one is asked, and else the tool of this name."""
        asked = self.consents.pending
        return Waiting(f"{asked[0].name} waits for your consent" if asked else f"{name} runs")

    def _warn(self, warning: StreamWarning, publish: Publish) -> None:
        if (published := self.accumulator.apply(warning)) is not None:
            publish([published])


def _since(begun: float | None) -> float | None:
    return None if begun is None else round(time.monotonic() - begun, 3)
