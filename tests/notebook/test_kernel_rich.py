"""Files and rich answers in a real kernel: an attachment in a cell, and what a model shows, live and saved."""

from __future__ import annotations

from typing import Any

import pytest

from streamwidget._saved.kept_turn import TURNS
from tests.support.chat_kernels import ChatKernel

pytestmark = [pytest.mark.kernel, pytest.mark.parametrize("chat", ["latest"], indirect=True)]

SETUP = """import streamwidget as sw
class Table:
    def _repr_html_(self):
        return "<table><tr><td>1</td></tr></table>"
    def __repr__(self):
        return "Table"
class Chart:
    def _repr_mimebundle_(self, **_):
        return {"application/vnd.test.chart+json": {"marks": [1, 2]}}
    def __repr__(self):
        return "Chart"
def model(messages):
    yield "Here: "
    yield Table()
    yield "and "
    yield Chart()
rivers = sw.Attachment.of(b"river,km\\n" * 20_000, name="rivers.csv")"""
BUNDLES = "application/vnd.streamwidget.outputs+json"
TABLE = {"text/html": "<table><tr><td>1</td></tr></table>", "text/plain": "Table"}
CHART = {"application/vnd.test.chart+json": {"marks": [1, 2]}, "text/plain": "Chart"}


@pytest.mark.parametrize("code", ["%%chat --client model\nShow it.", "_ = await sw.show(model([]))"])
def test_an_object_is_shown_at_its_place_and_kept_in_its_formats(chat: ChatKernel, code: str) -> None:
    """The page gets it in a message of its own. The notebook keeps all of its formats, and a chart as an output."""
    chat.execute(SETUP)
    cell = chat.execute_async(code)
    view = chat.view(cell)
    cell.wait()
    assert (cell.status, cell.stderr) == ("ok", "")
    shown: list[dict[str, Any]] = []
    for message in view.messages:
        if message["op"] == "snapshot":
            shown = message["outputs"]
        elif message["op"] == "output":
            shown.append(message)
    assert [(one["at"], one["data"], one["trusted"]) for one in shown] == [(6, TABLE, True), (10, CHART, True)]
    assert view.replay() == "Here: and "
    saved, chart = (output["data"] for output in cell.outputs)
    assert saved.keys() - {TURNS} == {"text/html", "text/plain", BUNDLES}
    assert TABLE["text/html"] in saved["text/html"]
    assert saved["text/plain"].startswith("Here: \n\nTable\n\nand \n\nChart")
    assert [one["data"] for one in saved[BUNDLES]] == [TABLE, CHART]
    assert chart == CHART


def test_a_file_in_a_variable_goes_with_the_prompt(chat: ChatKernel) -> None:
    """Its place is named in the prompt, and a line says how much of it is sent. The conversation keeps it."""
    chat.execute(SETUP)
    cell = chat.execute("%%chat\nWhich river is the longest in {{rivers}}?")
    assert "rivers: first 99,999 of 180,000 characters sent" in cell.stdout
    text, part = chat.server.requests[-1].body["messages"][-1]["content"]
    assert text["text"].strip() == "Which river is the longest in [file 1: rivers.csv]?"
    assert part["text"].startswith("File rivers.csv (first 99,999 of 180,000 characters):\n```csv\nriver,km\n")
    assert chat.value("_conversation.turns[-1].user.attachments[0] == rivers") is True
