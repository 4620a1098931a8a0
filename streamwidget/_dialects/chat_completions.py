"""Chat completions: the API of OpenAI and of many servers like it. Its answers are read in
:mod:`~streamwidget._dialects.chat_chunks`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from streamwidget._core.attachments import Attachment
from streamwidget._core.completion import ChatCompletion, ErrorInfo
from streamwidget._core.events import ParsedEvent, StreamWarning
from streamwidget._core.messages import Message
from streamwidget._dialects.attached import as_audio, text_of_file
from streamwidget._dialects.chat_chunks import ChatCompletionsReader
from streamwidget._dialects.chat_thoughts import (
    NAME,
    KeepingReader,
    thought_fields,
    with_extra,
)
from streamwidget._dialects.dialect import DONE, MalformedItem, Place, Question, Reader, ServerReportedError
from streamwidget._dialects.errors import error_info, http_error_info, names_usage_field
from streamwidget._dialects.going_on import (
    Prefill,
    asked_to_go_on,
    beginning,
    from_its_beginning,
    without_beginning,
)
from streamwidget._dialects.schemas import NOT_ABOUT_FIELDS, openai_format, with_fields, without_schema
from streamwidget._dialects.tool_turns import Called, as_function, declared, split_steps, without_originals

#: Stands before the images that a tool returned, where its result cannot hold them.
IMAGES = "The images that the tools returned, in their order:"
#: What a server names that refuses the reasoning of earlier answers.
ABOUT_THINKING = re.compile("signature|thinking|thought|encrypted|reasoning|extra_content", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ChatCompletions:
    """The dialect of ``/chat/completions``. Its fields hold the differences between servers.

    Attributes
    ----------
    max_tokens : str
        The name of the field for an answer's greatest length. OpenAI's newer models refuse the old name, and other
        servers know only the old name.
    asks_for_usage : bool
        True: a stream asks for its token counts (``stream_options``). False for servers that refuse the field.
    key_header : str
        The header of the key. In ``Authorization`` it stands after ``Bearer``, in another header alone.
    prefill : Prefill or None
        How the server takes the beginning of an answer that is to go on. None: it is asked in words.
    """

    max_tokens: str = "max_tokens"
    asks_for_usage: bool = True
    key_header: str = "Authorization"
    prefill: Prefill | None = None

    name: ClassVar[str] = NAME
    done: ClassVar[str | None] = DONE
    token_limits: ClassVar[frozenset[str]] = frozenset({"max_tokens", "max_completion_tokens"})
    models_path: ClassVar[str] = "models"

    @property
    def headers(self) -> Mapping[str, str]:
        return {self.key_header: "Bearer {key}" if self.key_header == "Authorization" else "{key}"}

    def path(self, question: Question) -> str:
        elsewhere = self.prefill.path if self.prefill is not None and question.prefix is not None else ""
        return elsewhere or "chat/completions"

    def body(self, question: Question) -> dict[str, Any]:
        """Return the JSON object to send. ``stream_options`` in the params replaces ours. None leaves it out."""
        messages = [sent for message in question.messages for sent in _turn(question, message)]
        begun = beginning(question)
        if begun is not None and self.prefill is not None:
            messages.append({"role": "assistant", "content": begun, **self.prefill.message})
            question = replace(question, params={**question.params, **self.prefill.fields})
        body: dict[str, Any] = {**with_fields(_value_fields(question), question.params), "messages": messages}
        if question.tools:
            body["tools"] = declared(question, as_function)
        if question.model is not None:
            body["model"] = question.model
        options = body.pop("stream_options", {"include_usage": True} if self.asks_for_usage else None)
        body.pop("stream", None)
        if question.stream:
            body["stream"] = True
            if options is not None:
                body["stream_options"] = options
        return body

    def limit_tokens(self, most: int) -> dict[str, Any]:
        return {self.max_tokens: most}

    def simplify(self, question: Question, refusal: ErrorInfo) -> tuple[Question, StreamWarning] | None:
        """Drop ``stream_options`` or the schema if the server refused it and the person did not write it."""
        ours = question.stream and self.asks_for_usage and "stream_options" not in question.params
        if not (ours and refusal.status not in NOT_ABOUT_FIELDS and names_usage_field(refusal.message)):
            simpler = without_schema(question, refusal) or _without_thoughts(question, refusal)
            return simpler or without_beginning(question, refusal)
        warning = StreamWarning("stream_options_refused", "the server refused stream_options: no usage is known")
        return replace(question, params={**question.params, "stream_options": None}), warning

    def resumes(self, answer: ChatCompletion) -> bool:  # noqa: ARG002  (no such server pauses)
        return False

    def place(self, reader: Reader) -> Place | None:  # noqa: ARG002  (few providers write in the background)
        return None

    def go_on(self, question: Question, answer: Message) -> Question:
        return asked_to_go_on(question, answer) if self.prefill is None else from_its_beginning(question, answer)

    @property
    def echoes(self) -> bool:
        return self.prefill is not None and self.prefill.echoes

    def reader(self, said: Callable[[], str] = str) -> ChatCompletionsReader:
        return KeepingReader(said)

    def parse_reply(self, reply: Any) -> list[ParsedEvent]:
        if isinstance(reply, list) and reply:
            reply = reply[0]
        if not isinstance(reply, dict):
            raise MalformedItem("the reply is not a JSON object")
        if "choices" not in reply:  # a gateway's wrapping: {"data": {"choices": [...]}}
            parts = (part for part in reply.values() if isinstance(part, dict))
            reply = next((part for part in parts if isinstance(part.get("choices"), list)), reply)
        events = KeepingReader().parse(reply)
        if not isinstance(reply.get("choices"), list):
            raise MalformedItem("the reply has no choices: it is not a chat completion")
        return events

    def parse_error(self, status: int, body: bytes) -> ErrorInfo:
        return http_error_info(status, body)

    def parse_models(self, reply: Any) -> list[str]:
        if isinstance(reply, dict) and reply.get("error"):
            raise ServerReportedError(error_info(reply["error"], 200))
        rows = reply.get("data") if isinstance(reply, dict) else reply  # Together sends the bare list
        if not isinstance(rows, list):
            raise MalformedItem("the reply is not a list of models")
        return [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]


def _without_thoughts(question: Question, refusal: ErrorInfo) -> tuple[Question, StreamWarning] | None:
    """Send earlier answers without their reasoning, if the server refused it."""
    about = refusal.status in (400, 422) and ABOUT_THINKING.search(refusal.message)
    bare = without_originals(question) if about else None
    detail = "the server refused the reasoning of earlier answers, so it was not sent"
    return None if bare is None else (bare, StreamWarning("thinking_refused", detail))


def _value_fields(question: Question) -> dict[str, Any]:
    if question.value is None:
        return {}
    return {"response_format": {"type": "json_schema", "json_schema": openai_format(question.value)}}


def _turn(question: Question, message: Message | Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the messages of one of ours: an answer that called tools becomes several."""
    steps, rest = split_steps(question, message)
    for step in steps:
        yield from called(step)
    if rest is not None:
        thought = thought_fields([step.answer for step in steps], rest) if isinstance(rest, Message) and steps else {}
        yield {**_written(rest), **thought}


def called(step: Called) -> Iterator[dict[str, Any]]:
    """Yield a step with its calls, and their results. Images go in a message of their own: a result holds text."""
    made = [call for call, _ in step.pairs]
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}, **extra}
        for call, extra in zip(made, with_extra(step.answer, made), strict=True)
    ]
    more = {**thought_fields((), step.answer), **({"tool_calls": calls} if calls else {})}
    yield {"role": "assistant", "content": step.answer.text, **more}
    for call, result in step.pairs:
        yield {"role": "tool", "tool_call_id": call.id, "content": result.text}
    if images := step.images:
        yield {"role": "user", "content": [{"type": "text", "text": IMAGES}, *map(_part, images)]}


def _written(message: Message | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message in the API's form. If the person wrote it in that form, it stays unchanged."""
    if not isinstance(message, Message):
        return message
    if not message.attachments:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text.strip() else []
    return {"role": message.role, "content": [*parts, *map(_part, message.attachments)]}


def _part(attachment: Attachment) -> dict[str, Any]:
    match attachment.kind:
        case "image":
            return {"type": "image_url", "image_url": {"url": attachment.src}}
        case "audio":
            return {"type": "input_audio", "input_audio": as_audio(attachment)}
        case "pdf":
            name = attachment.name or "file.pdf"
            return {"type": "file", "file": {"filename": name, "file_data": attachment.src}}
        case "text":
            return {"type": "text", "text": text_of_file(attachment)}
