"""The notebooks run, need no network, and are kept without outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from tests.support.kernels import ROOT
from tests.support.notebooks import execute

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
#: The teaching notebooks have a number of 10 or more. The page for Voila is not a lesson.
LESSONS = [path for path in NOTEBOOKS if path.stem[:2].isdigit() and path.stem >= "10"]
#: The other lessons run in JupyterLab: tests/ui/test_teaching_page.py.
WITHOUT_A_PAGE = [path for path in LESSONS if path.stem not in ("10_what_is_a_stream", "13_when_it_fails")]
QUICKSTART = ROOT / "notebooks" / "00_quickstart.ipynb"


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Path, Future[NotebookNode]]]:
    """Run the notebooks by nbclient, without a provider and without a network.

    Two run at a time, because they mostly wait for the pace of an answer. Only those that a chosen test asks for run.
    """
    # Made before the threads start: two that ask pytest for its first folder may each begin a base of their own.
    folder = tmp_path_factory.mktemp("runs")

    def run(path: Path) -> NotebookNode:
        notebook = nbformat.read(path, as_version=4)
        directory = folder / path.stem
        directory.mkdir()
        execute(notebook, directory, {})
        return notebook

    chosen = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    paths = [
        item.callspec.params["path"] for item in chosen if "runs" in item.fixturenames and hasattr(item, "callspec")
    ]
    if any("quickstart" in item.fixturenames for item in chosen):
        paths.append(QUICKSTART)
    with ThreadPoolExecutor(2) as pool:
        yield {path: pool.submit(run, path) for path in paths}


@pytest.fixture(scope="module")
def quickstart(runs: dict[Path, Future[NotebookNode]]) -> NotebookNode:
    """Return the quickstart, run from top to bottom."""
    return runs[QUICKSTART].result()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_running_it_leaves(path: Path) -> None:
    """No outputs, execution counts, widget state or timestamps. So a diff shows only the changes of a person."""
    kept = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(kept)
    assert set(kept.metadata) <= {"kernelspec", "language_info"}
    assert kept.metadata.kernelspec.name == "python3"
    for cell in kept.cells:
        assert not cell.metadata
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_there_are_a_quickstart_and_lessons() -> None:
    """The lists of notebooks in the other tests are not empty."""
    assert "00_quickstart" in [path.stem for path in NOTEBOOKS]
    assert "11_on_the_wire" in [path.stem for path in LESSONS]


@pytest.mark.kernel
@pytest.mark.parametrize("path", WITHOUT_A_PAGE, ids=lambda path: path.stem)
def test_a_lesson_runs_top_to_bottom_offline(path: Path, runs: dict[Path, Future[NotebookNode]]) -> None:
    """Every cell of a lesson runs, also the answers to its exercises. The cells themselves assert what it claims."""
    run = runs[path].result()
    assert all(entry.execution_count for entry in run.cells if entry.cell_type == "code")


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_has_exercises_and_their_answers(path: Path) -> None:
    """The heading "Exercises" has at least one exercise, and each has an answer below it or folded into it."""
    texts = [entry.source for entry in nbformat.read(path, as_version=4).cells if entry.cell_type == "markdown"]
    _, heading, exercises = "\n\n".join(texts).partition("\n## Exercises\n")
    assert heading
    questions, answers = re.split(r"\n## Answers\n|<summary>", exercises, maxsplit=1)
    assert "1. " in questions or "**1." in questions
    for number in re.findall(r"^(\d+)\. ", questions, re.MULTILINE):
        assert f"**{number}.**" in answers


@pytest.mark.kernel
def test_a_prompt_is_answered_and_saved_as_a_demo(quickstart: NotebookNode) -> None:
    """The first answer is saved as HTML and text with a demo mark, and the next cell has all of it."""
    (answer,) = cell(quickstart, "first-code").outputs
    assert "What is streaming" in answer.data["text/html"]
    assert "<strong>demo</strong>" in answer.data["text/html"]
    assert "complete" in answer.data["text/plain"].splitlines()[-1]
    assert "complete Usage(prompt_tokens=" in printed(quickstart, "last-code")


@pytest.mark.kernel
def test_a_variable_goes_into_the_prompt_and_other_braces_stay(quickstart: NotebookNode) -> None:
    """The prompt that was sent has the variable's text and the literal braces."""
    sent = printed(quickstart, "variable-code")
    assert "{'day': 'Tuesday', 'celsius': 17.0}" in sent
    assert '{"day": "Sunday"}' in sent
    assert "{{" not in sent


@pytest.mark.kernel
def test_an_answer_in_a_variable_is_a_value(quickstart: NotebookNode) -> None:
    """``x = %chat`` gives a completion to compute with."""
    assert result(quickstart, "answer-use-code") == "78"
    assert printed(quickstart, "answer-show-code").startswith("23 deltas, the first after 0.")


@pytest.mark.kernel
def test_an_answer_that_nobody_stops_comes_whole(quickstart: NotebookNode) -> None:
    """The cell for trying Stop ends by itself."""
    text = cell(quickstart, "stop-code").outputs[0].data["text/plain"]
    assert text.split("\n\n")[0].split() == [str(number) for number in range(1, 151)]


@pytest.mark.kernel
def test_cancel_ends_the_answer_and_not_the_run(quickstart: NotebookNode) -> None:
    """The cell that stops itself after twenty deltas succeeds, with outcome cancelled."""
    # More deltas may come in the same read as the twentieth.
    last = printed(quickstart, "cancel-code").splitlines()[-1]
    assert (match := re.fullmatch(r"cancelled after (\d+) deltas", last))
    assert 20 <= int(match[1]) < 150


@pytest.mark.kernel
def test_all_ways_of_reading_from_python_work(quickstart: NotebookNode) -> None:
    """``async for``, ``await`` (several at once) and ``wait()`` all give the text."""
    assert result(quickstart, "events-code") == "{'TextDelta': 9, 'Usage': 1, 'Finish': 1}"
    assert result(quickstart, "await-code") == "[10, 20, 30]"
    assert result(quickstart, "wait-code") == "7"


@pytest.mark.kernel
def test_a_failure_keeps_the_text(quickstart: NotebookNode) -> None:
    """The dropped connection raises a StreamError with the text that came before."""
    told = printed(quickstart, "error-code")
    assert told.startswith("StreamInterrupted: ")
    assert "outcome: interrupted, worth another try: True" in told
    assert "what came: '## Tell me about rivers" in told


@pytest.mark.kernel
def test_the_saved_quickstart_has_no_live_widget(quickstart: NotebookNode) -> None:
    """The saved outputs do not need a kernel. A completion as a result looks like the answer itself."""
    saved = json.dumps([entry.get("outputs") for entry in quickstart.cells])
    assert "widget-view" not in saved
    assert "model not found" not in saved
    assert cell(quickstart, "saved-code").outputs[0].data == cell(quickstart, "answer-code").outputs[0].data


def cell(run: NotebookNode, cell_id: str) -> Any:
    """Return the cell with that id."""
    return next(entry for entry in run.cells if entry.id == cell_id)


def printed(run: NotebookNode, cell_id: str) -> str:
    """Return what a cell printed to standard output."""
    return "".join(output.text for output in cell(run, cell_id).outputs if output.get("name") == "stdout")


def result(run: NotebookNode, cell_id: str) -> str:
    """Return the text of a cell's result."""
    texts = [output.data["text/plain"] for output in cell(run, cell_id).outputs if "execution_count" in output]
    return str(texts[0])
