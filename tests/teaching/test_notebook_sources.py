"""The notebook about other people's streams runs offline, and its answers are saved."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbformat import NotebookNode

from tests.support.kernels import ROOT
from tests.support.notebooks import execute
from tests.teaching.test_notebooks import cell, printed

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """Run the notebook by nbclient, without a network."""
    notebook = nbformat.read(ROOT / "notebooks" / "02_your_own_stream.ipynb", as_version=4)
    execute(notebook, tmp_path_factory.mktemp("sources"), {})
    return notebook


def test_generators_are_shown_and_saved(run: NotebookNode) -> None:
    """The saved notebook has the answers of an async and a blocking generator as HTML. Their results are values."""
    (answer,) = cell(run, "own-code").outputs
    assert "<h2>A countdown</h2>" in answer.data["text/html"]
    assert printed(run, "own-result-code") == "complete 32 '## A countdown\\n'\n"
    (blocking,) = cell(run, "blocking-code").outputs
    assert "<li>steady</li>" in blocking.data["text/html"]


def test_the_openai_client_is_shown_and_marked_as_a_demo(run: NotebookNode) -> None:
    """The answer is marked as a demo, and its outcome is the one of the server."""
    (answer,) = cell(run, "sdk-code").outputs
    assert "<strong>demo</strong>" in answer.data["text/html"]
    assert printed(run, "sdk-result-code") == "demo stop complete True\n"


def test_failures_limits_and_stops_keep_what_came(run: NotebookNode) -> None:
    """The outcome says how each ended, and so does the saved answer."""
    said = "SourceError | error | As far as it came | ConnectionError('the line is dead')\n"
    assert printed(run, "fail-code") == said
    assert printed(run, "limit-code") == "stopped after a second\n"
    assert printed(run, "view-stop-code") == "cancelled\n"
    for name, ending in (("fail-code", "error (ConnectionError: the line is dead)"), ("limit-code", "stopped")):
        shown = [output.data["text/plain"] for output in cell(run, name).outputs if "data" in output]
        assert ending in shown[0].splitlines()[-1]


def test_only_the_view_that_stays_is_a_widget_in_the_file(run: NotebookNode) -> None:
    """The answers of ``show`` do not need a kernel."""
    live = [entry.id for entry in run.cells if "widget-view" in json.dumps(entry.get("outputs", []))]
    assert live == ["view-code"]
