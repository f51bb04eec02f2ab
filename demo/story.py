"""Protect, drill, lose a site, fail over, change the point, commit, come home without losing a write.

A guest writes numbered records all the time and says each on its console once it is flushed; so every loss
can be counted, and the demo fails if a promise is broken.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import guestkit
from demo.telling import Figures, Report
from rig import GuestMachine, Rig
from rig.installed import Installed
from rig.machines import ON_NETWORK
from secondsite.domain.lifecycle import Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.ground.plural import counted
from secondsite.wire import rest
from secondsite.wire.common.points import PointShape

MACHINE = "web01"
POLICY = rest.PolicyCreate(
    name="demo",
    rpo_threshold_seconds=60,
    retention_seconds=86400,
    crash_consistent_every_seconds=5,
    app_consistent_every_seconds=0,
    cycle_seconds=2,
)


class PromiseBroken(Exception):
    """What was seen is not what the product promises."""


@dataclass(slots=True)
class Story:
    rig: Rig | Installed
    report: Report
    storage: str = "qcow2"
    """What the guest's disks are: of rig.machines.STORAGE."""
    guest: GuestMachine | None = None
    at_kill: int = 0

    def tell(self) -> None:
        for part in (
            self.set_up,
            self.protect,
            self.replicate,
            self.drill,
            self.clean_up,
            self.lose_site_a,
            self.fail_over,
            self.change_point,
            self.commit,
            self.site_a_returns,
            self.reprotect,
            self.fail_back,
            self.commit_failback,
            self.reprotect_again,
        ):
            with self.report.step(part.__name__.replace("_", " ")) as figures:
                part(figures)

    # ---- forward
    # ---------------------------------------------------------------------------------------------------

    def set_up(self, figures: Figures) -> None:
        self.rig.open()
        with self.rig.client() as vault:
            vault.policies.create(**POLICY.model_dump())
        # A guest is made in the embedded root while no appliance holds it.
        self.rig.appliances["a"].stop()
        workload = guestkit.Workload(records_per_second=10, load_kib_per_second=512)
        self.guest = self.rig.make_guest(
            MACHINE,
            disk_bytes=(512 * guestkit.MiB,),
            filled_bytes=200 * guestkit.MiB,
            workload=workload,
            storage=self.storage,
        )
        self.guest.console.wait_for_boot(1, within_seconds=60)
        self.rig.appliances["a"].start()
        self.rig.wait_connected()
        pids = {p.name: p.pid for p in (self.rig.vault, *self.rig.appliances.values())}
        figures.say(
            f"two sites, vault and two appliances ({', '.join(f'{n} {p}' for n, p in pids.items())}); "
            f"{MACHINE} writes at site a",
            pids=pids,
        )

    def protect(self, figures: Figures) -> None:
        request = rest.EnableProtection(machines=(MACHINE,), source_site="a", target_site="b", policy="demo")
        job = self.rig.must(Verb.ENABLE_PROTECTION, request)
        used = self.guest.disks[0].stat().st_blocks * 512 if self.guest else 0
        sent = _facts(job, "Initial replication").wire_bytes or 0
        figures.say(
            f"initial replication: {used / 1e6:.0f} MB of disk, {sent / 1e6:.0f} MB sent, "
            f"{_seconds(job):.1f} s; the first recovery point is there",
            disk_used_bytes=used,
            wire_bytes=sent,
            job_seconds=_seconds(job),
        )

    def replicate(self, figures: Figures) -> None:
        worst = 0.0

        def enough(machine: rest.Machine) -> bool:
            nonlocal worst
            worst = max(worst, machine.rpo.sent_seconds or 0.0)
            return machine.points.count >= 4

        machine = self.rig.wait_for(MACHINE, enough, within_seconds=90)
        cycle = machine.replication.last_cycle
        assert cycle is not None
        figures.say(
            f"{counted(machine.points.count, 'point')}; RPO {machine.rpo.seconds:.1f} s now, sent at most "
            f"{worst:.1f} s ago; last cycle {cycle.changed_bytes / 1e6:.2f} MB changed, "
            f"{cycle.wire_bytes / 1e6:.2f} MB sent, {cycle.seconds:.2f} s",
            rpo_seconds=machine.rpo.seconds,
            worst_sent_seconds=worst,
            last_cycle_changed_bytes=cycle.changed_bytes,
            last_cycle_wire_bytes=cycle.wire_bytes,
            last_cycle_seconds=cycle.seconds,
        )

    def drill(self, figures: Figures) -> None:
        before = self.source_console.last_record
        began = time.monotonic()
        self.rig.must(Verb.TEST_FAILOVER, rest.TestFailover(machines=(MACHINE,)))
        boot = booted(self.rig.console("b", f"{MACHINE}-test"), 1)
        rto = time.monotonic() - began
        self.source_console.wait_for(lambda seen: seen.last_record > before + 5, within_seconds=30)
        figures.say(
            f"a copy runs in an isolated network, RTO {rto:.1f} s; it verified "
            f"{counted(boot.verified_last or 0, 'record')}; "
            f"{MACHINE} writes on at site a (record {self.source_console.last_record})",
            rto_seconds=rto,
            verified_records=boot.verified_last,
        )

    def clean_up(self, figures: Figures) -> None:
        request = rest.CleanupTestFailover(machines=(MACHINE,), notes="boots, records whole")
        self.rig.must(Verb.CLEANUP_TEST_FAILOVER, request)
        machine = self.rig.wait_for(MACHINE, lambda m: (m.rpo.seconds or 99) < 15, within_seconds=60)
        figures.say(
            f"test machine and network are gone, notes kept; RPO {machine.rpo.seconds:.1f} s: the drill did "
            "not hold replication up",
            rpo_seconds=machine.rpo.seconds,
        )

    def lose_site_a(self, figures: Figures) -> None:
        killed = self.rig.lose("a")
        self.at_kill = self.source_console.last_record
        figures.say(
            (
                f"{self.rig.lost_by} {counted(killed, 'process', 'processes')}: QEMU, appliance, daemons; "
                f"last flushed record {self.at_kill}"
            ),
            killed=killed,
            last_record=self.at_kill,
        )

    def fail_over(self, figures: Figures) -> None:
        began = time.monotonic()
        job = self.rig.must(
            Verb.FAILOVER, rest.Failover(machines=(MACHINE,), choice=RecoveryPointChoice.LATEST)
        )
        boot = booted(self.target_console, 1)
        rto = time.monotonic() - began
        facts = _facts(job, "Failover")
        lost = self.at_kill - (boot.verified_last or 0)
        figures.say(
            f"{MACHINE} runs at site b from point {facts.point_id}: RTO {rto:.1f} s to its console, RPO "
            f"{facts.loses_seconds or 0.0:.1f} s at the start, {lost} of {counted(self.at_kill, 'record')} "
            "lost with site a",
            rto_seconds=rto,
            rpo_seconds=facts.loses_seconds,
            verified_records=boot.verified_last,
            lost_records=lost,
        )

    def change_point(self, figures: Figures) -> None:
        older = self._an_older_point()
        began = time.monotonic()
        request = rest.ChangeRecoveryPoint(machines=(MACHINE,), point=older.id)
        self.rig.must(Verb.CHANGE_RECOVERY_POINT, request)
        boot = booted(self.target_console, 2)
        figures.say(
            f"started again from the older point {older.id}: {counted(boot.verified_last or 0, 'record')}, "
            f"{time.monotonic() - began:.1f} s",
            point=older.id,
            verified_records=boot.verified_last,
            rto_seconds=time.monotonic() - began,
        )

    def commit(self, figures: Figures) -> None:
        self.rig.must(Verb.COMMIT, rest.Commit(machines=(MACHINE,)))
        figures.say(f"the point is fixed, the others are deleted; state {self.machine().state}")

    # ---- and home
    # --------------------------------------------------------------------------------------------------

    def site_a_returns(self, figures: Figures) -> None:
        self.rig.appliances["a"].start()
        self.rig.wait_connected()
        figures.say("its appliance is back and connected; the old copy stays off")

    def reprotect(self, figures: Figures) -> None:
        # no replica stands on a network disk
        self._reprotect(
            figures, rest.Location.ALTERNATE if self.storage in ON_NETWORK else rest.Location.ORIGINAL
        )

    def _reprotect(self, figures: Figures, location: rest.Location = rest.Location.ORIGINAL) -> None:
        job = self.rig.must(Verb.REPROTECT, rest.Reprotect(machines=(MACHINE,), location=location))
        machine = self.rig.wait_for(MACHINE, lambda m: m.points.count > 0)
        size = sum(disk.size_bytes for disk in machine.disks)
        sent = _facts(job, "Synchronize").wire_bytes or 0
        figures.say(
            f"protected {machine.source_site} -> {machine.target_site}: {sent / 1e6:.2f} MB of a "
            f"{size / 1e6:.0f} MB disk were sent",
            wire_bytes=sent,
            disk_bytes=size,
        )

    def fail_back(self, figures: Figures) -> None:
        boots_before = len(self.home_console.boots)
        began = time.monotonic()
        self.rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(MACHINE,)))
        boot = booted(self.home_console, boots_before + 1)
        downtime = time.monotonic() - began
        said = self.target_console.boots[-1].bye
        if said is None or boot.verified_last != said:
            raise PromiseBroken(f"site b ended with record {said}, site a verified {boot.verified_last}")
        figures.say(
            f"{MACHINE} runs at site a: record {said} was the last at b, {boot.verified_last} were verified "
            f"at a, 0 lost; {downtime:.1f} s in all",
            last_at_b=said,
            verified_records=boot.verified_last,
            lost_records=0,
            rto_seconds=downtime,
        )

    def commit_failback(self, figures: Figures) -> None:
        job = self.rig.must(Verb.COMMIT, rest.Commit(machines=(MACHINE,)))
        figures.say("; ".join(task.sentence for task in job.tasks[1:]))

    def reprotect_again(self, figures: Figures) -> None:
        self._reprotect(figures)

    # ---- helpers
    # ---------------------------------------------------------------------------------------------------

    def machine(self) -> rest.Machine:
        with self.rig.client() as vault:
            return vault.machines[MACHINE].show()

    @property
    def source_console(self) -> guestkit.Console:
        assert self.guest is not None
        return self.guest.console

    @property
    def target_console(self) -> guestkit.Console:
        return self.rig.console("b", MACHINE)

    @property
    def home_console(self) -> guestkit.Console:
        return self.rig.console("a", MACHINE)

    def _an_older_point(self) -> PointShape:
        points = self.rig.points(MACHINE)
        if len(points) < 2:
            raise PromiseBroken("there is no older recovery point to change to")
        return points[-2]


def booted(console: guestkit.Console, number: int) -> guestkit.Boot:
    """The boot, once it has verified its records; raises PromiseBroken if any is damaged."""
    boot = console.wait_for_boot(number, within_seconds=90)
    if boot.complaints or boot.verified_last is None:
        raise PromiseBroken(f"{console.path}: {boot.complaints}")
    return boot


def _facts(job: rest.Job, task: str) -> rest.TaskFacts:
    return next(each.facts for each in job.tasks if each.name == task)


def _seconds(job: rest.Job) -> float:
    assert job.started_at is not None
    assert job.ended_at is not None
    return (job.ended_at - job.started_at).total_seconds()


def default_report() -> Path:
    return Path("/var/tmp") / f"secondsite-demo-{time.strftime('%Y%m%d-%H%M%S')}.json"
