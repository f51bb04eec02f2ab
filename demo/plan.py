"""Three tiers in one recovery plan: drilled in one isolated network, moved with a person's word and a script
in between, and brought home by the same plan. The web server has another address at the second site, the
database keeps its own, and the names of both in a real DNS zone follow them.

A client's request goes through web server and application to the database, which appends a numbered record
and answers with its number once that is flushed; so every loss can be counted. The demo fails if a promise is
broken, a group did not wait for the one before, the web server's page does not come from the database behind
it, or a name points to where its machine is not.
"""

import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import guestkit
from demo.names import ADDRESSES, APPLICATION, DATABASE, NAMES, WEB, Names
from demo.story import POLICY, PromiseBroken, booted
from demo.telling import Figures, Report
from guestkit import Tier
from rig import Rig
from rig.eventually import eventually
from rig.installed import Installed
from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans.directions import Direction, FailoverKind
from secondsite.fabrics.reaching import Knock
from secondsite.ground.plural import counted
from secondsite.wire import rest
from secondsite.wire.common.machine_checks import CheckKind, MachineCheck

PLAN = "shop"
CLIENT = "10.44.0.250/24"
SERVES = {
    "db01": guestkit.Workload(records_per_second=0, tier=Tier.DATABASE, address=f"{DATABASE}/24"),
    "app01": guestkit.Workload(
        records_per_second=0, tier=Tier.APPLICATION, address=f"{APPLICATION}/24", peer=DATABASE
    ),
    "web01": guestkit.Workload(records_per_second=0, tier=Tier.WEB, address=f"{WEB}/24", peer=APPLICATION),
}
TIERS = tuple(SERVES)
PAGE = MachineCheck(name="page", kind=CheckKind.HTTP, text="record", source=CLIENT, deadline_seconds=150)
ROUNDS, CLIENTS = 4, 4
SCRIPT, TOLD, SETTINGS = "move-traffic", "told-by-the-plan", "appliance.json"
TRAFFIC = rest.PlanAction(name="Traffic", script=SCRIPT, kinds=(FailoverKind.PLANNED,))
LOOK = rest.PlanAction(
    name="Look at the database",
    instruction="Look whether the shop's database answers",
    kinds=(FailoverKind.PLANNED,),
    directions=(Direction.AWAY,),
)
RUN_SECONDS = 180


@dataclass(slots=True)
class PlanStory:
    rig: Rig | Installed
    report: Report
    _names: Names = field(init=False)

    def __post_init__(self) -> None:
        self._names = Names(self.rig.folder / "dns", self.rig.names_at)

    def tell(self) -> None:
        with self._names.served():
            self._tell()

    def _tell(self) -> None:
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
        def furnish(site: str) -> None:
            self._put_script(site)
            self.rig.let_check(site)
            for name, workload in SERVES.items() if site == "a" else ():
                kind = guestkit.Kind.AGENT if name in NAMES.values() else guestkit.Kind.WRITER
                self.rig.make_guest(name, workload=workload, kind=kind)

        self.rig.open(furnish=furnish)
        with self.rig.client() as vault:
            vault.policies.create(**POLICY.model_dump())
        for guest in self.rig.guests.values():
            guest.console.wait_for_boot(1, within_seconds=240)  # beside hosts that are being made
        records = self._ask_the_page("a")
        figures.say(
            f"two sites; at site a web01 asks app01, which asks db01: {ROUNDS * CLIENTS} requests, {records} "
            "records"
        )

    def protect(self, figures: Figures) -> None:
        request = rest.EnableProtection(machines=TIERS, source_site="a", target_site="b", policy=POLICY.name)
        self.rig.must(Verb.ENABLE_PROTECTION, request)
        with self.rig.client() as vault:
            vault.machines["web01"].set_checks([PAGE])
            named = self._names.give(vault)
        figures.say(
            f"{counted(len(TIERS), 'machine')}; each has its first recovery point; web01's page is checked "
            f"after each start; {named}"
        )

    def make_a_plan(self, figures: Figures) -> None:
        after = {"db01": (LOOK,), "web01": (TRAFFIC,)}
        groups = [rest.PlanGroupChange(machines=(name,), after=after.get(name, ())) for name in TIERS]
        with self.rig.client() as vault:
            vault.plans.create(PLAN, groups)
            preview = vault.plans[PLAN].preview(Verb.FAILOVER)
        losses = [machine.loses_seconds or 0.0 for group in preview.groups for machine in group.machines]
        figures.say(
            (
                f"{counted(len(groups), 'group')}, {preview.direction}; a failover begun now would lose "
                f"{max(losses):.1f} s at most"
            ),
            would_lose_seconds=losses,
        )

    def drill(self, figures: Figures) -> None:
        began, asked, serial = time.monotonic(), self._records("a", "db01"), self._names.serial()
        job = self._run(Verb.TEST_FAILOVER)
        said = self._page_was_proven(job)
        drilled = self.rig.console("b", "db01-test").wait_for(lambda console: console.last_record > asked)
        if self._records("a", "db01") != asked:
            raise PromiseBroken("the drill's web server reached the database of production")
        if self._names.serial() != serial:
            raise PromiseBroken("the drill changed the DNS zone")
        figures.say(
            "three copies in one isolated network, each begun after the one before, find each other: "
            f"{said}; that asked for record {drilled.last_record} of the copy, and production has {asked}; "
            f"the DNS zone is unchanged; RTO of all {time.monotonic() - began:.1f} s",
            rto_seconds=time.monotonic() - began,
        )

    def clean_up(self, figures: Figures) -> None:
        self._run(Verb.CLEANUP_TEST_FAILOVER, rest.PlanCleanupTestFailover(notes="the shop came up in order"))
        figures.say("test machines and networks are gone, notes kept")

    def move_away(self, figures: Figures) -> None:
        began, asked_for = time.monotonic(), self._ask_the_page("a")
        with self.rig.client() as vault:
            job = vault.plans[PLAN].run(Verb.PLANNED_FAILOVER)
            asked = eventually(lambda: _asking(job.show()), RUN_SECONDS)
            states = {name: str(vault.machines[name].show().state) for name in TIERS}
            if list(states.values()) != ["planned_failed_over", *["planned_failing_over"] * 2]:
                raise PromiseBroken(f"while a person is asked after group 1, they are {states}")
            job.answer("done", "it answers", task=asked.position)
        self._arrived("a", "b", Direction.AWAY, job.id, asked_for, began, figures)

    def reprotect(self, figures: Figures) -> None:
        self._run(Verb.COMMIT, in_order=False)
        self._run(Verb.REPROTECT, in_order=False)
        figures.say("committed; protected b -> a")

    def come_home(self, figures: Figures) -> None:
        began, asked_for = time.monotonic(), self._ask_the_page("b")
        with self.rig.client() as vault:
            job = vault.plans[PLAN].run(Verb.PLANNED_FAILOVER)
        self._arrived("b", "a", Direction.HOME, job.id, asked_for, began, figures)

    def commit(self, figures: Figures) -> None:
        self._run(Verb.COMMIT, in_order=False)
        figures.say("the failback is fixed")

    def _arrived(
        self,
        source: str,
        target: str,
        way: Direction,
        job_id: str,
        asked_for: int,
        began: float,
        figures: Figures,
    ) -> None:
        """No record is missing, the page comes from the database behind it, and the script ran where the
        machines are."""
        job = self._ended(job_id)
        self._started_in_phases(job)
        said = f"{self._page_was_proven(job)}; {self._names.moved(self._jobs(job), source, target)}"
        verified = booted(
            self.rig.console(target, "db01"), len(self.rig.console(target, "db01").boots)
        ).verified_last
        if (
            verified is None
            or verified != self.rig.console(source, "db01").boots[-1].bye
            or verified < asked_for
        ):
            raise PromiseBroken(f"db01 verified {verified}, clients had been told {asked_for}")
        context = json.loads(self._script_file(target).read_text().splitlines()[-1])
        if (context["direction"], context["machines"][0]["name"]) != (way, "web01"):
            raise PromiseBroken(f"the script at site {target} was told {context}")
        figures.say(
            f"all were shut down, then started group by group: 0 of {verified} records lost; {said}; the "
            f"script ran at {target}; "
            f"{time.monotonic() - began:.1f} s",
            verified_records=verified,
            seconds=time.monotonic() - began,
        )

    def _run(self, verb: Verb, asked: rest.PlanPart | None = None, *, in_order: bool = True) -> rest.Job:
        with self.rig.client() as vault:
            started = vault.plans[PLAN].run(verb, asked)
        job = self._ended(started.id)
        if in_order:
            self._ended_in_order(job)
        return job

    def _ended(self, job_id: str) -> rest.Job:
        def ended() -> rest.Job | None:
            with self.rig.client() as vault:
                job = vault.jobs[job_id].show()
            return job if job.ended_at else None

        job = eventually(ended, RUN_SECONDS)
        if job.state != "succeeded":
            raise PromiseBroken("\n".join([self.rig.describe(job), *self._last_words()]))
        return job

    def _last_words(self) -> list[str]:
        """Of each guest of this story that has a console, as it stood at each site."""
        names = [(site, f"{name}{suffix}") for site in "ab" for name in TIERS for suffix in ("", "-test")]
        boots = {(site, name): self.rig.console(site, name).boots for site, name in names}
        return [f"{name} at {site}: {each[-1].lines[-8:]}" for (site, name), each in boots.items() if each]

    def _jobs(self, job: rest.Job) -> Mapping[str, rest.Job]:
        """Of the machines, by their names."""
        with self.rig.client() as vault:
            return {
                str(each.subject_name): each for each in (vault.jobs[child].show() for child in job.children)
            }

    def _ended_in_order(self, job: rest.Job) -> None:
        jobs = self._jobs(job)
        for before, after in itertools.pairwise(TIERS):
            ended, began = jobs[before].ended_at, jobs[after].started_at
            if ended is None or began is None or began < ended:
                raise PromiseBroken(f"{after} began at {began}, {before} ended at {ended}")

    def _started_in_phases(self, job: rest.Job) -> None:
        jobs = self._jobs(job)
        down = [_task(jobs[name], "Shut down") for name in reversed(TIERS)]
        up = [_task(jobs[name], "Start") for name in TIERS]
        for before, after in itertools.pairwise([*down, *up]):
            if before.ended_at is None or after.started_at is None or after.started_at < before.ended_at:
                raise PromiseBroken(
                    f"'{after.name}' began at {after.started_at}, '{before.name}' ended at {before.ended_at}"
                )

    def _page_was_proven(self, job: rest.Job) -> str:
        evidence = _task(self._jobs(job)["web01"], "Proof").facts.evidence
        (check,) = evidence.checks if evidence else ()
        if not check.passed:
            raise PromiseBroken(f"web01's page: {check.said}")
        return f"web01's page: {check.said}"

    def _ask_the_page(self, site: str) -> int:
        """As clients of that site do; gives the number of the last record."""
        web = ADDRESSES[site]["web01"]
        knocks = [Knock(web, 80, 60, path="/", text="record")] * CLIENTS
        for _ in range(ROUNDS):
            heard = self.rig.visit(site, knocks, CLIENT)
            if not all(each.passed for each in heard.values()):
                raise PromiseBroken(f"clients at site {site} were told {heard}")
        return self._records(site, "db01")

    def _records(self, site: str, name: str) -> int:
        return self.rig.console(site, name).wait_for(lambda console: console.last_record > 0).last_record

    def _put_script(self, site: str) -> None:
        """It keeps what it is told, as a real one would tell a load balancer."""
        told = self.rig.put(site, TOLD, "")
        lines = ("#!/bin/sh", f"cat >> {told}", f"echo >> {told}", "")
        script = self.rig.put(site, f"scripts/{SCRIPT}", "\n".join(lines), 0o755)
        settings = json.loads((self.rig.home(f"appliance-{site}") / SETTINGS).read_text())
        settings["script_folder"] = str(Path(script).parent)
        settings["dns"] = self._names.settings(partial(self.rig.put, site))
        self.rig.put(site, SETTINGS, json.dumps(settings))

    def _script_file(self, site: str) -> Path:
        return self.rig.home(f"appliance-{site}") / TOLD


def _asking(job: rest.Job) -> rest.Task | None:
    return next((task for task in job.tasks if task.asks is not None), None)


def _task(job: rest.Job, name: str) -> rest.Task:
    return next(each for each in job.tasks if each.name == name)
