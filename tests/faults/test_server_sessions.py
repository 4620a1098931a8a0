"""Between kernel and page: a real jupyter_server. Its websocket drops, and it drops messages itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from streamwidget.demo import DemoServer
from tests.faults.sessions import Follower, Session, jupyter_server, start_kernel, view_of
from tests.support.deadlines import until_async as until

pytestmark = pytest.mark.kernel
Seen = Callable[[str], None]


@pytest.fixture(scope="module")
def demo_server() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=150, first_delta=0.01) as server:
        yield server


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, demo_server: DemoServer) -> Iterator[int]:
    with jupyter_server(tmp_path_factory.mktemp("server"), {"STREAMWIDGET_BASE_URL": demo_server.url}) as port:
        yield port


@pytest.fixture
async def first(port: int) -> AsyncIterator[tuple[Session, str]]:
    """A page in a kernel of its own, with the extension loaded, and the kernel's id."""
    kernel = await start_kernel(port)
    page = await Session.open(port, kernel)
    await page.execute("%load_ext streamwidget")
    yield page, kernel
    await page.drop()


@pytest.mark.fault("F4", "a page with a new session has the whole text at the end, and what was said meanwhile")
@pytest.mark.parametrize("awaited", [False, True], ids=["background", "awaited"])
async def test_a_new_session_resumes_in_mid_stream(
    port: int, first: tuple[Session, str], demo_server: DemoServer, awaited: bool, seen: Seen
) -> None:
    """The first page is gone without a word. A page of another session asks for the states and follows to the end."""
    page, kernel = first
    cell = await page.send_cell(f"%%chat {'' if awaited else '--bg'}\ncount to 250")
    model = await view_of(page, cell)
    await page.say(model, {"op": "sync", "page": page.session})
    await until(lambda: len(page.said(model)) >= 5)
    record = demo_server.requests[-1]
    await page.drop()
    sent = record.deltas_sent
    await until(lambda: record.deltas_sent >= sent + 100)
    assert record.ended is None
    other = await Session.open(port, kernel)
    try:
        follower = Follower(other, model, (await other.states())[model]["state"])
        started_with = len(follower.text)
        text = await follower.follow()
        (kept,) = await other.execute("", "[_chat.text, _chat.outcome]")
    finally:
        await other.drop()
    assert [text, follower.outcome] == kept
    assert kept == ["\n".join(str(number) for number in range(1, 251)), "complete"]
    assert record.client_left is None
    seen(f"resumed with {started_with} of {len(text)} characters, ended with all")


FLOOD = """
import asyncio, sys
while not {until}:
    for _ in range(50):
        print("x", flush=True)
    await asyncio.sleep(0)
"""


@pytest.mark.fault("F5", "messages that jupyter_server dropped are noticed and made up for: never a silent hole")
@pytest.mark.parametrize("end_too", [False, True], ids=["in the middle", "and the end"])
async def test_prints_that_hit_the_iopub_limit_lose_no_text(
    first: tuple[Session, str], end_too: bool, seen: Seen
) -> None:
    """The person's own cell prints too much: the server drops the view's messages, and the page gets all by asking."""
    page, _ = first
    cell = await page.send_cell("s = %chat --bg count to 250")
    model = await view_of(page, cell)
    followed = asyncio.create_task((follower := Follower(page, model)).follow())
    await until(lambda: len(page.said(model)) >= 3)
    until_when = "s.over" if end_too else "s.completion.timing.deltas > 300"
    await page.execute(FLOOD.format(until=until_when))
    text = await followed
    (kept,) = await page.execute("await s", "[s.completion.text, s.completion.outcome]")
    assert [text, follower.outcome] == kept
    lost = set(range(1, follower.seq + 1)) - {message["seq"] for message in page.said(model)}
    assert lost  # the limit was hit, and took something of the answer
    seen(f"{len(lost)} of {follower.seq} messages lost, {len(text)} of {len(kept[0])} characters shown")
