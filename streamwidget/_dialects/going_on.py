"""How a cut answer goes on: the model continues its own text, or it is asked in words for the rest.

Some servers let a request end with the beginning of the answer (prefill). Then the model writes on exactly there. Their
documents say so:

- Anthropic: a last message of the assistant, without white space at its end. Its models since Claude 4.6, and its
  thinking, refuse that.
- Mistral and DeepSeek: ``"prefix": true`` in that message. DeepSeek takes it at ``/beta`` only.
- vLLM and llama.cpp: ``continue_final_message``. Groq and OpenRouter: the message alone.

Everybody else is asked in words, and so is a server after it refused the beginning. So are answers with reasoning,
tools or a missing part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import StreamWarning
from streamwidget._core.messages import Message
from streamwidget._dialects.dialect import Question

GO_ON = "Go on exactly where you stopped. Do not repeat what you have written."
_REFUSED = (400, 404, 405, 422)


@dataclass(frozen=True, slots=True)
class Prefill:
    """How a server of chat completions takes the beginning of an answer.

    Attributes
    ----------
    message : mapping
        Fields of the last message.
    fields : mapping
        Fields of the request.
    path : str
        The path. Empty: as for all questions.
    echoes : bool
        The server writes the beginning again.
    """

    message: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    echoes: bool = False


def asked_to_go_on(question: Question, answer: Message) -> Question:
    """Return a question in words for the rest of an answer."""
    rest = (Message("assistant", answer.text), Message("user", GO_ON))
    # A schema would begin a new value.
    return replace(question, messages=(*question.messages, *rest), value=None, prefix=None)


def from_its_beginning(question: Question, answer: Message) -> Question:
    """Return a question with the beginning of the answer at its end, if the answer can go on so."""
    completion = answer.completion
    if question.tools or completion is None or not answer.text.strip():
        return asked_to_go_on(question, answer)
    if any((completion.gaps, completion.reasoning, completion.steps, completion.outputs, completion.refusal)):
        return asked_to_go_on(question, answer)
    return replace(question, value=None, prefix=answer)


def beginning(question: Question) -> str | None:
    """Return the text for the model to continue. Servers refuse white space at its end. None: it begins anew."""
    return question.prefix.text.rstrip() if question.prefix is not None else None


def without_beginning(question: Question, refusal: ErrorInfo) -> tuple[Question, StreamWarning] | None:
    """Ask in words if the server refused the beginning of the answer."""
    if question.prefix is None or refusal.status not in _REFUSED:
        return None
    warning = StreamWarning("prefill_refused", "the server does not continue a text, so it was asked for the rest")
    return asked_to_go_on(question, question.prefix), warning
