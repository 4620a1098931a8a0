"""Arrays, Series and tables of data in a prompt: never cut in silence."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from streamwidget._core.data_text import MAX_ROWS, MAX_VALUES, data_text
from streamwidget._notebook.interpolate import interpolate

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")


class PolarsFrame:
    """The methods of a polars DataFrame that are used."""

    def __init__(self, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
        self._columns = columns
        self._rows = rows

    @property
    def shape(self) -> tuple[int, int]:
        return len(self._rows), len(self._columns)

    @property
    def columns(self) -> list[str]:
        return self._columns

    def head(self, rows: int) -> PolarsFrame:
        return PolarsFrame(self._columns, self._rows[:rows])

    def iter_rows(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._rows)


class PolarsSeries:
    """The same for a polars Series."""

    dtype = "Int64"

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    @property
    def shape(self) -> tuple[int]:
        return (len(self._items),)

    def __getitem__(self, index: int) -> Any:
        return self._items[index]

    def __array__(self) -> Any:
        raise AssertionError


class ArrowArray:
    """The same for an Arrow array."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = list(items)

    def __len__(self) -> int:
        return len(self._items)

    def slice(self, start: int, length: int) -> ArrowArray:
        return ArrowArray(self._items[start : start + length])

    def to_pylist(self) -> list[Any]:
        return self._items


class ArrowTable:
    """The same for an Arrow table. Two of its columns may have one name."""

    def __init__(self, names: list[str], columns: list[ArrowArray]) -> None:
        self._names = names
        self._columns = columns

    @property
    def column_names(self) -> list[str]:
        return self._names

    @property
    def num_columns(self) -> int:
        return len(self._names)

    @property
    def num_rows(self) -> int:
        return len(self._columns[0])

    def column(self, number: int) -> ArrowArray:
        return self._columns[number]

    def slice(self, start: int, length: int) -> ArrowTable:
        return ArrowTable(self._names, [column.slice(start, length) for column in self._columns])

    def to_pylist(self) -> list[dict[str, Any]]:
        raise AssertionError


def texts(values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(str(value),) for value in values]


WHOLE = {
    "array": (numpy.arange(3), "[0, 1, 2]"),
    "array of two dimensions": (numpy.arange(4).reshape(2, 2), "[[0, 1], [2, 3]]"),
    "array of three dimensions": (numpy.arange(4).reshape(2, 1, 2), "[[[0, 1]], [[2, 3]]]"),
    "empty array": (numpy.array([]), "[]"),
    "array without columns": (numpy.zeros((2, 0)), "[]"),
    "empty frame": (pandas.DataFrame(), "(A table of 0 rows, without columns.)"),
    "short floats": (numpy.array([0.1, 1e-9], dtype="float32"), "[0.1, 1e-09]"),
    "six digits": (
        numpy.array([0.1 + 0.2, 1 / 3, 1234567.891, 2e-300 / 3]),
        "[0.3, 0.333333, 1.23457e+06, 6.66667e-301]",
    ),
    "whole numbers": (numpy.array([1.0, 1234567.0, 123456789012.0]), "[1.0, 1234567.0, 123456789012.0]"),
    "no numbers": (numpy.array([float("nan"), float("-inf")]), "[nan, -inf]"),
    "numbers of a frame": (
        pandas.DataFrame({"a": [2 / 3, 20261130.0], "b": [1234567, None]}),
        "| a | b |\n| --- | --- |\n| 0.666667 | 1234567.0 |\n| 20261130.0 | nan |",
    ),
    "texts": (numpy.array(["a, b", "c"]), "['a, b', 'c']"),
    "dates": (numpy.array(["2026-01-02"], dtype="datetime64[ns]"), "[2026-01-02T00:00:00.000000000]"),
    "masked array": (numpy.ma.masked_array([1, 2], [False, True]), "[1, --]"),
    "as many numbers as numpy prints whole": (numpy.arange(1000), str(list(range(1000)))),
    "index": (pandas.Index(["a", "b"]), "['a', 'b']"),
    "categories": (pandas.Categorical(["a", "b"]), "['a', 'b']"),
    "Series": (pandas.Series([1, 2]), "| value |\n| --- |\n| 1 |\n| 2 |"),
    "labelled Series": (pandas.Series([1], index=["a"], name="n"), "|  | n |\n| --- | --- |\n| a | 1 |"),
    "polars frame": (PolarsFrame(["a", "b"], [(1, "x|y")]), "| a | b |\n| --- | --- |\n| 1 | x\\|y |"),
    "polars Series": (PolarsSeries(["a", 1]), "['a', 1]"),
    "Arrow table": (ArrowTable(["a", "a"], [ArrowArray([1]), ArrowArray([2])]), "| a | a |\n| --- | --- |\n| 1 | 2 |"),
    "Arrow array": (ArrowArray([1, None, 0.1 + 0.2, "a"]), "[1, None, 0.3, 'a']"),
}


@pytest.mark.parametrize(("value", "text"), WHOLE.values(), ids=WHOLE)
def test_small_data_is_whole(value: Any, text: str) -> None:
    """Fractions with six digits, whole numbers with all of theirs, and no line about missing parts."""
    found = data_text(value)
    assert found is not None
    assert found[:2] == (text, [])


CUT = {
    "array": (numpy.arange(5000), "1000 of 5000 values"),
    "array of many rows": (numpy.zeros((5000, 2)), "500 × 2 of 5000 × 2 values"),
    "array of many columns": (numpy.zeros((300, 300)), "50 × 20 of 300 × 300 values"),
    "array of many dimensions": (numpy.zeros((10, 64, 64)), "1 × 50 × 20 of 10 × 64 × 64 values"),
    "index": (pandas.RangeIndex(2000), "1000 of 2000 values"),
    "Series": (pandas.Series(range(100)), "50 of 100 rows"),
    "labelled Series": (pandas.Series(range(60), index=[f"r{n}" for n in range(60)]), "50 of 60 rows"),
    "DataFrame": (pandas.DataFrame({"a": range(60)}), "50 of 60 rows"),
    "polars frame": (PolarsFrame(["a"] * 30, [tuple(range(30))] * 60), "50 of 60 rows, 20 of 30 columns"),
    "polars Series": (PolarsSeries(list(range(1001))), "1000 of 1001 values"),
    "Arrow table": (ArrowTable(["a"], [ArrowArray(range(51))]), "50 of 51 rows"),
    "Arrow array": (ArrowArray(range(1001)), "1000 of 1001 values"),
}


@pytest.mark.parametrize(("value", "shown"), CUT.values(), ids=CUT)
def test_large_data_says_to_the_model_and_to_the_person_what_is_shown(value: Any, shown: str) -> None:
    """A last line in the prompt, and a line for the cell."""
    filled = interpolate("Look:\n{{data}}", {"data": value})
    assert filled.cut == (f"data: {shown} sent",)
    last = ", ".join(f"the first {part}" for part in shown.split(", "))
    assert filled.text.endswith(f"\n\n(Shown: {last}.)")
    assert "..." not in filled.text
    assert filled.text.count("\n|") <= MAX_ROWS + 2
    assert filled.text.count(",") <= MAX_VALUES + 2


class Metres(float):
    """A number of the person's own, with its own text."""

    def __str__(self) -> str:
        return f"{float(self)} m"


@pytest.mark.parametrize(
    "value",
    [
        *("text", b"a", None, True, 1, 2**200, numpy.int64(1), numpy.array(7), Fraction(1, 3), Decimal("0.12345678")),
        *([1] * 5000, {"a": [1] * 5000}, {1, 2}, frozenset(), (1,), Metres(1 / 3)),
    ],
)
def test_other_values_are_not_data(value: Any) -> None:
    """Their own text is sent, whole."""
    assert data_text(value) is None
    assert interpolate("{{x}}", {"x": value})[::3] == (str(value), ())


NUMBERS = {
    "a fraction": (1 / 3, "0.333333"),
    "numpy's": (numpy.float64(0.1) + 0.2, "0.3"),
    "numpy's single": (numpy.float32(1) / 3, "0.333333"),
    "a large one": (1e300 / 3, "3.33333e+299"),
    "a complex one": (1 / 3 + 2j, "(0.333333+2j)"),
    "a list": ([1 / 3, 2, "a", 0.5, None], "[0.333333, 2, 'a', 0.5, None]"),
    "a tuple": ((2 / 3,), "(0.666667,)"),
    "a dict in a dict": ({"a": {"b": 2 / 3}, 1 / 3: 1}, f"{{'a': {{'b': 0.666667}}, {1 / 3}: 1}}"),
    "sets": ([{2 / 3}, frozenset([2 / 3])], "[{0.666667}, frozenset({0.666667})]"),
    "an array": ({"a": numpy.array([2 / 3])}, "{'a': [0.666667]}"),
    "a table": (pandas.DataFrame({"a": [2 / 3]}), "| a |\n| --- |\n| 0.666667 |"),
    "an Arrow array": (ArrowArray([2 / 3]), "[0.666667]"),
}


@pytest.mark.parametrize(("value", "text"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_have_six_significant_digits_and_a_line_says_so(value: Any, text: str) -> None:
    """Wherever they are. ``{{str(x)}}`` sends all digits."""
    filled = interpolate("{{x}} {{str(1 / 3 + y)}}", {"x": value, "y": 0})
    assert filled.text == f"{text} {1 / 3}"
    assert filled.cut == ("x: sent with six significant digits",)


@pytest.mark.parametrize("value", [0.5, 1234567.0, -0.0, 1e300, math.nan, -math.inf, 1 + 2j, numpy.float64(0.1)])
def test_numbers_that_have_no_more_digits_are_exact(value: Any) -> None:
    """And nothing is said."""
    assert interpolate("{{x}} {{[x]}}", {"x": value})[::3] == (f"{value} [{value}]", ())


def test_values_of_numpy_in_a_container_are_plain() -> None:
    """The model reads ``3``, and not ``np.int64(3)``."""
    found = {numpy.str_("a"): [numpy.int64(3), numpy.bool_(True), numpy.str_("b"), numpy.float64(0.5)]}
    assert interpolate("{{x}}", {"x": found}).text == "{'a': [3, True, 'b', 0.5]}"


def test_a_line_names_all_that_is_missing() -> None:
    """Rows and digits."""
    frame = pandas.DataFrame({"a": numpy.arange(60) / 7})
    assert interpolate("{{x}}", {"x": frame}).cut == ("x: 50 of 60 rows sent, with six significant digits",)


def test_data_in_lists_and_dicts_is_not_cut_in_silence_either() -> None:
    """The rest of the container is whole."""
    filled = interpolate("{{x}}", {"x": {"a": numpy.arange(2000), "b": [numpy.arange(2), "t"], "n": [1] * 5000}})
    assert filled.cut == ("x: 1000 of 2000 values sent",)
    first, rest = filled.text.split("\n\n(Shown: the first 1000 of 2000 values.)\n\n")
    assert first == f"{{'a': \n\n{list(range(1000))}"
    assert rest == f", 'b': [[0, 1], 't'], 'n': {[1] * 5000}}}"
    table = interpolate("{{x}}", {"x": (pandas.DataFrame({"a": [1]}),)}).text
    assert table == "(\n\n| a |\n| --- |\n| 1 |\n\n,)"


@pytest.mark.parametrize("value", [(1,), {"a": []}, [[[]]]])
def test_containers_without_data_have_their_own_text(value: Any) -> None:
    """And a list that holds itself is no endless work."""
    assert data_text(value) is None
    value = [value]
    value.append(value)
    assert data_text(value) is None


def test_names_that_mean_something_else_are_no_failure() -> None:
    """A value that only looks like data is sent as its text."""

    class Recipe:
        column_names, column, num_rows, num_columns = "a", "b", "c", "d"

        def __str__(self) -> str:
            return "salt"

    assert interpolate("{{x}}", {"x": Recipe()}).text == "salt"


def test_no_library_is_imported() -> None:
    """Data is known by its class."""
    code = (
        "import sys; from streamwidget._notebook.interpolate import interpolate; "
        "assert interpolate('{{x}}', {'x': [1]})[0] == '[1]'; sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
