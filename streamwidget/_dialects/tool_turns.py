"""An answer that called tools, as the messages of a later request: each step with its calls and their results.

The rule of all APIs: each call has exactly one result, right after the message of the call, in the same order. So a
call without a result is not sent, and neither is a result without a call. Where a person has edited the text, or the
question offers no tools, the text alone is sent.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from streamwidget._core.attachments import Image
from streamwidget._core.completion import ChatCompletion, Step, ToolCall
from streamwidget._core.events import ToolResult
from streamwidget._core.messages import Message
from streamwidget._core.tools import Tool, tool_name
from streamwidget._dialects.dialect import Question


@dataclass(frozen=True, slots=True)
class Called:
    """One step: what the model said and called, and what the tools returned.

    Attributes
    ----------
    answer : Message
        The text, with the provider's own form of it.
    reasoning : str
    pairs : tuple of (ToolCall, ToolResult)
        Each call has an id, a name that the APIs take, and an object in JSON as its arguments.
    """

    answer: Message
    reasoning: str
    pairs: tuple[tuple[ToolCall, ToolResult], ...]

    @property
    def images(self) -> list[Image]:
        """The images of all results."""
        return [Image.of(src) for _, result in self.pairs for src in result.images]


def split_steps(
    question: Question, message: Message | Mapping[str, Any]
) -> tuple[tuple[Called, ...], Message | Mapping[str, Any] | None]:
    """Return the steps of an answer that called tools, and the message after them. None: there is nothing after them.

    A mapping has the provider's own form, so it has no steps.

    Examples
    --------
    >>> call, result = ToolCall("1", "look", "{}"), ToolResult("1", "look", "4 °C")
    >>> steps = (Step("", "", (call,), (result,)), Step("It is cold."))
    >>> answer = Message("assistant", "It is cold.", completion=ChatCompletion("It is cold.", steps=steps))
    >>> offers = Question((), None, {}, tools=({"type": "web_search"},))
    >>> called, rest = split_steps(offers, answer)
    >>> len(called), rest.text
    (1, 'It is cold.')
    """
    if not question.tools or not isinstance(message, Message) or message.completion is None:
        return (), message
    completion = message.completion
    if message.text != completion.text:
        return (), message
    steps = completion.steps or (Step("", "", completion.tool_calls, completion.tool_results),)
    steps = tuple(step for step in steps if not step.replaced)
    if completion.steps and _bare("".join(step.text for step in steps)) != _bare(completion.text):
        return (), message  # of a file that somebody has edited
    found = [_called(step, number) for number, step in enumerate(steps)]
    last = max((number for number, one in enumerate(found) if one.pairs), default=-1)
    if last < 0:
        return (), message
    after = "\n\n".join(one.answer.text for one in found[last + 1 :] if one.answer.text.strip())
    if not completion.steps:
        after = completion.text
    final = replace(steps[-1], text=after) if completion.steps else Step(after)
    rest = _said(final) if after.strip() else None
    return tuple(one for one in found[: last + 1] if one.pairs or one.answer.text.strip()), rest


def without_originals(question: Question) -> Question | None:
    """Return a question whose earlier answers have no form of their provider's own. None: they had none."""
    messages = tuple(_without_original(one) if isinstance(one, Message) else one for one in question.messages)
    changed = any(new is not old for new, old in zip(messages, question.messages, strict=True))
    return replace(question, messages=messages) if changed else None


def _without_original(message: Message) -> Message:
    completion = message.completion
    originals = () if completion is None else (completion.original, *(step.original for step in completion.steps))
    if completion is None or not any(originals):
        return message
    steps = tuple(replace(step, original=None) for step in completion.steps)
    return replace(message, completion=replace(completion, original=None, steps=steps))


def _bare(text: str) -> str:
    return "".join(text.split())


def _said(step: Step) -> Message:
    said = ChatCompletion(step.text, step.reasoning, original=step.original)
    return Message("assistant", step.text, completion=said)


def _called(step: Step, number: int) -> Called:
    results: dict[str, deque[ToolResult]] = {}
    for result in step.tool_results:
        results.setdefault(f"id {result.id}" if result.id else f"name {result.name}", deque()).append(result)
    pairs, used = [], set()
    for place, call in enumerate(step.tool_calls):
        waiting = results.get(f"id {call.id}") if call.id else results.get(f"name {call.name}")
        if not waiting:
            continue
        name = call.id if call.id and call.id not in used else f"call_{number}_{place}"
        used.add(name)
        sent = ToolCall(name, tool_name(call.name or "tool"), _object(call.arguments))
        pairs.append((sent, replace(waiting.popleft(), id=name, name=sent.name)))
    return Called(_said(step), step.reasoning, tuple(pairs))


def _object(arguments: str) -> str:
    """Return the arguments of a call, or an empty object for what is not one. A server may refuse the whole request."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"


def declared(question: Question, write: Callable[[Tool], dict[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the tools that a question offers. ``write`` gives the form of a function. A person's JSON stays."""
    return [write(one) if isinstance(one, Tool) else one for one in question.tools]


def about(tool: Tool, schema: str) -> dict[str, Any]:
    """Return what all APIs are told of a function. ``schema`` is the name that they have for the schema's field.

    An empty description is left out.
    """
    said = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **said, schema: tool.arguments.schema}


def as_function(tool: Tool) -> dict[str, Any]:
    """Return a tool in the form of chat completions. Ollama has the same."""
    return {"type": "function", "function": about(tool, "parameters")}


def merged(messages: list[Any], parts: str) -> list[Any]:
    """Join neighbours of one role, because some APIs want the roles to take turns. ``parts`` names the list in them.

    Examples
    --------
    >>> merged([{"role": "user", "content": [1]}, {"role": "user", "content": [2]}], "content")
    [{'role': 'user', 'content': [1, 2]}]
    """
    joined: list[Any] = []
    for message in messages:
        before = joined[-1] if joined else {}
        if before.keys() == message.keys() == {"role", parts} and before["role"] == message["role"]:
            joined[-1] = {**before, parts: [*_listed(before[parts]), *_listed(message[parts])]}
        else:
            joined.append(message)
    return joined


def _listed(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
