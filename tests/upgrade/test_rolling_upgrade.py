"""Vault, source and target of the release of 2026-11-20 are upgraded one after the other, in any order,
while a machine writes: what it writes goes on to its replica, and the point that is started at the end is
true."""

import itertools
import json
import os
import time

import pytest

from rig.background import Background
from rig.eventually import eventually
from tests.support import command_line
from tests.upgrade import support_releases as releases
from tests.upgrade import support_upgrade as upgrade
from tests.upgrade.fixture_record import image_digest

RELEASE = "release-2026-11-20"
MACHINE = "web01"
MOST_SECONDS = 60.0
"""So long replication may stand still by what is promised."""
WITHIN_SECONDS = 120
ALWAYS = {("vault", "a", "b")}
"""The vault first is what most people do; the other five orders take part in the tests that kill."""

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(400)]


class Story:
    """The machine writes, and somebody looks when a cycle was applied at the target: into its store, since
    the vault may be away."""

    def __init__(self, rig):
        self._rig = rig
        machine_id = upgrade.said_of(RELEASE)["machines"][MACHINE]["id"]
        self._record = rig.home("appliance-b") / "store" / "replicas" / machine_id / "replica.json"
        self.cycles = []
        """Their instants."""
        self.background = Background({"guest": self._write, "store": self._look})

    def _write(self):
        with upgrade.guest(self._rig, "a", MACHINE) as guest:
            for number in itertools.count():
                guest.write(guest.keys[0], number % 64 * 4096, os.urandom(4096))
                guest.flush(guest.keys[0])
                if self.background.ended.wait(0.2):
                    return

    def _look(self):
        last = None
        while not self.background.ended.wait(0.05):
            now = json.loads(self._record.read_text())["processed_seq"]
            if now != last:
                self.cycles.append(time.monotonic())
                last = now

    def more(self, count):
        have = len(self.cycles)
        eventually(lambda: len(self.cycles) >= have + count, WITHIN_SECONDS)

    def longest_pause(self, since):
        counted = [since, *(at for at in self.cycles if at > since)]
        return max(after - before for before, after in itertools.pairwise(counted))


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(each, id="-".join(each), marks=() if each in ALWAYS else pytest.mark.chaos)
        for each in itertools.permutations(("vault", "a", "b"))
    ],
)
def test_in_this_order(order, record_property):
    with upgrade.brought_back(RELEASE) as rig, releases.running(rig, RELEASE) as former:
        rig.cli("--version")  # who forks the processes is ready from then on, as a program that is installed
        upgrade.switch_on(rig, "a", MACHINE)
        story = Story(rig)
        with story.background:
            story.more(3)
            began = story.cycles[-1]
            for name in order:
                former[name].stop()
                (rig.vault if name == "vault" else rig.appliances[name]).start()
                story.more(2)
            stood_still = story.longest_pause(began)
        record_property("stood_still_seconds", round(stood_still, 1))
        print(f"{' '.join(order)}: replication stood still for {stood_still:.1f} s")
        assert stood_still < MOST_SECONDS
        _starts_what_was_written(rig)


def _starts_what_was_written(rig):
    rig.wait_connected()
    eventually(lambda: rig.machine(MACHINE).replication.inbox_bytes == 0, WITHIN_SECONDS)
    command_line.do(rig, "planned-failover", MACHINE)
    off = upgrade.machines_at(rig, "a")[MACHINE]
    assert str(upgrade.power(rig, "a").state(off)) == "off"
    record = json.loads((upgrade.fabric(rig, "a") / "machines" / f"{off}.json").read_text())
    wanted = {disk["key"]: image_digest(disk["path"]) for disk in record["definition"]["disks"]}
    assert upgrade.digests(rig, "b", MACHINE) == wanted
