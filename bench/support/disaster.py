"""A simulated machine whose site is lost with writes that were never sent, and that comes home through every
verb.

Its disk is kept here as well, so that each claim on the way is looked at: what a's own disk holds, and what
comes home.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench.errors import NotMeasured
from bench.support import content, loads, policies
from rig import Rig, guest_disk, images
from rig.sites import SiteName
from secondsite.domain.lifecycle import Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.ground.units import MiB
from secondsite.wire import rest

NAME = "bench"
DISK_BYTES = 256 * MiB
POLICY = policies.for_vault(point_every_seconds=3600, cycle_seconds=1.0)
WHOLE_WITHIN_SECONDS = 120


class Shares(NamedTuple):
    """Of the machine's pages: overwritten at a after the last cycle, at b before the reprotect, at b after
    it."""

    home: float
    away: float
    late: float


SHARES = Shares(home=0.005, away=0.01, late=0.005)


@dataclass(frozen=True, slots=True)
class Came:
    """Home: what was sent, for how many changed bytes."""

    wire: int
    changed: int

    @property
    def ratio(self) -> float:
        return self.wire / self.changed

    def as_json(self) -> dict[str, Any]:
        return {"wire": self.wire, "changed": self.changed, "ratio": round(self.ratio, 4)}


class Disaster:
    """One way there and back. `loses_bitmap`: that of the machine at b, while it is protected home."""

    def __init__(self, loses_bitmap: bool = False) -> None:
        self._loses_bitmap = loses_bitmap
        self._random = random.Random(7)
        self._held = bytearray()
        self._changed: set[int] = set()

    def played(self) -> Came:
        with two_sites() as (rig, own):
            self._held[:] = images.raw(own)
            protect(rig)
            kept = self._lose_a_with_writes(rig)
            self._work_at_b(rig)
            wire = self._come_home(rig)
            _require(images.raw(own) == kept, "a's own disk no longer holds a's own writes")
            _require(
                guest_disk.read(*running(rig, "a")) == self._held, "the disk at home is not b's last state"
            )
            rig.must(Verb.COMMIT, rest.Commit(machines=(NAME,)))
            _require(guest_disk.read(*running(rig, "a")) == self._held, "the commit changed the disk at home")
        return Came(wire, len(self._changed) * loads.PAGE_BYTES)

    def _lose_a_with_writes(self, rig: Rig) -> bytes:
        """What a's own disk holds when the site is gone."""
        rig.appliances["a"].kill()
        sent = bytes(self._held)
        self._write(rig, "a", SHARES.home)
        own = bytes(self._held)
        rig.lose("a")
        self._held[:] = sent
        return own

    def _work_at_b(self, rig: Rig) -> None:
        choice = RecoveryPointChoice.LATEST_PROCESSED
        rig.must(Verb.FAILOVER, rest.Failover(machines=(NAME,), choice=choice))
        self._write(rig, "b", SHARES.away)
        rig.must(Verb.COMMIT, rest.Commit(machines=(NAME,)))
        rig.appliances["a"].start()
        rig.wait_connected()

    def _come_home(self, rig: Rig) -> int:
        rig.must(Verb.REPROTECT, rest.Reprotect(machines=(NAME,)))
        if self._loses_bitmap:
            root, fabric_id = running(rig, "b")
            simulated.open_fabric(root).tracking.acknowledge(fabric_id, None)
        self._write(rig, "b", SHARES.late)
        rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(NAME,)))
        return _told_last(rig)

    def _write(self, rig: Rig, site: SiteName, share: float) -> None:
        """Noise over pages that are spread evenly, as the machine that runs at the site."""
        pages = DISK_BYTES // loads.PAGE_BYTES
        root, fabric_id = running(rig, site)
        with simulated.Guest(root, fabric_id) as guest:
            for page in self._random.sample(range(pages), int(pages * share)):
                noise, at = self._random.randbytes(loads.PAGE_BYTES), page * loads.PAGE_BYTES
                guest.write("vda", at, noise)
                self._held[at : at + loads.PAGE_BYTES] = noise
                self._changed.add(page)
            guest.flush("vda")


@contextmanager
def two_sites() -> Iterator[tuple[Rig, Path]]:
    """And the file of the machine's own disk at a."""
    rig, disks = Rig("simulated"), list[Path]()
    try:
        rig.open(furnish=lambda site: disks.append(_furnish(rig)) if site == "a" else None)
        yield rig, disks[0]
    finally:
        rig.close()


def _furnish(rig: Rig) -> Path:
    """The machine at a; gives the file of its disk."""
    rig.make_simulated(NAME, disk_bytes=(DISK_BYTES,))
    power = simulated.open_fabric(rig.home("appliance-a") / "fabric").power
    power.stop(rig.simulated[NAME].fabric_id)
    disk = _disk_at_a(rig)
    content.fill(disk, DISK_BYTES, content.noise)
    power.start(rig.simulated[NAME].fabric_id)
    return disk


def _disk_at_a(rig: Rig) -> Path:
    found = simulated.open_fabric(rig.home("appliance-a") / "fabric").inventory.get(
        rig.simulated[NAME].fabric_id
    )
    if found is None:
        raise NotMeasured("site a has no machine")
    return Path(found.definition.disks[0].path)


def protect(rig: Rig) -> None:
    with rig.client() as vault:
        vault.policies.create(**POLICY.model_dump())
    request = rest.EnableProtection(machines=(NAME,), source_site="a", target_site="b", policy=POLICY.name)
    rig.must(Verb.ENABLE_PROTECTION, request)
    rig.wait_for(NAME, lambda machine: machine.points.count > 0, WHOLE_WITHIN_SECONDS)


def running(rig: Rig, site: SiteName) -> tuple[Path, str]:
    """The simulated host of the site, and the machine that runs there."""
    root = rig.home(f"appliance-{site}") / "fabric"
    found = [
        each.fabric_id
        for each in simulated.open_fabric(root).inventory.list()
        if each.name == NAME and each.power is PowerState.RUNNING
    ]
    _require(len(found) == 1, f"{len(found)} machines run at {site}")
    return root, found[0]


def _told_last(rig: Rig) -> int:
    """What b's appliance has sent in all, once it tells the same twice."""
    before, ends_at = -1, time.monotonic() + 60
    while time.monotonic() < ends_at:
        now = rig.machine(NAME).replication.total_wire_bytes
        if now == before:
            return now
        before = now
        time.sleep(5)
    raise NotMeasured("the appliance at b still sends")


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise NotMeasured(complaint)
