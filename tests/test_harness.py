"""The harness itself: a kernel of each generation does what it promises, and an interrupted run leaves nothing."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.children import child
from tests.support.deadlines import START, until
from tests.support.kernels import GENERATIONS, ROOT, Kernel, clean_environment, start_kernel
from tests.support.watchdog import carriers

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module", params=GENERATIONS)
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    """One kernel of each generation for all of these tests."""
    with start_kernel(request.param) as started:
        yield started


def test_a_cell_gives_its_result_and_its_output(kernel: Kernel) -> None:
    """A result object holds status, stdout and the result's text."""
    result = kernel.execute("print('hello'); 1 + 1")
    assert (result.status, result.stdout, result.text) == ("ok", "hello\n", "2")


def test_an_error_gives_its_name_and_value(kernel: Kernel) -> None:
    """A failed cell's result holds the exception."""
    result = kernel.execute("1 / 0")
    assert (result.status, result.ename, result.evalue) == ("error", "ZeroDivisionError", "division by zero")
    assert result.traceback


def test_updates_are_applied_by_display_id(kernel: Kernel) -> None:
    """A display holds what was shown last, also when another cell updates it."""
    first = kernel.execute("handle = display('old', display_id=True)")
    kernel.execute("handle.update('new')")
    assert first.text == "'new'"


def test_interrupt_ends_a_blocking_cell(kernel: Kernel) -> None:
    """An interrupt reaches time.sleep."""
    cell = kernel.execute_async("print('on', flush=True); import time; time.sleep(600)")
    kernel.wait_for(lambda message: message.type == "stream" and message.parent_id == cell.msg_id)
    kernel.interrupt()
    assert cell.wait().ename == "KeyboardInterrupt"


def test_messages_carry_their_size(kernel: Kernel) -> None:
    """A message's sizes grow with what it carries."""
    printed = [message for message in kernel.execute("print('x' * 5000)").messages if message.type == "stream"]
    assert sum(message.content_size for message in printed) > 5000
    assert all(message.size > message.content_size for message in printed)


@pytest.mark.parametrize("kernel", ["latest", "7.3"], indirect=True)
def test_a_subshell_serves_a_comm_beside_a_blocking_cell(kernel: Kernel) -> None:
    """A comm opened on a subshell is served, in another thread, while a cell blocks."""
    kernel.execute(
        "from comm import get_comm_manager\n"
        "def opened(comm, message):\n"
        "    comm.on_msg(lambda message: seen.append(message['content']['data']))\n"
        "get_comm_manager().register_target('harness', opened)\n"
        "seen = []"
    )
    assert kernel.has_subshells
    subshell = kernel.create_subshell()
    cell = kernel.execute_async(
        "import time\n"
        "print('on', flush=True)\n"
        "end = time.monotonic() + 50\n"
        "while not seen and time.monotonic() < end: time.sleep(0.02)\n"
        "print(seen)"
    )
    kernel.wait_for(lambda message: message.type == "stream" and message.parent_id == cell.msg_id)
    comm = kernel.comm_open("harness", subshell_id=subshell)
    kernel.comm_send(comm, {"op": "stop"}, subshell_id=subshell)
    assert "[{'op': 'stop'}]" in cell.wait().stdout


def test_requests_that_meet_replies_are_all_answered(kernel: Kernel) -> None:
    """However many requests are sent while replies are on their way, none is lost, on either side."""
    requests: list[str] = []
    for number in range(600):
        requests.append(kernel.send("kernel_info_request", {}))
        if number >= 3:
            kernel.wait_reply(requests[number - 3])
    for request in requests[-3:]:
        kernel.wait_reply(request)


#: A test that starts one of each: a Jupyter server with a kernel, a kernel of its own, a Chromium. Then it waits.
STARTS_ALL = """
import asyncio
import os
import time
from playwright.sync_api import sync_playwright
from tests.faults.sessions import jupyter_server, start_kernel
from tests.support import kernels
from tests.support.watchdog import MARK
from tests.ui.tab import CHROMIUM_FLAGS, find_chromium

def test_it(tmp_path):
    with jupyter_server(tmp_path, {}) as port, kernels.start_kernel():
        asyncio.run(start_kernel(port))
        with sync_playwright() as playwright:
            playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
            with open("ready", "w") as ready:
                ready.write(os.environ[MARK])
            time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_nothing_behind(how: signal.Signals, tmp_path: Path) -> None:
    """However a run of pytest ends: its server, that server's kernel, its kernel and its browser end too."""
    (tmp_path / "test_it.py").write_text(STARTS_ALL)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "test_it.py"]
    env = clean_environment({"PYTHONPATH": str(ROOT)})
    with child(command, tmp_path / "log", directory=tmp_path, env=env) as run:
        ready = tmp_path / "ready"
        mark = run.wait_until(lambda: ready.exists() and ready.read_text(), "the run has started everything")
        names = sorted(process.name().lower() for process in carriers(mark))
        assert any("chrom" in name for name in names), names
        assert sum("python" in name for name in names) >= 3, names
        run.process.send_signal(how)
        run.process.wait(START)
        until(lambda: not carriers(mark), f"all of {names} end")
