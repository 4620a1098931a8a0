"""Answers that people reported, in words and data of our own (tests/data/reports.json), and what each must come to."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._saved.answer import mimebundle
from tests.support.servers import QUICK, RawServer

CASES = json.loads((Path(__file__).parents[1] / "data" / "reports.json").read_text("utf-8"))["cases"]


def cases(*layers: str) -> Any:
    chosen = [case for case in CASES if case["layer"] in layers]
    assert chosen
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"], marks=_proves(case)) for case in chosen])


def _proves(case: dict[str, Any]) -> Any:
    """Return the mark of the row of the fault catalogue that a case belongs to."""
    row = {"01": "N32", "06": "N33", "08": "N34", "05": "N35", "09": "N35", "10": "N36", "11": "N37"}.get(
        case["kind"][:2]
    )
    return [pytest.mark.fault(row, "as the report says")] if row else []


def send(connection: socket.socket, reply: dict[str, Any]) -> None:
    """Send one reply, each of its chunks as an HTTP chunk of its own."""
    lines = [f"HTTP/1.1 {reply['status']} Whatever", "transfer-encoding: chunked", "connection: close"]
    lines += [f"{name}: {value}" for name, value in reply["headers"].items()]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    for chunk in reply["chunks"]:
        data = chunk.encode()
        connection.sendall(b"%x\r\n%b\r\n" % (len(data), data))
    connection.sendall(b"0\r\n\r\n")


async def end_of(url: str) -> sw.ChatCompletion:
    stream = sw.ChatClient(url, model="m", retry=QUICK).stream("Hi")
    try:
        return await stream
    except sw.StreamError as failure:
        return failure.completion


def check(expect: dict[str, Any], completion: sw.ChatCompletion, requests: int) -> None:
    said = completion.error.message if completion.error else ""
    for name, value in expect.items():
        match name:
            case "outcome":
                assert completion.outcome == value
            case "outcome_in":
                assert completion.outcome in value
            case "text":
                assert completion.text == value
            case "text_or_error":
                assert value in completion.text or said
            case "error_says":
                assert value in said
                assert completion.outcome != "complete"
            case "requests":
                assert requests == value
            case "saved_says":
                assert re.search(value, mimebundle(completion)["text/plain"])
            case _:
                raise AssertionError(f"no check for {name}")


@cases("http", "retry")
async def test_a_reported_answer_comes_to_what_it_is(case: dict[str, Any]) -> None:
    """Its text, its outcome and the server's own words, through the whole client."""
    given = case["input"]
    asked = 0

    def answer(connection: socket.socket) -> None:
        nonlocal asked
        asked += 1
        if "first" in given:
            reply = given["first"] if asked == 1 else given["then"]
        elif "if_body_has" in given:
            reply = given["then"] if given["if_body_has"].encode() in server.requests[-1] else given["else"]
        else:
            reply = given
        send(connection, reply)

    with RawServer(answer) as server:
        completion = await end_of(server.url)
    check(case["expect"], completion, asked)
