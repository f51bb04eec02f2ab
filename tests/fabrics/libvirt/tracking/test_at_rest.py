"""Machines at rest: no write is missing, whatever their owners did meanwhile; they start while they are
read."""

import json
import os
import secrets
import shutil
import subprocess

import libvirt
import pytest

from rig.eventually import eventually
from rig.images import qemu_img
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import PowerState

pytestmark = pytest.mark.slow
BLOCK = 65536


def snapshot_outside(host, fabric_id, existing=None):
    """As 'virsh snapshot-create --disk-only'; gives the overlay."""
    overlay = existing or host.images / f"{secrets.token_hex(4)}.qcow2"
    disk = f"<disk name='vda' snapshot='external'><source file='{overlay}'/></disk>"
    xml = f"<domainsnapshot><name>s-{secrets.token_hex(2)}</name><disks>{disk}</disks></domainsnapshot>"
    flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
    reuse = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT if existing else 0
    host.domain(fabric_id).snapshotCreateXML(xml, flags | reuse)
    return overlay


@pytest.mark.parametrize("disk_format", ["qcow2", "raw"])
def test_a_disk_without_bytes_makes_no_point(host, disk_format):
    """A loop device that was detached looks so: its machine's points were empty, and it looked healthy."""
    with host.viewed_by("filter", disk_format=disk_format):
        fabric_id = steps.protected(host, "emptied")
        base = steps.checkpoint(host, fabric_id)
        steps.stopped(host, fabric_id)
        path = host.disk_path(fabric_id, "vda")
        if disk_format == "raw":
            os.truncate(path, 0)
        else:
            qemu_img("create", "-q", "-f", "qcow2", path, "0")
        for known in (base, None):
            with (
                pytest.raises(errors.FabricError, match="Disk vda has no bytes"),
                steps.view(host, fabric_id, known),
            ):
                pass
        assert host.fabric.tracking.unwritten(fabric_id, ("vda",), base) is None
        assert "has no bytes" in host.fabric.tracking.check(fabric_id)[0].what
        host.clear()


def pivot(host, fabric_id):
    """As 'virsh blockcommit --active --pivot'."""
    domain = host.domain(fabric_id)
    domain.blockCommit("vda", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
    eventually(lambda: "ready='yes'" in domain.XMLDesc())
    domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)


def write(host, fabric_id, block):
    steps.write(host, fabric_id, block * BLOCK, 0x40 + block)


def edit(path, block, value=0x77):
    subprocess.run(["qemu-io", "-c", f"write -P {value} {block * BLOCK} 4096", path], check=True, timeout=60)


def cycle(host, fabric_id, base):
    """A view that arrives: its checkpoint, and the blocks that it marks, None without a usable base."""
    with steps.view(host, fabric_id, base) as session:
        marked = steps.dirty_blocks(session.disks[0]) if session.disks[0].bitmaps else None
        assert session.holds()
    host.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
    return session.checkpoint, marked


@pytest.fixture
def machine(host):
    return steps.protected(host, "rests")


def test_what_was_written_before_and_after_an_external_snapshot_is_in_the_view_at_rest(host, machine):
    base = steps.checkpoint(host, machine)
    write(host, machine, 3)
    snapshot_outside(host, machine)
    write(host, machine, 5)
    steps.stopped(host, machine)
    base, marked = cycle(host, machine, base)
    assert marked == {3, 5}
    host.fabric.power.start(machine)
    write(host, machine, 7)
    assert cycle(host, machine, base)[1] == {7}


def test_two_snapshots_and_a_cycle_between_them_lose_no_write_at_rest(host, machine):
    base = steps.checkpoint(host, machine)
    snapshot_outside(host, machine)
    base = steps.checkpoint(host, machine, base)
    write(host, machine, 2)
    snapshot_outside(host, machine)
    write(host, machine, 4)
    steps.stopped(host, machine)
    assert cycle(host, machine, base)[1] == {2, 4}


def test_without_the_bitmap_below_a_snapshot_all_blocks_are_compared(host, machine):
    path, base = host.disk_path(machine, "vda"), steps.checkpoint(host, machine)
    write(host, machine, 3)
    snapshot_outside(host, machine)
    steps.stopped(host, machine)
    qemu_img("bitmap", "--remove", str(path), base)
    assert cycle(host, machine, base)[1] is None


def test_an_overlay_that_was_made_at_rest_loses_no_write(host, machine):
    path, base = host.disk_path(machine, "vda"), steps.checkpoint(host, machine)
    write(host, machine, 3)
    steps.stopped(host, machine)
    overlay = path.with_suffix(".overlay")
    qemu_img("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(path), str(overlay))
    text = host.domain(machine).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    host.define(text.replace(str(path), str(overlay)))
    edit(overlay, 6)
    base, marked = cycle(host, machine, base)
    assert marked is None
    assert cycle(host, machine, base)[1] == set()


@pytest.mark.parametrize("form", ["raw", "vmdk"])
def test_a_disk_that_its_owner_made_another_format_is_compared_or_refused_and_never_damaged(
    host, machine, form
):
    checkpoint, _ = cycle(host, machine, None)
    host.fabric.power.stop(machine)
    domain = host.domain(machine)
    file = steps.machine_of(host, machine).definition.disks[0].path
    qemu_img("convert", "-O", form, file, f"{file}.{form}")
    os.replace(f"{file}.{form}", file)
    host.define(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE).replace("type='qcow2'", f"type='{form}'"))
    if form == "raw":
        checkpoint, marked = cycle(host, machine, checkpoint)
        assert marked is None
        assert cycle(host, machine, checkpoint)[1] == set()
        return
    with pytest.raises(errors.FabricError, match="Disk vda is vmdk, which cannot keep bitmaps") as refused:
        cycle(host, machine, checkpoint)
    assert "qemu-img convert -O qcow2" in refused.value.do


def test_an_offline_copy_that_is_put_back_in_place_is_compared(host, machine):
    path, base = host.disk_path(machine, "vda"), steps.checkpoint(host, machine)
    steps.stopped(host, machine)
    copy = path.with_suffix(".copy")
    shutil.copyfile(path, copy)
    edit(path, 9)
    inode = path.stat().st_ino
    base, marked = cycle(host, machine, base)
    assert marked == {9}
    shutil.copyfile(copy, path)
    assert path.stat().st_ino == inode
    base, marked = cycle(host, machine, base)
    assert marked is None
    base, marked = cycle(host, machine, base)
    assert marked == set()
    edit(path, 1)  # whatever wrote it, the bitmaps of a machine that is off tell only of what we left
    assert cycle(host, machine, base)[1] is None


@pytest.mark.parametrize("off", [False, True], ids=["running", "at-rest"])
def test_a_cycle_between_snapshot_and_pivot_costs_no_comparison(host, machine, off):
    base = steps.checkpoint(host, machine)
    write(host, machine, 1)
    snapshot_outside(host, machine)
    write(host, machine, 2)
    base, marked = cycle(host, machine, base)
    assert marked == {1, 2}
    write(host, machine, 3)
    pivot(host, machine)
    write(host, machine, 4)
    if off:
        steps.stopped(host, machine)
    assert cycle(host, machine, base)[1] == {3, 4}


def test_a_machine_that_ran_while_it_was_read_is_noticed_when_it_is_off_again(host, machine):
    base = steps.checkpoint(host, machine)
    steps.stopped(host, machine)
    with steps.view(host, machine, base) as session:
        assert session.holds()
        host.fabric.power.start(machine)
        write(host, machine, 4)
        steps.stopped(host, machine)
        assert not session.holds()
    assert cycle(host, machine, base)[1] == {4}


def test_an_image_that_is_put_back_while_it_is_read_is_noticed(host, machine):
    path = host.disk_path(machine, "vda")
    base = steps.checkpoint(host, machine)
    steps.stopped(host, machine)
    copy = path.with_suffix(".copy")
    shutil.copyfile(path, copy)
    with steps.view(host, machine, base) as session:
        shutil.copyfile(copy, path)
        assert not session.holds()


def test_a_disk_that_another_program_writes_is_not_read_as_at_rest(host, machine):
    path = host.disk_path(machine, "vda")
    steps.stopped(host, machine)
    other = subprocess.Popen(["qemu-io", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdin
    assert other.stdout
    try:
        other.stdin.write(b"write 0 4096\n")
        other.stdin.flush()
        assert other.stdout.readline()
        with pytest.raises(errors.FabricError, match="in use elsewhere"), steps.view(host, machine, None):
            pass
    finally:
        other.communicate(b"quit\n", timeout=30)


def test_a_process_that_is_killed_while_it_reads_leaves_no_daemon_and_no_lock(held):
    held.ask("stop", machine=held.machine)
    held.ask("open_view", machine=held.machine, base=None, name="secondsite-1-1")
    daemons = daemons_below(held.root)
    assert daemons
    held.kill()
    eventually(lambda: not daemons_below(held.root), within_seconds=10)
    held.open()
    held.ask("start", machine=held.machine)
    eventually(lambda: held.ask("state", machine=held.machine) == str(PowerState.RUNNING))


def daemons_below(folder):
    """Storage daemons whose sockets lie below this folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as told:
                command = told.read()
        except OSError:
            continue
        if b"qemu-storage-daemon" in command and str(folder).encode() in command:
            found.append(int(pid))
    return found


def test_what_an_older_release_recorded_of_a_disk_is_still_good(host, machine):
    base = steps.checkpoint(host, machine)
    record = host.work_dir / "identities" / f"{machine}.json"
    known = json.loads(record.read_text())
    for former in (lambda chain: chain[0][0], lambda chain: [number for number, _ in chain]):
        said = {name: {"vda": former(disks["vda"])} for name, disks in known.items()}
        record.write_text(json.dumps(said))
        assert host.fabric.tracking.unwritten(machine, ["vda"], base) is not None
        assert json.loads(record.read_text()) == known, "it is named by more than its number from then on"
    record.write_text(json.dumps(said))
    write(host, machine, 6)
    steps.stopped(host, machine)
    assert cycle(host, machine, base)[1] == {6}


@pytest.mark.parametrize("off", [False, True], ids=["running", "at-rest"])
def test_a_file_that_has_the_number_of_the_one_it_replaced_is_another_one(host, machine, off):
    """ext4 gives the number of a removed file to the next one, as another use of it."""
    base = steps.checkpoint(host, machine)
    if off:
        steps.stopped(host, machine)
    record = host.work_dir / "identities" / f"{machine}.json"
    known = json.loads(record.read_text())
    number, generation = known[base]["vda"][0]
    if generation is None:
        pytest.skip("this file system does not tell a file from the one that had its number before")
    record.write_text(json.dumps({**known, base: {"vda": [[number, generation ^ 1]]}}))
    assert host.fabric.tracking.unwritten(machine, ["vda"], base) is None
    assert cycle(host, machine, base)[1] is None


@pytest.mark.parametrize("off", [False, True], ids=["running", "at-rest"])
def test_a_snapshot_in_the_inode_of_an_earlier_one_hides_no_write(host, machine, off):
    path, base = host.disk_path(machine, "vda"), steps.checkpoint(host, machine)
    overlay = snapshot_outside(host, machine)
    base, _ = cycle(host, machine, base)
    inode = overlay.stat().st_ino
    write(host, machine, 3)
    pivot(host, machine)
    qemu_img("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(path), str(overlay))
    assert overlay.stat().st_ino == inode
    snapshot_outside(host, machine, overlay)
    assert host.fabric.tracking.unwritten(machine, ["vda"], base) is None
    if off:
        steps.stopped(host, machine)
    assert cycle(host, machine, base)[1] == {3}


def below_a_snapshot(host, machine):
    """(file below, overlay, checkpoint that was made above it) of a machine that is off."""
    below = host.disk_path(machine, "vda")
    overlay = snapshot_outside(host, machine)
    base = steps.checkpoint(host, machine)
    steps.stopped(host, machine)
    return below, overlay, base


def replace_below(below, overlay):
    copy = below.with_suffix(".copy")
    shutil.copyfile(below, copy)
    edit(copy, 9)
    copy.replace(below)


def rebase(below, overlay):
    other = below.with_suffix(".other")
    shutil.copyfile(below, other)
    edit(other, 9)
    qemu_img("rebase", "-u", "-F", "qcow2", "-b", str(other), str(overlay))


@pytest.mark.parametrize("change", [replace_below, rebase])
@pytest.mark.parametrize("off", [False, True], ids=["running", "at-rest"])
def test_a_disk_whose_backing_file_was_exchanged_is_compared(host, machine, change, off):
    below, overlay, base = below_a_snapshot(host, machine)
    change(below, overlay)
    if not off:
        host.fabric.power.start(machine)
        assert host.fabric.tracking.unwritten(machine, ["vda"], base) is None
    base, marked = cycle(host, machine, base)
    assert marked is None
    assert host.fabric.tracking.unwritten(machine, ["vda"], base) is not None
    assert cycle(host, machine, base)[1] == set()


def test_a_disk_that_grew_above_a_snapshot_is_compared_and_its_cycles_go_on(host, machine):
    base = steps.checkpoint(host, machine)
    write(host, machine, 2)
    snapshot_outside(host, machine)
    new_bytes = steps.DISK_BYTES + 4 * BLOCK
    host.domain(machine).blockResize("vda", new_bytes, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
    write(host, machine, steps.DISK_BYTES // BLOCK + 3)
    base, marked = cycle(host, machine, base)
    assert marked is None
    write(host, machine, 4)
    assert cycle(host, machine, base)[1] == {4}


def test_a_machine_at_rest_tells_whether_it_was_written_since_its_checkpoint(host, machine):
    path = host.disk_path(machine, "vda")
    steps.stopped(host, machine)
    base, _ = cycle(host, machine, None)
    found = host.fabric.tracking.unwritten(machine, ["vda"], base)
    assert found is not None
    assert found.sizes_bytes == {"vda": steps.DISK_BYTES}
    edit(path, 5)
    assert host.fabric.tracking.unwritten(machine, ["vda"], base) is None
    base, _ = cycle(host, machine, base)
    assert host.fabric.tracking.unwritten(machine, ["vda"], base) is not None
    host.fabric.power.start(machine)
    steps.killed(host, machine)
    assert host.fabric.tracking.unwritten(machine, ["vda"], base) is None
