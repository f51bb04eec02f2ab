"""Machines of a group, and a guest that counts through all of them."""

from rig.appliances import Pair, policy
from rig.background import Background
from rig.eventually import eventually
from secondsite.domain import groups
from secondsite.fabrics import simulated
from secondsite.ground.units import KiB, MiB
from secondsite.wire.common.bandwidth import BandwidthShape
from secondsite.wire.control.orders import Drain, Kind, SetSite
from secondsite.wire.control.setups import GroupPart, GroupShape

COUNTER = 1 * MiB


class Together:
    """Machines that form a group, and hands to write to all of them in order."""

    def __init__(self, sites, count, others=(), targets=(), **traits):
        """From the first of the sites, and `others` in turns, to the second one, and `targets` in turns."""
        self.source, self.target = sites
        self.targets = [self.target, *targets]
        self.sources = [self.source, *others]
        self.pairs = []
        self.dialled_at = {}
        """Where the leader dials an appliance, by its id, if not at its data port."""
        for number in range(count):
            source = self.sources[number % len(self.sources)]
            fabric_id = source.make_machine(f"vm{number:02d}", size_bytes=2 * MiB, **traits)
            target = self.targets[number % len(self.targets)]
            self.pairs.append(Pair(source, target, fabric_id, name=f"vm{number:02d}"))

    def protect(self, **changes):
        for pair in self.pairs:
            pair.protect(policy=policy(cycle_seconds=2, **changes))
        for pair in self.pairs:
            pair.synchronized(60)
        eventually(
            lambda: not any(p.source_status().sync_fraction is not None for p in self.pairs),
            within_seconds=60,
        )
        return self

    def group(self, **changes):
        members = tuple(pair.machine_id for pair in self.pairs)
        parts = tuple(self._part(source) for source in self.sources) if len(self.sources) > 1 else ()
        values = {"name": "shop", "multi_vm_every_seconds": 60, "members": members, "parts": parts}
        return GroupShape(**{**values, **changes})

    def _part(self, source):
        members = tuple(pair.machine_id for pair in self.pairs if pair.source is source)
        name, addresses = source.config.name, (self.dialled_at.get(source.appliance_id, source.data_address),)
        return GroupPart(appliance_id=source.appliance_id, name=name, addresses=addresses, members=members)

    def tell(self, *shapes, to=None):
        for source in to or self.sources:
            source.do(Kind.SET_SITE, SetSite(bandwidth=BandwidthShape(), groups=shapes))

    def take(self, **wish):
        return self.source.appliance.groups.points.take(self.group(), **wish)

    def newest_points(self):
        return [pair.status().points[-1] for pair in self.pairs]

    def drained(self):
        for pair in self.pairs:
            pair.target.do(Kind.DRAIN, Drain(seal=False), pair.machine_id)
        return self

    def newest_set(self, app_consistent=False):
        found = {p.name: [point.to_domain() for point in p.status().points] for p in self.pairs}
        return groups.newest_set(found, app_consistent)

    def whole_sets(self):
        """Those of which every member has its point."""
        sets = [{point.set_id for point in pair.status().points} for pair in self.pairs]
        return set.intersection(*sets) - {None}

    def instants(self, set_id):
        """When its points were taken: slots of retention follow that, so it is the same of all."""
        return {p.taken_at for pair in self.pairs for p in pair.status().points if p.set_id == set_id}

    def counters(self, set_id):
        """The counter that each member's part of the set holds."""
        return [self._counter(pair, set_id) for pair in self.pairs]

    def _counter(self, pair, set_id):
        (point,) = [point for point in pair.status().points if point.set_id == set_id]
        held = pair.point_bytes(point.id)
        return int.from_bytes(held[COUNTER : COUNTER + 8], "big")


class Counting(Background):
    """Writes 1, 2, 3, ... to all members, always in the same order: member n+1 only after member n has it."""

    def __init__(self, together):
        super().__init__({"counting": self._run})
        self.together = together
        self.written = 0

    def _run(self):
        guests = [simulated.Guest(pair.source.root, pair.fabric_id) for pair in self.together.pairs]
        while not self.ended.is_set():
            for guest in guests:
                guest.write("vda", COUNTER, (self.written + 1).to_bytes(8, "big").ljust(4 * KiB, b"\0"))
            self.written += 1
        for guest in guests:
            guest.close()


def assert_in_order(counters):
    """What was written in order is seen in order: nobody is ahead of who wrote before, nobody more than
    one behind."""
    assert counters == sorted(counters, reverse=True), counters
    assert counters[0] - counters[-1] <= 1, counters
