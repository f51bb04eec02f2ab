"""A goal for the time of a recovery: a machine that missed it has a finding until a later run meets it, or
there is another goal."""

from dataclasses import replace
from datetime import timedelta

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.vault.health import findings
from secondsite.vault.store import MachineChecksRecord, RecoveredRecord
from secondsite.wire.common.machine_checks import MachineCheck
from secondsite.wire.control.orders import Kind


def goal(verbs, seconds):
    with verbs.store.transaction() as tx:
        policy = tx.policies.find(verbs.machine("db01").policy)
        tx.policies.put(replace(policy, rto_goal_seconds=seconds))


def slow(verbs, seconds):
    """From now on each start takes so long."""
    ask = verbs.appliances.ask

    def asked(appliance_id, order_id, kind, *arguments, **options):
        answer = ask(appliance_id, order_id, kind, *arguments, **options)
        if kind is Kind.START_REPLICA:
            verbs.clock.pass_by(seconds)
        return answer

    verbs.appliances.ask = asked
    return lambda: setattr(verbs.appliances, "ask", ask)


def found(verbs, name="db01"):
    """The finding of the machine as the vault derives it now, or None."""
    with verbs.store.reading() as tx:
        machine = tx.machines.find(name)
        policy, status = tx.policies.find(machine.policy), tx.statuses.get(machine.id)
        appliances = map(tx.appliances.find, (machine.source_appliance_id, machine.target_appliance_id))
        situation = findings.Situation(machine, status, policy, *appliances)
    now = verbs.clock.now() + timedelta(seconds=1)
    return next((each for each in findings.findings(situation, now) if each.code == "rto-missed"), None)


@pytest.mark.parametrize("verb", [Verb.TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_run_that_took_longer_than_the_goal_is_told_of(verbs, plan, kept, verb):
    plan()
    goal(verbs, 60)
    slow(verbs, 100)
    options = {"network": "none"} if verb is Verb.TEST_FAILOVER else {}
    _, told = kept(verbs.run(verb, "db01", **options).job.id)
    finding = found(verbs)
    assert "until it ran; the goal of policy 'default' is 1 min" in finding.what
    assert f"The last {verb.value.replace('_', ' ')} of machine 'db01' took 1 min 4" in finding.what
    (machine,) = told["machines"]
    assert verbs.machine("db01").recovered.seconds == pytest.approx(machine["rto_started_seconds"], abs=0.1)
    assert found(verbs, "app01") is None


def test_it_goes_once_a_later_drill_meets_the_goal_and_with_the_goal(verbs, plan, kept):
    plan()
    goal(verbs, 60)
    quick = slow(verbs, 100)
    kept(verbs.run(Verb.TEST_FAILOVER, "db01", network="none").job.id)
    assert found(verbs)
    goal(verbs, 600)
    assert found(verbs) is None
    goal(verbs, 0)
    assert found(verbs) is None
    goal(verbs, 60)
    kept(verbs.run(Verb.CLEANUP_TEST_FAILOVER, "db01").job.id)
    assert found(verbs), "a clean-up recovers nothing"
    quick()
    kept(verbs.run(Verb.TEST_FAILOVER, "db01", network="none").job.id)
    assert found(verbs) is None
    assert verbs.machine("db01").recovered.seconds < 60


def test_a_run_that_did_not_start_it_says_nothing_of_the_time(verbs, plan, kept):
    plan()
    goal(verbs, 1)
    verbs.appliances.fail(Kind.START_REPLICA)
    kept(verbs.run(Verb.FAILOVER, "db01").job.id)
    assert verbs.machine("db01").recovered is None


def test_evidence_that_is_made_late_does_not_hide_a_newer_run(verbs, plan, kept):
    plan()
    later = RecoveredRecord(verbs.clock.now() + timedelta(days=1), Verb.FAILOVER, 7.0)
    with verbs.store.transaction() as tx:
        tx.machines.put(replace(tx.machines.find("db01"), recovered=later))
    kept(verbs.run(Verb.TEST_FAILOVER, "db01", network="none").job.id)
    assert verbs.machine("db01").recovered == later


def test_lists_look_again_from_when_the_run_ended(verbs, plan, kept):
    plan()
    goal(verbs, 1)
    slow(verbs, 10)
    kept(verbs.run(Verb.TEST_FAILOVER, "db01", network="none").job.id)
    machine = verbs.machine("db01")
    assert found(verbs).since == machine.recovered.at


@pytest.mark.parametrize(("seconds", "within"), [(30, False), (3000, True)])
def test_a_plan_s_run_is_compared_with_the_goal_of_the_plan(verbs, plan, kept, seconds, within):
    shop = replace(plan(), rto_goal_seconds=seconds)
    slow(verbs, 20)
    _, told = kept(verbs.run_plan(Verb.FAILOVER, shop).job.id)
    longest = max(each["rto_started_seconds"] for each in told["machines"])
    assert told["plan"] == {
        "name": "shop", "rto_seconds": longest, "rto_goal_seconds": seconds, "within_goal": within,
    }  # fmt: skip
    assert longest > 30


def test_a_run_that_left_a_machine_behind_has_no_time_and_missed_the_goal(verbs, plan, kept):
    shop = replace(plan(), rto_goal_seconds=3000)
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("web01").id)
    _, told = kept(verbs.run_plan(Verb.FAILOVER, shop).job.id)
    assert (told["plan"]["rto_seconds"], told["plan"]["within_goal"]) == (None, False)


def test_without_a_goal_nothing_is_missed_and_a_single_machine_has_no_plan(verbs, plan, kept):
    _, told = kept(verbs.run_plan(Verb.TEST_FAILOVER, plan(), network="none").job.id)
    assert (told["plan"]["rto_goal_seconds"], told["plan"]["within_goal"]) == (None, None)
    assert kept(verbs.run(Verb.FAILOVER, "db01").job.id)[1]["plan"] is None


def test_a_machine_whose_checks_failed_has_not_recovered_however_soon_it_was_started(verbs, plan, kept):
    shop = replace(plan(), rto_goal_seconds=3000)
    check = MachineCheck(name="page", kind="agent")
    with verbs.store.transaction() as tx:
        tx.checks.put(MachineChecksRecord(verbs.machine("db01").id, (check,)))
    verbs.appliances.shows, verbs.appliances.failing_checks = True, {"page"}
    _, told = kept(verbs.run_plan(Verb.FAILOVER, shop).job.id)
    assert (told["plan"]["rto_seconds"], told["plan"]["within_goal"]) == (None, False)
    assert verbs.machine("db01").recovered is None
    assert verbs.machine("app01").recovered is not None
