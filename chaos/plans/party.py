"""Two sites with the machines of a plan, each with a guest that writes all the time; and how all of them
come to rest."""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from chaos import invariants
from chaos.errors import PromiseBroken
from chaos.keeper import Keeper
from chaos.ledger import Ledger
from chaos.plans import promises
from chaos.plans.promises import Resting
from chaos.plans.scripts import NAME, Scripts
from chaos.plans.sightings import Watch
from chaos.walks import episode, verbs
from chaos.walks.episode import LONGEST_LOOK_SECONDS, POLICY, SETTLE_SECONDS, Episode
from rig import Rig
from secondsite.client import Vault
from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.directions import FailoverKind
from secondsite.ground.units import MiB
from secondsite.wire import rest

PLAN = "shop"
GROUPS = (("db01",), ("app01", "app02"), ("web01",))
MACHINES = tuple(name for group in GROUPS for name in group)
DISK_BYTES = (8 * MiB,)
"""Room for ten minutes of records."""
MOVES = (FailoverKind.PLANNED, FailoverKind.UNPLANNED)
STUCK = frozenset({State.FAILOVER_FAILED, State.CANCEL_FAILED, State.DISABLE_FAILED})


@dataclass(slots=True)
class Party:
    """`members`: an episode for each machine; they share the vault, the lines and the chance. `retried`:
    how often a person retried a run."""

    members: dict[str, Episode]
    watch: Watch
    scripts: Scripts
    retried: Counter[str] = field(default_factory=Counter)

    @property
    def one(self) -> Episode:
        """For what concerns all."""
        return self.members[MACHINES[0]]

    @property
    def log(self) -> list[str]:
        return self.one.log

    def home(self) -> None:
        """All are protected, and the plan is made."""
        self.one.all_up()
        request = rest.EnableProtection(
            machines=MACHINES, source_site="a", target_site="b", policy=POLICY.name
        )
        with self.one.rig.client() as vault:
            vault.machines.start(Verb.ENABLE_PROTECTION, request).wait(SETTLE_SECONDS)
            vault.plans.create(PLAN, _groups())

    def settle(self) -> None:
        """Whoever died is back, every question was answered, what is held was decided, and no job is left."""
        self.one.all_up()
        deadline = time.monotonic() + SETTLE_SECONDS
        while left := self.busy():
            self.one.mend()
            for job in left:
                self._lead_on(job)
            if time.monotonic() > deadline:
                told = "\n".join(self.one.rig.describe(job) for job in left)
                raise PromiseBroken(f"these do not end within {SETTLE_SECONDS:.0f} s: {told}")
            time.sleep(LONGEST_LOOK_SECONDS)
        for member in self.members.values():
            member.all_up()

    def busy(self) -> list[rest.Job]:
        """The jobs of verbs that have not ended."""
        return self.one.jobs(*(state for state in rest.JobState if not state.ended))

    def _lead_on(self, job: rest.Job) -> None:
        if job.state is rest.JobState.HELD:
            self.one.decide(job)
        elif job.waits_for_person:
            self.answer(job.id, "done")

    def answer(self, job_id: str, verdict: str) -> None:
        """What a run asks now; nothing if it asks nothing any more."""
        with contextlib.suppress(errors.NotPossibleNow, errors.InvalidArgument):
            self.one.ask(lambda vault: vault.jobs[job_id].answer(verdict, "of the walk"))

    def excuse(self, run: rest.Job) -> None:
        """A failover without its source is the operator's, in a plan too."""
        for child in run.children:
            job = self.one.ask(partial(_job, child))
            if job.subject_name in self.members:
                self.members[job.subject_name].excuse(job)

    def check(self) -> None:
        """Every promise, of every machine and of the runs so far, now that no job is left."""
        self.watch.check()
        for member in self.members.values():
            member.check()
        promises.scripts_once(self.scripts.ran(), self.retried)
        self._runs_or_told()

    def _runs_or_told(self) -> None:
        """A finding may come a moment after the job has ended."""
        deadline = time.monotonic() + invariants.CRITICAL_SECONDS
        for name in MACHINES:
            while True:
                try:
                    promises.runs_or_is_told(self.resting(name))
                    break
                except PromiseBroken:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(LONGEST_LOOK_SECONDS)

    def resting(self, name: str) -> Resting:
        member = self.members[name]
        machine = member.machine()
        return Resting(
            name,
            machine.state if machine else "unprotected",
            tuple(site for site, _ in member.ledger.running()),
            tuple(str(each.code) for each in machine.findings) if machine else (),
        )

    def lead_on(self) -> None:
        """Whoever is in a state that only a person leads out of finds a verb that succeeds."""
        for name, member in self.members.items():
            machine = member.machine()
            if machine is not None and machine.state in STUCK:
                self.log.append(f"  {name} is {machine.state}")
                verbs.any_way_on(member)


def _job(job_id: str, vault: Vault) -> rest.Job:
    return vault.jobs[job_id].show()


def _groups() -> list[rest.PlanGroupChange]:
    """A question after the first group, scripts before the second and after the last."""
    look = rest.PlanAction(name="Look", instruction="Look whether the database answers", kinds=MOVES)
    note = rest.PlanAction(name="Note", script=NAME, timeout_seconds=60)
    after = {0: (look,), 2: (note,)}
    before = {1: (note,)}
    return [
        rest.PlanGroupChange(machines=group, before=before.get(number, ()), after=after.get(number, ()))
        for number, group in enumerate(GROUPS)
    ]


@contextlib.contextmanager
def opened(chance: random.Random) -> Iterator[Party]:
    """Lives as long as the block; nothing is left behind."""
    with contextlib.ExitStack() as stack:
        rig, relays = stack.enter_context(episode.two_sites(lambda rig, site: Scripts(rig).furnish(site)))
        for name in MACHINES:
            rig.make_simulated(name, disk_bytes=DISK_BYTES)
        stack.callback(_kill, rig)  # after its keeper has ended
        roots = episode.roots(rig)
        vault, keeper = stack.enter_context(rig.client()), stack.enter_context(Keeper(rig))
        watch = stack.enter_context(Watch(MACHINES, roots))
        log: list[str] = []
        members: dict[str, Episode] = {}
        for name in MACHINES:
            ledger = stack.enter_context(Ledger(name, roots))
            points = invariants.Points(rig, name, ledger.held_at, vault=vault)
            members[name] = Episode(rig, vault, ledger, keeper, relays, chance, points, log=log, name=name)
        party = Party(members, watch, Scripts(rig))
        party.home()
        yield party


def _kill(rig: Rig) -> None:
    for process in (rig.vault, *rig.appliances.values()):
        process.kill()
