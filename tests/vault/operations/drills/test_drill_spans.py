"""Machines of one drill at several hosts share one network where each host has a drill segment."""

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.vault.steps.drills import networking
from secondsite.wire.common.hosts import DrillSegment
from tests.vault import support_segments
from tests.vault.support_appliances import B
from tests.vault.support_operations import OTHER_B, Verbs, folder_in_memory
from tests.vault.support_segments import has, is_at

NAMES = ("web01", "db01")


@pytest.fixture
def verbs():
    """web01 at one host of b, db01 at the other."""
    with folder_in_memory() as folder:
        verbs = Verbs(folder, NAMES)
        verbs.protect(*NAMES)
        support_segments.share(verbs, "db01")
        yield verbs
        verbs.close()


@pytest.fixture
def spanning(verbs):
    has(verbs, B, DrillSegment(address="10.5.0.2", mtu=9000))
    return verbs


def asked(verbs):
    """The orders for networks, by appliance."""
    return verbs.appliances.asked_at


def test_each_host_is_told_of_all_hosts_and_of_the_cards_of_all_machines(spanning):
    tree = spanning.run(Verb.TEST_FAILOVER, *NAMES, subnet="10.9.8.0/24")
    assert tree.job.state == "succeeded", tree.tasks
    orders = asked(spanning)
    assert set(orders) == {B, OTHER_B}
    first, second = orders.values()
    assert first == second
    assert first.span.members == support_segments.MEMBERS
    assert first.span.mtu == 1450
    assert sorted(host.name for host in first.serving.hosts) == ["db01", "web01"]


def test_so_are_networks_for_each_of_home(spanning):
    spanning.appliances.subnets["lan-b"] = "10.9.8.0/24"
    spanning.run(Verb.TEST_FAILOVER, *NAMES, network="create-each")
    first, second = asked(spanning).values()
    assert [each.span for each in (first, *first.more)] == [each.span for each in (second, *second.more)]
    assert first.span.members == support_segments.MEMBERS


def warned(verbs, network="create"):
    with verbs.store.reading() as tx:
        return networking.warnings(tx, [tx.machines.find(name) for name in NAMES], network)


def test_hosts_that_share_a_network_are_not_warned_of(spanning):
    assert warned(spanning) == ()
    assert warned(spanning, "lan") == ()


@pytest.mark.parametrize(
    ("segment", "said"),
    [
        (None, "no drill segment is named for 'other-appliance-b' (set 'drill_segment'"),
        (DrillSegment(address="10.5.0.1", problem="It is gone."), "that of 'other-appliance-b': It is gone."),
    ],
)
def test_without_a_segment_each_host_makes_its_own_and_why_is_said(spanning, segment, said):
    has(spanning, OTHER_B, segment)
    tree = spanning.run(Verb.TEST_FAILOVER, *NAMES)
    assert tree.job.state == "partially_succeeded"
    assert "the machines are drilled apart: web01 at" in tree.tasks[-1].sentence
    assert said in tree.tasks[-1].sentence
    assert [each.span for each in asked(spanning).values()] == [None, None]


def test_a_machine_alone_and_machines_of_one_host_share_with_nobody(spanning):
    spanning.run(Verb.TEST_FAILOVER, "web01")
    assert asked(spanning)[B].span is None
    is_at(spanning, "db01", B)
    assert warned(spanning) == ()
