"""A pass over whole disks goes straight to the head; whoever needs the replica has it, and every point
stays true."""

import os
import threading
from typing import Any

import pytest

from rig.appliances import Kept, Pair, TinyVault
from rig.eventually import eventually
from rig.noise import noise
from rig.relay import Relay
from secondsite.ground import seams
from secondsite.ground.units import MiB
from tests.appliance.support_kept import drill_equals, protect

pytestmark = pytest.mark.slow


def reached(names):
    """A seam that notes the names that it was reached with."""

    def reach(name):
        names.append(name)

    return reach


def test_initial_replication_needs_no_inbox(pair):
    pair.source.write(pair.fabric_id, 0, noise(6 * MiB))
    names: list[Any] = []
    with seams.armed(reached(names)):
        pair.protect().synchronized()
    first_arrival = (
        names.index("appliance.inbox.arrived") if "appliance.inbox.arrived" in names else len(names)
    )
    assert "appliance.direct.applied" in names[:first_arrival]
    point_id = pair.status().points[0].id
    assert pair.target.point_bytes(pair.machine_id, point_id) == pair.source.read(pair.fabric_id)


def test_ordinary_cycles_go_through_the_inbox(pair):
    pair.protect().synchronized()
    names: list[Any] = []
    pair.source.write(pair.fabric_id, 0, noise(MiB))
    with seams.armed(reached(names)):
        pair.point_now()
    assert "appliance.inbox.arrived" in names
    assert "appliance.direct.begun" not in names


def test_an_order_has_the_replica_while_a_pass_is_stuck(pair):
    """The stream stalls for much longer than the order may take; the order cuts it off, and the pass goes
    on."""
    pair.source.write(pair.fabric_id, 0, noise(6 * MiB))
    stuck, go_on = threading.Event(), threading.Event()

    def stall(name):
        if name == "appliance.direct.begun" and not stuck.is_set():
            pair.source.appliance.peers.limiter.set_rate(20 * 1024)
            stuck.set()

    with seams.armed(stall):
        pair.protect()
        assert stuck.wait(10)
        hosted = pair.target.replica(pair.machine_id)
        with hosted.lock("a test", 5):
            assert hosted.replica.state.applying_seq is None
            pair.source.appliance.peers.limiter.set_rate(None)
    go_on.set()
    pair.synchronized()
    point_id = pair.status().points[0].id
    assert pair.target.point_bytes(pair.machine_id, point_id) == pair.source.read(pair.fabric_id)


def test_a_resynchronization_keeps_what_could_still_be_sealed(pair):
    """The head holds processed data of no point: slices wait in the inbox until the first of them is
    whole."""
    pair.protect().synchronized()
    hosted = pair.target.replica(pair.machine_id)
    pair.source.write(pair.fabric_id, 0, noise(MiB))
    eventually(lambda: hosted.replica.state.unsealed)
    header = type("Slice", (), {"sync": {"vda": MiB}})()
    assert not hosted.replica.takes_parts(header)


class Cut(Relay):
    """A line that breaks once, when so many bytes have passed."""

    def __init__(self, target_port, after_bytes):
        self.left = after_bytes
        super().__init__(target_port)

    def altered(self, data):
        before, self.left = self.left, self.left - len(data)
        if self.left <= 0 < before:
            raise OSError("the line broke")
        return data


def test_a_slice_that_broke_off_is_not_sent_again(make_site):
    """What had come is compared: the bytes of all tries together are those of the disk and what was on its
    way."""
    a, b = make_site("a").start(), make_site("b").start()
    machine = a.make_machine(size_bytes=32 * MiB)
    a.write(machine, 0, noise(32 * MiB))
    relay = Cut(b.port, 20 * MiB)
    try:
        pair = Pair(a, b, machine).protect(target_addresses=(f"127.0.0.1:{relay.port}",))
        pair.synchronized()
        passed = sum(count for _, _, count in relay.passed)
    finally:
        relay.close()
    assert relay.left < 0
    on_the_way = 5 * MiB
    print(f"{passed / MiB:.1f} MiB passed for 32 MiB")
    assert 32 * MiB < passed < 32 * MiB + on_the_way
    assert b.point_bytes(pair.machine_id, pair.status().points[0].id) == a.read(machine)


@pytest.fixture
def world(make_site, ca):
    """(vault, pair, target process), passes in slices of a MiB."""
    vault = TinyVault(ca)
    a, b = make_site("a", slice_bytes=MiB), make_site("b")
    processes = [Kept(a, vault), Kept(b, vault)]
    yield vault, Pair(a, b, a.make_machine()), processes[1]
    for process in processes:
        process.end()
    vault.stop()


@pytest.mark.parametrize("reach", [4, 9, 14, 23])
def test_a_target_killed_in_the_middle_of_a_pass_ends_it_true(world, reach):
    vault, pair, target = world
    pair.source.write(pair.fabric_id, 0, noise(7 * MiB))
    target.die_at(reach)
    protect(vault, pair)
    assert target.deaths
    point = vault.replicas[pair.machine_id].points[0]
    drill_equals(vault, pair, point.id, pair.source.read(pair.fabric_id), f"drill{os.getpid()}")
