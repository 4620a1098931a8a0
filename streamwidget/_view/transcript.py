"""What the page has been sent of one stream: numbered messages, and the state that they add up to.

Rules
-----
- Each message has the next number. The wire to the page is lossy, and the number lets the page see a gap. An offset
  would not do: Python counts code points, and JavaScript counts UTF-16 units.
- The state is what was *sent*, not what was received. Its ``seq`` is the number of the last message in it.
- An agent's step ends with the first text or tool call of the next one. The page then gets ``step``. All so far becomes
  a step of the state, and the texts and calls of the state begin anew.
- Text may turn out to be reasoning. Then it moves within the state. A message cannot say so, and the state is sent.
- An output beside the text has a message of its own, with its place. It is a part of the state.
- One thread makes messages. Any thread may read the state.

No I/O. The messages are JSON objects for a widget to send.
"""

from __future__ import annotations

import threading
from collections import deque
from itertools import chain
from typing import Any, TypeAlias

from streamwidget._core.completion import (
    STEP_BREAK,
    ChatCompletion,
    Step,
    ToolCall,
    missing,
    shown,
    shown_outputs,
    shown_steps,
    tool_blocks,
    why,
)
from streamwidget._core.cost import details
from streamwidget._core.events import (
    Gap,
    NewStep,
    ReasoningDelta,
    RefusalDelta,
    RichOutput,
    StreamEvent,
    TextDelta,
    TextWasReasoning,
    ToolCallDelta,
    ToolResult,
)
from streamwidget._core.gaps import mark_after

JSON: TypeAlias = dict[str, Any]
_STEP = "step"
_MOVE = "move"  # the text so far is reasoning
_OUTPUT = "output"
_GAP_OPS = {"text": "delta", "reasoning": "reasoning", "refusal": "refusal"}
_OPS = {TextDelta: "delta", ReasoningDelta: "reasoning", RefusalDelta: "refusal"}


class Transcript:
    """The kernel's side of a view's text.

    Attributes
    ----------
    phase : str
        ``waiting``, ``streaming``, ``retrying`` or ``over``.
    detail : str
        One line on the reason for the phase, or empty.
    calls_changed : bool
        True while tool calls, or the end of a step, are waiting to be sent.
    moved : bool
        True if text has become reasoning in the last flush. The page then needs the state.
    """

    def __init__(self) -> None:
        self.phase = "waiting"
        self.detail = ""
        self._seq = 0
        self._lock = threading.RLock()
        self._pending: list[tuple[str, str]] = []  # (op, text), joined at the next flush
        self._new_outputs: deque[RichOutput] = deque()  # one for each pending "output"
        self.calls_changed = self.moved = False
        self._sent: dict[str, list[str]] = {op: [] for op in _OPS.values()}
        self._calls: tuple[ToolCall, ...] = ()  # of this step
        self._steps: list[JSON] = []  # those before it
        self._outputs: list[JSON] = []  # the outputs beside the text, in order
        self._has_shown = False  # this step has brought text or a call
        self._step_ends = False  # before the next text or call

    @property
    def seq(self) -> int:
        """The number of the last message."""
        return self._seq

    @property
    def pending(self) -> bool:
        """True while something is waiting to be sent."""
        return bool(self._pending) or self.calls_changed

    def add(self, event: StreamEvent) -> None:
        """Take a delta or a gap. Other events are ignored. The page gets a gap as a mark in the text."""
        if isinstance(event, NewStep):
            self._step_ends = True
        elif isinstance(event, ToolCallDelta | ToolResult):
            self._note_content()
            self.calls_changed = True
        elif isinstance(event, TextDelta | ReasoningDelta | RefusalDelta) and event.index == 0:
            text = event.text
            if isinstance(event, TextDelta) and (self._step_ends or not self._has_shown) and text.strip():
                text = text.removeprefix(STEP_BREAK) if self._note_content() else text
            self._pending.append((_OPS[type(event)], text))
        elif isinstance(event, RichOutput):
            self._pending.append((_OUTPUT, ""))
            self._new_outputs.append(event)
        elif isinstance(event, TextWasReasoning):
            self._pending.append((_MOVE, ""))
            self._has_shown = False
        elif isinstance(event, Gap):
            op = _GAP_OPS[event.field]
            self._pending.append((op, mark_after(self._last_line(op))))

    def _note_content(self) -> bool:
        """Note that text or a call has come. Return True if a step begins with it."""
        begins = self._has_shown and self._step_ends
        self._has_shown, self._step_ends = True, False
        if begins:
            self._pending.append((_STEP, ""))
            self.calls_changed = True
        return begins

    def flush(self, completion: ChatCompletion | None) -> list[JSON]:
        """Make messages of the pending text, one for each run of one kind.

        Example: two text deltas, then a reasoning delta, become a ``delta`` message and a ``reasoning`` message.

        Parameters
        ----------
        completion : ChatCompletion or None
            The answer, for its tool calls. None if they have not changed.
        """
        messages: list[JSON] = []
        pending, self._pending = self._pending, []
        runs: list[tuple[str, list[str]]] = []
        for op, text in pending:
            if not runs or runs[-1][0] != op or op in (_STEP, _OUTPUT):
                runs.append((op, []))
            runs[-1][1].append(text)
        with self._lock:
            self.phase, self.detail, self.moved = "streaming", "", False
            steps = shown_steps(completion) if self.calls_changed and completion is not None else ()
            for op, texts in runs:
                if op == _STEP:
                    messages += [*self._call_messages(steps), self._message(_STEP)]
                    self._steps.append(_step("".join(self._sent["delta"]), self._calls))
                    self._sent["delta"], self._calls = [], ()
                    self._put_outputs_first()
                    continue
                if op == _OUTPUT:
                    output = _output(self._new_outputs.popleft(), "".join(self._sent["delta"]))
                    self._outputs.append(output)
                    messages.append(self._message(_OUTPUT, **output))
                    continue
                if op == _MOVE:
                    self._seq += 1
                    self.moved = True
                    self._sent["reasoning"] = ["".join(self._sent["delta"]).strip()]
                    self._sent["delta"] = []
                    self._put_outputs_first()
                    continue
                text = "".join(texts)
                self._sent[op].append(text)
                messages.append(self._message(op, text=text, deltas=len(texts)))
            if steps:
                messages += self._call_messages(steps)
                self.calls_changed = False
        return messages

    def _put_outputs_first(self) -> None:
        """Put the outputs before the text that comes now. What stood before them is in a fold."""
        self._outputs = [{**output, "at": 0} for output in self._outputs]

    def _last_line(self, op: str) -> str:
        """Return the end of a text, from the beginning of its last line or before."""
        pieces: list[str] = []
        newest = (text for of, text in reversed(self._pending) if of == op)
        for text in chain(newest, reversed(self._sent[op])):
            pieces.append(text)
            if "\n" in text:
                break
        return "".join(reversed(pieces))

    def status(self, phase: str, detail: str, **more: Any) -> JSON:
        """Make a message about a wait, such as the wait before a retry."""
        with self._lock:
            self.phase, self.detail = phase, detail
            return self._message("status", phase=phase, detail=detail, **more)

    def asks(self, asks: list[JSON]) -> JSON:
        """Make a message about the tools that wait for a person now."""
        with self._lock:
            return self._message("asks", asks=asks)

    def end(self, completion: ChatCompletion) -> JSON:
        """Make the last message."""
        with self._lock:
            self.phase = "over"
            self.detail = why(completion)
            return self._message("end", outcome=completion.outcome, detail=self.detail, **_figures(completion))

    def restart(self, text: str, completion: ChatCompletion) -> None:
        """Begin again with this text, or with the steps that the answer has. They reach the page with a snapshot."""
        *before, last = shown_steps(completion)
        with self._lock:
            self._seq += 1
            self.phase, self.detail = "waiting", ""
            self._pending.clear()
            self._new_outputs.clear()
            self._outputs = _outputs(completion, last)
            self._steps = [_step(step.text, tool_blocks(step)) for step in before]
            self._calls, self.calls_changed = tool_blocks(last), False
            self._sent = {op: [] for op in _OPS.values()}
            self._sent["delta"].append(last.text if before else text)
            self._has_shown, self._step_ends = bool(text.strip() or self._calls), False

    def snapshot(self, completion: ChatCompletion, **more: Any) -> JSON:
        """Return the whole state: the text that was sent, and the answer's figures as they are now."""
        with self._lock:
            for op, texts in self._sent.items():
                self._sent[op] = ["".join(texts)]
            return {
                "seq": self._seq,
                "phase": self.phase,
                **_step(self._sent["delta"][0], self._calls),
                "steps": [*self._steps],
                "outputs": [*self._outputs],
                "reasoning": self._sent["reasoning"][0],
                "refusal": self._sent["refusal"][0],
                "outcome": completion.outcome if self.phase == "over" else None,
                "detail": self.detail,
                **_facts(completion),
                **more,
            }

    def _call_messages(self, steps: tuple[Step, ...]) -> list[JSON]:
        """Make messages of the new arguments of the calls of this step.

        Each has its index, so the page appends to the right call.
        """
        messages, place = [], len(self._steps)
        calls = tool_blocks(steps[place]) if place < len(steps) else ()
        for index, call in enumerate(calls):
            before = self._calls[index] if index < len(self._calls) else ToolCall(None, None, "")
            if call != before and call.arguments.startswith(before.arguments):
                fragment = call.arguments[len(before.arguments) :]
                messages.append(self._message("tool", index=index, name=call.name, arguments=fragment))
        self._calls = calls
        return messages

    def _message(self, op: str, **fields: Any) -> JSON:
        self._seq += 1
        return {"op": op, "seq": self._seq, **fields}


def state_of(completion: ChatCompletion, **more: Any) -> JSON:
    """Return the whole state of an answer without a feed, as it is now."""
    *before, last = shown_steps(completion)
    return {
        "phase": "over" if completion.outcome else "streaming",
        **_step(last.text, tool_blocks(last)),
        "steps": [_step(step.text, tool_blocks(step)) for step in before],
        "outputs": _outputs(completion, last),
        "reasoning": shown(completion, "reasoning"),
        "refusal": shown(completion, "refusal"),
        "outcome": completion.outcome,
        "detail": why(completion),
        **_facts(completion),
        **more,
    }


def _step(text: str, calls: tuple[ToolCall, ...]) -> JSON:
    return {"text": text, "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in calls]}


def _outputs(completion: ChatCompletion, last: Step) -> list[JSON]:
    return [_output(output, last.text[:place]) for place, output in shown_outputs(completion)]


def _output(output: RichOutput, before: str) -> JSON:
    """Return what the page needs of an output. Its place is counted as JavaScript counts."""
    at = len(before.encode("utf-16-le", "surrogatepass")) // 2
    return {
        "at": at,
        "data": dict(output.data),
        "metadata": dict(output.metadata),
        "cut": output.cut,
        "trusted": output.trusted,
    }


def _facts(completion: ChatCompletion) -> JSON:
    kind = completion.value_type
    return {
        "model": completion.model,
        "demo": completion.demo,
        "mark": completion.mark,
        **({} if kind is None else {"value": {"wraps": not kind.is_object}}),
        **_figures(completion),
    }


def _figures(completion: ChatCompletion) -> JSON:
    timing, usage = completion.timing, completion.usage
    return {
        "timing": {
            "first_delta": None if timing.first_delta is None else round(timing.first_delta, 3),
            "total": round(timing.total, 3),
            "deltas": timing.deltas,
            "reasoning": None if timing.reasoning is None else round(timing.reasoning, 3),
        },
        "tokens": usage.completion_tokens if usage else None,
        "spent": " · ".join(details(usage, completion.cost)),
        "missing": missing(completion),
    }
