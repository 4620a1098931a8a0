"""``{{name}}`` in a prompt: what is replaced and what stays."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import sys
import types
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from streamwidget._core.attachments import Image
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.data_text import MAX_CELL, MAX_COLUMNS, MAX_ROWS
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._notebook.interpolate import interpolate
from tests.support.pictures import JPEG, PNG


class Trap:
    """A value whose attributes and calls must never be touched."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was evaluated")

    def __call__(self) -> Any:
        raise AssertionError("it was called")

    def __str__(self) -> str:
        return "trap"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{x}}", "X"),
        ("a {{ x }} b {{\tx }}", "a X b X"),
        ("{{x}}{{x}}", "XX"),
        ("{{{x}}}", "{X}"),
        ("{{n}}", "7"),
        ("{{none}}", "None"),
        ("{{été}}", "summer"),
        ("{{ﬁ}}", "ligature"),
        ("{{answer}}", "the text"),
        ("{{trap}}", "trap"),
        ("{{nested}}", "{{x}} $x {x}"),
    ],
)
def test_an_identifier_in_double_braces_is_replaced(template: str, text: str) -> None:
    """The variable's text replaces its name."""
    namespace = {
        "x": "X",
        "n": 7,
        "none": None,
        "été": "summer",
        "fi": "ligature",
        "answer": ChatCompletion(text="the text"),
        "trap": Trap(),
        "nested": "{{x}} $x {x}",
    }
    assert interpolate(template, namespace)[:2] == (text, [])


@pytest.mark.parametrize(
    "template",
    [
        "{x}",
        "x^{{2}}",
        "{{'x'}}",
        "{{#if x}}",
        "{{x!r}}",
        "{{x:>10}}",
        "{{x y}}",
        "{{1x}}",
        "{{}}",
        "{{ }}",
        "{ {x} }",
        "{{x}",
        "{{\nx}}",
        "{{x.}}",
        "{% for x in y %}",
        "$x ${x} %x \\{x\\}",
        '{"a": {"x": {"b": [1]}}}',
        "{{ {}{} }}",
    ],
)
@pytest.mark.fault("S11", "literal: only a name or an expression is replaced")
def test_every_other_brace_is_literal(template: str) -> None:
    """Numbers, formats, templates, JSON and single braces stay as typed, and are not reported."""
    assert interpolate(template, {"x": Trap(), "y": Trap()})[:2] == (template, [])


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{x.real}}, {{ x + 1 }}", "2, 3"),
        ('{{d["a"]}} {{d["b"][0]}}', "1 2"),
        ("{{len(d)}} {{sum(v for v in l)}} {{[i * x for i in l]}}", "2 3 [2, 4]"),
        ("{{{x + 1}}}", "{3}"),
        ("{{1x {{x * 2}} }}", "{{1x 4 }}"),
        ('{{f"{x}{{}}"}}', "2{}"),
        ("{{(lambda n: n)(x)}}", "2"),
        ("{{text.upper()}} {{text}}", "{{X}} {{x}}"),
        ("{{-x}} {{not x}}", "-2 False"),
        ('{{ {"a": x} }} {{ {i: {x} for i in l} }}', "{'a': 2} {1: {2}, 2: {2}}"),
    ],
)
def test_an_expression_in_double_braces_is_evaluated(template: str, text: str) -> None:
    """Attributes, items, calls and comprehensions of the person's own variables. Nothing is left in the namespace."""
    namespace: dict[str, Any] = {"x": 2, "l": [1, 2], "d": {"a": 1, "b": [2]}, "text": "{{x}}"}
    names = set(namespace)
    assert interpolate(template, namespace)[:2] == (text, [])
    assert set(namespace) - names <= {"__builtins__"}


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (
            "{{x.z}}",
            "{{x.z}} cannot be evaluated: AttributeError: 'int' object has no attribute 'z'. Nothing was sent.",
        ),
        ("{{1 / (x - 2)}}", "{{1 / (x - 2)}} cannot be evaluated: ZeroDivisionError: division by zero."),
        ("{{fail()}}", "{{fail()}} cannot be evaluated: KeyError: 'sk-"),
        ("{{await later()}}", "{{await later()}} is a coroutine. Nothing was sent. Await it in a cell"),
        ("{{later()}}", "{{later()}} is a coroutine. Nothing was sent. Await it in a cell"),
        ("{{untold}}", "{{untold}} has no text: RuntimeError. Nothing was sent."),
    ],
)
def test_an_expression_that_fails_stops_the_prompt(template: str, said: str) -> None:
    """The message has the expression and the reason. A key in the reason is masked."""

    class Untold:
        def __str__(self) -> str:
            raise RuntimeError

    def fail() -> None:
        raise KeyError("sk-" + "1a2b3c4d" * 3)

    async def later() -> None: ...

    namespace: dict[str, Any] = {"x": 2, "fail": fail, "later": later, "untold": Untold()}
    with pytest.raises(ConfigurationError) as failure:
        interpolate(template, namespace)
    assert str(failure.value).startswith(said.replace("'sk-", "'[key]'"))
    assert "1a2b" not in str(failure.value)


def test_an_undefined_name_is_reported_once_and_nothing_is_evaluated() -> None:
    """Each is reported once, in order. An expression may use Python's own names. A name alone may not."""
    template = "{{b}} {{a}} {{ b }} {{x()}} {{c.d + len(e)}} {{list}}"
    assert interpolate(template, {"x": Trap()})[:2] == (template, ["b", "a", "c", "e", "list"])


@settings(deadline=None)
@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,3}", fullmatch=True), st.text(alphabet="{}ab _\n"), max_size=4),
    st.text(alphabet="{}ab _$"),
)
@pytest.mark.fault("S11", "one pass: values are not expanded again")
def test_values_are_not_expanded_again(namespace: dict[str, str], template: str) -> None:
    """One pass: the text between the fields does not change, and each field is exactly its value."""
    parts = re.split(r"(\{\{[ \t]*[a-z_]\w*[ \t]*\}\})", template)
    names = [part.strip("{} \t") for part in parts[1::2]]
    expected = (
        "".join(namespace[part.strip("{} \t")] if number % 2 else part for number, part in enumerate(parts))
        if namespace.keys() >= set(names)
        else template
    )
    assert interpolate(template, namespace)[0] == expected


@given(st.recursive(st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)))
@pytest.mark.fault("S11", "JSON in a prompt is literal")
def test_json_in_a_prompt_is_literal(value: Any) -> None:
    """JSON is full of braces and does not change, nor do compact nested objects."""
    text = json.dumps(value, separators=(",", ":"))
    assert interpolate(text, {})[:2] == (text, [])


@given(st.text())
def test_long_and_odd_text_is_never_cut(text: str) -> None:
    """A variable's text arrives whole."""
    assert interpolate("<{{x}}>", {"x": text * 50})[:2] == (f"<{text * 50}>", [])


def test_a_frame_is_a_markdown_table() -> None:
    """A DataFrame becomes a Markdown table. Pipes and newlines do not break it."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a|b": [1, 2], "c": ["x|y", "two\nlines"]})
    assert interpolate("{{df}}", {"df": frame})[0] == (
        "| a\\|b | c |\n| --- | --- |\n| 1 | x\\|y |\n| 2 | two<br>lines |"
    )
    assert interpolate("{{df}}", {"df": frame.set_index("c")})[0].startswith(
        "| c | a\\|b |\n| --- | --- |\n| x\\|y | 1 |"
    )


def test_a_big_frame_is_bounded_and_says_so() -> None:
    """The table's size is bounded, and one line names the missing rows and columns."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([["w" * 1000] + [0] * 29] * 1000)
    text = interpolate("{{df}}", {"df": frame})[0]
    assert len(text) < (MAX_CELL + 10 * MAX_COLUMNS) * (MAX_ROWS + 2) + 300
    assert text.count("\n| ") == MAX_ROWS + 1
    last = text.splitlines()[-1]
    assert last == (
        f"(Shown: the first {MAX_ROWS} of 1000 rows, the first {MAX_COLUMNS} of 30 columns, "
        f"the first {MAX_CELL} characters of 50 long cells (they end in …).)"
    )
    assert "Shown" not in interpolate("{{df}}", {"df": frame.iloc[:2, 1:5]})[0]


def test_an_empty_frame_is_a_table_too() -> None:
    """No rows and no columns raise nothing."""
    pandas = pytest.importorskip("pandas")
    assert interpolate("{{df}}", {"df": pandas.DataFrame({"a": []})})[0] == "| a |\n| --- |"
    assert isinstance(interpolate("{{df}}", {"df": pandas.DataFrame()})[0], str)


def test_an_image_is_attached_and_its_place_is_named() -> None:
    """Each variable is attached once, numbered in order. Other bytes are text."""

    class Figure:
        def savefig(self, file: Any, *, format: str) -> None:  # noqa: A002  (matplotlib's word)
            file.write(PNG)

    namespace = {"fig": Figure(), "photo": JPEG, "url": Image.of("https://host.invalid/a.png"), "data": b"plain"}
    filled = interpolate("Is {{fig}} like {{photo}}, {{url}} or {{ fig }}? {{data}}", namespace)
    assert filled.text == "Is [image 1] like [image 2], [image 3] or [image 1]? b'plain'"
    assert filled.attachments == (Image(PNG), Image(JPEG), Image(url="https://host.invalid/a.png"))


@pytest.mark.parametrize("typed", ["_i", "_ii", "_iii", "_i1", "_i12", "_i[:5]", "_i1 + _i12", "str(_ii)"])
def test_a_cell_as_it_was_typed_is_not_sent(typed: str) -> None:
    """IPython has names for the last cells. A variable of the person's may have such a name too."""
    namespace: dict[str, Any] = {"_ih": ["", *["key = 'sk-1'"] * 12], "_i1": "key = 'sk-1'", "_i12": "key = 'sk-1'"}
    namespace |= {"_i": "key = 'sk-1'", "_ii": "key = 'sk-1'", "_iii": ""}
    with pytest.raises(ConfigurationError, match=r"is a cell as it was typed.*Nothing was sent.*part = In\[3\]"):
        interpolate(f"{{{{{typed}}}}}", namespace)
    assert interpolate("{{_i1}} {{_i7}}", {"_i1": "mine", "_i7": 7}).text == "mine 7"


@pytest.mark.parametrize("name", ["In", "_ih", "Out", "_oh", "_dh", "environ", "mine", "environb", "everything"])
def test_the_history_and_the_environment_are_not_sent(name: str) -> None:
    """They hold all that was typed and all keys, whatever they are called. A part of them can be sent."""
    namespace: dict[str, Any] = {"_ih": ["", "key = 'sk-1'"], "_oh": {1: "sk-1"}, "_dh": ["/home/me"]}
    namespace |= {"In": namespace["_ih"], "Out": namespace["_oh"], "mine": os.environ, "environ": os.environ}
    namespace |= {"environb": getattr(os, "environb", os.environ), "copied": list(namespace["_ih"])}
    namespace["everything"] = namespace
    with pytest.raises(ConfigurationError, match=f"{name}.* may hold keys. Nothing was sent."):
        interpolate(f"{{{{{name}}}}}", namespace)
    assert interpolate("{{copied}}", namespace)[0] == str(namespace["_ih"])


@pytest.mark.parametrize(
    "expression",
    [
        "os.environ",
        "str(os.environ)",
        "dict(environ)",
        "os.environ.get('HOME')",
        "f'{os.environ}'",
        "[os.environ, 1]",
        "vars(os)",
        "os.__dict__",
        "__import__('os').environ",
        "posix.environ",
        "globals()",
        "str(globals())",
        "list(locals().items())",
        "[value for value in globals().values()]",
        "(lambda: {**globals()})()",
        "function.__globals__",
        "sys._getframe().f_globals",
        "inspect.stack()",
        "In[1]",
        "list(_ih)",
        "(Out, 1)",
        "dict(a={'b': In})",
        "get_ipython().user_ns",
        "get_ipython().history_manager.input_hist_raw",
        "vars(get_ipython())",
        "nested[0]",
        "box.value",
    ],
)
def test_an_expression_cannot_send_them_either(expression: str) -> None:
    """Each part of an expression is looked at. What it makes of the history or the environment is never sent."""
    namespace: dict[str, Any] = {"_ih": ["", "key"], "_oh": {1: "key"}, "_dh": [], "os": os, "sys": sys}
    namespace |= {"In": namespace["_ih"], "Out": namespace["_oh"], "environ": os.environ, "inspect": inspect}
    namespace |= {"posix": importlib.import_module(os.name if os.name == "nt" else "posix"), "nested": [[[os.environ]]]}
    namespace |= {"get_ipython": InteractiveShell, "box": types.SimpleNamespace(value=namespace["_ih"])}
    namespace["function"] = eval("lambda: 0", namespace)
    with pytest.raises(ConfigurationError, match="which may hold keys"):
        interpolate(f"{{{{{expression}}}}}", namespace)


@pytest.mark.parametrize("template", ["{{mine}}", "{{mine[:30]}}", "{{os.getenv('SOME_API_KEY')}}", "{{[mine]}}"])
def test_a_key_of_the_environment_is_not_sent(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever variable or expression it comes from."""
    key = "s3cret-" + "k" * 20
    monkeypatch.setenv("SOME_API_KEY", key)
    with pytest.raises(ConfigurationError, match="holds the key in SOME_API_KEY") as failure:
        interpolate(template, {"mine": f"{key} ", "os": os})
    assert key not in str(failure.value)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        *(
            (name, "hunter-2-hunter-2", "hunter-2-hunter-2")
            for name in ("PGPASS", "GH_PAT", "OPENAI_KEY_2", "A_TOKEN2")
        ),
        ("MY_LOGIN", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("DATABASE_URL", "postgres://me:p4ssw0rd-1234@host/db", "p4ssw0rd-1234"),
    ],
    ids=["1", "2", "3", "4", "5", "6"],  # pytest puts a test's id into the environment
)
def test_a_key_by_another_name_is_not_sent(name: str, value: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name, the value or an address says that it is one. A path is none."""
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("SOME_PATH", "/home/me/projects/2026")
    with pytest.raises(ConfigurationError, match=f"holds the key in {name}"):
        interpolate("{{x}}", {"x": f"It is {part}."})
    assert interpolate("{{x}}", {"x": "/home/me/projects/2026"}).text == "/home/me/projects/2026"
