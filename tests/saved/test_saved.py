"""The files that nbclient, papermill and ``jupyter nbconvert --execute`` write for a notebook with ``%%chat``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbconvert import MarkdownExporter
from nbformat import NotebookNode

from streamwidget.demo import DemoServer
from tests.support.notebooks import KERNEL, command, execute, notebook, outputs_of
from tests.support.tool_models import MODEL_IN_CELL

pytestmark = pytest.mark.kernel

CANARY = "sk-canary-0123456789abcdefghij"
TOOLS = ("nbclient", "papermill", "nbconvert")
GOOD = (
    "%load_ext streamwidget",
    "%%chat -m demo-long\nTell me about rivers.",
    "print('next cell:', _chat.outcome, len(_chat.text))",
    "x = %chat count to 5",
    "%%chat -o y\ncount to 7",
    "%%time\ny = %chat count to 9",
    "print('values:', x.text.split(), y.text.split())",
    MODEL_IN_CELL,
    "%%chat --once --client it --tools remove\nRemove it.",
    "print('ran:', ran, _chat.text)",
    "await sw.show(it.stream('x', tools=[remove], confirm='never'))",
    "print('then:', ran)",
)
# demo-401-echo repeats the whole key in its error message, like some providers.
BAD = (
    "%load_ext streamwidget",
    "%%chat -m demo-401-echo\nWho am I?",
    "print('must not' + ' run')",
)
RIVERS = 4_000  # deltas of demo-long


@dataclass(frozen=True, slots=True)
class Run:
    """A notebook after its run. ``text`` is the file, ``said`` the output of the tool, ``failed`` its failure."""

    saved: NotebookNode
    text: str
    said: str
    failed: bool


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=10_000, first_delta=0.02) as started:
        yield started


@pytest.fixture(scope="module")
def env(server: DemoServer) -> dict[str, str]:
    return {"STREAMWIDGET_BASE_URL": server.url, "STREAMWIDGET_API_KEY": CANARY}


def run_with(tool: str, cells: tuple[str, ...], directory: Path, env: dict[str, str], *extra: str) -> Run:
    source, target = directory / "source.ipynb", directory / "target.ipynb"
    unrun = notebook(*cells)
    nbformat.write(unrun, source)
    if tool == "nbclient":
        said, failed = "", False
        try:
            execute(unrun, directory, env)
        except CellExecutionError as exc:
            said, failed = str(exc), True
        nbformat.write(unrun, target)
    else:
        if tool == "papermill":
            done = command("papermill", source.name, target.name, "-k", KERNEL, directory=directory, env=env)
        else:
            done = convert("notebook", directory, env, f"--output={target.name}", *extra)
        said, failed = done.stdout + done.stderr, done.returncode != 0
    text = target.read_text("utf-8") if target.exists() else "{}"
    saved = nbformat.read(target, as_version=4) if target.exists() else notebook()
    return Run(saved, text, said, failed)


def convert(kind: str, directory: Path, env: dict[str, str], *extra: str) -> subprocess.CompletedProcess[str]:
    arguments = ("nbconvert", "--execute", f"--ExecutePreprocessor.kernel_name={KERNEL}", f"--to={kind}", *extra)
    return command("jupyter", *arguments, "source.ipynb", directory=directory, env=env)


@pytest.fixture(scope="module", params=TOOLS)
def good(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> Run:
    """Run the notebook with good prompts, by each tool."""
    done = run_with(request.param, GOOD, tmp_path_factory.mktemp("good"), env)
    assert not done.failed, done.said
    return done


def test_a_tool_that_asks_does_not_run(good: Run) -> None:
    """Nobody can be asked, so the model is told, the line under the answer says so, and the cell ends at once.

    Code that says ``confirm="never"`` runs it.
    """
    assert "ran: [] The tool said: Not run: nobody could be asked. " in good.text
    (answer,) = [one for one in map(str, outputs_of(good.saved, "display_data")) if "The tool said: Not run" in one]
    assert "remove did not run: nobody could be asked" in answer
    assert "then: ['x']" in good.text


@pytest.mark.fault("F7", "nbclient, nbconvert and papermill save the whole answer as HTML and text")
def test_the_whole_answer_is_saved(good: Run) -> None:
    """HTML and plain text have the answer to its last word, and say that it is complete."""
    answer = outputs_of(good.saved, "display_data")[0]["data"]
    assert set(answer) >= {"text/html", "text/plain"}
    text, _, footer = answer["text/plain"].rpartition("\n\n")
    assert f"next cell: complete {len(text)}" in good.text
    assert f"complete · {RIVERS} tokens" in footer
    assert text.split()[-1] in answer["text/html"]
    assert f"complete · {RIVERS} tokens" in answer["text/html"]


@pytest.mark.fault("F7", "the next cell has the answer")
def test_the_next_cell_has_the_answers(good: Run) -> None:
    """``_chat``, ``x = %chat``, ``-o`` and the synchronous path (``%%time``) all give the next cell the whole text."""
    printed = "".join(output["text"] for output in outputs_of(good.saved, "stream"))
    assert "next cell: complete" in printed
    assert f"values: {[str(n) for n in range(1, 6)]} {[str(n) for n in range(1, 10)]}" in printed


def test_no_live_widget_is_left_in_the_outputs(good: Run) -> None:
    """A reader of the file does not need a kernel."""
    outputs = json.dumps([cell.get("outputs") for cell in good.saved.cells])
    assert "widget-view" not in outputs
    assert "model not found" not in outputs
    assert len(outputs_of(good.saved, "display_data")) == 6


def test_the_saved_widget_state_does_not_grow_with_the_answers(good: Run) -> None:
    """These tools save the state of closed widgets too. Each answer adds little, and never its text."""
    saved = good.saved.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {"state": {}})
    sizes = sorted(len(json.dumps(model)) for model in saved["state"].values())
    assert sum(sizes[:-1]) < 6 * 10_000  # the largest is the code, and all answers share it
    assert "point 5:" not in json.dumps(saved)  # words of the long answer


@pytest.mark.fault("S2", "absent from what nbclient, nbconvert and papermill write")
def test_the_key_is_nowhere(good: Run) -> None:
    """The key is not in the file and not in the output of the tool."""
    assert CANARY not in good.text + good.said


@pytest.mark.parametrize("tool", TOOLS)
def test_a_failed_answer_stops_the_run_in_two_lines(tool: str, tmp_path: Path, env: dict[str, str]) -> None:
    """The tool fails and names the error. Its notebook shows the two lines, without the key."""
    done = run_with(tool, BAD, tmp_path, env)
    assert done.failed
    assert "HTTPStatusError (HTTP 401): " in done.said
    assert "must not run" not in done.text + done.said
    assert CANARY not in done.text + done.said
    if tool != "nbconvert":  # nbconvert writes no file if a cell fails
        (error,) = outputs_of(done.saved, "error")
        assert len(error["traceback"]) == 2
        assert error["traceback"][0].startswith("HTTPStatusError (HTTP 401): Incorrect API key provided: ")
        assert "STREAMWIDGET_API_KEY" in error["traceback"][1]


def test_nbconvert_goes_on_where_it_is_told_to(tmp_path: Path, env: dict[str, str]) -> None:
    """With --allow-errors nbconvert writes the notebook, with both lines and without the key."""
    done = run_with("nbconvert", (*BAD[:2], "print('went' + ' on')"), tmp_path, env, "--allow-errors")
    assert not done.failed, done.said
    (error,) = outputs_of(done.saved, "error")
    assert len(error["traceback"]) == 2
    assert "went on" in done.text
    assert CANARY not in done.text + done.said


def test_an_exported_page_shows_the_answer(tmp_path: Path, env: dict[str, str]) -> None:
    """``nbconvert --execute --to html`` shows the answers with their last line, and no widget."""
    nbformat.write(notebook(*GOOD), tmp_path / "source.ipynb")
    done = convert("html", tmp_path, env)
    assert done.returncode == 0, done.stderr
    check_exported((tmp_path / "source.html").read_text("utf-8"))
    assert CANARY not in done.stdout + done.stderr


def test_markdown_of_a_saved_notebook_shows_the_answer(good: Run) -> None:
    """``nbconvert --to markdown`` takes the HTML of the answers that each tool saved."""
    check_exported(MarkdownExporter().from_notebook_node(good.saved)[0])


def check_exported(page: str) -> None:
    """Check that a page has the whole answer, and neither a widget nor the key."""
    assert f"complete · {RIVERS} tokens" in page
    assert '<script type="application/vnd.jupyter.widget-view+json">' not in page
    assert "model not found" not in page
    assert CANARY not in page
