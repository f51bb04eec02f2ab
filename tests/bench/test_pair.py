"""The scripted pair of appliances, against a real vault and by itself."""

import threading
from datetime import UTC, datetime

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
from secondsite.wire.control.orders import Inventory, Kind

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


def test_the_points_of_a_machine_are_a_day_of_those_that_retention_keeps():
    of_machine = cycles.Cycles.of(MACHINE, DEFAULT, 1, DISKS)
    points = [each.to_domain() for each in of_machine.points(of_machine.newest(datetime.now(UTC)))]
    assert retention.to_drop(points, DEFAULT.retention_seconds) == []
    assert 22 <= (points[-1].taken_at - points[0].taken_at).total_seconds() / 3600 <= 24


def test_a_point_comes_when_the_policy_says_and_the_oldest_goes():
    of_machine = cycles.Cycles.of(MACHINE, DEFAULT, 1, DISKS)
    every = int(DEFAULT.crash_consistent_every_seconds / DEFAULT.cycle_seconds)
    seq = 1000 * every
    assert of_machine.points(seq) == of_machine.points(seq + every - 1)
    before, after = of_machine.points(seq), of_machine.points(seq + every)
    assert after[-1].seq == before[-1].seq + every
    assert len(after) - len(before) in (0, 1)


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
