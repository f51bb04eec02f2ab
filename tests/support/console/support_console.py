"""A real browser, and what is looked at in a page."""

import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig import browser
from rig.eventually import eventually
from tests.support import packages

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / ".cache/console/pictures"
AXE = ROOT / "console/node_modules/axe-core/axe.min.js"
LOOKS = {"light": (1400, 900, "light"), "dark": (1400, 900, "dark"), "narrow": (390, 844, "light")}
WITHIN_MS = 30_000
HOST = "ERR_NETWORK_CHANGED"
"""Chromium drops its connections whenever a bridge of this host comes or goes: those of guests, too."""
TRIED_AGAIN = "interrupted by another navigation"
"""A page whose program was cut off by that loads itself again."""
BAD = ("serious", "critical")
OF_AXE = """axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map(
    (each) => ({impact: each.impact, id: each.id, at: each.nodes.map((node) => node.html.slice(0, 200))})))"""


def require_axe():
    """The checks for accessibility, of the console's own npm packages."""
    if not AXE.exists():
        make = [ROOT / "console/make", ROOT / ".cache", ROOT / ".cache/console/built"]
        subprocess.run(make, check=True, timeout=900)


@contextmanager
def chromium(*, keeps_pages=False):
    """A headless Chromium of Debian's. Skips where it cannot be installed."""
    packages.require("chromium", browser.CHROMIUM.exists)
    with browser.chromium(keeps_pages=keeps_pages) as found:
        yield found


class Tab:
    """A tab with what its console said, and a log-in if a token is given."""

    def __init__(self, context, url):
        self.url = url
        self.page = context.new_page()
        self.page.set_default_timeout(WITHIN_MS)
        self.said: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda each: self.said.append(str(each)))

    def _hear(self, message):
        if message.type in ("error", "warning") and HOST not in message.text:
            self.said.append(f"{message.text} {message.location.get('url', '')}".strip())

    def open(self, path):
        return eventually(lambda: self._opened(f"{self.url}/console{path}"))

    def _opened(self, url):
        from playwright.sync_api import Error

        try:
            self.page.goto(url)
        except Error as problem:
            if not any(word in problem.message for word in (HOST, "chrome-error:", TRIED_AGAIN)):
                raise  # the second one comes of the first, which is shown already
            return None
        return self

    def log_in(self, token):
        return self.open("/").log_in_here(token)

    def log_in_here(self, token):
        self.page.get_by_role("tab", name="Access token").click()
        self.page.get_by_label("Access token", exact=True).and_(self.page.locator("input")).fill(token)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("button", name="Log out").wait_for()
        self.said.clear()  # that nobody was logged in was answered by 401, which a browser's console tells
        return self

    def is_settled(self):
        """Wait until the page shows what it is about."""
        self.page.get_by_role("heading", level=1).wait_for()
        self.page.wait_for_function("() => !document.querySelector('.pf-v6-c-spinner')")
        return self

    def amiss(self):
        """What axe finds that hinders people."""
        self.page.evaluate(AXE.read_text())
        return [each for each in self.page.evaluate(OF_AXE) if each["impact"] in BAD]

    def is_too_wide(self):
        return self.page.evaluate("document.documentElement.scrollWidth > innerWidth")


class Wire:
    """What a tab has fetched, by address."""

    def __init__(self, page):
        self.bytes, self._urls = {}, {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.responseReceived", self._begun)
        session.on("Network.loadingFinished", self._ended)

    def _begun(self, told):
        self._urls[told["requestId"]] = told["response"]["url"]

    def _ended(self, told):
        url = self._urls.get(told["requestId"], "")
        self.bytes[url] = self.bytes.get(url, 0) + told["encodedDataLength"]

    def program(self):
        return sum(count for url, count in self.bytes.items() if "/console/" in url)


def opened(chromium, url, look="light"):
    """A new context of the browser, as a person's: its own cookies."""
    width, height, scheme = LOOKS[look]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, ignore_https_errors=True
    )
    return Tab(context, url)


SLOW = [pytest.mark.slow, pytest.mark.timeout(900)]
