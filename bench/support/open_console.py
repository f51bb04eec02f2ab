"""A Chromium that has the console of a vault open, and what it has taken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.errors import NotMeasured
from bench.pair.paired_vault import PairedVault
from bench.support.listed import listed
from rig import browser

WITHIN_MS = 300_000
ROWS = "tbody tr:not([aria-hidden])"
EVERY_MS = 100


@dataclass(frozen=True, slots=True)
class OpenConsole:
    """Somebody is logged in, and the tools of its developers look on."""

    paired: PairedVault
    page: Any
    token: str
    session: Any

    def processor_seconds(self) -> float:
        """What the page's process has taken, with all that it painted."""
        return self._metric("ProcessTime")

    def task_seconds(self) -> float:
        """What the thread that runs the page has taken."""
        return self._metric("TaskDuration")

    def _metric(self, name: str) -> float:
        found = self.session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in found if each["name"] == name))

    def wait(self, many: str) -> None:
        """Until so many rows are seen. A look in each frame, as is usual, would be most of what is taken."""
        self.page.wait_for_function(
            f"() => document.querySelectorAll('{ROWS}').length {many}", polling=EVERY_MS
        )


@contextlib.contextmanager
def open_console(machines: int) -> Iterator[OpenConsole]:
    """Raises NotMeasured where there is no Chromium."""
    if not browser.CHROMIUM.exists():
        raise NotMeasured("there is no Chromium; next: ./dev test tests/console/test_size.py")
    with listed(machines) as paired, browser.chromium() as chromium:
        context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1400, "height": 900})
        token = (paired.home("vault") / "token").read_text().strip()
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.goto(f"{paired.url}/console/")
        _log_in(page, token)
        session = context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})  # not of the clock
        yield OpenConsole(paired, page, token, session)


def _log_in(page: Any, token: str) -> None:
    page.get_by_role("tab", name="Access token").click()
    page.locator("input#token").fill(token)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log out").wait_for()
    page.get_by_text("What replicates where").wait_for()  # the vault has looked at all machines once
