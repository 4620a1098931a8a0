"""``sw.batch``: rows, templates, failures, waits, budgets, stops and the file, against a server in this process."""

from __future__ import annotations

import asyncio
import itertools
import json
import pickle
import re
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

import streamwidget as sw
from streamwidget._client.spending import SPENDING, Budget
from streamwidget._core import subscribers
from streamwidget._many.batch import Batch
from tests.many.server import Server
from tests.support.servers import CANARY, QUICK
from tests.test_import import modules_after

TEXTS = ["a", "b", "c", "d", "e", "f"]


async def ask(rows: Any, server: Server, prompt: Any = "{{text}}", **more: Any) -> Any:
    return await sw.batch(rows, prompt, client=server.client, **more)


async def test_each_row_has_its_answer_in_its_place() -> None:
    """Whatever the order in which they end. Not more run at once than allowed, and the source is read as they go."""
    server, read = Server(), 0
    server.pause = 0.01

    def texts() -> Iterator[str]:
        nonlocal read
        for number in range(40):
            assert read - len(server.asked) <= 5  # those that run, and one that waits for room
            read += 1
            yield f"row {number}"

    rows = await ask(texts(), server, concurrency=4)
    assert [(row.id, row.value) for row in rows] == [(number, f"ROW {number}") for number in range(40)]
    assert {(row.outcome, row.error) for row in rows} == {("complete", None)}
    assert (server.most, len(server.asked)) == (4, 40)
    assert pickle.loads(pickle.dumps(rows)) == rows


@pytest.mark.parametrize(
    ("row", "prompt", "sent"),
    [
        ("a", "Say {{text}}.", "Say a."),
        (3, "Say {{text + 1}}.", "Say 4."),
        ({"name": "Elbe", "km": 1094}, "{{name.upper()}}: {{km}}", "ELBE: 1094"),
        ({"full name": "Elbe"}, '{{row["full name"]}}', "Elbe"),
        ({"text": "{{row}}"}, "{{text}}", "{{row}}"),
        ("a", lambda row: [{"role": "system", "content": "Be brief."}, {"role": "user", "content": row * 2}], "aa"),
    ],
)
async def test_a_prompt_is_made_of_a_row(row: Any, prompt: Any, sent: str) -> None:
    """By its columns, by an expression, by the whole row, or by a function."""
    server = Server()
    await ask([row], server, prompt)
    assert server.asked == [sent]


@pytest.mark.parametrize(
    ("rows", "prompt", "more", "said"),
    [
        (["a"], "Say it", {}, "names no column"),
        ([{"name": "Elbe"}], "{{nam}}", {}, "There is no 'nam' in the row. The columns: name"),
        ("text", "{{text}}", {}, "rows are a DataFrame"),
        ({"a": 1}, "{{text}}", {}, "rows are a DataFrame"),
        (["a"], 3, {}, "prompt is a text"),
        (["a"], "{{text}}", {"concurrency": 0}, "concurrency"),
        (["a"], "{{text}}", {"as_": len}, "function"),
        ([""], "{{text}}", {}, "prompt is empty"),
        ([{"a": 1}] * 20 + [{"b": 1}], "{{b}}", {}, "There is no 'b' in the row"),
        ([None], "{{text}}", {}, "'text' has no value in this row"),
        (["a"], "{{text}}", {"file": 3}, "file= is the path of a file, not 3"),
    ],
)
async def test_a_mistake_is_found_before_anything_is_sent(
    rows: Any, prompt: Any, more: dict[str, Any], said: str
) -> None:
    """In the arguments, or in the first rows."""
    server = Server()
    with pytest.raises(sw.ConfigurationError, match=re.escape(said)):
        await ask(rows, server, prompt, **more)
    assert server.asked == []


async def test_a_function_is_not_a_client() -> None:
    """The sentence says what to pass. The first name of a person's mistake is not an attribute of ours."""
    with pytest.raises(sw.ConfigurationError, match="client= is a ChatClient, not function"):
        await sw.batch(["a"], "{{text}}", client=lambda _messages: "a")  # type: ignore[arg-type]


async def test_a_row_without_a_value_is_not_asked() -> None:
    """Wherever it stands, also as the first one. An expression may take something else in its place."""
    server, missing = Server(), [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT]
    cells = [{"name": name} for name in (*missing, "", 0, "Elbe")]
    rows = await ask(cells, server, "Say {{name}}")
    assert sorted(server.asked) == ["Say ", "Say 0", "Say Elbe"]
    assert [row.outcome for row in rows] == [None] * len(missing) + ["complete"] * 3
    assert str(rows[0].error).startswith("not asked: 'name' has no value in this row. To ask it all the same, fill it")
    await ask(cells[:1], server, "{{name or 'unknown'}}")
    assert server.asked[-1] == "unknown"


async def test_a_row_that_fails_keeps_its_error() -> None:
    """The server refuses it, it cannot be written, or its function raises. The others are answered."""
    server = Server(lambda prompt, times: (400, f"No {prompt}.") if prompt == "b" else prompt)
    made = {"e": lambda: 1 / 0, "f": lambda: ""}
    rows = await ask(TEXTS, server, lambda text: made[text]() if text in made else text)
    assert [row.outcome for row in rows] == ["complete", "http_error", "complete", "complete", None, None]
    assert [row.value for row in rows] == ["a", None, "c", "d", None, None]
    assert rows[1].error == "no answer: No b"
    assert rows[4].error == "not asked: The prompt's callable raised ZeroDivisionError: division by zero"
    assert "empty" in rows[5].error


async def test_values_are_checked_and_asked_for_again() -> None:
    """An invalid one is the row's error. ``retries`` asks again with what is wrong."""
    answers = iter(['{"name": "Elbe", "km": 1094}', '{"name": "Oder"}', '{"name": "Oder", "km": 840}'])
    server = Server(lambda _prompt, _times: next(answers))

    @dataclass
    class River:
        name: str
        km: int

    rows = await ask(["Elbe"], server, as_=River)
    assert rows[0].value == River("Elbe", 1094)
    rows = await ask(["Oder"], server, as_=River)
    assert (rows[0].value, rows[0].outcome) == (None, "complete")
    assert "km" in rows[0].error
    assert rows[0].text == '{"name": "Oder"}'


async def test_a_wait_of_one_row_is_heard_by_all() -> None:
    """Only those that had left are refused. The others wait too, and every row is answered."""
    begun = 0.0

    def reply(prompt: str, times: int) -> Any:
        nonlocal begun
        begun = begun or time.monotonic()
        return prompt if time.monotonic() - begun > 0.4 else (429, "Slow down.", {"retry-after": "0.5"})

    server = Server(reply)
    rows = await ask([f"{number}" for number in range(60)], server, concurrency=6)
    assert {row.outcome for row in rows} == {"complete"}
    assert len(server.asked) <= 66


async def test_a_server_that_takes_few_at_once_answers_all_rows() -> None:
    """It refuses what is too much, without a word on how long to wait. No row fails, because others are answered."""
    server = Server()

    async def reply(prompt: str, _times: int) -> Any:
        if server.running > 3:
            return 429, "Too many requests."
        await asyncio.sleep(0.001)
        return prompt

    server._reply = reply
    rows = await ask([f"{number}" for number in range(40)], server, concurrency=20)
    assert {row.outcome for row in rows} == {"complete"}


async def test_a_busy_server_is_asked_again_as_often_as_the_policy_says() -> None:
    """A row that is never answered fails, after three attempts."""
    server = Server(lambda prompt, times: prompt if prompt == "a" and times == 2 else (503, "Busy."))
    rows = await ask(["a", "b"], server)
    assert [row.outcome for row in rows] == ["complete", "http_error"]
    assert sorted(server.asked) == ["a", "a", "b", "b", "b"]
    refusing = Server(lambda _prompt, _times: (429, "Slow down.", {"retry-after": "0.01"}))
    rows = await ask(TEXTS, refusing, concurrency=1)
    assert {row.outcome for row in rows} == {"http_error"}
    assert "Slow down" in rows[0].error


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, "Wrong key."), "Wrong key."),
        ((429, "You exceeded your current quota, please check your plan."), "quota"),
        ((429, "Slow down.", {"retry-after": "3600"}), "3,600 s"),
    ],
)
async def test_what_refuses_every_row_ends_the_asking(answer: Any, said: str) -> None:
    """10,000 rows must not meet the same wall one by one. The rows that were not asked say why."""
    server = Server(lambda _prompt, _times: answer)
    rows = await ask(TEXTS, server, concurrency=2)
    assert len(server.asked) <= 3
    assert [row.outcome for row in rows[3:]] == [None] * 3
    assert all(row.error.startswith("not asked: ") and said in row.error for row in rows[3:])


@pytest.mark.fault("B1", "after ten failures of a kind in a row no more rows are asked; the next run asks the rest")
@pytest.mark.parametrize("down", [httpx.ConnectError("refused"), (503, "Busy."), (400, "Unknown field: temprature")])
async def test_a_server_that_is_down_ends_the_asking(down: Any, tmp_path: Path, seen: Callable[[str], None]) -> None:
    """After ten rows of the same failure. What was answered is kept, and the next run asks the rest."""
    is_down = False

    def reply(prompt: str, _times: int) -> Any:
        if isinstance(down, Exception) and is_down:
            raise down
        return down if is_down else prompt

    server, texts, path = Server(reply), [f"{number}" for number in range(500)], tmp_path / "rows.jsonl"
    if isinstance(down, Exception) or down[0] == 503:
        await ask(texts[:30], server, file=path)
    answered, is_down = len(server.asked), True
    rows = await ask(texts, server, file=path, concurrency=5)
    assert len(server.asked) - answered <= (10 + 5) * QUICK.attempts
    assert [row.outcome for row in rows[:answered]] == ["complete"] * answered
    assert rows[-1].outcome is None
    assert rows[-1].error.startswith("not asked: 10 rows in a row have failed in the same way. ")
    seen(f"{len(server.asked) - answered} requests of 500 rows, {rows[-1].error}")
    is_down = False
    server.asked.clear()
    rows = await ask(texts, server, file=path, concurrency=20)
    assert {row.outcome for row in rows} == {"complete"}
    assert len(server.asked) == len(texts) - answered


@pytest.mark.fault("B2", "the row keeps its error, all others are answered")
async def test_bad_rows_do_not_end_the_asking(seen: Callable[[str], None]) -> None:
    """Many in a row: after one answer, what the server cannot read is the row's own."""
    server = Server(lambda prompt, _times: (400, "Refused.") if prompt.startswith("bad") else prompt)
    rows = await ask(["a", *(f"bad {number}" for number in range(20)), "b"], server, concurrency=1)
    assert [row.outcome for row in rows] == ["complete", *["http_error"] * 20, "complete"]
    seen(f"{sum(row.is_good for row in rows)} of {len(rows)} complete, {rows[1].error}")


async def test_rows_may_come_one_by_one() -> None:
    """An asynchronous iterable is read as far as there is room, and a row is asked as soon as it comes."""
    server, read = Server(), 0

    async def texts() -> AsyncIterator[dict[str, Any]]:
        nonlocal read
        for number in range(20):
            await server.until_asked(max(0, number - 3))
            assert read - len(server.asked) <= 4  # those that run, and one that waits for room
            read += 1
            yield {"id": f"row {number}", "text": f"{number}"}

    rows = await ask(texts(), server, concurrency=2, id_="id")
    assert [(row.id, row.value) for row in rows] == [(f"row {number}", f"{number}") for number in range(20)]
    assert await ask(aiter_of([]), Server()) == []
    with pytest.raises(sw.ConfigurationError, match="nowhere"):
        await ask(aiter_of([{"text": "a"}]), Server(), "{{nowhere}}")


async def test_a_stream_of_rows_is_closed_with_the_batch() -> None:
    """Also while it waits for its next row, which may never come. What it raises ends the batch."""
    server, closed = Server(), False

    async def endless() -> AsyncIterator[str]:
        nonlocal closed
        try:
            yield "a"
            await asyncio.Event().wait()
        finally:
            closed = True

    task = asyncio.ensure_future(ask(endless(), server))
    await server.until_asked(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed

    async def failing() -> AsyncIterator[str]:
        yield "a"
        raise KeyError("nothing there")

    with pytest.raises(sw.StreamError, match="failing"):
        await ask(failing(), server)


async def aiter_of(rows: list[Any]) -> AsyncIterator[Any]:
    for row in rows:
        yield row


async def test_a_budget_stops() -> None:
    """Each row takes 10 tokens. A budget of 35 has room for three of them."""
    server = Server()
    rows = await ask(TEXTS, server, token_limit=35, concurrency=4)
    assert server.asked == ["a", "b", "c"]
    assert [row.outcome for row in rows] == ["complete"] * 3 + [None] * 3
    assert rows[-1].error == "not asked: the budget of 35 tokens is used up"
    rows = await ask(TEXTS, Server(), cost_limit=1.0)
    assert [row.outcome for row in rows] == ["complete"] + [None] * 5
    assert "not known" in rows[1].error


async def test_the_budget_of_the_session_ends_the_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of the file need none. The next rows are not taken one by one."""
    server, path = Server(), tmp_path / "rows.jsonl"
    await ask(TEXTS[:3], server, file=path)
    monkeypatch.setattr(SPENDING, "budget", Budget(1, "tokens"))
    rows = await ask(TEXTS, server, file=path, concurrency=2)
    assert len(server.asked) == 3
    assert [row.outcome for row in rows] == ["complete"] * 3 + [None] * 3
    assert all(str(row.error).startswith("not asked: The budget of 1 tokens is used up") for row in rows[3:])
    endless = await ask((str(number) for number in itertools.count()), server)
    assert len(endless) <= 12


async def test_a_stopped_batch_keeps_what_it_has() -> None:
    """Stop of one row, and of all. Those that ran are cancelled, and the others were not asked."""
    server, batches = Server(), []
    server.pause = 60

    class Watched(Batch):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            batches.append(self)

    from streamwidget._notebook import batch as front

    before, front.Batch = front.Batch, Watched  # type: ignore[misc]
    streams: list[sw.ChatStream] = []
    make = front.ChatStream
    front.ChatStream = lambda work: streams.append(make(work)) or streams[-1]  # type: ignore[misc,assignment]
    try:
        task = asyncio.ensure_future(ask(TEXTS, server, concurrency=2))
        await server.until_asked(2)
        batches[0].stop_row(0)
        await server.until_asked(3)
        streams[0].cancel()
        rows = await task
    finally:
        front.Batch, front.ChatStream = before, make  # type: ignore[misc]
    assert [row.outcome for row in rows] == ["cancelled"] * 3 + [None] * 3
    assert server.asked == ["a", "b", "c"]
    assert rows[-1].error == "not asked: the batch was stopped"


async def test_a_cancelled_batch_closes_its_connections() -> None:
    """As an interrupt of the kernel does. The line says how far it came."""
    server = Server()
    server.pause = 60
    task = asyncio.ensure_future(ask(TEXTS, server, concurrency=3))
    await server.until_asked(3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert server.running == 0
    assert caught.value._render_traceback_()[0].startswith("Interrupted: 0 of 6 rows complete, 3 stopped")  # type: ignore[attr-defined]


async def test_only_what_is_missing_or_changed_is_asked_again(tmp_path: Path) -> None:
    """A failed row is asked again, and so is a changed one. The file has no key, and the rows come in any order."""
    path, fails = tmp_path / "rows.jsonl", {"b"}
    server = Server(lambda prompt, _times: (400, "No.") if prompt in fails else prompt.upper())
    server.key = CANARY
    first = await ask(TEXTS, server, file=path)
    assert [row.reused for row in first] == [False] * 6
    fails.clear()
    server.asked.clear()
    second = await ask(["new", *reversed(TEXTS), "a"], server, file=path)
    assert sorted(server.asked) == ["a", "b", "new"]
    assert [row.value for row in second] == ["NEW", *"FEDCBA", "A"]
    assert [row.reused for row in second] == [False, True, True, True, True, False, True, False]
    server.asked.clear()
    await ask(["a"], server, file=path, temperature=0)
    assert server.asked == ["a"]
    assert CANARY not in path.read_text()
    assert {json.loads(line)["outcome"] for line in path.read_text().splitlines()} == {"complete", "http_error"}


async def test_a_value_is_read_from_the_file(tmp_path: Path) -> None:
    """An answer that was no valid value is asked for again."""

    class Mood(Enum):
        GOOD = "good"

    server = Server(lambda _prompt, times: '"bad"' if times == 1 else '"good"')
    for expected in (None, Mood.GOOD, Mood.GOOD):
        rows = await ask([{"id": "x", "text": "a"}], server, as_=Mood, file=tmp_path / "rows.jsonl", id_="id")
        assert (rows[0].id, rows[0].value) == ("x", expected)
    assert len(server.asked) == 2


async def test_a_source_that_raises_ends_the_batch_and_keeps_the_file(tmp_path: Path) -> None:
    """The error names the person's code."""

    def rows() -> Iterator[str]:
        yield "a"
        raise KeyError("nothing there")

    server = Server()
    with pytest.raises(sw.StreamError, match="rows"):
        await ask(rows(), server, file=tmp_path / "rows.jsonl")
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) <= 1
    assert (await ask(["a"], server, file=tmp_path / "rows.jsonl"))[0].value == "A"


async def test_no_rows_is_an_empty_result() -> None:
    """Nothing is asked."""
    assert await ask([], Server()) == []


async def test_a_busy_machine_brings_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person could do nothing about a slow subscriber of ours."""
    monkeypatch.setattr(subscribers, "_SLOW", -1.0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        await ask(TEXTS, Server())
    assert said == []


def test_a_program_needs_no_notebook() -> None:
    """A batch in a plain process loads neither IPython nor widgets."""
    code = (
        "import asyncio, streamwidget as sw; from streamwidget.demo import DemoServer; "
        "server = DemoServer(tokens_per_second=0, first_delta=0).start(); "
        "rows = asyncio.run(sw.batch(['a'], 'Say {{text}}', client=sw.ChatClient(server.url))); server.stop()"
    )
    loaded = {name.partition(".")[0] for name in modules_after(code)}
    assert "httpx" in loaded
    assert not loaded & {"IPython", "ipywidgets", "anywidget", "pandas", "narwhals", "pydantic"}
    assert "streamwidget._notebook.batch" in sys.modules
