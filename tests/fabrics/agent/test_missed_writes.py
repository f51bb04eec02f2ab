"""A write below the block layer of a machine, which its agent cannot see, is found by the rolling scan of its
appliance, told, and mended by a comparison of all blocks."""

import os
from datetime import UTC, datetime

import pytest

from rig.appliances import Pair
from rig.eventually import eventually
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.domain.machines import rolling_scan
from secondsite.domain.points import Grade
from secondsite.ground.units import MiB
from tests.support.sites import ca, make_site

from . import support_link
from .support_site import AgentSite

__all__ = ["ca", "make_site"]
pytestmark = [*support_link.needs_agent, pytest.mark.timeout(240)]
SIZE = 24 * MiB
PLACE = 9 * MiB
FINDING, COMPARING = "writes-missed", "resynchronizing"
TRIES = 5


@pytest.fixture
def hurried(monkeypatch):
    """A whole pass takes seconds."""
    monkeypatch.setattr(rolling_scan, "LEAST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(rolling_scan, "LEAST_BYTES", BLOCK_BYTES)
    monkeypatch.setattr(rolling_scan, "DAY", 0.2)


@pytest.fixture
def agents(folder):
    site = AgentSite(folder)
    yield site
    site.close()


@pytest.fixture
def pair(hurried, agents, make_site):
    """A machine with an agent, protected to a site of simulated ones."""
    a, b = make_site("a"), make_site("b").start()
    own, a.fabric = a.fabric, agents.fabric
    fabric_id = agents.make_machine("missed", [SIZE])
    agents.write(fabric_id, "sda", 0, os.urandom(2 * MiB))
    a.start()
    yield Pair(a, b, fabric_id).protect().synchronized(support_link.PATIENCE)
    a.stop()
    a.fabric = own


def content(agents, pair):
    """What the disk holds, below all that could hide it."""
    return agents.machines[pair.fabric_id].files[0].read_bytes()


def behind_its_back(agents, pair, offset, data):
    with agents.machines[pair.fabric_id].files[0].open("r+b") as file:
        file.seek(offset)
        file.write(data)
        os.fsync(file.fileno())


def codes(pair):
    return {finding.code: finding.what for finding in pair.source_status().findings}


def proven(pair):
    """A new point, of which a machine proved that it runs."""
    point_id = eventually(lambda: pair.cycle_now(point=True)["point_id"], support_link.PATIENCE)
    hosted = pair.target.replica(pair.machine_id)
    hosted.verdicts.prove(point_id, Grade.BOOTED, datetime.now(UTC), hosted.replica.point_ids)
    hosted.refresh()
    return point_id


def grade(pair, point_id):
    return next(point.proof for point in pair.status().points if point.id == point_id)


def alarmed(pair):
    """What is told of the machine, once that is that all is compared."""
    told = codes(pair)
    return told if {FINDING, COMPARING} & told.keys() else None


def found(agents, pair):
    """A proven point, and the finding of what was written past the agent after it. A kernel may hide a write
    just then, which the agent notices: then all is compared anyway, and it is done again."""
    for _ in range(TRIES):
        point_id = proven(pair)
        assert grade(pair, point_id) is Grade.BOOTED
        behind_its_back(agents, pair, PLACE, os.urandom(4096))
        seen = eventually(lambda: alarmed(pair), support_link.PATIENCE)
        if FINDING in seen:
            return point_id, seen[FINDING]
        eventually(lambda: COMPARING not in codes(pair), support_link.PATIENCE)
    raise AssertionError(f"{TRIES} times the agent noticed by itself that its marks lack something")


def test_whole_passes_over_a_machine_that_writes_find_nothing(agents, pair):
    for _ in range(2):
        before = pair.source_status().rolled_at
        agents.write(pair.fabric_id, "sda", 5 * MiB, os.urandom(MiB))
        eventually(lambda at=before: pair.source_status().rolled_at != at, support_link.PATIENCE)
    assert FINDING not in codes(pair)
    assert 0 <= pair.source_status().rolling_fraction <= 1


def test_what_was_written_past_the_agent_takes_the_grades_and_is_mended_and_then_all_is_well(agents, pair):
    point_id, told = found(agents, pair)
    assert f"1 block of disk sda, the first at {PLACE}, changed after" in told
    eventually(lambda: grade(pair, point_id) is None, support_link.PATIENCE)
    source = pair.source.appliance.replication.get(pair.machine_id)
    eventually(lambda: source.progress.missed is None, support_link.PATIENCE)
    eventually(lambda: FINDING not in codes(pair), support_link.PATIENCE)
    again = proven(pair)
    assert pair.target.point_bytes(pair.machine_id, again, "sda") == content(agents, pair)
    before = pair.source_status().rolled_at
    eventually(lambda: pair.source_status().rolled_at != before, support_link.PATIENCE)
    assert grade(pair, again) is Grade.BOOTED
    assert FINDING not in codes(pair)
