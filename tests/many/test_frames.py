"""Data frames in and out: pandas, polars and Arrow, each in its own type, by way of narwhals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import narwhals
import pandas as pd
import polars as pl
import pytest

import streamwidget as sw
from streamwidget._many.frames import plain
from tests.many.server import Server

ROWS = {"name": ["Elbe", "Oder", "Rhine"], "km": [1094, 840, 1230]}


def arrow(columns: dict[str, Any]) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


FRAMES: list[Callable[[dict[str, Any]], Any]] = [pd.DataFrame, pl.DataFrame, arrow]


@pytest.mark.parametrize("make", FRAMES)
async def test_a_frame_comes_back_in_its_own_type(make: Callable[[dict[str, Any]], Any]) -> None:
    """With the answers, the outcomes and the errors as columns. The person's frame stays as it was."""
    server = Server(lambda prompt, _times: (400, "No.") if "Oder" in prompt else prompt.upper())
    frame = make(ROWS)
    made = await sw.batch(frame, "{{name}}: {{km + 1}}", client=server.client, into="said")
    assert type(made) is type(frame)
    columns = narwhals.from_native(made, eager_only=True).to_dict(as_series=False)
    missing = columns["said"][1]
    assert missing is None or missing != missing
    assert [columns["said"][0], columns["said"][2]] == ["ELBE: 1095", "RHINE: 1231"]
    assert columns["outcome"] == ["complete", "http_error", "complete"]
    assert columns["error"][1] == "no answer: No"
    assert narwhals.from_native(frame, eager_only=True).columns == ["name", "km"]


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


@dataclass
class River:
    name: str
    km: int
    moods: list[Mood]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
async def test_the_fields_of_an_object_become_columns(make: Any) -> None:
    """Or one column, where the person names it. A value that is missing leaves its cells empty."""
    answers = {"Elbe": {"name": "Elbe", "km": 1, "moods": ["good"]}, "Oder": {"name": "Oder"}}
    server = Server(lambda prompt, _times: json.dumps(answers[prompt]))
    rows = make({"river": ["Elbe", "Oder"]})
    made = await sw.batch(rows, "{{river}}", client=server.client, as_=River)
    assert list(made.columns) == ["river", "name", "km", "moods", "outcome", "error"]
    assert (made["name"][0], made["km"][0], list(made["moods"][0])) == ("Elbe", 1, ["good"])
    assert made["outcome"][1] == "complete"
    assert "km" in made["error"][1]
    made = await sw.batch(rows, "{{river}}", client=server.client, as_=River, into="about")
    assert list(made.columns) == ["river", "about", "outcome", "error"]
    assert made["about"][0]["km"] == 1


async def test_an_index_and_earlier_results_are_kept_in_their_places() -> None:
    """An index of pandas may have anything. The columns of an earlier run are replaced."""
    frame = pd.DataFrame(ROWS, index=["x", "x", "y"])
    for times in (1, 2):
        server = Server(lambda prompt, _times, n=times: f"{prompt} {n}")  # type: ignore[misc]
        frame = await sw.batch(frame, "{{name}}", client=server.client, as_={"type": "string"} if times > 2 else None)
        assert list(frame.index) == ["x", "x", "y"]
        assert list(frame["answer"]) == [f"{name} {times}" for name in ROWS["name"]]
        assert list(frame.columns) == ["name", "km", "answer", "outcome", "error"]


async def test_values_without_a_common_type_become_texts() -> None:
    """polars has no column for them."""
    answers = iter(["1", '{"a": [1]}', '"x"'])
    server = Server(lambda _prompt, _times: next(answers))
    frame = pl.DataFrame(ROWS)
    made = await sw.batch(frame, "{{name}}", client=server.client, as_={"title": "any"}, concurrency=1)
    assert made["answer"].to_list() == ["1", '{"a": [1]}', "x"]


async def test_what_cannot_be_read_is_refused_before_anything_is_sent() -> None:
    """A column that is not there, a frame that is not in memory, and answers that would have no column of their own."""
    server = Server()
    ends = {"type": "object", "properties": {"error": {"type": "string"}}}
    for frame, prompt, more, said in (
        (pd.DataFrame(ROWS), "{{name}}", {"into": "outcome"}, "The column 'outcome' says how a row ended"),
        (pl.DataFrame(ROWS), "{{name}}", {"as_": ends}, "The column 'error' says how a row ended"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "{{a}}", {}, "Two columns"),
        (pd.DataFrame(ROWS), "{{nam}}", {}, "There is no column 'nam'. The columns: name, km"),
        (pl.DataFrame(ROWS), "{{name}}", {"id_": "id"}, "There is no column 'id'"),
        (pl.DataFrame(ROWS).lazy(), "{{name}}", {}, "collect"),
    ):
        with pytest.raises(sw.ConfigurationError, match=said):
            await sw.batch(frame, prompt, client=server.client, **more)
    assert server.asked == []


def test_a_series_is_a_list_of_texts() -> None:
    """So is whatever else can be read one by one."""
    server = Server()
    rows = asyncio.run(sw.batch(pd.Series(["a", "b"]), "{{text}}", client=server.client))
    assert [row.value for row in rows] == ["A", "B"]


def test_plain_values() -> None:
    """What a column can hold of a value."""
    assert plain(River("Elbe", 1, [Mood.GOOD])) == {"name": "Elbe", "km": 1, "moods": ["good"]}
    assert plain({1: {Mood.BAD}}) == {"1": ["bad"]}
