"""A Chromium page with the build of js/bench, and the CPU time of its main thread."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.support.kernels import ROOT
from tests.ui.tab import CHROMIUM_FLAGS, find_chromium

# Frames come as fast as the machine makes them: the CPU of a frame is the same, and the wait between them is left out.
_FLAGS = ["--disable-frame-rate-limit", "--disable-gpu-vsync"]
_PAGE = "<!doctype html><style>body {{ font: 14px/1.6 sans-serif; margin: 0 }} {css}</style><body>"


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds of the page's main thread: in all, and in its scripts alone."""

    all: float
    script: float
    frames: int

    def __add__(self, other: Cpu) -> Cpu:
        return Cpu(self.all + other.all, self.script + other.script, self.frames + other.frames)

    @property
    def frame(self) -> float:
        """Milliseconds a frame."""
        return self.all / self.frames * 1e3

    @property
    def frame_script(self) -> float:
        """Milliseconds a frame, of scripts."""
        return self.script / self.frames * 1e3


class Page:
    """One page, 900 x 700 CSS pixels, unscrolled: after the first screen the answer grows below its edge."""

    def __init__(self, browser: Browser, built: Path) -> None:
        self._page = browser.new_page(viewport={"width": 900, "height": 700})
        self._page.set_content(_PAGE.format(css=(built / "answer.css").read_text(encoding="utf-8")))
        self._page.add_script_tag(path=built / "page.js")
        self._cdp = self._page.context.new_cdp_session(self._page)
        self._cdp.send("Performance.enable", {"timeDomain": "threadTicks"})

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function of js/bench/page.ts and return its result."""
        return self._page.evaluate(f"arguments => bench.{function}(...arguments)", list(arguments))

    def cpu_of(self, function: str, *arguments: Any) -> tuple[Cpu, Any]:
        """Call a function, and return its cost (as of one frame) and its result."""
        before = self._metrics()
        result = self.call(function, *arguments)
        after = self._metrics()
        used, script = (after[name] - before[name] for name in ("TaskDuration", "ScriptDuration"))
        return Cpu(used, script, 1), result

    def close(self) -> None:
        self._page.close()

    def _metrics(self) -> dict[str, float]:
        return {metric["name"]: metric["value"] for metric in self._cdp.send("Performance.getMetrics")["metrics"]}


class Chromium:
    """A Chromium to open such pages in."""

    def __init__(self, browser: Browser, built: Path) -> None:
        self._browser = browser
        self._built = built

    @contextmanager
    def open(self) -> Iterator[Page]:
        """Open a page in a process of its own, and close it afterwards."""
        page = Page(self._browser, self._built)
        try:
            yield page
        finally:
            page.close()


@contextmanager
def start_chromium() -> Iterator[Chromium]:
    """Build the page's part and start Chromium. End it afterwards."""
    with tempfile.TemporaryDirectory(prefix="sw-bench-") as directory:
        subprocess.run(["node", ROOT / "js" / "bench" / "build.mjs", directory], check=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*CHROMIUM_FLAGS, *_FLAGS])
            try:
                yield Chromium(browser, Path(directory))
            finally:
                browser.close()
