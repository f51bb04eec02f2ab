"""A plan whose checks have held since its failover commits by itself."""

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from secondsite.domain import errors
from secondsite.domain.access.approvals import Rules
from secondsite.domain.access.roles import Role
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.actions import Action
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.ground import seams
from secondsite.vault.fleet.signals import Signals
from secondsite.vault.fleet.status_intake import StatusIntake
from secondsite.vault.health.findings import findings
from secondsite.vault.interfaces import Authority
from secondsite.vault.store import (
    AuditFilter,
    HeldChecksRecord,
    MachineChecksRecord,
    PlanRecord,
    TokenRecord,
    held_checks,
)
from secondsite.vault.watch.automatic_commits import COMMITTED_ITSELF, AutomaticCommits
from secondsite.vault.watch.situations import SituationContext
from secondsite.wire.common.machine_checks import CheckVerdict, MachineCheck
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.proofs import RepeatedChecks
from secondsite.wire.control.scripts import ScriptResult
from tests.vault.support_operations import Verbs, folder_in_memory

NAMES = ("db01", "web01")
PORT = MachineCheck(name="port", kind="tcp", port=80)
PROMPT = MachineCheck(name="prompt", kind="console", text="login:")
HELD_SECONDS = 300
COMMITTED = [State.COMMITTED, State.COMMITTED]


class Watching:
    """A vault with a plan of two machines, each with a check, that commits by itself after five minutes."""

    def __init__(self, folder):
        self.verbs = Verbs(folder, NAMES)
        self.clock = self.verbs.clock
        self.verbs.protect(*NAMES)
        for name in NAMES:
            self.check(name, PORT)
        self.give(commit_after_held_seconds=HELD_SECONDS)
        self.begin()

    def begin(self):
        """As a vault process begins, which has heard of all machines after a minute."""
        deps = self.verbs.deps
        self.facts = StatusIntake(self.verbs.store, Signals(), self.clock.now)
        ends_at = self.clock.now() + timedelta(days=7000)
        authority = SimpleNamespace(appliance_lifetime=timedelta(days=90), ends_at=ends_at)
        self.authority = cast(Authority, authority)
        self.commits = AutomaticCommits(deps, self.verbs.operations, self.facts, self.authority)
        self.clock.pass_by(60)

    def kill(self):
        """kill -9 and a new start, on what is in the database."""
        self.verbs.close()
        self.verbs.open()
        self.begin()

    def check(self, name, *checks):
        with self.verbs.store.transaction() as tx:
            tx.checks.put(MachineChecksRecord(self.verbs.machine(name).id, checks))

    def give(self, **changes):
        """A new edition of the plan."""
        self.clock.pass_by(1)
        found = [self.verbs.machine(name) for name in NAMES]
        members = tuple(PlanMachine(each.id, each.name, each.source_site, each.target_site) for each in found)
        with self.verbs.store.transaction() as tx:
            known, now = tx.plans.find("shop"), self.clock.now()
            plan = known.plan if known else RecoveryPlan("shop", (PlanGroup(members),))
            made = replace(plan, **changes)
            tx.plans.put(PlanRecord("shop", made, known.created_at if known else now, now))
        self.plan = made

    def fail_over(self, verb=Verb.FAILOVER, **asked):
        self.clock.pass_by(1)
        return self.verbs.run_plan(verb, self.plan, **asked).job

    def passes(self, seconds=HELD_SECONDS, step=30):
        """Time passes, in which the vault looks and its jobs run."""
        for _ in range(0, seconds, step):
            self.clock.pass_by(step)
            self.speak()
            self.commits.look()
            self.verbs.engine.run_until_idle()

    def speak(self):
        """The target says which machines run there, as its appliance does every few seconds."""
        with self.verbs.store.transaction() as tx:
            for machine in tx.machines.list():
                said = tx.statuses.get(machine.id).replica
                assert said is not None
                runs = () if machine.failed_over_at is None else ("failover",)
                tx.statuses.put_replica(said.model_copy(update={"runs": runs}), self.clock.now())

    @property
    def states(self):
        return [self.verbs.state(name) for name in NAMES]

    @property
    def held(self):
        with self.verbs.store.reading() as tx:
            return tx.held_checks.find("shop")

    @property
    def problem(self):
        return self.held.held.problem

    def runs(self):
        """Commits of the plan that were begun."""
        found = [each for each in self.verbs.jobs() if each.name == "plan_run"]
        return [each for each in found if each.arguments["verb"] == Verb.COMMIT]

    def audited(self):
        with self.verbs.store.reading() as tx:
            return tx.audit.find(AuditFilter(verb=COMMITTED_ITSELF), 10, None)

    def findings(self, name="web01"):
        with self.verbs.store.reading() as tx:
            around = SituationContext.of(tx, self.facts, self.authority, timedelta(days=90))
            (situation,) = around.situations(tx, self.facts, [self.verbs.machine(name)])
        return {each.code: each for each in findings(situation, self.clock.now())}


@pytest.fixture
def watching():
    with folder_in_memory() as folder:
        watching = Watching(folder)
        yield watching
        watching.verbs.close()


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_it_commits_once_its_checks_have_held_for_that_time_and_not_before(watching, verb):
    watching.fail_over(verb)
    watching.passes(HELD_SECONDS - 60)
    assert not watching.runs()
    watching.passes(240)
    assert watching.states == COMMITTED
    (run,) = watching.runs()
    assert (run.requested_by, run.state) == ("plan shop", "succeeded")
    assert watching.held.job_id == run.id
    watching.passes(3 * HELD_SECONDS)
    assert len(watching.runs()) == 1


def test_it_is_told_before_with_what_keeps_it_open_and_no_more_after_it(watching):
    assert "commits-by-itself" not in watching.findings()
    watching.fail_over()
    watching.passes(120)
    found = watching.findings()["commits-by-itself"]
    assert found.what.startswith("Plan 'shop' commits by itself, not before ")
    assert "'secondsite plan keep-open shop'" in found.do
    assert "commits-by-itself" in watching.findings("db01")
    told = found.what
    watching.passes(90)
    assert watching.findings()["commits-by-itself"].what == told
    watching.passes(HELD_SECONDS)
    assert watching.states == COMMITTED
    assert "commits-by-itself" not in watching.findings()


def test_it_is_on_the_audit_log_under_the_name_of_whoever_set_it(watching):
    set_by(watching, Role.OPERATOR)
    watching.fail_over()
    watching.passes(2 * HELD_SECONDS)
    (entry,) = watching.audited()
    (run,) = watching.runs()
    assert (entry.who, entry.token_id, entry.job_id) == ("ada", "ada-id", run.id)
    assert entry.object == "/plans/shop"
    assert json.loads(entry.details)["machines"] == ["db01", "web01"]


def set_by(watching, role, **values):
    with watching.verbs.store.transaction() as tx:
        now = watching.clock.now()
        tx.tokens.add(TokenRecord("ada", "0" * 64, now, id="ada-id", roles=(role,), **values))
    watching.give(commit_set_by="ada-id")


# ---- what never commits ----------------------------------------------------------------------------------


def never(watching, why):
    """For three times as long; and why not."""
    watching.passes(3 * HELD_SECONDS)
    assert watching.runs() == []
    assert State.COMMITTED not in watching.states
    assert why in watching.problem
    assert "commits-by-itself" not in watching.findings()
    assert not watching.audited()


def test_not_while_a_check_fails_and_its_time_begins_anew_when_it_passes(watching):
    watching.fail_over()
    watching.passes(HELD_SECONDS - 120)
    watching.verbs.appliances.failing_checks = {"port"}
    never(watching, "db01: port: asked")
    watching.verbs.appliances.failing_checks = set()
    watching.passes(HELD_SECONDS - 60)
    assert watching.runs() == []
    watching.passes(240)
    assert watching.states == COMMITTED


def test_not_if_a_machine_of_the_plan_was_left_out_of_the_run(watching):
    watching.fail_over(leave_out=frozenset({"db01"}))
    never(watching, "these were not failed over by the plan's last run: db01")


def test_not_if_a_machine_was_failed_over_by_itself_since(watching):
    watching.fail_over(Verb.PLANNED_FAILOVER)
    watching.verbs.run(Verb.CANCEL_FAILOVER, "db01")
    watching.verbs.run(Verb.FAILOVER, "db01")
    assert watching.states == [State.FAILED_OVER, State.PLANNED_FAILED_OVER]
    never(watching, "these were not failed over by the plan's last run: db01")


def test_not_after_a_drill(watching):
    watching.fail_over(Verb.TEST_FAILOVER)
    watching.passes(3 * HELD_SECONDS)
    assert watching.held is None
    assert watching.runs() == []


def test_not_if_machines_were_failed_over_without_the_plan(watching):
    watching.verbs.run(Verb.FAILOVER, *NAMES)
    watching.passes(3 * HELD_SECONDS)
    assert watching.held is None
    assert watching.runs() == []


def test_not_while_a_machine_has_only_a_check_of_its_start(watching):
    watching.check("web01", PROMPT)
    watching.fail_over()
    never(watching, "these have no check that can be repeated: web01")


def test_not_while_commits_wait_for_a_second_person(watching):
    with watching.verbs.store.transaction() as tx:
        tx.approvals.set_rules(Rules(("commit",)))
    watching.fail_over()
    never(watching, "a commit waits for a second person here")


def test_not_if_whoever_set_it_may_not_commit_any_more(watching):
    set_by(watching, Role.READER)
    watching.fail_over()
    never(watching, "may not commit all its machines any more")


def test_not_if_whoever_set_it_is_gone(watching):
    watching.give(commit_set_by="somebody")
    watching.fail_over()
    never(watching, "was deleted, or has expired")


def test_not_while_an_appliance_does_not_answer(watching):
    watching.fail_over()
    watching.verbs.appliances.silent.add(Kind.REPEAT_CHECKS)
    never(watching, "no answer came of db01, web01")


def test_not_with_an_appliance_that_does_not_know_the_order(watching):
    watching.fail_over()
    problem = errors.InvalidArgument("This appliance does not know the order 'repeat_checks'.")
    watching.verbs.appliances.fail(Kind.REPEAT_CHECKS, problem=problem)
    never(watching, "does not know the order 'repeat_checks'")


def test_not_while_a_machine_has_a_finding_that_somebody_has_to_look_at(watching, monkeypatch):
    watching.fail_over()
    watching.passes(120)
    with watching.verbs.store.transaction() as tx:
        appliance = tx.appliances.find(watching.verbs.machine().target_appliance_id)
        tx.appliances.put(replace(appliance, connected=False))
    never(watching, "db01: ")


def test_not_once_it_is_kept_open(watching):
    run = watching.fail_over()
    watching.passes(120)
    with watching.verbs.store.transaction() as tx:
        tx.held_checks.put(HeldChecksRecord("shop", run.id, kept_open_by="ada"))
    watching.passes(3 * HELD_SECONDS)
    assert watching.runs() == []
    assert "commits-by-itself" not in watching.findings()


@pytest.mark.parametrize("changes", [{"commit_after_held_seconds": 0}, {"groups": ()}])
def test_not_once_the_setting_or_the_machines_are_taken_out_of_the_plan(watching, changes):
    watching.fail_over()
    watching.passes(120)
    watching.give(**changes)
    watching.passes(3 * HELD_SECONDS)
    assert watching.runs() == []
    assert "commits-by-itself" not in watching.findings()


def test_not_by_a_plan_that_was_made_anew_under_the_name(watching):
    watching.fail_over()
    with watching.verbs.store.transaction() as tx:
        tx.plans.remove("shop")
    watching.give(**{"commit_after_held_seconds": HELD_SECONDS} | {"groups": watching.plan.groups})
    watching.passes(3 * HELD_SECONDS)
    assert watching.runs() == []


# ---- what begins anew ------------------------------------------------------------------------------------


def test_another_point_begins_anew(watching):
    for name in NAMES:
        watching.verbs.appliances.seal(watching.verbs.machine(name).id)
    watching.fail_over()
    watching.passes(HELD_SECONDS - 120)
    since = watching.held.held.since
    watching.verbs.run(Verb.CHANGE_RECOVERY_POINT, "web01", choice="custom", point=other_point(watching))
    begins_anew(watching, since)


def other_point(watching):
    machine = watching.verbs.machine()
    with watching.verbs.store.reading() as tx:
        points = tx.statuses.get(machine.id).replica.points
    return next(each.id for each in points if each.id != machine.failed_over_point_id)


def test_another_edition_of_the_plan_begins_anew(watching):
    watching.fail_over()
    watching.passes(HELD_SECONDS - 120)
    since = watching.held.held.since
    watching.give(rto_goal_seconds=60)
    begins_anew(watching, since)


def test_other_checks_begin_anew(watching):
    watching.fail_over()
    watching.passes(HELD_SECONDS - 120)
    since = watching.held.held.since
    watching.check("web01", PORT, PORT.model_copy(update={"name": "more", "port": 443}))
    begins_anew(watching, since)


def begins_anew(watching, since):
    watching.passes(HELD_SECONDS - 60)
    assert watching.runs() == []
    assert watching.held.held.since > since
    watching.passes(240)
    assert watching.states == COMMITTED


def test_a_vault_that_was_away_for_a_while_begins_anew(watching):
    watching.fail_over()
    watching.passes(HELD_SECONDS - 120)
    since = watching.held.held.since
    watching.clock.pass_by(7200)
    watching.kill()
    begins_anew(watching, since)


def test_a_vault_that_is_killed_and_started_goes_on(watching):
    watching.fail_over()
    watching.passes(HELD_SECONDS // 2)
    since, seconds = watching.held.held.since, watching.held.held.seconds
    watching.kill()
    watching.passes(60)
    assert watching.held.held.since == since
    assert watching.held.held.seconds > seconds
    watching.passes(HELD_SECONDS)
    assert watching.states == COMMITTED


def during_the_last_look(watching, monkeypatch, happens):
    """Time passes; when the look by which it would commit is under way, that happens, once."""
    watching.fail_over()
    asked, done = watching.verbs.appliances.ask, list[float]()

    def ask(appliance_id, order_id, kind, *more, **options):
        held = watching.held
        seconds = held.held.seconds if kind is Kind.REPEAT_CHECKS and held is not None else 0
        if seconds >= HELD_SECONDS - 60 and not done:
            done.append(seconds)
            happens()
        return asked(appliance_id, order_id, kind, *more, **options)

    monkeypatch.setattr(watching.verbs.appliances, "ask", ask)
    watching.passes(HELD_SECONDS + 120)
    assert done
    assert watching.runs() == []


def test_a_change_of_the_plan_while_the_last_look_is_under_way_makes_it_count_for_nothing(
    watching, monkeypatch
):
    during_the_last_look(watching, monkeypatch, lambda: watching.give(rto_goal_seconds=60))
    watching.passes(HELD_SECONDS + 120)
    assert watching.states == COMMITTED


def test_what_forbids_a_commit_while_the_last_look_is_under_way_keeps_it_open(watching, monkeypatch):
    def forbid():
        with watching.verbs.store.transaction() as tx:
            tx.approvals.set_rules(Rules(("commit",)))

    during_the_last_look(watching, monkeypatch, forbid)
    never(watching, "a commit waits for a second person here")


# ---- kills -----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Nothing catches it, as nothing catches kill -9."""


@pytest.mark.slow
@pytest.mark.parametrize("nth", range(1, 7))
def test_a_vault_that_is_killed_at_any_of_its_writes_commits_once_and_not_early(watching, nth):
    watching.fail_over()
    began, reached = watching.clock.now(), []

    def die(name):
        if name == "vault.held-checks.written":
            reached.append(name)
            if len(reached) == nth:
                raise Killed

    with seams.armed(die):
        for _ in range(0, 3 * HELD_SECONDS, 30):
            try:
                watching.passes(30)
            except Killed:
                watching.kill()
            if watching.runs():
                break
    assert len(reached) >= nth
    assert (watching.clock.now() - began).total_seconds() > HELD_SECONDS
    assert watching.held.held.seconds >= HELD_SECONDS
    watching.passes(2 * HELD_SECONDS)
    assert watching.states == COMMITTED
    assert len(watching.runs()) == 1
    assert len(watching.audited()) == 1


def test_of_two_vault_processes_one_commits(watching):
    watching.fail_over()
    first = watching.commits
    watching.begin()
    for _ in range(0, 2 * HELD_SECONDS, 30):
        first.look()
        watching.passes(30)
    assert watching.states == COMMITTED
    assert len(watching.runs()) == 1


def test_a_commit_that_failed_is_not_begun_again_by_itself(watching):
    watching.fail_over()
    watching.passes(HELD_SECONDS - 60)
    watching.verbs.appliances.fail(Kind.COMMIT_POINT)
    watching.passes(300)
    assert len(watching.runs()) == 1
    watching.verbs.appliances.mend()
    watching.passes(3 * HELD_SECONDS)
    assert len(watching.runs()) == 1
    assert State.COMMITTED not in watching.states


def test_a_run_that_did_not_end_well_commits_nothing(watching):
    """A person had cancelled it at its question, or a script after the machines had failed."""
    watching.verbs.appliances.scripts["move"] = ScriptResult(exit_status=3, output="no route\n")
    after = (Action("Traffic", script="move", timeout_seconds=30),)
    watching.give(groups=(replace(watching.plan.groups[0], after=after),))
    assert watching.fail_over(Verb.PLANNED_FAILOVER).state == "failed"
    watching.passes(3 * HELD_SECONDS)
    assert not watching.runs()
    assert watching.problem == "its last run ended as failed"


@pytest.mark.parametrize(
    ("power", "names", "said"),
    [("off", ("port",), "it is off"), ("running", ("other",), "port was not repeated")],
)
def test_what_an_appliance_did_not_look_at_does_not_hold(watching, monkeypatch, power, names, said):
    """It said that another check had passed, of a machine that was off."""
    passed = tuple(CheckVerdict(name=each, passed=True, said="", seconds=0.0) for each in names)
    told = RepeatedChecks(power=power, verdicts=passed)
    monkeypatch.setattr(type(watching.verbs.appliances), "_repeat_checks", lambda *_: told)
    watching.fail_over()
    watching.passes(2 * HELD_SECONDS)
    assert not watching.runs()
    assert said in watching.problem


def test_a_restored_database_commits_nothing_that_was_failed_over_before(watching):
    """It did not know that somebody had kept the plan open since."""
    watching.fail_over()
    watching.passes(60)
    with watching.verbs.store.transaction() as tx:
        held_checks.keep_all_open(tx.session, watching.clock.now())
    watching.passes(3 * HELD_SECONDS)
    assert not watching.runs()
    for name in NAMES:
        for verb in (Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
            watching.verbs.run(verb, name)
    watching.fail_over()
    watching.passes(2 * HELD_SECONDS)
    assert watching.states == COMMITTED
