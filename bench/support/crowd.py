"""Many simulated machines that two real appliances replicate: a few write pages, the others nothing."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import NotMeasured
from bench.figure import percentile
from bench.support.guests import Guests
from bench.support.policies import policy
from bench.support.replicated import Processed
from rig.appliances import Pair, SiteProcess, TwoSites
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.control.orders import Kind

DISK_BYTES = 16 * MiB
ONE_WRITES_IN = 10
PAGES_A_TURN = 2
"""Of 4 KiB, four turns a second."""
SETTLE_SECONDS = 20
SAMPLED_SECONDS = 60
EVERY_SECONDS = 2.0
WHOLE_WITHIN_SECONDS = 1800
PARTS = ("source", "target")
POLICY = policy(cycle_seconds=5.0, point_every_seconds=300)


@dataclass(slots=True)
class Seen:
    """Ages of the second site in seconds, of machines that write and of the others; and what both
    appliances took."""

    busy: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    cores: dict[str, float] = field(default_factory=dict)
    rss_mb: dict[str, float] = field(default_factory=dict)
    """The most that was seen, by appliance."""

    @property
    def p99(self) -> float:
        return percentile(self.busy + self.idle, 0.99)


@functools.cache
def measured(machines: int) -> Seen:
    """Measured once for all figures of a run."""
    with TwoSites() as sites, replicated(sites, machines) as writes:
        time.sleep(SETTLE_SECONDS)
        return _sample(sites, writes)


@contextmanager
def replicated(sites: TwoSites, machines: int, policy: PolicyShape = POLICY) -> Iterator[Mapping[str, bool]]:
    """All machines, whole at the target; yields by machine id whether it writes, which it does inside the
    context."""
    pairs = [_made(sites, number) for number in range(machines)]
    for pair in pairs:
        pair.target.do(Kind.PREPARE_REPLICA, pair.replica_setup(policy=policy), pair.machine_id)
        pair.source.do(Kind.START_REPLICATION, pair.source_setup(policy=policy), pair.machine_id)
    _wait_until_whole(pairs)
    writers = {pair.machine_id: pair.fabric_id for pair in pairs[::ONE_WRITES_IN]}
    with Guests(sites.a.root, list(writers.values()), PAGES_A_TURN) as guests:
        yield {pair.machine_id: pair.machine_id in writers for pair in pairs}
        if not guests.writing:
            raise NotMeasured("the guests stopped writing")


def _made(sites: TwoSites, number: int) -> Pair[SiteProcess]:
    name = f"vm{number:04d}"
    fabric_id = simulated.make_machine(sites.a.root, name, [DISK_BYTES])
    sites.a.fabric.power.start(fabric_id)
    return Pair(sites.a, sites.b, fabric_id, name=name)


def _wait_until_whole(pairs: Sequence[Pair[SiteProcess]]) -> None:
    deadline, lacking = time.monotonic() + WHOLE_WITHIN_SECONDS, list(pairs)
    while lacking:
        lacking = [pair for pair in lacking if not pair.status().synchronized]
        if time.monotonic() > deadline:
            raise NotMeasured(f"{len(lacking)} machines had no point after {WHOLE_WITHIN_SECONDS} s")
        time.sleep(1)


def _sample(sites: TwoSites, writes: Mapping[str, bool]) -> Seen:
    seen, processed = Seen(), Processed(sites.b.config)
    sides = dict(zip(PARTS, (sites.a.pid, sites.b.pid), strict=True))
    began = {part: _processor_seconds(pid) for part, pid in sides.items()}
    ends_at = time.monotonic() + SAMPLED_SECONDS
    while time.monotonic() < ends_at:
        for machine_id, writes_pages in writes.items():
            (seen.busy if writes_pages else seen.idle).append(processed.age_seconds(machine_id))
        for part, pid in sides.items():
            seen.rss_mb[part] = max(seen.rss_mb.get(part, 0.0), _rss_mb(pid))
        time.sleep(EVERY_SECONDS)
    for part, pid in sides.items():
        seen.cores[part] = (_processor_seconds(pid) - began[part]) / SAMPLED_SECONDS
    return seen


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000 * 1.024
