"""The digest cache never claims that the target holds what it does not: random histories, and death at
every seam."""

import errno
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.dying import Killed
from secondsite.datapath.digests import cache as digest_cache
from secondsite.datapath.digests import hashes
from secondsite.datapath.digests.cache import DigestCache
from secondsite.datapath.digests.cache_file import DigestCacheFile
from secondsite.datapath.extents import BLOCK_BYTES, PAGE_BYTES, Extent, merge
from secondsite.datapath.transfer import changed_pages
from secondsite.ground.units import KiB

pytestmark = pytest.mark.always

BLOCKS = 4
SIZE = BLOCKS * BLOCK_BYTES + 512
OUTCOMES = ["acked", "acked", "lost ack", "failed", "died before", "died sent", "died acked", "died saved"]


class World:
    """A source with a dirty bitmap, a target, and what each remembers: the rules of a cycle, without the
    network."""

    def __init__(self, folder):
        self.folder = folder
        self.ours, self.theirs = bytearray(SIZE), bytearray(SIZE)
        self.dirty = set(range(BLOCKS + 1))
        self.last_seq, self.next_seq = None, 1
        self.sent_pages = 0
        self.armed = None

    def reach(self, name):
        if self.armed == name:
            self.armed = None
            raise Killed

    def write(self, page, value):
        start = page * PAGE_BYTES
        end = min(start + PAGE_BYTES, SIZE)
        self.ours[start:end] = bytes([value]) * (end - start)
        self.dirty.add(start // BLOCK_BYTES)

    def cycle(self, outcome, seam=None):
        self.armed = seam
        cache = None
        try:
            cache = DigestCache(self.folder, 1, self.last_seq, self.next_seq, {"vda": SIZE}, self.reach)
            self._over(cache, outcome)
        except Killed:
            self.armed = None
        finally:
            if cache is not None:
                cache.close()

    def _over(self, cache, outcome):
        extents = merge(Extent(b * BLOCK_BYTES, min(BLOCK_BYTES, SIZE - b * BLOCK_BYTES)) for b in self.dirty)
        cache.begin(self.next_seq, {"vda": extents})
        seq, self.next_seq = self.next_seq, self.next_seq + 1
        if outcome == "died before":
            raise Killed
        frames = [run for each in extents for run in self._sift(cache, each)]
        if outcome == "failed":
            cache.abandon()
            return
        if outcome == "died sent":
            raise Killed
        for offset, length, data in frames:
            self.theirs[offset : offset + length] = bytes(length) if data is None else data
        if outcome == "lost ack":
            cache.abandon()
            return
        if outcome == "died acked":
            raise Killed
        self.last_seq, self.dirty = seq, set()
        self.sent_pages = sum(-(-length // PAGE_BYTES) for _, length, _ in frames)
        assert self.theirs == self.ours
        if outcome != "died saved":
            cache.commit()

    def _sift(self, cache, extent):
        raw = bytearray(self.ours[extent.offset : extent.end])
        if not any(raw):
            parts = changed_pages.zero_extents(
                Extent(extent.offset, extent.length, zero=True), cache.of("vda")
            )
            return [(part.offset, part.length, None) for part in parts]
        return changed_pages.data_ranges(extent.offset, raw, cache.of("vda"))


writes = st.lists(st.tuples(st.integers(0, BLOCKS * 16), st.integers(0, 2)), max_size=5)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(writes, st.sampled_from(OUTCOMES)), max_size=14))
def test_whatever_happens_each_acknowledged_cycle_makes_the_target_equal(history):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "web01")
        for pages, outcome in history:
            for page, value in pages:
                world.write(page, value)
            world.cycle(outcome)
        world.cycle("acked")
        assert world.theirs == world.ours


SEAMS = ["digests.intended", "digests.synced", "digests.committed", "digests.forgotten"]


@pytest.mark.parametrize("seam", SEAMS)
@pytest.mark.parametrize("outcome", ["acked", "failed", "lost ack"])
def test_death_at_every_seam_is_survived(tmp_path, seam, outcome):
    rng = random.Random(f"{seam}{outcome}")
    world = World(tmp_path / "web01")
    for number in range(30):
        for _ in range(3):
            world.write(rng.randrange(BLOCKS * 16 + 1), rng.randrange(3))
        world.cycle(outcome if number % 3 else "acked", seam if number % 2 else None)
    world.cycle("acked")
    assert world.theirs == world.ours


def test_only_the_pages_that_changed_travel(tmp_path):
    world = World(tmp_path / "web01")
    world.cycle("acked")
    world.write(5, 1)
    world.write(40, 1)
    world.cycle("acked")
    assert world.sent_pages == 2
    world.write(5, 1)  # written again with what was there
    world.cycle("acked")
    assert world.sent_pages == 0


def test_a_page_that_returns_to_what_the_target_once_had_is_sent(tmp_path):
    world = World(tmp_path / "web01")
    world.write(5, 1)
    world.cycle("acked")
    world.write(5, 2)
    world.cycle("lost ack")  # the target has the twos
    world.write(5, 1)
    world.cycle("acked")
    assert world.theirs == world.ours


@pytest.mark.parametrize("change", [{"last_seq": None}, {"last_seq": 1}, {"next_seq": 9}, {"epoch": 2}])
def test_a_cache_of_another_history_is_dropped(tmp_path, change):
    world = World(tmp_path / "web01")
    for _ in range(3):
        world.write(5, 1)
        world.cycle("acked")
    now = {"epoch": 1, "last_seq": 3, "next_seq": 4}
    assert world.last_seq == 3
    for facts, known in ((now, True), ({**now, **change}, False)):
        cache = DigestCache(world.folder, facts["epoch"], facts["last_seq"], facts["next_seq"], {"vda": SIZE})
        assert any(cache.of("vda").region(0, SIZE)) is known
        cache.close()


def test_a_torn_record_counts_as_none(tmp_path):
    world = World(tmp_path / "web01")
    world.write(5, 1)
    world.cycle("acked")
    record = world.folder / digest_cache.RECORD
    data = bytearray(record.read_bytes())
    data[40] ^= 1
    record.write_bytes(data)
    cache = DigestCache(world.folder, 1, 1, 2, {"vda": SIZE})
    assert not any(cache.of("vda").region(0, SIZE))
    cache.close()


def test_a_disk_that_grows_keeps_what_is_known_but_its_old_short_end(tmp_path):
    world = World(tmp_path / "web01")
    world.cycle("acked")
    cache = DigestCache(world.folder, 1, 1, 2, {"vda": SIZE + BLOCK_BYTES})
    known = cache.of("vda").region(0, SIZE + BLOCK_BYTES)
    cache.close()
    assert known == hashes.ZERO_PAGE * (BLOCKS * 16) + hashes.UNKNOWN * 17


def test_an_empty_cache_takes_no_room(tmp_path):
    file = DigestCacheFile(tmp_path / "vda.x3", 1 << 40)
    assert (tmp_path / "vda.x3").stat().st_blocks == 0
    assert file.region(1 << 39, 64 * KiB) == hashes.UNKNOWN * 16
    file.close()


def test_a_full_store_breaks_the_cache_and_not_the_cycle(tmp_path, monkeypatch):
    world = World(tmp_path / "web01")
    world.cycle("acked")
    world.write(5, 1)
    real = os.pwrite

    def full(file, data, at):
        if os.readlink(f"/proc/self/fd/{file}").endswith(".x3"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data, at)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        world.cycle("acked")
    assert world.theirs == world.ours
    assert not world.folder.exists()
    world.write(5, 0)
    world.cycle("acked")
    assert world.theirs == world.ours
