"""What is answered to an order: one sentence and the facts, as of an appliance that finds nothing in the
way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.pair import machines
from bench.pair.replicas import Replica, Replicas
from bench.pair.sources import Sources
from secondsite.domain import errors
from secondsite.ground.units import GiB
from secondsite.wire.common.base import Shape
from secondsite.wire.common.machines import DiscoveredMachine, PowerState
from secondsite.wire.control import Order, checks, orders, rescue_manifest, setups
from secondsite.wire.control.orders import ORDERS, Kind, Nothing


@dataclass(frozen=True, slots=True)
class Site:
    """What one appliance of the pair knows. Only the first site has machines of its own."""

    name: str
    inventory: orders.Inventory
    by_name: Mapping[str, DiscoveredMachine]
    sources: Sources
    replicas: Replicas

    def replica(self, machine_id: str) -> Replica:
        found = self.replicas.find(machine_id)
        if found is None:
            raise errors.NotFound.named("replica", machine_id)
        return found


def answer(site: Site, order: Order) -> tuple[str, Shape]:
    """Raises InvalidArgument for an order that has no script, NotFound for a machine that is not here."""
    given = SCRIPT.get(Kind(order.kind))
    if given is None:
        raise errors.InvalidArgument(
            f"The scripted appliance has no answer to the order '{order.kind}'.",
            do="Add it to bench/pair/answers.py."
        )  # fmt: skip
    payload = ORDERS[Kind(order.kind)].payload.model_validate(order.payload)
    facts = given(site, order.machine_id or "", payload)
    return f"{site.name} did '{order.kind}'", facts


def _discover(site: Site, _machine_id: str, payload: orders.Discover) -> Shape:
    if payload.machine is None:
        return site.inventory
    found = site.by_name.get(payload.machine)
    return orders.Inventory(machines=() if found is None else (found,), networks=())


def _check_source(_site: Site, _machine_id: str, _payload: checks.CheckSource) -> Shape:
    return checks.SourceCheckFact(needed_bytes=GiB)


def _start_replication(site: Site, _machine_id: str, setup: setups.SourceSetup) -> Shape:
    site.sources.start(setup)
    return Nothing()


def _update_policy(site: Site, machine_id: str, payload: orders.UpdatePolicy) -> Shape:
    for found in (site.sources.find(machine_id), site.replicas.find(machine_id)):
        if found is not None:
            found.follow(payload.policy)
    return Nothing()


def _pause_replication(site: Site, machine_id: str, _payload: Nothing) -> Shape:
    found = site.sources.find(machine_id)
    if found is not None:
        found.pause()
    return Nothing()


def _stop_replication(site: Site, machine_id: str, _payload: orders.StopReplication) -> Shape:
    site.sources.stop(machine_id)
    return Nothing()


def _prepare_replica(site: Site, _machine_id: str, setup: setups.ReplicaSetup) -> Shape:
    site.replicas.prepare(setup)
    return Nothing()


def _take_replica(site: Site, _machine_id: str, payload: orders.TakeReplica) -> Shape:
    site.replicas.prepare(payload.setup)
    return Nothing()


def _remove_replica(site: Site, machine_id: str, _payload: orders.RemoveReplica) -> Shape:
    site.replicas.remove(machine_id)
    return Nothing()


def _accept_cycles(site: Site, machine_id: str, payload: orders.AcceptCycles) -> Shape:
    site.replica(machine_id).accept(payload.accepting)
    return Nothing()


def _list_points(site: Site, machine_id: str, _payload: Nothing) -> Shape:
    return orders.Points(points=site.replica(machine_id).points)


def _drain(site: Site, machine_id: str, _payload: orders.Drain) -> Shape:
    replica = site.replica(machine_id)
    newest = replica.seal()
    return orders.Points(points=replica.points, new_point_id=newest.id)


def _start_replica(site: Site, machine_id: str, payload: orders.StartReplica) -> Shape:
    replica = site.replica(machine_id)
    replica.run(payload.run)
    point = next(each for each in replica.points if each.id == payload.point_id)
    return orders.StartFact(
        fabric_id=payload.fabric_id, name=payload.name, point_id=point.id, taken_at=point.taken_at,
        seconds=0.1
    )  # fmt: skip


def _stop_replica(site: Site, machine_id: str, payload: orders.StopReplica) -> Shape:
    site.replica(machine_id).end(payload.run)
    return Nothing()


def _commit_point(site: Site, machine_id: str, payload: orders.CommitPoint) -> Shape:
    site.replica(machine_id).commit(payload.point_id)
    return Nothing()


def _power(site: Site, machine_id: str, _payload: orders.FabricMachine) -> Shape:
    """A machine runs here once its replica was started; before that, no machine of its name is here."""
    replica = site.replicas.find(machine_id)
    is_on = replica is not None and bool(replica.status().runs)
    return orders.PowerFact(power=PowerState.RUNNING if is_on else PowerState.MISSING)


def _create_network(_site: Site, _machine_id: str, payload: orders.CreateNetwork) -> Shape:
    return orders.CreatedNetwork(name=payload.name, kind="scripted", isolated=True)


def _nothing(_site: Site, _machine_id: str, _payload: Shape) -> Shape:
    return Nothing()


SCRIPT: Mapping[Kind, Callable[[Site, str, Any], Shape]] = {
    Kind.DISCOVER: _discover,
    Kind.CHECK_SOURCE: _check_source,
    Kind.CHECK_TARGET: lambda *_: checks.Obstacles(),
    Kind.SET_SITE: _nothing,
    Kind.UPDATE_POLICY: _update_policy,
    Kind.KEEP: lambda *_: rescue_manifest.RescueManifestFact(),
    Kind.START_REPLICATION: _start_replication,
    Kind.PAUSE_REPLICATION: _pause_replication,
    Kind.STOP_REPLICATION: _stop_replication,
    Kind.PREPARE_REPLICA: _prepare_replica,
    Kind.TAKE_REPLICA: _take_replica,
    Kind.REMOVE_REPLICA: _remove_replica,
    Kind.ACCEPT_CYCLES: _accept_cycles,
    Kind.LIST_POINTS: _list_points,
    Kind.DRAIN: _drain,
    Kind.START_REPLICA: _start_replica,
    Kind.STOP_REPLICA: _stop_replica,
    Kind.COMMIT_POINT: _commit_point,
    Kind.CREATE_NETWORK: _create_network,
    Kind.REMOVE_NETWORK: _nothing,
    Kind.POWER: _power,
}


def site(name: str, count: int, replicas: Replicas) -> Site:
    """A site with so many machines of its own."""
    has = machines.inventory(count)
    return Site(name, has, {each.name: each for each in has.machines}, Sources(), replicas)
