"""What is written to one device may be read from another one: as the kernel tells of which it is made."""

import os
import stat

import pytest

from secondsite.datapath.disks import same_files

DISK, FIRST, SECOND, VOLUME, OTHER = range(1, 6)
MAJOR = 511


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Nodes of a disk, its two partitions, a volume on the first one, and another disk, as /sys tells of
    them."""
    folder = tmp_path / "sys"
    monkeypatch.setattr(same_files, "DEVICES", folder / "numbers")
    for number, place in enumerate(("sda", "sda/sda1", "sda/sda2", "dm-0", "sdb"), start=DISK):
        (folder / place / "slaves").mkdir(parents=True)
        (folder / place / "dev").write_text(f"{MAJOR}:{number}\n")
        (folder / "numbers").mkdir(exist_ok=True)
        (folder / f"numbers/{MAJOR}:{number}").symlink_to(folder / place)
    for part in ("sda1", "sda2"):
        (folder / "sda" / part / "partition").touch()
    (folder / "dm-0/slaves/sda1").symlink_to(folder / "sda/sda1")

    def made(number, name="node"):
        path = tmp_path / f"{name}{number}"
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(MAJOR, number))
        return path

    return made


def test_a_device_overlaps_itself_by_any_node(node):
    assert same_files.overlap(node(DISK), node(DISK, "alias"))


@pytest.mark.parametrize(("one", "other"), [(DISK, FIRST), (FIRST, VOLUME), (DISK, VOLUME)])
def test_a_device_overlaps_what_it_is_made_of_whichever_is_named_first(node, one, other):
    first, second = node(one), node(other)
    assert same_files.overlap(first, second)
    assert same_files.overlap(second, first)


@pytest.mark.parametrize(("one", "other"), [(FIRST, SECOND), (SECOND, VOLUME), (DISK, OTHER)])
def test_devices_beside_each_other_do_not_overlap(node, one, other):
    assert not same_files.overlap(node(one), node(other))


def test_what_is_not_there_overlaps_nothing(node, tmp_path):
    assert not same_files.overlap(node(DISK), tmp_path / "nothing")
