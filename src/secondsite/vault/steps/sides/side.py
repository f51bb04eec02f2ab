"""One of the two appliances of a machine, to which a step gives orders."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ....domain import errors
from ....jobs.model.context import StepContext
from ....wire.common.base import Shape
from ....wire.common.policies import PolicyShape
from ....wire.common.stores import DEFAULT, MOST_SIGNS
from ....wire.control.orders import OrderKind, TakeReplica
from ....wire.control.setups import Base, ReplicaSetup
from ...store import MachineRecord, Transaction
from ..deps import Deps
from .orders import USUAL, Answer, Limits, Orders

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


@dataclass(frozen=True, slots=True)
class Ask(Generic[P, F]):
    """An order to a side that may be given later, and how long a step waits for it."""

    order: OrderKind[P, F]
    payload: P
    why: str
    limits: Limits = USUAL


class Side:
    """Orders to one side. Each gives its answer, or raises Wait until there is one, or raises what
    `Orders.give` raises."""

    def __init__(
        self, give: Orders, ctx: StepContext, machine: MachineRecord, appliance_id: str, site: str
    ) -> None:
        self._orders = give
        self._ctx = ctx
        self.appliance_id = appliance_id
        self.site = site
        self.machine = machine

    @property
    def deps(self) -> Deps:
        return self._orders.deps

    @property
    def job_id(self) -> str:
        """The job that gives the orders."""
        return self._ctx.job_id

    @property
    def generation(self) -> int | None:
        """The number that orders carry; None for those of a drill, which has numbers of its own."""
        return self.machine.generation if self.machine.claimed_by == self._ctx.job_id else None

    @property
    def drill_generation(self) -> int | None:
        """The number that orders of a drill carry."""
        machine = self.machine
        return machine.drill_generation if machine.drill_claimed_by == self._ctx.job_id else None

    def ask(self, asked: Ask[P, F]) -> Answer[F]:
        return self.give(asked.order, asked.payload, asked.why, asked.limits)

    def give(
        self, order: OrderKind[P, F], payload: P, why: str, limits: Limits = USUAL, *, again: bool = False
    ) -> Answer[F]:
        return self._orders.give(
            self._ctx,
            self.appliance_id,
            order,
            payload,
            why=why,
            machine_id=self.machine.id,
            generation=self.generation,
            drill_generation=self.drill_generation,
            limits=limits,
            again=again,
        )


# What an appliance is told about a replica that it has, or will have.


def replica_setup(
    tx: Transaction,
    machine: MachineRecord,
    base: Base = Base.EMPTY,
    existing_fabric_id: str | None = None,
    made_by: str | None = None,
) -> ReplicaSetup:
    """The setup for the machine in its present or future roles; raises NotFound."""
    return ReplicaSetup(
        machine_id=machine.id,
        machine_name=machine.name,
        epoch=machine.epoch,
        definition=machine.definition,
        disks=machine.disks,
        source_appliance_id=machine.source_appliance_id,
        policy=policy_shape(tx, machine.policy),
        encrypted=machine.encrypted,
        keeping=machine.kept,
        base=base,
        existing_fabric_id=existing_fabric_id,
        made_by=made_by,
    )


def of_a_replica_that_lies_there(tx: Transaction, machine: MachineRecord) -> ReplicaSetup:
    """The setup of an existing replica, when its appliance is told again. After a reprotect the replica
    stands on the old disks of the machine at that site."""
    came_from = machine.target_fabric_id if machine.epoch > 1 else None
    return replica_setup(tx, machine, existing_fabric_id=came_from).model_copy(update={"lies_here": True})


def to_take_replica(
    tx: Transaction, machine: MachineRecord, *, accepting: bool, begun: bool, wait_seconds: float
) -> TakeReplica:
    """The order to take the machine's replica over from its target's appliance, or from whoever has it."""
    former = tx.appliances.find(machine.target_appliance_id)
    came_from = machine.target_fabric_id if machine.epoch > 1 else None
    return TakeReplica(
        setup=replica_setup(tx, machine, existing_fabric_id=came_from),
        former_appliance_id=machine.target_appliance_id,
        former_name=former.name if former is not None else None,
        tokens=store_tokens(tx, machine),
        accepting=accepting,
        begun=begun,
        wait_seconds=wait_seconds,
    )


def store_tokens(tx: Transaction, machine: MachineRecord) -> tuple[str, ...]:
    """The tokens that lie in the store of the machine's replica, as its appliance said, and as whoever took
    it over there did: that one may have died before it said more."""
    at = tx.appliances.find(machine.target_appliance_id)
    signs = at.capacity.signs if at is not None and at.capacity is not None else ()
    replica = tx.statuses.without_points(machine.id).replica
    store = (replica.store if replica is not None else None) or machine.kept.store or DEFAULT
    said = (each.token for each in signs if each.store == store)
    return tuple(dict.fromkeys((*said, *machine.kept.signs)))[:MOST_SIGNS]


def policy_shape(tx: Transaction, name: str) -> PolicyShape:
    """The policy as a shape for appliances; raises NotFound."""
    policy = tx.policies.find(name)
    if policy is None:
        raise errors.NotFound.named("policy", name)
    return PolicyShape.of(policy)
