"""Kills at random moments while a real guest is drilled, failed over and brought home, round after round."""

import itertools
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import guestkit
from chaos import invariants
from chaos.errors import PromiseBroken
from chaos.keeper import Keeper, Outage
from chaos.operator import Operator, chosen
from chaos.victims import Kill, Killer
from chaos.witness import Witness
from rig import GuestMachine, Rig
from rig.sites import SiteName
from secondsite.domain.lifecycle import Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire import rest

MACHINE = "web01"
POLICY = rest.PolicyCreate(
    name="storm",
    rpo_threshold_seconds=60,
    retention_seconds=300,
    crash_consistent_every_seconds=5,
    app_consistent_every_seconds=0,
    cycle_seconds=2,
)
WORKLOAD = guestkit.Workload(records_per_second=10, load_kib_per_second=256)
BOOT_SECONDS = 120.0
Say = Callable[[str], None]


@dataclass(slots=True)
class Verse:
    """One verb of the story: how its job ended, how long it took, and what was counted after it."""

    verb: str
    seconds: float
    outcome: str
    records: str = ""


@dataclass(slots=True)
class Storm:
    """What a run saw."""

    seed: int
    kills: list[Kill] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    verses: list[Verse] = field(default_factory=list)
    broken: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Story:
    """The verbs on one real machine, each followed by a count of its records."""

    def __init__(self, rig: Rig, storm: Storm, say: Say) -> None:
        self.verb = "rest"
        self._storm = storm
        self._say = say
        self._operator = Operator(rig, MACHINE)
        self._rig = rig
        self._witness: Witness | None = None

    def protect(self, witness: Witness) -> None:
        self._witness = witness
        request = rest.EnableProtection(
            machines=(MACHINE,), source_site="a", target_site="b", policy=POLICY.name
        )
        self._do(Verb.ENABLE_PROTECTION, request)

    def round(self, number: int) -> None:
        """From protected at site a to protected at site a; every second time the way out is an unplanned
        failover."""
        self._do(Verb.TEST_FAILOVER, rest.TestFailover(machines=(MACHINE,)), self._drilled)
        self._do(Verb.CLEANUP_TEST_FAILOVER, rest.CleanupTestFailover(machines=(MACHINE,)))
        if number % 2:
            choice = RecoveryPointChoice.LATEST
            self._move(
                "a",
                "b",
                Verb.FAILOVER,
                rest.Failover(machines=(MACHINE,), choice=choice, shut_down_source=True),
            )
        else:
            self._move("a", "b", Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(MACHINE,)))
        self._settle()
        self._move("b", "a", Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(MACHINE,)))
        self._settle()

    def _settle(self) -> None:
        self._do(Verb.COMMIT, rest.Commit(machines=(MACHINE,)))
        self._do(Verb.REPROTECT, rest.Reprotect(machines=(MACHINE,)))

    def _do(
        self, verb: Verb, request: rest.MachinesRequest, count: Callable[[rest.Job], str] = lambda _: ""
    ) -> None:
        self.verb, began = verb.value, time.monotonic()
        verse = Verse(verb.value, 0.0, "broken")
        self._storm.verses.append(verse)
        job = self._operator.follow(self._operator.start(verb, request), within_seconds=300)
        verse.outcome, verse.seconds = job.state, round(time.monotonic() - began, 1)
        verse.records = count(job)
        invariants.one_copy(self._seen)
        invariants.leads_on(self._operator.machine())
        self._say(f"{verb.value:<24} {verse.seconds:6.1f} s  {verse.outcome}  {verse.records}")

    def _move(self, source: SiteName, target: SiteName, verb: Verb, request: rest.MachinesRequest) -> None:
        console = self._seen.console(target)
        boots = len(console.boots) if console.path.exists() else 0
        self._do(verb, request, lambda job: self._moved(job, source, target, boots))

    def _moved(self, job: rest.Job, source: SiteName, target: SiteName, boots: int) -> str:
        self._seen.console(target).wait_for(lambda c: c.path.exists() and len(c.boots) > boots, BOOT_SECONDS)
        boot = self._whole(self._seen.console(target), boots + 1)
        wanted = self._promised(job, source)
        last = boot.verified_last or 0
        if last < wanted:
            raise PromiseBroken(f"{job.verb}: {wanted} records were promised, {last} are there")
        return f"{last} records verified at {target}, at least {wanted} promised"

    def _promised(self, job: rest.Job, source: SiteName) -> int:
        """All, where the source said its farewell and its last changes came along; else what its point is
        old enough for."""
        farewell = self._seen.console(source).boots[-1].bye
        off = next(task for task in job.tasks if task.name == "Shut down")
        if off.state == "succeeded" and farewell is not None:
            return farewell
        _, taken_at = chosen(job, "Failover")
        return self._seen.acknowledged_before(taken_at)

    def _drilled(self, job: rest.Job) -> str:
        point_id, taken_at = chosen(job, "Test failover")
        wanted = self._seen.acknowledged_before(taken_at)
        console = self._rig.home("appliance-b") / "fabric-work" / "console" / f"{MACHINE}-test.log"
        drills = sum(verse.verb == Verb.TEST_FAILOVER for verse in self._storm.verses)
        boot = self._whole(guestkit.Console(console), drills)
        last = boot.verified_last or 0
        if last < wanted:
            raise PromiseBroken(f"the drill's point {point_id} holds {last} of {wanted} records")
        return f"{last} records verified in the drill, at least {wanted} promised"

    def _whole(self, console: guestkit.Console, number: int) -> guestkit.Boot:
        boot = console.wait_for_boot(number, BOOT_SECONDS)
        if boot.complaints or boot.verified_last is None:
            raise PromiseBroken(f"{console.path}: {boot.complaints}")
        return boot

    @property
    def _seen(self) -> Witness:
        assert self._witness is not None
        return self._witness


def run(*, kills: int, seed: int, within_seconds: float, say: Say = lambda _: None) -> Storm:
    """Rounds until that many processes were killed, or the time is over. Leaves nothing behind."""
    storm = Storm(seed)
    with Rig("libvirt") as rig:
        _open(rig)
        story = Story(rig, storm, say)
        keeper = Keeper(rig)
        killer = Killer(rig, keeper, lambda: story.verb, seed)
        try:
            with keeper, Witness(rig, MACHINE) as witness, killer:
                _tell(story, witness, killer, kills, time.monotonic() + within_seconds)
        except Exception as problem:
            storm.broken = f"{type(problem).__name__}: {problem}"
            say(_ends_of_logs(rig))
        storm.kills, storm.outages = list(killer.kills), list(keeper.outages)
    return storm


def _tell(story: Story, witness: Witness, killer: Killer, kills: int, until: float) -> None:
    story.protect(witness)
    for number in itertools.count():
        if len(killer.kills) >= kills or time.monotonic() > until:
            return
        story.round(number)


def _open(rig: Rig) -> None:
    """Two sites, and a guest that writes at site a from before its appliance starts."""
    made: list[GuestMachine] = []

    def furnish(site: SiteName) -> None:
        if site == "a":
            home = rig.home("appliance-a")
            made.append(GuestMachine.make(MACHINE, home, rig.bridge("a"), workload=WORKLOAD))

    rig.open(furnish=furnish)
    with rig.client() as vault:
        vault.policies.create(**POLICY.model_dump())
    made[0].console.wait_for_boot(1, BOOT_SECONDS)


def _ends_of_logs(rig: Rig) -> str:
    ends = []
    for log in sorted(rig.folder.glob("*.log")):
        ends += [f"--- the end of {log.name}", *log.read_text(errors="replace").splitlines()[-15:]]
    return "\n".join(ends)
