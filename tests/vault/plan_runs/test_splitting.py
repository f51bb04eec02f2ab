"""A run that moves only some machines of a network with their addresses warns of it, and begins all the
same."""

import dataclasses

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.domain.plans.run_selection import RunRequest
from secondsite.vault import plan_runs
from secondsite.vault.store import MachineSettingsRecord
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.support_plan_runs import until_asked
from tests.vault.support_appliances import A

MAC = "52:54:00:00:00:01"
SPLIT = (
    "network lan of a is split: db01, db02 move and keep the addresses that their guests have, app01, web01, "
    "web02 stay"
)


@pytest.fixture
def mapped(verbs, plan):
    """The plan; its network is mapped, so machines keep their addresses at the other site."""
    verbs.appliances.shows = True
    with verbs.store.transaction() as tx:
        tx.networks.put(
            NetworkMapping(source_site="a", source_network="lan", target_site="b", target_network="lan-b")
        )
    return plan()


def outcome(tree):
    assert tree.job.state == "succeeded", tree
    return next(task.sentence for task in tree.tasks if task.title == "Prerequisites check")


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_run_of_some_groups_warns(verbs, mapped, verb):
    assert SPLIT in outcome(verbs.run_plan(verb, mapped, groups=frozenset({1})))


def test_a_run_of_all_does_not_nor_does_the_one_that_takes_the_rest(verbs, mapped):
    verbs.run_plan(Verb.FAILOVER, mapped, groups=frozenset({1}))
    assert "split" not in outcome(verbs.run_plan(Verb.FAILOVER, mapped))


def test_a_drill_splits_nothing(verbs, mapped):
    assert "split" not in outcome(verbs.run_plan(Verb.TEST_FAILOVER, mapped, groups=frozenset({1})))


@pytest.mark.parametrize("sync", ["before", "during"])
def test_a_way_home_of_some_that_were_not_protected_back_warns(verbs, mapped, sync):
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run_plan(verb, mapped).job.state == "succeeded"
    for name in NAMES:
        verbs.appliances.copies.stop(verbs.machine(name).id, A)
    job_id = verbs.submit_plan(Verb.PLANNED_FAILOVER, mapped, groups=frozenset({1}), data_sync=sync)
    if sync == "before":
        until_asked(verbs, job_id)
        verbs.answer(job_id, "complete")
    said = outcome(verbs.settle(job_id))
    assert "network lan of a is split: db01, db02 come home, app01, web01, web02 stay at b" in said


def give(verbs, name, **settings):
    with verbs.store.transaction() as tx:
        card = CardSettings(mac=MAC, **settings)
        tx.settings.put(MachineSettingsRecord(verbs.machine(name).id, (card,)))


@pytest.mark.parametrize("settings", [{"address": "10.2.0.5/24"}, {"connected": False}])
def test_machines_that_get_other_addresses_or_no_network_do_not_split_it(verbs, mapped, settings):
    for name in NAMES[:2]:
        give(verbs, name, **settings)
    assert "split" not in outcome(verbs.run_plan(Verb.FAILOVER, mapped, groups=frozenset({1})))


def test_a_machine_of_another_vlan_of_the_network_is_in_another_subnet(verbs, mapped):
    for name in NAMES[2:]:
        with verbs.store.transaction() as tx:
            machine = tx.machines.find(name)
            nics = tuple(nic.model_copy(update={"vlans": (7,)}) for nic in machine.definition.nics)
            definition = machine.definition.model_copy(update={"nics": nics})
            tx.machines.put(dataclasses.replace(machine, definition=definition))
    assert "split" not in outcome(verbs.run_plan(Verb.FAILOVER, mapped, groups=frozenset({1})))


AT_HOME = (
    "network lan of a is split: db01, db02 come home, app01, web01, web02 stay at b and keep the addresses "
    "that their guests have"
)


@pytest.fixture
def away(verbs, mapped):
    """All run at b, protected back."""
    for verb in (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb, *NAMES).job.state == "succeeded"
    return mapped


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_run_that_brings_some_groups_home_warns(verbs, away, verb):
    assert AT_HOME in outcome(verbs.run_plan(verb, away, groups=frozenset({1})))


def test_one_that_brings_all_home_does_not_nor_does_the_one_that_brings_the_rest(verbs, away):
    verbs.run_plan(Verb.PLANNED_FAILOVER, away, groups=frozenset({1}))
    assert "split" not in outcome(verbs.run_plan(Verb.PLANNED_FAILOVER, away))


def test_those_that_have_other_addresses_at_the_second_site_may_stay_there(verbs, away):
    for name in NAMES[2:]:
        give(verbs, name, address="10.2.0.5/24")
    assert "split" not in outcome(verbs.run_plan(Verb.PLANNED_FAILOVER, away, groups=frozenset({1})))


def test_those_that_are_committed_there_and_not_protected_back_stay_too(verbs, mapped):
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run(verb, *NAMES).job.state == "succeeded"
    assert verbs.run(Verb.REPROTECT, *NAMES[:2]).job.state == "succeeded"
    assert AT_HOME in outcome(verbs.run_plan(Verb.PLANNED_FAILOVER, mapped, groups=frozenset({1})))


def test_a_drill_whose_machines_lie_with_two_hosts_says_so_before_and_in_its_result(verbs, plan):
    """Each host makes a network of its own."""
    wanted = plan()
    with verbs.store.transaction() as tx:
        machine = tx.machines.find("web02")
        tx.machines.put(dataclasses.replace(machine, target_appliance_id=machine.source_appliance_id))
        found = plan_runs.taken(tx, plan_runs.PlanRunRequest(wanted, RunRequest(Verb.TEST_FAILOVER), {}))
        (told,) = plan_runs.warnings(tx, Verb.TEST_FAILOVER, found, {})
        assert plan_runs.warnings(tx, Verb.TEST_FAILOVER, found, {"network": "lab"}) == ()
    assert "app01, db01, db02, web01 at" in told
    assert "web02 at" in told
    tree = verbs.run_plan(Verb.TEST_FAILOVER, wanted)
    assert all("drilled apart" in task.sentence for task in tree.tasks if task.key in ("check", "outcome")), (
        tree
    )
    assert tree.job.state == "partially_succeeded"
