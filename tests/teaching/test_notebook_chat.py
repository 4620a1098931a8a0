"""The notebook about the chat widget runs offline and leaves its transcript."""

from __future__ import annotations

import nbformat
import pytest
from nbformat import NotebookNode

from tests.support.kernels import ROOT
from tests.support.notebooks import execute, notebook, outputs_of

pytestmark = pytest.mark.kernel
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """Return the notebook, run."""
    unrun = nbformat.read(ROOT / "notebooks" / "01_chat_widget.ipynb", as_version=4)
    execute(unrun, tmp_path_factory.mktemp("chat"), {})
    return unrun


def by_id(run: NotebookNode, cell_id: str) -> list[NotebookNode]:
    return next(list(cell.outputs) for cell in run.cells if cell.id == cell_id)


def test_what_the_notebook_claims_comes_true(run: NotebookNode) -> None:
    """The answer is a value, the history says how each turn ended, and the label shows the second turn."""
    (result,) = by_id(run, "script-code")
    assert result.data["text/plain"].startswith("('complete', ")
    assert by_id(run, "history-code")[0].text == "What is a first delta? -> complete True\n"
    assert by_id(run, "observe-more")[-1].data["text/plain"] == "'2 turns'"


def test_a_frozen_chat_is_its_transcript(run: NotebookNode) -> None:
    """The transcript replaces the second widget, as HTML and as text."""
    (frozen,) = by_id(run, "freeze-code")
    assert WIDGET not in frozen.data
    assert "1\n2\n3" in frozen.data["text/html"]
    plain = frozen.data["text/plain"]
    assert plain.index("> count to 3") < plain.index("1\n2\n3")


def test_a_chat_is_alive_after_run_all(run: NotebookNode) -> None:
    """The first chat can be used after the last cell, and has both turns."""
    (shown,) = by_id(run, "show-code")
    assert WIDGET in shown.data
    plain = shown.data["text/plain"]
    assert plain.index("> What is a first delta?") < plain.index("> And a second question?")


def test_a_live_chat_in_a_file_has_its_transcript_as_text(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without a page, the widget's output has the transcript as text, and its saved state has it too."""
    live = notebook(
        "import streamwidget as sw\nwidget = sw.ChatWidget()\nwidget", "_ = await widget.send('kept in the file')"
    )
    execute(live, tmp_path_factory.mktemp("live"), {})
    (shown,) = outputs_of(live, "display_data")
    assert WIDGET in shown.data
    assert shown.data["text/plain"].startswith("> kept in the file\n\n")
    assert "This is the built-in" in shown.data["text/plain"]
    states = live.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    state = states[shown.data[WIDGET]["model_id"]]["state"]["state"]
    assert state["turns"][0]["answer"]["outcome"] == "complete"
