"""What a machine on raw disks wrote until it was off is believed only where nobody else can have written."""

import os
import shutil

import pytest

from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt.host import monitor
from secondsite.fabrics.libvirt.tracking import kept_changes
from secondsite.ground.units import MiB

pytestmark = [pytest.mark.slow]
DISKS = [2 * MiB, 2 * MiB]


@pytest.fixture
def raw(host):
    with host.viewed_by("filter", disk_format="raw"):
        yield host
        host.clear()


def written_until_off(raw):
    """A machine whose first disks' blocks 1 and 2 were written since its base, and its base."""
    fabric_id = steps.protected(raw, "kept", DISKS)
    base = steps.checkpoint(raw, fabric_id)
    steps.write(raw, fabric_id, 1 * BLOCK_BYTES, 0x01)
    with raw.fabric.tracking.keeping(fabric_id):
        steps.write(raw, fabric_id, 2 * BLOCK_BYTES, 0x02)
        steps.stopped(raw, fabric_id)
    return fabric_id, base


def told(raw, fabric_id, base):
    """What a view says of each disk: its marked blocks, or None if it is compared."""
    with steps.view(raw, fabric_id, base) as session:
        return [steps.dirty_blocks(disk) if disk.bitmaps else None for disk in session.disks]


def test_a_disk_that_somebody_wrote_to_before_it_was_looked_at_is_compared(raw):
    fabric_id, base = written_until_off(raw)
    with raw.disk_path(fabric_id, "vda").open("r+b") as disk:
        disk.seek(5 * BLOCK_BYTES)
        disk.write(b"by somebody else")
    assert told(raw, fabric_id, base) == [None, set()]


def test_a_disk_that_was_put_back_in_place_with_its_old_time_is_compared(raw, monkeypatch):
    monkeypatch.setattr(kept_changes, "TAKEN_BACK_SECONDS", 0)
    fabric_id, base = written_until_off(raw)
    disk = raw.disk_path(fabric_id, "vda")
    before = disk.stat()
    disk.write_bytes(bytes(before.st_size))
    os.utime(disk, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert told(raw, fabric_id, base) == [None, set()]


def test_an_earlier_copy_that_is_put_back_the_moment_after_is_compared(raw):
    """Its times are those of the backup: libvirt's taking back of the file was taken for the one change."""
    fabric_id, base = written_until_off(raw)
    disk = raw.disk_path(fabric_id, "vda")
    before = disk.stat()
    disk.write_bytes(bytes(before.st_size))
    os.utime(disk, ns=(before.st_atime_ns, before.st_mtime_ns - 60 * 10**9))
    assert told(raw, fabric_id, base) == [None, set()]


def test_a_disk_that_was_exchanged_is_compared(raw):
    fabric_id, base = written_until_off(raw)
    disk = raw.disk_path(fabric_id, "vda")
    older = disk.with_suffix(".older")
    shutil.copy2(disk, older)  # with its times
    older.replace(disk)
    assert told(raw, fabric_id, base) == [None, set()]


def test_a_disk_that_was_written_to_after_it_was_looked_at_is_compared(raw):
    fabric_id, base = written_until_off(raw)
    assert told(raw, fabric_id, base) == [{1, 2}, set()]
    with raw.disk_path(fabric_id, "vda").open("r+b") as disk:
        disk.write(b"by somebody else")
    assert told(raw, fabric_id, base) == [None, set()]


@pytest.mark.parametrize("which", [1, 2], ids=["first", "second"])
def test_where_one_keeper_did_not_get_all_bitmaps_nothing_is_believed(raw, monkeypatch, which):
    merges = []
    execute = monitor.execute

    def refusing(domain, command, **arguments):
        if command == "block-dirty-bitmap-merge" and str(arguments["node"]).startswith("ss-keeper-"):
            merges.append(command)
            if len(merges) == which:
                raise errors.FabricError("QEMU refused it.")
        return execute(domain, command, **arguments)

    monkeypatch.setattr(monitor, "execute", refusing)
    fabric_id, base = written_until_off(raw)
    assert len(merges) == which
    assert told(raw, fabric_id, base) == [None, None]


def test_a_host_that_cannot_make_keepers_compares(raw):
    folder = raw.work_dir / "kept-changes"
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("no folder can be made here")
    try:
        fabric_id, base = written_until_off(raw)
        assert told(raw, fabric_id, base) == [None, None]
    finally:
        folder.unlink()


def with_broken_header(keeper):
    with keeper.open("r+b") as file:
        file.write(b"no header")


def with_broken_bitmaps(keeper):
    """What tells of them is whole; what they mark cannot be read."""
    image = keeper.read_bytes()
    directory = int.from_bytes(image[image.index(b"\x23\x85\x28\x75") + 24 :][:8], "big")
    with keeper.open("r+b") as file:
        file.seek(directory)
        file.write((1 << 40).to_bytes(8, "big"))  # the table of the first one, beyond the end


def cut_off(keeper):
    os.truncate(keeper, keeper.stat().st_size // 2)


def without_its_data_file(keeper):
    """What can be told of it, and not be opened beside the disk: each view of the machine failed."""
    with keeper.open("r+b") as file:
        file.seek(79)
        file.write(bytes(1))


@pytest.mark.parametrize("broken", [with_broken_header, with_broken_bitmaps, cut_off, without_its_data_file])
def test_where_a_keeper_cannot_be_read_its_disk_is_compared_and_the_log_says_so(raw, broken, capsys):
    fabric_id, base = written_until_off(raw)
    broken(raw.work_dir / "kept-changes" / f"{fabric_id}-vda.keeper")
    assert told(raw, fabric_id, base) == [None, set()]
    assert "keeper.not-read" in capsys.readouterr().out
