"""A machine with an agent and one of another fabric, behind an appliance each, have points of one instant."""

import contextlib
import os

import pytest

from rig import images
from rig.background import Background
from rig.eventually import eventually
from secondsite.fabrics import simulated
from secondsite.ground.units import KiB, MiB
from tests.e2e.agents.support_agents import NAME, agent_site, needs_agent, records_at
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300), needs_agent]

OTHER, HOST = "db01", "a2"
SETS = 3


@pytest.fixture(scope="module")
def site():
    with agent_site() as (rig, machine):
        rig.add_host("a")
        rig.make_simulated(OTHER, HOST, disk_bytes=(16 * MiB,))
        for name in (NAME, OTHER):
            ways = ("--source", "a", "--target", "b", "--policy", "quick")
            command_line.do(rig, "enable-protection", name, *ways)
        yield rig, machine


class Counting(Background):
    """Writes 1, 2, 3, ... to both: to the simulated machine what the file of the other holds durably."""

    def __init__(self, rig, machine):
        super().__init__({"counting": self._run})
        self._rig, self._machine = rig, machine
        self.written = 0

    def _run(self):
        root = self._rig.home(f"appliance-{HOST}") / "fabric"
        with contextlib.ExitStack() as stack:
            guest = stack.enter_context(simulated.Guest(root, self._rig.simulated[OTHER].fabric_id))
            file = stack.enter_context((self._machine.disk.mount / "records").open("a"))
            while not self.ended.is_set():
                file.write(f"{self.written + 1}\n")
                file.flush()
                os.fsync(file.fileno())
                guest.write("vda", MiB, (self.written + 1).to_bytes(8, "big").ljust(4 * KiB, b"\0"))
                self.written += 1


def newest_set(rig):
    with rig.client() as vault:
        return vault.groups["shop"].show().newest_set


def at_set(rig, set_id):
    """The number that each of them held at the points of a set."""
    points = {
        name: next(each for each in rig.points(name) if each.set_id == set_id) for name in (NAME, OTHER)
    }
    replica = rig.replica_folder("b", rig.machine(OTHER).id)
    [image] = images.point_disks(replica, points[OTHER].id).values()
    other = int.from_bytes(images.raw(image)[MiB : MiB + 8], "big")
    return records_at(rig, points[NAME].id)[-1], other


def test_each_of_their_sets_is_of_one_instant(site):
    rig, machine = site
    words = ("--source", "a", "--target", "b", "--every", "5")
    shown = command_line.told(rig, "group", "create", "shop", NAME, OTHER, *words)
    assert shown["machines"] == sorted((NAME, OTHER))
    with Counting(rig, machine) as writer:
        eventually(lambda: writer.written)
        eventually(lambda: newest_set(rig) is not None, within_seconds=120)
        seen = {newest_set(rig)}
        for _ in range(SETS):
            found = eventually(lambda: newest_set(rig) not in seen and newest_set(rig), within_seconds=120)
            seen.add(found)
            ahead, behind = at_set(rig, found)
            assert behind <= ahead <= behind + 1, f"{ahead} and {behind} at set {found}"
