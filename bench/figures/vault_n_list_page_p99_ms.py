"""How long a page of 100 of N machines takes, asked for by five clients on kept connections."""

from __future__ import annotations

from bench.figure import Figure, percentile, spread_of
from bench.pair import before
from bench.pair.in_peace import PAGE
from bench.pair.measured import measured


def measure(machines: int) -> Figure:
    found = measured(machines)
    page, at_work = found.answers.page, found.answers_at_work.page
    return Figure(
        name=f"vault_{machines}_list_page_p99_ms", value=round(percentile(page.milliseconds, 0.99), 1),
        unit="ms",
        goal=50.0, better="lower", peer=before.peer("list", machines),
        how=f"p99 of GET {PAGE}, {page.size_bytes:,} bytes, asked over and over; while machines are "
        f"committed {percentile(at_work.milliseconds, 0.99):.0f} ms",
        spread=spread_of(page.milliseconds),
        measured={"answers": len(page.seconds), "at_work": spread_of(at_work.milliseconds)},
    )  # fmt: skip
