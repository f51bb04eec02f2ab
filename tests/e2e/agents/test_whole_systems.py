"""Each point of a real system is, bit for bit, what its disk held as its file systems stood still; when it is
lost libvirt starts it from one."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from guestkit import systems
from rig.agent_sites import AgentSites
from tests.e2e.agents import support_systems as support
from tests.e2e.agents.support_agents import needs_agent

POINTS = int(os.environ.get("SECONDSITE_POINTS", "10"))
CHECK_EVERY = 5
SYSTEMS = {
    "debian-11": "ext4",
    "debian-12-dracut": "xfs",
    "debian-12-lvm-xfs": "xfs",
    "debian-13": "ext4",
}

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every(by="all"),
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not systems.is_possible(), reason="needs root and debootstrap"),
    needs_agent,
]


@pytest.fixture
def site():
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/var/tmp"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        rig = stack.enter_context(AgentSites("libvirt", folder, forked=True)).open()
        yield rig, folder


@pytest.mark.parametrize("name", SYSTEMS)
def test_each_point_is_what_the_disk_held_as_it_stood_and_it_is_failed_over(site, name, record_property):
    rig, folder = site
    system = support.Judged(rig, folder, name)
    try:
        told = system.enroll()
        record_property("drives", told.definition.drives)
        record_property("boot_seconds", system.boot_seconds)
        system.protect()
        system.load()
        judged = 0
        for number in range(POINTS):
            found = system.held()
            if found is None:
                continue
            point, truth = found
            [wrong] = system.wrong(point, truth)
            print(name, point.id, f"{system.figures[-1]:.1f} s paused", len(wrong), "wrong", flush=True)
            assert wrong == [], system.window
            if number % CHECK_EVERY == 0:
                [image] = system.images(point)
                assert support.check_file_system(image, SYSTEMS[name]) == ""
            judged += 1
        record_property("judged", judged)
        assert judged > POINTS // 2
        started, seconds = system.fail_over()
        record_property("failover_seconds", seconds)
        record_property("started", f"{started.kernel} {started.kind} {started.drivers}")
        assert "virtio_blk" in started.drivers
    finally:
        system.close()
