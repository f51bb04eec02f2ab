"""What the simulated fabric promises beyond the suite: crashes, faults, guests, daemons."""

import contextlib
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rig.eventually import eventually
from secondsite.datapath.disks import image
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import HostRequest, PowerState
from secondsite.fabrics.simulated.host.daemon import Daemon
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground.units import GiB, KiB, MiB
from tests.fabrics import support_simulated as support


def test_a_machine_with_a_daemon_of_its_own_dies_alone(fabric):
    alone, other = support.started(fabric, "alone", own_daemon=True), support.started(fabric, "other")
    simulated.kill(fabric.root, alone)
    assert fabric.power.state(alone) is PowerState.OFF
    assert fabric.power.state(other) is PowerState.RUNNING


def test_machines_that_share_a_daemon_lose_their_power_together(fabric):
    both = [support.started(fabric, name) for name in ("a", "b")]
    simulated.kill(fabric.root, both[0])
    assert [machine.power for machine in fabric.inventory.list()] == [PowerState.OFF, PowerState.OFF]
    fabric.power.start(both[1])
    assert [fabric.power.state(one) for one in both] == [PowerState.OFF, PowerState.RUNNING]


def test_a_daemon_that_is_dying_does_not_keep_the_next_one_from_starting(tmp_path):
    """The kernel takes a dying process's command line, by which we know it, before the lock on its pid
    file."""
    daemon = Daemon(tmp_path / "host")
    dying = int(daemon.ensure().partition(":")[0])
    pid_file = next(path for path in (tmp_path / "host").iterdir() if path.suffix == ".pid")
    pid_file.write_text("0")
    assert daemon.identity is None
    ending = threading.Timer(0.5, os.kill, (dying, signal.SIGKILL))
    ending.start()
    assert int(daemon.ensure().partition(":")[0]) != dying
    ending.join()
    daemon.remove()


def test_a_start_goes_before_a_reader_of_the_machine_that_is_off(fabric):
    fabric_id = simulated.make_machine(fabric.root, "machine", [4 * MiB])
    with fabric.tracking.open(support.request(fabric.root, fabric_id)) as session:
        assert session.at_rest
        fabric.power.start(fabric_id)
    assert fabric.power.state(fabric_id) is PowerState.RUNNING


def test_a_site_in_a_deep_folder_works(fabric):
    root = Path(tempfile.mkdtemp(prefix="site-")) / ("deep" * 30)
    deep = simulated.open_fabric(root)
    fabric_id = support.started(deep, "machine")
    try:
        assert support.content(deep, root, fabric_id) == bytes(4 * MiB)
    finally:
        simulated.demolish(root)
        shutil.rmtree(root.parent)


def test_a_dialled_fault_happens_once_at_the_call_it_names(fabric):
    fabric_id = simulated.make_machine(fabric.root, "machine", [MiB])
    simulated.dial(
        fabric.root, [simulated.Fault(method="power.*", nth=2, code="fabric-error", message="No power.")]
    )
    fabric.power.start(fabric_id)
    with pytest.raises(errors.FabricError, match=r"No power\."):
        fabric.power.stop(fabric_id)
    assert fabric.power.state(fabric_id) is PowerState.RUNNING
    fabric.power.stop(fabric_id)


def test_a_dialled_fault_without_a_number_happens_until_it_is_taken_away(fabric):
    simulated.dial(fabric.root, [simulated.Fault(method="inventory.list", code="deadline-exceeded")])
    for _ in range(2):
        with pytest.raises(errors.DeadlineExceeded):
            fabric.inventory.list()
    simulated.dial(fabric.root, [])
    assert fabric.inventory.list() == []


def test_an_error_after_a_view_was_frozen_leaves_no_view(fabric):
    fabric_id = support.started(fabric, "machine")
    simulated.dial(
        fabric.root, [simulated.Fault(method="tracking.open", nth=1, when="after", code="fabric-error")]
    )
    with pytest.raises(errors.FabricError):
        support.content(fabric, fabric.root, fabric_id)
    assert list((fabric.root / "scratch").iterdir()) == []


def test_delays_make_every_call_slower(site):
    slow = simulated.open_fabric(site, delay_seconds=(0.05, 0.06))
    before = time.monotonic()
    slow.inventory.list()
    assert time.monotonic() - before >= 0.05


def test_a_pause_that_lasts_too_long_lets_guests_go_and_says_so(fabric):
    fabric_id = support.started(fabric, "machine")
    with simulated.Guest(fabric.root, fabric_id) as guest:
        with pytest.raises(errors.DeadlineExceeded):
            with fabric.common_pause.pause([fabric_id], budget_seconds=0.2):
                guest.write("vda", 0, b"x" * 512, wait_seconds=5)
        assert guest.read("vda", 0, 1) == b"x"


def test_a_pause_wins_against_a_guest_that_writes_without_pause(fabric):
    fabric_id = support.started(fabric, "machine")
    with simulated.Writer(fabric.root, fabric_id, bytes_per_second=0, block_bytes=4 * KiB) as writer:
        eventually(lambda: writer.bytes_written > 64 * KiB)
        with fabric.common_pause.pause([fabric_id], budget_seconds=30):
            written = writer.bytes_written
            time.sleep(0.1)
            assert writer.bytes_written <= written + 4 * KiB
        eventually(lambda: writer.bytes_written > written + 64 * KiB)


@pytest.mark.parametrize(("guest_agent", "consistency"), [(True, "app"), (False, "crash")])
def test_a_point_is_app_consistent_when_the_guest_has_an_agent(fabric, guest_agent, consistency):
    fabric_id = support.started(fabric, "machine", guest_agent=guest_agent)
    with fabric.tracking.open(support.request(fabric.root, fabric_id, app_consistent=True)) as session:
        assert session.consistency == consistency
        assert (session.reason is None) is guest_agent


def test_an_app_consistent_view_opens_while_its_group_is_held(fabric):
    fabric_id = support.started(fabric, "machine")
    with fabric.common_pause.pause([fabric_id], budget_seconds=5):
        with fabric.tracking.open(support.request(fabric.root, fabric_id, app_consistent=True)) as session:
            assert session.consistency == "app"


def test_a_writer_goes_on_when_its_machine_was_restarted(fabric):
    fabric_id = support.started(fabric, "machine")
    with simulated.Writer(fabric.root, fabric_id, bytes_per_second=8 * MiB) as writer:
        eventually(lambda: writer.bytes_written)
        fabric.power.stop(fabric_id)
        fabric.power.start(fabric_id)
        written = writer.bytes_written
        eventually(lambda: writer.bytes_written > written + 128 * KiB)


@pytest.mark.parametrize(
    "ask", [lambda guest: guest.size_bytes("vda"), lambda guest: guest.read("vda", 0, 1)]
)
def test_a_guest_whose_disk_goes_as_it_connects_says_so(fabric, ask):
    fabric_id = support.started(fabric, "machine")
    host = Host(fabric.root)
    daemon = host.daemon(host.records.need(fabric_id))
    daemon.nbd_socket.rename(daemon.nbd_socket.with_name("gone"))
    with simulated.Guest(fabric.root, fabric_id) as guest:
        with pytest.raises(errors.FabricError, match="failed under the guest"):
            ask(guest)


def test_a_guest_finds_no_disk_when_its_machine_is_off(fabric):
    fabric_id = simulated.make_machine(fabric.root, "machine", [MiB])
    with simulated.Guest(fabric.root, fabric_id) as guest, pytest.raises(errors.FabricError, match="is off"):
        guest.read("vda", 0, 512)


def test_a_guest_that_ignores_shutdown_runs_on_after_the_grace(fabric):
    fabric_id = support.started(fabric, "machine", obeys_shutdown=False)
    assert fabric.power.shut_down(fabric_id, grace_seconds=0.1) is False
    assert fabric.power.state(fabric_id) is PowerState.RUNNING


def test_a_raw_disk_is_an_obstacle(fabric):
    fabric_id = simulated.make_machine(fabric.root, "machine", [MiB])
    path = Path(fabric.inventory.get(fabric_id).definition.disks[0].path)
    path.write_bytes(bytes(MiB))
    assert [one.blocking for one in fabric.tracking.check(fabric_id)] == [True]


def test_a_hosted_machine_has_the_targets_networks(fabric):
    source = simulated.make_machine(fabric.root, "source", [MiB], networks=["lan", "backup"])
    definition = fabric.inventory.get(source).definition
    overlay = fabric.root / "overlay.qcow2"
    image.create_overlay(overlay, Path(definition.disks[0].path), "qcow2", MiB)
    networks = {"net0": "drill", "net1": None}
    request = HostRequest("copy", "copy", definition, {"vda": overlay}, networks, "tag")
    fabric.hosting.create(request)
    made = fabric.inventory.get("copy").definition
    assert [(nic.network, nic.mac) for nic in made.nics] == [
        ("drill", definition.nics[0].mac),
    ]
    assert (made.vcpus, made.memory_bytes) == (definition.vcpus, definition.memory_bytes)


def test_a_machine_that_is_there_with_other_disks_is_not_made_again(fabric):
    fabric_id, original = support.home_again(fabric, "machine")
    definition = fabric.inventory.get(fabric_id).definition
    fabric.power.stop(fabric_id)
    with pytest.raises(errors.FabricError, match="other disks"):
        fabric.hosting.create(HostRequest(fabric_id, "machine", definition, {"vda": original}, {}, "tag"))


@contextlib.contextmanager
def writing_now_and_then(fabric, fabric_id):
    """A guest that writes pages at random moments; gives the list of when each of them began and had
    ended."""
    writes, stop = [], threading.Event()

    def write():
        with simulated.Guest(fabric.root, fabric_id) as guest:
            while not stop.wait(random.uniform(0.0, 0.03)):
                began = datetime.now(UTC)
                guest.write("vda", random.randrange(1024) * 4096, b"x" * 4096)
                writes.append((began, datetime.now(UTC)))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield writes
    finally:
        stop.set()
        thread.join(10)


@pytest.mark.slow
def test_no_write_that_ended_before_the_instant_is_ever_missed(fabric):
    fabric_id = support.started(fabric, "racing")
    base, opened_at, claims = None, None, 0
    with writing_now_and_then(fabric, fabric_id) as writes:
        for _ in range(150):
            found = fabric.tracking.unwritten(fabric_id, ["vda"], base) if base else None
            if found is not None:
                claims += 1
                assert not [each for each in writes if opened_at < each[0] and each[1] < found.taken_at]
                continue
            with fabric.tracking.open(support.request(fabric.root, fabric_id, base)) as session:
                opened_at = datetime.now(UTC)
            base = session.checkpoint
            fabric.tracking.acknowledge(fabric_id, base)
    assert claims


def test_a_machine_whose_disk_a_backup_reads_does_not_start_until_it_is_done(fabric):
    fabric_id = simulated.make_machine(fabric.root, "read", [4 * MiB])
    path = Path(fabric.inventory.get(fabric_id).definition.disks[0].path)
    with simulated.read_by_another(path), pytest.raises(errors.FabricError, match="lock"):
        fabric.power.start(fabric_id)
    fabric.power.start(fabric_id)
    assert fabric.power.state(fabric_id) is PowerState.RUNNING


def test_a_machine_that_was_migrated_is_neither_started_nor_read_here_and_is_compared_once_it_is_back(fabric):
    fabric_id = support.started(fabric, "migrates")
    with fabric.tracking.open(support.request(fabric.root, fabric_id)) as session:
        base = session.checkpoint
    fabric.tracking.acknowledge(fabric_id, base)
    simulated.migrate_away(fabric.root, fabric_id)
    assert fabric.power.state(fabric_id) is PowerState.ELSEWHERE
    with pytest.raises(errors.FabricError, match="another host"):
        fabric.power.start(fabric_id)
    with pytest.raises(errors.FabricError, match="another host"):
        support.content(fabric, fabric.root, fabric_id)
    simulated.migrate_back(fabric.root, fabric_id)
    assert fabric.power.state(fabric_id) is PowerState.RUNNING
    with fabric.tracking.open(support.request(fabric.root, fabric_id, base)) as session:
        assert session.disks[0].bitmaps == ()


def test_a_machine_that_was_made_anew_keeps_its_disk_when_an_old_snapshot_is_ended(fabric):
    fabric_id = support.started(fabric, "machine")
    host = Host(fabric.root)
    made = host.records.need(fabric_id)
    below = simulated.take_snapshot(fabric.root, fabric_id, "vda")
    fabric.power.stop(fabric_id)
    host.records.save(made.having(runs_in=None, nodes={}))
    with pytest.raises(errors.FabricError, match="no snapshot"):
        simulated.end_snapshot(fabric.root, fabric_id, "vda", below)
    assert below.exists()


def test_each_start_of_a_machine_is_told_apart(fabric):
    fabric_id = support.started(fabric, "machine")
    guest = simulated.Guest(fabric.root, fabric_id)
    first = guest.boot
    fabric.power.stop(fabric_id)
    off = guest.boot
    fabric.power.start(fabric_id)
    assert (first is None, off, guest.boot in {None, first}) == (False, None, False)


def test_a_host_that_was_given_memory_lends_it_to_machines_that_run(fabric):
    simulated.give_host_memory(fabric.root, 8 * GiB)
    support.started(fabric, "one")
    has = fabric.hosting.capacity()
    assert (has.memory_bytes, has.free_bytes) == (8 * GiB, 7 * GiB)
