"""The walk against the demo server and its faults, the report, and the command."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from subprocess import PIPE

import pytest

from streamwidget._client.client import ChatClient
from streamwidget.demo import DemoServer
from streamwidget.doctor import _examine
from streamwidget.doctor.__main__ import main
from streamwidget.doctor._examine import Examination
from streamwidget.doctor._finding import Finding
from streamwidget.doctor._judge import judge
from streamwidget.doctor._process import Lateness, process
from streamwidget.doctor._report import Report
from tests.support.deadlines import SOON
from tests.support.local_model import needs_llamacpp
from tests.support.native_server import NativeServer
from tests.support.ports import closed_port
from tests.support.servers import RawServer, response, sse

KEY = "sk-doctor-0123456789abcdef"
STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=400, first_delta=0.02) as started:
        yield started


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, server: DemoServer) -> None:
    """Take this server for the demo server of the process, and no setting of the machine."""
    monkeypatch.setattr("streamwidget.demo.shared_server", lambda: server)
    monkeypatch.setattr(_examine, "_PACE", {"tokens_per_second": 400, "first_delta": 0})
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


def examine(url: str | None, *, key: str | None = None, patience: float = 20, **client: str) -> Report:
    walk = Examination(lambda: ChatClient(url, key, **client), lambda _: None, patience=patience)
    return asyncio.run(walk.run())


@pytest.mark.fault("P1", "the report names the hop and what to do, and never shows the key")
@pytest.mark.parametrize(
    ("model", "hop", "words"),
    [
        ("demo", None, ""),
        ("demo-reasoning", None, ""),
        ("demo-401", "stream", "Check the key in an argument"),
        ("demo-quota", "stream", "quota"),
        ("demo-json", "stream", "one reply"),
        ("demo-cut", "stream", "ended before the answer did"),
        ("demo-html", "stream", "web page"),
        ("no-such-model", "models", "no-such-model"),
    ],
)
def test_the_demo_servers_faults(model: str, hop: str | None, words: str, server: DemoServer) -> None:
    """The server answers, so no hop before it is accused."""
    report = examine(server.url, key=KEY, model=model)
    assert report.verdict.hop == hop, report
    assert words in f"{report.verdict.sentence} {report.verdict.advice}"
    assert [finding.hop for finding in report.findings][:5] == ["settings", "environment", "DNS", "TCP", "models"]
    assert KEY not in f"{report}{report.to_json()}"


@pytest.mark.parametrize("provider", ["anthropic", "google", "ollama-native", "openai-responses"])
def test_the_dialects_are_healthy(provider: str) -> None:
    """Each is asked in its own words, and its pieces are counted."""
    with NativeServer(tokens_per_second=400, first_delta=0.02) as native:
        report = examine(native.url, key=KEY, model="demo", provider=provider)
    assert report.verdict.hop is None, report
    stream = next(finding for finding in report.findings if finding.hop == "stream")
    assert stream.state == "ok", stream
    assert int(stream.figures["pieces"].split()[0]) > 100, stream  # in as many moments as a busy machine gives


@needs_llamacpp
def test_a_model_of_this_machine_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network is looked at, and the sentence says how to get the model."""
    monkeypatch.setenv("STREAMWIDGET_GGUF", "/no/such/model.gguf")
    report = examine(None, provider="local")
    assert report.verdict.hop == "settings"
    assert "/no/such/model.gguf cannot be read" in report.verdict.sentence
    assert not {"DNS", "TCP"} & {finding.hop for finding in report.findings}


def test_a_silent_server_is_left_after_the_patience(server: DemoServer) -> None:
    """A loading model looks the same, and the report says so."""
    verdict = examine(server.url, model="demo-silent", patience=0.5).verdict
    assert verdict.hop is None
    assert "A model that loads, or thinks for long, looks the same" in verdict.sentence
    assert "--timeout SECONDS" in verdict.advice


@pytest.mark.fault("P1", "a closed port is the hop, and the demo server shows that the rest is well")
def test_no_server_at_all() -> None:
    """The port is closed. The demo server shows the health of the rest."""
    report = examine(f"http://127.0.0.1:{closed_port()}/v1")
    assert report.verdict.hop == "TCP"
    assert [finding.hop for finding in report.findings][-3:] == ["TCP", "demo", "Python"]


def test_an_address_without_its_end(server: DemoServer) -> None:
    """The doctor finds the API below it."""
    verdict = examine(server.url.removesuffix("/v1")).verdict
    assert (verdict.hop, verdict.advice) == ("models", f"Set the address to {server.url}.")


def test_a_wrong_setting_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is raised: the report names the setting."""
    monkeypatch.setenv("STREAMWIDGET_BASE_URL", "ftp://example")
    report = examine(None)
    assert report.verdict.hop == "settings"
    assert "STREAMWIDGET_BASE_URL" in report.verdict.sentence


def test_where_each_setting_is_from(monkeypatch: pytest.MonkeyPatch, server: DemoServer) -> None:
    """The variables are named, and the key is not shown."""
    monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
    monkeypatch.setenv("STREAMWIDGET_API_KEY", KEY)
    monkeypatch.setenv("STREAMWIDGET_MODEL", "demo")
    figures = examine(None).findings[0].figures
    assert figures["address"] == f"{server.url} (STREAMWIDGET_BASE_URL)"
    assert figures["key"] == "[key] (STREAMWIDGET_API_KEY)"
    assert figures["model"] == "demo (STREAMWIDGET_MODEL)"


@pytest.mark.fault("P4", "no Markdown, HTML, escape sequence or key in the report")
def test_what_a_server_says_is_harmless() -> None:
    """A hostile server gets no Markdown, no HTML and no escape sequence into the report, and a key is masked."""
    evil = f"<img src=x> | `x` [y](http://z) \x1b[31m {KEY}"
    body = json.dumps({"error": {"message": evil}}).encode()
    headers = (f"server: {KEY}", "via: <b>|", "x-served-by: \x1b[31m")
    refusal = response(body, *headers, status="401 No", kind="application/json")
    with RawServer(refusal) as server:
        report = examine(server.url, key=KEY)
    shown = report._repr_mimebundle_()
    for text in (*shown.values(), report.to_markdown(), report.to_json()):
        assert KEY not in text
        assert "\x1b" not in text
    assert "<img" not in shown["text/html"]
    row = next(line for line in report.to_markdown().splitlines() if line.startswith("| models"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 4
    assert r"\<img src=x> \| \`x\` \[y\](http://z)" in row


@pytest.mark.fault("P5", "the walk goes on, and the report says what was not checked")
def test_a_fault_of_the_doctor_is_a_finding(monkeypatch: pytest.MonkeyPatch, server: DemoServer) -> None:
    """The walk goes on."""

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("a slip")

    monkeypatch.setattr(_examine, "check_models", broken)
    report = examine(server.url, model="demo")
    assert Finding("models", "unknown", "The doctor could not check this: ZeroDivisionError: a slip") in report.findings
    assert report.verdict.hop is None
    assert "Not checked: models." in report.verdict.sentence


@pytest.mark.fault("P2", "the loop is late again and again: the kernel is named. One pause accuses nobody")
@pytest.mark.parametrize(("pauses", "blocked"), [(0, False), (1, False), (8, True)])
async def test_a_loop_is_blocked_if_it_is_late_again_and_again(pauses: int, blocked: bool) -> None:
    """One long pause, such as an import, accuses nobody."""
    lateness = Lateness()
    async with lateness.watch():
        for _ in range(pauses):
            time.sleep(0.4)  # noqa: ASYNC251
            await asyncio.sleep(0.06)
        await asyncio.sleep(0.3)
    assert lateness.is_blocked is blocked
    assert process(lateness, "kernel", {}).state == ("slow" if blocked else "ok")


#: So many looks, each with its seconds, the lateness of the machine, and the processor time of the program.
LOOKS = {
    "all is quick": ([(0.05, 0, 0.001)] * 60, False),
    "a sleep on the loop": ([(0.75, 0.01, 0.001)] * 6, True),
    "a sleep on the loop of a busy machine": ([(0.9, 0.2, 0.01)] * 6, True),
    "a computation, beside it the thread is late too": ([(0.75, 0.6, 0.7)] * 6, True),
    "a computation on a busy machine": ([(0.95, 0.8, 0.35)] * 6, True),
    "two short computations": ([(0.05, 0, 0.01)] * 10 + [(0.35, 0.3, 0.3)] * 2, False),
    "a machine with too much to do": ([(0.75, 0.68, 0.02)] * 6, False),
}


@pytest.mark.fault("P3", "a machine with too much to do is not taken for a blocked loop")
@pytest.mark.parametrize("name", LOOKS)
async def test_a_busy_machine_is_not_accused(name: str) -> None:
    """A thread beside the loop is late as well, and the program computes nothing."""
    looks, blocked = LOOKS[name]
    lateness = Lateness()
    for look in looks:
        lateness.note(*look)
    assert lateness.is_blocked is blocked
    found = process(lateness, "Python", {})
    assert (found.state == "slow") is blocked
    assert ("This machine is very busy" in found.sentence) is (name == "a machine with too much to do")


@pytest.mark.fault("P5", "interrupted: the findings so far are kept")
async def test_it_can_be_interrupted(server: DemoServer) -> None:
    """The findings so far are kept."""
    reached = asyncio.Event()
    walk = Examination(lambda: ChatClient(server.url, model="demo-silent"), lambda _: reached.set())
    task = asyncio.ensure_future(walk.run())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [finding.hop for finding in walk.report.findings] == ["settings", "environment", "DNS", "TCP", "models"]


@pytest.mark.fault("P2", "asked once more, and then the stream is named")
def test_an_answer_in_one_moment_is_asked_for_again() -> None:
    """One busy moment of the machine accuses nobody."""

    def late(connection: socket.socket) -> None:
        time.sleep(0.4)
        connection.sendall(response(sse(*["1 "] * 40, STOP, b"data: [DONE]\n\n")))

    with RawServer(late) as server:
        report = examine(server.url)
        asked = [request for request in server.requests if b"chat/completions" in request]
    assert report.verdict.hop == "stream"
    assert "All 40 pieces came at once" in report.verdict.sentence
    assert len(asked) == 2


def test_the_command(server: DemoServer, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints a line for each hop, the verdict and the table, and exits with 1 if somebody is accused."""
    assert main([server.url, "-m", "demo"]) == 0
    out, err = capsys.readouterr()
    assert "✓ ok       stream " in out
    assert "Nothing on the way fails or holds text back." in out
    assert "| hop | result | what was seen |\n|---|---|---|\n| settings | ✓ ok |" in out
    assert "Asking the model demo at 127.0.0.1" in err
    assert main([server.url, "-m", "nope", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"]["hop"] == "models"
    assert {"hop", "state", "sentence", "figures", "advice", "fault"} == set(found["findings"][0])


def test_a_key_in_the_address_is_not_shown() -> None:
    """A server may repeat the address that it was asked at."""

    def echo(connection: socket.socket) -> None:
        asked = server.newest.decode().partition(" ")[2].partition(" ")[0]
        body = json.dumps({"error": {"message": f"Not here: {asked}"}}).encode()
        connection.sendall(response(body, status="404 Not Found", kind="application/json"))

    with RawServer(echo) as server:
        report = examine(f"{server.url}?code=zz9pluralzalpha&api-version=2026-01-01")
    shown = f"{report}{report.to_json()}{report.to_markdown()}"
    assert "zz9plural" not in shown
    assert "Not here: /v1/chat/completions?code=[key]&api-version=2026-01-01." in shown


@pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")
@pytest.mark.fault("P5", "interrupted or without a reader: no traceback, and a code of its own")
def test_the_ends_of_the_command() -> None:
    """130 after an interrupt, and 141 where `head` has seen enough."""
    over = threading.Event()

    def asked(connection: socket.socket) -> None:
        if b"/models" in raw.newest:
            connection.sendall(response(b'{"data":[{"id":"m"}]}', kind="application/json"))
        else:
            over.wait(60)

    with RawServer(asked) as raw:
        command = [sys.executable, "-m", "streamwidget.doctor", raw.url]
        with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as walk:
            assert walk.stderr is not None
            assert walk.stderr.readline().startswith("Asking ")
            walk.send_signal(signal.SIGINT)
            out, err = walk.communicate(timeout=SOON)
        assert (walk.returncode, err) == (130, "Interrupted. This was found so far.\n")
        assert "no answer was seen" in out
        with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as walk:
            assert walk.stdout is not None
            walk.stdout.readline()
            walk.stdout.close()
            over.set()
            assert walk.stderr is not None
            assert "Traceback" not in walk.stderr.read()
        assert walk.returncode == 141


def test_an_empty_report() -> None:
    """An interrupt may come before the first hop."""
    assert Report((), judge(())).verdict.hop is None
