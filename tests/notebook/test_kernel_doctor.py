"""``%chat --doctor`` in a real kernel: a healthy one, a blocked loop, and an interrupt."""

from __future__ import annotations

import pytest

from tests.support.chat_kernels import ChatKernel
from tests.support.deadlines import SOON, until

pytestmark = [pytest.mark.kernel, pytest.mark.parametrize("chat", ["latest"], indirect=True)]
BLOCK = """
import asyncio, time
async def block():
    while True:
        time.sleep(0.7)
        await asyncio.sleep(0.05)
blocking = asyncio.ensure_future(block())
"""


def test_the_doctor_in_a_kernel(chat: ChatKernel) -> None:
    """The report is shown and returned. A blocked loop is named, and an interrupt keeps the findings."""
    cell = chat.execute("%chat --doctor")
    assert cell.status == "ok"
    assert "Nothing on the way fails or holds text back." in cell.text
    assert "settings: ok  environment: ok  DNS: ok  TCP: ok  models: ok" in cell.stdout
    assert "for 64 tokens, at most twice." in cell.stdout
    assert "The table for an issue" in cell.outputs[-1]["data"]["text/html"]
    chat.execute("report = %chat --doctor -m no-such-model")
    assert chat.value("report.verdict.hop") == "models"
    facts = chat.value("dict(report.findings[-1].figures)")
    assert (facts["subshells"], facts["cell"], facts["kernel"]) == ("yes", "awaits", "ipykernel")

    chat.execute(BLOCK)
    chat.execute("report = %chat --doctor")
    chat.execute("blocking.cancel()")
    assert chat.value("report.verdict.hop") == "kernel"
    assert "Something blocks the kernel's event loop" in chat.value("report.verdict.sentence")

    running = chat.execute_async("%chat --doctor -m demo-silent")
    until(lambda: "for 64 tokens" in running.stdout, "the question", SOON)
    chat.interrupt()
    running.wait(SOON)
    assert running.traceback == ["Interrupted: the doctor has stopped. What it found is above."]
    assert "✓ ok       models " in running.text
