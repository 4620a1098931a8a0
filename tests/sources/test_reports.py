"""Streams of other libraries that people reported (tests/data/reports.json), and what each must come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, ToolMessage

import streamwidget as sw
from streamwidget._sources import as_stream

CASES = json.loads((Path(__file__).parents[1] / "data" / "reports.json").read_text("utf-8"))["cases"]
SHOWN = [case for case in CASES if case["layer"] == "show"]


@pytest.mark.parametrize("case", SHOWN, ids=[case["id"] for case in SHOWN])
async def test_a_reported_stream_is_shown_once(case: dict[str, Any]) -> None:
    """The text of the stream that the case's own lines make."""
    names: dict[str, Any] = {}
    exec(case["input"]["setup"], names)
    completion = await as_stream(eval(case["input"]["source"], names))
    assert completion.text == case["expect"]["text"]


async def test_a_tools_message_is_not_answer_text() -> None:
    """It is the result of the tool's call."""
    messages = [
        ToolMessage("RAW RESULT", tool_call_id="t"),
        AIMessageChunk("It is 42.", id="a", response_metadata={"finish_reason": "stop"}),
    ]
    completion = await as_stream(iter([AIMessageChunk("", id="a"), *messages]))
    assert (completion.text, completion.outcome) == ("It is 42.", "complete")
    assert [result.text for result in completion.tool_results] == ["RAW RESULT"]
    assert isinstance(completion, sw.ChatCompletion)
