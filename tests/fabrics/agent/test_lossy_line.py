"""A line between machine and appliance that loses five packets of a hundred: slower, and nothing else."""

import secrets
import time

import pytest

from rig.lossy_link import LossyLink, NoLink
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.ground.units import MiB

from . import support_link
from .support_site import AgentSite

LOSS, CHANGED, DISK = 0.05, 12 * MiB, 48 * MiB
POINTS, POINT_SECONDS = 5, 120.0

pytestmark = [*support_link.needs_agent, pytest.mark.every, pytest.mark.timeout(600)]


@pytest.fixture
def site(folder):
    try:
        link = LossyLink()
    except NoLink as problem:
        pytest.skip(f"no link that can be hurt: {problem}")
    with link:
        site = AgentSite(folder, link)
        yield site
        site.close()


def point(site, machine, base, data):
    """The checkpoint of a point that has these bytes at the disk's begin, and how long it took. An agent that
    saw too little under load makes no point; the next one has it."""
    site.write(machine, "sda", 0, data)
    began = time.monotonic()
    while time.monotonic() < began + POINT_SECONDS:
        try:
            with steps.view(site, machine, base) as session:
                if session.is_instant:
                    disk = session.disks[0]
                    assert steps.dirty_blocks(disk) == set(range(len(data) // BLOCK_BYTES))
                    assert steps.read(disk, 0, len(data)) == data
                    took = time.monotonic() - began
            site.fabric.tracking.acknowledge(machine, session.checkpoint)
        except errors.FabricError:
            continue
        base = session.checkpoint
        if session.is_instant:
            return base, took
        site.write(machine, "sda", 0, data)
        began = time.monotonic()
    raise AssertionError(f"no point within {POINT_SECONDS:.0f} s")


def points(site, machine, base):
    """The seconds that each took."""
    took = []
    for _ in range(POINTS):
        base, seconds = point(site, machine, base, secrets.token_bytes(CHANGED))
        took.append(seconds)
    return base, sorted(took)


def test_points_over_a_lossy_line_are_whole(site, record_property):
    machine = steps.protected(site, "lossy", [DISK])
    base = steps.checkpoint(site, machine)
    base, whole = points(site, machine, base)
    site.link.lose(LOSS)
    base, lossy = points(site, machine, base)
    for name, found in (("whole", whole), ("lossy", lossy)):
        record_property(f"{name}_seconds_of_12_mib", [round(each, 2) for each in found])
    site.link.lose(1)
    time_of_silence = time.monotonic() + 3
    while time.monotonic() < time_of_silence:
        with pytest.raises(errors.FabricError), steps.view(site, machine, base):
            pass
    site.link.lose(0)
    site.wait_for(machine)
    point(site, machine, base, secrets.token_bytes(CHANGED))
