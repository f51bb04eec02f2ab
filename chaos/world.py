"""Two simulated sites, a machine whose guest writes all the time, and what has to be true after every
verb."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from chaos import invariants, sealed
from chaos.errors import PromiseBroken
from chaos.keeper import Keeper
from chaos.ledger import Boot, Ledger
from chaos.operator import Operator, chosen
from chaos.walk import MACHINE, POLICY, POOL, Station
from rig import Rig
from rig.sites import SITES, SiteName
from secondsite.datapath.encryption import encryption_key
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.wire import rest

DISK_BYTES = 64 * 2**20
"""Room for an hour and a half of the guest's records."""
# They find what hangs; a machine that does six other things at once was slower than 30 seconds without a
# fault.
GOES_ON_SECONDS = 180.0
SETTLE_SECONDS = 120.0


@dataclass(slots=True)
class World:
    """All that a sweep works with."""

    rig: Rig
    ledger: Ledger
    keeper: Keeper
    operator: Operator
    points: invariants.Points
    encrypted: bool = False
    """Whether site b has a key, and keeps the machine's replica encrypted with it."""
    kept: int = 0
    """Records that the source held when the planned failover that may be taken back began."""
    left: set[str] = field(default_factory=set)
    """The files in which it settled before: a disk that it left stays there."""

    def walk(self, station: Station) -> rest.Job:
        """One verb from its start to its end, and everything that must hold then; raises PromiseBroken."""
        boots = len(self.ledger.boots)
        job = self.operator.follow(self.operator.start(station.verb, self._asked(station)))
        self._check_state(station)
        self._check_places(station)
        if station.loses is not None:
            self._check_books(station, job, boots)
        if station.drill:
            self._check_drill(job)
        if station.loses == "taken back" or station.verb is Verb.SETTLE:
            self._check_incremental(station)
        if station.verb is Verb.SETTLE:
            self._check_settled(station)
        if station.state == "protected":
            self._check_goes_on(station)
            self._check_checkpoints(station)
        if self.encrypted:
            self._check_sealed(station)
        self._check_complaints()
        return job

    def _asked(self, station: Station) -> rest.MachinesRequest:
        asked = station.ask(self._older_point(station))
        if self.encrypted and isinstance(asked, rest.EnableProtection):
            return asked.model_copy(update={"encrypt": True})
        return asked

    def ready(self) -> None:
        """Everybody is up and connected again, and no job is left: a source that was away has been told."""
        self._eventually("both appliances are connected", self._all_connected, SETTLE_SECONDS)
        self._eventually("all jobs have ended", self._all_ended, SETTLE_SECONDS)

    def _older_point(self, station: Station) -> str | None:
        if station.name != "change point":
            return None
        points = self.rig.points(MACHINE)
        return points[max(0, len(points) - 3)].id

    # ---- what must hold
    # --------------------------------------------------------------------------------------------

    def _check_state(self, station: Station) -> None:
        if station.state == "unprotected":
            self._check_forgotten()
            return
        machine = self.operator.machine()
        if machine.state != station.state or machine.job_id is not None:
            raise PromiseBroken(f"{MACHINE} is {machine.state} (job {machine.job_id}), not {station.state}")

    def _check_forgotten(self) -> None:
        with contextlib.suppress(errors.NotFound):
            raise PromiseBroken(f"{MACHINE} is still {self.operator.machine().state}")

    def _check_places(self, station: Station) -> None:
        """One definition per copy, one copy that runs, no network but the drill's: nothing was done twice."""

        def problem() -> str | None:
            found = [*self.ledger.machines(), *self.ledger.machines(f"{MACHINE}-test")]
            there = sorted((site, each.name) for site, each in found)
            if there != sorted(station.machines):
                return f"machines {there}, wanted {sorted(station.machines)}"
            running = [site for site, _ in self.ledger.running()]
            if running != [station.runs_at]:
                return f"{MACHINE} runs at {running}, wanted {station.runs_at}"
            return self._strange_network(station)

        self._hold(problem)

    def _strange_network(self, station: Station) -> str | None:
        for site in ("a", "b"):
            extra = [name for name in self.ledger.networks(site) if name != self.rig.bridge(site)]
            if len(extra) != (1 if station.drill and site == station.target else 0):
                return f"networks at site {site}: {extra}"
        return None

    def _check_books(self, station: Station, job: rest.Job, boots: int) -> None:
        self._eventually(f"{MACHINE} boots", lambda: len(self.ledger.boots) > boots, SETTLE_SECONDS)
        wanted = self._promised(station, job, self.ledger.boots[boots])
        last = self.ledger.boots[-1].last
        if last < wanted:
            raise PromiseBroken(f"{station.name}: {wanted} records were promised, {last} are there")

    def _promised(self, station: Station, job: rest.Job, boot: Boot) -> int:
        """How many records the copy has to hold: all, all that the source held, or all older than its
        point."""
        if station.loses == "nothing":
            self.kept = len(boot.books)
            return self.kept
        if station.loses == "taken back":
            return self.kept
        _, taken_at = chosen(job, station.point_of)
        return boot.acknowledged_before(taken_at)

    def _check_drill(self, job: rest.Job) -> None:
        point_id, taken_at = chosen(job, "Test failover")
        wanted = self.ledger.acknowledged_before(taken_at)
        (site, found), *_ = self.ledger.machines(f"{MACHINE}-test")
        if found.power is not PowerState.RUNNING:
            raise PromiseBroken(f"the drill's machine is {found.power}")
        last = self.ledger.records_of(site, found.fabric_id)
        if last < wanted:
            raise PromiseBroken(f"the drill's point {point_id} holds {last} of {wanted} records")

    def _check_goes_on(self, station: Station) -> None:
        """A point that was taken after the verb had ended arrives, and no point has another's id."""
        now = datetime.now(UTC)

        def newer() -> bool:
            with contextlib.suppress(errors.VaultUnreachable):
                point = self.operator.machine().points.newest
                return point is not None and point.taken_at > now
            return False

        self._eventually(f"replication goes on after {station.name}", newer, GOES_ON_SECONDS)
        with contextlib.suppress(errors.VaultUnreachable), self.rig.client() as vault:
            ids = [point.id for point in vault.machines[MACHINE].points]
            if len(ids) != len(set(ids)):
                raise PromiseBroken(f"points with one id: {sorted(ids)}")

    def _check_incremental(self, station: Station) -> None:
        """What goes on sends changes only, from the base that it had."""
        replication = self.operator.machine().replication
        if replication is not None and replication.synchronization is not None:
            raise PromiseBroken(f"after {station.name} blocks are compared: {replication.synchronization}")

    def _check_settled(self, station: Station) -> None:
        """Its disk is a file of the pool, no other copy was left there, and the store has nothing of it."""
        home = self.rig.home(f"appliance-{station.runs_at}")
        record = next(r for r in Host(home / "fabric").records.all() if r.definition.name == MACHINE)
        [disk] = record.definition.disks
        files = {str(file) for file in (home / "fabric" / "pools" / POOL).iterdir()}
        if disk.path not in files or files - self.left - {disk.path}:
            raise PromiseBroken(f"{MACHINE} settled in {disk.path}; the pool has {sorted(files)}")
        self.left = files
        replica = self.rig.replica_folder(station.runs_at, self.operator.machine().id)
        if replica.exists():
            raise PromiseBroken(f"{MACHINE} settled, and {replica} is there")

    def _check_checkpoints(self, station: Station) -> None:
        """Between two cycles only the base is left."""

        def problem() -> str | None:
            root = self.rig.home(f"appliance-{station.runs_at}") / "fabric"
            record = next(r for r in Host(root).records.all() if r.definition.name == MACHINE)
            names = sorted(record.checkpoints)
            return f"checkpoints {names}" if len(names) > 1 else None

        self._hold(problem)

    def _check_sealed(self, station: Station) -> None:
        """The replica says that it is encrypted, and nothing of it is readable."""
        if station.state == "protected" and station.runs_at == "a":
            key_id = self.operator.machine().encryption.key_id
            if key_id is None:
                raise PromiseBroken(f"after {station.name} the replica is not encrypted")
        plain = list(sealed.readable(self.rig.home("appliance-b") / "store"))
        if plain:
            raise PromiseBroken(f"after {station.name} files are readable: {plain}")

    def _check_complaints(self) -> None:
        for watcher in (self.ledger, self.keeper):
            watcher.check()
        if self.keeper.complaints:
            raise PromiseBroken("; ".join(self.keeper.complaints))
        invariants.one_copy(self.ledger)
        with contextlib.suppress(errors.NotFound):
            invariants.leads_on(self.operator.machine())
        if not self.encrypted:
            self.points.ask()

    # ---- waiting
    # ---------------------------------------------------------------------------------------------------

    def _all_connected(self) -> bool:
        try:
            with self.rig.client() as vault:
                return all(each.connected for each in vault.appliances)
        except errors.VaultUnreachable:
            return False

    def _all_ended(self) -> bool:
        with contextlib.suppress(errors.VaultUnreachable), self.rig.client() as vault:
            return all(job.ended_at is not None for job in itertools.islice(vault.jobs, 10))
        return False

    def _hold(self, problem: Callable[[], str | None], within_seconds: float = SETTLE_SECONDS) -> None:
        """No problem, at the latest after a while; raises PromiseBroken with the last one, or what the
        guest's thread died of."""
        deadline = time.monotonic() + within_seconds
        while (found := problem()) is not None:
            self.ledger.check()
            if time.monotonic() > deadline:
                raise PromiseBroken(found)
            time.sleep(0.05)

    def _eventually(self, what: str, is_true: Callable[[], bool], within_seconds: float) -> None:
        self._hold(lambda: None if is_true() else f"not within {within_seconds} s: {what}", within_seconds)


@contextlib.contextmanager
def opened(folder: Path | None = None, *, encrypted: bool = False) -> Iterator[World]:
    """A world that lives as long as the block; nothing is left behind."""
    with Rig("simulated", folder, forked=True) as rig:

        def furnish(site: SiteName) -> None:
            if encrypted and site == "b":
                encryption_key.make(rig.home("appliance-b") / "encryption.key")

        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**POLICY.model_dump())
        rig.make_simulated(MACHINE, disk_bytes=(DISK_BYTES,))
        for site in SITES:
            (rig.home(f"appliance-{site}") / "fabric" / "pools" / POOL).mkdir(parents=True)
        roots = {site: rig.home(f"appliance-{site}") / "fabric" for site in ("a", "b")}
        with Keeper(rig) as keeper, Ledger(MACHINE, roots) as ledger:
            points = invariants.Points(rig, MACHINE, ledger.held_at)
            yield World(rig, ledger, keeper, Operator(rig, MACHINE), points, encrypted)
