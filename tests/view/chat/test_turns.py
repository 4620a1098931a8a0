"""ChatWidget: settings, commands, branches, undo, feedback, figures and transcripts, as messages without a page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import ipywidgets
import nbformat
import pytest

import streamwidget as sw
from streamwidget._view.chat.setup import NotACommand, Setup

pytestmark = pytest.mark.asyncio(loop_scope="module")

Received = list[dict[str, Any]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Received:
    messages: Received = []
    monkeypatch.setattr(ipywidgets.Widget, "send", lambda _widget, content, _buffers=None: messages.append(content))
    return messages


def of(sent: Received, op: str) -> Received:
    return [message for message in sent if message["op"] == op]


def facts(sent: Received) -> dict[str, Any]:
    return of(sent, "chat")[-1]


def echo(messages: list[dict[str, str]]) -> str:
    return f"{messages[-1]['content']} after {len(messages) - 1}"


async def ask(widget: sw.ChatWidget, text: str, replaces: str | None = None) -> str:
    """Ask as the page does, and wait for the answer. Return the turn's key."""
    name = f"prompt-{text.encode().hex()[:40]}-p"
    widget._receive({"op": "send", "name": name, "text": text, "files": [], "replaces": replaces})
    if widget.busy:
        await widget._chat._sent.stream
    return replaces or name


def line(widget: sw.ChatWidget) -> list[str]:
    return [turn.answer.text for turn in widget.conversation.turns if turn.answer]


async def test_edit_and_retry_keep_the_old_answer_as_a_branch(sent: Received) -> None:
    """The page gets the branch's number and how many there are, and goes from one to the other."""
    widget = sw.ChatWidget(echo)
    first = await ask(widget, "one")
    await ask(widget, "two")
    await ask(widget, "One", replaces=first)
    assert line(widget) == ["One after 0"]
    turn = facts(sent)["turns"][-1]
    assert (turn["branch"], turn["branches"]) == (1, 2)
    widget._receive({"op": "branch", "key": first, "branch": 0})
    assert line(widget) == ["one after 0", "two after 2"]
    shown = facts(sent)["turns"][0]
    assert (shown["text"], shown["answer"]["text"], shown["branch"]) == ("one", "one after 0", 0)
    widget._receive({"op": "retry", "key": widget.conversation.turns[-1].key})
    await widget._chat._sent.stream
    assert [turn.branch for turn in widget.conversation.turns] == [0, 1]
    for number in (-1, 7):
        widget._receive({"op": "branch", "key": first, "branch": number})
    assert of(sent, "refused") == []


async def test_undo_and_redo_are_asked_for_by_the_page(sent: Received) -> None:
    """The page is told the step. Nothing is asked again, and nothing is undone while an answer is written."""
    widget = sw.ChatWidget(echo)
    key = await ask(widget, "one")
    widget._receive({"op": "delete", "key": key})
    assert (line(widget), facts(sent)["undo"], facts(sent)["redo"]) == ([], "delete", None)
    widget._receive({"op": "undo"})
    assert (line(widget), facts(sent)["undo"], facts(sent)["redo"]) == (["one after 0"], "prompt", "delete")
    widget._receive({"op": "redo"})
    widget._receive({"op": "undo"})
    running = widget.conversation.ask("elsewhere", echo)
    for op in ({"op": "undo"}, {"op": "redo"}, {"op": "branch", "key": key, "branch": 0}):
        widget._receive(op)
    assert ["still being written" in message["why"] for message in of(sent, "refused")] == [True] * 3
    await running


async def test_feedback_is_kept_and_reported(sent: Received) -> None:
    """Without ``on_feedback`` the page is told not to ask, and its messages do nothing."""
    rated: list[str | None] = []
    widget = sw.ChatWidget(echo, on_feedback=lambda turn: rated.append(turn.feedback))
    silent = sw.ChatWidget(echo, conversation=widget.conversation)
    assert [one._chat.state()["setup"]["feedback"] for one in (widget, silent)] == [True, False]
    key = await ask(widget, "one")
    for one, feedback in ((silent, "down"), (widget, "up"), (widget, "great"), (widget, None)):
        one._receive({"op": "rate", "key": key, "feedback": feedback})
    widget._receive({"op": "rate", "key": "no such turn", "feedback": "up"})
    assert rated == ["up", None]
    widget._receive({"op": "rate", "key": key, "feedback": "down"})
    assert sw.Conversation.from_json(widget.conversation.to_json()).turns[0].feedback == "down"


async def test_feedback_that_raises_is_a_warning(sent: Received) -> None:
    """The rating is kept."""

    def fail(_turn: sw.Turn) -> None:
        raise ValueError("a person's mistake")

    widget = sw.ChatWidget(echo, on_feedback=fail)
    key = await ask(widget, "one")
    with pytest.warns(RuntimeWarning, match="a person's mistake"):
        widget._receive({"op": "rate", "key": key, "feedback": "up"})
    assert widget.conversation.turns[0].feedback == "up"


async def test_params_go_with_each_request(sent: Received) -> None:
    """From Python and from the page. Both see the other's choice, and a new dict is never changed in place."""
    asked: list[dict[str, Any]] = []

    def answer(
        _messages: object, temperature: float | None = None, max_tokens: int | None = None, seed: int = 0
    ) -> str:
        asked.append({"temperature": temperature, "max_tokens": max_tokens, "seed": seed})
        return "yes"

    widget = sw.ChatWidget(answer, params={"temperature": 0.2, "seed": 7})
    given = widget.params
    assert widget._chat.state()["settings"] == {"temperature": "0.2", "max_tokens": "", "system": ""}
    await ask(widget, "one")
    widget._receive({"op": "set", "name": "temperature", "value": ""})
    widget._receive({"op": "set", "name": "max_tokens", "value": "50"})
    await ask(widget, "two")
    assert (widget.params, given) == ({"seed": 7, "max_tokens": 50}, {"temperature": 0.2, "seed": 7})
    widget.params = {}
    await ask(widget, "three")
    assert asked == [
        {"temperature": 0.2, "max_tokens": None, "seed": 7},
        {"temperature": None, "max_tokens": 50, "seed": 7},
        {"temperature": None, "max_tokens": None, "seed": 0},
    ]
    assert facts(sent)["settings"]["max_tokens"] == ""


async def test_a_client_gets_its_own_name_of_the_limit(sent: Received) -> None:
    """OpenAI's new models refuse ``max_tokens``."""
    widget = sw.ChatWidget(sw.ChatClient(provider="openai", api_key="sk-x", model="m"), params={"max_tokens": 5})
    widget._receive({"op": "set", "name": "max_tokens", "value": "50"})
    assert widget.params == {"max_completion_tokens": 50}
    assert facts(sent)["settings"]["max_tokens"] == "50"
    widget._receive({"op": "set", "name": "max_tokens", "value": ""})
    assert widget.params == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", x) for x in ("hot", "-1", "nan", "inf")] + [("max_tokens", x) for x in ("0", "1.5", "x", "1e999")],
)
async def test_a_setting_that_is_not_a_number_is_refused(sent: Received, name: str, value: str) -> None:
    """The reason names it, and nothing changes."""
    widget = sw.ChatWidget(sw.ChatClient())
    widget._receive({"op": "set", "name": name, "value": value})
    assert [value in message["why"] for message in of(sent, "refused")] == [True]
    assert widget.params == {}


async def test_the_system_prompt_is_set_in_the_page(sent: Received) -> None:
    """The conversation has it, and the next request carries it."""
    widget = sw.ChatWidget(echo)
    widget._receive({"op": "set", "name": "system", "value": "Be brief."})
    assert (widget.conversation.system, facts(sent)["settings"]["system"]) == ("Be brief.", "Be brief.")
    await ask(widget, "one")
    assert line(widget) == ["one after 1"]
    widget._receive({"op": "set", "name": "system", "value": "  "})
    assert widget.conversation.system is None


async def test_feedback_that_fails_is_a_sentence_in_the_page(sent: Received) -> None:
    """The rating is kept."""
    widget = sw.ChatWidget(echo, on_feedback=lambda turn: 1 / 0)
    await ask(widget, "one")
    with pytest.warns(RuntimeWarning, match="on_feedback raised"):
        widget._receive({"op": "rate", "key": widget.conversation.turns[0].key, "feedback": "up"})
    assert widget.conversation.turns[0].feedback == "up"
    assert [said["why"] for said in sent if said["op"] == "refused"] == [
        "on_feedback failed with ZeroDivisionError: division by zero. The conversation has your rating."
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"params": {"model": "m"}}, "model is not a field for params"),
        ({"params": {"temperature": 1}}, r"echo\(\) takes no argument temperature"),
        ({"greeting": 7}, "greeting is Markdown"),
        ({"prompts": "one"}, "prompts is a list"),
        ({"prompts": [7]}, "prompts is a list"),
        ({"prompts": ["one", " "]}, "prompts is a list"),
        ({"commands": ["fix"]}, "commands is a dict"),
        ({"params": 7}, "params is a dict"),
        ({"on_feedback": 7}, "on_feedback is a function"),
        ({"context_window": "big"}, "context_window is a number of tokens"),
        ({"height": "10 px"}, "height is a number of pixels"),
        ({"height": "1px;color:red"}, "height is a number of pixels"),
        ({"commands": {"two words": "x"}}, "a name of one word"),
        ({"commands": {"fix": 7}}, "/fix is a prompt or a function"),
        ({"height": -1}, "height is a number of pixels"),
        ({"max_height": True}, "max_height is a number of pixels"),
    ],
    ids=str,
)
async def test_an_impossible_argument_is_a_sentence(arguments: dict[str, Any], why: str) -> None:
    """It is refused when the widget is made, and says what is possible."""
    with pytest.raises(sw.ConfigurationError, match=why):
        sw.ChatWidget(echo, **arguments)


async def test_a_later_param_is_checked_too() -> None:
    """The old ones stay."""
    widget = sw.ChatWidget(echo)
    with pytest.raises(sw.ConfigurationError, match="takes no argument top_p"):
        widget.params = {"top_p": 1}
    assert widget.params == {}


def sized(make: Callable[..., ipywidgets.DOMWidget]) -> ipywidgets.Layout:
    layout = make(height=300, layout={"width": "50%"}).layout
    assert layout.width == "50%"
    return layout


async def test_sizes_are_in_the_layout() -> None:
    """Of the three views. A number is pixels."""
    stream = sw.ChatClient().stream("x")
    assert sized(sw.ChatWidget).height == "300px"
    assert sized(lambda **more: sw.StreamView(iter("x"), **more)).height == "300px"
    assert sized(lambda **more: sw.WireView(stream, **more)).height == "300px"
    assert sw.ChatWidget(max_height="50vh").layout.max_height == "50vh"
    stream.cancel()


COMMANDS: dict[str, Any] = {
    "fix": "Fix this:\n{{ input }}",
    "/sum": "Sum up.",
    "up": str.upper,
    "none": lambda _text: None,
    "bad": lambda _text: 7,
    "fails": lambda _text: 1 / 0,
}


@pytest.mark.parametrize(
    ("typed", "prompt"),
    [
        ("/fix 1 + = 2", "Fix this:\n1 + = 2"),
        ("/fix\n\\1\n", "Fix this:\n\\1"),
        ("/fix", "Fix this:\n"),
        ("/sum", "Sum up."),
        ("/sum in German", "Sum up.\n\nin German"),
        ("/up loud", "LOUD"),
        ("/none x", None),
        (" /home is a path", " /home is a path"),
        ("no /fix", "no /fix"),
        ("/", "/"),
    ],
)
async def test_a_command_becomes_its_prompt(typed: str, prompt: str | None) -> None:
    """With the words after it, in the place of ``{{input}}`` or at the end. Other text is as it is."""
    assert Setup(commands=COMMANDS).expand(typed) == prompt
    assert Setup().expand(typed) == typed


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("/fx 1", "no command /fx. Commands: /fix, /sum"),
        ("/bad", "/bad returned int"),
        ("/fails", "/fails failed with ZeroDivisionError"),
    ],
)
async def test_a_command_that_fails_asks_nothing(sent: Received, typed: str, why: str) -> None:
    """The page gets the reason, and keeps the text."""
    with pytest.raises(NotACommand, match=why):
        Setup(commands=COMMANDS).expand(typed)
    widget = sw.ChatWidget(echo, commands=COMMANDS)
    await ask(widget, typed)
    assert [why in message["why"] for message in of(sent, "refused")] == [True]
    assert line(widget) == []


async def test_a_command_that_asks_nothing_is_taken(sent: Received) -> None:
    """The page empties its box. The list of commands has a line on each."""
    widget = sw.ChatWidget(echo, commands=COMMANDS)
    name = await ask(widget, "/none")
    assert (line(widget), facts(sent)["asked"], of(sent, "refused")) == ([], name, [])
    listed = widget._chat.state()["setup"]["commands"]
    assert [one["name"] for one in listed] == ["/fix", "/sum", "/up", "/none", "/bad", "/fails"]
    assert listed[0]["about"] == "Fix this: {{ input }}"
    await ask(widget, "/up quiet")
    assert line(widget) == ["QUIET after 0"]


async def test_the_tokens_of_the_whole_are_counted(sent: Received) -> None:
    """Prompts and answers as the provider counts them, and what the last request filled."""

    def answer(messages: list[object]) -> Any:
        yield sw.TextDelta("x")
        yield sw.Usage(prompt_tokens=10 * len(messages), completion_tokens=5)
        yield sw.Finish("stop", "complete")

    widget = sw.ChatWidget(answer, context_window=400)
    assert widget._chat.state()["tokens"] == {"prompt": 0, "answer": 0, "context": 0, "window": 400, "cost": "$0"}
    await ask(widget, "one")
    await ask(widget, "two")
    assert facts(sent)["tokens"] == {"prompt": 40, "answer": 10, "context": 35, "window": 400, "cost": ""}


async def test_the_server_says_how_much_its_models_hold(sent: Received) -> None:
    """In its list of models, under whatever name. The person's own number counts first."""
    models = [{"id": "small", "context_length": 4096}, {"id": "large", "max_model_len": 131072}, {"id": "other"}]

    async def body() -> AsyncIterator[bytes]:
        yield json.dumps({"data": models}).encode()

    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=body()))
    async with httpx.AsyncClient(transport=transport) as http:
        client = sw.ChatClient("http://127.0.0.1:9/v1", "sk-x", model="small", http_client=http)
        widget = sw.ChatWidget(client)
        assert widget._chat.state()["tokens"]["window"] == 0
        widget._receive({"op": "models"})
        await widget._chat._listing
        windows = [facts(sent)["tokens"]["window"]]
        for model in ("large", "other"):
            widget.model = model
            windows.append(facts(sent)["tokens"]["window"])
        assert windows == [4096, 131072, 0]
        assert of(sent, "models")[0]["names"] == ["small", "large", "other"]
        assert sw.ChatWidget(client, context_window=10)._chat.state()["tokens"]["window"] == 10


async def test_the_transcript_is_a_file_of_each_kind(sent: Received) -> None:
    """JSON is read again, and the notebook is one. A prompt with ``{{x}}`` runs as it was sent."""
    widget = sw.ChatWidget(echo)
    await ask(widget, "one {{x}}")
    for form in ("markdown", "json", "notebook", "pdf"):
        widget._receive({"op": "transcript", "format": form})
    markdown, saved, notebook = of(sent, "transcript")
    assert markdown["text"] == widget.conversation.to_markdown()
    assert sw.Conversation.from_json(saved["text"]).turns == widget.conversation.turns
    cells = nbformat.reads(notebook["text"], as_version=4).cells
    nbformat.validate(json.loads(notebook["text"]))
    assert [cell.source for cell in cells] == ["%load_ext streamwidget", "%%chat --raw\none {{x}}"]
    assert "one {{x}} after 0" in cells[1].outputs[0].data["text/plain"]


async def test_a_missing_model_is_said_with_the_refusal(sent: Received) -> None:
    """The page then opens its list."""
    widget = sw.ChatWidget(sw.ChatClient("https://api.openai.com/v1", "sk-x"))
    assert widget._chat.state()["needs_model"] is True
    await ask(widget, "whom?")
    assert [message["model"] for message in of(sent, "refused")] == [True]
    widget.model = "m"
    assert facts(sent)["needs_model"] is False
