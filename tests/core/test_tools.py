"""A tool: its schema, the check of its arguments, and its result as the model reads it."""

from __future__ import annotations

import builtins
import dataclasses
import functools
import math
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Literal

import pandas as pd
import pydantic
import pytest

import streamwidget as sw
from streamwidget._core.tool_result import MAX_IMAGES, MAX_RESULT, result_of
from streamwidget._core.tools import toolbox
from tests.support.pictures import PNG


def numpy_style(city: str, days: int = 1) -> str:
    """Return the weather of a city.

    It is never good.

    Parameters
    ----------
    city : str
        Such as Oslo.
    days : int, default 1
        From today.
    """
    return f"{city} {days}"


def google_style(city: str, days: int = 1) -> str:
    """Return the weather of a city.

    It is never good.

    Args:
        city: Such as Oslo.
        days: From today.
    """
    return f"{city} {days}"


def plain_style(city: str, days: int = 1) -> str:
    """Return the weather of a city.

    It is never good.
    """
    return f"{city} {days}"


class Atlas:
    def length(self, river: str) -> int:
        """Return a length."""
        return len(river)

    async def __call__(self, river: Literal["Elbe", "Po"]) -> int:
        """Return a length."""
        return len(river)


class Size(Enum):
    SMALL = "small"


class Place(pydantic.BaseModel):
    name: str


@pytest.mark.parametrize("function", [numpy_style, google_style, plain_style])
def test_the_schema_comes_from_hints_and_docstring(function: Callable[..., str]) -> None:
    """Names, types, defaults and the words of the docstring, in both styles. A plain one describes the whole."""
    made = sw.Tool.of(function)
    assert made.description == "Return the weather of a city.\n\nIt is never good."
    assert made.arguments.schema["required"] == ["city"]
    city, days = (made.arguments.schema["properties"][name] for name in ("city", "days"))
    assert (city["type"], days["type"], days["default"]) == ("string", "integer", 1)
    said = (None, None) if function is plain_style else ("Such as Oslo.", "From today.")
    assert (city.get("description"), days.get("description")) == said


def test_methods_partials_and_callable_objects_are_tools() -> None:
    """Each has a name that the APIs take, and the arguments that are left."""
    atlas = Atlas()
    assert sw.Tool.of(atlas.length).arguments.schema["required"] == ["river"]
    assert sw.Tool.of(atlas).name == "Atlas"
    assert sw.Tool.of(atlas).arguments.schema["properties"]["river"]["enum"] == ["Elbe", "Po"]
    partial = sw.Tool.of(functools.partial(numpy_style, days=2))
    assert (partial.name, partial.arguments.schema["required"]) == ("numpy_style", ["city"])
    # The same method of the same object is the same tool. A function that is defined anew is another one.
    assert sw.Tool.of(atlas.length).identity == sw.Tool.of(atlas.length).identity
    assert sw.Tool.of(Atlas().length).identity != sw.Tool.of(atlas.length).identity


HINTS: list[tuple[Any, Any, Any]] = [
    (str, "a", 1),
    (int, 3, "x"),
    (float, 2.5, "x"),
    (bool, True, "perhaps"),
    (list[int], [1], ["x"]),
    (dict[str, int], {"a": 1}, {"a": "x"}),
    (int | None, None, "x"),
    (Literal["a", "b"], "a", "c"),
    (Any, {"any": [1]}, None),
]
PYDANTIC: list[tuple[Any, Any, Any]] = [
    (Annotated[int, pydantic.Field(ge=1)], 1, 0),
    (Size, "small", "large"),
    (Place, {"name": "Oslo"}, {"name": 3}),
]


def one_argument(hint: Any) -> Callable[[Any], None]:
    def take(model_config: Any) -> None: ...  # a name that pydantic keeps for itself

    take.__annotations__ = {"model_config": hint}
    return take


@pytest.mark.parametrize("without", [False, True], ids=["pydantic", "without"])
@pytest.mark.parametrize(("hint", "good", "bad"), [*HINTS, *PYDANTIC], ids=str)
def test_arguments_are_checked(hint: Any, good: Any, bad: Any, without: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Good ones arrive, and others are refused in words. Without pydantic the plain types are known."""
    if without:
        _hide(monkeypatch, "pydantic")
        if (hint, good, bad) in PYDANTIC:
            with pytest.raises(sw.ConfigurationError, match="needs pydantic"):
                sw.Tool.of(one_argument(hint))
            return
    check = sw.Tool.of(one_argument(hint)).arguments.check
    assert check({"model_config": good}).keys() == {"model_config"}
    if bad is not None:
        with pytest.raises(ValueError, match="model_config"):
            check({"model_config": bad})
    for wrong in ({}, {"model_config": good, "other": 1}):
        with pytest.raises(ValueError, match=r"model_config|other"):
            check(wrong)


def test_without_a_reader_of_docstrings_the_whole_is_the_description(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost then."""
    _hide(monkeypatch, "docstring_parser")
    assert "Such as Oslo." in sw.Tool.of(numpy_style).description


def _hide(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    whole = builtins.__import__

    def hiding(module: str, *rest: Any) -> Any:
        if module == name:
            raise ImportError(name)
        return whole(module, *rest)

    monkeypatch.setattr(builtins, "__import__", hiding)


class Strange:
    pass


def strange(it: Strange) -> None: ...


def lost(it: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037


def other() -> None: ...


other.__name__ = "numpy_style"


@pytest.mark.parametrize(
    ("tools", "says"),
    [
        ([lambda: 1], "a lambda has none"),
        ([Atlas], "not the class Atlas"),
        (["f"], "not an object of class str"),
        ("f", "tools is a list"),
        ({"type": "web_search"}, "tools is a list"),
        ([strange], "have no JSON schema"),
        ([lost], "Nowhere"),
        ([numpy_style, other], "Two tools have the name numpy_style"),
    ],
)
def test_other_things_are_refused(tools: Any, says: str) -> None:
    """Before anything is sent, with a word on the remedy."""
    with pytest.raises(sw.ConfigurationError, match=says):
        sw.ChatClient().stream("x", tools=tools)


@pytest.mark.parametrize("rules", [{"confirm": "no"}, {"max_steps": 0}, {"max_steps": True}])
def test_impossible_rules_are_refused(rules: dict[str, Any]) -> None:
    """They are named."""
    with pytest.raises(sw.ConfigurationError, match=next(iter(rules))):
        toolbox([numpy_style], **rules)


@dataclasses.dataclass
class Point:
    x: int


RESULTS: list[tuple[Any, str]] = [
    ("4 °C", "4 °C"),
    (None, "(nothing)"),
    ("", "(nothing)"),
    ({"a": [1, 2.5, None]}, '{"a": [1, 2.5, null]}'),
    (Point(1), '{"x": 1}'),
    (Place(name="Oslo"), '{"name": "Oslo"}'),
    ({"b", "a"}, '["a", "b"]'),
    (pd.DataFrame({"river": ["Elbe"]}), "| river |\n| --- |\n| Elbe |"),
    ([Point(1), "x"], '[{"x": 1}, "x"]'),
    (math.nan, "nan"),
    ("a\ud83d", "a\ufffd"),
]


@pytest.mark.parametrize(("value", "text"), RESULTS, ids=[text for _, text in RESULTS])
def test_a_result_is_text(value: object, text: str) -> None:
    """Text stays, tables are tables, the rest is JSON where it can be."""
    assert result_of(value) == (text, (), False)


@pytest.mark.fault("T8", "64 KiB are sent, and a line about the rest")
def test_a_result_is_bounded() -> None:
    """The text says how much is missing. A long table is cut by rows. Too many bytes of images are left out."""
    cut = result_of("é" * MAX_RESULT).text
    assert len(cut.encode()) < MAX_RESULT + 100
    assert cut.endswith(f"(Cut: the first {MAX_RESULT:,} of {2 * MAX_RESULT:,} bytes.)")
    assert "50 of 900 rows" in result_of(pd.DataFrame({"a": range(900)})).text
    large = sw.Image(PNG + b"\0" * MAX_IMAGES)
    assert "it is too large" in result_of(large).text
    assert result_of(large).images == ()


def test_images_go_beside_the_text() -> None:
    """Each has a mark in the text. A figure is an image too."""
    figure = pd.Series([1, 2]).plot().figure
    text, images, _ = result_of(["before", sw.Image(PNG), figure])
    assert text == "before\n[image 1]\n[image 2]"
    assert all(image.startswith("data:image/png;base64,") for image in images)
