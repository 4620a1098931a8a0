"""Reads chat completions: JSON from our own requests, and chunks and events from the openai SDK and LiteLLM.

Servers differ, so much is accepted: a missing ``index``, ``delta: null``, ``message`` instead of ``delta``, an empty
``finish_reason``. But nothing that an answer holds is lost in silence. What is not shown is named
(:mod:`~streamwidget._dialects.left_out`), and what stands twice is taken once (:mod:`~streamwidget._dialects.repeats`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from streamwidget._core.events import (
    DELTAS,
    Finish,
    Identity,
    LeftOut,
    ParsedEvent,
    ReasoningDelta,
    RefusalDelta,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from streamwidget._dialects.dialect import MalformedItem, Reader, ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.fields import as_text, count, field, items, number, plain, word
from streamwidget._dialects.finish_reasons import finish, outcome_of, reason_of
from streamwidget._dialects.left_out import left_out, unknown_part, unread
from streamwidget._dialects.repeats import Once, new_in_message, new_in_piece

#: One thought under several names: servers that send two of them send the same text twice.
_THOUGHTS = ("reasoning", "reasoning_content", "thinking", "reasoning_text", "reasoning_details", "thinking_blocks")
_OTHERS = ("tool", "function", "system", "user", "developer", "ipython")
_IN_DELTA = frozenset(
    {"role", "content", "text", "refusal", "tool_calls", "function_call", "audio", "provider_specific_fields"}
    | {*_THOUGHTS}
)
_IN_CHOICE = frozenset({"delta", "message", "text", "logprobs", "error", "native_finish_reason", "matched_stop"})
#: The text in chunks that have no choices.
_TEXTS = ("content", "output_text", "completion", "answer", "generated_text")
_IN_CHUNK = frozenset({"choices", "error", "response", "usage", "x_groq", "message", "delta", *_TEXTS})
#: Fields around the answer that hold parts of it.
_BESIDE = ("citations", "search_results", "images", "related_questions", "prompt_progress", "annotations", "videos")
#: Fields of the usual chunk and its choice.
_ORDINARY_CHUNK = frozenset(
    {"choices", "created", "id", "model", "object", "service_tier", "system_fingerprint", "provider", "obfuscation"}
    | {"usage", "error"}
)
_ORDINARY_CHOICE = frozenset({"delta", "index", "finish_reason", "logprobs", "native_finish_reason", "stop_reason"})
_OF_ANSWERS = frozenset({"choices", "usage", "model", "id", "created"})  # fields of chunks, whatever else they hold
_THINKING_PARTS = ("reasoning", "thinking", "reasoning_text", "summary_text", "thought")
_IN_PART = ("text", "parts", "content", "value", "summary")  # the fields that hold the text of a part


class ChatCompletionsReader:
    """Reads chunks. Of the events of the openai SDK's ``.stream()`` it reads those with a chunk.

    Parameters
    ----------
    said : callable
        Returns the text so far.
    """

    plain_end = False

    def __init__(self, said: Callable[[], str] = str) -> None:
        self._named = False  # a delta came, and with it the model's name, if the server sends one
        self._before = said
        self._new: list[str] = []  # the text of this item so far
        self._length = 0  # of the text so far
        self._reasoning = Once()
        self._refusal = Once()
        self._held = ""  # the second piece, where it begins with the first one
        self._grows: bool | None = None  # each piece is all the text so far. None: nobody knows yet
        self._called = False  # a tool call came
        self._other: Reader | None = None  # reads a stream that is in another dialect after all
        self._in_messages: bool | None = None  # each message is the next piece: DashScope, Ollama. None: nobody knows

    @staticmethod
    def fits(item: Any) -> bool:
        return isinstance(field(item, "choices"), list) or isinstance(field(item, "chunk", "choices"), list)

    def parse(self, item: Any) -> list[ParsedEvent]:
        if self._named and not self._held:
            # The ordinary chunk is one piece of text. It costs half as much here as below.
            try:
                (choice,) = item["choices"]
                delta = choice["delta"]
                text = delta["content"]
                if (
                    type(text) is str
                    and (len(delta) == 1 or (len(delta) == 2 and delta["role"] == "assistant"))
                    and len(text) < self._length
                    and item.keys() <= _ORDINARY_CHUNK
                    and choice.keys() <= _ORDINARY_CHOICE
                    and not choice.get("finish_reason")
                    and not choice.get("index")
                    and not choice.get("logprobs")
                    and not choice.get("stop_reason")
                    and not item.get("usage")
                    and not item.get("error")
                ):
                    self._length += len(text)
                    return [TextDelta(text)]
            except (KeyError, TypeError, ValueError, AttributeError):
                pass  # any other shape
        if self._other is None and not self._named:
            self._other = _reader_of_another(item, self._before)
        if self._other is not None:
            return self._other.parse(item)
        kind = field(item, "type")
        if isinstance(kind, str) and (kind == "chunk" or "." in kind):
            # The other events of .stream() repeat the chunks. Each holds the whole answer so far.
            item = field(item, "chunk")
            if item is None:
                return []
        chunk = item if isinstance(item, dict | str) else plain(item)
        if not isinstance(chunk, dict):
            raise MalformedItem(f"a {type(item).__name__} among its chunks")
        self._new.clear()
        events, error = self._chunk(chunk)
        self._named = self._named or any(isinstance(event, DELTAS) for event in events)
        if error:
            # The sentence may stand beside the error: {"error": true, "message": "no such model"}
            beside = {name: part for name, part in chunk.items() if name not in _OF_ANSWERS}
            raise ServerReportedError(error_info(beside if chunk.get("error") else error, 200), events)
        return events

    def _chunk(self, chunk: dict[str, Any]) -> tuple[list[ParsedEvent], Any]:
        """Return the events of one chunk, or of one whole completion, and the error in it."""
        events: list[ParsedEvent] = []
        model, request_id = word(chunk.get("model")), word(chunk.get("id"))
        if model or request_id:
            events.append(Identity(model, request_id))
        error = chunk.get("error") or (chunk if chunk.get("object") == "error" else None)
        choices = None if error and "choices" not in chunk else _choices_of(chunk)
        if choices is None and isinstance(chunk.get("response"), str):
            events += self._text(chunk["response"], 0)  # Cloudflare Workers AI: {"response": "Hello"}
        for place, choice in enumerate(choices or ()):
            if not isinstance(choice, dict):
                events += [] if choice is None else unknown_part(choice)
                continue
            index = choice.get("index")
            if type(index) is not int:
                index = place
            ends = _ends_of(choice, chunk)
            events += self._choice(choice, index, is_last=bool(ends))
            if index == 0:
                events += self.close() if ends else []
                events += ends
                if any(isinstance(end, Finish) and end.reason == "error" for end in ends):
                    # OpenRouter: not always beside an error object
                    error = error or choice.get("error") or "the provider stopped with finish_reason 'error'"
        if not choices:
            events += _ends_of({}, chunk)
        events += _usage_of(chunk)
        if not error:
            for name in _BESIDE:
                if value := chunk.get(name):
                    events.append(left_out(name, value if isinstance(value, list) else ()))
            events += unread(chunk, _IN_CHUNK.union(_BESIDE), prose=choices is not None)
        return events, error

    def _choice(self, choice: dict[str, Any], index: int, *, is_last: bool) -> Iterator[ParsedEvent]:
        delta, message = (
            {"content": value} if isinstance(value, str) else value
            for value in (choice.get("delta"), choice.get("message"))
        )
        if index > 0 and (delta or message or choice.get("text")):
            yield LeftOut("other answers", "other answer", (str(index),))
        if choice.get("logprobs"):
            yield left_out("logprobs")
        if isinstance(delta, dict) and delta:
            yield from self._delta(delta, index, is_last=is_last)
            if self._length:
                self._in_messages = self._in_messages or False
        elif delta and not isinstance(delta, dict):
            yield from unknown_part(delta)
        elif isinstance(choice.get("text"), str):  # text completions: {"choices": [{"text": "Once"}]}
            yield from self._text(choice["text"], index, is_last=is_last)
        if isinstance(message, dict) and message:
            yield from self._message(message, index, is_last=is_last)
        yield from unread(choice, _IN_CHOICE, prose=True)

    def _message(self, message: dict[str, Any], index: int, *, is_last: bool) -> Iterator[ParsedEvent]:
        """Read a message. In a stream it may be the answer once more, or as far as it has grown, or its next piece."""
        content = message.get("content")
        if index == 0 and self._length:
            parts = content if isinstance(content, list) else [content]
            thoughts = [_thought_in(part) for part in parts]
            parts = [part for part, thought in zip(parts, thoughts, strict=True) if not thought]
            whole = "".join(_texts_in(parts, _IN_PART))
            rest = new_in_message(whole, self._said()) if whole else ""
            if self._in_messages is None and whole and rest != "":
                self._in_messages = rest is None
            if self._in_messages is None and whole.isspace():
                rest = whole  # no message repeats an answer as a blank
            elif self._in_messages:
                rest = new_in_piece(whole, self._said(), is_last=is_last)
            elif rest is None:
                yield StreamWarning("rewritten", "the provider sent another text at the end, which is left out")
            content = [*(part for part in parts if part is not None and not any(_texts_in(part, _IN_PART))), rest or ""]
            message = {**message, "reasoning": "".join(thoughts)} if any(thoughts) else message
        calls = None if self._called and not self._is_message(message) else message.get("tool_calls")
        yield from self._delta({**message, "content": content, "tool_calls": calls}, index, is_whole=True)

    def _is_message(self, message: dict[str, Any]) -> bool:
        """Whether the calls in a message have ids, by which they are known again."""
        calls = message.get("tool_calls")
        return isinstance(calls, list) and all(isinstance(call, dict) and word(call.get("id")) for call in calls)

    def _delta(
        self, delta: dict[str, Any], index: int, *, is_last: bool = False, is_whole: bool = False
    ) -> Iterator[ParsedEvent]:
        if delta.get("role") in _OTHERS:
            if delta.get("content"):
                yield StreamWarning("other_role", f"a message of the {delta['role']} came between, and is left out")
            return
        thought = next((text for name in _THOUGHTS if (text := "".join(_texts_in(delta.get(name))))), "")
        if index == 0:
            thought = self._reasoning.new(thought, is_whole=is_whole, is_last=is_last)
        if thought:
            yield ReasoningDelta(thought, index)
        content = delta.get("content")
        if not content and isinstance(delta.get("text"), str):
            content = delta["text"]
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, str):
                yield from self._text(part, index, is_last=is_last, is_new=is_whole)
            elif part is not None:
                yield from self._part(part, index)
        refusal = delta.get("refusal")
        if isinstance(refusal, str):
            refusal = self._refusal.new(refusal, is_whole=is_whole, is_last=is_last) if index == 0 else refusal
            if refusal:
                yield RefusalDelta(refusal, index)
        if index == 0:
            yield from self._calls(delta, is_whole=is_whole)
            yield from self._beside(delta, is_last=is_last, is_whole=is_whole)

    def _text(self, text: str, index: int, *, is_last: bool = False, is_new: bool = False) -> Iterator[TextDelta]:
        if index == 0:
            if not is_new and (self._held or (self._length and (is_last or len(text) >= self._length))):
                text = self._new_in(text, is_last=is_last)
            self._length += len(text)
            self._new.append(text)
        if text:
            yield TextDelta(text, index)

    def _new_in(self, piece: str, *, is_last: bool) -> str:
        """Return what a piece adds. A piece may begin like the one before by accident, so it waits for the next."""
        said = self._said()
        held, self._held = self._held, ""
        if held:
            self._grows = piece.startswith(held) and len({letter for letter in piece if letter.isalnum()}) > 2
            return piece[len(said) :] if self._grows else held + piece
        if self._grows and piece.startswith(said):
            return piece[len(said) :]
        new = new_in_piece(piece, said, is_last=is_last)
        may_grow = new == piece and self._grows is None and len(piece) > len(said) and piece.startswith(said)
        self._grows = self._grows or (None if may_grow else False)
        if may_grow and not is_last:
            self._held, new = piece, ""
        return new

    def close(self) -> list[ParsedEvent]:
        """Return the text that waits at the end of the stream."""
        held, self._held = self._held, ""
        self._length += len(held)
        return [TextDelta(held)] if held else []

    def _said(self) -> str:
        return self._before() + "".join(self._new)

    def _part(self, part: Any, index: int) -> Iterator[ParsedEvent]:
        """Read one part of a content list: text, a thought made of texts (Mistral), or a refusal."""
        kind = part.get("type") if isinstance(part, dict) else None
        if thought := _thought_in(part):
            yield ReasoningDelta(self._reasoning.new(thought, is_whole=False), index)
            return
        if isinstance(part, dict) and isinstance(part.get("refusal"), str):
            yield RefusalDelta(part["refusal"], index)
            return
        texts = list(_texts_in(part, _IN_PART))
        if texts:
            yield from self._text("".join(texts), index, is_new=True)
            for name in ("annotations", "citations"):
                for holder in (part, field(part, "text")):
                    if isinstance(holder, dict) and holder.get(name):
                        yield left_out(name, holder[name] if isinstance(holder[name], list) else ())
        elif kind in ("text", "output_text", *_THINKING_PARTS) or part == {}:
            return  # an empty one
        else:
            yield from unknown_part(part)

    def _calls(self, delta: dict[str, Any], *, is_whole: bool) -> Iterator[ParsedEvent]:
        calls = delta.get("tool_calls")
        calls = [calls] if isinstance(calls, dict) else items(calls)
        for place, call in enumerate(calls):
            if isinstance(call, dict):
                self._called = True
                yield from _parse_tool_call(call, place if is_whole and len(calls) > 1 else None)
        old = delta.get("function_call")  # of the API before tools: one call, without a number
        if isinstance(old, dict) and not (is_whole and self._called):
            self._called = True
            yield from _parse_tool_call({"index": 0, "function": old})

    def _beside(self, delta: dict[str, Any], *, is_last: bool, is_whole: bool) -> Iterator[ParsedEvent]:
        """Read what an answer has beside its text, or name it."""
        audio = delta.get("audio")
        if isinstance(audio, dict):
            if isinstance(audio.get("transcript"), str) and not (is_whole and self._length):
                yield from self._text(audio["transcript"], 0, is_last=is_last)
            if audio.get("data"):
                yield left_out("audio")
        elif audio:
            yield left_out("audio")
        more = delta.get("provider_specific_fields")
        if isinstance(more, dict):
            yield from unread(more, _IN_DELTA)
        yield from unread(delta, _IN_DELTA)


def _reader_of_another(item: Any, said: Callable[[], str]) -> Reader | None:
    """Return a reader where a gateway lets the chunks of another API through. None: these are chat completions."""
    from streamwidget._dialects.google import GoogleReader  # late: they know this module
    from streamwidget._dialects.responses import ResponsesReader

    if not isinstance(item, dict) or "choices" in item or "chunk" in item:
        return None
    return next((kind(said) for kind in (GoogleReader, ResponsesReader) if kind.fits(item)), None)


def _ends_of(choice: dict[str, Any], chunk: dict[str, Any]) -> list[Finish | StreamWarning]:
    """Return the events for the end of a choice. Servers have its word in several places."""
    reason = reason_of(choice.get("finish_reason")) or reason_of(choice.get("finish_details"))
    inner = (field(choice.get("delta"), name) for name in ("finish_reason", "stop_reason"))  # the latter is Anthropic's
    outer = (chunk.get(name) for name in ("finish_reason", "done_reason"))  # the latter is Ollama's
    reason = reason or next((found for each in (*inner, *outer) if (found := reason_of(each)) is not None), None)
    other = word(choice.get("stop_reason"))  # of vLLM it may be the text at which the answer stopped
    if reason is None and other is not None and outcome_of(other) is not None:
        reason = other
    if reason is None:
        return []
    native = reason_of(choice.get("native_finish_reason"))
    if native is not None and outcome_of(reason) == "complete" and (outcome := outcome_of(native)) is not None:
        return [Finish(reason, outcome)]  # a gateway's word for all ends that it does not know
    return finish(reason)


def _choices_of(chunk: dict[str, Any]) -> list[Any] | None:
    """Return the choices of a chunk, also where a gateway has unwrapped or wrapped them. None: it has none."""
    choices = chunk.get("choices")
    if isinstance(choices, list):
        return choices
    if isinstance(choices, dict):
        return [choices] if {"delta", "message", "text"} & choices.keys() else [*choices.values()]
    for name in ("data", "chunk", "result", "output"):
        inner = field(chunk.get(name), "choices")
        if isinstance(inner, list):
            return inner
    if isinstance(chunk.get("delta"), dict | str) or isinstance(chunk.get("message"), dict):
        return [{name: chunk[name] for name in ("delta", "message", "finish_reason") if name in chunk}]
    text = next((chunk[name] for name in _TEXTS if isinstance(chunk.get(name), str)), None)
    return None if text is None else [{"delta": {"content": text}, "stop_reason": chunk.get("stop_reason")}]


def _usage_of(chunk: dict[str, Any]) -> Iterator[Usage]:
    places = (chunk.get("usage"), field(chunk.get("x_groq"), "usage"), field(_first(_choices_of(chunk)), "usage"))
    usage = next((found for found in places if isinstance(found, dict) and found), None)
    if usage is None:
        return

    def counted(*paths: str) -> int | None:
        return next((found for path in paths if (found := count(field(usage, *path.split("/")))) is not None), None)

    yield Usage(
        counted("prompt_tokens", "input_tokens"),
        counted("completion_tokens", "output_tokens"),
        counted("total_tokens"),
        counted(
            "prompt_tokens_details/cached_tokens",
            "input_tokens_details/cached_tokens",
            "cached_tokens",
            "prompt_cache_hit_tokens",  # DeepSeek
            "cache_read_input_tokens",  # Anthropic's, let through
        ),
        counted(
            "completion_tokens_details/reasoning_tokens", "output_tokens_details/reasoning_tokens", "reasoning_tokens"
        ),
        number(usage.get("cost") if not isinstance(usage.get("cost"), dict) else usage["cost"].get("total_cost")),
    )


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _texts_in(
    value: Any, names: tuple[str, ...] = ("text", "thinking", "summary", "content", "value"), depth: int = 0
) -> Iterator[str]:
    """Yield the texts in a value: a string, an object with a text, or a list of these."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 8:
        for part in value:
            yield from _texts_in(part, names, depth + 1)
    elif isinstance(value, dict) and depth < 8:
        for name in names:
            if isinstance(value.get(name), str | list | dict):
                yield from _texts_in(value[name], names, depth + 1)
                return


def _thought_in(part: Any) -> str:
    """Return the thought that a part of a content list holds, or an empty text."""
    if not isinstance(part, dict):
        return ""
    thought = "".join(_texts_in(part.get("thinking", part.get("reasoning"))))
    if thought or not (part.get("type") in _THINKING_PARTS or part.get("thought") is True):
        return thought
    return "".join(_texts_in(part, _IN_PART))


def _parse_tool_call(call: dict[str, Any], place: int | None = None) -> Iterator[ParsedEvent]:
    index = call.get("index")
    if type(index) is not int:
        index = place
        if place is None:
            yield StreamWarning("tool_call_without_index", "the provider does not number its tool calls")
    places = (call.get("function"), call.get("custom"), call)
    function: dict[str, Any] = next(found for found in places if isinstance(found, dict))
    arguments = as_text(function.get("arguments", function.get("input")))  # of Ollama and others: the object itself
    yield ToolCallDelta(index, word(call.get("id")), word(function.get("name")), arguments)
