"""The appliances of a group's machines, killed at each stage of a common point: guests go on, no set is
true in part, and the next one comes by itself."""

import json

import pytest

from rig.appliances import Kept, Pair, TinyVault
from rig.eventually import eventually
from rig.images import raw
from secondsite.domain import groups
from secondsite.wire.common.bandwidth import BandwidthShape
from secondsite.wire.control.orders import Drain, Kind, SetSite
from secondsite.wire.control.setups import GroupPart, GroupShape
from tests.appliance.groups.support_groups import COUNTER, Counting, assert_in_order

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest]

STAGES = {
    "leader": ["gathered", "paused", "viewed"],
    "follower": ["heard", "gathered", "paused", "fixed", "viewed"],
}
GO_ON_SECONDS = 4.0
"""The budget is two seconds, counted by a process that may have just died; simulated guests go on at once."""


class Processes:
    """Sites a, which leads, and c replicate a machine each to b."""

    def __init__(self, make_site, vault):
        self.vault = vault
        a, b, c = make_site("a"), make_site("b"), make_site("c")
        self.kept = {"leader": Kept(a, vault), "follower": Kept(c, vault), "target": Kept(b, vault)}
        self.pairs = [Pair(s, b, s.make_machine(f"vm{s.config.name}", size_bytes=2 << 20)) for s in (a, c)]
        for pair in self.pairs:
            vault.order(b.appliance_id, Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
            vault.order(
                pair.source.appliance_id, Kind.START_REPLICATION, pair.source_setup(), pair.machine_id
            )

    def group(self):
        parts = tuple(
            GroupPart(
                appliance_id=pair.source.appliance_id, name=pair.source.config.name,
                addresses=(pair.source.data_address,), members=(pair.machine_id,),
            )
            for pair in self.pairs
        )  # fmt: skip
        members = tuple(pair.machine_id for pair in self.pairs)
        group = GroupShape(name="shop", multi_vm_every_seconds=1, members=members, parts=parts)
        for pair in self.pairs:
            settings = SetSite(bandwidth=BandwidthShape(), groups=(group,))
            self.vault.order(pair.source.appliance_id, Kind.SET_SITE, settings)

    def points(self):
        found = {pair.machine_id: self.vault.replicas.get(pair.machine_id) for pair in self.pairs}
        return {
            name: [p.to_domain() for p in status.points] if status else [] for name, status in found.items()
        }

    def newest_set(self):
        return groups.newest_set(self.points())

    def counters(self):
        """Of every whole set: the counter that each member's part holds."""
        held = []
        for pair in self.pairs:
            self.vault.order("appliance-b", Kind.DRAIN, Drain(seal=False), pair.machine_id)
            points = self.vault.order("appliance-b", Kind.LIST_POINTS, None, pair.machine_id)["points"]
            held.append({p["set_id"]: self._counter(pair, p["id"]) for p in points if p["set_id"]})
        whole = set.intersection(*(set(each) for each in held))
        return [[each[set_id] for each in held] for set_id in sorted(whole)]

    def _counter(self, pair, point_id):
        folder = pair.target.config.store / "replicas" / pair.machine_id
        (disk,) = json.loads((folder / "points" / f"{point_id}.json").read_text())["disks"]
        return int.from_bytes(raw(folder / disk["file"])[COUNTER : COUNTER + 8], "big")


@pytest.fixture
def world(make_site, ca):
    vault = TinyVault(ca)
    world = Processes(make_site, vault)
    yield world
    for process in world.kept.values():
        process.end()
    vault.stop()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", STAGES)
def test_after_each_kill_guests_go_on_every_whole_set_is_true_and_the_next_one_comes(world, who):
    eventually(lambda: all(world.points().values()), within_seconds=60)
    world.group()
    process = world.kept[who]
    with Counting(world) as writer:
        for stage in STAGES[who]:
            before, deaths = world.newest_set(), process.deaths
            process.die_at(1, f"appliance.group.{stage}")
            eventually(lambda deaths=deaths: process.deaths > deaths, within_seconds=60)
            written = writer.written
            eventually(lambda written=written: writer.written > written + 3, within_seconds=GO_ON_SECONDS)
            eventually(lambda before=before: world.newest_set() not in (None, before), within_seconds=60)
    counters = world.counters()
    assert len(counters) >= len(STAGES[who])
    for each in counters:
        assert_in_order(each)
