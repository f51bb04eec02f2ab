"""A bitmap counts only in the file in which it was made: in one that was put back it looks whole, and misses
what was written between."""

import shutil
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.images import qemu_img
from secondsite.fabrics.libvirt.host.domain_xml import Disk
from secondsite.fabrics.libvirt.tracking.tracking import Tracking

BASE = "secondsite-1-1-aaaa"
DOMAIN = SimpleNamespace(UUIDString=lambda: "id-1")


@pytest.fixture
def tracking(tmp_path):
    hypervisor = SimpleNamespace(uri="test:///default", embedded_root=tmp_path, key=None)
    nobody = cast(Any, None)
    made = Tracking(cast(Any, hypervisor), tmp_path / "work", nobody, nobody, nobody, "filter", lambda _: ())
    yield made
    made.close()


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "vda.qcow2"
    qemu_img("create", "-f", "qcow2", path, "1M")
    return Disk("vda", str(path), "qcow2", "virtio", "disk", None, False, None)


def made_in(tracking, disk):
    identities = tracking._identities  # noqa: SLF001 as a view notes it
    identities.record(DOMAIN, [disk], BASE, None, runs=True)


def bases(tracking, disk, whole=True):
    found = {"vda": {BASE: whole}}
    return tracking._bases(DOMAIN, [disk], found, BASE)  # noqa: SLF001 as a view asks


def test_the_bitmap_of_the_file_that_it_was_made_in_is_used(tracking, disk):
    made_in(tracking, disk)
    assert bases(tracking, disk) == {"vda": BASE}
    assert bases(tracking, disk, whole=False) == {}


def test_that_of_a_copy_which_was_put_back_is_not(tracking, disk, tmp_path):
    made_in(tracking, disk)
    shutil.copy2(disk.path, tmp_path / "kept")
    (tmp_path / "kept").replace(disk.path)
    assert bases(tracking, disk) == {}


def test_nor_that_of_a_checkpoint_of_which_nothing_is_known(tracking, disk):
    assert bases(tracking, disk) == {}
