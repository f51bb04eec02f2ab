"""The orders that the vault gives, each with the shape of its payload and of the facts in its report.

Every order is idempotent: it looks before it acts, and a repeat says what is already so.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from .bandwidth import BandwidthShape
from .base import Shape
from .checks import CheckSource, CheckTarget, ImportSeed, Obstacles, SeedFact
from .machines import DiscoveredMachine, NetworkInfo
from .replication import Forward, GroupShape, PointShape, PolicyShape, ReplicaSetup, SourceSetup


class Nothing(Shape):
    pass


class Inventory(Shape):
    machines: tuple[DiscoveredMachine, ...]
    networks: tuple[NetworkInfo, ...]


class StopReplication(Shape):
    """`forget` also removes our checkpoints, bitmaps and the tag."""

    forget: bool = False


class UpdatePolicy(Shape):
    policy: PolicyShape


class SetSite(Shape):
    """What holds for the whole site; `bandwidth` is this appliance's share of it, `groups` those whose machines it
    replicates. Kept until the next one."""

    bandwidth: BandwidthShape
    groups: tuple[GroupShape, ...] = ()


class ShutDown(Shape):
    """`force`: cut the power when the grace is over; otherwise the order fails with deadline-exceeded."""

    fabric_id: str
    grace_seconds: float = 60
    force: bool = True


class FabricMachine(Shape):
    fabric_id: str


class PowerFact(Shape):
    power: str


class RunCycle(Shape):
    """One cycle now, with a point sealed at the target. `final`: the machine is off, this is the last delta; the
    loop stays paused afterwards. The order ends when the target has acknowledged it."""

    final: bool = False
    app_consistent: bool = False


class CycleFact(Shape):
    epoch: int
    seq: int
    point_id: str | None
    taken_at: datetime
    changed_bytes: int
    wire_bytes: int
    seconds: float


class PreCopy(Shape):
    """Cycles while the machine runs until a delta is below `until_bytes`, or `rounds` are over."""

    until_bytes: int = 16 * 1024 * 1024
    rounds: int = 5


class Withdraw(Shape):
    """The old source gives way: its loop ends, the machine is off, its definition is taken away so that nobody can
    start it, its disks stay. Part of reprotect."""

    fabric_id: str


class Drain(Shape):
    """Apply everything in the inbox; `seal`: make a point of processed data that has none yet (LATEST)."""

    seal: bool = True
    at_least_epoch: int | None = None
    at_least_seq: int | None = None


class Points(Shape):
    points: tuple[PointShape, ...] = ()
    new_point_id: str | None = None


class FindInstant(Shape):
    """The newest processed cycle that was taken at or before `at` (UTC)."""

    at: datetime


class InstantFact(Shape):
    """How an instant is recovered: from `point_id`, rolled forward by `cycles` cycles of the journal; `forward` is
    None when it is the point itself."""

    point_id: str
    taken_at: datetime
    forward: Forward | None = None
    cycles: int = 0


class AcceptCycles(Shape):
    """Close the replica's inbox (a failover begins) or open it again (a cancel)."""

    accepting: bool


class StartReplica(Shape):
    """Run the machine from a point, rolled forward if that is said. `run` is 'drill' or 'failover'. `networks` maps
    NIC keys to networks here."""

    run: str
    point_id: str
    fabric_id: str
    name: str
    networks: dict[str, str | None] = Field(default_factory=dict)
    start: bool = True
    forward: Forward | None = None


class StartFact(Shape):
    fabric_id: str
    name: str
    point_id: str
    taken_at: datetime
    seconds: float


class StopReplica(Shape):
    """Stop the machine of `run`, undefine it and delete its overlays."""

    run: str
    fabric_id: str


class CommitPoint(Shape):
    """All points but the one that the run 'failover' stands on go; it is fixed."""

    point_id: str


class RemoveReplica(Shape):
    """`keep_running`: the failed-over machine runs on the replica's files, so they stay and only the points go.
    `restore_machine`: the site's old machine, withdrawn at reprotect, is defined again (off)."""

    keep_running: bool = False
    restore_machine: bool = False


class RemoveMachine(Shape):
    """The failed-over machine at the site that was left: stopped and undefined, disks kept for the way back."""

    fabric_id: str


class CreateNetwork(Shape):
    name: str


class DropPoint(Shape):
    point_id: str


class HoldPoint(Shape):
    """The point stays, whatever retention says, until it is released; another reason replaces the first."""

    point_id: str
    reason: str


class Restart(Shape):
    """Start the source's own machine again and resume its loop (cancel of a planned failover)."""

    fabric_id: str


@dataclass(frozen=True, slots=True)
class OrderKind:
    payload: type[Shape]
    facts: type[Shape]
    what: str
    lasting: bool = False
    """It may take hours: it has workers of its own, and never keeps other orders waiting."""


class Kind(StrEnum):
    DISCOVER = "discover"
    CHECK_SOURCE = "check_source"
    CHECK_TARGET = "check_target"
    START_REPLICATION = "start_replication"
    STOP_REPLICATION = "stop_replication"
    PAUSE_REPLICATION = "pause_replication"
    RESYNCHRONIZE = "resynchronize"
    UPDATE_POLICY = "update_policy"
    SET_SITE = "set_site"
    SHUT_DOWN = "shut_down"
    POWER = "power"
    PRE_COPY = "pre_copy"
    RUN_CYCLE = "run_cycle"
    RESTART = "restart"
    WITHDRAW = "withdraw"
    PREPARE_REPLICA = "prepare_replica"
    IMPORT_SEED = "import_seed"
    DRAIN = "drain"
    LIST_POINTS = "list_points"
    FIND_INSTANT = "find_instant"
    ACCEPT_CYCLES = "accept_cycles"
    START_REPLICA = "start_replica"
    STOP_REPLICA = "stop_replica"
    COMMIT_POINT = "commit_point"
    CONSOLIDATE = "consolidate"
    REMOVE_REPLICA = "remove_replica"
    REMOVE_MACHINE = "remove_machine"
    DROP_POINT = "drop_point"
    HOLD_POINT = "hold_point"
    RELEASE_POINT = "release_point"
    VERIFY_POINT = "verify_point"
    CREATE_NETWORK = "create_network"
    REMOVE_NETWORK = "remove_network"


ORDERS: dict[Kind, OrderKind] = {
    Kind.DISCOVER: OrderKind(Nothing, Inventory, "what machines and networks the site has"),
    Kind.CHECK_SOURCE: OrderKind(CheckSource, Obstacles, "can this machine be replicated from here"),
    Kind.CHECK_TARGET: OrderKind(CheckTarget, Obstacles, "can this site hold and run it"),
    Kind.START_REPLICATION: OrderKind(SourceSetup, Nothing, "replicate from now on, by yourself"),
    Kind.STOP_REPLICATION: OrderKind(StopReplication, Nothing, "end the loop for good"),
    Kind.PAUSE_REPLICATION: OrderKind(Nothing, Nothing, "hold the loop, keep everything (a failover begins)"),
    Kind.RESYNCHRONIZE: OrderKind(Nothing, Nothing, "compare all blocks, send those that differ"),
    Kind.UPDATE_POLICY: OrderKind(UpdatePolicy, Nothing, "new policy values, on either side"),
    Kind.SET_SITE: OrderKind(SetSite, Nothing, "what holds for the whole site, such as its bandwidth limit"),
    Kind.SHUT_DOWN: OrderKind(ShutDown, PowerFact, "power the machine off"),
    Kind.POWER: OrderKind(FabricMachine, PowerFact, "is the machine on"),
    Kind.PRE_COPY: OrderKind(PreCopy, CycleFact, "deltas while the machine runs until the rest is small"),
    Kind.RUN_CYCLE: OrderKind(RunCycle, CycleFact, "one delta now, with a point"),
    Kind.RESTART: OrderKind(Restart, PowerFact, "start the source again and resume the loop"),
    Kind.WITHDRAW: OrderKind(Withdraw, Nothing, "the old source gives way to be a target"),
    Kind.PREPARE_REPLICA: OrderKind(ReplicaSetup, Nothing, "hold a replica of this machine"),
    Kind.IMPORT_SEED: OrderKind(ImportSeed, SeedFact, "fill a new replica from shipped copies", lasting=True),
    Kind.DRAIN: OrderKind(Drain, Points, "process what was sent"),
    Kind.LIST_POINTS: OrderKind(Nothing, Points, "which points there are"),
    Kind.FIND_INSTANT: OrderKind(FindInstant, InstantFact, "how the cycle of a time can be recovered"),
    Kind.ACCEPT_CYCLES: OrderKind(AcceptCycles, Nothing, "close or open the replica's inbox"),
    Kind.START_REPLICA: OrderKind(StartReplica, StartFact, "run the machine from a point"),
    Kind.STOP_REPLICA: OrderKind(StopReplica, Nothing, "end that run and delete its overlays"),
    Kind.COMMIT_POINT: OrderKind(CommitPoint, Nothing, "fix the point, drop the others"),
    Kind.CONSOLIDATE: OrderKind(FabricMachine, Nothing, "bring a failed-back machine onto its own disks"),
    Kind.REMOVE_REPLICA: OrderKind(RemoveReplica, Nothing, "end protection at the target"),
    Kind.REMOVE_MACHINE: OrderKind(RemoveMachine, Nothing, "remove the machine at the site that was left"),
    Kind.DROP_POINT: OrderKind(DropPoint, Nothing, "remove one point"),
    Kind.HOLD_POINT: OrderKind(HoldPoint, Points, "keep one point until it is released"),
    Kind.RELEASE_POINT: OrderKind(DropPoint, Points, "retention decides about a held point again"),
    Kind.VERIFY_POINT: OrderKind(DropPoint, Nothing, "read a point and compare its digest", lasting=True),
    Kind.CREATE_NETWORK: OrderKind(CreateNetwork, NetworkInfo, "an isolated network for a drill"),
    Kind.REMOVE_NETWORK: OrderKind(CreateNetwork, Nothing, "remove a network of ours"),
}
