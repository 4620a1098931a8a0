"""The notebooks run, need no network, and are kept without outputs."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import nbformat
import pytest
from nbformat import NotebookNode

from streamwidget._saved.kept_turn import TURNS
from tests.support.deadlines import START
from tests.support.kernels import ROOT
from tests.support.local_model import needs_llamacpp
from tests.support.notebooks import command, execute

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
#: The teaching notebooks have a number of 10 or more. The page for Voila is not a lesson.
LESSONS = [path for path in NOTEBOOKS if path.stem[:2].isdigit() and path.stem >= "10"]
#: These lessons run in JupyterLab, by tests/ui/test_teaching_page.py and tests/ui/test_lessons.py, and not here too.
IN_A_PAGE = ("10_what_is_a_stream", "11_on_the_wire", "13_when_it_fails", "20_other_wires")
WITHOUT_A_PAGE = [path for path in LESSONS if path.stem not in IN_A_PAGE]
SWITCH = "REAL = False"
#: These lessons have a switch for a real model. Lesson 10 asks one in any case. The others look at faults, bytes or
#: forms of the demo server.
WITH_A_MODEL = [path for path in LESSONS if SWITCH in path.read_text("utf-8")]
QUICKSTART = ROOT / "notebooks" / "00_quickstart.ipynb"
#: A notebook, and if the switch for a real model is on.
Run: TypeAlias = tuple[Path, bool]
Runs: TypeAlias = dict[Run, Future[NotebookNode]]
RUNS = [
    *(pytest.param((path, False), id=path.stem) for path in WITHOUT_A_PAGE),
    *(pytest.param((path, True), id=f"{path.stem}-real", marks=needs_llamacpp) for path in WITH_A_MODEL),
]
#: What a cell is for. "check" holds a lesson's claims and is hidden from students. "answer" is folded.
TAGS = {"check", "guess", "exercise", "answer"}
WIDTH = 88  # columns of code that a projector shows at 150 %


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Run the notebooks by nbclient, without a provider and without a network.

    Two run at a time, because they mostly wait for the pace of an answer. Only those that a chosen test asks for run.
    """
    # Made before the threads start: two that ask pytest for its first folder may each begin a base of their own.
    folder = tmp_path_factory.mktemp("runs")

    def run(path: Path, real: bool) -> NotebookNode:
        notebook = nbformat.read(path, as_version=4)
        if real:
            (switch,) = (entry for entry in notebook.cells if SWITCH in entry.source)
            switch.source = switch.source.replace(SWITCH, "REAL = True")
        directory = folder / f"{path.stem}{'-real' if real else ''}"
        directory.mkdir()
        execute(notebook, directory, {})
        return notebook

    chosen = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    wanted = [
        item.callspec.params["run"] for item in chosen if hasattr(item, "callspec") and "runs" in item.fixturenames
    ]
    if any("quickstart" in item.fixturenames for item in chosen):
        wanted.append((QUICKSTART, False))
    with ThreadPoolExecutor(2) as pool:
        yield {chosen_run: pool.submit(run, *chosen_run) for chosen_run in dict.fromkeys(wanted)}


@pytest.fixture(scope="module")
def quickstart(runs: Runs) -> NotebookNode:
    """Return the quickstart, run from top to bottom."""
    return runs[QUICKSTART, False].result()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_running_it_leaves(path: Path) -> None:
    """No outputs, execution counts, widget state or timestamps. So a diff shows only the changes of a person."""
    kept = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(kept)
    assert set(kept.metadata) <= {"kernelspec", "language_info"}
    assert kept.metadata.kernelspec.name == "python3"
    for cell in kept.cells:
        assert set(cell.metadata) <= {"tags", "jupyter", "slideshow", "jp-MarkdownHeadingCollapsed"}
        assert set(tags_of(cell)) <= TAGS
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_there_are_a_quickstart_and_lessons() -> None:
    """The lists of notebooks in the other tests are not empty."""
    assert "00_quickstart" in [path.stem for path in NOTEBOOKS]
    assert "11b_what_goes_wrong" in [path.stem for path in LESSONS]
    assert {path.stem[:2] for path in WITH_A_MODEL} == {"11", "12", "14", "16", "17", "18", "19"}


@pytest.mark.kernel
@pytest.mark.parametrize("run", RUNS)
def test_a_lesson_runs_top_to_bottom_offline(run: Run, runs: Runs) -> None:
    """Every cell of a lesson runs, also the answers to its exercises. The cells themselves assert what it claims.

    The cell after a guess shows something. The claims are true for a real model, too: one word in the cell at the top,
    and it answers.
    """
    cells = runs[run].result().cells
    assert all(entry.execution_count for entry in cells if entry.cell_type == "code")
    shown = [after for guess, after in itertools.pairwise(cells) if "guess" in tags_of(guess)]
    assert shown
    assert all(entry.outputs for entry in shown)


def tags_of(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", ()))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_looks_guesses_and_asks(path: Path) -> None:
    """A picture is before the first code, a guess before each main result, and at the end there is a summary."""
    cells = nbformat.read(path, as_version=4).cells
    first = next(entry for entry in cells if entry.cell_type == "code")
    assert 'picture("' in first.source
    guesses = [place for place, entry in enumerate(cells) if "guess" in tags_of(entry)]
    assert len(guesses) >= 3
    for place in guesses:
        assert re.fullmatch(r"> \*\*Guess first.\*\* .*\?.*", cells[place].source)
        assert cells[place + 1].cell_type == "code"
        assert "check" not in tags_of(cells[place + 1])
    (remember,) = (entry.source for entry in cells if entry.source.startswith("## What to remember"))
    assert remember.count("\n- ") == 3


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_section_of_a_lesson_is_a_cell_and_a_slide_of_its_own(path: Path) -> None:
    """A heading begins its cell, so a lecturer can fold the section, and a slide begins with it."""
    texts = [entry for entry in nbformat.read(path, as_version=4).cells if entry.cell_type == "markdown"]
    assert not [entry.source for entry in texts if re.search(r"\n#{1,3} ", entry.source)]
    headings = [entry for entry in texts if re.match(r"#{1,2} ", entry.source) and "answer" not in tags_of(entry)]
    assert {entry.metadata.slideshow.slide_type for entry in headings[:-1]} == {"slide"}


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_has_exercises_and_folded_answers(path: Path) -> None:
    """Each exercise has an empty cell below it. The answers are folded: one click on their heading shows them."""
    cells = nbformat.read(path, as_version=4).cells
    texts = [entry.source for entry in cells]
    start, answers = texts.index("## Exercises"), texts.index("## Answers")
    numbers = [match[1] for text in texts[start:answers] if (match := re.match(r"\*\*(\d+)\.\*\* ", text))]
    empty = [entry.source for entry in cells[start:answers] if "exercise" in tags_of(entry)]
    assert numbers
    assert empty == [f"# Your answer to exercise {number}" for number in numbers]
    assert cells[answers].metadata["jp-MarkdownHeadingCollapsed"]
    (end,) = (place for place, text in enumerate(texts) if text.startswith("## The end\n"))
    assert all("answer" in tags_of(entry) for entry in cells[answers:end])
    for number in numbers:
        assert any(text.startswith(f"**{number}.**") for text in texts[answers:end])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_students_see_short_lines_and_no_asserts(path: Path) -> None:
    """A line of code fits on a projector. What only tests need is in hidden cells."""
    for entry in nbformat.read(path, as_version=4).cells:
        if entry.cell_type == "code":
            assert max(map(len, entry.source.splitlines())) <= WIDTH, entry.source
            if "check" in tags_of(entry):
                assert entry.metadata.jupyter.source_hidden
                assert entry.source.startswith("# Checks ")  # JupyterLab shows the first line of a hidden cell
            else:
                assert not re.search(r"\bassert\b|AssertionError", entry.source), entry.source


def test_every_lesson_that_a_text_names_exists() -> None:
    """Links by name: `11_on_the_wire` in a notebook, a guide or a README is a notebook of that name."""
    stems = {path.stem for path in NOTEBOOKS}
    texts = [path.read_text("utf-8") for path in (ROOT / "README.md", *(ROOT / "notebooks").glob("*.md"))]
    texts += [entry.source for path in NOTEBOOKS for entry in nbformat.read(path, as_version=4).cells]
    named = {name for text in texts for name in re.findall(r"\b\d\d[a-z]?_[a-z_]+\b", text)}
    assert len(named) > 5
    assert named <= stems


def test_the_lecturers_notes_have_every_lesson() -> None:
    """The table has one row for each lesson, in order, with its title and minutes that fit into a class."""
    notes = (ROOT / "notebooks" / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| \[`(\w+)`\]\((\w+)\.ipynb\) \| (\d+) \|", notes, re.MULTILINE)
    assert [name for name, _, _ in rows] == [path.stem for path in LESSONS]
    assert all(name == link and int(minutes) <= 45 for name, link, minutes in rows)
    stumbles = dict(
        re.findall(r"^### (\d\d[a-z]?)\b[^\n]*\n\n(.+?)(?=\n###|\n## |\Z)", notes, re.MULTILINE | re.DOTALL)
    )
    assert list(stumbles) == [path.stem.partition("_")[0] for path in LESSONS]
    assert all("**Prepare.**" in text and "**Where students stumble.**" in text for text in stumbles.values())


@pytest.mark.kernel
@pytest.mark.ui
@pytest.mark.parametrize("run", [pytest.param((ROOT / "notebooks" / "14_stop.ipynb", False), id="14_stop")])
def test_slides_and_a_handout_are_made_as_the_lecturers_notes_say(run: Run, runs: Runs, tmp_path: Path) -> None:
    """The commands of the notes, word by word, on a lesson that was run. Checks and answers are in neither."""
    (tmp_path / "notebooks").mkdir()
    nbformat.write(runs[run].result(), tmp_path / "notebooks" / "14_stop.ipynb")
    notes = (ROOT / "notebooks" / "README.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.+?)```", notes.replace("\\\n", ""), re.DOTALL)
    slides, handout, printed = [shlex.split(line) for block in blocks for line in block.strip().splitlines()]
    slides.remove("--execute")  # it was run
    del slides[slides.index("--post") : slides.index("--post") + 2]
    for words in (slides, handout):
        assert words[:2] == ["jupyter", "nbconvert"]
        made = command("nbconvert", *words[2:], directory=tmp_path, env={})
        assert made.returncode == 0, made.stderr
    options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}"]
    browser = os.environ.get("CHROMIUM_PATH", printed[0])
    subprocess.run([browser, *options, *printed[1:]], cwd=tmp_path, check=True, capture_output=True, timeout=START)

    shown, handed = ((tmp_path / "notebooks" / f"14_stop{name}.html").read_text("utf-8") for name in (".slides", ""))
    for page in (shown, handed):
        assert "Checks of the lesson" not in page
        assert "Guess first" in page
        assert re.search(r"cancelled after \d+ deltas", page)  # on a busy machine some more come with the tenth
    assert "Your answer to exercise 1" in handed
    assert 'id="Answers"' not in handed
    pdf = (tmp_path / "14_stop.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert 4 <= len(re.findall(rb"/Type /Page\b", pdf)) <= 30


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
    asked, shown = (dict(cell(quickstart, f"{name}-code").outputs[0].data) for name in ("answer", "saved"))
    assert asked.pop(TURNS)  # what --resume reads: only the cell that asked has it
    assert shown == asked


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
