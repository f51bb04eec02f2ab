"""Each point of a real server with PostgreSQL is, bit for bit, what its disks held as its file systems stood
still; those at which the database rested are whole to every checker, and it starts from them."""

import contextlib
import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from guestkit import systems
from rig.agent_sites import AgentSites
from rig.eventually import eventually
from secondsite.domain.points import Consistency
from secondsite.fabrics import simulated
from secondsite.ground.units import TiB
from tests.e2e.agents import support_systems as support
from tests.e2e.agents.support_agents import needs_agent
from tests.e2e.agents.support_volumes import volumes

POINTS = int(os.environ.get("SECONDSITE_POINTS", "10"))
START_EVERY, MOST_WAITING = 4, 3

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every(by="all"),
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not systems.is_possible(), reason="needs root and debootstrap"),
    needs_agent,
]


@pytest.fixture
def server():
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        rig = stack.enter_context(AgentSites("simulated", folder, forked=True)).open()
        simulated.give_host_memory(rig.home("appliance-b") / "fabric", TiB)
        server = support.JudgedServer(rig, folder, "server")
        stack.callback(server.close)
        server.enroll()
        server.protect()
        server.load()
        yield server


def test_each_point_is_what_the_disks_held_and_the_database_starts_from_it(server):
    judged = rested = started = 0
    with ThreadPoolExecutor(1) as looking:
        looked = []
        while judged < POINTS:
            told, found = server.server.rows()[-1], server.held()
            if found is None:
                continue
            point, truth = found
            judged += 1
            starts = rested % START_EVERY == 0
            if point.consistency is Consistency.APP:
                rested, started = rested + 1, started + starts
            looked.append(looking.submit(look, server, point, truth, starts, told))
            for each in looked[:-MOST_WAITING]:
                print(time.strftime("%H:%M:%S"), each.result(), flush=True)
            del looked[:-MOST_WAITING]
        for each in looked:
            print(time.strftime("%H:%M:%S"), each.result(), flush=True)
    print(f"{judged} points, {rested} at rest, PostgreSQL started from {started}")
    assert rested >= POINTS // 4


def look(server, point, truth, starts, told):
    """What was seen of a point, while the server goes on; `told`: the last row that it told before."""
    wrong = server.wrong(point, truth)
    assert wrong == [[], []], point
    said = f"{point.id} {point.consistency} 0 of {sum(map(len, truth))} blocks wrong {point.reason or ''}"
    if point.consistency is not Consistency.APP:
        return said
    with volumes(server.images(point)) as held:
        assert held.checked() == "", point
        if starts:
            count, first, last = held.rows()
            assert (count, first) == (last, 1), point
            assert told <= last, point
            eventually(lambda: server.server.rows()[-1] >= last, support.POINT_SECONDS)
            said += f"; PostgreSQL starts with {count} rows, {told} were told before"
    return f"{said}; checked"
