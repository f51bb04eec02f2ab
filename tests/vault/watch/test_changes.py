"""Whatever changes, is lost or begins anew: the vault knows of a machine what its appliances have, and
nothing else."""

import contextlib
import types
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondsite.appliance.control.reporter import WHOLE_EVERY_SECONDS, Reporter
from secondsite.domain import errors
from secondsite.domain.policies import ReplicationPolicy
from secondsite.wire import control
from secondsite.wire.common.findings import FindingShape
from secondsite.wire.common.stores import StoreSpace
from secondsite.wire.control import Hello
from tests.support.vault import NOW, machine, point, replica_status, source_status
from tests.vault.support_intake import Intake

MACHINES = ("m1", "m2")
SIDES = ("source", "replica")
APPLIANCES = {"source": "appliance-a", "replica": "appliance-b"}


SETUP = types.SimpleNamespace(policy=ReplicationPolicy("default"))


class Known:
    """What an appliance has: as the reporter asks `Replication` and `ReplicaHost` for it."""

    def __init__(self, side):
        self.side = side
        self.old_copies = self.arrivals = types.SimpleNamespace(statuses=lambda: ())
        self.has = {}

    def find(self, machine_id):
        status = self.has.get(machine_id)
        return status and types.SimpleNamespace(machine_id=machine_id, status=lambda: status, setup=SETUP)

    def sources(self):
        return [self.find(machine_id) for machine_id in self.has]

    all = sources

    def misplaced(self):
        return []

    def spaces(self):
        return [StoreSpace(name="default", free_bytes=1, size_bytes=2)]


NOTHING = Known("none")


class World:
    """A vault and the two appliances of its machines, with what lies between them."""

    def __init__(self, store):
        self.store = store
        self.now = NOW
        self.appliances = {side: Known(side) for side in SIDES}
        self.said = {}
        self.counter = 0
        with store.transaction() as tx:
            for each in MACHINES[1:]:
                tx.machines.add(machine(each, each))
        self.start_vault()

    def start_vault(self):
        self.facts: Any = Intake(self.store, lambda _signal: None, lambda: self.now)
        self.facts.start()
        for side in SIDES:
            self.connect(side)

    def connect(self, side):
        known = self.appliances[side]
        places: list[Any] = [known, NOTHING] if side == "source" else [NOTHING, known]
        generations: Any = types.SimpleNamespace(all=lambda _series: {})
        self.said[side] = Reporter(places[0], places[1], generations, changes=True, monotonic=self._monotonic)
        self.facts.connected(hello(APPLIANCES[side]))

    def _monotonic(self):
        return (self.now - NOW).total_seconds()

    def round(self, side, lost=False, of_machine=None):
        """The appliance says what there is to say; the vault may not understand it, and asks for what it
        missed."""
        reporter = self.said[side]
        for status in reporter.next() if of_machine is None else reporter.of_machine(of_machine):
            text = status.model_copy(update={"at": self.now}).model_dump_json()
            if lost:
                self.facts.missed(APPLIANCES[side])
                continue
            with contextlib.suppress(errors.StoreUnavailable):
                again = self.facts.hear(APPLIANCES[side], control.parse(text))
                if again is not None:
                    reporter.start_over(again.machine_ids)
                self.facts.write()

    def settle(self):
        for _ in range(3):
            self.now += timedelta(seconds=6)
            for side in SIDES:
                self.round(side)

    def change(self, side, machine_id, how):
        has = self.appliances[side].has
        self.counter += 1
        if how == "goes":
            has.pop(machine_id, None)
        else:
            has[machine_id] = changed(side, has.get(machine_id), machine_id, how, self.counter)

    def latest(self, machine_id):
        with self.store.reading() as tx:
            return self.facts.latest(tx, machine_id)

    def kept(self, machine_id):
        with self.store.reading() as tx:
            return tx.statuses.get(machine_id)


def hello(appliance_id, **changes):
    return Hello(
        appliance_id=appliance_id, site="a", version="1", fabric_kind="simulated", accelerated=False,
        data_addresses=(), **{"says_changes": True, **changes},
    )  # fmt: skip


def changed(side, status, machine_id, how, number):
    """The status after a change of this kind; the first one if there was none."""
    if status is None:
        made = source_status if side == "source" else replica_status
        return made(machine_id)
    if side == "source":
        update = {
            "figures": {"last_seq": number, "sent_at": NOW + timedelta(seconds=number)},
            "finding": {"findings": (finding(number),)},
        }.get(how, {"power": f"power-{number}"})
        return status.model_copy(update=update)
    points = status.points
    update = {
        "figures": {"processed_seq": number, "store_bytes": number},
        "finding": {"findings": (finding(number),)},
        "point": {"points": (*points, point(number)), "synchronized": True},
        "oldest": {"points": points[1:]},
        "held": {
            "points": tuple(each.model_copy(update={"held": str(number)}) for each in points[:2]) + points[2:]
        },
        "turned": {"points": tuple(reversed(points))},
        "none": {"points": ()},
    }[how]
    return status.model_copy(update=update)


def finding(number):
    return FindingShape(code="cycle-failed", what=f"it failed {number} times", since=NOW)


HOW = st.sampled_from(
    ["figures", "finding", "point", "point", "point", "oldest", "held", "turned", "none", "goes"]
)
STEPS = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(SIDES), st.sampled_from(MACHINES), HOW),
    st.tuples(st.just("change"), st.just("replica"), st.just("m1"), HOW),
    st.tuples(st.just("change"), st.just("replica"), st.just("m1"), HOW),
    st.tuples(st.just("round"), st.sampled_from(SIDES)),
    st.tuples(st.just("report"), st.sampled_from(SIDES), st.sampled_from(MACHINES)),
    st.tuples(st.just("lost"), st.sampled_from(SIDES)),
    st.tuples(st.just("reconnect"), st.sampled_from(SIDES)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("refused"), st.sampled_from(SIDES)),
    st.tuples(st.just("later"), st.sampled_from([0.5, 5.0, 25.0, WHOLE_EVERY_SECONDS])),
)


def act(world, monkeypatch, what, *args):
    match what:
        case "change":
            world.change(*args)
        case "round":
            world.round(*args)
        case "report":
            world.round(args[0], of_machine=args[1])
        case "lost":
            world.round(*args, lost=True)
        case "reconnect":
            world.facts.disconnected(APPLIANCES[args[0]])
            world.connect(*args)
        case "restart":
            world.start_vault()
        case "refused":
            with monkeypatch.context() as patched:
                patched.setattr(world.store, "transaction", refuse)
                patched.setattr(world.store, "reading", refuse)
                world.round(*args)
        case "later":
            world.now += timedelta(seconds=args[0])


def refuse():
    raise errors.StoreUnavailable("The database does not answer.")


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=10, max_size=50))
def test_whatever_happens_the_vault_has_what_the_appliances_have(fresh_store, monkeypatch, steps):
    world = World(fresh_store())
    for step in steps:
        act(world, monkeypatch, *step)
    world.settle()
    for machine_id in MACHINES:
        same_as_the_appliances(world, machine_id, world.latest(machine_id))
    for side in SIDES:
        world.facts.disconnected(APPLIANCES[side])
    for machine_id in MACHINES:
        same_as_the_appliances(world, machine_id, world.kept(machine_id), in_order=False)


def same_as_the_appliances(world, machine_id, record, in_order=True):
    """Of what an appliance has no more, the vault keeps what it was told last."""
    source = world.appliances["source"].has.get(machine_id)
    replica = world.appliances["replica"].has.get(machine_id)
    assert source is None or record.source == source
    if replica is not None:
        assert record.replica.model_copy(update={"points": ()}) == replica.model_copy(update={"points": ()})
        shown, wanted = list(record.replica.points), list(replica.points)
        assert shown == wanted if in_order else by_id(shown) == by_id(wanted)


def by_id(points):
    return sorted(points, key=lambda each: each.id)
