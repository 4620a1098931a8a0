"""A batch on several machines: Dask runs it on two local workers. Each makes its client of its environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

import streamwidget as sw
from streamwidget.demo import DemoServer
from tests.support.servers import CANARY
from tests.test_readme import GUIDES, blocks

WORKERS = 2
SCHEDULER = "tcp://scheduler:8786"  # in the guide


def test_two_workers_share_the_rows_and_the_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values go out and come back. The key is in the environment of each worker, and in nothing that is sent."""
    rows = [{"id": f"r{number}", "text": f"row {number}"} for number in range(60)]
    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
        monkeypatch.setenv("STREAMWIDGET_API_KEY", CANARY)
        with (
            LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as dask,
        ):
            asked = {
                place: dask.submit(
                    sw.batch,
                    rows[place::WORKERS],
                    "Say {{text}}",
                    id_="id",
                    file=tmp_path / f"{place}.jsonl",
                    requests_per_minute=2_400 / WORKERS,
                    demo={"text": "Yes."},
                    workers=[worker],
                )
                for place, worker in enumerate(dask.scheduler_info()["workers"])
            }
            answers = {row.id: row for part in asked.values() for row in part.result()}
            with pytest.raises(TypeError):
                dask.submit(sw.batch, rows, "{{text}}", client=sw.ChatClient())  # it has the key
            of_the_guide: dict[str, Any] = {"rows": rows[:6], "sw": sw}
            exec(blocks("py", GUIDES["many_at_once"])[0].replace(SCHEDULER, cluster.scheduler_address), of_the_guide)
            of_the_guide["dask"].close()
        sent = [record.body["messages"][0]["content"] for record in server.requests]  # type: ignore[index]
    assert [answers[row["id"]].text for row in rows] == ["Yes."] * 60
    assert sorted(of_the_guide["answers"]) == sorted(row["id"] for row in rows[:6])
    assert {row.outcome for row in of_the_guide["answers"].values()} == {"complete"}
    sent = [text for text in sent if text.startswith("Say")]
    assert sorted(sent) == sorted(f"Say {row['text']}" for row in rows)
    for place in range(WORKERS):
        kept = (tmp_path / f"{place}.jsonl").read_text()
        assert {json.loads(line)["row"] for line in kept.splitlines()} == {row["id"] for row in rows[place::WORKERS]}
        assert CANARY not in kept
