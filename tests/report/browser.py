"""A real Chromium for the tests of the page, and what must never happen in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOW = (
    "no Chromium found, and without one nobody has looked at the page: install it (`apt-get install chromium`, or "
    "`.tox/test/bin/python -m playwright install chromium`), or name one in GRADCONFORM_CHROMIUM. Only where none can "
    "be installed, GRADCONFORM_NO_BROWSER=1 leaves these tests off"
)
READY = "html[data-ready=yes]"


def chromium(playwright: Playwright) -> str | None:
    """The program: the one named, the system's, or playwright's own."""
    named = os.environ.get("GRADCONFORM_CHROMIUM")
    if named:
        return named
    own = playwright.chromium.executable_path
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or (own if Path(own).is_file() else None)


@contextmanager
def launched() -> Iterator[Browser]:
    """A headless Chromium that talks to nobody. Raises FileNotFoundError where there is none."""
    with sync_playwright() as playwright:
        program = chromium(playwright)
        if program is None:
            raise FileNotFoundError(HOW)
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=program, args=quiet)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Opened:
    """A page in the browser. errors: what its console said; requests: what it asked for beside itself."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def go(self, address: str) -> None:
        """Follow an address within the page."""
        self.page.evaluate("address => { location.hash = address; }", address)
        self.page.wait_for_timeout(60)

    def texts(self, selector: str) -> list[str]:
        """What the elements say, those that are shown."""
        return [each.inner_text().strip() for each in self.page.locator(selector).all() if each.is_visible()]


@contextmanager
def opened(
    browser: Browser, path: Path, *, scheme: str = "light", width: int = 1280, address: str = ""
) -> Iterator[Opened]:
    """A page from disk, when its script is ready."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    found = Opened(page)
    page.on("console", lambda said: found.errors.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    page.on("request", lambda asked: found.requests.append(asked.url))
    page.goto(path.as_uri() + address)
    # Never wait_for_function: it evaluates text in the page, which the page's own policy forbids.
    page.locator(READY).wait_for(state="attached", timeout=30_000)
    try:
        yield found
    finally:
        context.close()
