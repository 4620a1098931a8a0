"""The reported cases of `%%chat` that take long (tests/data/reports.json), with a clock that is only a number."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from streamwidget._client.config import Defaults, set_defaults
from streamwidget._core.timeout import TICK, Deadlines, Timeout
from streamwidget._notebook.named import make_client

CASES = json.loads((Path(__file__).parents[1] / "data" / "reports.json").read_text("utf-8"))["cases"]
SLOW = [case for case in CASES if case["layer"] == "slow"]


def passed(limits: Timeout, headers_after: float) -> str | None:
    """Return the limit that passes before the headers come. The connection is there at once."""
    deadlines = Deadlines(limits, 0.0)
    ticks = (number * TICK for number in range(1, int(headers_after / TICK)))
    return next((limit for now in ticks if (limit := deadlines.tick(now))), None)


def limits_of(url: str, seconds: float | None = None) -> Timeout:
    """Return the limits of a ``%%chat``, with ``--timeout`` or without."""
    set_defaults(Defaults(base_url=url))
    try:
        return make_client(Namespace(model="m", provider=None, timeout=seconds)).timeout
    finally:
        set_defaults(Defaults())


@pytest.mark.parametrize("case", SLOW, ids=lambda case: case["id"])
def test_headers_that_come_late_are_waited_for(case: dict[str, Any]) -> None:
    """A server on this machine loads its model first, so it has ten minutes. Elsewhere ``--timeout`` gives more."""
    late = case["input"]["headers_after_s"]
    assert case["expect"] == {"outcome": "complete"}
    assert passed(limits_of("http://127.0.0.1:8080/v1"), late) is None
    assert passed(limits_of("http://localhost:11434/v1"), 7 * late) is None
    assert passed(limits_of("https://far.example/v1"), late) == "headers"
    assert passed(limits_of("https://far.example/v1", late + 1), late) is None
