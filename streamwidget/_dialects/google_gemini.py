"""Google's own API of Gemini: how to ask. Its answers are read in :mod:`~streamwidget._dialects.google`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

from streamwidget._core.attachments import Attachment
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import Original, ParsedEvent, ToolResult
from streamwidget._core.messages import Message
from streamwidget._core.tools import Tool
from streamwidget._core.values import ValueType
from streamwidget._dialects.asking import Asking
from streamwidget._dialects.attached import text_of_file
from streamwidget._dialects.dialect import MalformedItem, Question
from streamwidget._dialects.fields import field, items, text
from streamwidget._dialects.google import GoogleReader
from streamwidget._dialects.paths import at
from streamwidget._dialects.tool_turns import Called, about, merged

_ROLES = {"user": "user", "assistant": "model"}


class GoogleGemini(Asking):
    """The dialect of ``:streamGenerateContent``. ``thinkingConfig``, ``tools``, ``safetySettings`` are params."""

    name: ClassVar[str] = "google_gemini"
    models_path: ClassVar[str] = "models?pageSize=1000"
    headers: ClassVar[Mapping[str, str]] = {"x-goog-api-key": "{key}"}
    names: ClassVar[Mapping[str, str]] = {
        "max_tokens": "maxOutputTokens",
        "top_p": "topP",
        "top_k": "topK",
        "stop": "stopSequences",
        "n": "candidateCount",
        "presence_penalty": "presencePenalty",
        "frequency_penalty": "frequencyPenalty",
    }
    inner: ClassVar[str] = "generationConfig"
    outer: ClassVar[frozenset[str]] = frozenset(
        {"tools", "toolConfig", "safetySettings", "systemInstruction", "cachedContent", "serviceTier", "store"}
    )

    def path(self, question: Question) -> str:
        model = quote(question.model or "", safe="/")
        how = "streamGenerateContent?alt=sse" if question.stream else "generateContent"
        return f"{model if '/' in model else f'models/{model}'}:{how}"

    def body(self, question: Question) -> dict[str, Any]:
        system, messages = self.split(question)
        body: dict[str, Any] = {"systemInstruction": {"parts": [{"text": system}]}} if system else {}
        contents = self.expanded(question, messages, lambda *pair: [self._written(*pair)], self._called)
        if question.tools:
            contents = merged(contents, "parts")
            functions = [about(one, "parametersJsonSchema") for one in question.tools if isinstance(one, Tool)]
            raw = [one for one in question.tools if not isinstance(one, Tool)]
            body["tools"] = [*([{"functionDeclarations": functions}] if functions else []), *raw]
        return {**body, **self.fields(question), "contents": contents}

    def value_fields(self, value: ValueType) -> dict[str, Any]:
        return {"responseMimeType": "application/json", "responseJsonSchema": value.schema}

    def reader(self, said: Callable[[], str] = str) -> GoogleReader:
        return _Keeping(said)

    def parse_reply(self, reply: Any) -> list[ParsedEvent]:
        if not isinstance(reply, dict) or not (reply.get("candidates") or reply.get("promptFeedback")):
            raise MalformedItem("the reply has no candidates: it is not an answer of Gemini")
        return _Keeping().parse(reply)

    def parse_error(self, status: int, body: bytes) -> ErrorInfo:
        """Read an error. Google writes the wait into the body: ``"retryDelay": "34s"``."""
        wait = re.search(rb'"retryDelay":\s*"(\d+(?:\.\d+)?)s"', body)
        return replace(super().parse_error(status, body), retry_after=float(wait[1]) if wait else None)

    def parse_models(self, reply: Any) -> list[str]:
        rows = items(field(reply, "models"))
        others = {text(row, "name") for row in rows if "generateContent" not in _methods(row)}
        return [name.removeprefix("models/") for name in super().parse_models(reply) if name not in others]

    def _written(self, message: Message | Mapping[str, Any], has_results: bool) -> Mapping[str, Any]:
        if not isinstance(message, Message):
            return message
        parts = [part for part in self.original(message) if has_results or "functionCall" not in part]
        if not parts:
            texts = [{"text": message.text}] if message.text.strip() or not message.attachments else []
            parts = [*map(_part, message.attachments), *texts]
        return {"role": _ROLES[message.role], "parts": parts}

    def _called(self, step: Called) -> list[Mapping[str, Any]]:
        if not step.pairs:
            return [self._written(step.answer, has_results=False)]
        parts = [_with_object(part) for part in self.original(step.answer)]
        made = [part["functionCall"] for part in parts if isinstance(part.get("functionCall"), dict)]
        if [text(call, "name") for call in made] != [call.name for call, _ in step.pairs]:
            said = [{"text": step.answer.text}] if step.answer.text.strip() else []
            made = [{"name": call.name, "args": json.loads(call.arguments)} for call, _ in step.pairs]
            parts = [*said, *({"functionCall": call} for call in made)]
        results = [_result(result, text(call, "id")) for call, (_, result) in zip(made, step.pairs, strict=True)]
        images = [_part(image) for image in step.images]
        return [{"role": "model", "parts": parts}, {"role": "user", "parts": [*results, *images]}]


def _with_object(part: dict[str, Any]) -> dict[str, Any]:
    """Return a part. The arguments of a call are an object there, because anything else is refused."""
    call = part.get("functionCall")
    if not isinstance(call, dict) or isinstance(call.get("args", {}), dict):
        return part
    return {**part, "functionCall": {**call, "args": {}}}


def _result(result: ToolResult, name: str) -> dict[str, Any]:
    """Return a result. It has an id only where Gemini gave one to the call."""
    response = {"error" if result.error else "output": result.text}
    return {"functionResponse": {**({"id": name} if name else {}), "name": result.name, "response": response}}


def _methods(row: Any) -> list[Any]:
    """Return what a model can do. A server that does not say so may have no other models."""
    return items(field(row, "supportedGenerationMethods")) or ["generateContent"]


def _part(attachment: Attachment) -> dict[str, Any]:
    if attachment.url:
        return {"fileData": {"fileUri": attachment.url}}
    if attachment.kind == "text":
        return {"text": text_of_file(attachment)}
    return {"inlineData": {"mimeType": attachment.media_type, "data": attachment.base64}}


class _Keeping(GoogleReader):
    """Also keeps the parts, to send them back: Gemini 3 wants the signatures of its thoughts."""

    def __init__(self, said: Callable[[], str] = str) -> None:
        super().__init__(said)
        self._parts: list[dict[str, Any]] = []
        self._texts: list[str] = []

    def parse(self, item: Any) -> list[ParsedEvent]:
        events = super().parse(item)
        candidate = next((one for one in items(field(item, "candidates")) if not field(one, "index")), None)
        for part in items(at(candidate, "content.parts")):
            if isinstance(part, dict) and not part.get("thought"):
                self._keep(part)
        if field(candidate, "finishReason"):
            self._join()
            events.append(Original(GoogleGemini.name, tuple(self._parts)))
        return events

    def _keep(self, part: dict[str, Any]) -> None:
        """Add a part. Pieces of text become one part, unless one of them has a signature."""
        if part.keys() == {"text"}:
            self._texts.append(text(part, "text"))
            return
        self._join()
        self._parts.append(part)

    def _join(self) -> None:
        if joined := "".join(self._texts):
            self._parts.append({"text": joined})
        self._texts = []
