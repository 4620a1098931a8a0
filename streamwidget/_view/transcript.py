"""What the page has been sent of one stream: numbered messages, and the state that they add up to.

Rules
-----
- Each message has the next number. The wire to the page is lossy, and the number lets the page see a gap. An offset
  would not do: Python counts code points, and JavaScript counts UTF-16 units.
- The state is what was *sent*, not what was received. Its ``seq`` is the number of the last message in it.
- One thread makes messages. Any thread may read the state.

No I/O. The messages are JSON objects for a widget to send.
"""

from __future__ import annotations

import threading
from itertools import chain
from typing import Any, TypeAlias

from streamwidget._core.completion import ChatCompletion, ToolCall, missing, shown, tool_blocks, why
from streamwidget._core.events import (
    Gap,
    ReasoningDelta,
    RefusalDelta,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    ToolResult,
)
from streamwidget._core.gaps import mark_after

JSON: TypeAlias = dict[str, Any]
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
        True while tool calls are waiting to be sent.
    """

    def __init__(self) -> None:
        self.phase = "waiting"
        self.detail = ""
        self._seq = 0
        self._lock = threading.RLock()
        self._pending: list[tuple[str, str]] = []  # (op, text), joined at the next flush
        self.calls_changed = False
        self._sent: dict[str, list[str]] = {op: [] for op in _OPS.values()}
        self._calls: tuple[ToolCall, ...] = ()

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
        if isinstance(event, ToolCallDelta | ToolResult):
            self.calls_changed = True
        elif isinstance(event, TextDelta | ReasoningDelta | RefusalDelta) and event.index == 0:
            self._pending.append((_OPS[type(event)], event.text))
        elif isinstance(event, Gap):
            op = _GAP_OPS[event.field]
            self._pending.append((op, mark_after(self._last_line(op))))

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
            if not runs or runs[-1][0] != op:
                runs.append((op, []))
            runs[-1][1].append(text)
        with self._lock:
            self.phase, self.detail = "streaming", ""
            for op, texts in runs:
                text = "".join(texts)
                self._sent[op].append(text)
                messages.append(self._message(op, text=text, deltas=len(texts)))
            if self.calls_changed and completion is not None:
                messages += self._call_messages(tool_blocks(completion.tool_calls, completion.tool_results))
        return messages

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

    def end(self, completion: ChatCompletion) -> JSON:
        """Make the last message."""
        with self._lock:
            self.phase = "over"
            self.detail = why(completion)
            return self._message("end", outcome=completion.outcome, detail=self.detail, **_figures(completion))

    def restart(self, text: str) -> None:
        """Begin again with this text. It reaches the page with the next snapshot."""
        with self._lock:
            self._seq += 1
            self.phase, self.detail = "waiting", ""
            self._pending.clear()
            self._calls, self.calls_changed = (), False
            self._sent = {op: [] for op in _OPS.values()}
            self._sent["delta"].append(text)

    def snapshot(self, completion: ChatCompletion, **more: Any) -> JSON:
        """Return the whole state: the text that was sent, and the answer's figures as they are now."""
        with self._lock:
            for op, texts in self._sent.items():
                self._sent[op] = ["".join(texts)]
            return {
                "seq": self._seq,
                "phase": self.phase,
                "text": self._sent["delta"][0],
                "reasoning": self._sent["reasoning"][0],
                "refusal": self._sent["refusal"][0],
                "outcome": completion.outcome if self.phase == "over" else None,
                "detail": self.detail,
                **_facts(completion, self._calls),
                **more,
            }

    def _call_messages(self, calls: tuple[ToolCall, ...]) -> list[JSON]:
        """Make messages of the calls' new arguments. Each has its index, so the page appends to the right call."""
        messages = []
        for index, call in enumerate(calls):
            before = self._calls[index] if index < len(self._calls) else ToolCall(None, None, "")
            if call != before and call.arguments.startswith(before.arguments):
                fragment = call.arguments[len(before.arguments) :]
                messages.append(self._message("tool", index=index, name=call.name, arguments=fragment))
        self._calls, self.calls_changed = calls, False
        return messages

    def _message(self, op: str, **fields: Any) -> JSON:
        self._seq += 1
        return {"op": op, "seq": self._seq, **fields}


def state_of(completion: ChatCompletion, **more: Any) -> JSON:
    """Return the whole state of an answer without a feed, as it is now."""
    return {
        "phase": "over" if completion.outcome else "streaming",
        "text": shown(completion),
        "reasoning": shown(completion, "reasoning"),
        "refusal": shown(completion, "refusal"),
        "outcome": completion.outcome,
        "detail": why(completion),
        **_facts(completion, tool_blocks(completion.tool_calls, completion.tool_results)),
        **more,
    }


def _facts(completion: ChatCompletion, calls: tuple[ToolCall, ...]) -> JSON:
    return {
        "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in calls],
        "model": completion.model,
        "demo": completion.demo,
        "mark": completion.mark,
        **_figures(completion),
    }


def _figures(completion: ChatCompletion) -> JSON:
    timing, usage = completion.timing, completion.usage
    return {
        "timing": {
            "first_delta": None if timing.first_delta is None else round(timing.first_delta, 3),
            "total": round(timing.total, 3),
            "deltas": timing.deltas,
        },
        "tokens": usage.completion_tokens if usage else None,
        "missing": missing(completion),
    }
