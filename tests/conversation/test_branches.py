"""Branches of a conversation, undo and redo, feedback, and the file that keeps them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable

import pytest

import streamwidget as sw


def answer(messages: list[dict[str, str]]) -> str:
    return f"{messages[-1]['content']} after {len(messages) - 1}"


def line(conversation: sw.Conversation) -> list[str]:
    return [f"{turn.user.text}: {turn.answer and turn.answer.text}" for turn in conversation.turns]


def place(conversation: sw.Conversation, key: str) -> str:
    turn = next(turn for turn in conversation.turns if turn.key == key)
    return f"{turn.branch + 1}/{len(turn.branches) + 1}"


def ask(conversation: sw.Conversation, text: str, key: str | None = None) -> None:
    conversation.ask(text, answer, key=key, branch=True).wait()


@pytest.fixture
def conversation() -> sw.Conversation:
    made = sw.Conversation()
    for text in ("a", "b", "c"):
        ask(made, text, text)
    return made


THREE = ["a: a after 0", "b: b after 2", "c: c after 4"]


def test_an_edited_turn_keeps_what_was_there_and_what_followed(conversation: sw.Conversation) -> None:
    """Each branch has its own later turns. They come and go together, also those that were asked since."""
    ask(conversation, "B", "b")
    assert (line(conversation), place(conversation, "b")) == (["a: a after 0", "B: B after 2"], "2/2")
    ask(conversation, "d", "d")
    conversation.show_branch("b", 0)
    assert (line(conversation), place(conversation, "b")) == (THREE, "1/2")
    ask(conversation, "BB", "b")
    assert (line(conversation)[1:], place(conversation, "b")) == (["BB: BB after 2"], "3/3")
    conversation.show_branch("b", 1)
    assert (line(conversation)[1:], place(conversation, "b")) == (["B: B after 2", "d: d after 4"], "2/3")
    ask(conversation, "d", "d")
    assert (place(conversation, "b"), place(conversation, "d")) == ("2/3", "2/2")
    conversation.show_branch("b", 0)
    conversation.show_branch("b", 1)
    assert place(conversation, "d") == "2/2"
    assert [message.text for message in conversation.request_messages()] == [
        *("a", "a after 0", "B", "B after 2", "d", "d after 4")
    ]


def test_a_branch_needs_its_turn_and_its_number(conversation: sw.Conversation) -> None:
    """Nothing changes where they are wrong."""
    with pytest.raises(KeyError):
        conversation.show_branch("none", 0)
    for number in (-1, 1):
        with pytest.raises(IndexError, match="1 branches"):
            conversation.show_branch("b", number)
    assert line(conversation) == THREE


def test_an_answer_without_a_word_is_no_branch() -> None:
    """A retry after a failure replaces it. With an edit the old prompt is kept."""

    def fails(_messages: object) -> str:
        raise OSError("no line")

    conversation = sw.Conversation()
    for text in ("a", "a", "b"):
        with pytest.raises(sw.StreamError):
            conversation.ask(text, fails, key="k", branch=True).wait()
    ask(conversation, "b", "k")
    assert place(conversation, "k") == "2/2"


def test_a_cell_that_runs_again_keeps_the_branches_of_its_turn(conversation: sw.Conversation) -> None:
    """It replaces the branch that is shown. Its later turns stay, as ever."""
    ask(conversation, "b", "b")
    conversation.ask("new", answer, key="b").wait()
    assert (line(conversation), place(conversation, "b")) == (["a: a after 0", "new: new after 2"], "2/2")


def test_a_key_is_in_the_conversation_once(conversation: sw.Conversation) -> None:
    """A hidden branch of a file may have a turn of a name that is in use. It is shown under another name."""
    ask(conversation, "B", "b")
    edited = json.loads(conversation.to_json())
    edited["turns"][1]["branches"][0][1]["key"] = "a"
    conversation.load(json.dumps(edited))
    conversation.show_branch("b", 0)
    assert len({turn.key for turn in conversation.turns}) == 3
    assert line(conversation) == THREE


STEPS: dict[str, tuple[Callable[[sw.Conversation], None], str, list[str]]] = {
    "clear": (lambda one: one.clear(), "clear", []),
    "delete": (lambda one: one.drop("b"), "delete", [THREE[0], THREE[2]]),
    "delete to the end": (lambda one: one.drop("b", and_after=True), "delete", THREE[:1]),
    "edit": (lambda one: ask(one, "B", "b"), "edit", [THREE[0], "B: B after 2"]),
    "retry": (lambda one: ask(one, "c", "c"), "retry", THREE),
    "prompt": (lambda one: ask(one, "d", "d"), "prompt", [*THREE, "d: d after 6"]),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_undone_and_done_again(conversation: sw.Conversation, name: str) -> None:
    """The turns are those of before, and then those of after, with their branches. Nothing is asked again."""
    step, word, after = STEPS[name]
    before = conversation.turns
    step(conversation)
    done = conversation.turns
    assert (line(conversation), conversation.steps) == (after, (word, None))
    conversation.undo()
    assert (conversation.turns, conversation.steps) == (before, ("prompt", word))
    conversation.redo()
    assert (conversation.turns, conversation.steps) == (done, (word, None))
    conversation.redo()
    assert conversation.turns == done


def test_all_steps_are_undone_in_turn(conversation: sw.Conversation) -> None:
    """Down to the empty conversation, and up again. A new step ends the redo."""
    ask(conversation, "B", "b")
    conversation.clear()
    lengths = []
    while conversation.steps[0]:
        conversation.undo()
        lengths.append(len(conversation))
    assert lengths == [2, 3, 2, 1, 0]
    while conversation.steps[1]:
        conversation.redo()
    assert len(conversation) == 0
    conversation.undo()
    ask(conversation, "new", "new")
    assert conversation.steps == ("prompt", None)


def test_only_a_change_is_a_step(conversation: sw.Conversation) -> None:
    """A clear of nothing, or a turn that is not there, is not recorded. A loaded conversation has no steps."""
    conversation.drop("none")
    assert conversation.steps == ("prompt", None)
    conversation.clear()
    conversation.clear()
    conversation.undo()
    assert line(conversation) == THREE
    conversation.load(conversation.to_json())
    assert (conversation.steps, line(conversation)) == ((None, None), THREE)
    conversation.undo()
    assert line(conversation) == THREE


def test_the_file_keeps_branches_feedback_and_times(conversation: sw.Conversation) -> None:
    """So does a pickle. An older file has none of them, and is read."""
    ask(conversation, "B", "b")
    conversation.rate("a", "down")
    conversation.show_branch("b", 0)
    text = conversation.to_json()
    for again in (sw.Conversation.from_json(text), pickle.loads(pickle.dumps(conversation))):
        assert again.turns == conversation.turns
    older = json.loads(text)
    for turn in older["turns"]:
        for field in ("asked_at", "feedback", "branches", "branch"):
            del turn[field]
    read = sw.Conversation.from_json(json.dumps(older))
    assert line(read) == THREE
    assert [(turn.feedback, turn.asked_at, turn.branches) for turn in read.turns] == [(None, None, ())] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"branches": [[]]},
        {"branches": [["x"]]},
        {"branch": 1},
        {"branch": -1},
        {"feedback": "fine"},
        {"asked_at": "now"},
    ],
    ids=str,
)
def test_an_impossible_branch_in_a_file_is_refused(conversation: sw.Conversation, wrong: dict[str, object]) -> None:
    """The conversation does not change."""
    edited = json.loads(conversation.to_json())
    edited["turns"][0].update(wrong)
    with pytest.raises(sw.ConfigurationError, match="turn 1"):
        conversation.load(json.dumps(edited))
    assert line(conversation) == THREE


def test_feedback_is_up_down_or_none(conversation: sw.Conversation) -> None:
    """Anything else is refused, and so is a turn that is not there."""
    conversation.rate("a", "up")
    conversation.rate("a", None)
    assert conversation.turns[0].feedback is None
    with pytest.raises(sw.ConfigurationError, match="'up', 'down' or None"):
        conversation.rate("a", "great")  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        conversation.rate("none", "up")
