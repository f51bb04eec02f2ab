"""Who is told what, while the verbs are walked: looks at the vault as a person does, and at what the
appliances keep.

A fact begins at a position of the log that was read after the fact was told. What may be deleted later has to
survive cuts only up to a position that was read before it was last seen: so no cut asks for what was not
there.
"""

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from chaos.power_cuts.acknowledged import Acknowledged, Fact
from chaos.power_cuts.recorded_disk import RecordedDisk
from chaos.walk import MACHINE
from chaos.world import World
from rig.background import Background
from secondsite.datapath import replica
from secondsite.domain import errors

LOOK_SECONDS = 0.1
JOBS = 8
SITES = ("a", "b")


class Watcher(Background):
    """Notes facts of the disks 'vault', 'appliance-a' and 'appliance-b'."""

    def __init__(self, world: World, disks: Mapping[str, RecordedDisk]) -> None:
        super().__init__({"watcher of what is acknowledged": self._live})
        self.facts = Acknowledged()
        self._world, self._disks = world, disks

    def _live(self) -> None:
        while not self.ended.wait(LOOK_SECONDS):
            self._confirm()
            with contextlib.suppress(errors.SecondsiteError):
                self._look_at_vault()
            for site in SITES:
                self._look_at_source(site)

    def _positions(self) -> dict[str, int]:
        return {name: disk.position for name, disk in self._disks.items()}

    def _confirm(self) -> None:
        """What may be deleted one day is there: cuts up to now have to leave it."""
        now = self._positions()
        for site in SITES:
            disk, there = f"appliance-{site}", _Store(self._store(site))
            for fact in self.facts.of(disk):
                if there.holds(fact):
                    self.facts.still_there(fact, now[disk])

    def _look_at_vault(self) -> None:
        with self._world.rig.client() as vault:
            jobs = list(itertools.islice(vault.jobs, JOBS))
        now = self._disks["vault"].position
        for job in jobs:
            self.facts.note("vault", "job", (job.id,), now)
            if job.ended_at is not None:
                self.facts.note("vault", "ended job", (job.id, job.state), now)
        self._look_at_points()

    def _look_at_points(self) -> None:
        points = self._world.rig.points(MACHINE)
        now, stores = self._positions(), {site: _Store(self._store(site)) for site in SITES}
        for point in points:
            wanted = self._world.ledger.acknowledged_before(point.taken_at.timestamp())
            for site, store in stores.items():
                disk = f"appliance-{site}"
                for machine_id in store.holders(point.id):
                    self.facts.note(disk, "point", (machine_id, point.id), now[disk], wanted, ends=True)

    def _look_at_source(self, site: str) -> None:
        """The newest cycle that this site's appliance knows to be durable at the other one."""
        sources = list(_sources(self._world.rig.home(f"appliance-{site}") / "appliance.db"))
        disk = "appliance-b" if site == "a" else "appliance-a"
        now = self._disks[disk].position
        for machine_id, epoch, seq, taken_at in sources:
            wanted = self._world.ledger.acknowledged_before(taken_at)
            key = (machine_id, str(epoch), str(seq))
            self.facts.note(disk, "cycle", key, now, wanted, ends=True)

    def _store(self, site: str) -> Path:
        return self._world.rig.home(f"appliance-{site}") / "store"


class _Store:
    """The records of a store's replicas, as they are now; what is being removed is none of them."""

    def __init__(self, store: Path) -> None:
        self._states = {}
        for record in store.glob("replicas/[!.]*/replica.json"):
            with contextlib.suppress(OSError):
                self._states[record.parent.name] = replica.load_record(record)

    def holders(self, point_id: str) -> Iterator[str]:
        """The machines that have this point, from which one could start."""
        for machine_id, state in self._states.items():
            if state.layer_of(point_id) is not None and state.committed_point_id is None:
                yield machine_id

    def holds(self, fact: Fact) -> bool:
        machine_id, which, *_ = fact.key
        if fact.kind == "point":
            return machine_id in self.holders(which)
        state = self._states.get(machine_id)
        return state is not None and str(state.epoch) == which and state.committed_point_id is None


def _sources(database: Path) -> Iterator[tuple[str, int, int, float]]:
    """(machine, epoch, number of the newest acknowledged cycle, its instant in seconds of the epoch)."""
    if not database.exists():
        return
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as db:
        rows = db.execute("SELECT machine_id, setup, progress FROM sources").fetchall()
    for machine_id, setup, progress in rows:
        known = json.loads(progress)
        if known["last_seq"] is not None and known["taken_at"] is not None:
            taken_at = datetime.fromisoformat(known["taken_at"]).timestamp()
            yield machine_id, json.loads(setup)["epoch"], known["last_seq"], taken_at
