"""How long a browser takes until the console of a vault of N machines can be used (any number in the name).

A Chromium that has nothing of it opens the overview, then the list of all machines, and looks for one there.
"""

from __future__ import annotations

import functools
import gzip
import time
from dataclasses import dataclass

import httpx2

from bench.figure import Figure
from bench.pair.paired_vault import PairedVault
from bench.support.open_console import OpenConsole, open_console

LEAST_ROWS = 10


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
    with open_console(machines) as console:
        return _opened(console, machines)


def _opened(console: OpenConsole, machines: int) -> Opened:
    page, taken = console.page, console.processor_seconds
    began, before = time.monotonic(), taken()
    page.reload()
    page.get_by_text("What replicates where").wait_for()
    overview, overview_processor = time.monotonic() - began, taken() - before
    began, before = time.monotonic(), taken()
    page.locator("nav a[href='/console/machines']").click()
    console.wait(f">= {min(LEAST_ROWS, machines)}")
    listed_seconds, list_processor = time.monotonic() - began, taken() - before
    before = taken()
    page.get_by_label("Find by name").press_sequentially(f"{machines - 1:05d}")
    console.wait("=== 1")
    rows_bytes = _rows(console.paired, console.token)
    return Opened(overview, overview_processor, listed_seconds, list_processor, taken() - before, rows_bytes)


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
