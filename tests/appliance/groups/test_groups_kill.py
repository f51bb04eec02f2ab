"""A source appliance that is killed while it takes common points: guests go on, and no set is true in
part."""

import json

import pytest

from rig.appliances import Kept, Pair, TinyVault
from rig.eventually import eventually
from rig.images import raw
from secondsite.domain import groups
from secondsite.wire.common.bandwidth import BandwidthShape
from secondsite.wire.control.orders import Drain, Kind, SetSite
from secondsite.wire.control.setups import GroupShape
from tests.appliance.groups.support_groups import COUNTER, Counting, assert_in_order

pytestmark = pytest.mark.slow


@pytest.fixture
def world(make_site, ca):
    """(vault, the pairs of a group, source process)."""
    vault = TinyVault(ca)
    a, b = make_site("a"), make_site("b")
    processes = [Kept(a, vault), Kept(b, vault)]
    pairs = [Pair(a, b, a.make_machine(f"vm{n}", size_bytes=2 << 20), name=f"vm{n}") for n in range(3)]
    for pair in pairs:
        vault.order("appliance-b", Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
        vault.order("appliance-a", Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    yield vault, pairs, processes[0]
    for process in processes:
        process.end()
    vault.stop()


def points_of(vault, pairs):
    found = {pair.name: vault.replicas.get(pair.machine_id) for pair in pairs}
    return {name: [p.to_domain() for p in status.points] if status else [] for name, status in found.items()}


def counters(vault, pairs, set_id):
    for pair in pairs:
        vault.order("appliance-b", Kind.DRAIN, Drain(seal=False), pair.machine_id)
    return [counter(vault, pair, set_id) for pair in pairs]


def counter(vault, pair, set_id):
    facts = vault.order("appliance-b", Kind.LIST_POINTS, None, pair.machine_id)
    (point_id,) = [point["id"] for point in facts["points"] if point["set_id"] == set_id]
    (disk,) = sorted(
        (pair.target.config.store / "replicas" / pair.machine_id / "points").glob(f"{point_id}.json")
    )
    return int.from_bytes(held(pair, disk)[COUNTER : COUNTER + 8], "big")


def held(pair, manifest):
    (file,) = [disk["file"] for disk in json.loads(manifest.read_text())["disks"]]
    return raw(pair.target.config.store / "replicas" / pair.machine_id / file)


class Machines:
    """What `StatusAcceptance` writes to."""

    def __init__(self, pairs):
        self.pairs, self.source = pairs, pairs[0].source


def test_guests_go_on_and_every_whole_set_is_true_after_each_kill(world):
    vault, pairs, process = world
    eventually(lambda: all(points_of(vault, pairs).values()), within_seconds=60)
    group = GroupShape(name="shop", multi_vm_every_seconds=1, members=tuple(p.machine_id for p in pairs))
    vault.order("appliance-a", Kind.SET_SITE, SetSite(bandwidth=BandwidthShape(), groups=(group,)), None)
    with Counting(Machines(pairs)) as writer:
        for reaches in (2, 9, 16, 25, 33):
            before = groups.newest_set(points_of(vault, pairs))
            deaths = process.deaths
            process.die_at(reaches)
            eventually(lambda deaths=deaths: process.deaths > deaths, within_seconds=60)
            written = writer.written
            eventually(lambda written=written: writer.written > written + 3, within_seconds=60)
            eventually(
                lambda before=before: groups.newest_set(points_of(vault, pairs)) not in (None, before),
                within_seconds=60,
            )
    newest = groups.newest_set(points_of(vault, pairs))
    assert_in_order(counters(vault, pairs, newest))
