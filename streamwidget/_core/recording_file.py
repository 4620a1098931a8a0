r"""The file format of a recording.

It is JSON lines, so that you can read, cut and share it, and attach it to a bug report. The first line has the version,
the model and the limits. Then each record is one line, in order. ``at`` is in seconds since the request::

    {"streamwidget_recording": 1, "model": "demo", "limits": {"stall": 30, ...}, "dialect": "...", "streamed": true}
    {"at": 0.0, "request": {"method": "POST", "url": "...", "headers": {...}, "body": {...}}}
    {"at": 0.31, "response": {"status": 200, "headers": {...}}}
    {"at": 0.32, "chunk": "data: {...}\n\n"}                      or "chunk_base64", if it is not UTF-8
    {"at": 1.02, "end": "whole", "detail": ""}                     or "broken", or "left" by the client
    {"at": 1.05, "tool": {"name": "weather", "text": "4 °C", ...}}  if the answer called one
    {"at": 1.05, "outcome": "complete"}

The file contains the prompt and the answer. The API key and all headers that are not known to be harmless are left out.
"""

from __future__ import annotations

import base64
import itertools
import json
import math
import re
from dataclasses import asdict, fields, replace
from typing import Any, Literal

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import Outcome, ToolResult
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.json_values import read, read_field
from streamwidget._core.recording import (
    ChunkReceived,
    Recording,
    RequestFailed,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    ToolReturned,
    WireRecord,
)
from streamwidget._core.redaction import WireMask
from streamwidget._core.secrets import Secrets, mask
from streamwidget._core.timeout import Timeout

_VERSION = 1
_LONGEST = 1e9  # seconds. An event loop cannot wait longer than some years
_ERROR = re.compile(rb'"error"|^event: ?error', re.MULTILINE)


def to_jsonl(recording: Recording) -> str:
    """Return the text of the file."""
    head = {
        "streamwidget_recording": _VERSION,
        "model": recording.model,
        "limits": asdict(recording.limits),
        "dialect": recording.dialect,
        "streamed": recording.streamed,
    }
    lines: list[dict[str, Any]] = [head]
    for attempt in recording.attempts:
        lines += [_line_of(record) for record in _without_secrets(attempt, recording.secrets)]
    if recording.outcome is not None:
        lines.append({"at": round(recording.ended_at, 6), "outcome": recording.outcome})
    return "".join(_as_text(line) + "\n" for line in lines)


def from_jsonl(text: str, name: str) -> Recording:
    """Read the text of a file. ``name`` is the file's name, for messages.

    Raises
    ------
    ConfigurationError
        If it is not a recording. The message names the file and the line.
    """
    # Not splitlines(): it also splits at U+2028, and JSON does not escape that in an answer.
    first, *lines = text.rstrip("\n").split("\n")
    try:
        head = json.loads(first)
        version = head["streamwidget_recording"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise ConfigurationError(f"{name} is not a recording of a stream: its first line is not that of one.") from None
    if version != _VERSION or type(version) is not int:
        found = "an unknown version" if isinstance(version, dict | list) else f"version {version!r:.40}"
        raise ConfigurationError(f"{name} is a recording of {found}. This streamwidget reads {_VERSION}.")
    number = 1
    try:
        recording = _recording_of(head)
        for line in lines:
            number += 1
            entry = json.loads(line)
            if isinstance(entry, dict) and "outcome" in entry:
                recording.outcome, recording.ended_at = read_field(Outcome, entry, "outcome", "it"), _time_of(entry)
            else:
                recording.records.append(_record_of(entry))
    except RecursionError:
        raise ConfigurationError(f"{name}, line {number}, is not a record: it is nested too deeply.") from None
    except ValueError as exc:  # a ConfigurationError too
        raise ConfigurationError(f"{name}, line {number}, is not a record: {str(exc).rstrip('.')}.") from None
    return recording


def _without_secrets(attempt: list[WireRecord], secrets: Secrets) -> list[WireRecord]:
    """Return the records of one request without secrets. Each chunk keeps its length."""
    body = b"".join(record.data for record in attempt if isinstance(record, ChunkReceived))
    refused = any(isinstance(record, ResponseStarted) and record.status != 200 for record in attempt)
    # Text that only looks like a key is masked in errors and not in answers, because an answer may contain `***`.
    wire = WireMask(secrets)
    parts = [
        *(wire.feed(line, guess=refused or _ERROR.search(line) is not None) for line in body.splitlines(keepends=True)),
        wire.flush(),
    ]
    clean = b"".join(itertools.chain.from_iterable(parts))
    records: list[WireRecord] = []
    place = 0
    for record in attempt:
        if isinstance(record, ChunkReceived):
            start, place = place, place + len(record.data)
            record = ChunkReceived(record.at, clean[start:place])  # noqa: PLW2901
        elif isinstance(record, ResponseEnded):
            record = ResponseEnded(record.at, record.how, mask(record.detail, secrets))  # noqa: PLW2901
        elif isinstance(record, ToolReturned):
            record = ToolReturned(record.at, replace(record.result, text=mask(record.result.text, secrets)))  # noqa: PLW2901
        records.append(record)
    return records


def _as_text(line: dict[str, Any]) -> str:
    text = json.dumps(line, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, which UTF-8 does not have. JSON can escape it
        return json.dumps(line)
    return text


def _line_of(record: WireRecord) -> dict[str, Any]:
    line: dict[str, Any] = {"at": round(record.at, 6)}
    match record:
        case RequestSent(method=method, url=url, headers=headers, body=body):
            fields = {"method": method, "url": url, "headers": dict(headers), "body": json.loads(body or "null")}
            line["request"] = fields
        case ResponseStarted(status=status, headers=headers):
            line["response"] = {"status": status, "headers": dict(headers)}
        case ChunkReceived(data=data):
            try:
                line["chunk"] = data.decode()
            except UnicodeDecodeError:
                line["chunk_base64"] = base64.b64encode(data).decode()
        case ResponseEnded(how=how, detail=detail):
            line |= {"end": how, "detail": detail}
        case RequestFailed(error=error, retryable=retryable):
            line |= {"failed": asdict(error), "retryable": retryable}
        case ToolReturned(result=result):
            line["tool"] = asdict(result)
    return line


def _recording_of(head: dict[str, Any]) -> Recording:
    limits = read(dict[str, object], head.get("limits", {}), "limits")
    if unknown := set(limits) - {field.name for field in fields(Timeout)}:
        raise ValueError(f"limits has an unknown field {min(unknown)!r:.40}")
    for limit, seconds in limits.items():
        if seconds != math.inf:  # a limit may be infinite
            read(float | None, seconds, f"limits, {limit}")
    return Recording(
        read(str | None, head.get("model"), "model"),
        Timeout(**limits),
        dialect=read(str | None, head.get("dialect"), "dialect"),
        streamed=read(bool, head.get("streamed", True), "streamed"),
    )


def _record_of(value: object) -> WireRecord:
    at = _time_of(value)
    line = read(dict[str, object], value, "it")
    match line:
        case {"request": request}:
            method, url, body = (
                read_field(kind, request, name, "request")
                for kind, name in ((str, "method"), (str, "url"), (object, "body"))
            )
            headers = read_field(dict[str, str], request, "headers", "request")
            return RequestSent(at, method, url, headers, json.dumps(body, ensure_ascii=False))
        case {"response": response}:
            status = read_field(int, response, "status", "response")
            if not 100 <= status <= 999:
                raise ValueError(f"response, status is {status}")
            return ResponseStarted(at, status, read_field(dict[str, str], response, "headers", "response"))
        case {"chunk": text}:
            return ChunkReceived(at, read(str, text, "chunk").encode())
        case {"chunk_base64": text}:
            return ChunkReceived(at, base64.b64decode(read(str, text, "chunk_base64"), validate=True))
        case {"end": how}:
            how = read(Literal["whole", "broken", "left"], how, "end")
            return ResponseEnded(at, how, read(str, line.get("detail", ""), "detail"))
        case {"failed": error}:
            return RequestFailed(at, read(ErrorInfo, error, "failed"), read_field(bool, line, "retryable", "it"))
        case {"tool": result}:
            return ToolReturned(at, read(ToolResult, result, "tool"))
    raise ValueError("it is of an unknown kind")


def _time_of(line: object) -> float:
    at = round(float(read_field(float, line, "at", "it")), 6)  # microseconds, as they are written
    if at > _LONGEST:
        raise ValueError(f"at is {at}")
    return at
