"""A class that streams at once: a real JupyterHub, LiteLLM's proxy and the guide that says how to start them.

``make scale`` runs it, with ``USERS`` people. Each text is compared with what the model sent. Times and memory are
printed.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import AsyncIterator, Iterator

import psutil
import pytest
import pytest_asyncio

from streamwidget.demo import DemoServer
from tests.faults.sessions import until
from tests.scale.school import Desk, School, school_of

PEOPLE = [f"person{number}" for number in range(1, int(os.environ.get("USERS", "30")) + 1)]
SYSTEM = "You are a tutor. Ask a question back before you give a solution."
GUEST = "guest"
MB = 1e6

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def model() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=30, first_delta=0.1) as server:
        yield server


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory, model: DemoServer) -> Iterator[School]:
    with school_of(tmp_path_factory.mktemp("school"), PEOPLE, [GUEST], model) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desks(school: School) -> AsyncIterator[list[Desk]]:
    everybody = [Desk(school, name) for name in PEOPLE]
    for desk in everybody:  # a kernel after the other, as people do not come in the same second
        await desk.sit_down()
    yield everybody
    for desk in everybody:
        await desk.page.drop()


def figure(name: str, value: str) -> None:
    """Print a row of the table."""
    print(f"| {name} | {value} |")


def spread(seconds: list[float]) -> str:
    """Return the median and the 95th percentile."""
    ordered = sorted(seconds)
    return f"p50 {statistics.median(ordered):.2f} s, p95 {ordered[round(0.95 * (len(ordered) - 1))]:.2f} s"


def numbers(count: int) -> str:
    """Return what the model sends for ``count to N``."""
    return "\n".join(map(str, range(1, count + 1)))


async def all_of(desks: list[Desk], prompt: str) -> None:
    """Let everybody ask at once."""
    await asyncio.gather(*(desk.ask(prompt) for desk in desks))


async def test_everybody_streams_at_once(desks: list[Desk], model: DemoServer) -> None:
    """Nothing is lost. Each question reaches the model with the lecturer's prompt, through each person's own key."""
    before = [sum(desk.kernel.cpu_times()[:2]) for desk in desks]
    model.reset()
    await all_of(desks, "count to 200")
    first = await asyncio.gather(*(desk.first_text() for desk in desks))
    texts = await asyncio.gather(*(desk.read() for desk in desks))
    assert texts == [numbers(200)] * len(desks)
    assert len(model.requests) == len(desks)
    for record in model.requests:
        assert record.body["messages"][0] == {"role": "system", "content": SYSTEM}
    used = [sum(desk.kernel.cpu_times()[:2]) - start for desk, start in zip(desks, before, strict=True)]
    servers = [psutil.Process(desk.kernel.ppid()) for desk in desks]
    figure("people", str(len(desks)))
    figure("texts with a token lost", "0")
    figure("first text", spread(first))
    figure("processor time of a kernel for 200 tokens", f"{statistics.mean(used):.2f} s")
    for name, processes in (("server", servers), ("kernel", [desk.kernel for desk in desks])):
        memory = statistics.mean(process.memory_full_info().uss for process in processes) / MB
        figure(f"memory of a {name}", f"{memory:.0f} MB")


async def test_a_key_is_readable_by_the_same_unix_user(school: School, desks: list[Desk]) -> None:
    """Each person has the key of their own. With the spawner of the guide any other person can read it, as it says."""
    for desk, other in zip(desks, [*desks[1:], desks[0]], strict=True):
        theirs = f"open('/proc/{other.kernel.pid}/environ').read()"
        seen = await desk.page.execute("", "os.environ['COURSE_KEY']", f"{school.key(other.name)!r} in {theirs}")
        assert seen == [school.key(desk.name), True]


async def test_everybody_stops(desks: list[Desk], model: DemoServer) -> None:
    """The text so far is kept. The gateway passes each Stop on: the model's connection is closed."""
    model.reset()
    await all_of(desks, "count to 3000")
    await until(lambda: all(len(desk.view.text) > 30 for desk in desks))
    seconds = await asyncio.gather(*(desk.stop() for desk in desks))
    texts = await asyncio.gather(*(desk.read() for desk in desks))
    assert [desk.view.outcome for desk in desks] == ["cancelled"] * len(desks)
    assert all(numbers(3000).startswith(text) for text in texts)
    await until(lambda: all(record.left.is_set() for record in model.requests))
    figure("Stop, at the page", spread(seconds))
    figure("Stops that reached the model", f"{len(model.requests)} of {len(desks)}")


async def test_a_restarted_proxy(school: School, desks: list[Desk]) -> None:
    """The hub's proxy ends in mid-stream. Everybody comes back, and nothing is missing."""
    loop = asyncio.get_running_loop()
    await all_of(desks, "count to 600")
    await until(lambda: all(len(desk.view.text) > 30 for desk in desks))
    await asyncio.to_thread(school.stop_proxy.close)
    await asyncio.gather(*(desk.page.closed() for desk in desks))
    school.stop_proxy.enter_context(school.proxy())
    at = loop.time()
    await asyncio.gather(*(desk.come_back() for desk in desks))
    figure("everybody back after a restart of the hub's proxy", f"{loop.time() - at:.1f} s")
    assert await asyncio.gather(*(desk.read() for desk in desks)) == [numbers(600)] * len(desks)


async def test_a_restarted_hub(school: School, desks: list[Desk]) -> None:
    """Nobody notices: the pages keep their connections, and nothing is missing."""
    await all_of(desks, "count to 600")
    await until(lambda: all(len(desk.view.text) > 30 for desk in desks))
    pages = [desk.page for desk in desks]
    await asyncio.to_thread(school.stop_hub.close)
    await asyncio.to_thread(school.stop_hub.enter_context, school.hub())
    assert await asyncio.gather(*(desk.read() for desk in desks)) == [numbers(600)] * len(desks)
    assert [desk.page for desk in desks] == pages
    figure("answers that a restart of the hub cut", "0")


async def test_a_killed_kernel(desks: list[Desk]) -> None:
    """One kernel is killed in mid-stream. The answers of all others come whole."""
    await all_of(desks, "count to 300")
    await until(lambda: all(len(desk.view.text) > 30 for desk in desks))
    first, *others = desks
    first.kernel.kill()
    assert await asyncio.gather(*(desk.read() for desk in others)) == [numbers(300)] * len(others)
    await first.look_away()
    figure("answers that a killed kernel of another person cut", "0")


async def test_what_a_student_reads(school: School, desks: list[Desk]) -> None:
    """A limit, wrong and missing keys, and a gateway that is down. The model on the machine answers then."""
    desk, guest = desks[-1], Desk(school, GUEST)
    await guest.sit_down()

    async def read(who: Desk, words: str, line: str = "") -> None:
        said = await who.printed(f"%%chat --once {line}\ncount to 3")
        assert words in said
        figure("a cell says", words)

    school.limit(desk.name, 0)
    await desk.ask("count to 3")
    waits = await desk.page.wait(lambda m: m["content"].get("data", {}).get("content", {}).get("phase") == "retrying")
    assert "Rate limit" in waits["content"]["data"]["content"]["detail"]
    figure("a cell waits and says", waits["content"]["data"]["content"]["detail"])
    await desk.stop()
    await desk.read()
    assert desk.view.outcome == "cancelled"
    school.limit(desk.name, 1000)
    await desk.page.execute("os.environ['COURSE_KEY'] = 'sk-of-nobody-0123456789'")
    await read(desk, "This key is not on the class list")
    await read(guest, "COURSE_KEY is not set")
    await guest.page.execute(f"os.environ['COURSE_KEY'] = {school.key(PEOPLE[0])!r}")
    assert (await guest.page.execute("%chat --once count to 3", "_chat.text")) == [numbers(3)]
    await asyncio.to_thread(school.stop_gateway.close)
    await read(guest, "Is the server running?")
    await read(guest, "SmolLM2 135M, on this machine", "-p local --max-tokens 8")
