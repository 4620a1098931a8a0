"""What a model yields beside text: kept at its place, bounded, saved, and never made of a model's text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core.completion import shown, split_at_outputs
from streamwidget._saved.outputs import BUNDLES
from streamwidget._sources import rich
from streamwidget._sources.rich import formatted, is_rich
from streamwidget._view.transcript import Transcript, state_of
from tests.support.pictures import PNG

EVIL = "<img src=x onerror=alert(1)>"


class Table:
    """Shows itself as HTML, as a DataFrame does."""

    def __init__(self, html: str = "<table><tr><td>1</td></tr></table>", plain: str = "1") -> None:
        self.html, self.plain = html, plain

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.plain

    def __iter__(self) -> Iterator[str]:
        return iter(["a column"])


class Bundle:
    """Shows itself in any formats."""

    def __init__(self, *bundle: Any) -> None:
        self.bundle = bundle

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return self.bundle if len(self.bundle) > 1 else self.bundle[0]

    def __repr__(self) -> str:
        return "bundle"


class Figure:
    """Has the method of a matplotlib figure that is used."""

    def savefig(self, file: Any, *, format: str) -> None:  # noqa: A002  (matplotlib's word)
        file.write(PNG)

    def __repr__(self) -> str:
        return "<Figure>"


class Broken:
    def _repr_html_(self) -> str:
        raise RuntimeError("no table")


def ask(model: Callable[[list[dict[str, Any]]], Any]) -> sw.ChatCompletion:
    return sw.Conversation().ask("Show it.", model).wait()


def test_what_is_yielded_stands_at_its_place() -> None:
    """In the completion, the saved answer and the plain text, in the order in which it came."""

    def model(messages: Any) -> Iterator[Any]:
        yield "A *table*:\n\n"
        yield Table()
        yield "and a figure \ud83d\ude00 "
        yield Figure()
        yield "Done."

    completion = ask(model)
    assert (completion.text, completion.outcome) == ("A *table*:\n\nand a figure 😀 Done.", "complete")
    assert [type(part).__name__ for part in split_at_outputs(completion, completion.text)] == [
        *("str", "RichOutput", "str", "RichOutput", "str"),
    ]
    bundle = completion._repr_mimebundle_()
    assert bundle.keys() == {"text/html", "text/plain", BUNDLES}
    assert [list(one["data"]) for one in bundle[BUNDLES]] == [["text/html", "text/plain"], ["image/png", "text/plain"]]
    places = [
        bundle["text/html"].find(part) for part in ("<em>table</em>", "<td>1</td>", "figure", "data:image/png", "Done.")
    ]
    assert places == sorted(places)
    assert -1 not in places
    assert bundle["text/plain"].startswith("A *table*:\n\n1\n\nand a figure 😀 \n\n<Figure>\n\nDone.\n\n[complete")
    assert "PNG" not in repr(completion)


@pytest.mark.parametrize(
    "made", [Table(), Figure(), Bundle({"text/html": "<b>1</b>"})], ids=lambda made: type(made).__name__
)
async def test_a_function_may_return_only_an_object(made: Any) -> None:
    """A table is iterable, and is still not read as a stream of its columns. A coroutine may return one too."""

    async def later(messages: Any) -> Any:
        return made

    for model in (lambda _messages: made, later):
        completion = await sw.Conversation().ask("Show it.", model)
        assert (len(completion.outputs), completion.text, completion.outcome) == (1, "", "complete")


async def test_objects_come_from_any_stream() -> None:
    """From an async generator, before the first text, among an SDK's chunks, and in ``show``."""
    chunk = {"choices": [{"delta": {"content": "Hel"}, "index": 0}]}
    last = {"choices": [{"delta": {"content": "lo"}, "index": 0, "finish_reason": "stop"}]}

    async def stream() -> Any:
        for item in (Table(), chunk, Table(), last):
            yield item

    completion = await sw.show(stream())
    assert (completion.text, [output.place for output in completion.outputs]) == ("Hello", [0, 3])


@pytest.mark.parametrize(
    "value",
    ["<b>1</b>", b"<b>", 1, None, ["x"], {"text/html": "<b>"}, object(), Table, iter([Table()]), sw.TextDelta("x")],
    ids=lambda value: type(value).__name__,  # an id with an address differs between the processes of a run
)
def test_text_and_values_are_never_rich(value: Any) -> None:
    """So a model's words cannot become HTML, whatever form they have."""
    assert not is_rich(value)


def test_the_formats_are_those_that_ipython_finds() -> None:
    """Of a bundle with metadata too. A class is known by IPython's own formatters."""
    from IPython.core.interactiveshell import InteractiveShell

    class Registered:
        pass

    shell = InteractiveShell.instance()
    try:
        assert shell.display_formatter is not None
        shell.display_formatter.formatters["image/png"].for_type(Registered, lambda _: PNG)
        assert is_rich(Registered())
        found = formatted(Registered())
        assert found.format("image/png").startswith("iVBOR")
        both = formatted(
            Bundle({"text/html": "<b>1</b>", "application/x+json": {"a": 1}}, {"text/html": {"isolated": True}})
        )
        assert (both.data["application/x+json"], both.metadata) == ({"a": 1}, {"text/html": {"isolated": True}})
        assert both.format("text/plain") == "bundle"
    finally:
        InteractiveShell.clear_instance()


def test_sizes_are_bounded_and_what_is_cut_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """One format, the plain text, and all of an answer. What JSON cannot hold is left out."""
    big = formatted(Table("x" * (rich.MAX_FORMAT + 1), "y" * (rich.MAX_PLAIN + 1)))
    assert big.data.keys() == {"text/plain"}
    assert big.cut == "left out: text/html (2.0 MB), text after 20,000 of 20,001 characters"
    assert formatted(Bundle({"application/x+json": {1, 2}})).cut == "left out: application/x+json (not JSON)"
    monkeypatch.setattr(rich, "MAX_ANSWER", 50)
    completion = ask(lambda _messages: iter([Table(), Table()]))
    assert [output.cut for output in completion.outputs] == ["", "left out: text/html (0.0 MB)"]
    assert "left out: text/html" in completion._repr_mimebundle_()["text/html"]


def test_an_object_that_fails_is_named_and_the_answer_goes_on() -> None:
    """Its exception is not the answer's."""
    completion = ask(lambda _messages: iter(["a", Broken(), "b"]))
    assert (completion.text, completion.outcome) == ("ab", "complete")
    assert completion.outputs[0].format("text/plain") == "Broken cannot be shown: RuntimeError: no table"


def test_later_requests_carry_the_text() -> None:
    """Of an answer without a text they carry the plain text of what was shown."""
    conversation = sw.Conversation()
    conversation.ask("a", lambda _messages: Table()).wait()
    said = conversation.ask("b", repr).wait().text
    assert "{'role': 'assistant', 'content': '1'}" in said


def test_a_conversations_file_keeps_the_bundle_and_does_not_trust_it() -> None:
    """Pictures are shown again. The HTML of a file may be another person's, and is not."""
    conversation = sw.Conversation()
    conversation.ask(
        "a", lambda _messages: iter(["x", Bundle({"text/html": EVIL, "image/svg+xml": f"<svg>{EVIL}</svg>"}), Figure()])
    ).wait()
    text = conversation.to_json()
    loaded = sw.Conversation.from_json(text)
    for turn, trusted in ((conversation.turns[0], True), (loaded.turns[0], False)):
        assert turn.answer is not None
        completion = turn.answer.completion
        assert completion is not None
        assert [output.trusted for output in completion.outputs] == [trusted] * 2
        html = completion._repr_mimebundle_()["text/html"]
        assert (EVIL in html) is trusted
        assert "data:image/png;base64," in html
        assert {output["trusted"] for output in state_of(completion)["outputs"]} == {trusted}
    assert loaded.turns[0].answer.completion.outputs[0].data == {
        "text/html": EVIL,
        "image/svg+xml": f"<svg>{EVIL}</svg>",
        "text/plain": "bundle",
    }  # type: ignore[union-attr]
    forged = json.loads(text)
    forged["turns"][0]["answer"]["outputs"][0] |= {
        "trusted": True,
        "place": 10**9,
        "data": {"text/html": [EVIL], "image/png": "'><b>"},
    }
    shown_again = sw.Conversation.from_json(json.dumps(forged)).turns[0].answer
    assert shown_again is not None
    assert EVIL not in str(shown_again.completion._repr_mimebundle_())  # type: ignore[union-attr]
    markdown = conversation.to_markdown()
    assert "![output](data:image/png;base64," in markdown
    assert EVIL not in markdown


@pytest.mark.parametrize("html", ["<!-- open", "<div>", "</div></div>", "<textarea>", "<script>1", "<b></i>", "a <b"])
def test_html_that_would_swallow_the_answer_is_not_used(html: str) -> None:
    """An open element or comment would hide what comes after it. The plain text stands there instead."""
    saved = ask(lambda _messages: iter([Table(html, "plain <1>"), "after"]))._repr_mimebundle_()["text/html"]
    assert html not in saved or html == "<div>"
    assert "plain &lt;1&gt;" in saved


def test_the_page_gets_each_output_once_at_its_place() -> None:
    """The place is counted as JavaScript counts. The messages add up to the state, also after a step."""
    first, second = (sw.RichOutput({"text/plain": name}, trusted=True) for name in "ab")
    transcript = Transcript()
    for event in (sw.TextDelta("😀 "), first, second, sw.TextDelta("x")):
        transcript.add(event)
    messages = transcript.flush(None)
    assert [(one["op"], one.get("at")) for one in messages] == [
        ("delta", None),
        ("output", 3),
        ("output", 3),
        ("delta", None),
    ]
    state = transcript.snapshot(sw.ChatCompletion("😀 x"))
    assert [output["at"] for output in state["outputs"]] == [3, 3]
    transcript.add(sw.ToolCallDelta(0, "1", "look", "{}"))
    transcript.add(sw.NewStep())
    transcript.add(sw.TextDelta("y"))
    transcript.flush(sw.ChatCompletion("😀 xy"))
    assert [output["at"] for output in transcript.snapshot(sw.ChatCompletion("y"))["outputs"]] == [0, 0]


def test_a_place_is_found_in_the_text_that_is_shown() -> None:
    """Marks of gaps come before it, and an earlier step is in a fold."""
    output = sw.RichOutput({}, place=4)
    gap = sw.ChatCompletion("5 mgtwice", gaps=(sw.Gap("text", 4),), outputs=(output,))
    assert split_at_outputs(gap, shown(gap))[-1] == "twice"
    steps = (sw.Step("I look.", tool_calls=(sw.ToolCall("1", "look", "{}"),)), sw.Step("Cold."))
    agent = sw.ChatCompletion("I look.\n\nCold.", steps=steps, outputs=(output, sw.RichOutput({}, place=11)))
    assert [part if isinstance(part, str) else part.place for part in split_at_outputs(agent, "Cold.")] == [
        4,
        "Co",
        11,
        "ld.",
    ]


def test_an_answer_that_goes_on_keeps_what_it_showed() -> None:
    """Continue asks for the rest of the text."""
    conversation = sw.Conversation()
    answers = iter([[sw.TextDelta("a"), Table(), sw.Finish("length", "length")], ["b"]])
    stream = conversation.ask("x", lambda _messages: iter(next(answers)))
    assert stream.wait().outcome == "length"
    rest = stream.again(go_on=True)
    assert (rest.wait().text, len(rest.completion.outputs)) == ("ab", 1)
    assert not stream.again().completion.outputs


def test_a_terminal_prints_the_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    """On a line of its own. Escape sequences in it are shown as signs."""
    import asyncio

    asyncio.run(sw.show(["a", Table("<b>1</b>", "1\x1b[2J"), "b"]))
    assert capsys.readouterr().out.startswith("a\n1␛[2J\nb\n[complete")
