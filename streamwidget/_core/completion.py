"""The result of a chat completion: :class:`ChatCompletion` and the small values in it.

A ``ChatCompletion`` is a snapshot. While the stream runs, its ``outcome`` is None. The last snapshot is final.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from streamwidget._core.cost import UNKNOWN, Cost
from streamwidget._core.events import Gap, Original, Outcome, RichOutput, StreamWarning, ToolResult, Usage
from streamwidget._core.gaps import marked
from streamwidget._core.receipt import Receipt
from streamwidget._core.visible import visible

#: The ``Server`` header of the demo server, whose answers are marked.
DEMO_SERVER = "streamwidget-demo"

#: Stands between the texts of two steps of an agent.
STEP_BREAK = "\n\n"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that the model asked for.

    Attributes
    ----------
    id : str or None
        The provider's id of the call.
    name : str or None
        The name of the tool.
    arguments : str
        JSON text, exactly as it arrived. It may be cut, and a model may write invalid JSON.

    Examples
    --------
    >>> import json
    >>> import streamwidget as sw
    >>> call = sw.ToolCall("call_1", "weather", '{"city": "Oslo"}')
    >>> json.loads(call.arguments)
    {'city': 'Oslo'}
    """

    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class Step:
    """One model call of an agent, with the results of its tools.

    Attributes
    ----------
    text : str
        The text of this call.
    reasoning : str
        Its reasoning.
    tool_calls : tuple of ToolCall
        The tools that it called.
    tool_results : tuple of ToolResult
        What they returned, as far as the stream has it.
    finish_reason : str or None
        The provider's own word for the end of this call.
    usage : Usage or None
        The token counts of this call.
    original : Original or None
        The call's answer in its provider's own form, as in :class:`ChatCompletion`.
    replaced : bool
        It is not the value that you asked for, and was asked for again. So its text is only here.

    Examples
    --------
    >>> import streamwidget as sw
    >>> conversation = sw.Conversation()
    >>> def agent(messages):
    ...     yield sw.ToolCallDelta(0, "call_1", "weather", "{}")
    ...     yield sw.ToolResult("call_1", "weather", "4 °C")
    ...     yield sw.TextDelta("It is cold.")
    ...     yield sw.Finish("stop", "complete")
    >>> completion = conversation.ask("How is the weather?", agent).wait()
    >>> [step.text for step in completion.steps], completion.text
    (['', 'It is cold.'], 'It is cold.')
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    original: Original | None = field(default=None, repr=False, compare=False)
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class Timing:
    """How fast the answer arrived.

    Attributes
    ----------
    first_delta : float or None
        Seconds from the moment when the request left to the first delta (time to first token). None before the first
        delta.
    total : float
        Seconds from the request to the end. Until now, while the stream runs.
    deltas : int
        The number of text, reasoning, refusal and tool call deltas.
    reasoning : float or None
        Seconds from the first reasoning to what followed it, or to the end. None without reasoning, and before that.

    Examples
    --------
    >>> import streamwidget as sw
    >>> timing = sw.ChatClient().stream("Name three rivers.", max_tokens=3).wait().timing
    >>> timing.deltas
    3
    >>> timing.first_delta < timing.total
    True
    """

    first_delta: float | None = None
    total: float = 0.0
    deltas: int = 0
    reasoning: float | None = None


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """What went wrong.

    Attributes
    ----------
    message : str
        One sentence. Keys in it are masked. Here and in all other texts control characters are shown as signs, because
        people print errors, and a server may put a terminal's escape sequences into them.
    code : str, int or None
        The provider's own code.
    type : str or None
        The provider's own name for this type of error.
    status : int or None
        The HTTP status of the response. None if there was no response.
    kind : str or None
        Our own name: ``connect``, ``tls``, ``proxy``, ``redirect``, the name of a limit of ``Timeout``, ...
    retry_after : float or None
        Seconds to wait, if the server asked for that.
    detail : str or None
        The server's whole text, if ``message`` is a part of it.

    Examples
    --------
    >>> import streamwidget as sw
    >>> stream = sw.ChatClient().stream("Name three rivers.", "demo-401")
    >>> try:
    ...     completion = stream.wait()
    ... except sw.StreamError as failure:
    ...     failure.error.status
    401
    """

    message: str
    code: str | int | None = None
    type: str | None = None
    status: int | None = None
    kind: str | None = None
    retry_after: float | None = None
    detail: str | None = None

    def __post_init__(self) -> None:
        for name in ("message", "code", "type", "detail"):
            value = getattr(self, name)
            if isinstance(value, str):
                object.__setattr__(self, name, visible(value))


@dataclass(frozen=True, slots=True, weakref_slot=True)  # caches hold results weakly
class ChatCompletion:
    """The answer: all that arrived so far, or in the end. ``str()`` gives the text.

    In a notebook it shows itself as the formatted answer.

    Attributes
    ----------
    text : str
        The answer, exactly as it arrived. :attr:`gaps` says where a part of it is missing. An answer that was asked
        for again, because it is not a valid value, is not in it. It is one of the :attr:`steps`.
    reasoning : str
        The model's reasoning. Empty if the provider does not send it.
    refusal : str
        The refusal that the model sent instead of text.
    tool_calls : tuple of ToolCall
        In the order of their index.
    finish_reason : str or None
        The provider's own word for the end.
    outcome : Outcome or None
        Our word for the end: ``complete``, ``length``, ``cancelled``, ... None while the stream runs.
    usage : Usage or None
        Token counts. None if the provider did not send them.
    timing : Timing
        Seconds and counts.
    warnings : tuple of StreamWarning
        One for each code, in the order of their first arrival.
    error : ErrorInfo or None
        What went wrong, if the outcome is a failure.
    model : str or None
        The model, as the provider names it.
    request_id : str or None
        The provider's id of the request. Useful in a bug report to the provider.
    demo : bool
        True for an answer of the built-in demo server.
    mark : str
        Words on who answered that everybody must see, in place of the model's name. Empty for most answers.
    gaps : tuple of Gap
        Where a part of the answer is missing. People see a mark in each of these places.
    steps : tuple of Step
        The model calls of an agent, in order. The other fields are of the whole. Empty for a plain answer, which is
        one call.
    tool_results : tuple of ToolResult
        What an agent's tools returned, as far as the stream has it. It is never part of ``text``.
    outputs : tuple of RichOutput
        What came beside the text: figures, tables, ... Each has its place in the text.
    original : Original or None
        The answer in its provider's own form, with the signatures of its thinking. A later request of a conversation
        sends it back. None if the provider does not want it back, or the answer is cut.
    cost : Cost
        What the answer costs. Unknown while it streams, and for a server or a model without a known price.
    value : object
        The answer as a value of the type that you asked for with ``as_=``. None if it is not one, and while it streams.
        The warning ``invalid_value`` then names the field and the reason. A cut answer has no value.
    value_type : ValueType or None
        What you asked for with ``as_=``.
    reused_from : float or None
        When the answer was asked for, in seconds since 1970, if it is one of an earlier run. Nothing was sent then, so
        it has no times and no usage. None: it was asked for now.
    receipt : Receipt or None
        What left the kernel for this answer. None if nothing left, or another library sent it.

    Examples
    --------
    >>> import streamwidget as sw
    >>> completion = sw.ChatClient().stream("Name three rivers.").wait()
    >>> completion.outcome
    'complete'
    >>> str(completion).splitlines()[0]
    '## Name three rivers'
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    outcome: Outcome | None = None
    usage: Usage | None = None
    timing: Timing = field(default_factory=Timing)
    warnings: tuple[StreamWarning, ...] = ()
    error: ErrorInfo | None = None
    model: str | None = None
    request_id: str | None = None
    demo: bool = False
    mark: str = ""
    gaps: tuple[Gap, ...] = ()
    steps: tuple[Step, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()
    outputs: tuple[RichOutput, ...] = ()
    original: Original | None = field(default=None, repr=False, compare=False)
    cost: Cost = UNKNOWN
    value: Any = field(default=None, compare=False)
    value_type: Any = field(default=None, repr=False, compare=False)  # a ValueType. A file's reader needs the name
    reused_from: float | None = None
    receipt: Receipt | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return self.text

    @property
    def partial(self) -> Any:
        """The part of the value that is valid so far. None if nothing is, and after a plain question.

        A number, a text or an object is a part of it once it is complete. A list has its complete rows. An object of a
        class has None in each field that is still missing and has no default.

        Examples
        --------
        >>> import streamwidget as sw
        >>> schema = {"type": "array", "items": {"type": "integer"}}
        >>> stream = sw.ChatClient().stream("Count.", demo={"text": "[1, 2, 3"}, as_=schema)
        >>> completion = stream.wait()
        >>> completion.value, completion.partial
        (None, [1, 2])
        """
        if self.value is not None or self.value_type is None:
            return self.value
        return self.value_type.partial(last_text(self))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Show the answer the way a saved notebook shows it."""
        from streamwidget._saved.answer import mimebundle

        return mimebundle(self)


def last_text(completion: ChatCompletion) -> str:
    r"""Return the text of the last step. That of a plain answer is all of its text.

    >>> last_text(ChatCompletion("a\n\nb", steps=(Step("a"), Step("b")))), last_text(ChatCompletion("a"))
    ('b', 'a')
    """
    return completion.steps[-1].text if completion.steps else completion.text


def shown(completion: ChatCompletion, field: Literal["text", "reasoning", "refusal"] = "text") -> str:
    """Return a text of an answer as people see it, with a mark in each gap.

    >>> shown(ChatCompletion(text="5 mg, twice", gaps=(Gap("text", 6),)))
    '5 mg, …[a part is missing here]…twice'
    """
    text: str = getattr(completion, field)
    return marked(text, sorted(gap.place for gap in completion.gaps if gap.field == field))


def shown_steps(completion: ChatCompletion) -> tuple[Step, ...]:
    r"""Return the steps of an answer as people see them, with marks in their gaps. The last one is the answer itself.

    A step that brought neither text nor a tool call is left out. A plain answer is one step.

    Examples
    --------
    >>> look, answer = Step("I look.", tool_calls=(ToolCall("1", "look", "{}"),)), Step("It is cold.")
    >>> completion = ChatCompletion("I look.\n\nIt is cold.", steps=(look, answer, Step()))
    >>> [step.text for step in shown_steps(completion)]
    ['I look.', 'It is cold.']
    >>> [step.text for step in shown_steps(ChatCompletion("It is cold."))]
    ['It is cold.']
    """
    if not completion.steps:
        return (Step(shown(completion), "", completion.tool_calls, completion.tool_results),)
    places = deque(sorted(gap.place for gap in completion.gaps if gap.field == "text"))
    steps, start = [], 0
    for step in completion.steps:
        if step.replaced:
            steps.append(step)
            continue
        start = max(completion.text.find(step.text, start), start)  # between two of them stands only a blank line
        end, inside = start + len(step.text), []
        while places and places[0] <= end:
            inside.append(max(places.popleft() - start, 0))
        if step.text.strip() or step.tool_calls or step.tool_results:
            steps.append(replace(step, text=marked(step.text, inside)))
        start = end
    return tuple(steps) or (Step(),)


def shown_outputs(completion: ChatCompletion) -> tuple[tuple[int, RichOutput], ...]:
    """Return what came beside the text, each with its place in the text of the last of the steps that are shown.

    What came in an earlier step of an agent stands at the beginning of that text. So no fold hides it.

    Examples
    --------
    >>> completion = ChatCompletion("5 mg, twice", gaps=(Gap("text", 6),), outputs=(RichOutput({}, place=11),))
    >>> [place == len(shown(completion)) for place, _ in shown_outputs(completion)]
    [True]
    """
    if not completion.outputs:
        return ()
    text = completion.text
    start = len(text) - len(completion.steps[-1].text) if completion.steps else 0
    gaps = sorted(gap.place - start for gap in completion.gaps if gap.field == "text" and gap.place >= start)
    end = len(shown_steps(completion)[-1].text)
    found = []
    for output in completion.outputs:
        before = text[start : max(start, output.place)]
        found.append((min(len(marked(before, [gap for gap in gaps if gap <= len(before)])), end), output))
    return tuple(found)


def split_at_outputs(completion: ChatCompletion, text: str) -> list[str | RichOutput]:
    """Return the text of the last step, and what came beside it, in their order.

    Examples
    --------
    >>> output = RichOutput({}, place=4)
    >>> split_at_outputs(ChatCompletion("One.Two.", outputs=(output,)), "One.Two.") == ["One.", output, "Two."]
    True
    """
    parts: list[str | RichOutput] = []
    start = 0
    for place, output in shown_outputs(completion):
        parts += [text[start:place], output] if place > start else [output]
        start = max(start, place)
    return [*parts, text[start:]] if text[start:] or not parts else parts


def why(completion: ChatCompletion) -> str:
    """Return the reason for the end, or an empty text.

    It is a sentence for a failure. It is "because ..." for a stream that no person stopped, and "by you (...)" for a
    Stop that did not reach the source.
    """
    if completion.error is not None:
        return completion.error.message
    said = {warning.code: warning.detail for warning in completion.warnings}
    stopped, left_behind = said.get("stopped", ""), said.get("not_stopped")
    return f"{stopped or 'by you'} ({left_behind})" if left_behind else stopped


#: The codes of the warnings that a person must see: a part is missing, the end is in doubt, or nothing was asked now.
_LOSSES = frozenset(
    {
        *("bad_json", "truncated_event", "unreadable_characters", "rewritten", "other_role"),
        *("left_out", "unknown_finish_reason", "end_explained", "other_model", "tool_failed", "max_text", "max_steps"),
        *("invalid_value", "value_not_checked", "schema_refused", "not_asked", "reused", "went_on", "continued"),
    }
)


def missing(completion: ChatCompletion) -> str:
    """Return what is missing in an answer, for the line under it. Empty where nothing is."""
    return " · ".join(warning.detail for warning in completion.warnings if warning.code in _LOSSES)


def tool_blocks(step: Step) -> tuple[ToolCall, ...]:
    r"""Return the calls of a step for a view: the arguments of each, and below them the tool's result.

    A result only ever adds to the end of a block. A result without a call is a block of its own.

    Examples
    --------
    >>> tool_blocks(Step("", "", (ToolCall("1", "look", "{}"),), (ToolResult("1", "look", "4 °C"),)))
    (ToolCall(id='1', name='look', arguments='{}\n\nResult:\n4 °C'),)
    """
    blocks = list(step.tool_calls)
    waiting: defaultdict[tuple[str, str | None], deque[int]] = defaultdict(deque)  # the places of calls
    for place, call in enumerate(step.tool_calls):
        waiting["id", call.id].append(place)
        waiting["name", call.name].append(place)
    answered: set[int] = set()
    for result in step.tool_results:
        places = waiting[("id", result.id) if result.id else ("name", result.name)]
        while places and places[0] in answered:
            places.popleft()
        if places:
            place = places.popleft()
            answered.add(place)
            call = blocks[place]
            blocks[place] = replace(call, arguments=f"{call.arguments}\n\n{result_head(result)}:\n{result.text}")
        else:
            blocks.append(ToolCall(result.id, result.name, f"{result_head(result)}:\n{result.text}"))
    return tuple(blocks)


def result_head(result: ToolResult) -> str:
    """Return the words before what a tool returned.

    Examples
    --------
    >>> result_head(ToolResult("1", "look", "4 °C")), result_head(ToolResult("1", "look", "?", True, 0.42))
    ('Result', 'Error after 0.4 s')
    """
    head = "Error" if result.error else "Result"
    return head if result.seconds is None else f"{head} after {result.seconds:.1f} s"
