"""Processor that a browser takes for a list of N machines (any number in the name).

It is opened, scrolled to its end and searched as one types; counted is also what the page itself asks for
meanwhile. Rows are asked for by its worker: `console_n_ready_seconds` tells how large they are.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

from bench.figure import Figure
from bench.support.open_console import OpenConsole, open_console

LEAST_ROWS = 10
STEPS, STEP_PIXELS, STEP_MS = 40, 800, 50
"""Turns of the wheel before somebody drags the bar to the end."""
TYPED_MS = 120
"""Between two letters."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of the thread that runs the page, and of its whole process: what it paints in software takes
    as long as a screen is watched. Bytes as they were sent."""

    opened: float
    scrolled: float
    searched: float
    process: float
    size_bytes: int

    @property
    def seconds(self) -> float:
        return self.opened + self.scrolled + self.searched


@functools.cache
def taken(machines: int) -> Taken:
    with open_console(machines) as console:
        size = _counted(console)
        before, at = console.processor_seconds(), [console.task_seconds()]
        _open(console, machines)
        at.append(console.task_seconds())
        _scroll(console)
        at.append(console.task_seconds())
        _search(console, machines)
        at.append(console.task_seconds())
        opened, scrolled, searched = (after - before for before, after in itertools.pairwise(at))
        process = console.processor_seconds() - before
        return Taken(opened, scrolled, searched, process, sum(size))


def _counted(console: OpenConsole) -> list[int]:
    """The bytes of all pieces that the page gets from now on, without those of its worker."""
    size: list[int] = []
    console.session.on("Network.dataReceived", lambda said: size.append(int(said["encodedDataLength"])))
    console.session.send("Network.enable")
    return size


def _open(console: OpenConsole, machines: int) -> None:
    console.page.goto(f"{console.paired.url}/console/machines")  # all rows come again
    console.wait(f">= {min(LEAST_ROWS, machines)}")


def _scroll(console: OpenConsole) -> None:
    page = console.page
    page.locator(".scroller").hover()
    for _ in range(STEPS):
        page.mouse.wheel(0, STEP_PIXELS)
        page.wait_for_timeout(STEP_MS)
    page.locator(".scroller").evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
    page.get_by_role("link", name="vm0000", exact=True).wait_for()  # the one that is no copy is the last


def _search(console: OpenConsole, machines: int) -> None:
    console.page.get_by_label("Find by name").press_sequentially(f"server{machines - 1:05d}", delay=TYPED_MS)
    console.wait("=== 1")


def measure(machines: int) -> Figure:
    found = taken(machines)
    return Figure(
        name=f"console_{machines}_list_processor_seconds", value=round(found.seconds, 2), unit="s", goal=1.0,
        better="lower", peer=f"{found.size_bytes:,} bytes came for the page itself",
        how=f"processor of the thread that runs the page in Chromium, for a list of {machines} machines: "
        f"opened {found.opened:.2f} s, {STEPS} turns of the wheel and the end {found.scrolled:.2f} s, a name "
        f"typed {found.searched:.2f} s; its whole process, which paints in software, {found.process:.1f} s",
        measured={
            "opened": found.opened, "scrolled": found.scrolled, "searched": found.searched,
            "process": found.process, "size_bytes": found.size_bytes,
        },
    )  # fmt: skip
