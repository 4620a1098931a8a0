"""A server's escape sequences are shown as signs in everything that is printed, and not obeyed."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import streamwidget as sw
from streamwidget import ChatCompletion, ErrorInfo, StreamWarning
from streamwidget._core.visible import visible
from streamwidget._notebook.terminal_markdown import MarkdownText
from streamwidget._saved.wire import wire_mimebundle
from streamwidget.demo import DemoServer
from streamwidget.teaching import naive
from streamwidget.teaching._trial import Trial
from tests.support.servers import RawServer, response, sse
from tests.support.shells import chat_shell
from tests.support.wings import PACKAGE

HOSTILE = {
    "title": "\x1b]0;EVIL\x07",
    "clipboard": "\x1b]52;c;RVZJTA==\x07",
    "clear": "\x1b[2J\x1b[H",
    "link": "\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\",
    "colour": "\x1b[31mEVIL\x1b[8m",
    "bell and backspace": "\x07EVIL\x08\x08",
    "carriage return": "good\rEVIL",
    "8-bit title": "\x9d0;EVIL\x9c",
    "8-bit csi": "\x9b2J",
    "keyboard": "\x1bP+q544e\x1b\\",
    "right to left": "\u202eLIVE\u202c",
    "isolate": "\u2066x\u2069",
    "tags": "\U000e0065\U000e0076",
    "vertical": "\x0b\x0c\x85",
}
EVIL = "".join(HOSTILE.values())
_BAD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_COLOURS = re.compile(r"\x1b\[(?!31mEVIL|8m)[0-9;]*m")  # IPython's own


def obeyed(text: str) -> list[str]:
    """Return the control characters that a terminal would obey."""
    return _BAD.findall(_COLOURS.sub("", text))


def test_the_net_has_no_hole() -> None:
    """Each of the sequences would be seen."""
    assert all(obeyed(sequence) for sequence in HOSTILE.values())
    assert not obeyed("\x1b[0;31mRed\x1b[0m\n\tplain, Grüße")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("STREAMWIDGET_API_KEY", "key-0123456789")
    with chat_shell() as made:
        yield made


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {"id": EVIL, "model": f"m{EVIL}", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


ERROR = {"error": {"message": f"no {EVIL}", "code": EVIL, "type": EVIL, "param": EVIL}}
TOOL = [{"index": 0, "id": EVIL, "function": {"name": EVIL, "arguments": EVIL}}]
FENCE = f"```{EVIL.replace(chr(27), '')}\nx\n```\n```python\ny\n```\n```sh{EVIL}\nz\n```"
#: What a server may answer.
ANSWERS = {
    "text": response(sse(chunk(content=EVIL), chunk("stop"), "[DONE]")),
    "reasoning": response(sse(chunk(reasoning_content=EVIL), chunk("stop", content="a"), "[DONE]")),
    "refusal": response(sse(chunk(refusal=EVIL), chunk("stop"), "[DONE]")),
    "tool": response(sse(chunk(tool_calls=TOOL), chunk("tool_calls"), "[DONE]")),
    "finish_reason": response(sse(chunk(content="a"), chunk(EVIL), "[DONE]")),
    "cut": response(sse(chunk(content=EVIL))),
    "code": response(sse(chunk(content=FENCE), chunk("stop"), "[DONE]")),
    "error in the stream": response(sse(chunk(content="a"), ERROR)),
    "error 400": response(json.dumps(ERROR).encode(), status="400 Bad", kind="application/json"),
    "error 401": response(json.dumps(ERROR).encode(), status="401 No", kind="application/json"),
    "error 404, nested": response(
        json.dumps({"detail": {"error": EVIL}}).encode(), status="404 No", kind="application/json"
    ),
    "gateway": response(
        json.dumps({"error": {"message": f"litellm.BadRequestError: {EVIL} Received Model Group={EVIL}"}}).encode(),
        status="400 Bad",
        kind="application/json",
    ),
    "error page": response(f"<p>{EVIL}</p>".encode(), status="403 No", kind="text/html"),
    "error text": response(EVIL.encode(), status="422 No", kind="text/plain"),
    "not JSON": response(sse(*[f"data: {EVIL!r} {EVIL}\n\n".encode()] * 3)),
    "plain text": response(EVIL.encode(), kind="text/plain"),
    "redirect": response(b"", "location: https://a\x9d0;EVIL\x9c.example/x", status="302 Found"),
    "coding": response(b"x", "content-encoding: \x9b2J"),
    "no http": b"NONSENSE\x1b]0;EVIL\x07\r\n\r\n",
}  # fmt: skip
#: What a person then types.
LOOKS = [
    "%chat --history",
    "%chat --last",
    "%chat --code",
    "%chat --traceback",
    "%chat --once --show-prompt again",
    "%chat --skip 1",
    "%chat --send 1",
    "repr(_chat)",
    "_chat.error",
    "stream = __import__('streamwidget').ChatClient().stream('x')\nstream.wait()",
    "stream",
    "stream.completion",
    "stream.timeline",
    "_conversation",
    "%chat --models",
    "%xmode Plain\nstream.again().wait()",
    "%xmode Verbose\nstream.again().wait()",
    "%xmode Context",
    "%chat --reset",
]


@pytest.mark.fault("S18", "shown as signs in all that is printed")
@pytest.mark.parametrize("name", ANSWERS)
def test_a_servers_escapes_are_not_obeyed(
    name: str, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer as it comes, the failure in one line and in full, all that shows them again, and the log."""
    caplog.set_level("INFO", "streamwidget")
    monkeypatch.setattr(sw.RetryPolicy, "delay", lambda _, failed, after: 0.0 if failed < 2 else None)
    with RawServer(ANSWERS[name]) as server:
        monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
        for code in ["%chat first", "%%chat\nsecond", *LOOKS]:
            with capture_output() as captured:
                shell.run_cell(code)
            said = captured.stdout + captured.stderr + "".join(str(output) for output in captured.outputs)
            assert not obeyed(said), code
    assert " prompt tokens, " in caplog.text
    assert not obeyed(caplog.text)


def test_the_list_of_models_is_not_obeyed(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of models are printed as a list."""
    body = json.dumps({"data": [{"id": EVIL}, {"id": "m2"}]}).encode()
    with RawServer(response(body, kind="application/json")) as server:
        monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
        with capture_output() as captured:
            shell.run_cell("%chat --models")
    assert "m2" in captured.stdout
    assert not obeyed(captured.stdout + captured.stderr)


def test_a_foreign_conversation_is_not_obeyed(
    shell: InteractiveShell, tmp_path: Path, server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that somebody else wrote: its prompts, answers, models, errors and system prompt."""
    monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
    value = json.loads(sw.Conversation(system=EVIL).to_json())
    failed = ChatCompletion(
        text=EVIL, outcome="error", model=EVIL, error=ErrorInfo(""), warnings=(StreamWarning("bad_json", EVIL),)
    )
    answer = {**asdict(failed), "error": {"message": EVIL, "code": EVIL, "type": EVIL, "detail": EVIL}}
    value["turns"] = [{"key": EVIL, "user": {"text": EVIL, "images": []}, "answer": answer, "chosen": None}]
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(value))
    for code in (f"%chat --import {path}", *LOOKS):
        with capture_output() as captured:
            shell.run_cell(code)
        assert not obeyed(captured.stdout + captured.stderr), code
    with capture_output() as captured:
        shell.run_cell(f"%chat --import {path}\n%chat --history\n%chat --export {tmp_path}/talk.md")
    assert "EVIL" in captured.stdout
    assert not obeyed((tmp_path / "talk.md").read_text())


def conversation_with(place: str) -> str:
    """Return a conversation's file with the sequences in one place, as a name or as a value of the wrong kind."""
    value: dict[str, object] = {"streamwidget": {"conversation": 1}, "system": None, "turns": []}
    turn = {"key": "k", "user": {"text": "x", "images": []}, "answer": None, "chosen": None}
    answer: dict[str, object] = {"text": "y", "outcome": "complete"}
    match place:
        case "version":
            value["streamwidget"] = {"conversation": EVIL}
        case "turns":
            value["turns"] = EVIL
        case "image":
            value["turns"] = [{**turn, "user": {"text": "x", "images": [{"base64": EVIL}]}}]
        case "image url":
            value["turns"] = [{**turn, "user": {"text": "x", "images": [{"url": EVIL}]}}]
        case "outcome":
            value["turns"] = [{**turn, "answer": {**answer, "outcome": EVIL}}]
        case "name":
            value["turns"] = [{**turn, "answer": {**answer, EVIL: 1}}]
        case "name of a name":
            value["turns"] = [{**turn, "answer": {**answer, "timing": {"total": EVIL}, "usage": {EVIL: 1}}}]
    return json.dumps(value)


@pytest.mark.fault("S18", "also in what is said of a file that somebody else wrote")
@pytest.mark.parametrize(
    "place", ["version", "turns", "image", "image url", "outcome", "name", "name of a name", "recording", "header"]
)
def test_what_is_said_of_a_foreign_file_is_not_obeyed(place: str, tmp_path: Path) -> None:
    """A plain Python prints the message too."""
    path = tmp_path / f"\x1b]0;EVIL\x07{place}.json"
    head = {"streamwidget_recording": 1, "model": "m", "limits": {}, "streamed": True}
    headers = {"at": 0, "status": 200, "headers": {EVIL: 7}}
    lines = {
        "recording": json.dumps({"streamwidget_recording": EVIL}),
        "header": f"{json.dumps(head)}\n{json.dumps(headers)}",
    }
    path.write_text(lines.get(place, conversation_with(place)))
    with pytest.raises(sw.ConfigurationError) as caught:
        if place in lines:
            sw.Recording.load(path)
        else:
            sw.Conversation().load(path.read_text())
    assert not obeyed(f"{caught.value}{caught.value!r}{caught.value.args}")


def test_what_a_saved_wire_and_a_lesson_print_is_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    """The rows of the wire, the words of a client in a comparison, and what is shown outside of IPython."""
    rows = [{"at": 0.1, "kind": "event", "pieces": [EVIL, EVIL], "made": EVIL}]
    wire = wire_mimebundle(ChatCompletion(EVIL), rows, sw.ChatClient().stream("x").timeline)
    assert not obeyed(wire["text/plain"])
    trial = Trial("c", "crashes", came="", kept="", says=f"ValueError: {EVIL}", seconds=0)
    assert not obeyed(str(trial))
    naive._print(EVIL)
    assert not obeyed(capsys.readouterr().out)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


_RICHS_OWN = re.compile(r"\x1b\[[0-9;]*[mAKGJ]|\x1b\[\?25[lh]|\r")  # colours, and to draw a block anew
REFERENCES = "".join(f"&#{ord(sign)};&#x{ord(sign):x};" for sign in EVIL)
MARKDOWN = {
    "raw": EVIL,
    "references": REFERENCES,
    "named references": "&shy;&ZeroWidthSpace;&lrm;&rlm;&zwj;&NoBreak;",
    "code": f"`{EVIL}{REFERENCES}`",
    "block of code": f"```{REFERENCES}\n{REFERENCES}{EVIL}\n```",
    "link": f"[{REFERENCES}](https://e.example/{REFERENCES})",
    "title": f'[x](https://e.example "{REFERENCES}")',
    "image": f"![{REFERENCES}](https://e.example/{REFERENCES})",
    "address": f"<https://e.example/{REFERENCES}> https://e.example/{REFERENCES}",
    "table": f"|{REFERENCES}|b|\n|-|-|\n|{REFERENCES}|x|",
    "heading": f"# {REFERENCES}\n\n- {REFERENCES}\n\n> {REFERENCES}",
    "formula": f"${REFERENCES}$",
    "markup of rich": f"[link=https://e.example]x[/link] [blink]{REFERENCES}",
}


@pytest.mark.fault("S18", "also where rich draws the Markdown, and where a character is written as its number")
@pytest.mark.parametrize("kind", MARKDOWN)
def test_the_markdown_that_rich_draws_is_not_obeyed(kind: str) -> None:
    """In a block that grows, and in one that is whole. rich's own sequences are colours, and moves of its block."""
    out, text = Terminal(), visible(MARKDOWN[kind])
    drawn = MarkdownText(out)
    for piece in (text[: len(text) // 2], text[len(text) // 2 :], "\n\nend"):
        drawn.write(piece)
    drawn.end()
    said = out.getvalue()
    assert "end" in said
    assert "\x1b]" not in said
    assert not obeyed(_RICHS_OWN.sub("", said))


#: Each place that prints, warns or fills the next cell, and what it lets pass.
PLACES = {
    ("_notebook/terminal.py", "write"): "visible, or from `say`, which makes it so",
    ("_notebook/session.py", "write"): "visible",
    ("_notebook/commands.py", "set_next_input"): "the code of an answer, made visible",
    ("_notebook/terminal_markdown.py", "print"): "what rich draws, made visible before and after it is parsed",
    ("teaching/naive.py", "print"): "visible",
    ("demo/__main__.py", "print"): "our own words",
    ("doctor/__main__.py", "print"): "visible",
    ("_notebook/checkup.py", "write"): "the names of hops and states, our own words",
    ("_client/calls.py", "getLogger"): "the names of a model and a host, visible, and our own words",
    ("_client/config.py", "warn"): "the host of an address, in ASCII",
    ("_core/recording.py", "warn"): "our own words, and the repr of an exception",
    ("_core/subscribers.py", "warn"): "our own words, and the repr of an exception",
    ("_conversation/conversation.py", "warn"): "our own words, and the repr of an exception",
    ("_view/chat/chat.py", "warn"): "our own words, and the repr of an exception",
    ("_view/chat/sent.py", "warn"): "our own words, and the repr of an exception",
    ("_view/chat/widget.py", "warn"): "our own words, and the repr of an exception",
}
_OUT = {"print", "warn", "set_next_input", "getLogger", "system", "excepthook", "showtraceback"}


def test_every_place_that_prints_is_known() -> None:
    """A new one needs a line above, and a proof in this file."""
    found: set[tuple[str, str]] = set()
    for path in PACKAGE.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            to_a_terminal = name == "write" and re.search(r"\b(out|sys\.std(out|err))\b", ast.unparse(call))
            if name in _OUT or to_a_terminal:
                found.add((path.relative_to(PACKAGE).as_posix(), name))
    assert found == set(PLACES)
