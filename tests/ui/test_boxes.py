"""A chat and the other views in each container of ipywidgets, in wide and in narrow windows."""

from __future__ import annotations

from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import assert_no_error_of_ours

SHOW = """
import ipywidgets as W
import streamwidget as sw

def chat(**more):
    kept = sw.Conversation()
    for n in range(3):
        kept.ask(f"Question {n}", lambda messages: "word " * 200).wait()
    return sw.ChatWidget(conversation=kept, **more)

def view(**more):
    return sw.StreamView(iter(["word " * 500]), **more)

LOW = W.Layout(height="300px")
for box in (
    W.HBox([chat(), W.Button()]),
    W.HBox([chat(), chat()]),
    W.VBox([W.Label("above"), chat()]),
    W.VBox([W.Label("above"), chat()], layout=LOW),
    W.Box([chat()], layout=W.Layout(flex_flow="column")),
    W.Tab([chat()]),
    W.Accordion([chat()], selected_index=0),
    W.GridBox([chat(), chat()], layout=W.Layout(grid_template_columns="auto auto")),
    W.AppLayout(left_sidebar=W.Button(), center=chat(), footer=W.Label("below"), height="600px"),
    chat(layout=LOW),
    chat(height=300),
    chat(max_height=250),
    W.HBox([view(), W.Button()]),
    view(layout=LOW),
    view(height="250px"),
    W.HBox([sw.WireView(sw.ChatClient().stream("x")), W.Button()]),
    sw.WireView(sw.ChatClient().stream("x"), height=350),
):
    display(box)
"""
VIEWS = 19
# What is wrong with the views when their layout has settled: too narrow, cut off, or higher than the element allows.
LOOK = """async ([output, patience]) => {
  const look = () => [...output.querySelectorAll('.streamwidget-host')].flatMap((host, n) => {
  const wrong = []
  const root = host.firstElementChild
  const [outer, box] = [host, root].map(element => element.getBoundingClientRect())
  const last = [...root.children].filter(child => child.checkVisibility()).at(-1).getBoundingClientRect()
  if (box.width < 100) wrong.push(`${box.width} px wide`)
  if (root.scrollWidth > root.clientWidth + 1) wrong.push(`${root.scrollWidth} px in ${root.clientWidth} px`)
  if (box.bottom > outer.bottom + 1) wrong.push(`${box.bottom - outer.bottom} px too high`)
  if (last.bottom > box.bottom + 1) wrong.push(`its end is ${last.bottom - box.bottom} px below it`)
  const parent = host.parentElement.closest('.widget-box, .widget-gridbox, .jp-OutputArea-output')
  if (outer.bottom > parent.getBoundingClientRect().bottom + 1) wrong.push('cut by its container')
  return wrong.map(what => `view ${n}: ${what}`)
  })
  const began = performance.now()
  while (look().length > 0 && performance.now() - began < patience) await new Promise(requestAnimationFrame)
  return look()
}"""


@only_lab
def test_views_are_right_in_every_container(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Nothing is cut off, each has a width, and those of a given height have that one. The prompt box is in sight."""
    page = open_notebook([SHOW])
    page.run(0)
    page.finish(0)
    output = page.output(0)
    expect(output.locator(".streamwidget-host")).to_have_count(VIEWS)
    for width in (1280, 640):
        page.page.set_viewport_size({"width": width, "height": 1000})
        assert page.page.evaluate(LOOK, [output.element_handle(), 1000 * SOON]) == []
    heights = output.locator(".streamwidget-host").evaluate_all(
        "hosts => hosts.map(host => [host.style.height || host.style.maxHeight, Math.round(host.offsetHeight)])"
    )
    assert [(given, f"{height}px") for given, height in heights if given] == [
        (size, size) for size in ("300px", "300px", "250px", "300px", "250px", "350px")
    ]
    assert_no_error_of_ours(page)
