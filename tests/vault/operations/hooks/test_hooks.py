"""Hooks of a machine run where it is stopped and where it is started, whoever moves it, and no failover is
undone by one."""

from typing import Any

import pytest

from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.domain.plans.directions import Direction, FailoverKind
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan
from secondsite.jobs.model.failures import Refused
from secondsite.vault.evidence import steps
from secondsite.vault.store import MachineChecksRecord, MachineSettingsRecord
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.common.machine_checks import MachineCheck
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.scripts import ScriptResult
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.operations.hooks.support_hooks import BAD, GAVE, GIVE, STOPS, TAKE, TOOK, hook, ran, run
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import said

PAGE = MachineCheck(name="page", kind="http")
MAC, AWAY = "52:54:00:00:00:01", "10.2.0.5"
THERE_AND_BACK = (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER)


def order(tree):
    return [task.title for task in tree.tasks]


def test_a_failover_gives_where_the_machine_starts_once_its_proof_and_names_are_done(hooked):
    tree = run(hooked, Verb.FAILOVER)
    assert ran(hooked) == [(B, "give-address")]
    assert order(tree)[-3:] == ["Proof", "DNS names", GAVE]
    assert said(tree, GAVE).sentence == "at b: did run_script: done"
    told: Any = steps.step(said(tree, GAVE))
    assert told["script"]["output"] == "done\n"


def test_a_planned_failover_takes_at_the_site_that_is_left_before_the_machine_is_shut_down(hooked):
    tree = run(hooked, Verb.PLANNED_FAILOVER)
    assert ran(hooked) == [(A, "take-address"), (B, "give-address")]
    found = order(tree)
    assert found[found.index("Shut down") - 1] == TOOK
    assert found[-1] == GAVE
    stops = [kind for _, kind, _ in hooked.appliances.given if kind in (Kind.RUN_SCRIPT, Kind.SHUT_DOWN)]
    assert stops == [Kind.RUN_SCRIPT, Kind.SHUT_DOWN, Kind.RUN_SCRIPT]


def test_the_way_home_runs_them_at_the_other_sites(hooked):
    for verb in THERE_AND_BACK:
        run(hooked, verb)
    assert ran(hooked)[2:] == [(B, "take-address"), (A, "give-address")]
    assert [told.direction for _, _, told in hooked.appliances.ran] == ["away", "away", "home", "home"]


def test_only_those_of_the_kind_and_the_direction_run(hooked):
    away = GIVE.model_copy(update={"directions": (Direction.AWAY,), "kinds": (FailoverKind.PLANNED,)})
    home = TAKE.model_copy(update={"directions": (Direction.HOME,), "kinds": (FailoverKind.PLANNED,)})
    hook(hooked, away, home)
    for verb in THERE_AND_BACK:
        run(hooked, verb)
    assert ran(hooked) == [(B, "give-address"), (B, "take-address")]


def test_a_job_without_hooks_has_the_steps_that_it_always_had(hooked):
    hook(hooked)
    assert GAVE not in order(run(hooked, Verb.FAILOVER))
    assert Kind.CHECK_SCRIPTS not in {kind for _, kind, _ in hooked.appliances.given}


def test_hooks_that_are_changed_meanwhile_change_no_job(hooked):
    job_id = hooked.submit(Verb.FAILOVER)
    hook(hooked)
    assert hooked.settle(job_id).job.state == "succeeded"
    assert ran(hooked) == [(B, "give-address")]


# ---- what a failure means ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_machine_that_was_started_runs_whatever_its_hooks_say(hooked, verb):
    hooked.appliances.scripts["give-address"] = BAD
    tree = run(hooked, verb, "partially_succeeded")
    assert said(tree, GAVE).sentence == "at b: did run_script: no route; that stops nothing"
    assert B in hooked.appliances.running(hooked.machine().id)
    assert hooked.machine().job_id is None


def test_a_failed_hook_before_the_stop_is_told_and_the_planned_failover_goes_on(hooked):
    hooked.appliances.scripts["take-address"] = BAD
    run(hooked, Verb.PLANNED_FAILOVER, "partially_succeeded")
    assert hooked.state() is State.PLANNED_FAILED_OVER


@pytest.mark.parametrize("ended", [BAD, ScriptResult(interrupted=True)])
def test_one_that_stops_ends_a_planned_failover_before_the_machine_is_shut_down(hooked, ended):
    hook(hooked, STOPS, GIVE)
    hooked.appliances.scripts["take-address"] = ended
    tree = run(hooked, Verb.PLANNED_FAILOVER, "failed")
    assert tree.job.error.code == "hook-failed"
    assert "was not shut down" in tree.job.error.do
    assert Kind.SHUT_DOWN not in {kind for _, kind, _ in hooked.appliances.given}
    assert (hooked.state(), hooked.appliances.running(hooked.machine().id)) == (State.PROTECTED, [A])


def test_what_had_been_taken_before_one_that_stops_is_given_again_at_home_by_the_cancel(hooked):
    first = TAKE.model_copy(update={"name": "first", "script": "take-first"})
    hook(hooked, first, STOPS, GIVE)
    hooked.appliances.scripts |= {"take-first": ScriptResult(exit_status=0), "take-address": BAD}
    run(hooked, Verb.PLANNED_FAILOVER, "failed")
    assert ran(hooked) == [(A, "take-first"), (A, "take-address"), (A, "give-address")]
    *_, (_, _, told) = hooked.appliances.ran
    assert (told.machines[0].from_site, told.machines[0].to_site) == ("b", "a")
    assert (told.verb, told.direction, told.kind, told.at_site) == ("cancel_failover", "home", "planned", "a")


def test_one_that_may_have_run_is_told_so_and_not_run_again(hooked):
    hooked.appliances.scripts["give-address"] = ScriptResult(interrupted=True)
    run(hooked, Verb.FAILOVER, "partially_succeeded")
    assert ran(hooked) == [(B, "give-address")]


def test_an_appliance_that_does_not_answer_is_told_and_stops_nothing(hooked):
    hooked.appliances.silent.add(Kind.RUN_SCRIPT)
    tree = run(hooked, Verb.FAILOVER, "partially_succeeded")
    assert said(tree, GAVE).sentence.startswith("whether script give-address ran is not known: ")


# ---- before anything is touched ----------------------------------------------------------------------------


def test_a_planned_failover_does_not_begin_without_its_scripts_and_leaves_all_as_it_was(hooked):
    del hooked.appliances.scripts["give-address"]
    tree = run(hooked, Verb.PLANNED_FAILOVER, "failed")
    assert (tree.job.error.code, hooked.state()) == ("hook-missing", State.PROTECTED)
    assert "There is no script give-address" in tree.job.error.message
    assert "secondsite hook clear web01 HOOK" in tree.job.error.do
    assert hooked.jobs(Verb.CANCEL_FAILOVER) == []


def test_what_is_missing_is_found_before_an_address_is_taken_out_of_a_pool(hooked):
    del hooked.appliances.scripts["give-address"]
    run(hooked, Verb.PLANNED_FAILOVER, "failed")
    assert Kind.CHECK_TARGET not in {kind for _, kind, _ in hooked.appliances.given}


def test_a_site_that_is_away_is_told_of_by_the_verb_s_own_check(hooked):
    hooked.appliances.away.add(A)
    tree = run(hooked, Verb.PLANNED_FAILOVER, "failed")
    assert (tree.job.error.code, hooked.state()) == ("appliance-unreachable", State.PROTECTED)


def test_a_failover_in_need_begins_without_them_and_says_so(hooked):
    del hooked.appliances.scripts["give-address"]
    hooked.appliances.fail(Kind.RUN_SCRIPT)
    tree = run(hooked, Verb.FAILOVER, "partially_succeeded")
    assert "; these hooks will not run: There is no script give-address" in tree.tasks[0].sentence
    assert hooked.state() is State.FAILED_OVER


# ---- cancel, change, several -------------------------------------------------------------------------------


def test_a_cancel_takes_at_the_target_and_gives_at_home(hooked):
    run(hooked, Verb.PLANNED_FAILOVER)
    hooked.appliances.ran.clear()
    tree = run(hooked, Verb.CANCEL_FAILOVER)
    assert ran(hooked) == [(B, "take-address"), (A, "give-address")]
    found = order(tree)
    assert found[found.index("Remove the failed-over machine") - 1] == TOOK


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("kind", [FailoverKind.UNPLANNED, FailoverKind.PLANNED])
def test_a_cancel_runs_those_of_the_failover_s_kind_however_often_it_failed_before(hooked, kind, times):
    hook(hooked, GIVE.model_copy(update={"kinds": (kind,)}))
    if kind is FailoverKind.UNPLANNED:
        hooked.appliances.fail(Kind.START_REPLICA, times=1)
        run(hooked, Verb.FAILOVER, "failed")
    else:
        run(hooked, Verb.PLANNED_FAILOVER)
    hooked.appliances.ran.clear()
    hooked.appliances.fail(Kind.RESTART, times=times)
    for _ in range(times):
        run(hooked, Verb.CANCEL_FAILOVER, "failed")
    run(hooked, Verb.CANCEL_FAILOVER)
    assert ran(hooked) == [(A, "give-address")]
    assert [told.kind for _, _, told in hooked.appliances.ran] == [kind]


def test_a_cancel_does_not_wait_for_a_target_whose_hooks_would_be_lost_with_it(hooked):
    """Production waits for it."""
    hook(hooked, TAKE)
    run(hooked, Verb.PLANNED_FAILOVER)
    hooked.appliances.away.add(B)
    began = hooked.clock.now()
    tree = run(hooked, Verb.CANCEL_FAILOVER, "partially_succeeded", without_site="b")
    task = said(tree, TOOK)
    assert task.sentence.startswith("whether script take-address ran is not known: ")
    assert (task.ended_at - began).total_seconds() < 20


def test_a_target_that_never_started_the_machine_has_nothing_to_take(hooked):
    hooked.appliances.fail(Kind.ACCEPT_CYCLES, times=1)
    run(hooked, Verb.PLANNED_FAILOVER, "failed")
    (cancel,) = hooked.jobs(Verb.CANCEL_FAILOVER)
    assert said(hooked.tree(cancel.id), TOOK).state == "skipped"
    assert ran(hooked) == [(A, "take-address"), (A, "give-address")]


def test_a_changed_point_gives_again_and_takes_nothing(hooked):
    run(hooked, Verb.FAILOVER)
    run(hooked, Verb.CHANGE_RECOVERY_POINT, choice="latest")
    assert ran(hooked) == [(B, "give-address")] * 2
    assert [told.kind for _, _, told in hooked.appliances.ran] == ["unplanned"] * 2


def test_in_a_batch_each_machine_runs_its_own(hooked):
    hooked.protect("db01")
    job_id = hooked.submit(Verb.FAILOVER, "web01", "db01")
    tree = hooked.settle(job_id)
    assert tree.job.state == "succeeded", tree
    assert [(at, told.machines[0].name) for at, _, told in hooked.appliances.ran] == [(B, "web01")]


def test_in_a_plan_a_hook_comes_right_before_its_machine_s_shutdown_and_one_that_stops_brings_all_back(
    hooked,
):
    hooked.protect("db01")
    members = [PlanMachine(each.id, each.name, "a", "b") for each in map(hooked.machine, ("db01", "web01"))]
    plan = RecoveryPlan("shop", tuple(PlanGroup((each,)) for each in members))
    hook(hooked, STOPS, GIVE)
    hooked.appliances.scripts["take-address"] = BAD
    assert hooked.run_plan(Verb.PLANNED_FAILOVER, plan).job.state == "failed"
    assert [hooked.state(name) for name in ("web01", "db01")] == [State.PROTECTED] * 2
    hooked.appliances.scripts["take-address"] = hooked.appliances.scripts["give-address"]
    run_id = hooked.run_plan(Verb.PLANNED_FAILOVER, plan).job
    assert run_id.state == "succeeded"
    child = next(job for job in hooked.jobs(Verb.PLANNED_FAILOVER) if job.subject_name == "web01")
    keys = [task.key for task in hooked.tree(child.id).tasks]
    at = keys.index("hook/before_stop/1")
    assert keys[at - 1 : at + 2] == ["turn_to_shut_down", "hook/before_stop/1", "shut_down"]


@pytest.mark.parametrize("cancelled_in", ["take-address", "take-second"])
def test_a_plan_that_is_cancelled_while_a_hook_runs_shuts_nothing_down_and_gives_again(hooked, cancelled_in):
    second = TAKE.model_copy(update={"name": "second", "script": "take-second"})
    hook(hooked, TAKE, second, GIVE)
    hooked.appliances.scripts["take-second"] = ScriptResult(exit_status=0)
    machine = hooked.machine()
    plan = RecoveryPlan("shop", (PlanGroup((PlanMachine(machine.id, machine.name, "a", "b"),)),))
    run_id = hooked.submit_plan(Verb.PLANNED_FAILOVER, plan)
    cancelled_while(hooked, cancelled_in, run_id)
    assert hooked.settle(run_id).job.state == "cancelled"
    assert (hooked.state(), hooked.appliances.running(machine.id)) == (State.PROTECTED, [A])
    taken = ["take-address", "take-second"][: 1 if cancelled_in == "take-address" else 2]
    assert ran(hooked) == [(A, script) for script in (*taken, "give-address")]
    assert Kind.SHUT_DOWN not in {kind for _, kind, _ in hooked.appliances.given}


# ---- drills ------------------------------------------------------------------------------------------------


def test_a_drill_gives_after_its_proof_and_its_clean_up_takes_before_the_machine_goes(hooked):
    tree = run(hooked, Verb.TEST_FAILOVER, network="create")
    assert order(tree)[-3:] == ["Proof", GAVE, "Ready for testing"]
    cleaned = run(hooked, Verb.CLEANUP_TEST_FAILOVER)
    assert order(cleaned)[:2] == [TOOK, "Remove the test machine"]
    assert ran(hooked) == [(B, "give-address"), (B, "take-address")]
    assert all(told.is_drill and told.kind == "test" for _, _, told in hooked.appliances.ran)


def test_a_drill_that_cleans_up_by_itself_takes_what_it_gave(hooked):
    tree = run(hooked, Verb.TEST_FAILOVER, network="create", clean_up=True)
    assert order(tree)[-5:-2] == [GAVE, TOOK, "Remove the test machine"]
    assert ran(hooked) == [(B, "give-address"), (B, "take-address")]


def test_a_drill_that_is_kept_since_its_proof_failed_keeps_what_it_was_given(hooked):
    hooked.appliances.shows = True
    hooked.appliances.failing_checks.add("page")
    with hooked.store.transaction() as tx:
        tx.checks.put(MachineChecksRecord(hooked.machine().id, (PAGE,)))
    keeps = {"network": "create", "clean_up": True, "keep_if_failed": True}
    tree = run(hooked, Verb.TEST_FAILOVER, "partially_succeeded", **keeps)
    assert said(tree, TOOK).state == "skipped"
    assert ran(hooked) == [(B, "give-address")]


def cancelled_while(verbs, script, job_id):
    """The job is cancelled as this script runs; gives what was refused, once it did."""
    refused = []
    answer = verbs.appliances._run_script  # noqa: SLF001 what it answers

    def cancelled_meanwhile(appliance, machine_id, payload):
        if payload.name == script:
            verbs.appliances._run_script = answer  # noqa: SLF001
            try:
                with verbs.store.transaction() as tx:
                    verbs.engine.cancel(tx.session, job_id)
            except Refused as problem:
                refused.append(problem.code)
        return answer(appliance, machine_id, payload)

    verbs.appliances._run_script = cancelled_meanwhile  # noqa: SLF001
    return refused


def test_a_drill_that_is_cancelled_takes_back_before_its_machine_goes(hooked):
    job_id = hooked.submit(Verb.TEST_FAILOVER, network="create")
    cancelled_while(hooked, "give-address", job_id)
    tree = hooked.settle(job_id)
    assert tree.job.state == "cancelled", tree
    assert ran(hooked) == [(B, "give-address"), (B, "take-address")]
    undone = [task.sentence or "" for task in tree.tasks if task.kind == "undo"]
    assert [each for each in undone if each.startswith("hook take: at b: did run_script: done; ")], tree.tasks
    kinds = [kind for _, kind, _ in hooked.appliances.given]
    assert kinds.index(Kind.STOP_REPLICA) > len(kinds) - kinds[::-1].index(Kind.RUN_SCRIPT) - 1
    assert hooked.machine().drill_state is DrillState.NONE


def test_a_clean_up_that_has_begun_to_take_goes_on_to_its_end(hooked):
    second = TAKE.model_copy(update={"name": "second", "script": "take-second"})
    hook(hooked, TAKE, second)
    hooked.appliances.scripts["take-second"] = ScriptResult(exit_status=0)
    job_id = hooked.submit(Verb.TEST_FAILOVER, network="create", clean_up=True)
    refused = cancelled_while(hooked, "take-address", job_id)
    tree = hooked.settle(job_id)
    assert (tree.job.state, len(refused)) == ("succeeded", 1), tree
    assert ran(hooked) == [(B, "take-address"), (B, "take-second")]


def test_a_drill_whose_machine_never_started_has_nothing_to_take_back(hooked):
    hooked.appliances.fail(Kind.START_REPLICA)
    run(hooked, Verb.TEST_FAILOVER, "failed", network="create")
    assert ran(hooked) == []


# ---- what a script is told ---------------------------------------------------------------------------------


def test_it_is_told_how_the_cards_are_connected_where_it_runs(hooked):
    hooked.appliances.shows = True
    with hooked.store.transaction() as tx:
        tx.networks.put(
            NetworkMapping(source_site="a", source_network="lan", target_site="b", target_network="lan-dr")
        )
        card = CardSettings(mac=MAC, address=f"{AWAY}/24", keep_mac=False)
        tx.settings.put(MachineSettingsRecord(hooked.machine().id, (card,)))
    for verb in THERE_AND_BACK:
        run(hooked, verb)
    leaves, arrives, leaves_again, home = [told.machines[0] for _, _, told in hooked.appliances.ran]
    there = hooked.appliances.started[0].new_macs[MAC]
    (at_home,) = leaves.cards
    assert (at_home.network, at_home.mac, at_home.address) == ("lan", MAC, None)
    (away,) = arrives.cards
    assert (away.network, away.mac, away.address) == ("lan-dr", there, AWAY)
    assert leaves_again.cards == arrives.cards
    assert home.cards == leaves.cards
    sites = [
        (told.at_site, told.machines[0].from_site, told.machines[0].to_site)
        for _, _, told in hooked.appliances.ran
    ]
    assert sites == [("a", "a", "b"), ("b", "a", "b"), ("b", "b", "a"), ("a", "b", "a")]


def test_it_is_told_of_a_drill_s_machine_and_network(hooked):
    run(hooked, Verb.TEST_FAILOVER, network="create")
    run(hooked, Verb.CLEANUP_TEST_FAILOVER)
    first, second = [told.machines[0] for _, _, told in hooked.appliances.ran]
    assert first.fabric_id == second.fabric_id == hooked.appliances.started[-1].fabric_id
    assert first.cards[0].network == second.cards[0].network != "lan"
    assert first.drill
    assert first.point == second.point is not None


def test_the_hook_is_named_and_belongs_to_no_plan(hooked):
    tree = run(hooked, Verb.FAILOVER)
    ((_, _, told),) = hooked.appliances.ran
    assert (told.plan, told.group, told.action, told.moment, told.when) == (
        "",
        0,
        "give",
        "after_start",
        "after",
    )
    assert (told.run, told.verb) == (tree.job.id, "failover")
