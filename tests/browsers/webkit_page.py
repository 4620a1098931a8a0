"""A WebKit of the system's, behind the few words of a Playwright page that a notebook's page is driven by.

Playwright drives a WebKit of its own only. Debian's has a WebDriver, so this speaks to that one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.webkitgtk.service import Service

from tests.support.children import child
from tests.support.deadlines import SOON, START, until

# As Playwright's `evaluate`: an expression or a function of one argument, and what a promise comes to.
_EVALUATE = """
const [code, argument, done] = arguments
Promise.resolve().then(() => {
  const value = (0, eval)(`(${code})`)
  return typeof value === 'function' ? value(argument) : value
}).then(value => done([value ?? null, null]), error => done([null, String(error)]))
"""
_BROWSERS = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))


class WebKitPage:
    """One page. Times are in milliseconds, as in Playwright."""

    def __init__(self, driver: webdriver.WebKitGTK) -> None:
        self.driver = driver

    @property
    def url(self) -> str:
        """The page's address."""
        return self.driver.current_url

    def goto(self, address: str) -> None:
        """Load an address."""
        self.driver.get(address)

    def evaluate(self, code: str, arg: Any = None) -> Any:
        """Run JavaScript in the page, and return what it, or its promise, comes to."""
        value, error = self.driver.execute_async_script(_EVALUATE, code, arg)
        if error is not None:
            raise AssertionError(error)
        return value

    def wait_for_function(self, code: str, *, arg: Any = None, timeout: float = SOON * 1000) -> None:
        """Wait until the JavaScript is true."""
        until(lambda: self.evaluate(code, arg), code, timeout / 1000, pause=0.1)

    def screenshot(self, *, path: Path) -> None:
        """Save a picture of the page."""
        self.driver.save_screenshot(str(path))


class WebKitTab:
    """What :class:`tests.ui.lab.NotebookPage` asks of a tab."""

    def __init__(self, driver: webdriver.WebKitGTK) -> None:
        self.page = WebKitPage(driver)


@contextmanager
def webkit(directory: Path) -> Iterator[WebKitTab]:
    """Start WebKit's small browser on a screen that nobody sees."""
    display = f":{os.getpid() % 30_000 + 100}"
    screen = [shutil.which("Xvfb") or "Xvfb", display, "-screen", "0", "1280x1000x24", "-nolisten", "tcp"]
    with child(screen, directory / "screen.log", directory=directory, env=dict(os.environ)) as started:
        started.wait_until(lambda: Path(f"/tmp/.X11-unix/X{display[1:]}").exists(), "the screen is there")
        # WebKit's sandbox needs namespaces, and a container or root has none.
        service = Service(
            shutil.which("WebKitWebDriver"),
            env=os.environ | {"DISPLAY": display, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"},
        )
        options = webdriver.WebKitGTKOptions()
        options.binary_location = str(_BROWSERS[-1])
        options.add_argument("--automation")
        driver = webdriver.WebKitGTK(options=options, service=service)
        try:
            driver.set_window_size(1280, 1000)
            driver.set_page_load_timeout(START)
            driver.set_script_timeout(SOON)
            yield WebKitTab(driver)
        finally:
            driver.quit()
