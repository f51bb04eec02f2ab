"""Memory that the vault holds after an hour of peace with N machines. Only measured when it is named: it
takes that hour."""

from __future__ import annotations

from bench.figure import Figure, spread_of
from bench.pair import before, in_peace
from bench.pair.measured import rss_in_an_hour


def measure(machines: int) -> Figure:
    samples = rss_in_an_hour(machines)
    last = samples[-in_peace.LAST_SAMPLES :]
    return Figure(
        name=f"vault_{machines}_rss_mb_after_an_hour", value=round(max(last), 1), unit="MB", goal=250.0,
        better="lower",
        peer=before.peer("rss", machines),
        how=(
            f"most resident memory in the last minutes of an hour of peace after {machines} machines were "
            "enabled at once"
        ),
        spread=spread_of(samples), measured={"samples": samples},
    )  # fmt: skip
