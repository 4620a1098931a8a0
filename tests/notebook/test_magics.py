"""``%%chat`` and ``%chat`` in a plain IPython shell: the line, the prompt, the settings, loading and unloading."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

import streamwidget
from streamwidget import ChatClient, StreamTimeout, Timeout
from streamwidget._client.urls import host_of
from streamwidget._core.attachments import Image
from streamwidget._notebook.magic_line import split_line
from streamwidget._notebook.magics import ChatMagics
from streamwidget._notebook.named import make_client
from streamwidget._notebook.session import ChatSettings
from streamwidget.demo import DemoServer
from tests.support.pictures import PNG
from tests.support.shells import magics_of, session_of

KEY = "sk-only-for-tests-0123456789"


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=0, first_delta=0) as started:
        yield started


@pytest.fixture
def bare(server: DemoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell without the extension. The environment names the server."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "STREAMWIDGET_API_KEY", "STREAMWIDGET_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
    InteractiveShell.clear_instance()
    made = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    yield made
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(bare: InteractiveShell) -> InteractiveShell:
    streamwidget.load_ipython_extension(bare)
    return bare


def run(shell: InteractiveShell, cell: str) -> Any:
    """Run a cell that must not fail, and return ``_chat``."""
    result = shell.run_cell(cell)
    assert result.success, cell
    return shell.user_ns["_chat"]


def sent(server: DemoServer) -> str:
    """Return the last prompt of the server's requests, without IPython's line feed at the end of a cell."""
    content: str = server.requests[-1].body["messages"][-1]["content"]
    return content.removesuffix("\n")


def refused(shell: InteractiveShell, server: DemoServer, cell: str) -> str:
    """Run a cell that must be refused before anything is sent, and return the message."""
    before = len(server.requests)
    result = shell.run_cell(cell)
    assert type(result.error_in_exec).__name__ == "UsageError", cell
    assert len(server.requests) == before
    return str(result.error_in_exec)


# ---- the line


def test_options_reach_the_request(shell: InteractiveShell, server: DemoServer) -> None:
    """Each option is a field of the request. Without an option the field is not sent."""
    completion = run(shell, "%%chat -m demo-length -s 'be brief' -t 0.5 --max-tokens=900 -o out\nhello\n")
    assert shell.user_ns["out"] is completion
    assert server.requests[-1].body == {
        "model": "demo-length",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "temperature": 0.5,
        "max_tokens": 900,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    run(shell, "%chat hello")
    assert set(server.requests[-1].body) == {"messages", "stream", "stream_options"}


def test_any_field_of_the_request_can_be_named(shell: InteractiveShell, server: DemoServer) -> None:
    """``-P`` takes JSON or a text, may be repeated, and wins over the settings."""
    shell.run_line_magic("config", "ChatMagics.temperature = 1.0")
    run(
        shell,
        "%%chat -P temperature=0.5 -P effort=low -P 'stop=[\"a b\", null]' -P seed=7 -P x=NaN "
        '--param=format={"type":"json"} -P empty= -P sure=true\nhello',
    )
    body = server.requests[-1].body
    expected = {"temperature": 0.5, "effort": "low", "stop": ["a b", None], "seed": 7, "x": "NaN"}
    expected |= {"format": {"type": "json"}, "empty": "", "sure": True}
    assert {name: body[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("param", "said"),
    [
        ("model=x", "cannot set model: -m NAME chooses the model"),
        ("messages=[]", "cannot set messages: the conversation and the cell are sent"),
        ("api_key=x", "takes no api_key: a key in a notebook would be saved there"),
        ("0.5", "takes name=value, such as top_p=0.5, not '0.5'"),
        ("top-p=0.5", "takes name=value, such as top_p=0.5, not 'top-p=0.5'"),
        (f"user={KEY}", "Do not type a key into a notebook"),
        ('stop=["a", "b"]', """cannot read '["a",' as JSON. Put quotes around all of it"""),
        ('format={"a":', """cannot read '{"a":' as JSON"""),
    ],
)
def test_a_field_that_is_not_the_persons_is_refused(
    shell: InteractiveShell, server: DemoServer, param: str, said: str
) -> None:
    """The message says what sets it. A key is not repeated."""
    message = refused(shell, server, f"%%chat -P {param}\nhello")
    assert said in message
    assert KEY not in message


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("-t warm", "takes a number from 0, such as 0.7, not 'warm'"),
        ("-t -1", "takes a number from 0"),
        ("--max-tokens many", "takes a whole number from 1, such as 500, not 'many'"),
        ("--max-tokens -1", "takes a whole number from 1"),
    ],
)
def test_a_number_that_cannot_be_is_refused(
    shell: InteractiveShell, server: DemoServer, option: str, said: str
) -> None:
    """Before anything is sent. The message has an example."""
    assert said in refused(shell, server, f"%%chat {option}\nhello")


def test_a_function_is_given_only_the_fields_that_it_takes(shell: InteractiveShell, server: DemoServer) -> None:
    """Another field is refused before the function is called."""
    shell.user_ns["answer"] = lambda messages, top_p: f"{len(messages)} {top_p}"
    assert run(shell, "%chat --client answer -P top_p=0.5 hello").text == "1 0.5"
    assert "takes no argument seed" in refused(shell, server, "%chat --client answer -P top_p=1 -P seed=1 hello")


@pytest.mark.parametrize("wanted", ["River", "list[River]", "River|None"])
def test_a_type_of_the_notebook_is_asked_for(shell: InteractiveShell, wanted: str) -> None:
    """``-f`` names it. The value is in ``_chat.value``, and the line under the answer is as usual."""
    shell.run_cell("from dataclasses import dataclass\n@dataclass\nclass River:\n    name: str\n    km: int")
    answer = run(shell, f"%chat -f {wanted} --once Name a river.")
    found = answer.value[0] if wanted.startswith("list") else answer.value
    assert (type(found), found.km, answer.outcome) == (shell.user_ns["River"], 1, "complete")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("Lake", "There is no type Lake. Run the cell that defines it."),
        ("print", "print is a function"),
        ("len('x')", "-f takes the name of a type, such as Recipe or list[Recipe]"),
        ("River(", "-f takes the name of a type"),
        ("list[Lake]", "There is no type Lake"),
    ],
)
def test_a_type_that_is_not_one_is_refused(
    shell: InteractiveShell, server: DemoServer, capsys: pytest.CaptureFixture[str], wanted: str, said: str
) -> None:
    """Nothing is sent, and nothing of it is called."""
    before = len(server.requests)
    assert not shell.run_cell(f'%chat -f "{wanted}" Name a river.').success
    assert said in capsys.readouterr().err
    assert len(server.requests) == before


def test_no_stream_asks_for_one_whole_reply(shell: InteractiveShell, server: DemoServer) -> None:
    """``--no-stream`` gives the same result in one piece."""
    streamed = run(shell, "%chat the same")
    whole = run(shell, "%chat --no-stream --new the same")
    assert not server.requests[-1].body.get("stream")
    assert (whole.text, whole.outcome, whole.timing.deltas) == (streamed.text, "complete", 1)


@pytest.mark.parametrize(
    ("line", "prompt"),
    [
        ("it's  two   spaces, and 'quotes\"", "it's  two   spaces, and 'quotes\""),
        ("-t 1 -- -m is an option", "-m is an option"),
        ("--raw {{a}} costs $5 {a} \\n", "{{a}} costs $5 {a} \\n"),
        ("- a dash", "- a dash"),
        ("a -m later", "a -m later"),
        ("-m 'demo' -s \"two words\" x", "x"),
        ("naïve 🙂 文", "naïve 🙂 文"),
    ],
)
def test_the_prompt_of_a_line_is_kept_as_typed(
    shell: InteractiveShell, server: DemoServer, line: str, prompt: str
) -> None:
    """Options end at the first other word. The rest is sent character by character."""
    run(shell, f"%chat {line}")
    assert sent(server) == prompt


@pytest.mark.parametrize("line", ["--api-key {}", "--key={}", "-k {}", "--secret {}", "-m {}", "-s {}", "--out={}"])
def test_a_key_on_the_line_is_refused(shell: InteractiveShell, server: DemoServer, line: str) -> None:
    """Nothing is sent, the environment variable is named, and the key is not repeated."""
    said = refused(shell, server, f"%%chat {line.format(KEY)}\nhello")
    assert "STREAMWIDGET_API_KEY" in said or "Unknown option -k" in said
    assert KEY not in said


def test_help_names_every_option(shell: InteractiveShell) -> None:
    """``%chat?`` begins with three examples. Below them are the parser's options and commands."""
    help_text = shell.magics_manager.magics["cell"]["chat"].__doc__
    examples, options = help_text.split("::\n", 2)[1:]
    assert [line.split()[0] for line in examples.splitlines() if "%chat" in line] == ["%chat", "%%chat", "answer"]
    assert "-m MODEL" in options
    for option in shlex.split(
        "-m -s -t --max-tokens -o --no-stream --bg --keep --raw --show-prompt --last --code --traceback"
    ):
        assert option in help_text, option


def test_background_needs_a_notebook(shell: InteractiveShell, server: DemoServer) -> None:
    """In a terminal nothing would run the stream."""
    assert "--bg needs a notebook" in refused(shell, server, "%%chat --bg\nhello")


def test_the_wire_is_for_a_notebook(shell: InteractiveShell, server: DemoServer) -> None:
    """In a terminal --wire is refused before anything is sent."""
    assert "needs a notebook" in refused(shell, server, "%chat --wire hello")


def test_the_timeline_is_one_line_in_a_terminal(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """It stands below the answer, in words."""
    completion = run(shell, "%chat --timeline count to 5")
    assert f"{len(completion.text)} characters in" in capsys.readouterr().out.splitlines()[-1]


# ---- the prompt


def test_variables_are_put_in_and_nothing_else(shell: InteractiveShell, server: DemoServer) -> None:
    """``{{name}}`` and ``{{name.lower()}}`` are replaced once. All other braces and dollars are literal."""
    shell.user_ns.update(a="A{{b}}", b=2)
    run(shell, "%%chat\n{{a}} {{ b }} {a} {{a.lower()}} {{1}} $b ${b} {'k': {}}")
    assert sent(server) == "A{{b}} 2 {a} a{{b}} {{1}} $b ${b} {'k': {}}"


def test_an_undefined_name_is_refused(shell: InteractiveShell, server: DemoServer) -> None:
    """Nothing is sent, each name is named once, and ``--raw`` sends the braces."""
    assert refused(shell, server, "%%chat\n{{nobody}} and {{nobody}}") == (
        "There is no variable nobody. Nothing was sent. --raw sends {{nobody}} as text."
    )
    assert refused(shell, server, "%chat {{a}} {{b}}") == (
        "There is no variable a or b. Nothing was sent. --raw sends {{a}} and {{b}} as text."
    )
    run(shell, "%%chat --raw\n{{nobody}}")
    assert sent(server) == "{{nobody}}"


def test_show_prompt_prints_what_is_sent(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """The turn, with the variables put in and its size, and one line about what goes before it."""
    shell.user_ns.update(who="Ada", photo=Image.of(PNG))
    first = run(shell, "%%chat --show-prompt\nhello {{who}}")
    said = capsys.readouterr().out
    assert re.search(r"^All of it: about \d+ tokens, by (a guess|the counts) of ", said, re.MULTILINE)
    assert said.startswith("Sent before it: nothing.\n")
    assert f"\nThis turn (9 characters):\nhello Ada\n\n{first.text}" in said
    run(shell, "%%chat --show-prompt -s kind\nand {{photo}}?")
    said = capsys.readouterr().out
    before = f"the system prompt (4 characters), 1 earlier turn ({9 + len(first.text):,} characters)"
    assert said.startswith(f"Sent before it: {before}.\n")
    assert f"\nThis turn (14 characters, 1 file ({len(PNG)} bytes)):\nand [image 1]?\n\n" in said


def test_the_cell_says_which_variable_is_not_sent_whole(
    shell: InteractiveShell, server: DemoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line before the answer. The prompt says it too. With ``--raw``, or for whole data, there is no line."""
    numpy = pytest.importorskip("numpy")
    shell.user_ns.update(big=numpy.arange(5000), small=numpy.arange(2))
    run(shell, "%%chat\nMean of {{big}} and {{small}}?")
    assert capsys.readouterr().out.startswith("big: 1000 of 5000 values sent\n##")
    assert sent(server).endswith("999]\n\n(Shown: the first 1000 of 5000 values.) and [0, 1]?")
    run(shell, "%%chat --raw\n{{big}}")
    assert "values sent" not in capsys.readouterr().out


@pytest.mark.parametrize("cell", ["%chat", "%%chat\n", "%%chat\n  \n\t", "%chat -m demo"])
def test_an_empty_prompt_is_refused(shell: InteractiveShell, server: DemoServer, cell: str) -> None:
    """It is a slip, and it must not be billed."""
    shell.run_cell("_chat = 1")
    if cell == "%%chat\n":  # IPython itself refuses a cell magic without a body
        assert not shell.run_cell(cell).success
    else:
        assert "The prompt is empty." in refused(shell, server, cell)
    assert shell.user_ns["_chat"] == 1


def test_a_terminal_prints_the_answer_once(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """The text, then one line about it. Neither a statement nor an assignment prints an Out."""
    for cell in ("%%chat\nonce", "%chat once", "x = %chat once"):
        completion = run(shell, cell)
        text, footer = capsys.readouterr().out.rstrip("\n").rsplit("\n", 1)
        assert text == completion.text
        assert footer.startswith("[demo server (no model) · ")
        assert footer.count("\n") == 0


# ---- settings


def test_config_sets_the_defaults_and_the_line_wins(shell: InteractiveShell, server: DemoServer) -> None:
    """``%config ChatMagics`` sets a default. An option overrides it for one cell."""
    for setting in ("model = 'demo-length'", "system = 'terse'", "temperature = 0.25", "max_tokens = 700"):
        shell.run_cell(f"%config ChatMagics.{setting}")
    run(shell, "%chat one")
    body = server.requests[-1].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("demo-length", 0.25, 700)
    assert body["messages"][0] == {"role": "system", "content": "terse"}
    run(shell, "%chat -m demo -s '' -t 0 --max-tokens 500 two")
    body = server.requests[-1].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("demo", 0, 500)
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]


def test_the_timeout_setting_holds_for_every_request(shell: InteractiveShell, server: DemoServer) -> None:
    """A stalled answer ends after the time in the setting, and the line says how to wait longer."""
    shell.run_cell("%config ChatMagics.timeout = {'stall': 0.3, 'total': None}")
    for cell in ("%chat -m demo-stall hello", "%time %chat -m demo-stall hello"):
        with capture_output() as captured:
            result = shell.run_cell(cell)
        assert isinstance(result.error_in_exec, streamwidget.StreamTimeout)
        shown = captured.stdout + captured.stderr
        lines = shown.splitlines()
        assert f"timed out ({host_of(server.url)} sent nothing more within 0.3 s)" in shown
        assert shown.count("sent nothing more") == 1
        assert lines[-1].startswith("StreamTimeout: The ")  # the reason is in the line under the answer
        assert lines[-1].endswith("Wait longer: --timeout 0.6, or %config ChatMagics.timeout_stall = 0.6")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{'stal': 1}", "ChatMagics.timeout has no limit 'stal'. The limits: connect, headers,"),
        ("{'stall': 0}", 'ChatMagics.timeout["stall"] takes a positive number of seconds'),
        ("{'stall': 'long'}", 'ChatMagics.timeout["stall"] takes a positive number of seconds'),
        ("30", "dict"),
    ],
)
def test_a_timeout_that_cannot_be_meant_is_refused(
    shell: InteractiveShell, caplog: pytest.LogCaptureFixture, value: str, says: str
) -> None:
    """The message names the allowed values, and the setting does not change."""
    shell.run_cell("%config ChatMagics.timeout = {'stall': 5}")
    shell.run_cell(f"%config ChatMagics.timeout = {value}")
    assert says in caplog.text
    assert magics_of(shell).timeout == {"stall": 5}


def test_each_limit_has_a_setting_which_is_a_part_of_the_dict(
    shell: InteractiveShell, caplog: pytest.LogCaptureFixture
) -> None:
    """They never contradict each other: the one that was set last holds, and both show it."""
    magics = magics_of(shell)

    def config(line: str) -> dict[str, Any]:
        shell.run_cell(f"%config ChatMagics.{line}")
        shown = {name: getattr(magics, f"timeout_{name}") for name in Timeout.__dataclass_fields__}
        set_ = {name: seconds for name, seconds in shown.items() if seconds != "default"}
        assert magics.timeout == set_ == dict(session_of(shell).settings.timeout)
        return set_

    assert config("timeout_headers = 90") == {"headers": 90}
    assert config("timeout_total = None") == {"headers": 90, "total": None}
    assert client_for(shell, "x").timeout == Timeout(headers=90, total=None)
    assert config('timeout = {"stall": 7, "headers": 8}') == {"stall": 7, "headers": 8}
    assert config("timeout_stall = 'default'") == {"headers": 8}
    for wrong in ("-1", "'long'", "0", "{'stall': 1}"):
        assert config(f"timeout_headers = {wrong}") == {"headers": 8}
    assert caplog.text.count('a positive number of seconds, None for no limit, or "default"') == 4
    assert config("timeout = {}") == {}


def test_every_setting_reaches_the_session(shell: InteractiveShell) -> None:
    """The traits of the magics and the fields of ChatSettings are the same names. A single limit is a part of one."""
    names = {name for name in ChatMagics.class_own_traits(config=True) if not name.startswith("timeout_")}
    assert {field.name for field in fields(ChatSettings)} == names


WAYS = """Choose one:
  %%chat -m NAME                        for this cell
  %config ChatMagics.model = "NAME"     for all cells
  STREAMWIDGET_MODEL=NAME               in the environment, before Jupyter starts"""


def test_a_model_that_is_needed_is_asked_for(
    shell: InteractiveShell, server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first cell names the server, its models and the three ways to choose one. No prompt is sent."""
    monkeypatch.setenv("STREAMWIDGET_PROVIDER", "openai")
    before = len(server.requests)
    result = shell.run_cell("%%chat\nhello")
    assert type(result.error_in_exec).__name__ == "UsageError"
    said = str(result.error_in_exec)
    host = host_of(server.url)
    assert said.startswith(f"No model chosen for {host}. Nothing was sent. Its models: demo, demo-long, ")
    assert said.endswith(f".\n{WAYS}")
    assert [record.path for record in server.requests[before:]] == ["/v1/models"]
    assert session_of(shell).listed_models[:2] == ["demo", "demo-long"]
    assert len(session_of(shell).conversation()) == 0


def test_the_ways_to_choose_a_model_are_named_without_a_list_too(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason why there is no list comes below them."""
    monkeypatch.setenv("STREAMWIDGET_PROVIDER", "openai")
    monkeypatch.setenv("STREAMWIDGET_BASE_URL", "http://127.0.0.1:9/v1")
    assert not shell.run_cell("%%chat\nhello").success
    said = capsys.readouterr().out
    assert said.startswith(f"No model chosen for 127.0.0.1:9. Nothing was sent. {WAYS}\nIts models cannot be listed. ")


def test_api_key_env_holds_a_name_and_never_a_key(
    shell: InteractiveShell, server: DemoServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key is read from the named variable. A key in place of the name is refused and not repeated."""
    monkeypatch.setenv("MY_KEY", KEY)
    shell.run_cell("%config ChatMagics.api_key_env = 'MY_KEY'")
    run(shell, "%chat with a key")
    assert server.requests[-1].headers["authorization"] == f"Bearer ***{KEY[-4:]}"
    monkeypatch.delenv("MY_KEY")
    assert "MY_KEY" in refused(shell, server, "%chat without it")
    capsys.readouterr()
    result = shell.run_cell(f"%config ChatMagics.api_key_env = {KEY!r}")
    assert KEY not in str(result.error_in_exec)
    shell.run_cell("%config ChatMagics")
    printed = capsys.readouterr()
    assert KEY not in printed.out
    assert "MY_KEY" in printed.out


def test_a_bad_address_is_refused_before_anything_is_sent(shell: InteractiveShell, server: DemoServer) -> None:
    """A setting that cannot work is a usage error, and a password in it is not repeated."""
    for address, words in {
        "ftp://x/v1": "must look like https://",
        "http://u:secret@x/v1": "user name or pass",
    }.items():
        shell.run_cell(f"%config ChatMagics.base_url = {address!r}")
        said = refused(shell, server, "%chat hello")
        assert words in said
        assert "secret" not in said


def test_without_any_setting_the_demo_answers(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No address and no key: the built-in demo server, visibly marked."""
    monkeypatch.delenv("STREAMWIDGET_BASE_URL")
    assert run(shell, "%chat --max-tokens 3 who are you").demo
    assert "[demo server (no model) · " in capsys.readouterr().out


# ---- failures


def test_a_failure_is_short_and_its_traceback_waits(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A StreamError in two lines. ``%chat --traceback`` shows the rest, and ``--last`` the answer."""
    monkeypatch.delattr(sys, "last_value", raising=False)  # of a test before
    shell.run_cell("%chat --traceback")
    assert "No answer has failed" in capsys.readouterr().out
    result = shell.run_cell("x = %chat -m nobody hello")
    assert isinstance(result.error_in_exec, streamwidget.HTTPStatusError)
    assert "x" not in shell.user_ns
    assert "Traceback" not in capsys.readouterr().out
    shell.run_cell("%chat --traceback")
    assert "HTTPStatusError" in capsys.readouterr().out
    completion = run(shell, "%chat hello again")
    capsys.readouterr()
    shell.run_cell("%chat --last")
    assert capsys.readouterr().out.count(completion.text) == 1


# ---- --timeout


def client_for(shell: InteractiveShell, line: str) -> ChatClient:
    """Return the client that a line gives."""
    options, _ = split_line(magics_of(shell).chat.parser, line)
    return make_client(options)


@pytest.mark.parametrize(
    ("seconds", "limits"),
    [
        ("1800", Timeout(5, 1800, 1800, 1800, 1800, 1800)),
        ("200", Timeout(5, 200, 200, 200, 200, 600)),
        ("0.5", Timeout(5, 0.5, 0.5, 0.5, 0.5, 600)),
    ],
)
def test_a_timeout_on_the_line_is_for_each_step(shell: InteractiveShell, seconds: str, limits: Timeout) -> None:
    """The answer as a whole may take at least as long. An answer that flows is not cut."""
    shell.run_line_magic("config", "ChatMagics.base_url = 'https://api.example/v1'")
    assert client_for(shell, f"--timeout {seconds} x").timeout == limits
    assert client_for(shell, "x").timeout == Timeout()
    shell.run_line_magic("config", "ChatMagics.timeout = {'total': None, 'stall': 3, 'connect': 1}")
    assert client_for(shell, "--timeout 9 x").timeout == Timeout(1, 9, 9, 9, 9, None)


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "inf", "nan", "5m"])
def test_a_timeout_that_cannot_work_is_refused(shell: InteractiveShell, server: DemoServer, seconds: str) -> None:
    """In one line. Nothing is sent."""
    before = len(server.requests)
    with pytest.raises(UsageError, match="takes a positive number of seconds, such as 300"):
        shell.run_cell_magic("chat", f"--timeout {seconds}", "x")
    assert len(server.requests) == before


def test_a_stalled_answer_ends_after_the_timeout_of_the_line(shell: InteractiveShell) -> None:
    """The next step names the option."""
    with pytest.raises(StreamTimeout) as caught:
        shell.run_cell_magic("chat", "-m demo-stall --timeout 0.4", "x")
    assert caught.value.error.kind == "stall"
    assert caught.value._render_traceback_()[-1].endswith("Wait longer: --timeout 0.8")  # type: ignore[attr-defined]


def echo(messages: list[dict[str, Any]], temperature: float | None = None) -> Iterator[str]:
    """Answer with what was asked, as a person's own function does."""
    yield f"{len(messages)}: "
    yield messages[-1]["content"]
    yield "" if temperature is None else f" at {temperature}"


def test_a_variable_answers(shell: InteractiveShell, server: DemoServer) -> None:
    """A function, a ChatClient and an SDK's client stand wherever our own client does. Its turns are the notebook's."""
    import openai

    shell.user_ns["echo"] = echo
    assert run(shell, "%chat --client echo hello").text == "1: hello"
    assert run(shell, "%chat --client echo -t 0.5 again").text == "3: again at 0.5"
    shell.run_cell('%config ChatMagics.client = "echo"')
    assert run(shell, "%chat a third").text == "5: a third"
    assert shell.user_ns["_conversation"].turns[0].answer.text == "1: hello"
    shell.user_ns["own"] = ChatClient(server.url, model="demo")
    assert run(shell, "%chat --client own --once count to 3").text.split() == ["1", "2", "3"]
    shell.user_ns["sdk"] = openai.OpenAI(base_url=server.url, api_key=KEY)
    answer = run(shell, "%chat --client sdk -m demo --once count to 3")
    assert (answer.text.split(), answer.outcome, answer.demo) == (["1", "2", "3"], "complete", True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--client nothing hello", "There is no variable nothing"),
        ("--client number hello", "An object of class int cannot answer. Pass a ChatClient, a callable"),
        ("--client plain -t 0.5 hello", r"plain\(\) takes no argument temperature. Nothing was sent"),
        ("--client plain -m gpt hello", r"plain\(\) takes no model"),
        ("--client plain -p ollama hello", "-p has no effect on the variable plain"),
        ("--client plain --timeout 3 hello", "--timeout has no effect"),
        ("--client sdk hello", r"No model chosen for the OpenAI client.*-m NAME"),
        ("--client plain --models", r"plain\(\) lists no models"),
    ],
)
def test_a_variable_that_cannot_answer_is_refused_in_a_sentence(shell: InteractiveShell, line: str, said: str) -> None:
    """Nothing is asked, and no turn is added."""
    import openai

    def plain(messages: list[dict[str, Any]]) -> str:
        raise AssertionError(messages)

    shell.user_ns |= {"number": 7, "plain": plain, "sdk": openai.OpenAI(base_url="http://127.0.0.1:9", api_key=KEY)}
    with pytest.raises(UsageError, match=said):
        shell.run_line_magic("chat", line)
    assert not shell.user_ns.get("_conversation")


@pytest.mark.parametrize(
    "key",
    [
        "gsk_1234567890abcdefghij",
        "hf_AbCdEfGhIjKlMnOpQrSt",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "a0f3a9c81b2d4e5f60718293a4b5c6d7e",
        "ABCDEF0123456789ABCDEF0123456789",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "r8_1234567890abcdefghijklmnop",
        "eyJhbGciOiJIUzI1NiJ9abc123",
        "AKIA1234567890abcdef",
        "sk_live_51H1234567890abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "abcdefghijklmnopqrstuvwxyzabcdef",
        "pplxabcdefghijklmnop",
        "nvapi_abcdefgh",
        "r8_abcdefghij",
        "tgp_v1_abcdefghijkl",
        "GLHF_ABCDEF0123456789ABCDEF0123456789",
        "gho_KEY16C7e42F292c6912E7710c838347Ae",
        "xai_abcdefghijklmnopqrstuvwxyz",
        "co_ABCDEFGHIJKLMNOPQRST",
        "_" * 40,
    ],
)
def test_a_key_without_a_dash_is_not_the_name_of_a_variable(shell: InteractiveShell, key: str) -> None:
    """It could be a name in Python. It is refused, and not repeated."""
    with capture_output() as captured:
        shell.run_cell(f"%config ChatMagics.api_key_env = {key!r}")
    assert magics_of(shell).api_key_env is None
    assert key not in captured.stdout + captured.stderr


@pytest.mark.parametrize(
    "name",
    [
        *("MY_KEY", "OPENAI_API_KEY", "COURSE_2026_GATEWAY_API_KEY", "openai_key", "KEY2", "K", "GROQ", "TOKEN"),
        *("HF_TOKEN", "my_openai_key", "ANTHROPIC_AUTH_TOKEN", "AZURE_OPENAI_API_KEY_2", "LITELLM_MASTER_KEY_PROD"),
        *("OPENAIAPIKEY", "GATEWAY_PASSWORD", "WATSONX_APIKEY", "AWS_BEARER_TOKEN_BEDROCK"),
    ],
)
def test_the_name_of_a_variable_is_taken(shell: InteractiveShell, name: str) -> None:
    """Names are words, in any case."""
    shell.run_cell(f"%config ChatMagics.api_key_env = {name!r}")
    assert magics_of(shell).api_key_env == name


@pytest.mark.fault("S21", "the first answer names the host and the key's variable, once")
def test_a_foreign_notebook_says_where_prompts_and_keys_go(
    shell: InteractiveShell, server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell names the server, and the variable of a key. The environment and the config file need no such line.

    Neither does a server on this machine that gets no key, such as `-p ollama`.
    """

    def said(code: str) -> str:
        with capture_output() as captured:
            run(shell, code)
        return str(captured.stdout)

    place = host_of(server.url)
    assert "sends your prompts" not in said("%chat a")  # STREAMWIDGET_BASE_URL, set by the person
    monkeypatch.setenv("MY_KEY", KEY)
    shell.run_cell(f"%config ChatMagics.base_url = {server.url!r}")
    assert "sends your prompts" not in said("%chat b")
    shell.run_cell("%config ChatMagics.base_url = 'http://nowhere.invalid/v1'")
    with capture_output() as captured:
        shell.run_cell("%chat a")
        shell.run_cell("%chat b")
    assert captured.stdout.count("This notebook sends your prompts to nowhere.invalid.\n") == 1
    shell.run_cell(f"%config ChatMagics.base_url = {server.url!r}")
    shell.run_cell("%config ChatMagics.api_key_env = 'MY_KEY'")
    assert said("%%chat\nc").startswith(f"This notebook sends your prompts to {place}, with the key in MY_KEY.\n")
    assert "sends your prompts" not in said("%chat d")
    assert KEY not in said("%chat e")
    shell.run_cell("%config ChatMagics.headers_env = {'X-Course': 'MY_KEY'}")
    line = f"This notebook sends your prompts to {place}, with the key in MY_KEY and the X-Course in MY_KEY.\n"
    assert said("%chat f").startswith(line)
