"""The events of a stream: one frozen value for each thing that happens, in order.

These are the public ``StreamEvent`` values. Each describes something the *provider* sent or something the *client* did.
:mod:`streamwidget._client.sse` reads them off the wire. :mod:`streamwidget._core.accumulator` adds them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Outcome: TypeAlias = Literal[
    "complete",  # the provider said the answer is whole
    "length",  # cut at the token limit (finish_reason "length")
    "filtered",  # cut by a content filter (finish_reason "content_filter")
    "cancelled",  # you stopped it: Stop, interrupt, cancel(), close()
    "interrupted",  # the connection ended with neither finish_reason nor [DONE]
    "timeout",  # one of the limits in Timeout passed
    "error",  # the server reported an error in the stream
    "http_error",  # no answer: connection, TLS, proxy, or an HTTP error status
    "protocol_error",  # the response is not a chat completion
]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text.

    Attributes
    ----------
    text : str
        The new characters.
    index : int, default 0
        The choice it belongs to. Always 0, unless the request asked for several answers with ``n``.

    Examples
    --------
    >>> import streamwidget as sw
    >>> "".join(delta.text for delta in [sw.TextDelta("Elbe, "), sw.TextDelta("Po")])
    'Elbe, Po'
    """

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the model's reasoning. Only some providers send it.

    Attributes
    ----------
    text : str
        The new characters.
    index : int, default 0
        The choice it belongs to.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.ReasoningDelta("The Elbe is long.")
    ReasoningDelta(text='The Elbe is long.', index=0)
    """

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """A piece of a refusal. The model sends it instead of text.

    Attributes
    ----------
    text : str
        The new characters.
    index : int, default 0
        The choice it belongs to.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.RefusalDelta("I cannot help with that.").text
    'I cannot help with that.'
    """

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call. One call usually arrives in many pieces.

    Attributes
    ----------
    index : int or None
        The position of the call among the calls of this answer. None if the provider did not send one.
    id : str or None
        The provider's id of the call. Usually only the first piece has it.
    name : str or None
        The name of the tool. Usually only the first piece has it.
    arguments : str
        A fragment of JSON text.

    Examples
    --------
    >>> import streamwidget as sw
    >>> pieces = [sw.ToolCallDelta(0, "call_1", "weather", '{"ci'), sw.ToolCallDelta(0, None, None, 'ty": "Oslo"}')]
    >>> "".join(piece.arguments for piece in pieces)
    '{"city": "Oslo"}'
    """

    index: int | None
    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool returned. It is never text of the answer.

    Attributes
    ----------
    id : str or None
        The id of the call that it answers. None: it answers the latest call of this name.
    name : str or None
        The name of the tool.
    text : str
        The result as text.
    error : bool
        True if the tool failed, was refused or was stopped. The text says why.
    seconds : float or None
        How long it ran. None if that is not known.
    images : tuple of str
        Images that it returned, as ``data:`` URLs.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.ToolResult("call_1", "weather", "4 °C").text
    '4 °C'
    """

    id: str | None
    name: str | None
    text: str
    error: bool = False
    seconds: float | None = None
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Consent:
    """A tool that waits until a person lets it run. See :class:`ConsentNeeded`.

    Attributes
    ----------
    key : str
        Its name in :meth:`ChatStream.confirm`. Nobody can guess it.
    id : str or None
        The provider's id of the call.
    name : str
        The name of the tool.
    arguments : str
        What the model wrote, as JSON.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.Consent("k", "call_1", "weather", '{"city": "Oslo"}').name
    'weather'
    """

    key: str
    id: str | None
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """Tools wait for a person. It comes again when one of them is answered.

    Attributes
    ----------
    consents : tuple of Consent
        All that wait now. Empty: none waits any more.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.ConsentNeeded(()).consents
    ()
    """

    consents: tuple[Consent, ...]


@dataclass(frozen=True, slots=True)
class NewStep:
    """An agent calls a model once more. What comes from now on belongs to its next step.

    A delta after a tool's result begins a step too, so that few agents need to send this event.

    Examples
    --------
    >>> import streamwidget as sw
    >>> def agent(messages):
    ...     yield from [sw.TextDelta("I look."), sw.NewStep(), sw.TextDelta("It is cold.")]
    ...     yield sw.Finish("stop", "complete")
    >>> completion = sw.Conversation().ask("How is the weather?", agent).wait()
    >>> [step.text for step in completion.steps]
    ['I look.', 'It is cold.']
    """


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of the whole request, as the provider counts them. A later event replaces an earlier one.

    Attributes
    ----------
    prompt_tokens : int or None
        Tokens of the request. None, here and below, if the provider does not report it.
    completion_tokens : int or None
        Tokens of the answer.
    total_tokens : int or None
        Tokens of both.
    cached_tokens : int or None
        Those of the request that the provider had in its cache.
    reasoning_tokens : int or None
        Those of the answer that are reasoning.
    cost : float or None
        What the provider charges, in US dollars. OpenRouter sends it. :attr:`ChatCompletion.cost` has the cost of the
        answers of other providers too.
    cache_write_tokens : int or None
        Those of the request that the provider has put into its cache.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.ChatClient().stream("Name three rivers.", max_tokens=3).wait().usage.completion_tokens
    3
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None
    cache_write_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The request failed before its first delta. It is sent again.

    Attributes
    ----------
    attempt : int
        The number of the next attempt. The first retry is attempt 2.
    delay : float
        Seconds until it starts.
    reason : str
        One sentence about the failure.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.Retry(attempt=2, delay=0.5, reason="The server is overloaded.").attempt
    2
    """

    attempt: int
    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of the stream. It is always the last event, and comes once.

    Attributes
    ----------
    reason : str or None
        The provider's own word (finish_reason). None if it did not send one.
    outcome : Outcome
        How the stream ended, in our words.

    Examples
    --------
    >>> import streamwidget as sw
    >>> events = []
    >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
    >>> unsubscribe = stream.subscribe(events.extend)
    >>> completion = stream.wait()
    >>> events[-1]
    Finish(reason='length', outcome='length')
    """

    reason: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Waiting:
    """The request waits for something before it is sent, such as a model that loads (``provider="local"``).

    Attributes
    ----------
    reason : str
        What it waits for. Empty: now it is sent.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.Waiting("SmolLM2-135M-Instruct is loading").reason
    'SmolLM2-135M-Instruct is loading'
    """

    reason: str


@dataclass(frozen=True, slots=True)
class StreamWarning:
    """Something was odd, but the stream went on.

    Attributes
    ----------
    code : str
        A short name for programs.
    detail : str
        One sentence for people.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.StreamWarning("no_finish_reason", "the provider ended its answer without a finish_reason").code
    'no_finish_reason'
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the answer is missing here: the client could not read what the provider sent.

    Attributes
    ----------
    field : str
        The field of the :class:`ChatCompletion`: ``text``, ``reasoning`` or ``refusal``.
    place : int
        Between which characters: ``completion.text[:place]`` came before the gap.

    Examples
    --------
    >>> import streamwidget as sw
    >>> text, gap = "5 mg, more than twice", sw.Gap("text", 6)
    >>> text[: gap.place], text[gap.place :]
    ('5 mg, ', 'more than twice')
    """

    field: Literal["text", "reasoning", "refusal"]
    place: int


@dataclass(frozen=True, slots=True)
class TextWasReasoning:
    """All text so far was reasoning. The model's thoughts ended, and their beginning was not marked.

    A chat template may begin the answer inside the thoughts. The server then sends ``Two rivers.</think>Rhine``. The
    thoughts arrive as text deltas. At their end comes this event. The text of the answer begins after it.

    Examples
    --------
    >>> import streamwidget as sw
    >>> def model(messages):
    ...     yield from ["Two rivers.", "</think>", "Rhine"]
    >>> stream, events = sw.Conversation().ask("Name a river.", model), []
    >>> unsubscribe = stream.subscribe(events.extend)
    >>> completion = stream.wait()
    >>> events[:3]
    [TextDelta(text='Two rivers.', index=0), TextWasReasoning(), TextDelta(text='Rhine', index=0)]
    >>> completion.reasoning, completion.text
    ('Two rivers.', 'Rhine')
    """


@dataclass(frozen=True, slots=True, repr=False)
class RichOutput:
    """Something beside text in an answer, such as a figure or a table. A callable model yields the object itself.

    Attributes
    ----------
    data : mapping
        Its formats by media type, as a notebook stores them. A picture is in base64.
    metadata : mapping
        What else is known of a format, by media type.
    place : int
        Between which characters: ``completion.text[:place]`` came before it.
    cut : str
        What was too large and is left out. Empty: nothing.
    trusted : bool
        True for an object of this kernel. One from a file is shown without its HTML.

    Examples
    --------
    >>> import streamwidget as sw
    >>> class Table:
    ...     def _repr_html_(self):
    ...         return "<b>1</b>"
    ...     def __repr__(self):
    ...         return "1"
    >>> def model(messages):
    ...     yield "The table: "
    ...     yield Table()
    >>> completion = sw.Conversation().ask("Show it.", model).wait()
    >>> completion.outputs[0].place, dict(completion.outputs[0].data)
    (11, {'text/html': '<b>1</b>', 'text/plain': '1'})
    """

    data: Mapping[str, object] = field(hash=False)
    metadata: Mapping[str, object] = field(default_factory=dict, hash=False)
    place: int = 0
    cut: str = ""
    trusted: bool = False

    def __repr__(self) -> str:
        return f"RichOutput({', '.join([*self.data, f'place={self.place}'])})"  # without a picture's data

    def format(self, media_type: str) -> str:
        """Return one of its formats, or an empty text.

        Parameters
        ----------
        media_type : str
            Such as ``text/html``.

        Returns
        -------
        str
            Empty also for a format that is not a text.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.RichOutput({"text/plain": "1"}).format("text/plain")
        '1'
        """
        value = self.data.get(media_type, "")
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            return "".join(value)  # as a notebook's file may have it
        return value if isinstance(value, str) else ""


#: The events that add to an answer.
DELTAS = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta)

StreamEvent: TypeAlias = (
    TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ToolCallDelta
    | ToolResult
    | ConsentNeeded
    | NewStep
    | Usage
    | Waiting
    | Retry
    | Finish
    | StreamWarning
    | Gap
    | TextWasReasoning
    | RichOutput
)


@dataclass(frozen=True, slots=True)
class Identity:
    """The provider's names for the model and for the answer. The accumulator keeps them. They are not published."""

    model: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that may be a part of the answer could not be read. The accumulator makes a :class:`Gap` of it."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of the answer that is read and not shown. The accumulator names all of them in one warning.

    Attributes
    ----------
    what : str
        In words: ``citations``, ``web search results``.
    one : str
        The words for one of it: ``citation``. Empty if it is not counted.
    keys : tuple of str
        One for each. A provider that sends the same one again sends the same key.
    """

    what: str
    one: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Original:
    """The whole answer in its provider's own form, for the next request. Thinking and its signatures are in it.

    The accumulator keeps it. It is not published.

    Attributes
    ----------
    dialect : str
        The name of the dialect that wrote it. No other one can send it.
    parts : tuple
        Blocks, items or parts, in the order of the answer.
    """

    dialect: str
    parts: tuple[dict[str, Any], ...]


ParsedEvent: TypeAlias = StreamEvent | Identity | Lost | LeftOut | Original
