"""The worst day: site a and the vault are destroyed. One file in b's store, which needs a bare Python, starts
the machines of a plan; a new vault adopts them; a new site a is set up, and everything comes home.

Each machine writes numbered records, flushed one by one. The demo fails if a record is lost after the
disaster, or one that a recovery point had was lost with it.
"""

import json
import time
from dataclasses import dataclass, field

import guestkit
from demo.story import POLICY, PromiseBroken, booted
from demo.telling import Figures, Report
from rig import Rig
from rig.eventually import eventually
from rig.installed import Installed
from secondsite.domain.lifecycle import Verb
from secondsite.ground.plural import counted
from secondsite.rescue import NAME, RECORD, START
from secondsite.wire import rest
from secondsite.wire.rest.verbs import Location

MACHINES = ("db01", "web01")
PLAN = "shop"
KEPT_SECONDS = 60


@dataclass(slots=True)
class WorstDay:
    rig: Rig | Installed
    report: Report
    _in_points: dict[str, int] = field(default_factory=dict)
    """The last record of each machine that a recovery point must have."""

    def tell(self) -> None:
        for part in (
            self.set_up,
            self.protect,
            self.lose_everything,
            self.rescue,
            self.a_new_vault_adopts,
            self.commit,
            self.a_new_site_a,
            self.reprotect,
            self.come_home,
            self.commit_failback,
        ):
            with self.report.step(part.__name__.replace("_", " ")) as figures:
                part(figures)

    def set_up(self, figures: Figures) -> None:
        def furnish(site: str) -> None:
            for name in MACHINES if site == "a" else ():
                workload = guestkit.Workload(records_per_second=10)
                self.rig.make_guest(name, workload=workload, disk_bytes=(64 * guestkit.MiB,))

        self.rig.open(furnish=furnish)
        with self.rig.client() as vault:
            vault.policies.create(**POLICY.model_dump())
        for guest in self.rig.guests.values():
            guest.console.wait_for_boot(1, within_seconds=240)  # beside hosts that are being made
        figures.say(f"two sites and a vault; {' and '.join(MACHINES)} write at site a")

    def protect(self, figures: Figures) -> None:
        request = rest.EnableProtection(
            machines=MACHINES, source_site="a", target_site="b", policy=POLICY.name
        )
        self.rig.must(Verb.ENABLE_PROTECTION, request)
        with self.rig.client() as vault:
            vault.plans.create(PLAN, [rest.PlanGroupChange(machines=(name,)) for name in MACHINES])
        eventually(self._is_kept, KEPT_SECONDS)
        self._in_points = {name: guest.console.last_record for name, guest in self.rig.guests.items()}
        points = sum(len(self.rig.new_points(name, 2)) for name in MACHINES)
        figures.say(
            f"a plan starts them one after the other; {counted(points, 'new point')}; what starts them lies "
            "in b's store"
        )

    def lose_everything(self, figures: Figures) -> None:
        last = {name: guest.console.last_record for name, guest in self.rig.guests.items()}
        self.rig.destroy_site("a")
        self.rig.destroy_vault()
        self.rig.appliances["b"].kill()
        figures.say(
            f"site a and the vault are destroyed, with all their files; last records {last}",
            last_records=last,
        )

    def rescue(self, figures: Figures) -> None:
        began = time.monotonic()
        self._by_hand("run-plan", PLAN, "--yes")
        found = {name: self._verified(name, "b", 1) for name in MACHINES}
        for name, record in self._in_points.items():
            if found[name] < record:
                raise PromiseBroken(f"{name} verified {found[name]}; a point had {record}")
        figures.say(
            (
                f"one file and a bare Python started the plan from b's store: records {found}, "
                f"{time.monotonic() - began:.1f} s"
            ),
            verified_records=found,
            rto_seconds=time.monotonic() - began,
        )

    def a_new_vault_adopts(self, figures: Figures) -> None:
        running = {name: self.rig.qemus(name) for name in MACHINES}
        self.rig.new_vault()
        self.rig.enroll_again("b")
        self.rig.wait_connected()
        with self.rig.client() as vault:
            done = vault.appliances["appliance-b"].adopt()
            plans = [plan.name for plan in vault.plans.list()]
        states = {each.name: str(each.state) for each in done.machines}
        if set(states.values()) != {"failed_over"} or plans != [PLAN]:
            raise PromiseBroken(f"adopted were {states} and the plans {plans}")
        if {name: self.rig.qemus(name) for name in MACHINES} != running:
            raise PromiseBroken("a machine was started anew")
        figures.say(f"{counted(len(states), 'machine')}, failed over, as they run; the plan is there")

    def commit(self, figures: Figures) -> None:
        self.rig.must(Verb.COMMIT, rest.Commit(machines=MACHINES))
        figures.say("what runs at b is production")

    def a_new_site_a(self, figures: Figures) -> None:
        self.rig.replace_site("a")
        figures.say("new hardware, whose appliance takes the place of the lost one")

    def reprotect(self, figures: Figures) -> None:
        self.rig.must(Verb.REPROTECT, rest.Reprotect(machines=MACHINES, location=Location.ALTERNATE))
        figures.say("protected b -> a, onto new disks there")

    def come_home(self, figures: Figures) -> None:
        began = time.monotonic()
        self.rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=MACHINES))
        found = {name: self._verified(name, "a", 1) for name in MACHINES}
        said = {name: self.rig.console("b", name).boots[-1].bye for name in MACHINES}
        if found != said:
            raise PromiseBroken(f"site b ended with {said}, site a verified {found}")
        figures.say(
            f"last at b {said}, verified at a {found}: 0 lost; {time.monotonic() - began:.1f} s in all",
            verified_records=found,
            lost_records=0,
        )

    def commit_failback(self, figures: Figures) -> None:
        self.rig.must(Verb.COMMIT, rest.Commit(machines=MACHINES))
        figures.say("everything is home")

    # ---- helpers
    # ---------------------------------------------------------------------------------------------------

    def _is_kept(self) -> bool:
        """What a machine needs without its vault lies beside its replica."""
        folders = [self.rig.replica_folder("b", self.rig.machine(name).id) for name in MACHINES]
        plans = json.loads(self._by_hand("--json", "plans"))["plans"]
        return bool(plans) and all((each / file).exists() for each in folders for file in (START, RECORD))

    def _by_hand(self, *words: str) -> str:
        done = self.rig.by_hand("b", *words)
        if done.returncode != 0:
            raise PromiseBroken(f"{NAME} {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _verified(self, name: str, site: str, boot: int) -> int:
        return booted(self.rig.console(site, name), boot).verified_last or 0
