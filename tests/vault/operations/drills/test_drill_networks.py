"""Which network a drill gets: one for all machines of a run, one of its own for a machine alone."""

import dataclasses

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.wire.control.orders import Kind
from tests.vault.support_operations import Verbs, folder_in_memory

NAMES = ("web01", "db01")


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder, NAMES)
        verbs.protect(*NAMES)
        yield verbs
        verbs.close()


def drills(verbs):
    return [verbs.machine(name).drill for name in NAMES]


def test_several_machines_share_one(verbs):
    assert verbs.run(Verb.TEST_FAILOVER, *NAMES).job.state == "succeeded"
    first, second = drills(verbs)
    assert first.network == second.network
    assert first.shared == second.shared is not None
    assert {name: len(users) for name, users in verbs.appliances.networks.items()} == {first.network: 2}


def test_machines_at_two_hosts_are_said_to_be_drilled_apart(verbs):
    with verbs.store.transaction() as tx:
        machine = tx.machines.find("db01")
        tx.machines.put(dataclasses.replace(machine, target_appliance_id=machine.source_appliance_id))
    tree = verbs.run(Verb.TEST_FAILOVER, *NAMES)
    assert tree.job.state == "partially_succeeded"
    assert "the machines are drilled apart: " in tree.tasks[-1].sentence


def test_machines_that_are_drilled_one_by_one_have_their_own(verbs):
    for name in NAMES:
        verbs.run(Verb.TEST_FAILOVER, name)
    first, second = drills(verbs)
    assert first.network != second.network
    assert (first.shared, second.shared) == (None, None)


def test_an_older_appliance_makes_one_for_each(verbs):
    verbs.appliances.shares_networks = False
    verbs.run(Verb.TEST_FAILOVER, *NAMES)
    first, second = drills(verbs)
    assert first.network != second.network


def test_a_machine_whose_drill_fails_leaves_the_network_to_the_other(verbs):
    verbs.appliances.fail(Kind.START_REPLICA, machine_id=verbs.machine("db01").id)
    verbs.run(Verb.TEST_FAILOVER, *NAMES)
    left = [machine for _, kind, machine in verbs.appliances.given if kind is Kind.REMOVE_NETWORK]
    assert left == [verbs.machine("db01").id]
    assert verbs.machine("web01").drill.network in verbs.appliances.networks
