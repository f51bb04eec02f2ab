"""Two sites with a machine whose guest writes all the time, the line between them, and how all of it comes
to rest."""

import contextlib
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from chaos import invariants
from chaos.errors import PromiseBroken
from chaos.keeper import Keeper
from chaos.ledger import Ledger
from rig import Rig, processes
from rig.relay import Relay
from rig.sites import SITES, SiteName
from secondsite.client import Vault
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground.units import MiB
from secondsite.wire import rest

T = TypeVar("T")
MACHINE = "web01"
POLICY = rest.PolicyCreate(
    name="walk",
    rpo_threshold_seconds=60,
    retention_seconds=60,
    crash_consistent_every_seconds=1,
    app_consistent_every_seconds=0,
    cycle_seconds=0.5,
)
DISK_BYTES = (16 * MiB, 4 * MiB)
"""Room for twenty minutes of records on the first."""
SETTLE_SECONDS = 240.0
PATIENCE_SECONDS = 3.0
"""So long a job may wait for a line that is cut."""
LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.03, 0.3
"""Each answer costs the vault milliseconds of processor time, and walks were half of them."""


def pauses() -> Iterator[float]:
    """Between looks: short at first, then longer."""
    seconds = LOOK_SECONDS
    while True:
        yield seconds
        seconds = min(1.5 * seconds, LONGEST_LOOK_SECONDS)


@dataclass(slots=True)
class Episode:
    """All that a walk works with. `lost`: the site that is gone for good. `undo`: takes out of the way
    what an owner did. `name`: of the machine that it looks at."""

    rig: Rig
    vault: Vault
    ledger: Ledger
    keeper: Keeper
    relays: tuple[Relay, ...]
    chance: random.Random
    points: invariants.Points
    lost: str | None = None
    copies_told: int = 0
    undo: Callable[[], str] = str
    log: list[str] = field(default_factory=list)
    name: str = MACHINE

    @property
    def sites(self) -> list[str]:
        return [site for site in SITES if site != self.lost]

    # ---- what is shown
    # -----------------------------------------------------------------------------------------------

    def ask(self, question: Callable[[Vault], T], within_seconds: float = 90) -> T:
        """Of the vault, as soon as it answers; whatever else it raises is raised."""
        deadline = time.monotonic() + within_seconds
        while True:
            try:
                return question(self.vault)
            except errors.VaultUnreachable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LONGEST_LOOK_SECONDS)

    def machine(self) -> rest.Machine | None:
        """As the vault shows it; None while it is not protected."""
        try:
            return self.ask(lambda vault: vault.machines[self.name].show())
        except errors.NotFound:
            return None

    def machine_is_protected(self) -> bool:
        return self.machine() is not None

    def active_site(self) -> str:
        machine = self.machine()
        if machine is not None:
            return machine.active_site
        there = [site for site, _ in self.ledger.running()] or [site for site, _ in self.ledger.machines()]
        ran_last = [boot.site for boot in self.ledger.boots[-1:] if boot.site in there]
        return next(iter((*ran_last, *there, *self.sites)))

    def jobs(self, *states: rest.JobState) -> list[rest.Job]:
        found = self.ask(lambda vault: list(vault.jobs.list(state=states)))
        return [job for job in found if isinstance(job.verb, Verb)]

    # ---- coming to rest
    # ------------------------------------------------------------------------------------------------

    def follow(self, job_id: str) -> rest.Job:
        """The job at its end; a cut line is mended if it waits for it, and the owner gives way. A held job
        is left to people."""
        began = time.monotonic()
        for pause in pauses():
            job = self.ask(lambda vault: vault.jobs[job_id].show())
            if job.state.ended or job.state is rest.JobState.HELD:
                self.excuse(job)
                return job
            if time.monotonic() - began > PATIENCE_SECONDS:
                self.mend()
                self.undo()
            if time.monotonic() - began > SETTLE_SECONDS:
                raise PromiseBroken(f"it does not end: {self.rig.describe(job)}")
            time.sleep(pause)
        raise AssertionError

    def excuse(self, job: rest.Job) -> None:
        """A failover that did not, or could not, shut its source down says so: what runs there is the
        operator's."""
        off = next((task for task in job.tasks if task.name == "Shut down"), None)
        if job.verb is Verb.FAILOVER and off is not None and off.state is not rest.TaskState.SUCCEEDED:
            self.ledger.pardon = f"failover {job.id} went on without the source"
            self.ledger.complaints[:] = [told for told in self.ledger.complaints if "copies of" not in told]

    def mend(self) -> None:
        for relay in self.relays:
            relay.up = True

    def all_up(self) -> None:
        """Waits for whoever died."""
        self._until("all are connected", self._all_connected)

    def settle(self) -> None:
        """Whoever died is back, what is held was decided, and no job is left."""
        self.all_up()
        left = self.jobs(*(state for state in rest.JobState if not state.ended))
        for job in left:
            if job.state is rest.JobState.HELD:
                self.decide(job)
        for job in left:
            self.follow(job.id)

    def check(self) -> None:
        """Every promise, now."""
        for watcher in (self.ledger, self.keeper):
            watcher.check()
        if self.keeper.complaints:
            raise PromiseBroken("; ".join(self.keeper.complaints))
        if self.ledger.pardon is not None:
            self._told_of()
        invariants.one_copy(self.ledger)
        machine = self.machine()
        if machine is not None:
            invariants.leads_on(machine)
            self.ledger.runs_at = machine.active_site
        self.points.ask()
        self._guest_goes_on()

    def _guest_goes_on(self) -> None:
        """The guest of the copy that runs writes, from its last start on."""
        before = self.ledger.last
        boots = len(self.ledger.boots)

        def goes_on() -> bool:
            wrote = self.ledger.last > before or len(self.ledger.boots) > boots
            return wrote or len(self.ledger.running()) != 1

        self._until("the guest writes", goes_on)

    def _told_of(self) -> None:
        """Whose deed it was hears of it, and undoes it."""
        machine = self.machine()
        if len(self.ledger.running()) > 1:
            if machine is not None:
                invariants.second_copy_is_told(self.ledger, self._critical)
                self.copies_told += 1
            active = self.active_site()
            for site, fabric_id in self.ledger.running():
                if site != active:
                    self._off_and_vetoed(site, fabric_id)
        self.ledger.pardon = None

    def _off_and_vetoed(self, site: str, fabric_id: str) -> None:
        host = Host(self.rig.home(f"appliance-{site}") / "fabric")
        simulated.open_fabric(host.root).power.stop(fabric_id)
        with host.records.lock(fabric_id, "put the veto back"):
            host.records.save(host.records.need(fabric_id).having(start_forbidden=True))

    def _critical(self) -> list[str]:
        machine = self.machine()
        return [str(each.code) for each in machine.findings if each.severity == "critical"] if machine else []

    def decide(self, job: rest.Job) -> None:
        """Of one that is held: on or back."""
        go_on = self.chance.random() < 0.5
        self.log.append(f"  held {job.verb} {job.id[:10]}: {'resume' if go_on else 'cancel'}")

        def decide(vault: Vault) -> None:
            with contextlib.suppress(errors.NotPossibleNow):
                vault.jobs[job.id].resume() if go_on else vault.jobs[job.id].cancel()

        self.ask(decide)

    def _all_connected(self) -> bool:
        with contextlib.suppress(errors.VaultUnreachable):
            return all(each.connected for each in self.vault.appliances if each.site != self.lost)
        return False

    def _until(self, what: str, is_true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        for pause in pauses():
            if is_true():
                return
            if time.monotonic() > deadline:
                raise PromiseBroken(f"not within {SETTLE_SECONDS:.0f} s: {what}")
            time.sleep(pause)


def in_memory() -> Path:
    """A new folder. Nobody cuts the power here: what a process wrote is there, whatever the disk does."""
    there = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="ss-walk-", dir=there if os.access(there, os.W_OK) else "/var/tmp"))


@contextlib.contextmanager
def opened(chance: random.Random) -> Iterator[Episode]:
    """Lives as long as the block; nothing is left behind."""
    with two_sites() as (rig, relays):
        made = rig.make_simulated(MACHINE, disk_bytes=DISK_BYTES)
        simulated.set_autostart(made.host, made.fabric_id)
        with rig.client() as vault, Keeper(rig) as keeper, Ledger(MACHINE, roots(rig)) as ledger:
            points = invariants.Points(rig, MACHINE, ledger.held_at, vault=vault)
            yield Episode(rig, vault, ledger, keeper, relays, chance, points)
        for process in (rig.vault, *rig.appliances.values()):
            process.kill()


@contextlib.contextmanager
def two_sites(
    furnish: Callable[[Rig, SiteName], None] = lambda _rig, _site: None,
) -> Iterator[tuple[Rig, tuple[Relay, ...]]]:
    """With a vault, appliances that reach each other by lines which can be cut, and the policy; no machine
    yet. `furnish` is called before a site's appliance starts."""
    ports = {site: processes.free_port() for site in SITES}
    relays = {site: Relay(port) for site, port in ports.items()}
    options: dict[str, list[str]] = {
        site: ["--listen", f"127.0.0.1:{ports[site]}", "--advertise", f"127.0.0.1:{relays[site].port}"]
        for site in SITES
    }
    try:
        with Rig("simulated", in_memory(), appliance_options=options, forked=True) as rig:
            rig.open(furnish=lambda site: furnish(rig, site))
            with rig.client() as vault:
                vault.policies.create(**POLICY.model_dump())
            yield rig, tuple(relays.values())
    finally:
        for relay in relays.values():
            relay.close()


def roots(rig: Rig) -> dict[str, Path]:
    """Of the simulated hosts, by site."""
    return {site: rig.home(f"appliance-{site}") / "fabric" for site in SITES}
