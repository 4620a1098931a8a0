"""The page comes and goes: lost messages, dropped websockets, new sessions, two tabs, a hidden tab, a killed kernel."""

from __future__ import annotations

import copy
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.gate import Gate
from tests.ui.lab import NotebookPage
from tests.ui.live import (
    LOAD,
    PRINT_TEXT,
    assert_no_error_of_ours,
    live_text,
    printed_text,
    saved_text,
    view,
    wait_longer,
    wait_static,
)
from tests.ui.server import Server
from tests.ui.tab import Tab
from tests.ui.test_stream import VIEWS_LEFT

Seen = Callable[[str], None]
BACKGROUND = "%%chat --bg --keep\ncount to 9000"

_KERNEL = "const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel\n"
# The socket is gone, and JupyterLab connects again: as the same session or as another (to the server, another page).
_CONNECT_AGAIN = f"""another => new Promise(done => {{
  {_KERNEL}
  if (another) kernel._clientId = crypto.randomUUID()
  kernel.connectionStatusChanged.connect((_, status) => status === 'connected' && done())
  kernel._ws.close(4000)
}})"""
_CONNECTED = f"() => {{ {_KERNEL} return kernel.connectionStatus === 'connected' }}"
# The wire loses messages to the views, each with the chance `share`. null repairs the wire. With a share of less than 1
# no view loses more than two in a row: by bad luck it would ask in vain for longer than the test waits.
_LOSE = f"""share => {{
  {_KERNEL}
  const socket = kernel._ws
  const receive = window.streamwidgetReceive ??= socket.onmessage
  window.streamwidgetLost ??= 0
  const inARow = {{}}
  socket.onmessage = share === null ? receive : event => {{
    const text = typeof event.data === 'string' ? event.data : new TextDecoder().decode(event.data)
    const view = /"op": ?"(delta|snapshot|end)"/.test(text) && /"comm_id": ?"([^"]+)"/.exec(text)?.[1]
    const lost = view && Math.random() < share && (share === 1 || (inARow[view] ?? 0) < 2)
    if (view) inARow[view] = lost ? (inARow[view] ?? 0) + 1 : 0
    if (lost) window.streamwidgetLost += 1
    else receive.call(socket, event)
  }}
}}"""
_TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden })
  document.dispatchEvent(new Event('visibilitychange'))
}"""


def stream(page: NotebookPage, index: int = 1) -> None:
    page.run(0)
    page.run(index)
    page.finish(index)
    wait_longer(page, index, 40)


def stop(page: NotebookPage, index: int = 1) -> None:
    page.stop_button(index).click()
    expect(view(page, index)).to_have_attribute("data-outcome", "cancelled")


def counts(text: str) -> bool:
    """Return whether ``text`` is the numbers from 1 on. None is missing, and the last may be cut."""
    whole = "\n".join(map(str, range(1, 9001)))
    return whole.startswith(text.rstrip("\n"))


@pytest.mark.fault("F3", "contiguous again within 2 s")
@pytest.mark.fault("F4", "what was lost between two sessions is there again, from the kernel's whole text")
@only_lab
def test_a_dropped_websocket_leaves_no_gap(open_notebook: OpenNotebook, demo: DemoServer, seen: Seen) -> None:
    """The socket closes. When it is up again the view goes on, and holds every number, as Python does.

    Once the page comes again as the same session, and once as a new one.
    """
    page = open_notebook([LOAD, BACKGROUND, PRINT_TEXT])
    for another in (False, True):
        stream(page)
        if another:  # what the server would hold back for a session that comes again is lost
            page.page.evaluate(_LOSE, 1)
            page.page.wait_for_function("window.streamwidgetLost > 3")
        length = len(live_text(page, 1))
        cut = time.monotonic()
        page.page.evaluate(_CONNECT_AGAIN, another)
        wait_longer(page, 1, length)
        seen(f"on again {time.monotonic() - cut:.1f} s after the drop")
        assert counts(live_text(page, 1))
        stop(page)
        assert live_text(page, 1) == printed_text(page, 2).rstrip()
    assert_no_error_of_ours(page)


# JupyterLab asks a server that does not answer again after 10 to 30 s, and a connection is silent after 10 s. Here the
# page waits for a twentieth of that. JupyterLab also gives up after its seventh try to connect, and a busy machine may
# not have come to the next step of the test by then. Here each try is its third.
_HURRY = f"""() => {{
  const set = window.setTimeout
  window.setTimeout = (act, ms, ...rest) => set(act, ms >= 10000 && ms <= 30000 ? ms / 20 : ms, ...rest)
  {_KERNEL}
  Object.defineProperty(kernel, '_reconnectAttempt', {{ get: () => 2, set: () => {{}} }})
}}"""
LOST = re.compile("connection to the kernel lost, trying again|the server does not answer, trying again")
SILENT = "the server does not answer, trying again"


@pytest.fixture
def gated(server: Server, browser: Browser, demo: DemoServer) -> Iterator[tuple[NotebookPage, Gate]]:
    """A notebook whose page reaches its server through a gate, and the gate."""
    behind = copy.copy(server)
    with Gate(int(server.url.rpartition(":")[2])) as gate:
        behind.url = f"http://127.0.0.1:{gate.port}"
        cells = [LOAD, BACKGROUND, PRINT_TEXT]
        name = behind.write_notebook(cells, env={"STREAMWIDGET_BASE_URL": demo.url})
        tab = Tab(browser)
        page = NotebookPage(behind, tab, name)
        page.page.evaluate(_HURRY)
        yield page, gate
        tab.close()
    server.end_kernels()


def status(page: NotebookPage) -> Locator:
    return view(page, 1).locator(".streamwidget-state")


def dismiss(page: NotebookPage) -> None:
    """Close JupyterLab's own dialogs on the connection, which cover the page, also one below another."""
    page.page.evaluate(
        """() => [...document.querySelectorAll('.jp-Dialog button')]
          .filter(button => button.textContent.includes('Dismiss')).forEach(button => button.click())"""
    )


@pytest.mark.fault("F12", "the page says so and keeps the text. Back again it goes on, and a Stop of that time is sent")
@only_lab
def test_a_server_that_goes_away_and_comes_back(gated: tuple[NotebookPage, Gate], seen: Seen) -> None:
    """Twice: the first time the answer goes on, the second time Stop is pressed meanwhile. Nothing is missing."""
    page, gate = gated
    stream(page)
    gate.shut()
    expect(status(page)).to_have_text(SILENT)
    before = live_text(page, 1)
    assert len(before) > 40
    page.screenshot("connection-lost")
    dismiss(page)
    gate.open()
    wait_longer(page, 1, len(before) + 100)
    assert counts(live_text(page, 1))
    expect(status(page)).to_contain_text("/s")

    page.page.evaluate(f"() => {{ {_KERNEL} kernel._ws.onclose({{ code: 1001 }}) }}")  # the server says good-bye
    expect(status(page)).to_have_text("connection lost: the text so far is kept")
    page.screenshot("connection-given-up")
    before = live_text(page, 1)
    page.page.evaluate(f"() => {{ {_KERNEL} void kernel.reconnect() }}")  # Kernel > Reconnect
    wait_longer(page, 1, len(before) + 100)

    gate.shut()
    expect(status(page)).to_have_text(LOST)
    dismiss(page)
    page.stop_button(1).dispatch_event("click")
    expect(status(page)).to_contain_text("your stop is sent when it is back")
    page.screenshot("connection-stop")
    begun = time.monotonic()
    gate.open()
    expect(view(page, 1)).to_have_attribute("data-outcome", "cancelled")
    seen(f"stopped {time.monotonic() - begun:.1f} s after the server was back")
    page.page.wait_for_function(_CONNECTED)
    dismiss(page)
    assert live_text(page, 1) == printed_text(page, 2).rstrip()
    assert counts(live_text(page, 1))
    assert_no_error_of_ours(page)


@pytest.mark.fault("F12", "for good: the text stays in the page, and is put into the notebook where another server is")
@only_lab
def test_a_server_that_is_gone_for_good(gated: tuple[NotebookPage, Gate], server: Server, demo: DemoServer) -> None:
    """The page does not count on. When a server is there again that has no such kernel, the kernel is gone."""
    page, gate = gated
    stream(page)
    gate.shut()
    expect(status(page)).to_have_text(SILENT)
    text = live_text(page, 1)
    server.end_kernels()
    assert demo.requests[0].left.wait(SOON)
    expect(status(page)).to_have_text(SILENT)
    assert live_text(page, 1) == text
    dismiss(page)
    gate.open()
    wait_static(page, 1, "kernel gone; the answer is cut")
    dismiss(page)
    assert saved_text(page, 1).startswith(text)
    (output,) = page.save().cells[1].outputs
    assert output.data["text/plain"].startswith(text)
    assert "total" not in output.data["text/plain"]
    assert_no_error_of_ours(page)


MANY = """
import asyncio, json, streamwidget as sw
from IPython.display import display
client = sw.ChatClient()
views = [sw.StreamView(client.stream(f"count to {n}", demo={"tokens_per_second": 30})) for n in range(100, 150)]
for view in views:
    display(view)
"""
TEXTS = "print(json.dumps([(await view).text for view in views]))"
STATES = """() => [...document.querySelectorAll('.streamwidget')].map(root =>
  [root.dataset.outcome ?? null, root.querySelector('.streamwidget-status')?.textContent, root.textContent.length])"""
SHOWN = "() => [...document.querySelectorAll('.streamwidget')].map(root => root.dataset.outcome)"


@pytest.mark.fault("F5", "50 answers over a wire that loses a third of all messages: 50 end with the kernel's text")
@only_lab
def test_lost_messages_are_never_a_silent_hole(open_notebook: OpenNotebook, demo: DemoServer, seen: Seen) -> None:
    """Deltas, snapshots and ends get lost at random: each of 50 views ends with the text that Python has."""
    page = open_notebook([MANY, TEXTS])
    page.page.evaluate(_LOSE, 1 / 3)
    page.run_all()
    page.finish(None)
    all_complete = f"({SHOWN})().length === 50 && ({SHOWN})().every(outcome => outcome === 'complete')"
    try:
        page.page.wait_for_function(all_complete)
    except PlaywrightTimeout as late:
        states = page.page.evaluate(STATES)
        raise AssertionError(f"{len(states)} views: {[state for state in states if state[0] != 'complete']}") from late
    lost = page.page.evaluate("window.streamwidgetLost")
    assert lost >= 20  # a slow kernel sends few
    shown = [text.rstrip() for text in page.output(0).locator(".streamwidget-text").all_text_contents()]
    from_python = json.loads("".join(page.save().cells[1].outputs[0].text))
    assert shown == [text.rstrip() for text in from_python]
    seen(f"{len(shown)} of 50, {lost} messages lost")
    assert_no_error_of_ours(page)


@pytest.mark.fault("F6", "two tabs show identical text, and Stop in one stops both")
@only_lab
def test_two_tabs_show_the_same(open_notebook: OpenNotebook, demo: DemoServer, browser: Browser) -> None:
    """A second tab of the notebook finds the views, and ends with the same text.

    The first tab asks the kernel last, and it ran the cell, so it is the first one to have the saved answer.
    """
    page = open_notebook([LOAD, BACKGROUND, PRINT_TEXT, "%%chat --bg\ncount to 9000", VIEWS_LEFT % 1])
    stream(page, 3)
    stream(page)
    page.save()
    other = NotebookPage(page.server, Tab(browser), page.name)
    for index in (1, 3):
        wait_longer(other, index, len(live_text(page, index)))
    stop(other)
    expect(view(page, 1)).to_have_attribute("data-outcome", "cancelled")
    text = printed_text(page, 2).rstrip()
    assert [live_text(tab, 1) for tab in (page, other)] == [text, text]
    page.page.evaluate(_CONNECT_AGAIN, False)  # then the page asks
    page.stop_button(3).click()
    for tab in (page, other):
        wait_static(tab, 3, "stopped by you")
    assert saved_text(page, 3) == saved_text(other, 3)
    page.run(4)
    assert page.printed(4) == "1 views\n"  # the one that is kept
    assert_no_error_of_ours(page)
    assert_no_error_of_ours(other)
    other.tab.close()


@pytest.mark.fault("F8", "nothing is painted while the tab is hidden; shown again, it has the whole text")
@only_lab
def test_a_hidden_tab_catches_up_when_it_is_shown(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """The kernel goes on while the page is hidden, and the DOM stands still. Then one paint brings all of it."""
    longer = "while len(s.completion.text) < length + 200: await asyncio.sleep(0.05)"
    shown = f"import asyncio\nlength = len(s.completion.text)\n{longer}\nprint('longer', length)"
    page = open_notebook([LOAD, "s = %chat --bg --keep count to 9000", shown])
    stream(page)
    page.page.evaluate(_HIDE, True)
    page.page.evaluate(_TWO_FRAMES)  # a frame that was asked for before still comes here, and never in a hidden tab
    before = live_text(page, 1)
    page.run(2)
    page.wait_output(2, "longer")
    assert live_text(page, 1) == before
    page.page.evaluate(_HIDE, False)
    wait_longer(page, 1, len(before) + 150)
    assert counts(live_text(page, 1))
    stop(page)
    assert_no_error_of_ours(page)


@pytest.mark.fault("K5", "the page says that the kernel is gone, and keeps the text")
def test_a_killed_kernel_is_said(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """SIGKILL in mid-stream: "kernel gone", no Stop, and every character that had come, in the saved notebook too."""
    page = open_notebook([f"{LOAD}\nimport os; print(os.getpid())", BACKGROUND])
    stream(page)
    pid = int(page.printed(0))
    shown = live_text(page, 1)
    os.kill(pid, signal.SIGKILL)
    wait_static(page, 1, "kernel gone")
    text = saved_text(page, 1)
    assert text.startswith(shown)
    assert counts(text)
    (output,) = page.save().cells[1].outputs
    assert output.data["text/plain"].startswith(text)
    assert "kernel gone; the answer is cut" in output.data["text/plain"]
    assert demo.requests[0].left.wait(SOON)
    assert_no_error_of_ours(page)


@pytest.mark.fault("K7", "in the page: a deleted cell raises nothing, its stream is there to be stopped in Python")
@only_lab
def test_a_deleted_cell_leaves_its_stream(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """The view goes, also if only the output is cleared. The stream goes on. Cancelled, it keeps the text it had."""
    page = open_notebook([LOAD, "s = %chat --bg -o kept count to 9000", "s.cancel(); await s; print(kept.outcome)", ""])
    for number, command in enumerate(["notebook:clear-cell-output", "notebook:delete-cell"]):
        stream(page)
        page.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1 }")
        page.command(command)
        expect(page.page.locator(".streamwidget")).to_have_count(0)
        assert not demo.requests[number].left.is_set()
        cancel = 1 if command == "notebook:delete-cell" else 2
        page.run(cancel)
        page.finish(cancel)
        page.wait_output(cancel, "cancelled")
    assert_no_error_of_ours(page)
