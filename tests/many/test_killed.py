"""A process that is killed in mid-batch, again and again. No row is lost, and none is asked twice but those in flight.

``make fuzz`` kills it 20 times.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from streamwidget.demo import DemoServer
from tests.support.deadlines import START
from tests.support.kernels import ROOT, clean_environment

KILLS = 20 if "FUZZ" in os.environ else 3
AT_ONCE = 8
EACH = 40  # rows a run before it is killed, about

PROGRAM = """
import asyncio, sys, streamwidget as sw
rows = [{"id": n, "text": f"row {n}"} for n in range(int(sys.argv[3]))]
answers = sw.batch(rows, "{{text}}", client=sw.ChatClient(sys.argv[1]), id_="id", file=sys.argv[2],
                   concurrency=int(sys.argv[4]), demo={"text": "An answer of some length. " * 8})
print(sum(answer.is_good for answer in asyncio.run(answers)))
"""


@pytest.mark.fault("B3", "no row is lost, none is asked twice but those in flight")
def test_a_killed_batch_goes_on_where_it_was(tmp_path: Path) -> None:
    """What stands in the file when the process dies is never asked again, and each row is answered in the end."""
    path, count = tmp_path / "rows.jsonl", (KILLS + 1) * EACH
    with DemoServer(tokens_per_second=0, first_delta=0.01) as server:
        command = [sys.executable, "-c", PROGRAM, server.url, str(path), str(count), str(AT_ONCE)]

        def asked() -> Counter[str]:
            return Counter(record.body["messages"][-1]["content"] for record in server.requests)  # type: ignore[index]

        for kill in range(KILLS):
            before, kept = asked(), complete(path)
            process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdout=subprocess.DEVNULL)
            try:
                wanted = before.total() + random.Random(kill).randrange(1, EACH)
                server.wait_for_requests(wanted, timeout=START)
                process.send_signal(signal.SIGKILL)
            finally:
                process.kill()
                process.wait(START)
            again = asked() - before
            assert not kept & set(again)
            assert complete(path) >= kept
        ended = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True)
        assert int(ended.stdout) == count
        assert complete(path) == {f"row {number}" for number in range(count)}
        assert asked().total() <= count + KILLS * AT_ONCE


def complete(path: Path) -> set[str]:
    """Return the rows with a whole answer in the file. A torn last line is not one."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return {f"row {row['row']}" for row in map(json.loads, lines) if row["outcome"] == "complete"}
