"""Cycles between their arrival and the replica."""

import time
from collections import Counter
from typing import Any

import pytest

from rig.appliances import Pair
from rig.noise import noise
from secondsite.appliance.target import Applier, HostedReplica
from secondsite.appliance.target.admission import admission
from secondsite.datapath.errors import CycleRefused
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import Kind, RunCycle

pytestmark = pytest.mark.slow


def test_a_cycle_that_is_applied_while_somebody_asks_for_the_newest_is_not_missed(pair, monkeypatch):
    """It was neither processed nor waiting then, the next one was out of order, and the source compared
    all blocks."""
    pair.protect().synchronized()
    appliance, look = pair.target.appliance, HostedReplica.waiting
    hosted = appliance.host.get(pair.machine_id)
    with hosted.lock("the test", 10):
        pair.source.write(pair.fabric_id, 0, noise(MiB))
        pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id, deadline_seconds=60)
        newest = hosted.received_seq()

        def apply_meanwhile(asked: HostedReplica) -> Any:
            monkeypatch.setattr(HostedReplica, "waiting", look)
            appliance.work.apply_all(asked, 10)
            return look(asked)

        monkeypatch.setattr(HostedReplica, "waiting", apply_meanwhile)
        assert hosted.received_seq() == newest
        assert hosted.replica.state.processed_seq == newest


def protected(sites, name):
    a, b = sites
    fabric_id = simulated.make_machine(a.root, name, [MiB])
    a.fabric.power.start(fabric_id)
    pair = Pair(a, b, fabric_id, name=name)
    pair.protect().synchronized()
    return pair


def test_machines_that_always_have_work_keep_no_others_of_their_source_waiting(sites, monkeypatch):
    """With 1,000 machines, and more work than was done in time, the last ones were six minutes old."""
    pairs = [protected(sites, f"vm{number}") for number in range(6)]
    for pair in pairs:
        pair.pause()
    work, host = sites[1].appliance.work, sites[1].appliance.host
    work.stop(10)
    counted, serve = Counter[str](), Applier._serve  # noqa: SLF001 as a worker calls it

    def and_has_more(applier: Applier, hosted: HostedReplica) -> None:
        counted[hosted.machine_id] += 1
        serve(applier, hosted)
        hosted.wants_work = True

    monkeypatch.setattr(Applier, "_serve", and_has_more)
    for pair in pairs:
        work.wanted(host.get(pair.machine_id))
    for _ in range(300):
        assert work._serve_one(False)  # noqa: SLF001 as a worker does
    assert {pair.machine_id: counted[pair.machine_id] for pair in pairs} == {
        pair.machine_id: 50 for pair in pairs
    }


def test_who_is_only_looked_at_keeps_nobody_waiting_whose_cycle_has_come(sites, monkeypatch):
    """All are looked at each minute: a cycle that came then waited for a thousand looks."""
    pairs = [protected(sites, f"vm{number}") for number in range(4)]
    for pair in pairs:
        pair.pause()
    work, host, order = sites[1].appliance.work, sites[1].appliance.host, list[str]()
    work.stop(10)
    monkeypatch.setattr(Applier, "_serve", lambda _, hosted: served(hosted, order))
    for pair in pairs:
        hosted = host.get(pair.machine_id)
        hosted.wants_work = hosted.only_looked_at = True
    newest = host.get(pairs[-1].machine_id)
    newest.served_at = time.monotonic()
    work.wanted(newest)
    while work._serve_one(False):  # noqa: SLF001 as a worker does
        continue
    assert order[0] == newest.machine_id
    assert len(order) == len(pairs)


def served(hosted: HostedReplica, order: list[str]) -> None:
    order.append(hosted.machine_id)
    hosted.wants_work = False


def test_who_asks_while_the_disks_below_are_read_is_told_how_far_that_is(pair, monkeypatch):
    pair.protect().synchronized()
    appliance = pair.target.appliance
    hosted = appliance.host.get(pair.machine_id)
    monkeypatch.setattr(admission, "DIGESTS_WAIT_SECONDS", 0.1)
    with hosted.lock("the test", 10), hosted.reading() as told:
        told(hosted.replica.state.disks[0].size_bytes // 2, 0)
        with pytest.raises(CycleRefused, match=r"are read, to compare with them: \d+% is done") as refused:
            appliance.admission.held(pair.machine_id, "vda", 0, MiB)
    assert refused.value.code == "replica-busy"
    assert hosted.read_fraction is None
