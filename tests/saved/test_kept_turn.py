"""An output keeps a whole turn and gives it back, within bounds and without keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._conversation.file import to_json
from streamwidget._conversation.turn import Turn
from streamwidget._core.events import Original
from streamwidget._saved.answer import mimebundle
from streamwidget._saved.kept_turn import LARGEST, TURNS, KeptTurn, kept_turns, turn_formats
from streamwidget.demo import DemoServer

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def length(river: str) -> str:
    """Return the length of a river."""
    return f"{river}: 1,094 km"


class Table:
    def _repr_html_(self) -> str:
        return "<b>1</b>"


def rich(messages: object) -> Iterator[object]:
    yield "A table: "
    yield Table()
    yield " and so on."


def saved_and_read(turn: Turn, **more: Any) -> list[KeptTurn]:
    """Return a turn as the file of a notebook gives it back."""
    assert turn.answer is not None
    assert turn.answer.completion is not None
    saved: dict[str, Any] = dict(mimebundle(turn.answer.completion))
    saved |= turn_formats([turn], saved, **more)
    assert len(json.dumps(saved[TURNS])) <= LARGEST
    return kept_turns(json.loads(json.dumps(saved)))


def asked(server: DemoServer) -> dict[str, Turn]:
    """Return a turn of each kind."""
    client = sw.ChatClient(server.url, model="demo")
    talk = sw.Conversation()

    def ask(key: str, prompt: str = "Name a river.", model: Any = client, **params: Any) -> Any:
        stream = talk.ask(prompt, model, key=key, **params)
        stream.wait()
        return stream

    ask("plain")
    ask("images", attachments=[PNG, "https://example.com/cat.png", sw.Attachment.of(b"river,km", name="rivers.csv")])
    ask("regenerated")
    ask("regenerated", branch=True)
    ask("edited", attachments=[PNG])
    ask("after the first")
    ask("edited", "Name a lake.", branch=True)
    talk.show_branch("edited", 0)
    ask("tools", "How long is the Elbe?", tools=[length], confirm="never")
    ask("reasoning", model=sw.ChatClient(server.url, model="demo-reasoning"))
    ask("refusal", model=sw.ChatClient(server.url, model="demo-refusal"))
    cut = ask("cut", max_tokens=3)
    cut = ask("continued", max_tokens=3)
    rest = cut.again(go_on=True)
    talk.follow("continued", rest)
    rest.wait()
    ask("value", as_={"type": "array", "items": {"type": "integer"}}, demo={"text": "[1, 2]"})
    ask("rich", model=rich)
    talk.include("plain", sent=False)
    talk.rate("tools", "up")
    with pytest.raises(sw.StreamError):
        ask("failed", model=sw.ChatClient(server.url, model="demo-401"))
    return {turn.key: turn for turn in talk.turns}


def test_each_kind_of_turn_comes_back(server: DemoServer) -> None:
    for name, turn in asked(server).items():
        ((conversation, again, lost),) = saved_and_read(turn, conversation="talk")
        assert (conversation, lost) == ("talk", ()), name
        assert json.loads(to_json(None, [again])) == untrusted(json.loads(to_json(None, [turn]))), name


def untrusted(file: dict[str, Any]) -> dict[str, Any]:
    """Return a file as a reader has it: the HTML of a figure is another person's."""
    for turn in file["turns"]:
        for output in turn["answer"]["outputs"]:
            output["trusted"] = False
    return file


def test_the_providers_own_form_comes_back() -> None:
    """A later request sends it back, with the signature of the thinking."""
    original = Original("anthropic", ({"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},))
    answer = sw.ChatCompletion("Elbe.", "Hm.", outcome="complete", original=original)
    (kept,) = saved_and_read(Turn("k", sw.Message("user", "A river?"), sw.Message("assistant", "Elbe.", (), answer)))
    assert kept.turn.answer is not None
    assert kept.turn.answer.completion is not None
    assert kept.turn.answer.completion.original == original


def test_it_is_bounded_and_names_what_is_left_out() -> None:
    large, text = PNG + bytes(LARGEST), "x" * (LARGEST // 2)
    answer = sw.Message("assistant", "Elbe.", (), sw.ChatCompletion("Elbe.", outcome="complete"))
    files = [sw.Attachment.of(large, name="large.png"), sw.Attachment.of(PNG, name="small.png")]
    turn = Turn("k", sw.Message("user", "Which?", attachments=files), answer)
    (kept,) = saved_and_read(turn)
    assert [file.name for file in kept.turn.user.attachments] == ["small.png"]
    assert kept.lost == ("large.png (PNG, 1.0 MB)",)
    branches = tuple((Turn("k", sw.Message("user", text), answer),) for _ in range(3))
    (kept,) = saved_and_read(replace(turn, branches=branches, branch=3))
    assert (kept.turn.branches, kept.turn.branch) == ((), 0)
    assert kept.lost == ("its other branches", "large.png (PNG, 1.0 MB)")
    later = Turn("later", sw.Message("user", text * 2), answer)
    saved = {**mimebundle(answer.completion), **turn_formats([turn, later], {})}  # type: ignore[arg-type]
    assert kept_turns(saved)[0].lost[-1].startswith('the next turn, "xxx')
    assert turn_formats([later], {}) == {}


def test_it_holds_no_key() -> None:
    key = "sk-1234567890abcdef"
    table = sw.Attachment.of(f"name,key\nme,{key}".encode(), name="keys.csv")
    answer = sw.Message("assistant", "Elbe.", (), sw.ChatCompletion("Elbe.", outcome="complete"))
    turn = Turn("k", sw.Message("user", f"Why is {key} wrong?", attachments=[table]), answer)
    (kept,) = saved_and_read(replace(turn, branches=((turn,),), branch=1))
    assert key not in repr(kept)
    assert base64.b64encode(table.data).decode() not in json.dumps(turn_formats([turn], {}))
    assert kept.lost[0] == "what looks like a key in its prompt"
    assert kept.lost[1] == "keys.csv (CSV, 31 bytes), because it holds what looks like a key"


def test_half_a_character_can_be_sent_by_a_kernel() -> None:
    answer = sw.Message("assistant", "\ud83d", (), sw.ChatCompletion("\ud83d", outcome="complete"))
    json.dumps(turn_formats([Turn("k", sw.Message("user", "A\ud83d"), answer)], {}), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("x", "it is"),
        ([1], "it"),
        ([{}], "no 'version'"),
        ([{"version": 2}], "version 2"),
        ([{"version": 1, "turn": {}}], "no 'lost'"),
        ([{"version": 1, "turn": {}, "lost": [], "conversation": ""}], "no 'key'"),
    ],
)
def test_other_values_are_refused(value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        kept_turns({TURNS: value})
