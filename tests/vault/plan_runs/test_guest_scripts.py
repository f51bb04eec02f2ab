"""Scripts of a plan inside its machines, by their guest agents."""

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans.actions import Action
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.scripts import ScriptResult
from tests.vault.plan_runs.support_plan_runs import states
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import said

GOOD, BAD = (
    ScriptResult(exit_status=0, output="replicas: 0\n"),
    ScriptResult(exit_status=4, output="no database\n"),
)


def open_in(verbs, name):
    return Action("Open", script="open-shop", timeout_seconds=30, guest=verbs.machine(name).id)


def ran_as(verbs):
    return [fabric_id for fabric_id, _ in verbs.appliances.ran_in]


def test_it_runs_in_the_machine_that_was_failed_over_and_is_told_in_which(verbs, plan):
    verbs.appliances.scripts["open-shop"] = GOOD
    job = verbs.run_plan(Verb.FAILOVER, plan(app={"before": (open_in(verbs, "db01"),)}))
    assert job.job.state == "succeeded"
    assert said(job, "Before group 2: Open").sentence == "did run_guest_script: replicas: 0"
    assert ran_as(verbs) == [verbs.machine("db01").target_fabric_id]
    ((at, _, told),) = verbs.appliances.ran
    assert (at, told.guest, [each.name for each in told.machines]) == (B, "db01", ["app01"])


def test_in_a_drill_it_runs_in_the_copy_and_never_in_the_machine(verbs, plan):
    verbs.appliances.scripts["open-shop"] = GOOD
    verbs.run_plan(Verb.TEST_FAILOVER, plan(db={"after": (open_in(verbs, "db01"),)}))
    machine = verbs.machine("db01")
    assert ran_as(verbs) == [machine.drill.fabric_id]
    assert machine.drill.fabric_id not in (machine.source_fabric_id, machine.target_fabric_id)


def test_on_the_way_home_it_runs_in_the_machine_at_home(verbs, plan):
    verbs.appliances.scripts["open-shop"] = GOOD
    shop = plan(db={"after": (open_in(verbs, "db01"),)})
    home = verbs.machine("db01").source_fabric_id
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run_plan(verb, shop).job.state == "succeeded"
    assert ran_as(verbs)[1] == home
    assert [at for at, _, _ in verbs.appliances.ran] == [B, A]


def test_in_a_machine_that_did_not_start_nothing_is_run(verbs, plan):
    verbs.appliances.scripts["open-shop"] = GOOD
    shop = plan(web={"after": (open_in(verbs, "db01"),)})
    job = verbs.run_plan(Verb.FAILOVER, shop, leave_out=("db01",))
    assert job.job.state == "partially_succeeded"
    assert "Script open-shop was not run: db01 was not started." in said(job, "After group 3: Open").sentence
    assert verbs.appliances.ran == []


def test_a_planned_failover_stops_where_it_failed(verbs, plan):
    verbs.appliances.scripts["open-shop"] = BAD
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, plan(db={"after": (open_in(verbs, "db02"),)}))
    assert job.job.state == "failed"
    assert states(verbs) == [*[State.PLANNED_FAILED_OVER] * 2, *[State.PROTECTED] * 3]


def test_an_appliance_of_an_older_release_is_found_before_the_first_machine_is_touched(verbs, plan):
    verbs.appliances.scripts["open-shop"] = GOOD
    verbs.appliances.knows_guests = False
    job = verbs.run_plan(Verb.PLANNED_FAILOVER, plan(db={"after": (open_in(verbs, "db01"),)}))
    assert (job.job.state, states(verbs)) == ("failed", [State.PROTECTED] * 5)
    assert "of a release that runs none in guests" in job.job.error.message
    assert Kind.SHUT_DOWN not in {kind for _, kind, _ in verbs.appliances.given}
