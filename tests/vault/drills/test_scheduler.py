"""Drills that are due are started once, one for each site at a time, and what is in the way is kept for
people."""

from dataclasses import replace
from datetime import timedelta

import pytest

from secondsite.domain.access.roles import Role
from secondsite.domain.lifecycle import DrillState, Verb
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.vault.store import PersonRecord, PlanRecord, TokenRecord
from secondsite.vault.store.machines.machines import MachineRecords
from secondsite.vault.store.sql.failures import ChangedMeanwhile
from secondsite.wire.control.orders import Kind
from tests.vault.drills.conftest import NAMES
from tests.vault.support_appliances import B

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_what_is_due_is_drilled_cleaned_up_and_due_again_a_turn_later(drills):
    due = drills.set()
    drills.at(due - MINUTE)
    drills.look()
    assert drills.jobs() == []
    drills.at(due)
    drills.look()
    (job,) = drills.verbs.jobs(Verb.TEST_FAILOVER)
    assert (job.state, job.requested_by) == ("succeeded", "schedule nightly")
    assert drills.verbs.machine().drill_state is DrillState.NONE
    assert drills.verbs.machine().drilled_at is not None
    record = drills.record()
    assert (record.next_at, record.job_id, record.said) == (due + 7 * DAY, job.id, "")
    for _ in range(3):
        drills.look()
    assert drills.jobs() == ["web01"]


def test_turns_that_were_missed_while_the_vault_was_down_are_one(drills):
    due = drills.set()
    drills.at(due + 50 * DAY + HOUR)
    drills.begin()
    drills.look()
    assert drills.jobs() == []  # it has heard nothing yet
    drills.clock.pass_by(60)
    for _ in range(3):
        drills.look()
    assert drills.jobs() == ["web01"]
    assert drills.record().next_at == due + 57 * DAY


def test_a_clock_that_is_set_back_starts_nothing_twice(drills):
    due = drills.set()
    drills.at(due)
    drills.look()
    for back in (HOUR, DAY):
        drills.at(due - back)
        drills.begin()
        drills.at(due - back + 2 * MINUTE)
        drills.look()
    drills.at(due + MINUTE)
    drills.look()
    assert drills.jobs() == ["web01"]


def test_a_turn_that_was_set_by_a_clock_far_ahead_is_brought_back(drills):
    due = drills.set()
    with drills.verbs.store.transaction() as tx:
        tx.drill_schedules.put(replace(tx.drill_schedules.find("nightly"), next_at=due + 900 * DAY))
    drills.at(due)
    drills.look()
    assert drills.jobs() == []
    assert drills.record().next_at == due + 7 * DAY


def test_one_for_each_site_at_a_time(drills):
    due = drills.set("first", ("web01",))
    drills.set("second", ("db01",))
    drills.verbs.appliances.unheard.add(Kind.START_REPLICA)
    drills.at(due)
    for _ in range(3):
        drills.look()
    assert drills.jobs() == ["web01"]
    assert "until the drill of schedule 'first'" in drills.record("second").said
    drills.verbs.appliances.mend()
    drills.verbs.settle(drills.record("first").job_id, within_seconds=600)
    drills.look()
    assert drills.jobs() == ["web01", "db01"]


def test_two_vaults_that_find_it_due_start_it_once(drills):
    due = drills.set()
    drills.at(due)
    other = drills.begin()
    drills.at(due + 2 * MINUTE)
    reading: list[bool] = []
    store = drills.verbs.store

    class Late:
        """Both have found it due before either of them starts it."""

        def reading(self):
            return store.reading()

        def transaction(self):
            if not reading:
                reading.append(True)
                drills.scheduler = drills.begin_as_before
                drills.begin_as_before.look()
            return store.transaction()

    drills.begin_as_before = drills.begin()
    drills.begin_as_before._facts.listens_since = due  # noqa: SLF001
    other._facts.listens_since = due  # noqa: SLF001
    other._deps = replace(other._deps, store=Late())  # noqa: SLF001
    other.look()
    drills.verbs.engine.run_until_idle()
    assert reading
    assert drills.jobs() == ["web01"]


def test_a_paused_schedule_starts_nothing(drills):
    drills.at(drills.set(paused=True) + DAY)
    drills.look()
    assert drills.jobs() == []


def test_while_its_machine_is_failed_over_it_is_skipped_until_the_next_day_and_says_why(drills):
    due = drills.set()
    drills.verbs.run(Verb.FAILOVER)
    drills.at(due)
    drills.look()
    record = drills.record()
    assert "web01 is failed_over" in record.said
    assert (record.next_at, record.said_at) == (due, due)
    drills.at(due + HOUR)
    drills.look()
    assert drills.record().next_at == due + DAY
    assert drills.jobs() == []


def test_what_is_in_the_way_for_a_moment_only_delays_it(drills):
    due = drills.set()
    drills.verbs.run(Verb.TEST_FAILOVER)
    drills.at(due)
    drills.look()
    assert "web01 has a test failover that is running" in drills.record().said
    drills.verbs.run(Verb.CLEANUP_TEST_FAILOVER)
    drills.at(due + 10 * MINUTE)
    drills.look()
    assert drills.jobs() == ["web01"]
    assert drills.record().said == ""


def test_a_machine_with_a_critical_finding_is_left_out_and_the_others_are_drilled(drills):
    due = drills.set(machines=("web01", "db01"))
    drills.verbs.run(Verb.FAILOVER, "db01")
    drills.at(due)
    drills.look()
    assert drills.jobs() == ["web01"]
    assert "db01 is failed_over" in drills.record().said


def test_nothing_is_started_while_the_targets_appliance_is_away(drills):
    due = drills.set()
    with drills.verbs.store.transaction() as tx:
        tx.appliances.put(replace(tx.appliances.find(B), connected=False))
    drills.at(due)
    drills.look()
    assert "has no connection to the vault" in drills.record().said
    assert drills.jobs() == []


def test_a_plan_is_drilled_as_one_and_cleaned_up_by_its_run(drills):
    with drills.verbs.store.transaction() as tx:
        groups = tuple(
            PlanGroup((PlanMachine(each.id, each.name, each.source_site, each.target_site),))
            for each in (tx.machines.find(name) for name in NAMES)
        )
        now = drills.clock.now()
        tx.plans.put(PlanRecord("shop", RecoveryPlan("shop", groups), now, now))
    due = drills.set(machines=(), plan="shop")
    drills.at(due)
    drills.look()
    drills.verbs.settle(drills.record().job_id, within_seconds=600)
    assert {drills.verbs.machine(name).drill_state for name in NAMES} == {DrillState.NONE}
    assert all(drills.verbs.machine(name).drilled_at for name in NAMES)
    assert drills.jobs()[0] == "plan shop"
    with drills.verbs.store.transaction() as tx:
        tx.plans.remove("shop")
    drills.at(due + 7 * DAY)
    drills.look()
    assert "plan 'shop'" in drills.record().said


@pytest.mark.parametrize("kind", [Kind.CREATE_NETWORK, Kind.START_REPLICA])
def test_a_scheduled_drill_that_fails_is_a_finding_of_its_machine(drills, kind):
    drills.verbs.appliances.fail(kind)
    drills.at(drills.set())
    drills.look()
    assert drills.verbs.jobs(Verb.TEST_FAILOVER)[0].state == "failed"
    assert drills.verbs.machine().drill_failed_at is not None


def test_a_vault_that_is_restarted_while_it_drills_goes_on_and_starts_no_other(drills):
    drills.verbs.appliances.unheard.add(Kind.STOP_REPLICA)
    due = drills.set()
    drills.at(due)
    drills.look()
    drills.verbs.close()
    drills.verbs.open()
    drills.begin()
    drills.clock.pass_by(60)
    drills.look()
    drills.verbs.appliances.mend()
    drills.verbs.settle(drills.record().job_id, within_seconds=600)
    assert drills.jobs() == ["web01"]
    assert drills.verbs.machine().drill_state is DrillState.NONE


def test_of_a_turn_in_which_somebody_else_was_faster_nothing_is_kept_and_the_next_round_takes_it(
    drills, monkeypatch
):
    """On PostgreSQL. It was kept as skipped, with its reason, and so was the job: one that had not taken
    its machine, and that the schedule did not know."""
    due = drills.set()
    put, is_faster = MachineRecords.put, iter([True])

    def overtaken(machines, machine):
        if next(is_faster, False):
            raise ChangedMeanwhile("Somebody else was faster.")
        return put(machines, machine)

    monkeypatch.setattr(MachineRecords, "put", overtaken)
    drills.at(due)
    drills.look()
    assert (drills.jobs(), drills.record().said) == ([], "")
    drills.look()
    assert (drills.jobs(), drills.record().next_at) == (["web01"], due + 7 * DAY)


# ---- bound to the plan and to whoever made it
# --------------------------------------------------------------------------


@pytest.fixture
def made_by(drills):
    """A schedule that this token made."""

    def made_by(*roles, site=None, expires_at=None, **values):
        now = drills.clock.now()
        token = TokenRecord("anna", "digest", now, roles=roles, site=site, expires_at=expires_at)
        due = drills.set(**values)
        with drills.verbs.store.transaction() as tx:
            tx.tokens.add(token)
            tx.drill_schedules.put(replace(tx.drill_schedules.find("nightly"), maker_id=token.id))
        return due

    return made_by


def test_a_schedule_starts_what_its_maker_could_start(drills, made_by):
    drills.at(made_by(Role.CONTRIBUTOR, site="b"))
    drills.look()
    assert drills.jobs() == ["web01"]


@pytest.mark.parametrize(
    "change",
    [
        lambda tx, _now: tx.tokens.remove("anna"),
        lambda tx, now: tx.tokens.put(replace(tx.tokens.find("digest"), expires_at=now)),
        lambda tx, _now: tx.tokens.put(replace(tx.tokens.find("digest"), roles=(Role.READER,))),
        lambda tx, _now: tx.tokens.put(replace(tx.tokens.find("digest"), site="c")),
    ],
)
def test_a_schedule_ends_with_what_its_maker_may(drills, made_by, change):
    drills.at(made_by(Role.CONTRIBUTOR))
    with drills.verbs.store.transaction() as tx:
        change(tx, drills.clock.now())
    drills.look()
    assert drills.jobs() == []
    assert "token that made schedule 'nightly'" in drills.record().said


@pytest.mark.parametrize(
    ("changed", "jobs"),
    [
        (lambda _now: {}, ["web01"]),
        (lambda now: {"disabled_at": now}, []),
        (lambda _now: {"roles": (Role.READER,)}, []),
        (lambda _now: {"site": "c"}, []),
    ],
)
def test_a_schedule_of_a_person_ends_with_what_the_person_may(drills, changed, jobs):
    due, now = drills.set(), drills.clock.now()
    anna = PersonRecord("anna", "mark", now, roles=(Role.CONTRIBUTOR,))
    with drills.verbs.store.transaction() as tx:
        tx.people.add(replace(anna, **changed(now)))
        tx.drill_schedules.put(replace(tx.drill_schedules.find("nightly"), maker_id=anna.id))
    drills.at(due)
    drills.look()
    assert drills.jobs() == jobs


def test_a_later_plan_of_the_same_name_is_not_drilled(drills):
    def planned(name, at):
        found = drills.verbs.machine(name)
        member = PlanMachine(found.id, found.name, found.source_site, found.target_site)
        with drills.verbs.store.transaction() as tx:
            tx.plans.put(PlanRecord("shop", RecoveryPlan("shop", (PlanGroup((member,)),)), at, at))

    now = drills.clock.now()
    planned("web01", now)
    due = drills.set(machines=(), plan="shop")
    with drills.verbs.store.transaction() as tx:
        tx.drill_schedules.put(replace(tx.drill_schedules.find("nightly"), plan_made_at=now))
        tx.plans.remove("shop")
    planned("db01", now + timedelta(hours=1))
    drills.at(due)
    drills.look()
    assert drills.jobs() == []
    assert "is gone" in drills.record().said
