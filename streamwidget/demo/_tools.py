"""The calls of tools that the demo server makes, as a model does: arguments from the question, and then an answer.

It understands nothing. The words of the question fill the arguments: numbers, the choices of an enum, and names, which
are quoted or begin with a capital letter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from streamwidget.demo._answers import message_text
from streamwidget.demo._values import resolved

_MOST = 8  # calls in one answer
_LONGEST = 300  # characters of a result that an answer repeats
_PIECE = 6  # characters of arguments in a delta
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`")
#: A capital letter begins a sentence too, so the first word of one is not a name.
_NAME = re.compile(r"(?<![.?!:] )(?<!^)\b[^\W\d_a-z]\w*(?: [^\W\d_a-z]\w+)*", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,12}(?:\.\d{1,12})?(?!\.?\w)")


def calls_for(tools: Sequence[Any], messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the calls of the first tool that fits the question, as names and arguments.

    A tool fits if the question has all that it needs. One that the question names comes first. After the results of
    tools there are no more calls.

    >>> length = {"properties": {"river": {"type": "string"}}, "required": ["river"]}
    >>> tools = [{"type": "function", "function": {"name": "length", "parameters": length}}]
    >>> calls_for(tools, [{"role": "user", "content": "How long are the Elbe and the Rhine?"}])
    [('length', '{"river": "Elbe"}'), ('length', '{"river": "Rhine"}')]
    """
    question = message_text(messages[-1])[:2_000]
    if messages[-1]["role"] != "user" or results_in(messages):
        return []
    functions = [tool["function"] for tool in tools if _is_function(tool)]
    functions.sort(key=lambda function: not _is_named(function["name"], question))
    for function in functions:
        schema = function.get("parameters")
        found = _arguments(schema if isinstance(schema, dict) else {}, question, function["name"])
        if found:
            return [(function["name"], json.dumps(arguments, ensure_ascii=False)) for arguments in found]
    return []


def results_in(messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the results of the last message's tools, as names and texts.

    >>> call = {"id": "1", "function": {"name": "length"}}
    >>> results_in([{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "1", "content": "7"}])
    [('length', '7')]
    """
    start = max((place for place, one in enumerate(messages) if one["role"] == "assistant"), default=0)
    calls = messages[start].get("tool_calls")
    names = {str(call.get("id")): call["function"]["name"] for call in calls or () if _is_function(call)}
    results = [one for one in messages[start:] if one["role"] == "tool"]
    return [(names.get(str(one.get("tool_call_id")), "?"), message_text(one)) for one in results]


def answer_from(results: Sequence[tuple[str, str]]) -> str:
    """Return an answer made of the results, or of the beginnings of long ones.

    >>> answer_from([("length", "1094")])
    'The tool `length` returned: 1094'
    """
    said = [f"`{name}` returned: {text[:_LONGEST]}{'…' * (len(text) > _LONGEST)}" for name, text in results]
    return (
        f"The tool {said[0]}" if len(said) == 1 else "\n".join(["The tools answered:\n", *(f"- {one}" for one in said)])
    )


def call_deltas(calls: Sequence[tuple[str, str]], messages: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the deltas of some calls. The arguments come in pieces. No id is one of an earlier call."""
    earlier = sum(len(message.get("tool_calls") or ()) for message in messages)
    for index, (name, arguments) in enumerate(calls):
        head, number = {"name": name, "arguments": ""}, earlier + index + 1
        yield {"tool_calls": [{"index": index, "id": f"call_demo_{number}", "type": "function", "function": head}]}
        for start in range(0, len(arguments), _PIECE):
            piece = {"arguments": arguments[start : start + _PIECE]}
            yield {"tool_calls": [{"index": index, "function": piece}]}


def _is_function(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _is_named(name: str, question: str) -> bool:
    """Return True if the question has a word of a tool's name: ``get_weather`` -> "weather"."""
    words = [word for word in re.split(r"[\W_]+", name.lower()) if len(word) >= 3]
    return any(re.search(rf"\b{word}", question.lower()) for word in words)


def _arguments(schema: Mapping[str, Any], question: str, name: str) -> list[dict[str, Any]]:
    """Return the arguments of each call. Values of the same kind are taken in turn."""
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    needed = [field for field in properties if isinstance(required, list) and field in required]
    extra = {
        field: values[0]
        for field, part in properties.items()
        if field not in needed and "enum" in resolved(part, schema) and (values := _words(part, schema, question))
    }
    if not needed:
        return [extra] if _is_named(name, question) else []
    pools: dict[str, Iterator[Any]] = {}
    calls: list[dict[str, Any]] = []
    while len(calls) < _MOST:
        arguments = {}
        for field in needed:
            kind = resolved(properties[field], schema)
            words = pools.setdefault(f"{kind.get('type')} {kind.get('enum')}", iter(_words(kind, schema, question)))
            if (value := next(words, None)) is None:
                return calls
            arguments[field] = value
        calls.append(arguments | extra)
    return calls


def _words(part: Any, root: Mapping[str, Any], question: str) -> list[Any]:
    """Return the words of a question that fit a schema, in their order."""
    part = resolved(part, root)
    if isinstance(choices := part.get("enum"), list):
        matches = [re.search(rf"\b{re.escape(str(choice))}\b", question, re.IGNORECASE) for choice in choices]
        named = [(match.start(), place) for place, match in enumerate(matches) if match]
        return [choices[place] for _, place in sorted(named)]
    match part.get("type"):
        case "integer":
            return [int(number) for number in _NUMBER.findall(question) if "." not in number]
        case "number":
            return [float(number) if "." in number else int(number) for number in _NUMBER.findall(question)]
        case "string":
            quoted = [next(filter(None, found)) for found in _QUOTED.findall(question)]
            return quoted or _NAME.findall(question)
        case "array":
            found = _words(part.get("items", {}), root, question)
            return [found] if found else []
    return []
