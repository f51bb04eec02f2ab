"""Where libvirt's daemon makes the networks of drills, the host is in them: those of a drill are in the
way of another drill, never of its own machines, which are checked one group after the other."""

import pytest

from secondsite.domain.lifecycle import DrillState, Verb
from secondsite.wire.control.checks import ObstacleShape
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.plan_runs.conftest import NAMES
from tests.vault.plan_runs.drills.support_networks import asked_first
from tests.vault.support_operations import said

SUBNET = "10.9.8.0/24"


@pytest.fixture
def daemon(verbs, monkeypatch):
    """The second site's; gives the subnets of the networks that it has made, by their names."""
    made: dict[str, str] = {}
    made_by, checked_by = verbs.appliances._create_network, verbs.appliances._check_target  # noqa: SLF001 what they answer

    def create(appliance, machine, order):
        made.update({each.name: each.serving.subnet for each in (order, *order.more) if each.serving})
        return made_by(appliance, machine, order)

    def check(appliance, machine, asked):
        others = {subnet for name, subnet in made.items() if name not in asked.makes}
        answer = checked_by(appliance, machine, asked)
        there = [
            each.model_copy(update={"unserved": "The host is in it itself."})
            if each.subnet in others
            else each
            for each in answer.stand_ins
        ]
        found = (
            [ObstacleShape(what="The host is in it itself.", do="Give another.")]
            if asked.serve_subnet in others
            else []
        )
        return answer.model_copy(update={"stand_ins": tuple(there), "obstacles": tuple(found)})

    monkeypatch.setattr(verbs.appliances, "_create_network", create)
    monkeypatch.setattr(verbs.appliances, "_check_target", check)
    return made


def drills(verbs):
    return [verbs.machine(name).drill_state for name in NAMES]


def test_the_network_of_the_run_is_in_the_way_of_none_of_its_machines(verbs, plan, daemon):
    job_id = asked_first(verbs, plan, subnet=SUBNET)
    verbs.answer(job_id, "done")
    assert verbs.settle(job_id).job.state == "succeeded"
    assert drills(verbs) == [DrillState.RUNNING] * len(NAMES)


def test_machines_of_a_later_group_come_into_the_network_of_the_first_one(verbs, plan, daemon):
    assert verbs.run_plan(Verb.TEST_FAILOVER, plan(), subnet=SUBNET).job.state == "succeeded"
    assert list(daemon.values()) == [SUBNET]


def test_those_of_another_drill_are_refused_the_same_subnet(verbs, plan, daemon):
    verbs.run(Verb.TEST_FAILOVER, "db01", network="create", subnet=SUBNET)
    job = verbs.run(Verb.TEST_FAILOVER, "web01", network="create", subnet=SUBNET)
    assert "The host is in it itself." in job.job.error.message


def test_a_network_that_stands_for_another_gives_addresses_to_all_who_come(verbs, plan, daemon):
    shop = plan()
    with verbs.store.transaction() as tx:
        mapping = {
            "source_site": "a",
            "source_network": "lan",
            "target_site": "b",
            "target_network": "lan-dr",
        }
        tx.networks.put(NetworkMapping(**mapping))
    verbs.appliances.subnets["lan-dr"] = SUBNET
    run = verbs.run_plan(Verb.TEST_FAILOVER, shop, network="create-each")
    assert run.job.state == "succeeded"
    for child in verbs.jobs(Verb.TEST_FAILOVER):
        assert "gives no addresses" not in said(verbs.tree(child.id), "Prerequisites check").sentence
    assert verbs.appliances.asked_network.serving.subnet == SUBNET
