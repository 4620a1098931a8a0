"""A class that streams at once: a real JupyterHub, LiteLLM's proxy and the guide that says how to start them.

``make scale`` runs it, with ``USERS`` people. Each text is compared with what the model sent. Times and memory are
printed.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

import streamwidget as sw
from streamwidget.demo import DemoServer
from tests.scale.school import Desk, School, school_of
from tests.support import aimock, local_model
from tests.support.deadlines import START, until_async

PEOPLE = [f"person{number}" for number in range(1, int(os.environ.get("USERS", "30")) + 1)]
SYSTEM = "You are a tutor. Ask a question back before you give a solution."
GUEST = "guest"
SPENT = "The quota or budget is used up. Waiting does not help. Ask whoever gave you the key"
ANSWER = 100  # numbers, each with a line break of its own token
#: What stands behind the gateway beside the guide's model: one with a known price, and one with a price of our own.
MODELS = f"""\
  - model_name: priced
    litellm_params: {{model: openai/gpt-5-mini, api_base: "%s/v1", api_key: {aimock.KEY}}}
  - model_name: own
    litellm_params:
      model: openai/{local_model.NAME}
      api_base: "%s/v1"
      api_key: {local_model.KEY}
      input_cost_per_token: 0.001
      output_cost_per_token: 0.001
"""
RATE = 10  # tokens a second for each person. 30 people at 30 tokens are too many for 2 shared cores
MB = 1e6

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def model() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=RATE, first_delta=0.1) as server:
        yield server


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory, model: DemoServer) -> Iterator[School]:
    variables = {"MODEL_URL": model.url, "MODEL_KEY": "sk-of-the-provider-0123456789", "MODEL_NAME": "openai/demo"}
    with school_of(tmp_path_factory.mktemp("school"), PEOPLE, GUEST, variables) as started:
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


def used(process: psutil.Process) -> float:
    """Return the processor time of a process so far, in seconds."""
    return float(sum(process.cpu_times()[:2]))


def numbers(count: int) -> str:
    """Return what the model sends for ``count to N``."""
    return "\n".join(map(str, range(1, count + 1)))


async def all_of(desks: list[Desk], prompt: str) -> None:
    """Let everybody ask at once, and wait until each has text."""
    await asyncio.gather(*(desk.ask(prompt) for desk in desks))
    waiting = lambda: {desk.name: desk.view for desk in desks if len(desk.view.text) <= 30}  # noqa: E731
    await until_async(lambda: not any(view.outcome is None for view in waiting().values()), "everybody has text", START)
    assert {name: (view.outcome, view.text) for name, view in waiting().items()} == {}


async def check_whole(desks: list[Desk], count: int) -> None:
    """Read all answers to their ends. Each is whole, to the character."""
    texts = await asyncio.gather(*(desk.read() for desk in desks))
    lost = {desk.name: (desk.view.outcome, text[-20:]) for desk, text in zip(desks, texts, strict=True)}
    assert {name: end for name, end in lost.items() if end != ("complete", numbers(count)[-20:])} == {}
    assert texts == [numbers(count)] * len(desks)


def asked(model: DemoServer) -> list[Any]:
    """Return the prompts that reached the model. LiteLLM also asks for its list of models."""
    return [record for record in model.requests if record.method == "POST"]


async def test_everybody_streams_at_once(school: School, desks: list[Desk], model: DemoServer) -> None:
    """Nothing is lost. Each question reaches the model with the lecturer's prompt, through each person's own key."""
    before = [used(process) for process in (school.gateway_process, *(desk.kernel for desk in desks))]
    model.reset()
    await all_of(desks, f"count to {ANSWER}")
    first = await asyncio.gather(*(desk.first_text() for desk in desks))
    await check_whole(desks, ANSWER)
    assert len(asked(model)) == len(desks)
    for record in asked(model):
        assert record.body["messages"][0] == {"role": "system", "content": SYSTEM}
    after = [used(process) for process in (school.gateway_process, *(desk.kernel for desk in desks))]
    gateway, *kernels = [end - start for start, end in zip(before, after, strict=True)]
    servers = [psutil.Process(desk.kernel.ppid()) for desk in desks]
    figure("people", f"{len(desks)}, with {RATE} tokens a second each")
    figure("texts that lost a token", f"0 of {len(desks)}")
    figure("first text", spread(first))
    figure(f"processor time of a kernel for {2 * ANSWER} tokens", f"{statistics.mean(kernels):.2f} s")
    figure(f"processor time of LiteLLM for {2 * ANSWER} tokens", f"{gateway / len(desks):.2f} s")
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
    first = await asyncio.gather(*(desk.first_text() for desk in desks))
    seconds = await asyncio.gather(*(desk.stop() for desk in desks))
    texts = await asyncio.gather(*(desk.read() for desk in desks))
    assert [desk.view.outcome for desk in desks] == ["cancelled"] * len(desks)
    assert all(numbers(3000).startswith(text) for text in texts)
    await until_async(lambda: all(record.left.is_set() for record in asked(model)), "the model is left", START)
    figure("first text, the second time", spread(first))
    figure("Stop, at the page", spread(seconds))
    figure("Stops that reached the model", f"{len(asked(model))} of {len(desks)}")


async def test_a_restarted_proxy(school: School, desks: list[Desk]) -> None:
    """The hub's proxy ends in mid-stream. Everybody comes back, and nothing is missing."""
    loop = asyncio.get_running_loop()
    await all_of(desks, f"count to {3 * ANSWER}")
    await asyncio.to_thread(school.stop_proxy.close)
    await asyncio.gather(*(desk.page.closed() for desk in desks))
    cut = [desk for desk in desks if desk.view.outcome is None]
    assert cut != []
    school.stop_proxy.enter_context(school.proxy())
    at = loop.time()
    await asyncio.gather(*(desk.come_back() for desk in desks))
    figure("everybody back after a restart of the hub's proxy", f"{loop.time() - at:.1f} s")
    await check_whole(desks, 3 * ANSWER)
    figure("answers whole after that restart", f"{len(desks)} of {len(desks)}, {len(cut)} of them in mid-stream")


async def test_a_restarted_hub(school: School, desks: list[Desk]) -> None:
    """Nobody notices: the pages keep their connections, and nothing is missing."""
    await all_of(desks, f"count to {3 * ANSWER}")
    pages = [desk.page for desk in desks]
    await asyncio.to_thread(school.stop_hub.close)
    await asyncio.to_thread(school.stop_hub.enter_context, school.hub())
    await check_whole(desks, 3 * ANSWER)
    assert [desk.page for desk in desks] == pages
    figure("answers that a restart of the hub cut", f"0 of {len(desks)}")


async def test_a_killed_kernel(desks: list[Desk]) -> None:
    """One kernel is killed in mid-stream. The answers of all others come whole."""
    await all_of(desks, f"count to {2 * ANSWER}")
    first, *others = desks
    first.kernel.kill()
    await check_whole(others, 2 * ANSWER)
    await first.look_away()
    figure("answers that a killed kernel of another person cut", f"0 of {len(others)}")


async def read(desk: Desk, words: str, line: str = "") -> None:
    """Ask in a cell, and find these words under it."""
    said = await desk.printed(f"%%chat --once {line}\ncount to 3")
    assert words in said
    figure("a cell says", words)


async def test_limits(school: School, desks: list[Desk], model: DemoServer) -> None:
    """Too many requests in a minute wait, and a used up budget is refused. Neither reaches the model."""
    desk = desks[-1]
    school.limit(desk.name, rpm_limit=0)
    model.reset()
    await desk.ask("count to 3")
    waits = lambda: [said for said in desk.page.said(desk.view.model) if said.get("phase") == "retrying"]  # noqa: E731
    await until_async(waits, "the cell waits", START)
    assert "Rate limit" in waits()[0]["detail"]
    figure("a cell waits and says", waits()[0]["detail"])
    await desk.stop()
    await desk.read()
    assert desk.view.outcome == "cancelled"
    school.limit(desk.name, rpm_limit=1000, max_budget=0)
    await read(desk, SPENT)
    assert asked(model) == []
    school.limit(desk.name, max_budget=2)


async def test_keys(school: School, desks: list[Desk], model: DemoServer) -> None:
    """A wrong key, a person who was removed, no key, a key that is typed, and one key for all."""
    desk, guest = desks[-1], Desk(school, GUEST)
    await desk.page.execute("os.environ['COURSE_KEY'] = 'sk-of-nobody-0123456789'")
    await read(desk, "This key is not on the class list")
    await desk.page.execute(f"os.environ['COURSE_KEY'] = {school.key(desk.name)!r}")
    with school.without(desk.name):
        await read(desk, "This key is not on the class list")
    await guest.sit_down()
    await read(guest, "COURSE_KEY is not set")
    await guest.type_in(school.guide.code("getpass"), school.key(desk.name))
    model.reset()
    assert (await guest.page.execute('%chat --once --system "Be brief." count to 3', "_chat.text")) == [numbers(3)]
    assert asked(model)[0].body["messages"][0]["content"] == "Be brief."
    await guest.page.drop()
    await asyncio.to_thread(school.give_one_key_to_all, GUEST)
    await guest.sit_down()
    assert (await guest.page.execute("%chat --once count to 3", "_chat.text")) == [numbers(3)]
    assert (await guest.page.execute("", "os.environ['COURSE_KEY']")) == [school.key("everybody")]
    await guest.page.drop()


async def test_real_models(school: School, desks: list[Desk], tmp_path: Path) -> None:
    """llama.cpp and a server of other authors are behind the gateway. Costs are counted, until they are too much."""
    desk = desks[-1]
    costs = school.costs(desk.name)
    assert set(costs.read_text().split()) == {"0"}  # the demo server has no price
    fixtures = [{"match": {"userMessage": "entropy"}, "response": {"content": "What do **you** think it is?"}}]
    prompt = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "What is entropy?"}]
    with aimock.start_aimock(fixtures, tmp_path) as mock, local_model.llamacpp_server() as llama:
        await asyncio.to_thread(school.stop_gateway.close)
        school.add_models(MODELS % (mock, llama))
        await asyncio.to_thread(school.stop_gateway.enter_context, school.gateway())
        straight = sw.ChatClient(f"{llama}/v1", api_key=local_model.KEY)
        answer = await straight.stream(prompt, local_model.NAME, temperature=0, max_tokens=8)
        assert answer.text
        for line, text in (("-m priced", "What do **you** think it is?"), ("-m own -t 0 --max-tokens 8", answer.text)):
            costs.unlink()
            assert (await desk.page.execute(f"%chat --once {line} What is entropy?", "_chat.text")) == [text]
            await until_async(lambda: costs.exists() and costs.read_text(), "the answer is counted", START)
            assert float(costs.read_text()) > 0
            figure(f"what {line} costs for {text!r}", f"${float(costs.read_text()):.6f}")
        school.limit(desk.name, max_budget=0.001)
        await read(desk, SPENT, "-m own")
        costs.unlink()
        await desk.page.execute("%chat --once count to 3")
        school.limit(desk.name, max_budget=2)


async def test_the_doctor(school: School, desks: list[Desk]) -> None:
    """The way through the gateway is healthy, and it joins nothing. The key is not in the table."""
    said = await desks[-1].printed("%chat --doctor")
    for hop in ("settings", "environment", "DNS", "TCP", "models", "stream", "demo", "kernel"):
        assert re.search(rf"✓ ok +{hop} ", said), hop
    assert school.key(desks[-1].name) not in said
    figure("the doctor says", re.findall(r"streams: [^(]*", said)[0])


async def test_a_day_without_a_network(school: School, desks: list[Desk]) -> None:
    """The gateway is down, and the model on the machine answers. Then it answers the whole class."""
    desk, mark = desks[-1], "SmolLM2 135M, on this machine"
    await asyncio.to_thread(school.stop_gateway.close)
    await read(desk, "Is the server running?")
    await read(desk, mark, "-p local --max-tokens 8")
    (llama,) = [child for child in desk.kernel.children() if child.cmdline()[-1].endswith("llamacpp.py")]
    figure("memory of that model", f"{llama.memory_full_info().uss / MB:.0f} MB for a kernel")
    await desk.page.drop()
    school.go_offline()
    await desk.sit_down()
    await read(desk, mark, "--max-tokens 8")
