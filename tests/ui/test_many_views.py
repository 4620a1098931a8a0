"""Fifty views that stream at once share their messages. A page that is reloaded in mid-stream has all of each."""

from __future__ import annotations

import json

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import assert_no_error_of_ours, reload_until_found

pytestmark = only_lab
COUNT = 50
# Every other one goes on until it is stopped, however slow the machine is.
MANY = f"""
import asyncio, json, streamwidget as sw
from IPython.display import display
client = sw.ChatClient()
asked = [f"count to {{n if n % 2 else 9000}}" for n in range(101, {101 + COUNT})]
views = [sw.StreamView(client.stream(text, demo={{"tokens_per_second": 30}}), max_height=60) for text in asked]
for view in views:
    display(view)
"""
SHARED = "print([view._outbox.shares for view in views].count(True), 'share')"
ENDED = """
for view in views[1::2]:
    view.stop()
ends = await asyncio.gather(*(view._stream for view in views), return_exceptions=True)
print(json.dumps([view.completion.text for view in views]))
"""
_TEXTS = "() => [...document.querySelectorAll('.streamwidget-text')].map(text => text.textContent.trimEnd())"
_LONGER = f"""lengths => {{
  const now = ({_TEXTS})().map(text => text.length)
  return now.length === lengths.length && now.every((length, n) => length > lengths[n] || n % 2 === 0 && length > 200)
}}"""
_ALL_OVER = """count => {
  const outcomes = [...document.querySelectorAll('.streamwidget')].map(root => root.dataset.outcome)
  return outcomes.length === count && outcomes.every((outcome, n) => outcome === (n % 2 ? 'cancelled' : 'complete'))
}"""


def test_fifty_views_at_once_and_a_reload_in_mid_stream(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Each shows its own whole text and its own outcome, to the character, before and after the reload."""
    page = open_notebook([MANY, SHARED, ENDED])
    page.run(0)
    page.page.wait_for_function(_LONGER, arg=[0] * COUNT)
    page.run(1)
    page.wait_output(1, f"{COUNT} share")
    page.save()
    before: list[str] = page.page.evaluate(_TEXTS)
    reload_until_found(page, 0)
    page.page.wait_for_function(_LONGER, arg=[len(text) for text in before])
    page.run(1)
    page.wait_output(1, f"{COUNT} share")
    page.run(2)
    page.page.wait_for_function(_ALL_OVER, arg=COUNT)
    texts = [text.rstrip() for text in json.loads(page.printed(2))]
    assert page.page.evaluate(_TEXTS) == texts
    assert all(text.startswith(old) for text, old in zip(texts, before, strict=True))
    assert_no_error_of_ours(page)
