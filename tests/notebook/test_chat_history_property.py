"""After any steps in any order, the conversation matches the notebook."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from unittest import mock

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from streamwidget.demo import DemoServer
from tests.support.shells import chat_shell, session_of

CELLS = st.sampled_from(["c1", "c2", "c3", "c4"])
NAMES = st.sampled_from(["", "side"])
#: The ending of each model's answers.
ENDINGS = {"demo": "complete", "demo-length": "length", "demo-cut": "interrupted", "demo-401": "http_error"}
SENT = {"complete", "length", "cancelled"}


@dataclass
class Shown:
    """The content of one cell: its questions, and the endings of their answers."""

    name: str = ""
    turns: list[tuple[str, str]] = field(default_factory=list)
    skipped: set[int] = field(default_factory=set)


class Notebook(RuleBasedStateMachine):
    """Runs, re-runs, stops, failures and resets of four cells, beside a model of the notebook.

    A cell keeps its place for as long as its conversation is not reset, whether it asks at the moment or not.
    """

    def __init__(self) -> None:
        super().__init__()
        self._server = DemoServer(tokens_per_second=0, first_delta=0)
        self._server.__enter__()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "STREAMW"))}
        self._environment = mock.patch.dict(
            os.environ, environment | {"STREAMWIDGET_BASE_URL": self._server.url}, clear=True
        )
        self._environment.start()
        self._context = chat_shell()
        self.shell = self._context.__enter__()
        self.cells: dict[str, Shown] = {}
        self.places: dict[str, list[str]] = {"": [], "side": []}
        self.order: list[str] = []  # as the page has told it
        self.count = 0

    def teardown(self) -> None:
        self._context.__exit__(None, None, None)
        self._environment.stop()
        self._server.__exit__(None, None, None)

    def question(self) -> str:
        self.count += 1
        return f"question {self.count}"

    def execute(self, cell: str, code: str) -> None:
        self.cells[cell] = Shown()
        self.shell.run_cell(code, cell_id=cell)

    def history(self, name: str) -> list[tuple[str, str, bool]]:
        """Return the conversation in the notebook: question, ending, and whether the turn would be sent."""
        return [
            (question, ending, ending in SENT and number not in shown.skipped)
            for cell in self.places[name]
            if (shown := self.cells[cell]).name == name
            for number, (question, ending) in enumerate(shown.turns)
        ]

    def before(self, cell: str, name: str) -> list[str]:
        """Return the earlier questions that a request of this cell must carry."""
        places = self.places[name]
        if self.order:
            earlier = [other for other in places if self.order.index(other) < self.order.index(cell)]
        else:
            earlier = places[: places.index(cell)] if cell in places else places
        return [
            question
            for other in earlier
            if (shown := self.cells[other]).name == name
            for number, (question, ending) in enumerate(shown.turns)
            if ending in SENT and number not in shown.skipped
        ]

    def asks(self, cell: str, name: str, endings: list[str], lines: list[str], questions: list[str]) -> None:
        """Run a cell that asks, and compare its first request with the cells before it."""
        expected = self.before(cell, name)
        self._server.reset()
        self.execute(cell, "\n".join(lines))
        first = self._server.requests[0].body["messages"]
        assert [m["content"] for m in first if m["role"] == "user"] == [*expected, questions[0]]
        self.cells[cell] = Shown(name, list(zip(questions, endings, strict=True)))
        self.has_place(cell, name)

    def has_place(self, cell: str, name: str) -> None:
        if cell not in self.places[name]:
            self.places[name].append(cell)
        if self.order:
            self.places[name].sort(key=self.order.index)

    @rule(order=st.permutations(["c1", "c2", "c3", "c4"]))
    def move(self, order: list[str]) -> None:
        """The page tells the order of the cells, and the next cell begins."""
        self.order = order
        session_of(self.shell).cells.take_order({"cells": ["other", *order]})
        self.shell.run_cell("1 + 1")
        for places in self.places.values():
            places.sort(key=order.index)

    @rule(cell=CELLS, name=NAMES, model=st.sampled_from(sorted(ENDINGS)))
    def ask(self, cell: str, name: str, model: str) -> None:
        question = self.question()
        self.asks(cell, name, [ENDINGS[model]], [f"%chat -c '{name}' -m {model} {question}"], [question])

    @rule(cell=CELLS, name=NAMES, number=st.integers(2, 3))
    def ask_several(self, cell: str, name: str, number: int) -> None:
        questions = [self.question() for _ in range(number)]
        lines = [f"%chat -c '{name}' {question}" for question in questions]
        self.asks(cell, name, ["complete"] * number, lines, questions)

    @rule(cell=CELLS)
    def ask_and_stop(self, cell: str) -> None:
        """The answer is stopped at its first text, as by the Stop button."""
        question = self.question()
        expected = self.before(cell, "")
        self._server.reset()
        present = "streamwidget._notebook.chat_cell.present"

        def stop_at_first_text(stream: object, *_: object, **__: object) -> None:
            stream.subscribe(lambda _: stream.cancel() if stream.completion.text else None)  # type: ignore[attr-defined]

        with mock.patch(present, stop_at_first_text):
            self.execute(cell, f"%chat -m demo-long {question}")
        sent = self._server.requests[0].body["messages"]
        assert [m["content"] for m in sent if m["role"] == "user"] == [*expected, question]
        self.cells[cell] = Shown("", [(question, "cancelled")])
        self.has_place(cell, "")

    @rule(cell=CELLS, code=st.sampled_from(["1 + 1", "%chat", "%chat -p nobody x", "1 +", "%chat --once alone"]))
    def run_something_else(self, cell: str, code: str) -> None:
        """The cell's output goes, and its turns with it. The new output is not a turn."""
        self.execute(cell, code)

    @rule(name=NAMES)
    def reset(self, name: str) -> None:
        self.shell.run_cell(f"%chat -c '{name}' --reset")
        self.places[name] = []

    @rule(cell=CELLS)
    def start_over(self, cell: str) -> None:
        question = self.question()
        self.places[""] = []
        self.asks(cell, "", ["complete"], [f"%chat --new {question}"], [question])

    @rule(cell=CELLS)
    def skip(self, cell: str) -> None:
        """The first turn of a cell is not to be sent."""
        shown = self.cells.get(cell)
        if shown is None or not shown.turns or shown.turns[0][1] not in SENT or cell not in self.places[shown.name]:
            return
        number = [question for question, *_ in self.history(shown.name)].index(shown.turns[0][0]) + 1
        self.shell.run_cell(f"%chat -c '{shown.name}' --skip {number}")
        shown.skipped.add(0)

    @invariant()
    def the_conversation_is_what_the_notebook_shows(self) -> None:
        for name in self.places:
            turns = session_of(self.shell).conversation(name).turns
            seen = [(turn.user.text, turn.answer and turn.answer.outcome, turn.sent) for turn in turns]
            assert seen == self.history(name)


TestNotebook = Notebook.TestCase
TestNotebook.settings = settings(
    max_examples=8,
    stateful_step_count=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink a failure takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)
