"""OpenAI's Responses API: how to ask. Its answers are read in :mod:`~streamwidget._dialects.responses`.

The server stores nothing, unless you say ``store=True``. So it sends its reasoning encrypted, and gets it back with the
next request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

from streamwidget._core.attachments import Attachment, Image
from streamwidget._core.completion import ErrorInfo, ToolCall
from streamwidget._core.events import Original, ParsedEvent, StreamWarning, ToolResult
from streamwidget._core.messages import Message
from streamwidget._core.tools import Tool
from streamwidget._core.values import ValueType
from streamwidget._dialects.asking import Asking
from streamwidget._dialects.attached import as_audio, text_of_file
from streamwidget._dialects.dialect import MalformedItem, Place, Question, Reader
from streamwidget._dialects.fields import count, field, items, text
from streamwidget._dialects.responses import ResponsesReader
from streamwidget._dialects.schemas import openai_format
from streamwidget._dialects.tool_turns import Called, about, declared

_ENCRYPTED = "reasoning.encrypted_content"
#: "Encrypted content is not supported with this model."
_NO_INCLUDE = re.compile(r"^(?=.*(encrypted|\binclude\b)).*(not |un)support", re.IGNORECASE)
_CALLS = ("function_call", "custom_tool_call")


class OpenAIResponses(Asking):
    """The dialect of ``/responses``. ``reasoning``, ``tools``, ``text`` and others are params."""

    name: ClassVar[str] = "openai_responses"
    names: ClassVar[Mapping[str, str]] = {"max_tokens": "max_output_tokens"}
    headers: ClassVar[Mapping[str, str]] = {"Authorization": "Bearer {key}"}

    def path(self, question: Question) -> str:  # noqa: ARG002  (the same for every question)
        return "responses"

    def body(self, question: Question) -> dict[str, Any]:
        system, messages = self.split(question)
        fields = self.fields(question)
        # The server keeps what it writes in the background, so that it can be asked for again.
        stores = fields.get("background") is True
        body = {**({"instructions": system} if system else {}), "store": stores, **fields}
        if body["store"] is False:
            body.setdefault("include", [_ENCRYPTED])
        body["input"] = self.expanded(question, messages, self._written, self._called)
        if question.tools:
            body["tools"] = declared(question, _declared)
        if question.model is not None:
            body["model"] = question.model
        body = {name: value for name, value in body.items() if value is not None}
        return {**body, "stream": True} if question.stream else body

    def value_fields(self, value: ValueType) -> dict[str, Any]:
        return {"text": {"format": {"type": "json_schema", **openai_format(value)}}}

    def simplify(self, question: Question, refusal: ErrorInfo) -> tuple[Question, StreamWarning] | None:
        """Do not ask for encrypted reasoning if the model has none."""
        ours = not {"include", "store"} & question.params.keys()
        if refusal.status in (400, 422) and ours and _NO_INCLUDE.search(refusal.message):
            warning = StreamWarning("include_refused", "the model has no encrypted reasoning for later requests")
            return replace(question, params={**question.params, "include": None}), warning
        return super().simplify(question, refusal)

    def place(self, reader: Reader) -> Place | None:
        """Return where the server goes on with an answer of ``background=True``, after the last event that came."""
        return reader.place if isinstance(reader, _Keeping) else None

    def reader(self, said: Callable[[], str] = str) -> ResponsesReader:
        return _Keeping(said)

    def parse_reply(self, reply: Any) -> list[ParsedEvent]:
        if not isinstance(field(reply, "output"), list):
            raise MalformedItem("the reply has no output: it is not a response of OpenAI")
        if field(reply, "status") in ("queued", "in_progress"):
            raise MalformedItem("the answer is still written in the background. Ask for it as a stream")
        return _Keeping().parse({"type": "response.completed", "response": reply})

    def _written(self, message: Message | Mapping[str, Any], has_results: bool) -> list[Mapping[str, Any]]:
        if not isinstance(message, Message):
            return [message]
        if sent := _with_what_follows(self.original(message), calls=has_results):
            return sent
        if not message.attachments:
            return [{"role": message.role, "content": message.text}]
        texts = [{"type": "input_text", "text": message.text}] if message.text.strip() else []
        return [{"role": message.role, "content": [*texts, *map(_part, message.attachments)]}]

    def _called(self, step: Called) -> list[Mapping[str, Any]]:
        if not step.pairs:
            return self._written(step.answer, has_results=False)
        original = self.original(step.answer)
        written = {call.id: call.arguments for call, _ in step.pairs}  # what is not JSON may be refused
        ids = [text(item, "call_id") for item in original if item.get("type") == "function_call"]
        sent = [
            {**item, "arguments": written.get(item["call_id"])} if item.get("type") == "function_call" else item
            for item in _with_what_follows(original, calls=True)
        ]
        if sorted(ids) != sorted(call.id or "" for call, _ in step.pairs):
            said = [{"role": "assistant", "content": step.answer.text}] if step.answer.text.strip() else []
            sent = [*said, *(_call(call) for call, _ in step.pairs)]
        return [*sent, *(_result(result) for _, result in step.pairs)]


def _declared(tool: Tool) -> dict[str, Any]:
    return {"type": "function", **about(tool, "parameters"), "strict": False}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}


def _result(result: ToolResult) -> dict[str, Any]:
    images = [_part(Image.of(src)) for src in result.images]
    output = [{"type": "input_text", "text": result.text}, *images] if images else result.text
    return {"type": "function_call_output", "call_id": result.id, "output": output}


def _part(attachment: Attachment) -> dict[str, Any]:
    match attachment.kind:
        case "image":
            return {"type": "input_image", "image_url": attachment.src, "detail": "auto"}
        case "audio":
            return {"type": "input_audio", "input_audio": as_audio(attachment)}
        case "pdf":
            return {"type": "input_file", "filename": attachment.name or "file.pdf", "file_data": attachment.src}
        case "text":
            return {"type": "input_text", "text": text_of_file(attachment)}


def _with_what_follows(original: list[dict[str, Any]], *, calls: bool) -> list[Mapping[str, Any]]:
    """Return the items to send. Reasoning is refused without the item that it led to."""
    sent: list[Mapping[str, Any]] = []
    reasoning: list[Mapping[str, Any]] = []
    for item in original:
        if item.get("type") == "reasoning":
            reasoning.append(item)
        elif item.get("type") in _CALLS and not calls:
            reasoning = []
        else:
            sent += [*reasoning, item]
            reasoning = []
    return sent


class _Keeping(ResponsesReader):
    """Also keeps the items, to send them back, and the place of the last event."""

    def __init__(self, said: Callable[[], str] = str) -> None:
        super().__init__(said)
        self._items: list[dict[str, Any]] = []
        self._id = ""  # of a response that is written in the background
        self._number: int | None = None  # of the last event

    @property
    def place(self) -> Place | None:
        if not self._id or self._number is None:
            return None
        path = f"responses/{quote(self._id, safe='')}"
        return Place(f"{path}?stream=true&starting_after={self._number}", f"{path}/cancel")

    def parse(self, item: Any) -> list[ParsedEvent]:
        if self._came_before(item):
            return []
        events = super().parse(item)
        if text(item, "type") == "response.output_item.done":
            self._items += [done for done in (field(item, "item"),) if isinstance(done, dict)]
        response = field(item, "response")
        if field(response, "status") == "completed":
            output = [done for done in items(field(response, "output")) if isinstance(done, dict)] or self._items
            kept = [{name: value for name, value in done.items() if value is not None} for done in output]
            # The server knows no item again that it has not stored. Reasoning without its content is only a name.
            if all(done.get("encrypted_content") for done in kept if done.get("type") == "reasoning"):
                events.append(Original(OpenAIResponses.name, tuple(kept)))
        return events

    def _came_before(self, item: Any) -> bool:
        """Note the place of an event. Return True if a new connection brings it once more."""
        response, number = field(item, "response"), count(field(item, "sequence_number"))
        if field(response, "background") is True and text(item, "type") == "response.created":
            self._id = text(response, "id")
        if number is None:
            return False
        came_before = bool(self._id) and self._number is not None and number <= self._number
        self._number = number if self._number is None else max(number, self._number)
        return came_before
