"""The rules of Markdown that are our own, case by case."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
from collections.abc import Callable

import pytest
from markdown_it.rules_block import StateBlock

from streamwidget import ChatClient, Message, Turn
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.visible import visible
from streamwidget._saved import budget
from streamwidget._saved import off_loop as off_loop_module
from streamwidget._saved.answer import length, mimebundle, plain_text
from streamwidget._saved.conversation import conversation_html
from streamwidget._saved.html import render
from streamwidget._saved.off_loop import off_loop
from streamwidget.teaching._race import Race
from tests.saved.rules import CASES, Rule, undressed
from tests.support.cpu import cpu


@pytest.mark.fault("S23", "stays text, in the live and the saved answer")
@pytest.mark.fault("S25", "each is shown as its code, and those that scripts and emoji need stay")
@pytest.mark.parametrize(("kind", "rule"), CASES, ids=[f"{kind}: {rule.markdown[:24]!r}" for kind, rule in CASES])
def test_the_saved_answer_follows_the_rule(kind: str, rule: Rule) -> None:
    """The saved HTML has what the rule gives, and nothing else of the like."""
    html = render(visible(rule.markdown))[0]
    html = undressed(html)
    assert [part for part in rule.has if part not in html] == [], html
    assert [part for part in rule.lacks if part in html] == [], html


def test_a_line_break_in_a_cell_is_not_raw_html() -> None:
    """Other renderers may show a table with line breaks as Markdown, because a break is safe everywhere."""
    cell = "| a |\n|---|\n| one<br>two |"
    assert "text/markdown" in mimebundle(ChatCompletion(text=cell, outcome="complete"))
    assert "text/markdown" not in mimebundle(ChatCompletion(text="one<br>two", outcome="complete"))


def test_the_lines_of_a_torn_formula_are_not_read_for_each_that_may_begin_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand lines may begin a formula, and a blank line tears it. The lines are read once, not once for each."""
    read = 0

    def is_empty(state: StateBlock, line: int) -> bool:
        nonlocal read
        read += 1
        return state.bMarks[line] + state.tShift[line] >= state.eMarks[line]

    monkeypatch.setattr(StateBlock, "isEmpty", is_empty)
    render("\\[\n" * 1000 + "\n\\]")
    assert 1000 < read < 10_000


@pytest.mark.parametrize("seconds", [0, 1e-4, 2e-3])
def test_a_text_whose_time_is_up_goes_on_as_it_was_typed(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Nothing of the text is lost, wherever its time is up, and it is not saved as Markdown for other renderers."""
    monkeypatch.setattr(budget, "_SECONDS", seconds)
    monkeypatch.setattr(budget, "_SECONDS_PER_CHARACTER", 0)
    html, portable, _ = render("".join(f"# n{n}\n\n- b{n} *c*\n\n" for n in range(3000)))
    assert not portable
    assert html.endswith("# n2999\n\n- b2999 *c*\n</pre>\n")
    assert [int(n) for n in re.findall(r"\bb([0-9]+)", html)] == list(range(3000))


def test_a_block_whose_time_is_up_stays_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is looked at within a block too, because all of a text may be one list."""
    monkeypatch.setattr(budget, "_SECONDS", 2e-3)
    monkeypatch.setattr(budget, "_SECONDS_PER_CHARACTER", 0)
    text = "# before\n\n" + "- > *b*\n" * 3000
    html, portable, _ = render(text)
    assert not portable
    assert html == '<h1>before</h1>\n<pre style="white-space:pre-wrap">' + "- &gt; *b*\n" * 2999 + "- &gt; *b*</pre>\n"


def test_all_parses_of_an_answer_share_one_time() -> None:
    """What nobody waits for any longer is not parsed: neither the text nor the reasoning."""
    spent = budget.Budget(1_000_000)
    spent.spend()
    bundle = mimebundle(ChatCompletion(text="*a* <b>", reasoning="*r*", outcome="complete"), spent)
    assert [part for part in ("*a* &lt;b&gt;", "*r*") if part not in bundle["text/html"]] == []
    assert bundle["text/plain"].startswith("*a* <b>")
    assert "text/markdown" not in bundle


def list_of(length: int) -> ChatCompletion:
    """An answer whose Markdown takes long, because all of it is one list."""
    return ChatCompletion("-\n" * (length // 2), outcome="complete")


LONG = list_of(200_000)
EMPTY = ChatClient().stream("x").timeline
AT_ONCE: dict[str, Callable[[], object]] = {
    "repr": LONG._repr_mimebundle_,
    "conversation": lambda: conversation_html(
        [Turn(str(n), Message("user", "x"), Message("assistant", "", completion=list_of(70_000))) for n in range(3)]
    ),
    "race": lambda: Race(LONG, LONG, (EMPTY, EMPTY))._repr_mimebundle_(),
}


@pytest.mark.parametrize("shown", AT_ONCE)
def test_what_a_cell_waits_for_has_a_second(shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off the loop, the same answer may take longer. The second is a 20th of one here, so that the test is short."""
    monkeypatch.setattr(budget, "_AT_ONCE", 0.05)
    with_time = cpu(lambda: mimebundle(LONG, budget.Budget(length(LONG))), runs=1)
    assert cpu(AT_ONCE[shown], runs=1) < with_time / 2


@pytest.mark.parametrize("shown", AT_ONCE)
def test_an_interrupt_ends_what_a_cell_waits_for(shown: str) -> None:
    """It is shown as plain text, and then the interrupt comes to whoever was to hear it."""
    heard: list[int] = []
    made: list[object] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    timer = threading.Timer(0.05, signal.raise_signal, (signal.SIGINT,))
    try:
        timer.start()
        made.append(AT_ONCE[shown]())
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
    assert re.search("\n-\n-", str(made[0]).replace("\\n", "\n"))


def test_a_text_beyond_a_million_characters_is_saved_once() -> None:
    """It is in the HTML. The plain text says how long it is, and a terminal gets all of it."""
    completion = ChatCompletion(text="again\n" * 200_001, outcome="complete")
    bundle = mimebundle(completion)
    assert bundle["text/html"].count("again") == 200_001
    assert bundle["text/plain"] == ("[The answer has 1,200,006 characters. They are in text/html only.]\n\n[complete]")
    assert "text/markdown" not in bundle
    assert plain_text(completion).count("again") == 200_001


@pytest.mark.parametrize("threads", [True, False])
def test_an_answer_is_made_off_the_loop_where_there_are_threads(monkeypatch: pytest.MonkeyPatch, threads: bool) -> None:
    """Pyodide has none. What the making raises reaches the caller."""

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def fail() -> None:
        raise MemoryError

    async def make() -> str:
        with pytest.raises(MemoryError):
            await off_loop(fail)
        return await off_loop(lambda: threading.current_thread().name)

    monkeypatch.setattr(off_loop_module, "_worker", None)  # as in a new process
    if not threads:
        monkeypatch.setattr(threading.Thread, "start", start)
    assert asyncio.run(make()) == ("streamwidget saved answer" if threads else "MainThread")
