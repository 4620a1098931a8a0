"""Types that answers are asked for in tests, with JSON of each. Not a test module."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from pydantic import BaseModel, Field


class Step(BaseModel):
    what: str
    minutes: int = 5


class Recipe(BaseModel):
    title: str = Field(min_length=2)
    portions: Annotated[int, Field(gt=0)]
    steps: list[Step] = []


@dataclass(frozen=True, slots=True)
class River:
    name: str
    km: int
    towns: list[str] = field(default_factory=list)


class Lake(TypedDict):
    name: str
    depth: NotRequired[int]


class Taste(enum.Enum):
    SWEET = "sweet"
    SALTY = "salty"


RIVERS: dict[str, Any] = {
    "title": "Rivers",
    "type": "array",
    "items": {"$ref": "#/$defs/River"},
    "$defs": {"River": {"type": "object", "properties": {"km": {"type": "integer"}}, "required": ["km"]}},
}
RECIPE_TEXT = '{"title": "Pancakes", "portions": 4, "steps": [{"what": "mix", "minutes": 10}, {"what": "fry"}]}'
RECIPE = Recipe(title="Pancakes", portions=4, steps=[Step(what="mix", minutes=10), Step(what="fry")])
#: The type, a whole answer with or without the object around it, its value, and what was valid on the way.
VALUES: list[tuple[Any, str, Any, list[Any]]] = [
    (
        River,
        '{"name": "Elbe", "km": 1094, "towns": ["Prague", "Dresden"]}',
        River("Elbe", 1094, ["Prague", "Dresden"]),
        [River("Elbe", None), River("Elbe", 1094), River("Elbe", 1094, ["Prague"])],  # type: ignore[arg-type]
    ),
    (Lake, '{"name": "Bled", "depth": 30}', {"name": "Bled", "depth": 30}, [{"name": "Bled"}]),
    (
        list[Lake],
        '{"value": [{"name": "Bled"}, {"name": "Como"}]}',
        [{"name": "Bled"}, {"name": "Como"}],
        [[{"name": "Bled"}]],
    ),
    (list[River], '[{"name": "Elbe", "km": 1094}]', [River("Elbe", 1094)], []),
    (list[int], '{"value": [1, 22, 333]}', [1, 22, 333], [[1], [1, 22]]),
    (Taste, '{"value": "salty"}', Taste.SALTY, []),
    (Taste, '"sweet"', Taste.SWEET, []),
    (Literal["a", "b"], '{"value": "b"}', "b", []),
    (River | Step, '{"value": {"what": "mix"}}', Step(what="mix"), []),
    (dt.date | None, '{"value": "2026-05-01"}', dt.date(2026, 5, 1), []),
    (dict[str, int], '{"Elbe": 1094, "Po": 652}', {"Elbe": 1094, "Po": 652}, [{"Elbe": 1094}]),
    (RIVERS, '{"value": [{"km": 12}, {"km": 3}]}', [{"km": 12}, {"km": 3}], [[{"km": 12}]]),
    (
        {"type": "object", "properties": {"km": {"type": "integer"}}},
        '{"km": 12, "x": [1]}',
        {"km": 12, "x": [1]},
        [{"km": 12}, {"km": 12, "x": []}],
    ),
]
