"""Three tiers in one recovery plan: drilled, moved with a person's word in between, and brought home by the same plan.

Each guest writes numbered records and says each on its console once it is flushed; so every loss can be counted, and the demo fails
if a promise is broken or a group did not wait for the one before.
"""

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import guestkit
from demo.story import POLICY, PromiseBroken, booted
from demo.telling import Figures, Report
from rig import Rig
from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans.directions import Direction, FailoverKind
from secondsite.ground.plural import counted
from secondsite.wire import rest

PLAN = "shop"
TIERS = ("db01", "app01", "web01")
LOOK = rest.PlanAction(
    name="Look at the database",
    instruction="Look whether the shop's database answers",
    kinds=(FailoverKind.PLANNED,),
    directions=(Direction.AWAY,),
)
RUN_SECONDS = 180


@dataclass(slots=True)
class PlanStory:
    rig: Rig
    report: Report

    def tell(self) -> None:
        for part in (
            self.set_up,
            self.protect,
            self.make_a_plan,
            self.drill,
            self.clean_up,
            self.move_away,
            self.reprotect,
            self.come_home,
            self.commit,
        ):
            with self.report.step(part.__name__.replace("_", " ")) as figures:
                part(figures)

    def set_up(self, figures: Figures) -> None:
        writing = guestkit.Workload(records_per_second=10, load_kib_per_second=128)

        def furnish(site: str) -> None:
            for name in TIERS if site == "a" else ():
                self.rig.make_guest(name, workload=writing)

        self.rig.open(furnish=furnish)
        with self.rig.client() as vault:
            vault.policies.create(**POLICY.model_dump())
        for guest in self.rig.guests.values():
            guest.console.wait_for_boot(1, within_seconds=120)
        figures.say(f"two sites; {', '.join(TIERS)} write at site a")

    def protect(self, figures: Figures) -> None:
        request = rest.EnableProtection(machines=TIERS, source_site="a", target_site="b", policy=POLICY.name)
        self.rig.must(Verb.ENABLE_PROTECTION, request)
        figures.say(f"{counted(len(TIERS), 'machine')}; each has its first recovery point")

    def make_a_plan(self, figures: Figures) -> None:
        first, *others = ((name,) for name in TIERS)
        groups = [rest.PlanGroupChange(machines=first, after=(LOOK,))]
        groups += [rest.PlanGroupChange(machines=each) for each in others]
        with self.rig.client() as vault:
            vault.plans.create(PLAN, groups)
            preview = vault.plans[PLAN].preview(Verb.FAILOVER)
        losses = [machine.loses_seconds or 0.0 for group in preview.groups for machine in group.machines]
        figures.say(
            f"{counted(len(groups), 'group')}, {preview.direction}; a failover begun now would lose {max(losses):.1f} s at most",
            would_lose_seconds=losses,
        )

    def drill(self, figures: Figures) -> None:
        began = time.monotonic()
        self._run(Verb.TEST_FAILOVER)
        verified = [booted(self.rig.console("b", f"{name}-test"), 1).verified_last for name in TIERS]
        figures.say(
            f"three copies run in isolated networks, each begun after the one before; they verified {_listed(verified)} records; RTO of "
            f"all {time.monotonic() - began:.1f} s",
            verified_records=verified,
            rto_seconds=time.monotonic() - began,
        )

    def clean_up(self, figures: Figures) -> None:
        self._run(Verb.CLEANUP_TEST_FAILOVER, rest.PlanCleanupTestFailover(notes="the shop came up in order"))
        figures.say("test machines and networks are gone, notes kept")

    def move_away(self, figures: Figures) -> None:
        began, before = time.monotonic(), self._boots("b")
        with self.rig.client() as vault:
            job = vault.plans[PLAN].run(Verb.PLANNED_FAILOVER)
            asked = eventually(lambda: _asking(job.show()), RUN_SECONDS)
            moved = [name for name in TIERS if vault.machines[name].show().state == "planned_failed_over"]
            if moved != [TIERS[0]]:
                raise PromiseBroken(f"while a person is asked after group 1, {moved} had moved")
            job.answer("done", "it answers", task=asked.position)
        self._ended_in_order(job.id)
        verified = self._nothing_lost("a", "b", before)
        figures.say(
            f"{moved[0]} moved, the plan asked a person and went on: 0 of {_listed(verified)} records lost; {time.monotonic() - began:.1f} s",
            verified_records=verified,
            seconds=time.monotonic() - began,
        )

    def reprotect(self, figures: Figures) -> None:
        self._run(Verb.COMMIT, in_order=False)
        self._run(Verb.REPROTECT, in_order=False)
        figures.say("committed; protected b -> a")

    def come_home(self, figures: Figures) -> None:
        began, before = time.monotonic(), self._boots("a")
        self._run(Verb.PLANNED_FAILOVER)
        verified = self._nothing_lost("b", "a", before)
        figures.say(
            f"by the same plan, in the same order: 0 of {_listed(verified)} records lost; {time.monotonic() - began:.1f} s",
            verified_records=verified,
            seconds=time.monotonic() - began,
        )

    def commit(self, figures: Figures) -> None:
        self._run(Verb.COMMIT, in_order=False)
        figures.say("the failback is fixed")

    def _run(self, verb: Verb, asked: rest.PlanPart | None = None, *, in_order: bool = True) -> None:
        with self.rig.client() as vault:
            job = vault.plans[PLAN].run(verb, asked)
        self._ended_in_order(job.id) if in_order else self._ended(job.id)

    def _ended(self, job_id: str) -> rest.Job:
        def ended() -> rest.Job | None:
            with self.rig.client() as vault:
                job = vault.jobs[job_id].show()
            return job if job.ended_at else None

        job = eventually(ended, RUN_SECONDS)
        if job.state != "succeeded":
            raise PromiseBroken(self.rig.describe(job))
        return job

    def _ended_in_order(self, job_id: str) -> None:
        with self.rig.client() as vault:
            children = self._ended(job_id).children
            jobs = {each.subject_name: each for each in (vault.jobs[child].show() for child in children)}
        for before, after in itertools.pairwise(TIERS):
            ended, began = jobs[before].ended_at, jobs[after].started_at
            if ended is None or began is None or began < ended:
                raise PromiseBroken(f"{after} began at {began}, {before} ended at {ended}")

    def _boots(self, site: str) -> Mapping[str, int]:
        return {name: len(self.rig.console(site, name).boots) for name in TIERS}

    def _nothing_lost(self, source: str, target: str, before: Mapping[str, int]) -> Sequence[int | None]:
        """The last record of each, verified where it runs now."""
        verified: list[int | None] = []
        for name in TIERS:
            boot = booted(self.rig.console(target, name), before[name] + 1)
            said = self.rig.console(source, name).boots[-1].bye
            if said is None or boot.verified_last != said:
                raise PromiseBroken(f"{name} ended with record {said}, {boot.verified_last} were verified")
            verified.append(boot.verified_last)
        return verified


def _asking(job: rest.Job) -> rest.Task | None:
    return next((task for task in job.tasks if task.asks is not None), None)


def _listed(numbers: Sequence[int | None]) -> str:
    return ", ".join(map(str, numbers))
