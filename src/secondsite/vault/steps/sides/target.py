"""The side that holds the replica."""

from collections.abc import Sequence
from datetime import datetime

from ....domain import errors, journal
from ....ground.units import DAY, HOUR
from ....jobs.model.context import StepContext
from ....wire.common.cards import CardAddress
from ....wire.common.machine_checks import MachineCheck
from ....wire.common.machines import MachineDefinition
from ....wire.common.points import RollForward
from ....wire.common.properties import TargetProperties
from ....wire.control import checks, orders, proofs, setups
from ....wire.control.cards import LocalCard
from ....wire.control.orders import (
    CycleFact,
    InstantFact,
    Kind,
    Nothing,
    OrderKind,
    Points,
    PowerFact,
    StartFact,
)
from ...store import MachineRecord
from .. import lookup
from .network_cards import FAILOVER_RUN as FAILOVER_RUN
from .network_cards import by_mac as networks_by_mac
from .network_cards import names as networks_of
from .orders import USUAL, Answer, Limits, Orders
from .side import Ask, F, P, Side, of_a_replica_that_lies_there, to_take_replica

DRILL_RUN = "drill"
AS_AT_HOME = TargetProperties()
START_OR_STOP = Limits(deadline_seconds=300)
CHECK = Limits(deadline_seconds=150)
START_AT_HOME = Limits(deadline_seconds=DAY)
"""What its points have may first be merged into its own disks, and a server takes its time to start."""
ROLL = Limits(deadline_seconds=30 * 60)
"""Limits for a start that first applies cycles of the journal."""
TAKE = Limits(deadline_seconds=180)
ASKED_SECONDS = 60.0
"""How long the appliance that has a replica, if it runs, is waited for until it gives it."""
DRAIN = Limits(deadline_seconds=15 * 60)
LOOK_SECONDS = 30.0
"""How long looking at a machine takes, besides the time for which it is watched."""
ADDRESS_SECONDS = 180.0
"""How long a guest that should have other addresses is waited for, until its agent answers."""
SET_SECONDS = 40.0
"""How long it takes to set them after that."""
KEEP_OR_REMOVE = Limits(deadline_seconds=10 * 60)
"""Limits for orders that delete the files of many points."""


NEEDS_THE_REPLICA = frozenset({Kind.LIST_POINTS, Kind.DRAIN, Kind.ACCEPT_CYCLES, Kind.COMMIT_POINT})
"""Orders for which an appliance reports NotFound only if it does not know the replica."""


class Target(Side):
    """Orders to the appliance at the target of a machine; see Side."""

    def __init__(self, give: Orders, ctx: StepContext, machine: MachineRecord) -> None:
        super().__init__(give, ctx, machine, machine.target_appliance_id, machine.target_site)

    def give(
        self, order: OrderKind[P, F], payload: P, why: str, limits: Limits = USUAL, *, again: bool = False
    ) -> Answer[F]:
        """As `Side.give`. An appliance that lost the replica with its database is told about it again; the
        replica's files have the rest."""
        try:
            return super().give(order, payload, why, limits, again=again)
        except errors.NotFound as unknown:
            if order.kind not in NEEDS_THE_REPLICA or again:
                raise
            self._remind(unknown)
        return super().give(order, payload, why, limits, again=True)

    def _remind(self, unknown: errors.NotFound) -> None:
        """Tell the appliance about the replica; raises `unknown` if it does not have its files either."""
        with self._orders.deps.store.reading() as tx:
            setup = of_a_replica_that_lies_there(tx, self.machine)
        try:
            self.prepare_replica(setup)
        except errors.NotFound:
            self._take_back(unknown)

    def _take_back(self, unknown: errors.NotFound) -> None:
        """Have the appliance take the replica over from whoever has it, where hosts share its store: an order
        to take it may have been carried out that nobody heard of. Raises `unknown` if it cannot."""
        machine, begun = self.machine, self.machine.start_ordered
        with self._orders.deps.store.reading() as tx:
            payload = to_take_replica(
                tx, machine, accepting=not begun, begun=begun, wait_seconds=ASKED_SECONDS
            )
        try:
            self.give(orders.TAKE_REPLICA, payload, "taking the replica back", TAKE)
        except (errors.NotFound, errors.NotPossibleNow, errors.ReplicaError):
            raise unknown from None

    def check(self, payload: checks.CheckTarget) -> Answer[checks.TargetCheckFact]:
        """Check whether the site can hold and run the machine."""
        return self.give(orders.CHECK_TARGET, payload, f"checking {self.machine.target_site}", CHECK)

    def check_failover(
        self,
        definition: MachineDefinition | None = None,
        *,
        cards: Sequence[LocalCard] = (),
        networks: tuple[str, ...] = (),
        names: tuple[str, ...] = (),
        no_copy: bool = False,
        but_on: checks.CopyInstant | None = None,
        wanted: TargetProperties = AS_AT_HOME,
        home: checks.HomeCards | None = None,
        home_in_need: checks.HomeCards | None = None,
        tell_subnets: bool = False,
        memory_needed: bool = False,
        at: checks.PointCards | None = None,
    ) -> Answer[checks.TargetCheckFact]:
        """Check whether the failed-over machine can be defined there, and, with its definition, whether it
        can run. Missing `networks` block; missing ones that only `cards` use are warnings, as are `names`
        that it may not change. `no_copy`: no copy may be there, except one that stands on `but_on`. `wanted`:
        its properties there. `at`: the point whose definition and cards count. `tell_subnets`: the answer has
        the subnets of the cards' networks. `memory_needed`: too little free memory in the host blocks,
        instead of being a warning."""
        payload = checks.CheckTarget(
            definition=definition,
            at=at,
            name=wanted.target_name or self.machine.name,
            fabric_id=self.machine.target_fabric_id,
            networks=networks,
            cards=tuple(cards),
            names=names,
            no_copy=no_copy,
            but_on=but_on,
            sizing=wanted.sizing,
            home=home,
            home_in_need=home_in_need,
            stand_ins=networks_of(cards) if tell_subnets else (),
            memory=checks.MemoryNeed(
                memory_bytes=self.machine.definition.memory_bytes, blocking=memory_needed
            ),
        )
        return self.check(payload)

    def prepare_replica(self, setup: setups.ReplicaSetup) -> Answer[Nothing]:
        """Create the replica at the site."""
        why = f"creating the replica at {self.machine.target_site}"
        return self.give(orders.PREPARE_REPLICA, setup, why, Limits(deadline_seconds=DAY))

    def import_seed(self, seeds: tuple[checks.SeedDisk, ...]) -> Answer[checks.SeedFact]:
        """Fill the replica from copies that were shipped; its progress is the task's."""
        why = f"importing the seed of {self.machine.name} at {self.machine.target_site}"
        limits = Limits(deadline_seconds=30 * DAY)
        return self.give(orders.IMPORT_SEED, checks.ImportSeed(seeds=seeds), why, limits)

    def remove_replica(
        self, *, restore_machine: bool = False, still_protected: bool = False
    ) -> Answer[Nothing]:
        payload = orders.RemoveReplica(restore_machine=restore_machine, still_protected=still_protected)
        return self.ask(self.to_remove_replica(payload))

    def to_remove_replica(self, payload: orders.RemoveReplica) -> Ask[orders.RemoveReplica, Nothing]:
        """Remove the replica; see wire.control.orders.RemoveReplica."""
        why = f"removing the replica at {self.machine.target_site}"
        return Ask(orders.REMOVE_REPLICA, payload, why, KEEP_OR_REMOVE)

    def list_points(self) -> Answer[Points]:
        why = f"reading the recovery points at {self.machine.target_site}"
        return self.give(orders.LIST_POINTS, Nothing(), why)

    def drain(self) -> Answer[Points]:
        """Process what was sent and seal it as a point (LATEST); only the target is needed for that."""
        return self.give(orders.DRAIN, orders.Drain(seal=True), "processing what was sent", DRAIN)

    def apply_until(self, last: CycleFact) -> Answer[Points]:
        """Process what was sent up to that cycle; fails if that is not possible. No point is made."""
        payload = orders.Drain(seal=False, at_least_epoch=last.epoch, at_least_seq=last.seq)
        return self.give(
            orders.DRAIN, payload, "processing what was copied ahead", Limits(deadline_seconds=HOUR)
        )

    def drain_until(self, last: CycleFact) -> Answer[Points]:
        """As `apply_until`, but a point is made; fails unless that cycle is in it."""
        payload = orders.Drain(seal=True, at_least_epoch=last.epoch, at_least_seq=last.seq)
        return self.give(orders.DRAIN, payload, "processing the last changes", Limits(deadline_seconds=HOUR))

    def find_instant(self, at: datetime) -> Answer[InstantFact]:
        """How the newest processed cycle at or before `at` is recovered; what was sent is processed first."""
        why = f"looking for the cycle of {journal.spoken(at)} at {self.machine.target_site}"
        return self.give(orders.FIND_INSTANT, orders.FindInstant(at=at), why, DRAIN)

    def accept_cycles(self, accepting: bool) -> Answer[Nothing]:
        return self.ask(self.to_accept_cycles(accepting))

    def to_accept_cycles(self, accepting: bool) -> Ask[orders.AcceptCycles, Nothing]:
        """Open or close the replica's inbox. Closing it stops replication without the source, which may be
        gone."""
        why = f"{'opening' if accepting else 'closing'} the replica at {self.machine.target_site}"
        return Ask(orders.ACCEPT_CYCLES, orders.AcceptCycles(accepting=accepting), why)

    def start_failed_over(
        self,
        point_id: str,
        cards: Sequence[LocalCard],
        forward: RollForward | None,
        *,
        mappings: dict[str, str] | None,
        set_networks: dict[str, str | None],
        new_macs: dict[str, str],
        addresses: tuple[CardAddress, ...],
        wanted: TargetProperties,
        without_missing_networks: bool,
        goes_on: bool = False,
    ) -> Answer[StartFact]:
        """Start the failed-over machine from the point, rolled forward as in `forward`."""
        payload = orders.StartReplica(
            run=FAILOVER_RUN,
            point_id=point_id,
            fabric_id=self.machine.target_fabric_id,
            name=wanted.target_name or self.machine.name,
            networks={card.key: card.network for card in cards},
            networks_by_mac={**set_networks, **networks_by_mac(cards)},
            mappings=mappings,
            set_cards=tuple(set_networks),
            other_cards=None if self.machine.reversed else orders.OtherCards(),
            new_macs=new_macs,
            addresses=addresses,
            sizing=wanted.sizing,
            stand_in=wanted.stand_in,
            home=self.machine.reversed,
            without_missing_networks=without_missing_networks,
            goes_on=goes_on,
            forward=forward,
        )
        return self.start_run(payload)

    def start_run(self, payload: orders.StartReplica) -> Answer[StartFact]:
        """Start a machine of the replica, the failed-over one or a drill's."""
        why = f"starting {payload.name} at {self.machine.target_site}"
        limits = ROLL if payload.forward else START_OR_STOP
        if payload.run == FAILOVER_RUN and self.machine.reversed:
            limits = START_AT_HOME
        return self.give(orders.START_REPLICA, payload, why, limits)

    def prove(
        self,
        started: StartFact,
        wait_seconds: float,
        checks: tuple[MachineCheck, ...] = (),
        addresses: tuple[CardAddress, ...] = (),
        *,
        own_network: bool = False,
        needs_own: bool = False,
    ) -> Answer[proofs.Proof]:
        """Look at the machine that was started. `own_network`: its guest's network configuration is put back;
        if it `needs_own`, its agent is waited for."""
        payload = proofs.Prove(
            fabric_id=started.fabric_id,
            name=started.name,
            wait_seconds=wait_seconds,
            checks=checks,
            addresses=addresses,
            address_seconds=ADDRESS_SECONDS if addresses or (own_network and needs_own) else 0.0,
            own_network=own_network,
            from_home=not self.machine.is_away,
        )
        deadlines = (check.deadline_seconds for check in checks)
        longest = max([wait_seconds, payload.address_seconds, *deadlines])
        setting = SET_SECONDS if payload.address_seconds else 0.0
        limits = Limits(deadline_seconds=longest + LOOK_SECONDS + setting)
        return self.give(orders.PROVE, payload, f"looking at {started.name}", limits)

    def to_stop_failed_over(self, *, begun_only: bool = False) -> Ask[orders.StopReplica, Nothing]:
        """Stop and remove the failed-over machine and its overlays; `begun_only`: not one that was started
        without a vault."""
        payload = orders.StopReplica(
            run=FAILOVER_RUN, fabric_id=self.machine.target_fabric_id, begun_only=begun_only
        )
        return self._to_stop(payload, "failed-over")

    def to_stop_drill(self, fabric_id: str) -> Ask[orders.StopReplica, Nothing]:
        """Stop and remove the drill's machine and its overlays."""
        return self._to_stop(orders.StopReplica(run=DRILL_RUN, fabric_id=fabric_id), "test")

    def _to_stop(self, payload: orders.StopReplica, what: str) -> Ask[orders.StopReplica, Nothing]:
        why = f"stopping the {what} machine of {self.machine.name} at {self.machine.target_site}"
        return Ask(orders.STOP_REPLICA, payload, why, START_OR_STOP)

    def to_commit_point(self, point_id: str) -> Ask[orders.CommitPoint, Nothing]:
        """Keep the point, and delete the others."""
        payload = orders.CommitPoint(point_id=point_id)
        return Ask(orders.COMMIT_POINT, payload, f"fixing point {point_id}", KEEP_OR_REMOVE)

    def to_consolidate(self) -> Ask[orders.FabricMachine, Nothing]:
        """Bring a machine that came home back onto its own disks."""
        payload = orders.FabricMachine(fabric_id=self.machine.target_fabric_id)
        why = f"bringing {self.machine.name} back onto its own disks while it runs"
        return Ask(orders.CONSOLIDATE, payload, why, Limits(deadline_seconds=DAY))

    def power(self) -> Answer[PowerFact]:
        """The power state of a copy there; 'missing' if none is defined."""
        why = f"asking {self.machine.target_site} for a copy of {self.machine.name}"
        asked = orders.FabricMachine(fabric_id=self.machine.target_fabric_id)
        return self.give(orders.POWER, asked, why, again=True)  # the same step may have asked the source

    def create_network(self, network: orders.CreateNetwork) -> Answer[orders.CreatedNetwork]:
        """Create an isolated network for a drill."""
        return self.give(orders.CREATE_NETWORK, network, f"making the isolated network {network.name}")

    def to_remove_network(self, network: orders.CreateNetwork) -> Ask[orders.CreateNetwork, Nothing]:
        return Ask(orders.REMOVE_NETWORK, network, f"removing the network {network.name}")


def drill_fabric_id(machine: MachineRecord) -> str:
    """The fabric id of the drill's machine: not that of the failed-over one, and always the same for one
    machine."""
    return lookup.derived_id(machine.source_fabric_id, "secondsite-drill")


def boot_fabric_id(machine: MachineRecord) -> str:
    """The fabric id of a copy that is started only to be looked at; a drill may run beside it."""
    return lookup.derived_id(machine.source_fabric_id, "secondsite-boot")


def boot_name(machine: MachineRecord) -> str:
    """The name of that copy at the target."""
    return f"{machine.name}-boot"


def drill_name(machine: MachineRecord) -> str:
    """The name of the drill's machine at the target."""
    return f"{machine.name}-test"
