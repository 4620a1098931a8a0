"""The weight of twenty answers in a notebook beyond their text: bytes on iopub, and of saved widget state."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.benchmarks.report import Figure
from tests.benchmarks.server import start_server
from tests.support.kernels import ROOT, Kernel, Message, start_kernel

ANSWERS = 20
TOKENS = 300
EACH = 3 * 1024  # bytes for an answer, and 1.2 times the bundle
STATIC = ROOT / "streamwidget" / "static"
BUNDLE = ("answer.js", "answer.css")
PROTOCOL = ("status", "execute_input")  # any cell has them

_CELL = "%%chat {flag} -m demo-long --max-tokens {tokens}\nWrite about streams."
_SAVED = """
import json
from ipywidgets import Widget
print(json.dumps(Widget.get_manager_state(drop_defaults=False)))
"""


def measure() -> Figure:
    """Show the answers in ``%%chat`` cells, once replaced at their end by the saved answer, once kept live."""
    bundle = sum((STATIC / name).stat().st_size for name in BUNDLE)
    limit = 1.2 * bundle + ANSWERS * EACH
    figure = Figure(f"Carried once: {ANSWERS} answers in a notebook, without their texts")
    for what, flag in (("replaced at their end", ""), ("kept live", "--keep")):
        with start_server() as server, start_kernel("latest", {"STREAMWIDGET_BASE_URL": server.url}) as kernel:
            _execute(kernel, "%load_ext streamwidget")
            before = len(kernel.iopub)
            for _ in range(ANSWERS):
                _execute(kernel, _CELL.format(flag=flag, tokens=TOKENS))
            wire = sum(_carried(message) for message in kernel.iopub[before:])
            figure.at_most(f"on iopub, {what}", wire / 1024, limit / 1024, "{:.1f} KB")
            if flag:
                models = json.loads(_execute(kernel, _SAVED))["state"].values()
    saved = sum(_bytes(model) - _text_bytes(model["state"]) for model in models)
    figure.at_most("in saved widget state (get_manager_state), kept live", saved / 1024, limit / 1024, "{:.1f} KB")
    views = _views(models)
    if len(views) != ANSWERS:
        raise AssertionError(f"{len(views)} answers are in the saved state")
    each = sum(_bytes(view) - _text_bytes(view) for view in views) / ANSWERS
    loader = sum(_bytes(view["_esm"]) for view in views) / ANSWERS
    figure.add("of that, an answer", f"{each:,.0f} bytes, its loader {loader:,.0f}")
    figure.add("the bundle", f"{bundle / 1024:.1f} KB")
    figure.add(f"the bundle, {ANSWERS} times", f"{ANSWERS * bundle / 1024:.1f} KB")
    figure.notes += [
        f"Answers of {TOKENS} tokens. On iopub: contents as JSON of messages but those with text, the saved answers",
        f"and {' and '.join(PROTOCOL)}, which any cell has. The target: 1.2 x the bundle + {ANSWERS} x 3 KB.",
    ]
    return figure


def _execute(kernel: Kernel, code: str) -> str:
    cell = kernel.execute(code.lstrip("\n"), 60)
    if cell.status != "ok":
        raise RuntimeError("\n".join(cell.traceback))
    return cell.stdout


def _carried(message: Message) -> int:
    """Return the bytes of a message's content without the answer's text and without the messages of any cell."""
    if message.type in PROTOCOL or message.type == "update_display_data":
        return 0
    data = message.content["data"] if message.type == "comm_msg" else {}
    if data.get("method") == "custom":
        return 0 if data["content"].get("text") else message.content_size
    # The last state holds the whole text once more, to be saved.
    return message.content_size - _text_bytes(data.get("state", {}))


def _views(models: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [model["state"] for model in models if "_esm" in model["state"]]


def _text_bytes(state: dict[str, Any]) -> int:
    text = state["state"]["text"] if "state" in state else ""
    return _bytes(text) if text else 0


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
