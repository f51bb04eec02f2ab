"""How long a browser takes until the console of a vault of N machines can be used (any number in the name).

A Chromium that has nothing of it opens the overview, then the list of all machines, and looks for one there.
"""

from __future__ import annotations

import functools
import gzip
import time
from dataclasses import dataclass
from typing import Any

import httpx2

from bench.errors import NotMeasured
from bench.figure import Figure
from bench.pair.paired_vault import PairedVault
from bench.support.listed import listed
from rig import browser

WITHIN_MS = 120_000
ROWS = "tbody tr:not([aria-hidden])"
LEAST_ROWS = 10
EVERY_MS = 100
LAST = 7


@dataclass(frozen=True, slots=True)
class Opened:
    """Seconds by the clock, and of the browser's processor."""

    overview_seconds: float
    overview_processor: float
    list_seconds: float
    list_processor: float
    search_processor: float
    rows_bytes: int
    """All rows as they are sent, packed."""


@functools.cache
def opened(machines: int) -> Opened:
    if not browser.CHROMIUM.exists():
        raise NotMeasured("there is no Chromium; next: ./dev test tests/console/test_size.py")
    with listed(machines) as paired, browser.chromium() as chromium:
        context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1400, "height": 900})
        token = (paired.home("vault") / "token").read_text().strip()
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.goto(f"{paired.url}/console/")
        _log_in(page, token)
        return _opened(page, machines, paired, token)


def _log_in(page: Any, token: str) -> None:
    page.get_by_role("tab", name="Access token").click()
    page.locator("input#token").fill(token)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log out").wait_for()


def _opened(page: Any, machines: int, paired: PairedVault, token: str) -> Opened:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def taken() -> float:
        found = session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in found if each["name"] == "ProcessTime"))

    began, before = time.monotonic(), taken()
    page.reload()
    page.get_by_text("What replicates where").wait_for()
    overview, overview_processor = time.monotonic() - began, taken() - before
    began, before = time.monotonic(), taken()
    page.locator("nav a[href='/console/machines']").click()
    _wait(page, f">= {min(LEAST_ROWS, machines)}")
    listed_seconds, list_processor = time.monotonic() - began, taken() - before
    before = taken()
    page.get_by_label("Find by name").press_sequentially(f"{machines - 1:05d}")
    _wait(page, "=== 1")
    return Opened(
        overview, overview_processor, listed_seconds, list_processor, taken() - before, _rows(paired, token)
    )


def _wait(page: Any, many: str) -> None:
    """Until so many rows are seen. A look in each frame, as is usual, would be most of what is taken."""
    page.wait_for_function(f"() => document.querySelectorAll('{ROWS}').length {many}", polling=EVERY_MS)


def _rows(paired: PairedVault, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    with httpx2.Client(verify=False, timeout=60) as client:
        with client.stream("GET", f"{paired.url}/api/machine-rows", headers=headers) as answer:
            packed = b"".join(answer.iter_raw())
    gzip.decompress(packed)
    return len(packed)


def measure(machines: int) -> Figure:
    found = opened(machines)
    return Figure(
        name=f"console_{machines}_ready_seconds", value=round(found.overview_seconds, 2), unit="s", goal=2.0,
        better="lower",
        peer=f"browser's processor: overview {found.overview_processor:.2f} s, "
        f"list {found.list_processor:.2f} s (goal 1), a search of 5 letters {found.search_processor:.2f} s; "
        f"all rows {found.rows_bytes:,} bytes packed (goal 400,000)",
        how=f"from loading the overview until all of it is there, in Chromium; {machines} machines",
        measured={
            "overview_processor": found.overview_processor, "list_seconds": found.list_seconds,
            "list_processor": found.list_processor, "search_processor": found.search_processor,
            "rows_bytes": found.rows_bytes,
        },
    )  # fmt: skip
