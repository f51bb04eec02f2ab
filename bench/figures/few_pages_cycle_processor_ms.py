"""What a cycle of a machine that wrote a few pages takes of the processor, at both sites together, with its
views by filters; by backup jobs beside it."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import cycle_cost


def measure() -> Figure:
    by_filter, by_job = (
        cycle_cost.measured("libvirt", view_kind=kind)["busy"] for kind in ("filter", "backup-job")
    )
    simulated = cycle_cost.measured("simulated")["busy"]
    return Figure(
        name="few_pages_cycle_processor_ms", value=round(by_filter.total, 1), unit="ms", goal=15.0,
        better="lower",
        peer=f"the same with libvirt's backup jobs: {by_job}; a simulated machine: {simulated}",
        how=f"a real guest that writes {cycle_cost.PAGES_PER_SECOND} pages a second, filters: {by_filter}; "
        f"{cycle_cost.HOW}",
        measured={
            "filter": by_filter.told(), "backup-job": by_job.told(), "simulated": simulated.told(),
        },
    )  # fmt: skip
