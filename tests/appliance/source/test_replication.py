"""From a protected machine to points that equal its disk."""

import re

import pytest

from rig.appliances import DISK_BYTES, Pair, policy
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.shared import HomeFull
from secondsite.datapath import errors as datapath_errors
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.orders import Drain, Kind, RunCycle, UpdatePolicy
from tests.support.instants import now, until_processed

pytestmark = pytest.mark.slow


def test_initial_replication_ends_with_a_point_that_equals_the_disk(pair):
    pair.source.write(pair.fabric_id, 1 * MiB, noise(2 * MiB, seed=1))
    pair.protect().synchronized()
    point = pair.status().points[-1]
    assert pair.target.point_bytes(pair.machine_id, point.id) == pair.source.read(pair.fabric_id)
    assert pair.source_status().sync_fraction is None
    assert pair.source_status().findings == ()


def test_every_point_keeps_its_own_instant(pair):
    pair.protect().synchronized()
    kept = {}
    for number in range(4):
        pair.source.write(pair.fabric_id, number * 777 * KiB, noise(300 * KiB, seed=number))
        pair.source.write(pair.fabric_id, 5 * MiB, bytes(64 * KiB) if number % 2 else noise(64 * KiB))
        kept[pair.point_now()] = pair.source.read(pair.fabric_id)
    for point_id, content in kept.items():
        assert pair.target.point_bytes(pair.machine_id, point_id) == content


def test_one_appliance_sends_and_receives_at_once(sites):
    """S-275"""
    a, b = sites
    there = Pair(a, b, a.make_machine())
    back = Pair(b, a, b.make_machine("db01"), name="db01")
    for pair in (there, back):
        pair.protect()
    for pair in (there, back):
        pair.synchronized()
    for number in range(3):
        for pair in (there, back):
            pair.source.write(pair.fabric_id, number * MiB, noise(300 * KiB, seed=number))
        for pair in (there, back):
            content = pair.source.read(pair.fabric_id)
            assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == content


def test_a_pass_in_slices_follows_a_guest_that_writes(make_site):
    a, b = make_site("a", slice_bytes=1 * MiB).start(), make_site("b").start()
    fabric_id = a.make_machine(disks=2)
    pair = Pair(a, b, fabric_id)
    for key in ("vda", "vdb"):
        a.write(fabric_id, 0, noise(DISK_BYTES), key)
    pair.protect()
    for number in range(12):
        a.write(fabric_id, (number * 5 % 8) * MiB, noise(100 * KiB), "vda")
        a.write(fabric_id, (number * 3 % 8) * MiB, bytes(100 * KiB), "vdb")
    pair.synchronized()
    eventually(lambda: (pair.source_status().last_seq or 0) >= 8)
    point_id = pair.point_now()
    for key in ("vda", "vdb"):
        assert b.point_bytes(pair.machine_id, point_id, key) == a.read(fabric_id, key)


def test_the_loop_sends_changes_by_itself_without_a_vault(pair):
    pair.protect().synchronized()
    for number in range(2):
        seq = pair.source_status().last_seq
        pair.source.write(pair.fabric_id, 0, noise(1 * MiB, seed=number))
        eventually(lambda seq=seq: pair.status().processed_seq > seq)
    assert pair.source.appliance.control is None


def test_drain_with_seal_makes_a_point_of_what_no_point_has(pair):
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    until_processed(pair, now())
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    facts = pair.target.do(Kind.DRAIN, Drain(), pair.machine_id)
    assert facts["new_point_id"]
    assert pair.target.point_bytes(pair.machine_id, facts["new_point_id"]) == pair.source.read(pair.fabric_id)
    assert pair.target.do(Kind.DRAIN, Drain(), pair.machine_id)["new_point_id"] is None


def test_the_last_cycle_of_a_machine_that_was_shut_down_loses_nothing(pair):
    pair.protect().synchronized()
    content = noise(DISK_BYTES)
    pair.source.write(pair.fabric_id, 0, content)
    pair.source.fabric.power.shut_down(pair.fabric_id, 5)
    point_id = pair.point_now(final=True)
    assert pair.target.point_bytes(pair.machine_id, point_id) == content
    assert pair.source_status().running is False


def test_the_last_cycle_is_refused_while_the_machine_runs(pair):
    pair.protect().synchronized()
    report = pair.source.order(Kind.RUN_CYCLE, RunCycle(final=True), pair.machine_id)
    assert report.problem.code == "not-possible-now"
    assert "is running now: somebody started it meanwhile" in report.problem.message


def test_a_machine_that_is_off_is_sent_once_and_then_idles(pair):
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    pair.source.fabric.power.shut_down(pair.fabric_id, 5)
    source = pair.source.appliance.replication.get(pair.machine_id)
    eventually(lambda: source.unchanged_fingerprint is not None)
    seq, at = pair.source_status().last_seq, pair.source_status().sent_at
    eventually(lambda: pair.source_status().sent_at > at)
    assert (pair.source_status().last_seq, pair.source_status().all_sent) == (seq, True)
    pair.source.fabric.power.start(pair.fabric_id)
    eventually(lambda: not pair.source_status().all_sent)
    pair.source.write(pair.fabric_id, 3 * MiB, noise(1 * MiB))
    eventually(lambda: pair.source_status().last_seq > seq)
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)


def test_what_a_machine_wrote_last_before_it_was_switched_off_is_not_said_to_be_sent(pair):
    pair.protect().synchronized()
    pair.target.stop()
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    pair.source.fabric.power.shut_down(pair.fabric_id, 5)
    eventually(lambda: pair.source_status().power == "off")
    assert not pair.source_status().all_sent
    pair.target.start()
    eventually(lambda: pair.source_status().all_sent, 20)


def test_a_machine_that_was_never_on_is_replicated_too(sites):
    a, b = sites
    fabric_id = a.make_machine()
    a.write(fabric_id, 1 * MiB, noise(1 * MiB))
    content = a.read(fabric_id)
    a.fabric.power.shut_down(fabric_id, 5)
    pair = Pair(a, b, fabric_id).protect().synchronized()
    assert b.point_bytes(pair.machine_id, pair.status().points[-1].id) == content


def test_a_lost_bitmap_leads_to_a_comparison_that_sends_only_what_differs(pair):
    pair.source.write(pair.fabric_id, 0, noise(4 * MiB))
    pair.protect().synchronized()
    source = pair.source.appliance.replication.get(pair.machine_id)
    with source.lock("a test", 10):
        before = source.progress.total_wire_bytes
        pair.source.fabric.tracking.acknowledge(pair.fabric_id, None)
        pair.source.write(pair.fabric_id, 1 * MiB, noise(256 * KiB))
        points = len(pair.status().points)
    eventually(lambda: len(pair.status().points) > points)
    assert source.progress.total_wire_bytes - before < 1 * MiB
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)
    assert pair.source_status().findings == ()


def test_resynchronize_repairs_a_replica_that_lost_its_place(pair):
    pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
    pair.protect().synchronized()
    points = len(pair.status().points)
    pair.source.do(Kind.RESYNCHRONIZE, machine_id=pair.machine_id)
    eventually(lambda: len(pair.status().points) > points)
    assert pair.target.point_bytes(pair.machine_id, pair.status().points[-1].id) == pair.source.read(
        pair.fabric_id
    )


def test_points_that_the_policy_no_longer_keeps_are_dropped(pair):
    pair.target.restart(deletion_delay_seconds=0)
    pair.protect().synchronized()
    for number in range(3):
        pair.source.write(pair.fabric_id, number * MiB, noise(64 * KiB))
        last = pair.point_now()
    shorter = UpdatePolicy(policy=policy(retention_seconds=0))
    pair.target.do(Kind.UPDATE_POLICY, shorter, pair.machine_id)
    eventually(lambda: [point.id for point in pair.status().points] == [last], 30)
    assert pair.target.point_bytes(pair.machine_id, last) == pair.source.read(pair.fabric_id)


def test_a_target_that_moved_is_dialled_where_it_is_now(pair):
    nowhere, now_at = ("127.0.0.1:1",), (pair.target.data_address,)
    pair.protect(target_addresses=nowhere)
    eventually(lambda: "peer-unreachable" in {each.code for each in pair.source_status().findings}, 30)
    told = UpdatePolicy(
        policy=policy(), target_appliance_id=pair.target.appliance_id, target_addresses=now_at
    )
    pair.source.do(Kind.UPDATE_POLICY, told, pair.machine_id)
    pair.synchronized()
    pair.source.restart()
    assert pair.source.appliance.replication.get(pair.machine_id).setup.target_addresses == now_at


def test_a_disk_that_grew_grows_at_the_target(pair):
    pair.protect().synchronized()
    with pair.source.appliance.replication.get(pair.machine_id).lock(
        "a test", 10
    ):  # not while a view is open
        simulated.resize(pair.source.root, pair.fabric_id, "vda", 12 * MiB)
    pair.source.write(pair.fabric_id, 11 * MiB, noise(512 * KiB))
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)


def test_a_full_home_of_the_source_is_not_told_as_a_full_store_of_the_target(pair, monkeypatch):
    """Its advice was to shorten the retention at the target, which cost history and helped nobody."""
    pair.protect().synchronized()

    def full(*_said):
        raise HomeFull("No space left for appliance.db.", do="Free space in the appliance's home.")

    with monkeypatch.context() as home:
        home.setattr(pair.source.appliance.state, "put_source", full)
        pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
        (told,) = eventually(lambda: pair.source_status().findings, 20)
    assert told.code == "cycle-failed"
    assert told.what == "No space left for appliance.db. Free space in the appliance's home."
    eventually(lambda: not pair.source_status().findings, 40)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errors.FabricError("QEMU refused it."), "Look at the hypervisor's own log for this machine."),
        (errors.DeadlineExceeded("It hung."), "See which process is slow or gone"),
        (datapath_errors.DiskUnreadable("Not read."), "Not read."),
    ],
    ids=["fabric", "deadline", "disk"],
)
def test_what_a_cycle_failed_at_is_not_told_as_if_it_were_a_job(pair, monkeypatch, error, told):
    """It told people to retry the job, and there was none."""
    pair.protect().synchronized()

    def fails(_request):
        raise error

    with monkeypatch.context() as failing:
        failing.setattr(pair.source.appliance.fabric.tracking, "open", fails)
        pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
        (finding,) = eventually(lambda: pair.source_status().findings, 20)
    assert told in finding.what
    assert not re.search("retry the job|job show", finding.what), finding.what
