"""The swap at the end of an answer, from the live view to what the notebook keeps: nothing on the screen moves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD, view, wait_static

PLAIN = (
    "A first paragraph of plain text, long enough for a second line in a page of usual width. " * 3
    + "\n\nA second one."
)
RICH = (
    """\
# Title

Text with *emphasis*, **strong**, `code`, ~~struck~~, a [link](https://a.example/x) and a bare https://b.example/y.

- one
- two
  - nested
  - again

1. first

   loose
2. second

- [ ] open
- [x] done

```python
def rate(deltas: int, seconds: float) -> float:
    return deltas / seconds
```

| figure | meaning |
|---|--:|
| first delta | the wait until text appears |
| rate | deltas per second |

> A quotation
> > in another.

    indented code

---

### A heading

It costs $5 or $6. `"""
    + "unbroken" * 40
    + "` "
    + "verylongword" * 40
    + "\n\nمرحبا بالعالم\n\n- last\n"
)
LONG = "\n\n".join(f"## Part {n}\n\n{PLAIN}\n\n- point {n}\n- another\n\n```\nx = {n}\n```" for n in range(40))
# A long table is laid out in another way while it is written, and long code in parts.
ROWS = "\n".join(f"| {n} | {'words ' * (n % 7)} | `x{n}` |" for n in range(150))
BLOCKS = "```python\n" + "x = 1\n" * 200 + f"```\n\n| a | b | c |\n|---|---|--:|\n{ROWS}\n"
ANSWERS = {"plain": PLAIN, "rich": RICH, "long": LONG, "blocks": BLOCKS}
# Notebook 7 is made of JupyterLab's parts: there a sample is enough.
SWAPS = [
    *(("lab", answer, width) for answer in ANSWERS for width in (1280, 500)),
    ("notebook7", "rich", 1280),
    ("notebook7", "long", 500),
]
JUMPS = [("lab", "What is a stream?"), ("lab", "Write a long essay"), ("notebook7", "What is a stream?")]

# The answer ends some time before the swap, so that what is measured is the swap.
STREAM = """
import streamwidget as sw
from IPython.display import display, publish_display_data
view = sw.StreamView(sw.ChatClient().stream("x", demo={{"text": {text!r}, "tokens_per_second": 100_000}}))
handle = display(view, display_id=True)
completion = await view
"""
# All that is no text, from a server that is none.
OTHER = """
import httpx, json
import streamwidget as sw
from IPython.display import display, publish_display_data
deltas = [
    {"reasoning_content": "Let me *think*.\\n\\n" * 5}, {"content": "The answer."}, {"refusal": "Not $5\\nnor $6."},
    {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "weather", "arguments": '{"city": "Paris"}' * 20}}]},
]
events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": %r}]})
body = "".join(f"data: {json.dumps(event)}\\n\\n" for event in events) + "data: [DONE]\\n\\n"
class Body(httpx.AsyncByteStream):
    async def __aiter__(self):
        yield body.encode()
answer = lambda request: httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Body())
http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
client = sw.ChatClient("http://127.0.0.1:9/v1", "key", "some-model", http_client=http)
view = sw.StreamView(client.stream("x"))
view._presentation.stays = False  # as in a cell: a view that stays has more buttons
handle = display(view, display_id=True)
completion = await view
"""
SWAP = """
bundle = completion._repr_mimebundle_()
publish_display_data(bundle, transient={"display_id": handle.display_id}, update=True)
view.close()
"""

# Each frame: where the next cell, the line that the reader looks at and the words around the answer are, and how far
# the notebook is scrolled.
_WATCH = """line => {
  const frames = window.streamwidgetFrames = []
  const cells = () => document.querySelectorAll('.jp-Notebook .jp-Cell')
  const scroller = cells()[0].closest('.jp-WindowedPanel-outer')
  const find = () => {
    const text = cells()[1].querySelector('.streamwidget-text')
    return line === null ? text : [...(text?.children ?? [])].find(block => block.textContent.trim() === line)
  }
  const topOfText = small => {
    const range = document.createRange()
    range.selectNodeContents(small)
    return [...range.getClientRects()].find(rect => rect.width > 0)?.top ?? null
  }
  const step = () => {
    const lines = [...cells()[1].querySelectorAll('small')].filter(small => small.checkVisibility())
    frames.push({
      head: lines.length ? topOfText(lines[0]) : null,
      foot: lines.length ? topOfText(lines.at(-1)) : null,
      next: cells()[2].getBoundingClientRect().top,
      line: find()?.getBoundingClientRect().top ?? null,
      scrolled: scroller.scrollTop,
      live: !!cells()[1].querySelector('.streamwidget'),
      height: cells()[1].querySelector('.jp-OutputArea').getBoundingClientRect().height,
    })
    if (!window.streamwidgetWatched) requestAnimationFrame(step)
  }
  window.streamwidgetWatched = false
  step()
}"""

_EXECUTE = """async code => {
  await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code }).done
}"""


def _swap(page: NotebookPage, line: str | None = None) -> list[dict[str, Any]]:
    """Swap, and return what was there in each frame from some before to some after."""
    page.page.evaluate(_WATCH, line)
    page.page.wait_for_function("window.streamwidgetFrames.length > 5")
    # Not by running a cell: the notebook would scroll to it.
    page.page.evaluate(_EXECUTE, SWAP)
    wait_static(page, 1)
    seen = page.page.evaluate("window.streamwidgetFrames.length")
    page.page.wait_for_function(f"window.streamwidgetFrames.length > {seen + 10}")
    frames: list[dict[str, Any]] = page.page.evaluate("(window.streamwidgetWatched = true, window.streamwidgetFrames)")
    assert frames[0]["live"]
    assert not frames[-1]["live"]
    return frames


def _stand_still(frames: list[dict[str, Any]]) -> None:
    for name in ("next", "line", "scrolled", "height", "head", "foot"):
        values = [frame[name] for frame in frames]
        assert None not in values, name
        assert max(values) - min(values) < 0.01, (name, sorted(set(values)))


def _show(page: NotebookPage, outcome: str = "complete") -> None:
    page.run(0)
    page.finish(0)
    page.run(1)
    page.finish(1)
    expect(view(page, 1)).to_have_attribute("data-outcome", outcome)
    # What the notebook does of its own after a run (it scrolls to the cell, and it moves the selection) is over.
    page.page.wait_for_timeout(500)


@pytest.mark.parametrize(("server", "answer", "width"), SWAPS, indirect=["server"])
def test_the_swap_moves_nothing(open_notebook: OpenNotebook, demo: DemoServer, answer: str, width: int) -> None:
    """In no frame is the next cell, the answer or the notebook elsewhere than before, in a narrow page too."""
    page = open_notebook([LOAD, STREAM.format(text=ANSWERS[answer]), "1"])
    page.page.set_viewport_size({"width": width, "height": 1000})
    _show(page)
    _stand_still(_swap(page))


@only_lab
@pytest.mark.parametrize(("reason", "outcome"), [("stop", "complete"), ("length", "length")])
def test_the_swap_moves_nothing_of_what_is_no_text(open_notebook: OpenNotebook, reason: str, outcome: str) -> None:
    """Reasoning, refusals, tool calls and an outcome in bold have one size, live and saved."""
    page = open_notebook([LOAD, OTHER % reason, "1"])
    _show(page, outcome)
    _stand_still(_swap(page))


def test_the_swap_moves_nothing_under_a_reader_in_the_middle(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Whoever has scrolled half past a long answer goes on reading the line they were at."""
    page = open_notebook([LOAD, STREAM.format(text=LONG), "1"])
    _show(page)
    heading = view(page, 1).locator("h2", has_text="Part 20")
    heading.evaluate("heading => heading.scrollIntoView({ block: 'center' })")
    page.page.wait_for_timeout(300)
    frames = _swap(page, "Part 20")
    _stand_still(frames)
    assert 0 < frames[0]["line"] < 1000


@pytest.mark.parametrize(("server", "question"), JUMPS, indirect=["server"])
def test_the_page_does_not_jump_when_a_cell_ends(open_notebook: OpenNotebook, demo: DemoServer, question: str) -> None:
    """With %%chat, where the last text may come with the swap: nothing moves up by more than a formula's line."""
    page = open_notebook([LOAD, f"%%chat\n{question}", "1"])
    page.run(0)
    page.finish(0)
    page.page.evaluate(_WATCH, None)
    page.run(1)
    page.finish(1)
    wait_static(page, 1)
    page.page.wait_for_timeout(500)
    frames = page.page.evaluate("(window.streamwidgetWatched = true, window.streamwidgetFrames)")
    last = max(index for index, frame in enumerate(frames) if frame["live"])
    heights = [frame["height"] for frame in frames[last - 1 :]]
    assert min(heights) > heights[0] - 12, json.dumps(heights)
