"""The notebook about many questions and memory runs offline, and shows the promised things."""

from __future__ import annotations

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
    notebook = nbformat.read(ROOT / "notebooks" / "03_many_and_memory.ipynb", as_version=4)
    execute(notebook, tmp_path_factory.mktemp("many"), {})
    return notebook


def test_rows_are_asked_once(run: NotebookNode) -> None:
    whole = "['complete', 'complete', 'complete']"
    assert printed(run, "batch-again-code") == f"{whole} from the file: [True, True, True]\n"


def test_models_stand_beside_each_other(run: NotebookNode) -> None:
    (saved,) = cell(run, "compare-code").outputs
    assert "Kept: 1. demo" in saved.data["text/plain"]
    assert printed(run, "compare-result-code") == "['complete', 'complete', 'http_error']\nTrue\n"


def test_an_unchanged_question_is_not_asked_again(run: NotebookNode) -> None:
    """A fresh one is. A changed variable makes a turn stale."""
    assert "asked: [True, False, True]" in printed(run, "reuse-again-code")
    assert "not asked again (--fresh asks)" in str(cell(run, "reuse-again-code").outputs)
    assert "Its prompt has changed: {{river}}." in printed(run, "stale-list-code")


def test_the_notebook_shows_what_goes_and_what_left(run: NotebookNode) -> None:
    fold = cell(run, "context-code").outputs[0].data["text/plain"]
    assert "max(lengths, key=lengths.get)" in fold
    assert "Goes with the prompt: cell [" in fold
    receipt = printed(run, "receipt-code")
    assert "river" in receipt
    assert "answer tokens" in printed(run, "cost-code")
