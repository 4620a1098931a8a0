"""What the requests of all providers have in common. A provider's file says the rest: its path, its fields, its reader.

People write a request in one form for all providers: the messages and the names of chat completions, such as
``max_tokens``. The provider's own names do as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, TypeAlias

from streamwidget._core.completion import ChatCompletion, ErrorInfo
from streamwidget._core.events import StreamWarning
from streamwidget._core.messages import Message
from streamwidget._core.values import ValueType
from streamwidget._dialects.attached import from_part
from streamwidget._dialects.chat_completions import ABOUT_THINKING
from streamwidget._dialects.dialect import MalformedItem, Place, Question, Reader, ServerReportedError
from streamwidget._dialects.errors import error_info, http_error_info
from streamwidget._dialects.fields import field, items, text, word
from streamwidget._dialects.going_on import asked_to_go_on, from_its_beginning, without_beginning
from streamwidget._dialects.schemas import in_words, with_fields, without_schema
from streamwidget._dialects.tool_turns import Called, split_steps, without_originals

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
#: A message that is a mapping has the provider's own form.
_Sent: TypeAlias = Message | Mapping[str, Any]
_OURS = ("stream", "stream_options")


class Asking:
    """The usual answers of a dialect. A dialect of a provider overrides what differs.

    Attributes
    ----------
    names : mapping
        The provider's names for fields of chat completions.
    inner : str
        A field that holds the fields of the model, such as ``options``. Empty: all fields stand side by side.
    outer : frozenset of str
        The fields that stand beside ``inner``.
    prefills : bool
        The model continues an answer whose beginning ends the request.
    """

    name: ClassVar[str]
    done: ClassVar[str | None] = None
    models_path: ClassVar[str] = "models"
    names: ClassVar[Mapping[str, str]] = {}
    inner: ClassVar[str] = ""
    outer: ClassVar[frozenset[str]] = frozenset()
    prefills: ClassVar[bool] = False
    echoes: ClassVar[bool] = False

    @property
    def token_limits(self) -> frozenset[str]:
        return frozenset({"max_tokens", "max_completion_tokens", self.names.get("max_tokens", "max_tokens")})

    def limit_tokens(self, most: int) -> dict[str, Any]:
        return {"max_tokens": most}

    def fields(self, question: Question) -> dict[str, Any]:
        """Return the person's fields, with the provider's names and in their places. Its own name counts first."""
        found: dict[str, Any] = {}
        params = with_fields(self.value_fields(question.value) if question.value else {}, question.params)
        for given, value in params.items():
            own = "max_tokens" if given in self.token_limits else given
            own = self.names.get(own, own)
            if given not in _OURS and (own == given or own not in params):
                found[own] = [value] if given == "stop" and isinstance(value, str) else value
        if not self.inner:
            return found
        inside = {name: found.pop(name) for name in list(found) if name not in self.outer | {self.inner}}
        if inside or self.inner in found:
            found[self.inner] = {**inside, **(found.get(self.inner) or {})}
        return found

    def value_fields(self, value: ValueType) -> dict[str, Any]:  # noqa: ARG002  (some APIs have none)
        """Return the fields that hold the schema of the answer, with the provider's names.

        Empty: the API takes no schema, so the model is asked in words.
        """
        return {}

    def split(self, question: Question) -> tuple[str, list[_Sent]]:
        """Return the system prompt, and the other messages."""
        if question.value is not None and not self.value_fields(question.value):
            question = in_words(question)
        messages = [_as_message(message) for message in question.messages]
        system = [said.text for said in messages if isinstance(said, Message) and said.role == "system"]
        return "\n\n".join(system), [
            said for said in messages if not (isinstance(said, Message) and said.role == "system")
        ]

    def with_results(self, messages: list[_Sent]) -> Iterator[tuple[_Sent, bool]]:
        """Yield each message, and whether the results of its calls may follow: in the provider's own form.

        A call without its result is refused, so it is not sent.
        """
        for message, after in zip(messages, [*messages[1:], None], strict=False):
            yield message, isinstance(after, Mapping)

    def expanded(
        self,
        question: Question,
        messages: list[_Sent],
        write: Callable[[_Sent, bool], list[Any]],
        called: Callable[[Called], list[Any]],
    ) -> list[Any]:
        """Return the messages in the provider's form. An answer that called tools becomes several.

        Parameters
        ----------
        question : Question
        messages : list
        write : callable
            Writes one message. It also gets whether the results of its calls follow.
        called : callable
            Writes one step with its calls and their results.
        """
        sent: list[Any] = []
        for message, has_results in self.with_results(messages):
            steps, rest = split_steps(question, message)
            for step in steps:
                sent += called(step)
            if rest is not None:
                sent += write(rest, has_results)
        return sent

    def original(self, message: Message) -> list[dict[str, Any]]:
        """Return the parts of an answer as the provider wrote them. Empty if the text is all that can be sent.

        Somebody may have edited the text, in the message or in the file of a conversation. Then it is what is sent.
        """
        completion = message.completion
        original = completion.original if completion is not None else None
        if completion is None or original is None or original.dialect != self.name or message.text != completion.text:
            return []
        said = "".join(_texts(original.parts))
        return list(original.parts) if "".join(said.split()) == "".join(completion.text.split()) else []

    def simplify(self, question: Question, refusal: ErrorInfo) -> tuple[Question, StreamWarning] | None:
        """Ask for JSON in words if the server refused the schema, or send earlier answers without their thinking."""
        if (found := without_schema(question, refusal) or without_beginning(question, refusal)) is not None:
            return found
        if refusal.status != 400 or not ABOUT_THINKING.search(refusal.message):
            return None
        if (bare := without_originals(question)) is None:
            return None
        detail = "the server refused the thinking in earlier answers: only their text was sent"
        return bare, StreamWarning("thinking_refused", detail)

    def resumes(self, answer: ChatCompletion) -> bool:  # noqa: ARG002  (few providers pause)
        return False

    def place(self, reader: Reader) -> Place | None:  # noqa: ARG002  (few providers write in the background)
        return None

    def go_on(self, question: Question, answer: Message) -> Question:
        if answer.completion is not None and self.resumes(answer.completion):
            return replace(question, messages=(*question.messages, answer), value=None)
        return from_its_beginning(question, answer) if self.prefills else asked_to_go_on(question, answer)

    def parse_error(self, status: int, body: bytes) -> ErrorInfo:
        return http_error_info(status, body)

    def parse_models(self, reply: Any) -> list[str]:
        if field(reply, "error"):
            raise ServerReportedError(error_info(field(reply, "error"), 200))
        rows = next((rows for name in ("data", "models") if isinstance(rows := field(reply, name), list)), None)
        if rows is None:
            raise MalformedItem("the reply is not a list of models")
        return [name for row in rows if (name := word(field(row, "id")) or word(field(row, "name")))]


def _texts(parts: Any) -> Iterator[str]:
    """Yield the texts in the parts of an answer, without its reasoning."""
    for part in parts:
        if text(part, "type") in ("text", "output_text", "") and not field(part, "thought"):
            yield text(part, "text")
        elif text(part, "type") == "message":
            yield from _texts(items(field(part, "content")))


def _as_message(message: _Sent) -> _Sent:
    """Return a message in the form of chat completions as a Message. Any other form stays as the person wrote it."""
    role = None if isinstance(message, Message) else _ROLES.get(text(message, "role"))
    if isinstance(message, Message) or role is None or message.keys() != {"role", "content"}:
        return message
    content = message["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else items(content)
    texts = [part["text"] for part in parts if _is(part, "text") and isinstance(part["text"], str)]
    files = [found for part in parts if (found := from_part(part)) is not None]
    if not parts or len(texts) + len(files) < len(parts) or (files and role != "user"):
        return message
    return Message(role, "\n\n".join(texts), attachments=files)


def _is(part: Any, kind: str) -> bool:
    return isinstance(part, dict) and part.get("type") == kind and part.keys() == {"type", kind}
