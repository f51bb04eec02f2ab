"""What somebody did to the files of a machine that is off, where its log does not tell whether it was
started meanwhile."""

import os
import shutil
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.images import qemu_img
from secondsite.fabrics.libvirt.host.domain_xml import Disk
from secondsite.fabrics.libvirt.tracking.kept_changes import KeptChanges
from secondsite.fabrics.libvirt.tracking.left_files import LeftFiles

FIRST = "2026-11-27 05:58:30.123+0000: starting up libvirt version: 9.0.0, qemu version: 7.2\n"
LATER = FIRST.replace("05:58", "06:02")
ENDED = "2026-11-27 05:59:00.000+0000: shutting down, reason=destroyed\n"
FAILED = "2026-11-27 06:02:31.000+0000: shutting down, reason=failed\n"


class Machine:
    def __init__(self, root):
        self.log = root / "log/qemu/web01.log"
        self.log.parent.mkdir(parents=True)
        self.log.write_text(FIRST + ENDED)
        self.disk = root / "vda.qcow2"
        self.changed: list[str] = []
        self.format = "qcow2"
        hypervisor = SimpleNamespace(embedded_root=root)
        identities = SimpleNamespace(distrust=lambda _domain, keys: self.changed.extend(keys))
        kept = KeptChanges(root / "kept-changes", root / "leading")
        self.files = LeftFiles(root, cast(Any, hypervisor), cast(Any, identities), kept)
        self.domain = SimpleNamespace(UUIDString=lambda: "id-1", name=lambda: "web01")

    @property
    def disks(self):
        return [Disk("vda", str(self.disk), self.format, "virtio", "disk", None, False, None)]

    def left(self):
        with self.files.writing(self.domain, self.disks):
            pass
        return self

    def distrusted(self):
        self.files.look(self.domain, self.disks)
        return self.changed


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    qemu_img("create", "-f", "qcow2", machine.disk, "1M")
    return machine


def put_back(copy, path):
    """Other content in the same file, with its times and size, as 'cp -p' leaves it."""
    was = path.stat()
    path.write_bytes(copy)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def test_what_is_untouched_is_believed(machine):
    assert machine.left().distrusted() == []


@pytest.mark.parametrize("log", ["", ENDED, None], ids=["cut off", "rotated", "removed"])
def test_a_log_that_does_not_tell_of_the_last_start_is_no_sign_of_another_one(machine, log):
    machine.left()
    if log is None:
        machine.log.unlink()
    else:
        machine.log.write_text(log)
    assert machine.distrusted() == ["vda"]


def test_a_machine_that_got_another_name_has_another_log(machine):
    machine.left()
    machine.domain.name = lambda: "web01-new"
    assert machine.distrusted() == ["vda"]


def test_a_start_that_failed_did_not_write(machine):
    machine.left()
    machine.log.write_text(FIRST + ENDED + LATER + FAILED)
    assert machine.distrusted() == []
    put_back(machine.disk.read_bytes()[::-1], machine.disk)
    assert machine.distrusted() == ["vda"]


@pytest.mark.parametrize(
    "log", [FIRST + ENDED + LATER, LATER + ENDED, LATER + FAILED + LATER[:-1] + " again\n"]
)
def test_after_another_start_the_bitmaps_tell(machine, log):
    machine.left()
    machine.log.write_text(log)
    put_back(machine.disk.read_bytes()[::-1], machine.disk)
    assert machine.distrusted() == []


def test_of_a_raw_disk_nothing_is_believed_but_that_nobody_touched_it_and_nobody_started_it(machine):
    """It keeps no bitmaps that would tell."""
    machine.format = "raw"
    assert machine.distrusted() == ["vda"], "we never left it"
    machine.changed.clear()
    assert machine.left().distrusted() == ["vda"], "as it was distrusted before it was left"
    machine.changed.clear()
    assert machine.distrusted() == []
    machine.log.write_text(FIRST + ENDED + LATER)
    assert machine.distrusted() == ["vda"]


def test_an_older_log_that_was_put_back_tells_nothing(machine):
    machine.left()
    machine.log.write_text(FIRST.replace("05:58", "04:00") + ENDED)
    assert machine.distrusted() == ["vda"]


@pytest.mark.parametrize("named", ["plainly", "as json", "with a protocol"])
def test_a_file_below_that_was_put_back_with_its_times_is_noticed(machine, tmp_path, named):
    base = tmp_path / "golden.qcow2"
    shutil.copy(machine.disk, base)
    name = {
        "plainly": base.name,
        "as json": f'json:{{"file":{{"driver":"file","filename":"{base}"}}}}',
        "with a protocol": f"file:{base}",
    }[named]
    machine.disk.unlink()
    qemu_img("create", "-f", "qcow2", "-F", "qcow2", "-b", name, machine.disk)
    machine.left()
    assert machine.distrusted() == []
    put_back(base.read_bytes()[::-1], base)
    assert machine.distrusted() == ["vda"]


@pytest.mark.parametrize("below", [False, True])
def test_the_file_that_has_the_guests_data_is_one_of_the_disks(machine, tmp_path, below):
    image = tmp_path / "golden.qcow2" if below else machine.disk
    data = tmp_path / "guest.data"
    machine.disk.unlink()
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={data}", image, "1M")
    if below:
        qemu_img("create", "-f", "qcow2", "-F", "qcow2", "-b", image, machine.disk)
    machine.left()
    assert machine.distrusted() == []
    put_back(b"\x07" * data.stat().st_size, data)
    assert machine.distrusted() == ["vda"]
