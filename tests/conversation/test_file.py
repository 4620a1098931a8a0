"""A conversation in a file comes back exactly as it was written."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._conversation.file import from_json, to_json, to_markdown
from streamwidget._conversation.inert import inert
from streamwidget._core.events import Outcome
from tests.support.json_edits import edits
from tests.support.pictures import GIF, JPEG, PNG, WEBP

TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(["\r\n\u2028", "\ud83d", "# no\n```", "{{x}}"])
MAYBE = st.none() | TEXT
COUNT = st.none() | st.integers(0)
FILE = st.sampled_from([("a.csv", b"a,b"), ("", b"text"), ("a.pdf", b"%PDF-1.7"), ("a.mp3", b"ID3")]).map(
    lambda file: sw.Attachment.of(file[1], name=file[0])
)
IMAGE = st.sampled_from([PNG, JPEG, GIF, WEBP]).map(sw.Image) | st.just(sw.Image(url="https://host.invalid/a.png"))
ANSWER = st.builds(
    sw.ChatCompletion,
    text=TEXT,
    reasoning=TEXT,
    refusal=TEXT,
    tool_calls=st.lists(st.builds(sw.ToolCall, MAYBE, MAYBE, TEXT), max_size=2).map(tuple),
    finish_reason=MAYBE,
    outcome=st.sampled_from(get_args(Outcome)),
    usage=st.none() | st.builds(sw.Usage, COUNT, COUNT, COUNT),
    timing=st.builds(sw.Timing, st.none() | st.floats(0, 1e9), st.floats(0, 1e9), st.integers(0)),
    warnings=st.lists(st.builds(sw.StreamWarning, TEXT, TEXT), max_size=2).map(tuple),
    error=st.none() | st.builds(sw.ErrorInfo, TEXT, MAYBE | st.integers(), MAYBE, COUNT, MAYBE, COUNT),
    model=MAYBE,
    request_id=MAYBE,
    demo=st.booleans(),
).map(lambda completion: sw.Message("assistant", completion.text, completion=completion))  # fmt: skip
TURN = st.builds(
    sw.Turn,
    key=TEXT.filter(bool),
    user=st.builds(
        lambda text, files: sw.Message("user", text, attachments=files), TEXT, st.lists(IMAGE | FILE, max_size=3)
    ),
    answer=st.none() | ANSWER,
    chosen=st.none() | st.booleans(),
    asked_at=st.none() | st.floats(0, 1e10),
    feedback=st.sampled_from(["up", "down", None]),
)
TURNS = st.lists(TURN, max_size=3, unique_by=lambda turn: turn.key)
#: A slow machine needs time for values of so many parts.
PATIENT = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PATIENT
@given(system=MAYBE, turns=TURNS)
def test_json_gives_back_exactly_what_was_written(system: str | None, turns: list[sw.Turn]) -> None:
    """Every field of every value, even half characters, in a file that any UTF-8 reader can read."""
    text = to_json(system, turns)
    text.encode("ascii")
    assert from_json(text) == (system, turns)
    assert to_json(*from_json(text)) == text


@PATIENT
@given(turns=TURNS)
def test_markdown_holds_every_message(turns: list[sw.Turn]) -> None:
    """In order, each under its heading. A failed answer never looks whole."""
    text = to_markdown("the system prompt", turns) + "\n"  # the last message may be empty
    place = text.index("the system prompt")
    for turn in turns:
        place = text.index(f"## User\n\n{inert(turn.user.text)}", place)
        place = text.index("## Assistant\n\n", place)
        if turn.answer is None:
            assert text[place:].startswith("## Assistant\n\n*(no answer)*")
        else:
            place = text.index(inert(turn.answer.text), place)
            if turn.answer.outcome != "complete":
                place = text.index(f"*({turn.answer.outcome}", place)


def test_a_message_without_a_completion_is_a_whole_answer() -> None:
    """A conversation that was written by hand, such as an example for the model."""
    turn = sw.Turn("k", sw.Message("user", "x"), sw.Message("assistant", "y"))
    ((read,)) = from_json(to_json(None, [turn]))[1]
    assert read.answer is not None
    assert (read.answer.text, read.answer.outcome) == ("y", "complete")
    assert json.loads(to_json(None, [turn]))["turns"][0]["answer"]["text"] == "y"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", 5),
        ("reasoning", None),
        ("outcome", "banana"),
        ("demo", "yes"),
        ("timing", {"first_delta": None, "total": None, "deltas": 0}),
        ("timing", {"first_delta": None, "total": float("inf"), "deltas": 0}),
        ("usage", {"prompt_tokens": "1", "completion_tokens": None, "total_tokens": None}),
        ("warnings", [{"code": 1, "detail": "x"}]),
    ],
)
def test_an_answer_of_the_wrong_types_is_refused(field: str, value: object) -> None:
    """If it were accepted, it would break each widget and page that shows it later."""
    turn = sw.Turn("k", sw.Message("user", "x"), sw.Message("assistant", "y"))
    written = json.loads(to_json(None, [turn]))
    written["turns"][0]["answer"][field] = value
    with pytest.raises(sw.ConfigurationError, match="not a streamwidget conversation file"):
        from_json(json.dumps(written))


WHOLE = sw.Turn(
    "k",
    sw.Message("user", "x", (sw.Image(PNG), sw.Image(url="https://host.invalid/a.png"))),
    sw.Message(
        "assistant",
        "y",
        completion=sw.ChatCompletion(
            "y",
            tool_calls=(sw.ToolCall("1", "f", "{}"),),
            usage=sw.Usage(1, 2, 3),
            timing=sw.Timing(0.1, 0.2, 3),
            warnings=(sw.StreamWarning("odd", "It was odd"),),
            outcome="error",
            error=sw.ErrorInfo("It failed", code=-32000, retry_after=1.5),
        ),
    ),
)
VALID = json.loads(to_json("Be brief.", [WHOLE, sw.Turn("l", sw.Message("user", "z"))]))


@settings(parent=PATIENT, max_examples=300)
@given(text=edits(VALID))
@pytest.mark.fault("K22", "it loads to sane values, or is refused in words")
def test_any_value_in_a_file_is_sane_or_refused(text: str) -> None:
    """Whatever stands in place of whichever value. What was loaded can be shown, sent and written again."""
    try:
        conversation = sw.Conversation.from_json(text)
    except sw.ConfigurationError as refused:
        assert "Traceback" not in str(refused)  # noqa: PT017  (it may load, too)
        assert len(str(refused)) < 400  # noqa: PT017
        return
    again = sw.Conversation.from_json(conversation.to_json())
    assert again.turns == conversation.turns
    conversation.request_messages()
    conversation.to_markdown()
    for turn in conversation.turns:
        if turn.answer is not None and turn.answer.completion is not None:
            turn.answer.completion._repr_mimebundle_()


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('"total": 0.2', '"total": 1e999', "turn 1, answer.timing.total is inf"),
        ('"total": 0.2', '"total": NaN', "turn 1, answer.timing.total is nan"),
        ('"deltas": 3', '"deltas": -3', "turn 1, answer.timing.deltas is -3"),
        ('"prompt_tokens": 1', '"prompt_tokens": 1' + "0" * 400, "turn 1, answer.usage.prompt_tokens is 1000"),
        ('"prompt_tokens": 1', '"prompt_tokens": true', "turn 1, answer.usage.prompt_tokens is True"),
        ('"code": "odd"', '"code": ["odd"]', r"turn 1, answer.warnings\[0\].code is a list"),
        ('"detail": "It was odd"', '"detail": {}', r"turn 1, answer.warnings\[0\].detail is an object"),
        ('"chosen": null', '"chosen": 0', "turn 1, chosen is 0"),
        ('"key": "l"', '"key": "k"', "two turns have the same key"),
        ('"text": "z"', '"other": "z"', "turn 2, user has no 'text'"),
        ("https://host", "file://host", "turn 1, an attachment: 'file://host"),
        ('"system": "Be brief."', '"system": ' + "[" * 90_000 + "]" * 90_000, "nested too deeply"),
    ],
)
@pytest.mark.fault("K22", "the message names the place")
def test_the_place_of_a_wrong_value_is_named(old: str, new: str, place: str) -> None:
    """The turn, and the field within it."""
    text = json.dumps(VALID)
    assert old in text
    with pytest.raises(sw.ConfigurationError, match=place):
        sw.Conversation.from_json(text.replace(old, new, 1))
