"""Copies of one machine have one UUID, and libvirt has one definition for both: rescue looks whose disks it
has. The tests' libvirt is its own test driver, read by the real virsh."""

import pytest

from secondsite.rescue import files, starting
from secondsite.rescue.problems import Problem
from secondsite.rescue.running import looking
from secondsite.rescue.running.virsh import Virsh
from secondsite.rescue.store import Replica

UUID = "74a1fee6-c81b-4b94-a7bf-80a9d2308cdb"
RUNS, OFF = 1, 5
NODE = """<node>
<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
  <test:runstate>{state}</test:runstate>
  <name>web01</name><uuid>{uuid}</uuid><memory>8192</memory><os><type>hvm</type></os>
  <devices>{disks}</devices>
</domain></node>"""
DISK = "<disk type='file' device='disk'>{chain}<target dev='vda' bus='virtio'/></disk>"


BELOW = "<backingStore type='file'><format type='qcow2'/>{chain}</backingStore>"


def chain(first, *below):
    return f"<source file='{first}'/>" + (BELOW.format(chain=chain(*below)) if below else "")


@pytest.fixture
def libvirt(tmp_path):
    """Has web01 with a disk of these files, top first; gives its URI."""

    def made(*disk, state=RUNS):
        node = tmp_path / "node.xml"
        node.write_text(NODE.format(state=state, uuid=UUID, disks=DISK.format(chain=chain(*disk))))
        return f"test://{node}"

    return made


@pytest.fixture
def replica(tmp_path):
    """A replica of web01 that was started, with its run's folder."""

    def made(name, uri="", **record):
        folder = tmp_path / "store" / "replicas" / name
        (folder / "runs" / "failover").mkdir(parents=True, exist_ok=True)
        run = {"name": "failover", "point_id": "p1", "layer": 1, "made": True}
        known = {"machine_id": name, "runs": [run], "disks": [], **record}
        (folder / "replica.json").write_bytes(files.signed(known))
        return Replica(folder, known, (), {"fabric_id": UUID, "uri": uri, "machine": "web01"})

    return made


def overlay(of):
    of.overlay("vda").touch()
    return of.overlay("vda")


def test_of_two_replicas_the_one_whose_disks_it_has_runs(replica, libvirt):
    uri = libvirt(overlay(replica("new")))
    assert looking.running(replica("new", uri)) == uri
    assert looking.running(replica("ended", uri)) is None


def test_a_snapshot_of_its_owner_above_its_disks_makes_it_nobody_elses(replica, libvirt, tmp_path):
    uri = libvirt(tmp_path / "snapshot.qcow2", overlay(replica("new")))
    assert looking.running(replica("new", uri)) == uri


def test_an_old_disk_below_that_another_replica_kept_does_not_count(replica, libvirt):
    uri = libvirt(overlay(replica("new")), overlay(replica("ended")))
    assert looking.running(replica("ended", uri)) is None
    assert looking.running(replica("new", uri)) == uri


def test_a_committed_machine_whose_disks_were_moved_runs(replica, libvirt, tmp_path):
    uri = libvirt(tmp_path / "moved.qcow2")
    assert looking.running(replica("new", uri, committed_point_id="p1", head=None)) == uri
    assert looking.running(replica("new", uri)) is None


def objection(replica, uri, define_at=None):
    with pytest.raises(Problem) as refused:
        looking.require_no_other(replica, [uri], define_at)
    return refused.value


@pytest.mark.parametrize("defines", [True, False], ids=["by libvirt", "by QEMU"])
def test_beside_another_copy_that_runs_none_is_started(replica, libvirt, defines):
    uri = libvirt(overlay(replica("new")))
    at = uri if defines else None
    found = objection(replica("ended", uri), uri, at)
    assert "Another copy of web01 runs" in found.what
    assert str(replica("new").overlay("vda")) in found.what
    assert f"virsh --connect {uri} shutdown {UUID}" in found.do
    looking.require_no_other(replica("new", uri), [uri], at)


def test_a_definition_that_alone_names_another_copys_disks_is_not_replaced(replica, libvirt):
    uri = libvirt(overlay(replica("new")), state=OFF)
    found = objection(replica("ended", uri), uri, uri)
    assert "which nothing would name any more" in found.what
    assert "undefine" in found.do
    looking.require_no_other(replica("ended", uri), [uri], None)


def test_one_whose_disks_are_gone_or_lie_in_no_replica_is_replaced(replica, libvirt, tmp_path):
    gone, own = replica("new").overlay("vda"), tmp_path / "own.qcow2"
    own.touch()
    for file in (gone, own):
        uri = libvirt(file, state=OFF)
        looking.require_no_other(replica("ended", uri), [uri], uri)


def test_one_that_comes_home_is_defined_again_on_disks_that_another_replica_kept(replica, libvirt):
    old = overlay(replica("ended"))
    home = [{"key": "vda", "base_files": [{"path": str(old)}]}]
    uri = libvirt(old, state=OFF)
    looking.require_no_other(replica("new", uri, disks=home), [uri], uri)


def test_another_copy_is_neither_stopped_nor_undefined(replica, libvirt, monkeypatch):
    uri = libvirt(overlay(replica("new")))
    for act in ("stop", "forget"):
        monkeypatch.setattr(Virsh, act, lambda *_: pytest.fail("it is the other copy"))
    said = starting.stopped(replica("ended", uri), 0)
    assert said.startswith(f"web01 does not run here; what libvirt ({uri}) runs is another copy")
    starting.discarded(replica("ended", uri))


def test_a_libvirt_that_does_not_answer_keeps_nobody_from_plain_qemu(replica):
    looking.require_no_other(replica("ended"), ["test:///not/here.xml"], None)
