"""A Chromium, and a tab of it that remembers what its page asked for and said."""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Browser, Page, Playwright

from tests.support.deadlines import SOON, START

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
_SIZE = {"width": 1280, "height": 1000}


def find_chromium() -> str:
    """Return the path of a Chromium or Chrome: ``CHROMIUM_PATH``, or one on the PATH."""
    for name in (os.environ.get("CHROMIUM_PATH", ""), *BROWSERS):
        if name and (path := shutil.which(name)):
            return path
    raise FileNotFoundError("no Chromium or Chrome found: install one, or set CHROMIUM_PATH to it (`make test` does)")


def launch(playwright: Playwright) -> Browser:
    """Start the browser of the tests: Chromium, or a Firefox of the system's with ``TEST_BROWSER=firefox``."""
    if os.environ.get("TEST_BROWSER") != "firefox":
        return playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
    firefox = next(path for name in ("firefox-esr", "firefox") if (path := shutil.which(name)))
    # By WebDriver BiDi: the channel for a Firefox without Playwright's changes.
    return playwright.firefox.launch(channel="moz-firefox", executable_path=firefox)


class Tab:
    """A page with a browser context of its own.

    Attributes
    ----------
    page : playwright.sync_api.Page
    requests : list of str
        The addresses that it asked for.
    console : list of str
        What it wrote to its console, and the errors that nobody caught.
    """

    def __init__(self, browser: Browser) -> None:
        self._context = browser.new_context(viewport=_SIZE)
        self.requests: list[str] = []
        self.console: list[str] = []
        self.page = self._another()

    def _another(self) -> Page:
        page = self._context.new_page()
        page.set_default_timeout(SOON * 1000)
        page.set_default_navigation_timeout(START * 1000)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda websocket: self.requests.append(websocket.url))
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"pageerror: {error}"))
        return page

    def begin_anew(self) -> None:
        """Open an empty page in place of this one."""
        self.page.close()
        self.page = self._another()

    def forget(self) -> None:
        """Forget what was noted, and what a test set in the browser."""
        self.page.unroute_all()
        self.page.set_viewport_size(_SIZE)
        self.page.mouse.move(0, 0)
        self.requests.clear()
        self.console.clear()

    def close(self) -> None:
        """Close its context."""
        self._context.close()
