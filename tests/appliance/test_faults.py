"""What goes wrong, is said, hurts nobody, and heals by itself."""

import os
import threading
from typing import cast

import pytest

from rig import dying
from rig.appliances import DISK_BYTES, Pair
from rig.eventually import eventually
from rig.noise import noise
from rig.relay import Relay
from secondsite.appliance.process import Appliance
from secondsite.datapath.channel import handshake as channel
from secondsite.datapath.cycles import inbox
from secondsite.datapath.cycles.cycle_file import CycleDisk, CycleHeader
from secondsite.datapath.disks import NbdDisk
from secondsite.datapath.errors import PeerRefused
from secondsite.datapath.transfer import sender
from secondsite.fabrics import simulated
from secondsite.fabrics.simulated import Fault
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control import Order
from secondsite.wire.control.orders import Kind, RunCycle
from tests.support.instants import now, until_processed

pytestmark = pytest.mark.slow


def codes(pair):
    return [finding.code for finding in pair.source_status().findings]


def test_a_cycle_that_uses_too_much_scratch_space_is_given_up_and_the_guest_goes_on(make_site):
    a = make_site("a", scratch_budget_bytes=2 * MiB, bandwidth_bytes_per_second=MiB).start()
    b = make_site("b").start()
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(DISK_BYTES))
    pair.protect()
    source = a.appliance.replication.get(pair.machine_id)
    eventually(lambda: source.progress.next_seq == 2)
    for number in range(3):
        a.write(pair.fabric_id, number * MiB, noise(1 * MiB))
    eventually(lambda: "scratch-exhausted" in codes(pair))
    assert list(a.config.scratch.iterdir()) == []
    a.appliance.peers.limiter.set_rate(None)
    pair.synchronized()
    eventually(lambda: codes(pair) == [])
    assert b.point_bytes(pair.machine_id, pair.point_now()) == a.read(pair.fabric_id)


def test_a_stalled_peer_does_not_keep_the_backup_job_open(make_site):
    a = make_site("a", scratch_budget_bytes=2 * MiB).start(peer_idle_seconds=30)
    b = make_site("b").start()
    relay = Relay(b.port)
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(DISK_BYTES))
    relay.moving.clear()
    pair.protect(target_addresses=(f"127.0.0.1:{relay.port}",))
    relay.moving.set()
    pair.synchronized()
    relay.moving.clear()
    try:
        a.write(pair.fabric_id, 0, noise(1 * MiB))
        eventually(lambda: list(a.config.scratch.iterdir()) or "peer-unreachable" in codes(pair))
        for number in range(3):
            a.write(pair.fabric_id, number * MiB, noise(1 * MiB))
        eventually(lambda: codes(pair), 15)
        eventually(lambda: not list(a.config.scratch.iterdir()))
        relay.moving.set()
        assert b.point_bytes(pair.machine_id, point_when_it_answers(pair)) == a.read(pair.fabric_id)
    finally:
        relay.close()


def point_when_it_answers(pair):
    """A new point, once the ways are free again."""
    eventually(lambda: pair.source.order(Kind.RUN_CYCLE, RunCycle(), pair.machine_id).problem is None, 20)
    return pair.point_now()


def test_a_full_store_is_said_and_loses_nothing(make_site, small):
    small_store = small("small", 64 * MiB)
    a, b = make_site("a").start(), make_site("b", store=small_store / "store")
    b.start()
    pair = Pair(a, b, a.make_machine()).protect().synchronized()
    reserve = small_store / "ballast"
    free = os.statvfs(small_store).f_bavail * os.statvfs(small_store).f_frsize
    reserve.write_bytes(b"x" * (free - 1 * MiB))
    a.write(pair.fabric_id, 0, noise(4 * MiB))

    def said():
        both = (*pair.source_status().findings, *pair.status().findings)
        return "target-store-full" in [finding.code for finding in both]

    eventually(said, 20)
    reserve.unlink()
    eventually(lambda: not said(), 40)
    assert b.point_bytes(pair.machine_id, pair.point_now()) == a.read(pair.fabric_id)
    b.end()


def test_cycles_of_another_epoch_or_source_are_refused(pair):
    pair.protect().synchronized()
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)

    def offered(peer, **changes):
        values = {
            "machine_id": pair.machine_id, "epoch": 1, "seq": 99, "base_seq": None,
            "taken_at": "2026-11-20T00:00:00Z",
            "disks": (CycleDisk("vda", DISK_BYTES),),
        }  # fmt: skip
        with channel.dial("127.0.0.1", pair.target.port, peer.appliance.peers.tls) as connection:
            with pytest.raises(PeerRefused) as refused:
                header = CycleHeader(**{**values, **changes})
                sender.send_cycle(connection, header, [sender.DiskPlan(cast(NbdDisk, None), "vda")])
        said.append(str(refused.value))
        return refused.value.code

    said: list[str] = []
    assert offered(pair.source, epoch=2) == "records-behind"
    assert offered(pair.source, machine_id="nobody") == "no-replica"
    assert offered(pair.target) == "wrong-source"
    # an appliance that the machine has left, back from before that: it fences what it has (Fences.REFUSALS)
    assert offered(pair.target, epoch=0) == "wrong-epoch"
    setup = pair.target.appliance.host.find(pair.machine_id).setup
    strangers = " ".join(said[-2:])
    assert setup.machine_name not in strangers
    assert setup.source_appliance_id not in strangers
    assert offered(pair.source, base_seq=98) == "out-of-order"


def test_a_target_that_restarts_in_the_middle_gets_all(pair):
    pair.source.write(pair.fabric_id, 0, noise(DISK_BYTES))
    pair.protect()
    pair.target.stop()
    eventually(lambda: "peer-unreachable" in codes(pair))
    pair.target.start()
    pair.synchronized()
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)


def test_a_source_that_restarts_goes_on_from_its_base(pair):
    pair.source.write(pair.fabric_id, 0, noise(6 * MiB))
    pair.protect().synchronized()
    wire_bytes = pair.source_status().total_wire_bytes
    pair.source.stop()
    pair.source.write(pair.fabric_id, 1 * MiB, noise(64 * KiB))
    pair.source.start()
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)
    assert pair.source_status().total_wire_bytes - wire_bytes < 1 * MiB


@pytest.mark.parametrize(
    "seam", ["appliance.cycle.attempted", "appliance.cycle.acknowledged", "appliance.cycle.remembered"]
)
def test_a_cycle_cut_off_anywhere_is_covered_by_the_next(pair, seam):
    pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
    pair.protect().synchronized()
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    pair.source.write(pair.fabric_id, 1 * MiB, noise(512 * KiB))

    order = Order(order_id="x", kind=Kind.RUN_CYCLE, machine_id=pair.machine_id)
    with seams.armed(dying.at(seam)), pytest.raises(dying.Killed):
        pair.source.appliance.perform(order)
    pair.source.write(pair.fabric_id, 1 * MiB, bytes(256 * KiB))
    pair.source.stop()
    pair.source.start()
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)


def test_a_repeated_order_gets_its_first_report(pair):
    pair.protect().synchronized()
    first = pair.source.order(Kind.RUN_CYCLE, RunCycle(), pair.machine_id, order_id="once")
    again = pair.source.order(Kind.RUN_CYCLE, RunCycle(), pair.machine_id, order_id="once")
    assert again == first
    pair.source.stop()
    pair.source.start()
    assert pair.source.order(Kind.RUN_CYCLE, RunCycle(), pair.machine_id, order_id="once") == first


def test_an_unknown_order_is_a_clear_problem(pair):
    report = pair.source.order("levitate", machine_id=pair.machine_id)
    assert report.problem.code == "invalid-argument"
    assert "levitate" in report.problem.message


def test_a_failing_machine_backs_off_alone(sites):
    a, b = sites
    good, bad = Pair(a, b, a.make_machine("good"), name="good"), Pair(a, b, a.make_machine("bad"), name="bad")
    for pair in (good, bad):
        pair.protect().synchronized()
    simulated.dial(a.root, [Fault(method="tracking.*", machine=bad.fabric_id, code="fabric-error")])
    eventually(lambda: "cycle-failed" in codes(bad))
    for _ in range(3):
        until_processed(good, now())
    assert codes(good) == []
    simulated.dial(a.root, [])
    eventually(lambda: codes(bad) == [], 20)


def test_a_missing_machine_is_a_finding(pair):
    pair.protect().synchronized()
    pair.source.fabric.hosting.remove(pair.fabric_id, pair.machine_id)
    eventually(lambda: "machine-missing" in codes(pair))


def test_a_damaged_cycle_is_discarded_and_the_source_compares(pair):
    pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
    pair.protect().synchronized()
    hosted = pair.target.replica(pair.machine_id)
    with hosted.lock("a test", 10):
        pair.source.write(pair.fabric_id, 3 * MiB, noise(1 * MiB))
        pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
        path = next(
            path for _, _, path in inbox.scan(hosted.replica.files.inbox) if path.stat().st_size > 500 * KiB
        )
        with path.open("r+b") as file:
            file.seek(300 * KiB)
            file.write(b"damage")
        points = len(hosted.points)
    eventually(lambda: len(pair.status().points) > points, 20)
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)
    assert [finding.code for finding in pair.status().findings] == []


def test_stopping_leaves_no_thread_behind(make_site):
    before = set(threading.enumerate())
    site = make_site("a").start()
    assert isinstance(site.appliance, Appliance)
    site.stop()
    left = [each.name for each in threading.enumerate() if each not in before and not each.daemon]
    assert left == []
