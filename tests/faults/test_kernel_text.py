"""Text of badly behaved servers, in real kernels: half characters, control characters, a million tokens."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.support.chat_kernels import ChatKernel, View, start_chat_kernel
from tests.support.servers import RawServer, response, sse

pytestmark = pytest.mark.kernel
Seen = Callable[[str], None]

CONTROLS = "".join(map(chr, [*range(9), *range(0x0B, 0x20), 0x7F, *range(0x80, 0xA0)]))
HOSTILE = f"before{CONTROLS}\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J after"
FINISH = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def answer(chat: ChatKernel, *chunks: object) -> str:
    """Run a cell against a server with these deltas. Check the result and return the saved plain text."""
    with RawServer(response(sse(*chunks, FINISH, b"data: [DONE]\n\n"))) as server:
        chat.execute(f"%config ChatMagics.base_url = {server.url!r}")
        try:
            cell = chat.execute("%%chat\nhostile")
        finally:
            chat.execute("%config ChatMagics.base_url = None")
    assert (cell.status, cell.stdout, cell.stderr) == ("ok", "", "")
    assert chat.value("_chat.outcome") == "complete"
    assert chat.view(cell).replay() == chat.value("_chat.text")
    json.dumps(cell.outputs, ensure_ascii=False).encode()  # as the page saves it
    return cell.text


@pytest.mark.fault("D2", "U+FFFD in Python, on the wire and in the saved answer; no exception")
@pytest.mark.parametrize("unit", [0xD83D, 0xDE00], ids=["high", "low"])
def test_half_a_character_becomes_a_replacement(chat: ChatKernel, unit: int) -> None:
    """Alone in the middle, at the end, and before other text. A pair over two deltas is joined."""
    half = chr(unit)
    shown = answer(chat, "a", half, "b", "\ud83d", "\ude00", "c", half)
    assert chat.value("_chat.text") == "a\ufffdb\U0001f600c\ufffd"
    assert shown.startswith("a\ufffdb\U0001f600c\ufffd")
    assert chat.execute("_chat").status == "ok"


@pytest.mark.fault("D3", "in Python as it came, shown as signs in what is saved; the kernel lives")
def test_control_characters_are_shown_as_signs(chat: ChatKernel) -> None:
    """NUL, C0, C1 and terminal sequences: none reaches the saved answer. Its HTML and text show their signs."""
    pieces = [HOSTILE[i : i + 7] for i in range(0, len(HOSTILE), 7)]
    shown = answer(chat, *pieces)
    assert chat.value("_chat.text") == HOSTILE
    assert not set(shown) & set(CONTROLS)
    assert "\u241b[31mred" in shown
    assert "\u2400" in shown
    assert chat.execute("print(repr(_chat)); _chat").status == "ok"
    cell = chat.execute("%chat --last")
    (output,) = cell.outputs
    for text in output["data"].values():
        assert not set(text) & set(CONTROLS)
        assert "\u241b" in text
    assert chat.execute("6 * 7").text == "42"


EVENTS = 1_000_000
TEXT = " tok"


def million(connection: socket.socket) -> None:
    """Send a million deltas of one token, as quickly as they are taken."""
    connection.sendall(response(b""))
    block = sse(*[TEXT] * 1000)
    for _ in range(EVENTS // 1000):
        connection.sendall(block)
    connection.sendall(sse(FINISH, b"data: [DONE]\n\n"))


@pytest.fixture
def latest() -> Iterator[ChatKernel]:
    with start_chat_kernel("latest") as started:
        yield started


CLOCKED = """
import time, streamwidget as sw
stream = sw.ChatClient({url!r}, timeout=sw.Timeout(total=None)).stream("a million tokens")
marks, count = {{}}, 0
def note(events):
    global count
    count += len(events)
    for n in (250_000, 500_000, 1_000_000):
        if count >= n and n not in marks:
            marks[n] = time.thread_time()
start = time.thread_time()
stream.subscribe(note)
view = sw.StreamView(stream)
completion = await view
end = time.thread_time()
model = view.model_id
view.close()
from streamwidget._saved.answer import mimebundle
start_saving = time.thread_time()
saved = mimebundle(completion)
saving = time.thread_time() - start_saving
"""


@pytest.mark.fault("D6", "linear CPU: t(2n) / t(n) at most 2.3; the text is complete in Python and on the wire")
def test_a_million_tokens_cost_linear_time(latest: ChatKernel, seen: Seen) -> None:
    """4 MB in deltas of one token, with a view: CPU time of the kernel's main thread after a quarter, a half, all."""
    ratios: list[tuple[float, float]] = []
    with RawServer(million) as server:
        for _ in range(3):  # a machine that becomes busy in mid-answer makes its end dear: the best of three counts
            cell = latest.execute(CLOCKED.format(url=server.url), timeout=240)
            assert (cell.status, cell.traceback) == ("ok", [])
            quarter, half, whole = latest.value("[marks[n] - start for n in (250_000, 500_000, 1_000_000)]")
            ratios.append((max(whole / half, half / quarter), latest.value("end - marks[1_000_000] + saving") / whole))
            if ratios[-1][0] <= 2.3 and ratios[-1][1] < 1:
                break
    seen(f"{half:.1f} s of CPU for half a million, {whole:.1f} s for a million: {whole / half:.2f} times")
    assert latest.value(f"completion.text == {TEXT!r} * {EVENTS}") is True
    assert latest.value("[completion.outcome, completion.timing.deltas]") == ["complete", EVENTS]
    view = View(latest, latest.value("model"))
    assert view.replay() == TEXT * EVENTS
    assert view.messages[-1]["op"] == "end"
    growth, ending = (min(values) for values in zip(*ratios, strict=True))
    assert growth <= 2.3
    assert ending < 1
