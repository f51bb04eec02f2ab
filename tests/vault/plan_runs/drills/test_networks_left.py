"""What the run of a plan has entered it leaves, whatever becomes of its machines, of what is set for them,
and of their appliance meanwhile."""

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.vault.store import MachineSettingsRecord
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.control.orders import Kind
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.drills.support_networks import asked_first, made
from tests.vault.plan_runs.support_plan_runs import cancel, until
from tests.vault.support_appliances import B

MAC = "52:54:00:00:00:01"


def names(order):
    return [order.name, *(each.name for each in order.more)]


@pytest.mark.parametrize("network", ["create", "create-each"])
def test_machines_whose_protection_ended_meanwhile_keep_no_network(verbs, plan, network):
    job_id = asked_first(verbs, plan, network=network)
    entered = names(verbs.appliances.asked_network)
    gone = verbs.submit(Verb.DISABLE_PROTECTION, *NAMES)
    until(verbs, lambda: verbs.tree(gone).job.state == "succeeded")
    cancel(verbs, job_id)
    assert verbs.settle(job_id).job.state == "cancelled"
    assert made(verbs)[-1] == (Kind.REMOVE_NETWORK, None)
    assert names(verbs.appliances.removed_network) == entered


def test_a_card_that_is_taken_out_of_drills_meanwhile_leaves_its_network_behind_to_nobody(verbs, plan):
    job_id = asked_first(verbs, plan, network="create-each")
    entered = names(verbs.appliances.asked_network)
    with verbs.store.transaction() as tx:
        for name in NAMES:
            card = CardSettings(mac=MAC, test_connected=False)
            tx.settings.put(MachineSettingsRecord(verbs.machine(name).id, (card,)))
    verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state == "succeeded"
    assert made(verbs)[-1] == (Kind.REMOVE_NETWORK, None)
    assert names(verbs.appliances.removed_network) == entered


@pytest.mark.parametrize("ends", ["cancel", "answer"])
def test_an_appliance_that_is_away_when_the_run_leaves_is_told_when_it_returns(verbs, plan, ends):
    job_id = asked_first(verbs, plan)
    verbs.appliances.away.add(B)
    cancel(verbs, job_id) if ends == "cancel" else verbs.answer(job_id, "done")
    until(verbs, lambda: verbs.tree(job_id).job.state.ended)
    assert made(verbs) == [(Kind.CREATE_NETWORK, None)]
    left = [
        task.sentence for task in verbs.tree(job_id).tasks if "once the site returns" in (task.sentence or "")
    ]
    assert left, verbs.tree(job_id).tasks
    verbs.appliances.away.clear()
    verbs.rest()
    assert made(verbs)[-1] == (Kind.REMOVE_NETWORK, None)
