"""Images become larger and smaller at the price of what they hold, and never show again what was cut off."""

import os
import random

import pytest

from secondsite.datapath import errors
from secondsite.datapath.disks import image, luks_blank, qcow2_resize
from secondsite.ground.units import GiB, KiB, MiB, TiB
from tests.datapath.replica.support_encryption import named, write
from tests.datapath.support_chain import Seams, dying, qemu_img, write_image

pytestmark = pytest.mark.slow

THIN = 4 * MiB
"""Of an image that holds some pages: its tables, and 512 KiB for the first table of 64 TiB."""
SIZES = (64 * KiB, 300 * MiB + 512, GiB, GiB + 512, 2 * GiB, 9 * GiB + 4 * KiB, 30 * GiB - 512, 40 * GiB)


class Disk:
    """An image, with overlays that are put on it, and a sparse file that holds what it ought to."""

    def __init__(self, folder, size_bytes, key=None):
        self.folder, self.key, self.number, self.like = folder, key, 0, folder / "like.raw"
        self.path, self.size_bytes = folder / "0.qcow2", size_bytes
        if key is None:
            image.create(self.path, size_bytes)
        else:
            luks_blank.create(self.path, size_bytes, key, folder)
        self.like.touch()
        os.truncate(self.like, size_bytes)

    def write(self, offset, length, pattern):
        length = min(length, self.size_bytes - offset)
        if self.key is None:
            write_image(self.path, length, offset, pattern)
        else:
            write(self.path, self.key, offset, length, pattern)
        with self.like.open("r+b") as file:
            os.pwrite(file.fileno(), bytes([pattern]) * length, offset)

    def resize(self, size_bytes, reach=None):
        qcow2_resize.resize(self.path, size_bytes, self.key, reach or Seams())
        self.size_bytes = size_bytes
        os.truncate(self.like, size_bytes)

    def cover(self):
        """Put an overlay on it, as at a point."""
        self.number += 1
        below, self.path = self.path, self.folder / f"{self.number}.qcow2"
        if self.key is None:
            image.create_overlay(self.path, below, "qcow2", self.size_bytes)
        else:
            luks_blank.create_overlay(self.path, below, self.size_bytes, self.key, self.folder)

    def assert_true(self):
        image.check(self.path, key=self.key)
        one = named(self.path, self.key) if self.key else self.path
        secret = image.secret_arguments(self.key)
        assert image.look(self.path).size_bytes == self.size_bytes
        qemu_img("compare", *secret, *([] if self.key else ["-f", "qcow2"]), "-F", "raw", one, self.like)

    @property
    def stored_bytes(self):
        return self.path.stat().st_blocks * 512


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def some_key(request, key):
    """None, or a key."""
    return key if request.param else None


def _thin(folder, size_bytes, key=None):
    """A disk on a file as large, both with some pages here and there."""
    disk = Disk(folder, size_bytes, key)
    for pattern in (1, 2):
        for at in (64 * KiB, 3 * GiB, size_bytes - 100 * MiB):
            disk.write(at, 64 * KiB, pattern)
        if pattern == 1:
            disk.cover()
    return disk


@pytest.mark.parametrize("smaller", [GiB, 300 * MiB + 512, 5 * TiB, 8 * TiB - 512])
def test_a_thin_disk_of_tebibytes_becomes_smaller_and_larger_at_the_price_of_what_it_holds(
    tmp_path, some_key, smaller
):
    disk = _thin(tmp_path, 8 * TiB, some_key)
    for size_bytes in (smaller, 8 * TiB, smaller, 8 * TiB):
        disk.resize(size_bytes)
        disk.assert_true()
        assert disk.stored_bytes < THIN


def test_the_price_is_the_same_for_two_gibibytes_and_for_all_that_a_disk_can_have(tmp_path):
    """The first table alone is larger: 8 bytes for each GiB."""
    stored, calls = [], []
    for size_bytes in (4 * GiB, 2 * TiB, 15 * TiB):
        (tmp_path / str(size_bytes)).mkdir()
        disk, seams = _thin(tmp_path / str(size_bytes), size_bytes), Seams()
        for wanted in (GiB, size_bytes):
            disk.resize(wanted, seams)
        calls.append(len(seams.reached))
        stored.append(disk.stored_bytes - 8 * size_bytes // GiB)
    assert max(stored) <= min(stored) + 4 * 128 * KiB
    assert max(calls) <= min(calls) + 4


def test_what_was_cut_off_gives_its_space_back(tmp_path, some_key):
    disk = Disk(tmp_path, 2 * TiB, some_key)
    before = disk.stored_bytes
    for number in range(8):
        disk.write(TiB + number * 50 * GiB, 2 * MiB, 7)
    disk.resize(GiB)
    assert disk.stored_bytes <= before + 2 * 128 * KiB
    assert "leaked" not in qemu_img("check", *image.opened(disk.path, some_key))


def test_a_page_that_the_new_end_cuts_shows_nothing_when_the_disk_grows_within_the_same_file(
    tmp_path, some_key
):
    disk = Disk(tmp_path, MiB, some_key)
    disk.write(0, MiB, 7)
    disk.resize(192 * KiB + 512)
    disk.resize(MiB)
    disk.assert_true()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
def test_a_disk_that_changes_its_size_at_random_holds_what_it_ought_to(tmp_path, some_key, seed):
    """With points between and without, and with deaths anywhere, after which the same is asked again."""
    chosen, seams = random.Random(seed), Seams()
    disk = Disk(tmp_path, 40 * GiB, some_key)
    for _ in range(16):
        if chosen.random() < 0.5:
            for _ in range(2):
                disk.write(chosen.randrange(0, disk.size_bytes, 512), chosen.choice([512, 64 * KiB, MiB]), 7)
        if chosen.random() < 0.3:
            disk.cover()
        size_bytes = chosen.choice(SIZES)
        seams.arm(chosen.randrange(1, 12))
        with dying() as died:
            disk.resize(size_bytes, seams)
        if died:
            disk.resize(size_bytes)
        disk.assert_true()
    assert disk.stored_bytes < 64 * MiB


def test_whatever_instant_it_dies_at_nothing_shows_that_was_cut_off(tmp_path):
    """Nor is anything lost below the smaller end: a file that grows is right at each length that it has
    meanwhile."""
    for nth in range(1, 40):
        (tmp_path / str(nth)).mkdir()
        disk, seams = _thin(tmp_path / str(nth), TiB), Seams()
        disk.resize(2 * GiB + 512)
        seams.arm(nth)
        with dying() as died:
            qcow2_resize.resize(disk.path, TiB, None, seams)
        disk.size_bytes = image.look(disk.path).size_bytes
        os.truncate(disk.like, disk.size_bytes)
        disk.assert_true()
        disk.resize(TiB)
        disk.assert_true()
        if not died:
            assert nth > 3
            return
    raise AssertionError("it never ends")


@pytest.mark.parametrize("options", ["cluster_size=64k", "compat=0.10", "cluster_size=512"])
def test_images_of_other_kinds_change_their_sizes_too(tmp_path, options):
    disk = Disk(tmp_path, 4 * GiB)
    qemu_img("create", "-q", "-f", "qcow2", "-o", options, disk.path, 4 * GiB)
    for at in (64 * KiB, 3 * GiB):
        disk.write(at, 64 * KiB, 5)
    disk.cover()
    for size_bytes in (2 * GiB - 512, 4 * GiB, 100 * MiB, 3 * GiB + 32 * KiB):
        disk.resize(size_bytes)
        disk.assert_true()


def test_an_image_with_a_bitmap_is_left_to_qemu(tmp_path):
    disk = Disk(tmp_path, 64 * GiB)
    disk.write(40 * GiB, 64 * KiB, 5)
    image.add_bitmap(disk.path, "since")
    for size_bytes in (2 * GiB, 64 * GiB):
        disk.resize(size_bytes)
        disk.assert_true()
    assert image.look(disk.path).bitmaps == ("since",)


def test_an_image_that_somebody_has_open_keeps_its_size(tmp_path, daemon):
    disk = Disk(tmp_path, 64 * GiB)
    daemon.serve(disk.path, "vm", writable=True)
    with pytest.raises(errors.ImageProblem, match="open"):
        disk.resize(GiB)
    daemon.stop()
    assert image.look(disk.path).size_bytes == 64 * GiB
