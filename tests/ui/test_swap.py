"""The swap at the end of an answer, from the live view to what the notebook keeps: nothing on the screen moves."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD, view, wait_static
from tests.ui.server import Server

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
# Answers that are not only text: reasoning, a refusal, a tool call, and an outcome in bold.
OTHERS = {"stop": "complete", "length": "length"}
WIDE, NARROW = 1280, 500
# What is shown and how wide the page is. Notebook 7 is made of JupyterLab's parts: there a sample is enough.
SWAPS = {
    "lab": [*((answer, width) for answer in ANSWERS for width in (WIDE, NARROW)), *((end, WIDE) for end in OTHERS)],
    "notebook7": [("rich", WIDE), ("long", NARROW)],
}
JUMPS = {"lab": ["What is a stream?", "Write a long essay"], "notebook7": ["What is a stream?"]}

# ``texts`` and ``kinds`` are set before it.
SETUP = r"""
import httpx, json
import streamwidget as sw
from IPython.display import display, publish_display_data
deltas = [
    {"reasoning_content": "Let me *think*.\n\n" * 5}, {"content": "The answer."}, {"refusal": "Not $5\nnor $6."},
    {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "weather", "arguments": '{"city": "Paris"}' * 20}}]},
]
class Body(httpx.AsyncByteStream):
    async def __aiter__(self):
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        for choice in [*choices, {"index": 0, "delta": {}, "finish_reason": kind}]:
            yield f"data: {json.dumps({'choices': [choice]})}\n\n".encode()
        yield b"data: [DONE]\n\n"
answer = lambda request: httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Body())
http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
other = sw.ChatClient("http://127.0.0.1:9/v1", "key", "some-model", http_client=http)
def stream():
    if kind in texts:
        return sw.ChatClient().stream("x", demo={"text": texts[kind], "tokens_per_second": 100_000})
    return other.stream("x")
"""
# The answer ends some time before the swap, so that what is measured is the swap.
STREAM = """
kind = next(kinds)
view = sw.StreamView(stream())
view._presentation.stays = kind in texts  # not where an outcome in bold would bring buttons
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
_WATCH = """([index, line]) => {
  const frames = window.streamwidgetFrames = []
  const cells = () => document.querySelectorAll('.jp-Notebook .jp-Cell')
  const scroller = cells()[0].closest('.jp-WindowedPanel-outer')
  const find = () => {
    const text = cells()[index].querySelector('.streamwidget-text')
    return line === null ? text : [...(text?.children ?? [])].find(block => block.textContent.trim() === line)
  }
  const topOfText = small => {
    const range = document.createRange()
    range.selectNodeContents(small)
    return [...range.getClientRects()].find(rect => rect.width > 0)?.top ?? null
  }
  const step = () => {
    const lines = [...cells()[index].querySelectorAll('small')].filter(small => small.checkVisibility())
    frames.push({
      head: lines.length ? topOfText(lines[0]) : null,
      foot: lines.length ? topOfText(lines.at(-1)) : null,
      next: cells()[index + 1].getBoundingClientRect().top,
      line: find()?.getBoundingClientRect().top ?? null,
      scrolled: scroller.scrollTop,
      live: !!cells()[index].querySelector('.streamwidget'),
      height: cells()[index].querySelector('.jp-OutputArea').getBoundingClientRect().height,
    })
    if (!window.streamwidgetWatched) requestAnimationFrame(step)
  }
  window.streamwidgetWatched = false
  step()
}"""

_EXECUTE = """async code => {
  await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code }).done
}"""


# What the notebook does of its own after a run is over: it scrolls to the cell, and it moves the selection.
_STILL = """() => {
  const frames = window.streamwidgetFrames
  const last = frames.slice(-30).map(frame => JSON.stringify(frame))
  if (last.length < 30 || last.some(frame => frame !== last[0])) return false
  frames.splice(0, frames.length - 5)
  return true
}"""


def _swap(page: NotebookPage, line: str | None = None) -> list[dict[str, Any]]:
    """Swap, and return what was there in each frame from some before to some after."""
    page.page.evaluate(_WATCH, [1, line])
    page.page.wait_for_function(_STILL)
    # Not by running a cell: the notebook would scroll to it.
    page.page.evaluate(_EXECUTE, SWAP)
    wait_static(page, 1)
    seen = page.page.evaluate("window.streamwidgetFrames.length")
    page.page.wait_for_function(f"window.streamwidgetFrames.length > {seen + 10}")
    frames: list[dict[str, Any]] = page.page.evaluate("(window.streamwidgetWatched = true, window.streamwidgetFrames)")
    assert frames[0]["live"]
    assert not frames[-1]["live"]
    return frames


def _stand_still(frames: list[dict[str, Any]], case: object) -> None:
    for name in ("next", "line", "scrolled", "height", "head", "foot"):
        values = [frame[name] for frame in frames]
        assert None not in values, (case, name)
        assert max(values) - min(values) < 0.01, (case, name, sorted(set(values)))


def _show(page: NotebookPage, width: int, outcome: str = "complete") -> None:
    page.page.set_viewport_size({"width": width, "height": 1000})
    page.run(1)
    page.finish(1)
    expect(view(page, 1)).to_have_attribute("data-outcome", outcome)


def test_the_swap_moves_nothing(open_notebook: OpenNotebook, server: Server, demo: DemoServer) -> None:
    """In no frame is the next cell, the answer or the notebook elsewhere than before, in a narrow page too.

    Reasoning, refusals, tool calls and an outcome in bold have one size, live and saved. Whoever has scrolled half past
    a long answer goes on reading the line they were at.
    """
    swaps = SWAPS[server.app]
    kinds = [*(kind for kind, _ in swaps), "long"]
    page = open_notebook([f"texts, kinds = {ANSWERS!r}, iter({kinds!r})\n{SETUP}", STREAM, "1"])
    page.run(0)
    page.finish(0)
    for kind, width in swaps:
        _show(page, width, OTHERS.get(kind, "complete"))
        _stand_still(_swap(page), (kind, width))

    _show(page, WIDE)
    heading = view(page, 1).locator("h2", has_text="Part 20")
    heading.evaluate("heading => heading.scrollIntoView({ block: 'center' })")
    frames = _swap(page, "Part 20")
    _stand_still(frames, "a reader in the middle")
    assert 0 < frames[0]["line"] < 1000


def test_the_page_does_not_jump_when_a_cell_ends(open_notebook: OpenNotebook, server: Server) -> None:
    """With %%chat, where the last text may come with the swap: nothing moves up by more than a formula's line."""
    with DemoServer(tokens_per_second=300) as demo:
        address = f"import os; os.environ['STREAMWIDGET_BASE_URL'] = {demo.url!r}"
        questions = JUMPS[server.app]
        page = open_notebook([f"{LOAD}\n{address}", *(cell for text in questions for cell in (f"%%chat\n{text}", "1"))])
        page.run(0)
        page.finish(0)
        for index in range(1, 2 * len(questions), 2):
            page.page.evaluate(_WATCH, [index, None])
            page.run(index)
            page.finish(index)
            wait_static(page, index)
            page.page.wait_for_timeout(500)
            frames = page.page.evaluate("(window.streamwidgetWatched = true, window.streamwidgetFrames)")
            last = max(place for place, frame in enumerate(frames) if frame["live"])
            heights = [frame["height"] for frame in frames[last - 1 :]]
            assert min(heights) > heights[0] - 12, json.dumps(heights)
