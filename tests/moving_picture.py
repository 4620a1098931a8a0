"""Makes the README's moving picture, ``notebooks/streaming.gif``: an answer streams into a cell and is stopped.

    python -m tests.moving_picture [FILE]

Everything in it is real: JupyterLab, a kernel, the page's half of the widget as it was last built (``npm run build``),
and the demo server. Only the mouse pointer is drawn, since a page without a screen has none.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import FloatRect, Page, expect, sync_playwright

from streamwidget.demo import DemoServer
from tests.support.kernels import ROOT
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD, live_text, wait_static
from tests.ui.server import Server
from tests.ui.tab import CHROMIUM_FLAGS, Tab, find_chromium

TARGET = ROOT / "notebooks" / "streaming.gif"
MOST_BYTES = 1_500_000
PROMPT = "%%chat\nExplain how an answer streams into a cell."
WIDTH, HEIGHT = 814, 352
#: Where the pointer waits.
START = (WIDTH * 0.55, HEIGHT * 0.75)
#: Seconds between two frames. A slow machine takes fewer, and each stays as long as it really did.
STEP = 0.1
TOKENS_PER_SECOND = 28
#: The pointer leaves for the Stop button once so much of the answer is there.
ENOUGH = 170
LAST_FRAME = 3.0

_TIDY = """async () => {
  const { commands, shell } = window.jupyterapp
  shell.collapseLeft()
  await commands.execute('application:toggle-side-tabbar', { side: 'left' })
  document.head.appendChild(document.createElement('style')).textContent = `
    .jp-Collapser, .jp-cell-toolbar { display: none !important }
    #pointer { position: fixed; left: 0; top: 0; z-index: 9999; pointer-events: none }`
}"""
_POINTER = """([x, y]) => {
  let pointer = document.getElementById('pointer')
  if (!pointer) {
    pointer = document.body.appendChild(document.createElement('div'))
    pointer.id = 'pointer'
    pointer.innerHTML = `<svg width="18" height="26" viewBox="0 0 18 26" fill="#111" stroke="#fff" stroke-width="1.4">
      <path d="M1 1v20l5-4 3.2 7.4 3.6-1.6-3.2-7.2H16z"/></svg>`
  }
  pointer.style.transform = `translate(${x}px, ${y}px)`
}"""


class Film:
    """Frames of one part of a page, each with the moment at which it was taken."""

    def __init__(self, page: Page, part: FloatRect) -> None:
        self._page, self._part = page, part
        self._frames: list[tuple[float, Image.Image]] = []

    def take(self) -> None:
        """Take one frame, :data:`STEP` after the last one."""
        if self._frames:
            self._page.wait_for_timeout(max(0.0, self._frames[-1][0] + STEP - time.monotonic()) * 1000)
        now = time.monotonic()
        picture = Image.open(io.BytesIO(self._page.screenshot(clip=self._part))).convert("RGB")
        self._frames.append((now, picture))

    def take_until(self, over: Callable[[], bool], timeout: float = 30) -> None:
        """Take frames until ``over()``."""
        deadline = time.monotonic() + timeout
        while not over():
            if time.monotonic() > deadline:
                raise TimeoutError("the page did not do what the film waits for")
            self.take()

    def write(self, path: Path) -> None:
        """Write a GIF that runs for ever. Frames that look alike become one."""
        kept: list[tuple[float, Image.Image]] = []
        for moment, picture in self._frames:
            if not kept or picture.tobytes() != kept[-1][1].tobytes():
                kept.append((moment, picture))
        ends = [moment for moment, _ in kept[1:]] + [kept[-1][0] + LAST_FRAME]
        durations = [round((end - moment) * 100) * 10 for (moment, _), end in zip(kept, ends, strict=True)]
        frames = _with_palette([picture for _, picture in kept])
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=False, disposal=1
        )
        print(f"{path}: {path.stat().st_size:,} bytes, {len(frames)} frames, {sum(durations) / 1000:.1f} s")


def _with_palette(pictures: list[Image.Image]) -> list[Image.Image]:
    """Give all pictures the palette of their 256 commonest colours. A rarer colour becomes the nearest of these.

    One palette without dithering keeps text sharp and the file small, because only what changed is stored. Pillow's
    own ``quantize`` merges colours that are alike, and then white is not quite white.
    """
    pixels = np.stack([np.asarray(picture, np.int32) for picture in pictures])
    codes, places, counts = np.unique(pixels @ (65536, 256, 1), return_inverse=True, return_counts=True)
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)
    palette = colours[np.argsort(-counts)[:256]]
    nearest = ((colours[:, None] - palette[None]) ** 2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    frames = [Image.fromarray(frame) for frame in nearest[places].reshape(pixels.shape[:3])]
    for frame in frames:
        frame.putpalette(palette.astype(np.uint8).tobytes())
    return frames


def play(page: NotebookPage) -> Film:
    """Run the cells, and stop the answer when enough of it is there."""
    page.run(0)
    page.finish(0)
    page.page.evaluate(_TIDY)
    page.page.evaluate(_POINTER, list(START))
    area = page.page.locator(".jp-Notebook").bounding_box()
    assert area is not None
    film = Film(page.page, {"x": area["x"], "y": area["y"] + 2, "width": WIDTH, "height": HEIGHT})
    for _ in range(4):
        film.take()
    page.run(1)
    film.take_until(lambda: len(live_text(page, 1)) > ENOUGH if page.stop_button(1).count() else False)
    stop = page.stop_button(1).bounding_box()
    assert stop is not None
    from_x, from_y = START
    to_x, to_y = stop["x"] + stop["width"] / 2, stop["y"] + stop["height"] / 2
    for step in range(1, 9):
        part = 1 - (1 - step / 8) ** 2
        place = [from_x + (to_x - from_x) * part, from_y + (to_y - from_y) * part]
        page.page.mouse.move(*place)
        page.page.evaluate(_POINTER, place)
        film.take()
    page.page.mouse.down()
    film.take()
    page.page.mouse.up()
    film.take_until(lambda: not page.stop_button(1).count())
    wait_static(page, 1)
    page.finish(1)
    film.take()
    line = page.output(1).locator("small").last
    expect(line).to_contain_text("stopped by you")
    ending = line.bounding_box()
    assert ending is not None and ending["y"] + ending["height"] < area["y"] + HEIGHT, "the end is out of the picture"
    return film


def main(path: Path) -> None:
    """Make the picture and write it to ``path``."""
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="sw-film-"))
        demo = stack.enter_context(DemoServer(tokens_per_second=TOKENS_PER_SECOND))
        server = Server("lab", Path(directory))
        stack.callback(server.close)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        stack.callback(browser.close)
        tab = Tab(browser)
        tab.page.set_viewport_size({"width": WIDTH + 46, "height": HEIGHT + 180})
        name = server.write_notebook([LOAD, PROMPT], env={"STREAMWIDGET_BASE_URL": demo.url})
        play(NotebookPage(server, tab, name)).write(path)
    assert path.stat().st_size < MOST_BYTES, "too large for a README"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
