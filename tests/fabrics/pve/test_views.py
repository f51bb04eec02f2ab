"""Views of disks by backups: the plugin, upstream's QEMU and the cycles together. No node was there."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from secondsite.datapath.disks.nbd_disk import NbdDisk
from secondsite.datapath.errors import DiskUnreadable
from secondsite.domain import errors
from secondsite.fabrics.interface import PowerState, SessionRequest
from secondsite.fabrics.pve import PveSite
from secondsite.fabrics.pve.cycles import Replicated
from secondsite.fabrics.pve.cycles import backup as backup_tasks
from secondsite.fabrics.pve.cycles.records import MarkRecords
from secondsite.fabrics.pve.errors import PveAway
from tests.fabrics.pve.support_backups import Backups
from tests.fabrics.pve.support_machines import add
from tests.fabrics.pve.support_pve import TOKEN

OURS = "4b6f1f0e-8f43-4a5e-9f51-52d9d1a9c001"
MiB = 2**20
SIZE = 4 * MiB
BLOCK = 64 * 2**10

pytestmark = pytest.mark.slow


@pytest.fixture
def backups(cluster, tmp_path_factory):
    cluster.pve.time_scale = 0.01
    backups = Backups(cluster, tmp_path_factory.mktemp("b"))
    yield backups
    backups.stop()


@pytest.fixture
def site(cluster, backups, tmp_path):
    site = opened(cluster, backups, tmp_path)
    yield site
    site.close()


def opened(cluster, backups, tmp_path):
    how = Replicated(backups.socket, tmp_path / "records", "local-lvm")
    return PveSite(cluster.reached_at(), how)


@pytest.fixture
def ours(cluster, backups, site):
    backups.add(100, SIZE, SIZE)
    known = add(
        cluster, 100, status="running", scsi0="local-lvm:vm-100-disk-0,size=4M",
        scsi1="local-lvm:vm-100-disk-1,size=4M",
    )  # fmt: skip
    site.tracking.enable(known, OURS)
    return known


def request(known, base, new, **more):
    return SessionRequest(known, ("scsi0", "scsi1"), base, new, Path("/nowhere"), **more)


def write(backups, place, number, letter, vmid=100):
    disk = backups.disks[vmid][place]
    with NbdDisk(backups.qemu.nbd_socket, disk.top) as guest:
        guest.pwrite(letter * BLOCK, number * BLOCK)
        guest.flush()


def content(found):
    with NbdDisk(found.socket, found.export, bitmaps=found.bitmaps) as disk:
        return {offset: bytes(part) for offset, part in disk.read_many(disk.changed())}


def cycle(site, known, base, new, **more):
    with site.tracking.open(request(known, base, new, **more)) as session:
        return [(each.bitmaps, content(each)) for each in session.disks]


def test_the_first_view_has_no_base_and_the_next_one_only_what_changed(site, backups, ours):
    write(backups, 0, 3, b"a")
    for marks, _ in cycle(site, ours, None, "secondsite-1-1"):
        assert marks == ()
    write(backups, 0, 5, b"b")
    site.tracking.acknowledge(ours, "secondsite-1-1")
    first, second = cycle(site, ours, "secondsite-1-1", "secondsite-1-2")
    assert first == (("view",), {5 * BLOCK: b"b" * BLOCK})
    assert second == (("view",), {})
    assert [set(each.values()) for each in backups.modes] == [{"new"}, {"use"}]


def test_a_view_is_of_one_instant_whatever_is_written_meanwhile(site, backups, ours):
    write(backups, 0, 3, b"a")
    cycle(site, ours, None, "secondsite-1-1")
    write(backups, 0, 3, b"b")
    with site.tracking.open(request(ours, "secondsite-1-1", "secondsite-1-2")) as session:
        write(backups, 0, 3, b"c")
        write(backups, 0, 4, b"d")
        assert content(session.disks[0]) == {3 * BLOCK: b"b" * BLOCK}
        assert session.checkpoint == "secondsite-1-2"
    both = cycle(site, ours, "secondsite-1-2", "secondsite-1-3")[0][1]
    assert b"".join(both.values()) == b"c" * BLOCK + b"d" * BLOCK


def test_outside_the_marks_nothing_can_be_read(site, backups, ours):
    cycle(site, ours, None, "secondsite-1-1")
    write(backups, 0, 3, b"a")
    with site.tracking.open(request(ours, "secondsite-1-1", "secondsite-1-2")) as session:
        found = session.disks[0]
        with (
            NbdDisk(found.socket, found.export, bitmaps=found.bitmaps) as disk,
            pytest.raises(DiskUnreadable),
        ):
            disk.pread(BLOCK, 9 * BLOCK)


def test_a_comparison_reads_all_and_counts_anew(site, backups, ours):
    cycle(site, ours, None, "secondsite-1-1")
    write(backups, 0, 3, b"a")
    marks, found = cycle(site, ours, "secondsite-1-1", "secondsite-1-2", beyond_changes=True)[0]
    assert marks == ()
    assert b"a" * BLOCK in b"".join(found.values())
    assert cycle(site, ours, "secondsite-1-2", "secondsite-1-3")[0] == (("view",), {})


def test_what_never_arrived_is_in_the_next_view_of_the_same_base(site, backups, ours):
    cycle(site, ours, None, "secondsite-1-1")
    write(backups, 0, 3, b"a")
    broken = site.tracking.open(request(ours, "secondsite-1-1", "secondsite-1-2"))
    with pytest.raises(RuntimeError), broken:
        raise RuntimeError("the target is away")
    write(backups, 0, 4, b"b")
    found = cycle(site, ours, "secondsite-1-1", "secondsite-1-3")[0]
    assert found[0] == ("view",)
    assert b"".join(found[1].values()) == b"a" * BLOCK + b"b" * BLOCK


def test_a_base_that_is_not_the_last_one_is_no_base(site, backups, ours):
    cycle(site, ours, None, "secondsite-1-1")
    cycle(site, ours, "secondsite-1-1", "secondsite-1-2")
    assert cycle(site, ours, "secondsite-1-1", "secondsite-1-3")[0][0] == ()


def test_a_machine_that_was_off_has_no_marks_any_more(site, backups, ours):
    cycle(site, ours, None, "secondsite-1-1")
    backups.disks[100][0].forget_marks()
    first, second = cycle(site, ours, "secondsite-1-1", "secondsite-1-2")
    assert (first[0], second[0]) == ((), ("view",))


def test_a_new_process_goes_on_with_the_marks(cluster, site, backups, ours, tmp_path):
    cycle(site, ours, None, "secondsite-1-1")
    site.tracking.close()
    again = opened(cluster, backups, tmp_path)
    try:
        assert cycle(again, ours, "secondsite-1-1", "secondsite-1-2")[0] == (("view",), {})
    finally:
        again.close()


def test_a_view_on_trial_counts_nothing_and_a_machine_without_our_tag_has_no_other(cluster, site, backups):
    backups.add(101, SIZE, SIZE)
    known = add(
        cluster, 101, scsi0="local-lvm:vm-101-disk-0,size=4M", scsi1="local-lvm:vm-101-disk-1,size=4M"
    )
    with site.tracking.open(request(known, None, "secondsite-1-1", trial=True)) as session:
        assert session.checkpoint is None
        assert len(session.disks) == 2
    assert backups.modes == [{}]
    with pytest.raises(errors.NotOurs), site.tracking.open(request(known, None, "secondsite-1-1")):
        pass
    assert len(backups.tasks) == 1


@pytest.mark.parametrize("act", ["stop", "shut_down", "forbid_start"])
def test_who_needs_the_machine_ends_the_cycle_first(cluster, site, backups, ours, act):
    acts = {
        "stop": lambda: site.power.stop(ours),
        "shut_down": lambda: site.power.shut_down(ours, 30),
        "forbid_start": lambda: site.power.forbid_start(ours, OURS),
    }
    with site.tracking.open(request(ours, None, "secondsite-1-1")):
        assert cluster.pve.vm(100).lock == "backup"
        acts[act]()
        assert cluster.pve.vm(100).lock is None
    assert site.power.state(ours) is (PowerState.RUNNING if act == "forbid_start" else PowerState.OFF)
    assert "job errors" in cluster.pve.tasks[backups.tasks[-1]]["exitstatus"]


def test_the_owner_s_backup_goes_first(cluster, site, backups, ours):
    cluster.do(theirs(cluster))
    with (
        pytest.raises(PveAway, match="another backup"),
        site.tracking.open(request(ours, None, "secondsite-1-1")),
    ):
        pass
    assert backups.modes == []
    assert backups.fields[0]["lockwait"] in ("0", 0)


async def theirs(cluster):
    """Their machine's backup, for a long time."""
    if 200 not in cluster.pve.vms:
        cluster.pve.add_vm(200, "theirs", node="pve1", status="running", config={})
    await cluster.pve.backup(200, secs=10**6)


def test_an_owner_s_backup_that_waits_for_a_view_is_told(cluster, site, backups, ours, monkeypatch):
    monkeypatch.setattr("secondsite.fabrics.pve.cycles.line.GOING_SECONDS", 0.1)
    with site.tracking.open(request(ours, None, "secondsite-1-1")) as session:
        assert session.wanted_seconds() == 0.0
        cluster.do(theirs(cluster))
        waits = threading.Event()
        for _ in range(300):
            if session.wanted_seconds() > 0:
                break
            waits.wait(0.1)
        assert session.wanted_seconds() > 0
        session.abandon()


def test_nothing_is_left_at_a_node_after_any_end(cluster, site, backups, ours):
    cycle(site, ours, None, "secondsite-1-1")
    with site.tracking.open(request(ours, "secondsite-1-1", "secondsite-1-2")) as session:
        session.abandon()
    broken = site.tracking.open(request(ours, "secondsite-1-1", "secondsite-1-3"))
    with pytest.raises(RuntimeError), broken:
        raise RuntimeError("broken")
    disk = backups.disks[100][0]
    names = {each["node-name"] for each in disk.run("query-named-block-nodes")}
    assert not {name for name in names if name.startswith(("cbw", "fleece", "shown"))}
    assert cluster.pve.vm(100).lock is None
    changing = {path.rpartition("/")[2] for method, path in cluster.changes() if "qemu/" not in path}
    assert changing == {"vzdump"}


def test_a_backup_that_a_dead_process_left_is_stopped(cluster, site, ours, tmp_path, monkeypatch):
    """Its plugin ends by itself, since nobody holds its connection; what goes on all the same is stopped."""
    monkeypatch.setattr(backup_tasks.is_over, "__defaults__", (2.0,))
    cluster.do(theirs(cluster))
    left = cluster.pve.tasklog[-1]["upid"]
    records = MarkRecords(tmp_path / "records")
    records.change(ours, task=left, checkpoint="secondsite-1-1")
    cluster.pve.tasks[left]["user"] = TOKEN
    with pytest.raises(PveAway, match="does not end"):
        site.tracking.end_left_over(ours)
    cluster.pve.tasks[left].update(status="stopped", exitstatus="interrupted by signal")
    for _ in range(2):
        site.tracking.end_left_over(ours)
    assert records.get(ours).task == ""
    assert records.get(ours).checkpoint == "secondsite-1-1"
    assert [method for method, path in cluster.changes() if "/tasks/" in path] == ["DELETE"]


def test_a_node_without_the_plugin_s_storage_is_told_before(cluster, site, backups, ours):
    (found,) = site.tracking.check(ours)
    assert "no storage 'secondsite'" in found.what
    cluster.pve.storages["secondsite"] = {
        "type": "secondsite",
        "content": "backup",
        "active": 1,
        "files": set(),
    }
    assert site.tracking.check(ours) == []


@pytest.mark.parametrize("seam", ["before the instant", "after the instant", "while it reads"])
def test_a_killed_appliance_leaves_nothing_and_the_marks_stay(cluster, site, backups, ours, tmp_path, seam):
    cycle(site, ours, None, "secondsite-1-1")
    write(backups, 0, 3, b"a")
    site.tracking.close()
    access = cluster.access
    given = [
        cluster.address,
        access.token_file,
        access.ca_file,
        backups.socket,
        tmp_path / "records",
        ours,
        seam,
    ]
    command = [sys.executable, Path(__file__).parent / "support_killed.py", *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == seam
        assert cluster.pve.vm(100).lock == "backup"
        process.kill()
    again = opened(cluster, backups, tmp_path)
    try:
        again.tracking.end_left_over(ours)
        assert cluster.pve.vm(100).lock is None
        assert "shown-scsi0" not in {each["id"] for each in backups.disks[100][0].run("query-block-exports")}
        marks, found = cycle(again, ours, "secondsite-1-1", "secondsite-1-3")[0]
        assert (marks, b"".join(found.values())) == (("view",), b"a" * BLOCK)
    finally:
        again.close()
    assert {fields["vmid"] for fields in backups.fields} == {"100"}
    others = [path for _, path in cluster.changes() if not path.endswith(("/qemu/100/config", "/vzdump"))]
    assert all("/tasks/" in path for path in others)
