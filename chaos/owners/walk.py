"""A walk in which the owner of a machine acts with libvirt between and during the product's verbs. After
each step: no guest is hurt, nothing of the owner's is lost, what failed left the machine as it was, and
some verb leads on."""

import random
from collections.abc import Callable, Mapping, Sequence

from chaos.errors import PromiseBroken
from chaos.owners.owner import NAME, STANDS, Owner
from chaos.owners.places import Places, Standing
from guestkit import Console
from rig.eventually import eventually
from rig.hands import Hands
from secondsite.domain.lifecycle import State, Verb
from secondsite.wire import rest

ASKED = {
    Verb.PLANNED_FAILOVER: rest.PlannedFailover,
    Verb.CANCEL_FAILOVER: rest.CancelFailover,
    Verb.COMMIT: rest.Commit,
    Verb.REPROTECT: rest.Reprotect,
    Verb.RESYNCHRONIZE: rest.Resynchronize,
}
WAYS: Mapping[State, Sequence[Verb]] = {
    State.PROTECTED: (*3 * (Verb.PLANNED_FAILOVER,), Verb.RESYNCHRONIZE),
    State.PLANNED_FAILED_OVER: (Verb.COMMIT, Verb.COMMIT, Verb.CANCEL_FAILOVER),
    State.COMMITTED: (Verb.REPROTECT,),
    State.CANCEL_FAILED: (Verb.CANCEL_FAILOVER,),
}
"""What the product is asked for in each state at rest."""
COMPLAINTS = {"mark-lost", "cycle-failed"}


class Walk:
    """Of the machine NAME, which is protected from site a to site b."""

    def __init__(self, rig: Hands, places: Places, chance: random.Random, seconds: float = 120) -> None:
        """`seconds`: how long anything is waited for."""
        self.rig, self.chance, self.seconds = rig, chance, seconds
        self.owner = Owner(places)
        self.trace: list[str] = []

    def go(self, steps: int) -> None:
        for _ in range(steps):
            self.random_step()
        self.come_home()

    def random_step(self, meanwhile: Callable[[], str] = str) -> None:
        """`meanwhile`: what befalls while the verb is under way, and how it is told."""
        machine = self.rig.machine(NAME)
        verb = self.chance.choice(WAYS[State(machine.state)])
        self.step(self.chance.choice(list(self.owner.acts)), verb, meanwhile)

    def step(self, act: str, verb: Verb, meanwhile: Callable[[], str] = str) -> None:
        """The owner acts, the product is asked, the owner takes back what can be taken back."""
        site = self.rig.machine(NAME).active_site
        take_back = self.owner.acts[act](site)
        before, boots, record = self.stands(site), *self.written(site)
        self.trace.append(f"{act} at {site}, then {verb}")
        befell, job = self.asked(verb, meanwhile)
        eventually(self.rests, 2 * self.seconds)
        self.trace.append(f"   {befell}{job.state}: {job.problem.message if job.problem else ''}")
        self.nowhere_two()
        now = self.rig.machine(NAME).active_site
        if job.state != "succeeded" and (job.problem is None or not job.problem.do):
            raise self.broken("a failure says nothing to do")
        if job.state == "failed" and not befell:
            self.as_it_was(act, before, self.stands(site), job)
        elif act in STANDS and verb is Verb.PLANNED_FAILOVER and job.state == "succeeded":
            raise self.broken("it was moved although its owner had stopped it")
        after = self.owner.standing(site)
        stayed = (
            after is not None and now == site and (after.number, after.saved) == (before.number, before.saved)
        )
        if stayed or (act == "autostart" and after is not None):
            take_back()
        self.lives(now)
        if (verb, job.state) != (Verb.CANCEL_FAILOVER, "succeeded"):  # it takes back what was written since
            self.has_all(now, site, boots, record)

    def asked(self, verb: Verb, meanwhile: Callable[[], str] = str) -> tuple[str, rest.Job]:
        """The job of a verb, however it ended, and what befell meanwhile."""
        with self.rig.client() as vault:
            job = vault.machines.start(verb, ASKED[verb](machines=(NAME,)))
        befell = meanwhile()
        return befell, self.rig.wait_for_job(job.id)

    def as_it_was(self, act: str, before: Standing, after: Standing, job: rest.Job) -> None:
        """Undone means as it was."""
        refused = job.problem is not None and job.problem.code == "prerequisite-failed"
        same = after == before if act in STANDS or refused else after.is_on == before.is_on
        if not same:
            raise self.broken(f"it was {before}, and is {after}")

    def stands(self, site: str) -> Standing:
        found = self.owner.standing(site)
        if found is None:
            raise self.broken("the machine is gone")
        return found

    def rests(self) -> bool:
        """No job has it: what failed is undone by another one."""
        return State(self.rig.machine(NAME).state) in WAYS

    def nowhere_two(self) -> None:
        if sum(map(self.owner.is_on, self.owner.places.sites)) > 1:
            raise self.broken("two copies run")

    def lives(self, site: str) -> None:
        """It runs where the vault says, its guest writes on, and misses nothing that it wrote."""
        if not self.owner.is_on(site):
            self.owner.virsh(site, "start", NAME)
        console = self.console(site)
        now = _so_far(console)
        console.wait_for(lambda seen: _so_far(seen) > now, self.seconds)
        boot = console.wait_for_boot(len(console.boots), self.seconds)
        if boot.complaints:
            raise self.broken(f"the guest misses what it wrote: {boot.complaints}")

    def written(self, site: str) -> tuple[int, int]:
        """How often its guest has started there, and the last record that it told as flushed."""
        return _so_far(self.console(site))

    def has_all(self, now: str, site: str, boots: int, record: int) -> None:
        """All other verbs of this walk promise to lose nothing: a guest that was started since has all
        that it had written."""
        found = self.console(now).boots
        if (now, len(found)) != (site, boots) and (found[-1].verified_last or 0) < record:
            raise self.broken(f"record {record} was written at {site}, {now} has {found[-1].verified_last}")

    def console(self, site: str) -> Console:
        return self.rig.guests[NAME].console if site == "a" else self.rig.console(site, NAME)

    def come_home(self) -> None:
        """No dead end: from wherever the walk has led, the machine comes to be protected, undisturbed."""
        for _ in range(4):
            state = State(self.rig.machine(NAME).state)
            if state is State.PROTECTED:
                break
            _, job = self.asked(WAYS[state][0])
            if job.state != "succeeded":
                raise self.broken(f"a dead end: {self.rig.describe(job)}")
        if State(self.rig.machine(NAME).state) is not State.PROTECTED:
            raise self.broken("a dead end")
        eventually(lambda: self.rig.codes(NAME).keys().isdisjoint(COMPLAINTS), self.seconds)
        self.rig.new_points(NAME, within_seconds=self.seconds)

    def broken(self, what: str) -> PromiseBroken:
        return PromiseBroken("\n".join([what, *self.trace]))


def _so_far(console: Console) -> tuple[int, int]:
    """How many boots there were, and the last record of the newest."""
    boots = console.boots
    newest = boots[-1] if boots else None
    return len(boots), (newest.last_record or newest.verified_last or 0) if newest else 0
