"""What a machine of the site is of one that was withdrawn there, by the files that it has now and next
time; and that what is advised costs nothing that is not ours."""

import os
import subprocess
from types import SimpleNamespace

import pytest

from secondsite.appliance.target.second_copies import advice, copies
from secondsite.fabrics.interface import HeldDisk, HeldResources, MachineSummary, PowerState
from secondsite.wire.common.machines import DiskDefinition, MachineDefinition, NicDefinition

MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"
ON, OFF = PowerState.RUNNING, PowerState.OFF


@pytest.fixture
def files(tmp_path):
    def make(name, below=None, version="1.1"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        backing = ["-b", str(below), "-F", "qcow2"] if below else []
        size = [] if below else ["1M"]
        options = ["-o", f"compat={version}"]
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", *options, *backing, path, *size], check=True
        )
        return path

    return make


@pytest.fixture
def template(files):
    return files("template.qcow2")


@pytest.fixture
def base(files, template):
    return files("web01.qcow2", template)


@pytest.fixture
def excluded(files):
    return files("quorum.raw")


@pytest.fixture
def gone(base, excluded, tmp_path):
    disks = (
        DiskDefinition(key="vda", size_bytes=1 << 20, path=str(base)),
        DiskDefinition(key="vdb", size_bytes=1 << 20, path=str(excluded)),
    )
    definition = MachineDefinition(
        fabric_id="id-1", name="web01", fabric_kind="libvirt", vcpus=1, memory_bytes=1, disks=disks,
        nics=(NicDefinition(key="net0", mac=MAC.upper()),),
    )  # fmt: skip
    return copies.left(definition, ("vda",), stood_on=True, own=tmp_path / "store")


def now(key, path, *, kept=True, **more):
    return HeldDisk(key, str(path), True, kept, **more)


def next_time(key, path):
    return HeldDisk(key, str(path), False, True)


def of(gone, power, *disks, macs=(OTHER,), fabric_id="id-2", stays=True):
    machine = MachineSummary(fabric_id, "my db", power, None, gone.definition)
    holding = HeldResources(disks, frozenset(macs), stays)
    fabric = SimpleNamespace(
        inventory=SimpleNamespace(holding=lambda _: holding), properties=SimpleNamespace(hosts=True)
    )
    seen = copies.seen(fabric, machine)
    assert seen is not None
    return copies.of(seen, gone)


def test_a_disk_that_its_owner_excluded_from_protection_makes_no_copy_of_whoever_shares_it(
    gone, excluded, files
):
    assert of(gone, ON, now("vda", files("db.qcow2")), now("vdb", excluded)) is None
    assert of(gone, OFF, next_time("vdb", excluded)) is None


def test_a_disk_that_was_attached_while_it_runs_is_detached_and_the_machine_stays(gone, base, files):
    copy = of(gone, ON, now("vda", files("db.qcow2")), now("vdb", base, kept=False))
    assert copy.runs
    told = advice.whole(copy)
    assert "'virsh detach-disk 'my db' vdb --live'" in told
    assert str(base) in told
    assert "destroy" not in told
    assert "undefine" not in told
    both = advice.whole(of(gone, ON, now("vda", files("db.qcow2")), now("vdb", base)))
    assert "vdb --live --config'" in both


@pytest.mark.parametrize("power", [ON, OFF])
def test_one_of_the_next_start_alone_is_no_copy_that_runs(gone, base, files, power):
    own = files("db.qcow2")
    copy = of(gone, power, (now if power is ON else next_time)("vda", own), next_time("vdc", base))
    assert not copy.runs
    told = advice.whole(copy)
    assert "'virsh detach-disk 'my db' vdc --config'" in told
    assert "destroy" not in told
    assert "undefine" not in told


def test_what_a_guest_writes_at_the_beginning_of_a_raw_disk_is_no_header(gone, base, files):
    """It would name the withdrawn machine's disk as one below its own."""
    disk = files("db.qcow2", base)
    assert of(gone, ON, now("vda", disk), macs=(MAC,)).above
    assert of(gone, ON, now("vda", disk, format="raw"), macs=(MAC,)) is None


def test_what_was_detached_for_the_next_start_is_written_now(gone, base, files):
    copy = of(gone, ON, now("vda", base, kept=False), next_time("vda", files("new.qcow2")))
    assert copy.runs
    assert "vda --live'" in advice.whole(copy)


@pytest.mark.parametrize("stays", [True, False])
def test_one_with_no_other_disk_goes_as_a_whole(gone, base, tmp_path, stays):
    os.link(base, tmp_path / "hard.qcow2")
    told = advice.whole(of(gone, ON, now("vda", tmp_path / "hard.qcow2"), stays=stays))
    assert "virsh destroy 'my db'" in told
    assert ("virsh undefine" in told) == stays
    assert "never its disks" in told.lower() or "Never remove its disks" in told


def test_the_machine_itself_is_told_whatever_disks_it_has(gone, files):
    own = files("full copy.qcow2")
    assert of(gone, ON, now("vda", own), fabric_id="id-1").runs
    assert not of(gone, OFF, next_time("vda", own), fabric_id="id-1").runs
    assert of(gone, ON, now("vda", own)) is None


@pytest.mark.parametrize("version", ["0.10", "1.1"])
@pytest.mark.parametrize("power", [ON, OFF])
def test_an_overlay_on_its_disk_is_told_where_it_has_its_address(gone, base, files, version, power):
    above = files("above.qcow2", files("between.qcow2", base, version), version)
    disk = now("vda", above) if power is ON else next_time("vda", above)
    copy = of(gone, power, disk, macs=(MAC,))
    assert copy.runs == (power is ON)
    told = advice.whole(copy)
    assert MAC in told
    assert "No point is damaged" in told
    assert "undefine" not in told
    assert of(gone, power, disk) is None, "with an address of its own it is its owner's to have"


def test_a_backing_file_that_only_the_definition_names_counts(gone, base, files):
    named = now("vda", files("alone.qcow2"), below=(str(base),))
    assert of(gone, ON, named, macs=(MAC,)).runs


def test_machines_of_the_replica_s_own_and_others_of_its_template_are_none(gone, base, files, template):
    assert of(gone, ON, now("vda", files("store/run.qcow2", base)), macs=(MAC,)) is None
    assert of(gone, ON, now("vda", files("sister.qcow2", template)), macs=(MAC,)) is None
    assert of(gone, OFF, next_time("vda", template)) is None
    assert of(gone, ON, now("hda", base, read_only=True)) is None


def test_a_template_that_is_written_is_damage(gone, template):
    assert of(gone, ON, now("vda", template)).runs


def test_names_that_no_file_has_are_nothing(gone, tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (loop, tmp_path, "", "/nowhere", "a\0b"):
        assert of(gone, ON, now("vda", path), macs=(MAC,)) is None
