"""The job of a view ends before its readers disconnect, whatever came of them: QEMU before 9.0 may abort when
a reader goes away from an open one, and the guest with it."""

import contextlib
from datetime import UTC, datetime

import pytest

from rig.images import qemu_img
from secondsite.appliance.source import leftover_views
from secondsite.datapath.disks import NbdDisk, StorageDaemon
from secondsite.fabrics.interface import ChangeSession, DiskChanges
from secondsite.ground.units import MiB


@pytest.fixture
def daemon(tmp_path):
    daemon = StorageDaemon(tmp_path / "daemon")
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.mark.parametrize("fails", [False, True])
def test_the_readers_are_there_until_the_job_has_ended(tmp_path, daemon, fails):
    qemu_img("create", "-f", "qcow2", tmp_path / "vda.qcow2", "1M")
    daemon.serve(tmp_path / "vda.qcow2", "vda", image_format="qcow2")
    readers: list[NbdDisk] = []
    ended: list[int] = []

    def abandon():
        ended.append(sum(extent.length for extent in readers[0].allocation(0, MiB)))

    view = ChangeSession(
        taken_at=datetime.now(UTC), checkpoint="one", abandon=abandon,
        disks=(DiskChanges(key="vda", size_bytes=MiB, socket=daemon.nbd_socket, export="vda", bitmaps=()),)
    )  # fmt: skip
    breaks = pytest.raises(OSError, match="in the middle") if fails else contextlib.nullcontext()
    with breaks, leftover_views.read(view) as disks:
        readers.extend(disk for disk in disks if isinstance(disk, NbdDisk))
        if fails:
            raise OSError("in the middle")
    assert ended == [MiB]
