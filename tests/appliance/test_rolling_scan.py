"""What no mark covers is compared again and again, where tracking may miss a write. What it missed becomes a
finding, takes the grade from every point that may lack it, and is mended by a comparison of all blocks."""

from datetime import UTC, datetime

import pytest

from rig.appliances import DISK_BYTES, Pair
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.shared import HomeFull
from secondsite.appliance.source import progress as progresses
from secondsite.appliance.source import rolling_scan as rolling
from secondsite.appliance.source.progress import MissedWrites
from secondsite.datapath.digests import hashes
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.domain.machines import rolling_scan
from secondsite.domain.points import Grade
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import ComparedBlocks
from secondsite.ground.units import MiB

pytestmark = pytest.mark.slow
FINDING = "writes-missed"


class Blind:
    """A site whose tracking may miss a write: `missed` are the offsets of blocks that nothing marked."""

    def __init__(self, site):
        self.site, self.missed, self.asked = site, set(), []
        self.scans._percent = 5.0  # noqa: SLF001 as on a platform that may miss writes
        site.fabric.tracking.compare = self.compare

    @property
    def scans(self):
        return self.site.appliance.replication._rolling_scans  # noqa: SLF001

    def compare(self, expected):
        content = self.site.read(expected.fabric_id)[expected.offset :]
        blocks = len(expected.digests) // 16
        assert expected.digests == hashes.block_digests(content[: blocks * BLOCK_BYTES])
        self.asked.append(expected.offset)
        places = range(expected.offset, expected.offset + blocks * BLOCK_BYTES, BLOCK_BYTES)
        return ComparedBlocks(blocks, tuple(each for each in places if each in self.missed))


@pytest.fixture
def hurried(monkeypatch):
    """A whole pass takes seconds."""
    monkeypatch.setattr(rolling_scan, "LEAST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(rolling_scan, "LEAST_BYTES", BLOCK_BYTES)
    monkeypatch.setattr(rolling_scan, "MOST_BYTES", 2 * MiB)
    monkeypatch.setattr(rolling_scan, "DAY", 0.1)


@pytest.fixture
def pair(hurried, sites):
    a, b = sites
    pair = Pair(a, b, a.make_machine(own_daemon=True))
    a.write(pair.fabric_id, 0, noise(DISK_BYTES // 2))
    return pair.protect().synchronized()


def proven(pair):
    """A new point, of which a machine proved that it runs."""
    point_id = pair.point_now()
    hosted = pair.target.replica(pair.machine_id)
    hosted.verdicts.prove(point_id, Grade.BOOTED, datetime.now(UTC), hosted.replica.point_ids)
    hosted.refresh()
    return point_id


def grades(pair):
    return {point.id: point.proof for point in pair.status().points}


def source(pair):
    return pair.source.appliance.replication.get(pair.machine_id)


def codes(pair):
    return {finding.code for finding in pair.source_status().findings}


def test_all_blocks_are_compared_in_turn_and_how_far_that_is_survives_a_restart(pair):
    blind = Blind(pair.source)
    eventually(lambda: pair.source_status().rolled_at, 30)
    assert set(range(0, DISK_BYTES, BLOCK_BYTES)) >= set(blind.asked) >= {0}
    assert codes(pair) == set()
    ended = pair.source_status().rolled_at
    pair.source.stop()
    pair.source.start()
    assert pair.source_status().rolled_at >= ended


def test_where_tracking_misses_nothing_nothing_is_compared(pair):
    pair.point_now()
    assert pair.source_status().rolling_fraction is None
    assert pair.source_status().rolled_at is None


def comparisons(pair):
    """How many points came after all blocks were compared."""
    return [point.compared for point in pair.status().points].count(True)


def test_what_nothing_marked_takes_the_grades_since_then_and_is_mended(pair):
    before = proven(pair)
    simulated.kill(pair.source.root, pair.fabric_id)  # all is compared: until then it is equal
    pair.source.fabric.power.start(pair.fabric_id)
    pair.point_now()
    later = proven(pair)
    assert grades(pair)[later] is grades(pair)[before] is Grade.BOOTED
    compared = comparisons(pair)
    blind = Blind(pair.source)
    blind.missed.add(3 * BLOCK_BYTES)
    eventually(lambda: FINDING in codes(pair), 30)
    blind.missed.clear()
    [told] = [each.what for each in pair.source_status().findings if each.code == FINDING]
    assert f"the first at {3 * BLOCK_BYTES}" in told
    eventually(lambda: grades(pair)[later] is None, 30)
    assert grades(pair)[before] is Grade.BOOTED, "it was taken before"
    again = eventually(lambda: source(pair).progress.missed is None and pair.point_now(), 30)
    assert FINDING not in codes(pair)
    assert comparisons(pair) > compared
    assert pair.target.point_bytes(pair.machine_id, again) == pair.source.read(pair.fabric_id)
    assert proven(pair) in {key for key, grade in grades(pair).items() if grade}


def test_what_could_not_be_noted_is_found_again(pair, monkeypatch):
    blind = Blind(pair.source)
    full: list[progresses.SourceProgress] = []
    monkeypatch.setattr(rolling, "AGAIN_SECONDS", 0.0)
    real = source(pair).save

    def save(progress, *more):
        if progress.missed is not None and not full:
            full.append(progress)
            raise HomeFull("There is no space in the appliance's home.")
        real(progress, *more)

    monkeypatch.setattr(source(pair), "save", save)
    blind.missed.add(5 * BLOCK_BYTES)
    eventually(lambda: full and FINDING in codes(pair), 30)
    blind.missed.clear()
    eventually(lambda: FINDING not in codes(pair), 30)


def test_a_finding_of_what_was_missed_outlives_a_restart_and_grades_fall_once(pair):
    later = proven(pair)
    pair.pause()
    missed = MissedWrites(disk="vda", offset=0, count=1, found_at=datetime.now(UTC))
    progress = progresses.restarted(source(pair).progress, ("vda",))
    source(pair).save(progress.model_copy(update={"missed": missed}))
    pair.source.stop()
    pair.source.start()
    assert FINDING in codes(pair)
    source(pair).change(paused=False)
    pair.source.appliance.replication.poke()
    eventually(lambda: grades(pair)[later] is None, 30)
    eventually(lambda: FINDING not in codes(pair), 30)
