"""The kernel harness itself: what it promises holds on each generation."""

from __future__ import annotations

import time

import pytest

from tests.support.kernels import Kernel

pytestmark = pytest.mark.kernel


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
    started = time.monotonic()
    cell = kernel.execute_async("print('on', flush=True); import time; time.sleep(30)")
    kernel.wait_for(lambda message: message.type == "stream" and message.parent_id == cell.msg_id)
    kernel.interrupt()
    assert cell.wait(20).ename == "KeyboardInterrupt"
    assert time.monotonic() - started < 25


def test_messages_carry_their_size(kernel: Kernel) -> None:
    """A message's sizes grow with what it carries."""
    printed = [message for message in kernel.execute("print('x' * 5000)").messages if message.type == "stream"]
    assert sum(message.content_size for message in printed) > 5000
    assert all(message.size > message.content_size for message in printed)


@pytest.mark.parametrize("generation", ["latest", "7.3"], indirect=True)
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
        "end = time.monotonic() + 20\n"
        "while not seen and time.monotonic() < end: time.sleep(0.02)\n"
        "print(seen)"
    )
    kernel.wait_for(lambda message: message.type == "stream" and message.parent_id == cell.msg_id)
    comm = kernel.comm_open("harness", subshell_id=subshell)
    kernel.comm_send(comm, {"op": "stop"}, subshell_id=subshell)
    assert "[{'op': 'stop'}]" in cell.wait(25).stdout


def test_requests_that_meet_replies_are_all_answered(kernel: Kernel) -> None:
    """However many requests are sent while replies are on their way, none is lost, on either side."""
    requests: list[str] = []
    for number in range(600):
        requests.append(kernel.send("kernel_info_request", {}))
        if number >= 3:
            kernel.wait_reply(requests[number - 3])
    for request in requests[-3:]:
        kernel.wait_reply(request)
