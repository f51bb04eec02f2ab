"""Many simulated machines under four appliances, of which one after the other is killed and started again."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.errors import NotMeasured
from bench.support import crowd
from bench.support.policies import policy
from bench.support.replicated import Processed
from rig.appliances import SiteProcess, TwoSites

CYCLE_SECONDS, POINT_SECONDS = 15.0, 300
SETTLE_SECONDS = 30.0
STARTED_AFTER_SECONDS = 1.0
"""As the unit of an appliance says."""
GIVEN_UP_SECONDS = 600.0
LOOK_SECONDS = 3.0
POLICY = policy(cycle_seconds=CYCLE_SECONDS, point_every_seconds=POINT_SECONDS)
HOW = (
    f"{CYCLE_SECONDS:.0f} s between cycles, a point every five minutes, one in {crowd.ONE_WRITES_IN} writes; "
    f"from the kill, with a start {STARTED_AFTER_SECONDS:.0f} s later, until what LATEST would start from is "
    "of after it; first a source is killed, then a target"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds from a kill until each machine of the killed appliance had a point of after it."""

    source: list[float]
    target: list[float]

    @property
    def median_source(self) -> float:
        return statistics.median(self.source)

    @property
    def median_target(self) -> float:
        return statistics.median(self.target)


@functools.cache
def measured(machines: int) -> Seen:
    half = machines // 2
    with (
        TwoSites() as first,
        TwoSites() as second,
        crowd.replicated(first, half, POLICY) as of_first,
        crowd.replicated(second, machines - half, POLICY) as of_second,
    ):
        time.sleep(SETTLE_SECONDS)
        source = _fresh_after(_death(first.a), first, of_first)
        target = _fresh_after(_death(second.b), second, of_second)
    return Seen(source, target)


def _death(site: SiteProcess) -> Callable[[], None]:
    return lambda: site.die_and_return(STARTED_AFTER_SECONDS)


def _fresh_after(death: Callable[[], None], sites: TwoSites, machine_ids: Iterable[str]) -> list[float]:
    died_at, began = datetime.now(UTC), time.monotonic()
    death()
    processed, lacking, took = Processed(sites.b.config), set(machine_ids), list[float]()
    while lacking:
        fresh = {each for each in lacking if processed.at(each) > died_at}
        took += [time.monotonic() - began] * len(fresh)
        lacking -= fresh
        if time.monotonic() - began > GIVEN_UP_SECONDS:
            raise NotMeasured(f"{len(lacking)} machines had no point {GIVEN_UP_SECONDS:.0f} s after a kill")
        time.sleep(LOOK_SECONDS)
    return took
