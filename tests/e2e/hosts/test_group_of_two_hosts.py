"""A replication group whose machines live on two hosts of a site, an appliance on each: from the command
that makes it to the machines that were failed over from one of its sets."""

import contextlib

import pytest

from rig import Rig
from rig.background import Background
from rig.eventually import eventually
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.ground.units import KiB, MiB
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300)]

PLACES = {"web01": ("a", "b"), "db01": ("a2", "b2")}
"""The host that each machine lives on, and that its replica is kept at."""
MULTI_VM = ("--choice", "latest_multi_vm_processed")


@pytest.fixture(scope="module")
def rig():
    with Rig("simulated") as rig:
        rig.open()
        for site in ("a", "b"):
            rig.add_host(site)
        for name, (host, _) in PLACES.items():
            rig.make_simulated(name, host, disk_bytes=(16 * MiB,))
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        for name, (_, host) in PLACES.items():
            ways = ("--source", "a", "--target", "b", "--target-appliance", f"appliance-{host}")
            command_line.do(rig, "enable-protection", name, *ways, "--policy", "quick")
        yield rig


def root(rig, host):
    return rig.home(f"appliance-{host}") / "fabric"


class Counting(Background):
    """Writes 1, 2, 3, ... to both machines: to db01 what web01 has on its disk."""

    def __init__(self, rig):
        super().__init__({"counting": self._run})
        self._rig = rig
        self.written = 0

    def _run(self):
        with contextlib.ExitStack() as stack:
            guests = [
                stack.enter_context(
                    simulated.Guest(root(self._rig, host), self._rig.simulated[name].fabric_id)
                )
                for name, (host, _) in PLACES.items()
            ]
            while not self.ended.is_set():
                for guest in guests:
                    guest.write("vda", MiB, (self.written + 1).to_bytes(8, "big").ljust(4 * KiB, b"\0"))
                self.written += 1


def counter_of_copy(rig, name):
    """What the machine that runs at the second site has on its disk."""
    at = root(rig, PLACES[name][1])
    (found,) = [each for each in simulated.open_fabric(at).inventory.list() if each.name.startswith(name)]
    assert found.power is PowerState.RUNNING
    with simulated.Guest(at, found.fabric_id) as guest:
        return int.from_bytes(guest.read("vda", MiB, 8), "big")


def newest_set(rig):
    with rig.client() as vault:
        return vault.groups["shop"].show().newest_set


def finding(rig, name):
    with rig.client() as vault:
        return next((f.what for f in vault.machines[name].show().findings if f.code == "common-point-missed"), "")  # fmt: skip  # noqa: E501


def test_machines_behind_two_appliances_form_a_group_and_share_points(rig):
    shown = command_line.told(rig, "group", "create", "shop", *PLACES, "--source", "a", "--target", "b", "--every", "5")  # fmt: skip  # noqa: E501
    assert shown["machines"] == ["db01", "web01"]
    first = eventually(lambda: newest_set(rig), within_seconds=60)
    eventually(lambda: newest_set(rig) != first, within_seconds=60)


def test_while_one_of_the_appliances_is_away_the_other_says_which(rig):
    with rig.client() as vault:
        ids = {each.name: each.id for each in vault.appliances}
    leads, follows = sorted(PLACES, key=lambda name: ids[f"appliance-{PLACES[name][0]}"])
    host = PLACES[follows][0]
    rig.appliances[host].stop()
    eventually(lambda: f"Group shop: appliance-{host}: " in finding(rig, leads), within_seconds=60)
    rig.simulated[leads].write(0, b"goes on".ljust(512))
    eventually(lambda: rig.machine(leads).rpo.sent_seconds < 5, within_seconds=30)
    rig.appliances[host].start()
    rig.wait_connected()
    eventually(lambda: finding(rig, leads) == "", within_seconds=60)


def test_a_failover_of_the_group_starts_both_machines_at_one_instant(rig):
    with Counting(rig) as writer:
        eventually(lambda: writer.written)
        for _ in range(2):  # the first may have been under way
            before = newest_set(rig)
            eventually(lambda before=before: newest_set(rig) != before, within_seconds=60)
        command_line.do(rig, "failover", *PLACES, *MULTI_VM)
    ahead, behind = (counter_of_copy(rig, name) for name in PLACES)
    assert 0 < behind <= ahead <= behind + 1
    assert ahead <= writer.written + 1
