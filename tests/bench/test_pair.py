"""The scripted pair of appliances, against a real vault and by itself."""

import dataclasses
import itertools
import threading

import pytest

from bench import catalogue
from bench.pair import answers, at_work, cycles
from bench.pair.order_desk import ScriptedDesk
from bench.pair.paired_vault import PairedVault
from bench.pair.replicas import Replicas
from bench.support.taken import Taken
from rig.eventually import eventually
from secondsite.domain import retention
from secondsite.domain.lifecycle import State
from secondsite.domain.policies import ReplicationPolicy
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.control import Order, Report
from secondsite.wire.control.orders import Inventory, Kind, UpdatePolicy
from secondsite.wire.control.setups import ReplicaSetup

DEFAULT = PolicyShape.of(ReplicationPolicy("default"))
MACHINE = "8f" * 16
DISKS = ("vda", "vdb")


@pytest.fixture
def site(tmp_path):
    return answers.site("a", 3, Replicas(tmp_path))


def sent_by(desk):
    """The reports that it sends from now on."""
    sent: list[Report] = []
    desk.connected(sent.append)
    return sent


@pytest.mark.slow
def test_a_vault_protects_fails_over_and_commits_the_machines_of_the_pair():
    with PairedVault(6) as paired:
        at_work.enable(paired)
        with paired.client() as vault:
            protected = list(vault.machines)
        assert [each.name for each in protected] == list(paired.names)
        assert {each.state for each in protected} == {State.PROTECTED}
        assert {each.findings for each in protected} == {()}
        assert {each.points.count for each in protected} == {46}
        at_work.failover(paired)
        at_work.answers_meanwhile(paired)
        with paired.client() as vault:
            assert {each.state for each in vault.machines} == {State.COMMITTED}
        vault_took, pair_took = Taken.by(paired.vault.pid), Taken.by(paired.pair.pid)
        assert vault_took.written_bytes > 0
        assert vault_took.processor_seconds != pair_took.processor_seconds


def test_a_machine_has_as_many_points_as_retention_keeps_of_a_day():
    of_machine = cycles.Cycles.of(MACHINE, DEFAULT, 1, DISKS)
    every = int(DEFAULT.crash_consistent_every_seconds / DEFAULT.cycle_seconds)
    day = [of_machine.point(number * every).to_domain() for number in range(288)]
    kept = len(day) - len(retention.to_drop(day, DEFAULT.retention_seconds))
    assert abs(kept - len(of_machine.points(288 * every))) <= 1


def test_a_point_comes_when_the_policy_says_and_the_oldest_goes():
    usual = cycles.Cycles.of(MACHINE, DEFAULT, 1, DISKS)
    every = int(DEFAULT.crash_consistent_every_seconds / DEFAULT.cycle_seconds)
    seq = 1000 * every
    assert usual.points(seq) == usual.points(seq + every - 1)
    assert usual.points(seq + every)[:-1] == usual.points(seq)[1:]
    hurried = dataclasses.replace(
        usual, policy=DEFAULT.model_copy(update={"crash_consistent_every_seconds": 5})
    )
    assert hurried.points(seq + 1)[:-1] == hurried.points(seq)[1:]


def test_both_sites_follow_a_policy_that_is_changed(site):
    desk = ScriptedDesk(site, {}, at_once=8)
    sent = sent_by(desk)
    hurried = DEFAULT.model_copy(update={"crash_consistent_every_seconds": 5})
    [machine, *_] = site.inventory.machines
    setup = ReplicaSetup(
        machine_id=MACHINE, machine_name=machine.name, epoch=1, definition=machine.definition, disks=DISKS,
        source_appliance_id="a", policy=DEFAULT,
    )  # fmt: skip
    for kind, payload in ((Kind.PREPARE_REPLICA, setup), (Kind.UPDATE_POLICY, UpdatePolicy(policy=hurried))):
        desk.take(
            Order(order_id=kind, kind=kind, machine_id=MACHINE, payload=payload.model_dump(mode="json"))
        )
    assert [each.problem for each in sent] == [None, None]
    assert [later.seq - one.seq for one, later in itertools.pairwise(site.replica(MACHINE).points)] == [
        1
    ] * 45


def test_an_order_without_a_script_is_refused_with_what_to_do(site):
    desk = ScriptedDesk(site, {}, at_once=8)
    sent = sent_by(desk)
    desk.take(Order(order_id="1", kind=Kind.WITHDRAW, machine_id=MACHINE, payload={"fabric_id": "x"}))
    assert "answers.py" in sent[0].problem.do


def test_the_inventory_has_the_machines_that_were_asked_for(site):
    desk = ScriptedDesk(site, {}, at_once=8)
    sent = sent_by(desk)
    desk.take(Order(order_id="1", kind=Kind.DISCOVER))
    assert [each.name for each in Inventory.model_validate(sent[0].facts).machines] == [
        "vm0000",
        "vm0001",
        "vm0002",
    ]


def test_so_many_starts_go_on_beside_each_other_and_the_others_wait(site):
    going_on, may_end = [], threading.Event()

    def take_time(seconds):
        going_on.append(seconds)
        may_end.wait(10)

    desk = ScriptedDesk(site, {Kind.START_REPLICA: 5.0}, at_once=2, sleep=take_time)
    sent = sent_by(desk)
    for number in range(3):
        desk.take(Order(order_id=str(number), kind=Kind.START_REPLICA, machine_id=MACHINE))
    eventually(lambda: len(going_on) == 2)
    assert sent == []
    may_end.set()
    eventually(lambda: len(sent) == 3)
    assert going_on == [5.0] * 3


def test_a_figure_of_the_pair_can_be_asked_for_with_any_number_of_machines():
    assert "vault_1000_enable_seconds" in catalogue.names()
    assert catalogue.is_known("vault_25_enable_seconds")
    assert catalogue.what("vault_25_enable_seconds") == catalogue.what("vault_1000_enable_seconds")
    assert not catalogue.is_known("vault_n_enable_seconds")
    assert not catalogue.is_known("vault_many_enable_seconds")
