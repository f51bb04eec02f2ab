"""How long one of N machines takes, asked for by five clients on kept connections."""

from __future__ import annotations

from bench.figure import Figure, percentile, spread_of
from bench.pair import before
from bench.pair.measured import measured


def measure(machines: int) -> Figure:
    found = measured(machines)
    one, at_work = found.answers.one, found.answers_at_work.one
    return Figure(
        name=f"vault_{machines}_one_p99_ms", value=round(percentile(one.milliseconds, 0.99), 1), unit="ms",
        goal=20.0,
        better="lower", peer=before.peer("one", machines),
        how=f"p99 of GET /api/machines/NAME, {one.size_bytes:,} bytes, asked over and over; while machines "
        f"are committed {percentile(at_work.milliseconds, 0.99):.0f} ms",
        spread=spread_of(one.milliseconds),
        measured={"answers": len(one.seconds), "at_work": spread_of(at_work.milliseconds)},
    )  # fmt: skip
