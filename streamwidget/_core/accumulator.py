r"""The accumulator: it adds up the deltas of one answer. No other object owns the text.

Rules
-----
- All published text is well formed. Half of a surrogate pair at the end of a delta waits for the next delta.
  Every other lone surrogate becomes U+FFFD. Example: ``"a\ud83d"``, ``"\ude00"`` -> ``"a"``, ``"😀"``.
- The published deltas of text, reasoning and refusal join to the whole. In the arguments of a tool call the halves are
  joined in the whole only. One exception: after a ``TextWasReasoning`` the text begins anew, and the text before it is
  reasoning.
- An unreadable event leaves a gap in the text after it. Example: ``"5 mg,"``, an unreadable event,
  ``" more"`` -> ``Gap("text", 5)``. Before a tool call's next arguments, and after the provider's word for the end, it
  leaves none.
- Only choice 0 is kept. Deltas of other choices are published, but not added up.
- An agent's stream has several steps. A delta after a tool's result begins the next one. A blank line separates their
  texts. Example: ``"I look."``, a result, ``"It is 4 °C."`` -> ``"I look.\n\nIt is 4 °C."``.
- An invalid value is asked for again. The old answer leaves the text, and stays in the steps. The text
  then begins anew, after those of the steps before. Example: ``'{"km": "x"}'``, ``'{"km": 1}'`` -> ``'{"km": 1}'``.
- One thread applies events. Any thread may read, and a reader never changes the writer's list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any, Literal

from streamwidget._core.completion import STEP_BREAK, ChatCompletion, Step, ToolCall
from streamwidget._core.counted import counted
from streamwidget._core.events import (
    Finish,
    Gap,
    Identity,
    LeftOut,
    Lost,
    NewStep,
    Original,
    ParsedEvent,
    ReasoningDelta,
    RefusalDelta,
    RichOutput,
    StreamEvent,
    StreamWarning,
    TextDelta,
    TextWasReasoning,
    ToolCallDelta,
    ToolResult,
    Usage,
)
from streamwidget._core.growing_calls import GrowingCalls
from streamwidget._core.growing_text import GrowingText
from streamwidget._core.seam import Seam
from streamwidget._core.surrogates import ends_high, well_formed
from streamwidget._core.thinking import ThinkTags

#: Characters of an answer. A longer one would fill the memory, the notebook's file and the page.
MAX_TEXT = 16 * 2**20
_CALL = 64  # characters of a fragment of a tool call besides its arguments, roughly
_MOST_KEYS = 1000  # of one kind of parts left out
_Delta = TextDelta | ReasoningDelta | RefusalDelta
_FIELDS: dict[type[_Delta], Literal["text", "reasoning", "refusal"]] = {
    TextDelta: "text",
    ReasoningDelta: "reasoning",
    RefusalDelta: "refusal",
}


def is_piece(event: StreamEvent) -> bool:
    """Return True for a piece of the answer. A piece of another choice is not one."""
    return isinstance(event, ToolCallDelta) or (isinstance(event, _Delta) and event.index == 0)


class _Earlier:
    """The steps before this one, and the places of its own texts."""

    __slots__ = ("own_usage", "reasoning", "steps", "text", "usage")

    def __init__(self) -> None:
        self.steps: tuple[Step, ...] = ()
        self.text = self.reasoning = 0
        self.usage: Usage | None = None  # of the steps before
        self.own_usage: Usage | None = None  # of this step


class Accumulator:
    """Add up the events of one stream.

    Parameters
    ----------
    so_far : ChatCompletion or None, default None
        The beginning of the answer, from the continued stream.
    resumes : bool, default False
        The provider goes on with its own parts of ``so_far``, so the new ones belong to them.
    seam : Seam, optional
        Joins the rest of an answer to ``so_far``.
    as_sent : bool, default False
        True leaves thoughts without a beginning in the text. So the text only grows.

    Attributes
    ----------
    delta_count : int
        Text, reasoning, refusal and tool call deltas so far, without empty ones.
    size : int
        About how many characters arrived: of text, reasoning, refusal, tool calls and their results.
    usage : Usage or None
        The last one that arrived.
    finish_reason : str or None
        The last one that arrived.
    finish : Finish or None
        The provider's last reason for the end. None again if more of the answer came after it.
    model, request_id : str or None
        The first ones that arrived.
    """

    def __init__(
        self,
        so_far: ChatCompletion | None = None,
        *,
        resumes: bool = False,
        seam: Seam | None = None,
        as_sent: bool = False,
    ) -> None:
        text = so_far.text if so_far else ""
        self.delta_count = 0
        self.size = 0
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self.model: str | None = None
        self.request_id: str | None = None
        self._text = GrowingText()
        self._texts: dict[type[_Delta], GrowingText] = {
            TextDelta: self._text,
            ReasoningDelta: GrowingText(),
            RefusalDelta: GrowingText(),
        }
        self._text.append(text)
        self._original: Original | None = None
        self._resumed = so_far.original if so_far and resumes else None
        self._continues = so_far is not None  # the provider's parts are then not the whole answer
        self.finish: Finish | None = None
        self._thoughts = ThinkTags(needs_begin=as_sent)
        self._thoughts.is_open = not text
        self._seam = seam or Seam("", continues=False)
        self._gaps = dict.fromkeys(gap for gap in (so_far.gaps if so_far else ()) if gap.field == "text")  # in order
        self._lost = False  # something was lost, and nothing has come after it
        self._left_out: dict[str, LeftOut] = {}
        self._calls = GrowingCalls()
        self._results: list[ToolResult] = []
        self._outputs = so_far.outputs if so_far else ()
        self._earlier = _Earlier()
        #: The next delta of these kinds begins a paragraph, because a step has begun. After a ToolResult, one begins.
        self._paragraphs: set[type[_Delta | ToolResult]] = set()
        self._held: dict[tuple[type[_Delta], int], str] = {}  # first halves of surrogate pairs
        self._warnings: dict[str, StreamWarning] = {}
        self._before = 0  # the deltas of earlier calls

    def begin_call(self, *, replaces: bool = False) -> list[StreamEvent]:
        """Begin the answer to another request of this stream. It is a step of its own. Return the events to publish.

        The fields of a single answer begin anew. An attempt without events leaves nothing.
        ``replaces``: the answer so far is asked for again.
        """
        self._lost &= self.has_begun
        begun, steps = self._earlier.text, self._earlier.steps
        published = [*self.flush(), *self.take([NewStep()])]
        if replaces and self._earlier.steps is not steps:
            self._take_back(begun)
        self._thoughts = ThinkTags(needs_begin=True)
        self._lost = self._continues = False
        self._original = self._resumed = self.finish = self.finish_reason = self._earlier.own_usage = None
        self._before = self.delta_count
        return published

    @property
    def calls_tools(self) -> bool:
        """True if this step has a tool call."""
        return bool(self._calls)

    @property
    def step_usage(self) -> Usage | None:
        """The provider's counts for this step alone."""
        return self._earlier.own_usage

    @property
    def has_begun(self) -> bool:
        """True once this call of the model brought a delta."""
        return self.delta_count > self._before

    def identify(self) -> tuple[ToolCall, ...]:
        """Give each tool call of this step an id of its own, if it has none or shares one. Return the calls."""
        self._calls.identify({call.id for step in self._earlier.steps for call in step.tool_calls})
        return self._calls.whole

    @property
    def text(self) -> str:
        """The answer's text so far."""
        return str(self._text)

    @property
    def length(self) -> int:
        """The length of :attr:`text` in code points, without joining it."""
        return self._text.length

    @property
    def holds_text(self) -> bool:
        """True if text is held back as the possible beginning of a thought."""
        return self._thoughts.holds_text or self._seam.holds_text

    @property
    def reasoning(self) -> str:
        """The model's reasoning so far."""
        return str(self._texts[ReasoningDelta])

    @property
    def refusal(self) -> str:
        """The refusal so far."""
        return str(self._texts[RefusalDelta])

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls so far, step by step, in the order of their index."""
        return tuple(call for step in self._earlier.steps for call in step.tool_calls) + self._calls.whole

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """The tools' results so far."""
        return (*(result for step in self._earlier.steps for result in step.tool_results), *self._results)

    @property
    def last_text(self) -> str:
        """The text of this step. A plain answer has one step."""
        return self._of_this_step(self.text, self._earlier.text)

    def _of_this_step(self, whole: str, begun: int) -> str:
        part = whole[begun:]
        return part.removeprefix(STEP_BREAK) if self._earlier.steps else part

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of an agent so far. Empty for a plain answer."""
        return (*self._earlier.steps, self._step()) if self._earlier.steps else ()

    @property
    def warnings(self) -> tuple[StreamWarning, ...]:
        """One warning for each code, with its latest detail, in the order of their first arrival."""
        return tuple(self._warnings.copy().values())

    @property
    def outputs(self) -> tuple[RichOutput, ...]:
        """The outputs beside the text, in order."""
        return self._outputs

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The places of missing parts, in order."""
        return tuple(self._gaps)

    def take(self, parsed: Iterable[ParsedEvent]) -> list[StreamEvent]:
        """Add the events of one item. Return those to publish, without the :class:`Finish`."""
        if self._seam.is_open:
            parsed = [found for event in parsed for found in self._seam.split(event)]
        if self._thoughts.is_open:
            parsed = [found for event in parsed for found in self._thoughts.split(event)]
        published: list[StreamEvent] = []
        for event in parsed:
            if self._lost and isinstance(event, Finish | TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta):
                published += self._mark(event)
            steps = self._earlier.steps
            done = self.apply(event)
            if self._earlier.steps is not steps:
                published.append(NewStep())
            if isinstance(done, Finish):
                self.finish = done
            elif done is not None:
                published.append(done)
                if self.finish is not None and is_piece(done):
                    self.finish = None  # more came after the word for the end, so it was not the end
        return published

    def apply(self, event: ParsedEvent) -> StreamEvent | None:
        """Add one event. Return the event to publish, or None."""
        if isinstance(event, TextDelta):
            text = event.text
            if text.isascii() and not self._held and event.index == 0 and not self._paragraphs:  # the usual case
                if not text:
                    return None
                self._text.append(text)
                self.size += len(text)
                self.delta_count += 1
                self.finish_reason = None  # more text follows, so the word for the end was not one
                return event
            return self._apply_delta(event)
        if isinstance(event, ReasoningDelta | RefusalDelta):
            return self._apply_delta(event)
        if isinstance(event, ToolCallDelta):
            return self._apply_tool_call(event)
        return self._apply_other(event)

    def _apply_other(self, event: ParsedEvent) -> StreamEvent | None:
        """Add any other event than a delta."""
        if isinstance(event, ToolResult):
            return self._apply_result(event)
        if isinstance(event, NewStep):
            self._begin_step()
            return None
        if isinstance(event, Identity):
            self.model = self.model or (event.model and well_formed(event.model))
            self.request_id = self.request_id or (event.request_id and well_formed(event.request_id))
            return None
        if isinstance(event, Lost):
            self._lost = True
            return None
        if isinstance(event, TextWasReasoning):
            return self._apply_move(event)
        if isinstance(event, RichOutput):
            event = replace(event, place=self.length)
            self._outputs = (*self._outputs, event)
            return event
        if isinstance(event, Original):
            earlier = self._resumed.parts if self._resumed is not None else ()
            is_whole = not self._continues or bool(earlier)
            self._original = replace(event, parts=(*earlier, *event.parts)) if is_whole else None
            return None
        if isinstance(event, LeftOut):
            return self.apply(StreamWarning("left_out", self._name(event)))
        if isinstance(event, StreamWarning):
            known = event.code in self._warnings
            self._warnings[event.code] = event
            return None if known else event
        if isinstance(event, Usage):
            self._earlier.own_usage = event
            self.usage = event = _sum(self._earlier.usage, event)
        elif isinstance(event, Finish) and event.reason:
            self.finish_reason = well_formed(event.reason)
        return event

    def _apply_move(self, event: TextWasReasoning) -> StreamEvent | None:
        """Make all text so far reasoning. After a step or other reasoning it is the answer's own."""
        text = self.text
        reasoning = text.strip()
        if not reasoning or self._earlier.steps or self._texts[ReasoningDelta].length:
            return None
        before = len(text) - len(text.lstrip())
        self._texts[ReasoningDelta].append(reasoning)
        self._text = self._texts[TextDelta] = GrowingText()
        self._outputs = tuple(replace(output, place=0) for output in self._outputs)
        places = (min(max(0, gap.place - before), len(reasoning)) for gap in self._gaps)
        self._gaps = dict.fromkeys(Gap("reasoning", place) for place in places)
        return event

    def flush(self) -> list[StreamEvent]:
        """End the stream. Held text is released, and half a character becomes U+FFFD.

        Return the deltas to publish.
        """
        reason, finish = self.finish_reason, self.finish
        released = [*self.take(self._seam.flush()), *self.take(self._thoughts.flush())]
        held, self._held = self._held, {}
        released += [self._keep(kind("\ufffd", index)) for kind, index in held]
        self.finish_reason, self.finish = reason, finish  # this text came before the word for the end
        if self._lost and finish is None:
            released += self._mark(None)
        if unreadable := self.text.count("\ufffd"):
            detail = f"{counted(unreadable, 'character')} could not be read (\ufffd)"
            warning = self.apply(StreamWarning("unreadable_characters", detail))
            released += [] if warning is None else [warning]
        return released

    def cut(self, limit: int) -> list[StreamEvent]:
        """End an answer of more than ``limit`` characters. The text so far is kept. Return the events to publish."""
        published = self.flush()
        detail = f"cut by streamwidget: the answer is longer than {limit:,} characters"
        warning = self.apply(StreamWarning("max_text", detail))
        return published if warning is None else [*published, warning]

    def snapshot(self, **rest: Any) -> ChatCompletion:
        """Return the answer so far. ``rest`` sets the other fields (outcome, timing, ...), and overrides these."""
        known: dict[str, Any] = {
            "text": self.text,
            "reasoning": self.reasoning,
            "refusal": self.refusal,
            "tool_calls": self.tool_calls,
            "finish_reason": self.finish_reason,
            "usage": self.usage,
            "steps": self.steps,
            "tool_results": self.tool_results,
            "warnings": self.warnings,
            "model": self.model,
            "request_id": self.request_id,
            "gaps": self.gaps,
            "outputs": self.outputs,
            "original": self._original,
        }
        return ChatCompletion(**(known | rest))

    def _mark(self, following: ParsedEvent | None) -> list[StreamEvent]:
        """Make the gap before an event, or at the end of the text. Return it, to publish it."""
        if isinstance(following, TextDelta | ReasoningDelta | RefusalDelta):
            if following.index != 0 or not following.text:
                return []  # nothing has come yet
            kind: type[_Delta] = type(following)
        else:
            kind = TextDelta
        self._lost = False
        if (following is None and not self.delta_count) or (isinstance(following, Finish) and self.finish is not None):
            return []  # there is nothing to be missing in, or the answer had ended before
        if isinstance(following, ToolCallDelta) and not (following.id or following.name):
            return []  # a call's arguments are for a program. The line under the answer names the loss.
        gap = Gap(_FIELDS[kind], self._texts[kind].length)
        if gap in self._gaps:
            return []
        self._gaps[gap] = None
        return [gap]

    def _name(self, event: LeftOut) -> str:
        """Add to the parts left out. Return them all in words: ``left out: web search results, 2 citations``."""
        known = self._left_out.get(event.what, event)
        keys = tuple(dict.fromkeys(known.keys + event.keys))[:_MOST_KEYS]
        self._left_out[event.what] = replace(event, keys=keys)
        named = [
            f"{len(kind.keys)} {kind.one if len(kind.keys) == 1 else kind.what}" if kind.keys else kind.what
            for kind in self._left_out.values()
        ]
        return f"left out: {', '.join(named)}"

    def _apply_delta(self, event: _Delta) -> StreamEvent | None:
        text = event.text
        if not text:
            return None
        self._after_result()
        if type(event) in self._paragraphs:
            self._paragraphs.discard(type(event))
            text = text if text[0].isspace() else STEP_BREAK + text
        key = (type(event), event.index)
        text = self._held.pop(key, "") + text
        if ends_high(text):
            self._held[key] = text[-1]
            text = text[:-1]
        text = well_formed(text)
        if not text:
            return None
        return self._keep(event if text == event.text else replace(event, text=text))

    def _keep(self, delta: _Delta) -> StreamEvent:
        self.delta_count += 1
        if delta.index == 0:
            self._texts[type(delta)].append(delta.text)
            self.size += len(delta.text)
            self.finish_reason = None
        return delta

    def _apply_tool_call(self, event: ToolCallDelta) -> StreamEvent | None:
        if not (event.id or event.name or event.arguments):
            return None
        self._after_result()
        fresh = self._calls.add(event)
        if fresh is None:
            return None
        self.size += len(fresh.arguments) + _CALL
        self.delta_count += 1
        self.finish_reason = None
        return replace(
            fresh,
            id=fresh.id and well_formed(fresh.id),
            name=fresh.name and well_formed(fresh.name),
            arguments=well_formed(fresh.arguments),
        )

    def _apply_result(self, event: ToolResult) -> ToolResult:
        name = event.name or (self._calls.name_of(well_formed(event.id)) if event.id else None)
        text = well_formed(event.text)
        result = replace(event, id=event.id and well_formed(event.id), name=name and well_formed(name), text=text)
        self._results.append(result)
        self.size += len(result.text) + _CALL
        self._paragraphs.add(ToolResult)
        return result

    def _after_result(self) -> None:
        if ToolResult in self._paragraphs:
            self._begin_step()

    def _begin_step(self) -> None:
        """Close the step so far, unless it is empty."""
        step, earlier = self._step(), self._earlier
        self._paragraphs.discard(ToolResult)
        if not (step.text.strip() or step.reasoning.strip() or step.tool_calls or step.tool_results):
            return
        earlier.steps = (*earlier.steps, step)
        earlier.text, earlier.reasoning = self.length, self._texts[ReasoningDelta].length
        earlier.usage, earlier.own_usage = self.usage, None
        self._calls, self._results = GrowingCalls(), []
        self._paragraphs = {kind for kind, text in self._texts.items() if text.length}

    def _take_back(self, begun: int) -> None:
        """Take the text of the last step out of the whole. Before it are ``begun`` characters."""
        earlier, text = self._earlier, self.text[:begun]
        earlier.steps = (*earlier.steps[:-1], replace(earlier.steps[-1], replaced=True))
        earlier.text = begun
        self._text = self._texts[TextDelta] = GrowingText()
        self._text.append(text)
        self._outputs = tuple(replace(output, place=min(output.place, begun)) for output in self._outputs)
        self._gaps = dict.fromkeys(gap for gap in self._gaps if gap.field != "text" or gap.place <= begun)
        if not begun:
            self._paragraphs.discard(TextDelta)

    def _step(self) -> Step:
        earlier = self._earlier
        return Step(
            self.last_text,
            self._of_this_step(self.reasoning, earlier.reasoning),
            self._calls.whole,
            tuple(self._results),
            self.finish_reason,
            earlier.own_usage,
            self._original,
        )


def _sum(before: Usage | None, usage: Usage) -> Usage:
    """Add the counts of a step to those of the steps before it."""
    if before is None:
        return usage
    counts = ((getattr(before, field.name), getattr(usage, field.name)) for field in fields(Usage))
    return Usage(*(None if one is None and two is None else (one or 0) + (two or 0) for one, two in counts))
