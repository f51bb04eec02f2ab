"""The orders that the vault gives, with the shapes of their payloads and of the facts in their reports.
Every order is idempotent: it looks before it acts, and a repeat reports what is already done."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field

from ..common.bandwidth import BandwidthShape
from ..common.base import Shape
from ..common.cards import MAC, MOST_CARDS, CardAddress, Plain
from ..common.guest_files import GuestFiles
from ..common.machines import DiscoveredMachine, MachineDefinition, NetworkInfo, NetworkService, NetworkSpan
from ..common.numbers import BoundedTuple, Bytes, Instant, Name, Number
from ..common.points import MOST_DISKS, PointId, PointShape, RollForward
from ..common.policies import PolicyShape
from ..common.properties import Sizing, StandIns
from ..common.stores import MOST_SIGNS
from .adopting import Adopt, AdoptableSite, AdoptionFact, ListAdoptable
from .checks import (
    MOST_OBSTACLES,
    CheckSource,
    CheckTarget,
    HostCheckFact,
    ImportSeed,
    ObstacleShape,
    SeedFact,
    SourceCheckFact,
    TargetCheckFact,
)
from .copies import RestoreCopy, RestoredCopy
from .guest_files import EndFetchFiles, FetchedFiles, FetchFiles, ListFiles, SendFiles
from .names import NamesFact, UpdateNames
from .proofs import BootPoint, Proof, Prove, RepeatChecks, RepeatedChecks
from .rescue_manifest import KeepRescueManifest, RescueManifestFact
from .scripts import CheckScripts, MissingScripts, RunGuestScript, RunScript, ScriptResult
from .setups import GroupShape, ReplicaSetup, SourceSetup
from .statuses import MOST_POINTS
from .ways import OpenedWay, OpenWay

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


MOST_TOLD = 16
"""The most addresses of one card that are reported."""
MOST_IN_A_SITE = 100_000
MOST_CAS = 100
MOST_OF_A_PROGRESS = 2_000_000
Mac = Annotated[str, Field(pattern=MAC)]
ToldAddresses = Annotated[tuple[Plain, ...], Field(max_length=MOST_TOLD)]


class Nothing(Shape):
    pass


class Discover(Shape):
    """`machine`: only those with that name or fabric id, and no networks; not given: all. An older
    appliance answers with all."""

    machine: str | None = None


class Inventory(Shape):
    machines: Annotated[tuple[DiscoveredMachine, ...], BoundedTuple(MOST_IN_A_SITE)]
    networks: Annotated[tuple[NetworkInfo, ...], BoundedTuple(MOST_IN_A_SITE)]


class StopReplication(Shape):
    """`forget` also removes our checkpoints, bitmaps and the tag. `ended`: protection ends, so a replica
    that an earlier direction left at this site goes too; with `restore_machine` the old machine that is
    its base is defined again. `keep_later_than`: no copy of the machine was seen at the other site, so
    recovery points of a later epoch than this stay as files (the vault was restored from before them), and
    so do the disks of the machine `fabric_id` that went home from here, which is defined again.
    `given_up`: see RemoveReplica. `copy_is_off`: the machine was failed over, runs here, and its copy is off
    or lost, so nothing keeps it from starting here any more."""

    forget: bool = False
    ended: bool = False
    restore_machine: bool = False
    given_up: bool = False
    copy_is_off: bool = False
    keep_later_than: Number | None = None
    fabric_id: str | None = None


class UpdatePolicy(Shape):
    """`target_addresses`: where the source of the machine reaches the data port of `target_appliance_id`
    now, which has the replica; told to the source alone. An older appliance goes on with those that it began
    with."""

    policy: PolicyShape
    target_appliance_id: str = ""
    target_addresses: tuple[str, ...] = ()


class SetSite(Shape):
    """Settings of the whole site: `bandwidth` is this appliance's share, `groups` are those whose machines
    it replicates, `enrolled` are all appliances of the vault: a data port refuses any other, and of these
    any key but that in `keys` (sha256, by id), if there is one. `trusted_ca_pem` are the CAs that count
    from now on; the first one issues. Kept until the next one; an older vault does not say who is
    enrolled, nor its CAs. `vaults`: where all processes of the vault are dialled."""

    bandwidth: BandwidthShape
    groups: tuple[GroupShape, ...] = ()
    enrolled: Annotated[tuple[str, ...], Field(max_length=10_000)] | None = None
    keys: Annotated[dict[str, str], Field(max_length=10_000)] = Field(default_factory=dict)
    trusted_ca_pem: Annotated[str, Field(max_length=100_000)] = ""
    vaults: Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=100)] = ()


class SiteFact(Shape):
    """Fingerprints: the CAs that the appliance trusts now, and the one that issued its certificate. An older
    appliance sends neither."""

    trusted: Annotated[tuple[Name, ...], BoundedTuple(MOST_CAS)] = ()
    issuer: Name = ""


class ShutDown(Shape):
    """`force`: cut the power when the grace period is over; otherwise the order fails with
    deadline-exceeded."""

    fabric_id: str
    grace_seconds: float = 60
    force: bool = True


class FabricMachine(Shape):
    """`tell_addresses`: POWER also reports addresses; `leaves`: it reports what is in the way of a shutdown
    for a move; `comes_back`: of a start here. `patient`: it waits a while for a machine whose agent is away.
    An older appliance does none of these."""

    fabric_id: str
    tell_addresses: bool = False
    leaves: bool = False
    comes_back: bool = False
    patient: bool = False


class DiskPlace(Shape):
    """Where a disk is to lie: `place` is a storage pool, or the absolute path of a folder or block device.
    `cache`: QEMU's mode from the machine's next start on; None: as before."""

    place: Name
    format: Name
    cache: Name | None = None


class Settle(Shape):
    """The disks of a machine move to these places while it runs, by disk key; those that are not named, to
    `place`. `unencrypted`: also encrypted ones, which are not encrypted there."""

    fabric_id: str
    place: DiskPlace | None = None
    disks: Annotated[dict[str, DiskPlace], Field(max_length=MOST_DISKS)] = Field(default_factory=dict)
    unencrypted: bool = False
    bytes_per_second: Number | None = None


class PowerFact(Shape):
    """`addresses`: those of its cards, by MAC address, as its guest agent tells them; none if it was not
    asked, or tells none."""

    power: str
    addresses: Annotated[dict[Mac, ToldAddresses], Field(max_length=MOST_CARDS)] = Field(default_factory=dict)
    obstacles: Annotated[tuple[ObstacleShape, ...], BoundedTuple(MOST_OBSTACLES)] = ()
    """What is in the way of its shutdown for a move, or of its start, if that was asked for."""
    already: bool = False
    """Whether it was off when its shutdown was asked for."""
    stands_alone: bool = False
    """Whether it came home, and stands on its own disks since its start."""


class HandedOver(Shape):
    """What an appliance knew of a machine's replication, in its own words, for another one of the same site;
    empty: it knows nothing of the machine."""

    progress: Annotated[str, Field(max_length=MOST_OF_A_PROGRESS)] = ""
    tracking: Annotated[str, Field(max_length=MOST_OF_A_PROGRESS)] = ""


class TakeOver(Shape):
    """The machine came by live migration: replicate it from here, and go on where `before` ended; without
    that all blocks are compared."""

    setup: SourceSetup
    before: HandedOver = HandedOver()


class RunCycle(Shape):
    """One cycle now, with a point sealed at the target. `final`: the machine is off, this is the last
    delta; the loop stays paused afterwards. The order ends when the target has acknowledged it. `set_id`:
    all machines of a group are off, and their last points are a common one; an older appliance seals it
    without."""

    final: bool = False
    app_consistent: bool = False
    set_id: str | None = None


class CycleFact(Shape):
    epoch: Number
    seq: Number
    point_id: PointId | None
    taken_at: Instant
    changed_bytes: Bytes
    wire_bytes: Bytes
    seconds: float


class PreCopy(Shape):
    """Cycles while the machine runs until a delta is below `until_bytes`, or `rounds` are over. With
    `until_seconds` until one was sent in that time, however small it was, for at most `give_up_seconds`;
    an older appliance does not know of it."""

    until_bytes: Bytes = 16 * 1024 * 1024
    rounds: Number = 5
    until_seconds: float | None = None
    give_up_seconds: float = 900.0


class Withdraw(Shape):
    """The old source is withdrawn: its loop ends, the machine is shut down, its definition is removed so
    that nobody can start it; its disks stay. Part of reprotect."""

    fabric_id: str
    disks: Annotated[tuple[Name, ...], BoundedTuple(MOST_DISKS)] = ()
    """Keys of the protected disks: nobody else may start from them. Others, which the owner excluded, such as
    a disk that several machines share, stay usable; none: all (an older vault)."""
    left: bool = False
    """The machine has left this appliance for another one of its site, which may share the hypervisor: a
    machine on that appliance's files is no old copy."""
    stays: bool = False
    """The machine went on to a further site: what is defined of it here again is an old copy, is kept from
    starting, and its power is reported. An older appliance does not look."""


class Drain(Shape):
    """Apply everything in the inbox; `seal`: make a point of processed data that has none yet (LATEST)."""

    seal: bool = True
    at_least_epoch: Number | None = None
    at_least_seq: Number | None = None


class Points(Shape):
    points: Annotated[tuple[PointShape, ...], BoundedTuple(MOST_POINTS)] = ()
    new_point_id: PointId | None = None


class FindInstant(Shape):
    """The newest processed cycle that was taken at or before `at` (UTC)."""

    at: Instant


class InstantFact(Shape):
    """How an instant is recovered: from `point_id`, rolled forward by `cycles` cycles of the journal;
    `forward` is None when it is the point itself."""

    point_id: PointId
    taken_at: Instant
    forward: RollForward | None = None
    cycles: Number = 0


class AcceptCycles(Shape):
    """Close the replica's inbox (a failover begins) or open it again (a cancel)."""

    accepting: bool


class OtherCards(Shape):
    """The network here of cards of which nothing else is known; None: they are not connected."""

    network: str | None = None


class StartReplica(Shape):
    """Run the machine from a point, rolled forward if `forward` is given. `run` is 'drill' or 'failover'.
    `networks` maps NIC keys to networks here, `networks_by_mac` their MAC addresses: keys count the cards,
    and a card may be missing where the machine ran last. An older vault gives keys only. `home`: the
    machine comes home, where it is as it was when it was withdrawn, with its own networks. `new_macs`: MAC
    addresses that cards have here, by those that they have at home; an older appliance keeps the latter.
    `without_missing_networks`: a card whose network is not here is left unconnected, and the report says
    so, instead of the start failing; an older appliance fails. `sizing`: vCPUs, memory and CPU model that
    it has here, never with `home`; only for appliances that said CheckedTarget.sizes, an older one leaves
    them as they are."""

    run: str
    point_id: PointId
    fabric_id: str
    name: str
    networks: dict[str, str | None] = Field(default_factory=dict)
    networks_by_mac: dict[str, str | None] = Field(default_factory=dict)
    mappings: dict[str, str] | None = None
    """What the networks of its home are mapped to, for the cards whose MAC addresses are not in `set_cards`:
    at an older point a card may be in another network than now. None: a drill in one network, `home`, or an
    older vault; then, as for an older appliance, the present networks count."""
    set_cards: tuple[str, ...] = ()
    """The cards whose networks a person has set, or that a drill has networks for."""
    other_cards: OtherCards | None = None
    """What becomes of cards that `networks_by_mac` does not name, because the machine has them no more; None:
    `home`, or an older vault: their keys count, which may by now be those of other cards."""
    new_macs: dict[str, str] = Field(default_factory=dict)
    home: bool = False
    without_missing_networks: bool = False
    sizing: Sizing = Sizing()
    stand_in: StandIns = Field(default_factory=dict)
    """What stands in here for disks that were left out, by their keys; the others as by itself. Never with
    `home`. An older appliance removes them from the machine."""
    start: bool = True
    forward: RollForward | None = None
    addresses: Annotated[tuple[CardAddress, ...], Field(max_length=MOST_CARDS)] = ()
    """The addresses that its cards are to have, for a DHCP server of this site with reservations; an older
    appliance makes none."""
    goes_on: bool = False
    """Whether the machine goes on from its last write, and runs nowhere else: its guest is then not told that
    it went back in time. An older vault does not send this, and the guest is told."""


class StartFact(Shape):
    """`shows`: something can be seen of the machine from outside, so PROVE may look; None: an older
    appliance, or it could not tell. `sized`: it has the vCPUs and the memory of StartReplica.sizing, and
    its `cpu_model`; an older appliance says neither. `definition`: of a drill, the machine's in the point,
    without the platform's own description."""

    fabric_id: str
    name: str
    point_id: PointId
    taken_at: Instant
    seconds: float
    shows: bool | None = None
    sized: bool = False
    cpu_model: str | None = None
    definition: MachineDefinition | None = None


class StopReplica(Shape):
    """Stop the machine of `run`, undefine it and delete its overlays. `begun_only`: refuse one that was
    started without a vault; an older appliance does not know it."""

    run: str
    fabric_id: str
    begun_only: bool = False


class CommitPoint(Shape):
    """Keep the point that the run 'failover' is based on, and delete all others."""

    point_id: PointId


class RemoveReplica(Shape):
    """`keep_running`: the failed-over machine runs on the replica's files, so they stay and only the
    points are deleted. `restore_machine`: the site's old machine, withdrawn at reprotect, is defined again
    (off). `still_protected`: it is the old copy of a machine that runs at the other site, so it stays ours
    and must not start; an older vault does not say so. `given_up`: protection ended without this site, so
    the copy that is here must not run beside the machine: it is fenced, and not let go of before it is
    off. `fabric_id` is the withdrawn machine, for a site that never heard of the replica; an older vault
    does not say it. `ended`: protection ended, not only this replica. `made_by`: that job undoes what it
    did, so a replica that it did not make stays. `keep_points`: the machine was failed over to here, or
    its source does not answer: where no copy of it is, its recovery points stay as files."""

    keep_running: bool = False
    restore_machine: bool = False
    still_protected: bool = False
    given_up: bool = False
    fabric_id: str | None = None
    ended: bool = False
    made_by: str | None = None
    keep_points: bool = False


class RemoveMachine(Shape):
    """The failed-over machine at the site that was left: stopped and undefined, its disks kept for the
    next reprotect."""

    fabric_id: str
    disks: Annotated[tuple[Name, ...], BoundedTuple(MOST_DISKS)] = ()
    """As of Withdraw, and so is `stays`."""
    stays: bool = False


class DrillNetwork(Shape):
    """An isolated network of the machine's drill. `drill`: several machines of this test failover share it,
    and it goes with the last of them; only for appliances that said CheckedTarget.shares_networks. With it,
    `serving`: addresses for all of them, and names of this machine's cards. `span`: machines at other hosts
    share it too, and `serving` names the cards of all of them; only for appliances that reported a drill
    segment."""

    name: str
    drill: str | None = None
    serving: NetworkService | None = None
    span: NetworkSpan | None = None


class CreateNetwork(DrillNetwork):
    """`more`: others of the same drill that the machine uses beside it; only for appliances that said
    CheckedTarget.makes_several. `run`: the run of a plan uses them, as if it were a machine, and the order
    names none; an older appliance refuses that."""

    more: tuple[DrillNetwork, ...] = ()
    run: str | None = None


class CreatedNetwork(NetworkInfo):
    """`leased`: the addresses that the machine's cards get on it, by their MAC addresses; an older appliance
    sends none."""

    leased: dict[str, str] = Field(default_factory=dict)


class PointOrder(Shape):
    """The point that the order is about."""

    point_id: PointId


class ReleasePoint(PointOrder):
    """`reason`: that of the hold that is meant; None: any. An older appliance releases any."""

    reason: str | None = None


class HoldPoint(Shape):
    """The point stays, whatever retention says, until it is released; a new reason replaces the old one."""

    point_id: PointId
    reason: str


class Restart(Shape):
    """Start the source's own machine again and resume its loop (cancel of a planned failover). Without
    `start` only its loop is resumed; an older appliance starts the machine."""

    fabric_id: str
    start: bool = True


class StartAnyway(Shape):
    """Start the old copy of a machine that was failed over, in spite of its fence, once. `by` names who
    ordered that."""

    fabric_id: str
    by: str


class TakeReplica(Shape):
    """`former_appliance_id` has the replica, in a store in which one of the `tokens` lies; `former_name` is
    what people call that appliance. `accepting`: it takes cycles from now on. `begun`: a failover onto it
    began there, and goes on here if no copy runs. The former appliance, if it runs, is asked for it, and
    waited for `wait_seconds`."""

    setup: ReplicaSetup
    former_appliance_id: Annotated[str, Field(max_length=128)]
    former_name: Name | None = None
    tokens: Annotated[tuple[Name, ...], Field(max_length=1000)]
    accepting: bool = True
    begun: bool = False
    wait_seconds: float = 30


class TakenReplica(Shape):
    """By which tokens the store is known that the replica lies in; none from an older appliance."""

    tokens: Annotated[tuple[Name, ...], BoundedTuple(MOST_SIGNS)] = ()


class Kind(StrEnum):
    DISCOVER = "discover"
    CHECK_SOURCE = "check_source"
    CHECK_TARGET = "check_target"
    CHECK_HOST = "check_host"
    START_REPLICATION = "start_replication"
    STOP_REPLICATION = "stop_replication"
    PAUSE_REPLICATION = "pause_replication"
    HAND_OVER = "hand_over"
    TAKE_OVER = "take_over"
    RESYNCHRONIZE = "resynchronize"
    UPDATE_POLICY = "update_policy"
    SET_SITE = "set_site"
    SHUT_DOWN = "shut_down"
    POWER = "power"
    PRE_COPY = "pre_copy"
    RUN_CYCLE = "run_cycle"
    RESTART = "restart"
    WITHDRAW = "withdraw"
    START_ANYWAY = "start_anyway"
    PREPARE_REPLICA = "prepare_replica"
    TAKE_REPLICA = "take_replica"
    IMPORT_SEED = "import_seed"
    DRAIN = "drain"
    LIST_POINTS = "list_points"
    FIND_INSTANT = "find_instant"
    ACCEPT_CYCLES = "accept_cycles"
    START_REPLICA = "start_replica"
    STOP_REPLICA = "stop_replica"
    COMMIT_POINT = "commit_point"
    CONSOLIDATE = "consolidate"
    CHECK_SETTLE = "check_settle"
    SETTLE = "settle"
    END_SETTLE = "end_settle"
    REMOVE_REPLICA = "remove_replica"
    REMOVE_MACHINE = "remove_machine"
    HOLD_POINT = "hold_point"
    RELEASE_POINT = "release_point"
    VERIFY_POINT = "verify_point"
    CREATE_NETWORK = "create_network"
    REMOVE_NETWORK = "remove_network"
    PROVE = "prove"
    REPEAT_CHECKS = "repeat_checks"
    OPEN_WAY = "open_way"
    BOOT_POINT = "boot_point"
    RESTORE_COPY = "restore_copy"
    END_RESTORE_COPY = "end_restore_copy"
    LIST_FILES = "list_files"
    FETCH_FILES = "fetch_files"
    END_FETCH_FILES = "end_fetch_files"
    SEND_FILES = "send_files"
    CHECK_SCRIPTS = "check_scripts"
    RUN_SCRIPT = "run_script"
    RUN_GUEST_SCRIPT = "run_guest_script"
    UPDATE_NAMES = "update_names"
    KEEP = "keep"
    SHOW_KEPT = "show_kept"
    ADOPT = "adopt"


ORDERS: "dict[Kind, OrderKind[Any, Any]]" = {}


class Pace(StrEnum):
    """What an order may wait for. Each pace has workers of its own, so that orders which take hours never
    keep others waiting."""

    PROMPT = "prompt"
    """Orders that take seconds at most."""
    GUEST = "guest"
    """Orders that wait for a guest to shut down: minutes."""
    LINK = "link"
    """Orders that wait for data to be sent or processed: hours while the link is down."""
    DISK = "disk"
    """Orders that read or merge whole disks: hours."""
    WATCH = "watch"
    """Orders that a vault gives by itself, again and again: nobody waits for one."""


@dataclass(frozen=True, slots=True)
class OrderKind(Generic[P, F]):
    """A kind of order, with the shapes of its payload and of its facts; all are in ORDERS."""

    kind: Kind
    payload: type[P]
    facts: type[F]
    what: str
    pace: Pace = Pace.PROMPT

    def __post_init__(self) -> None:
        ORDERS[self.kind] = self


DISCOVER = OrderKind(Kind.DISCOVER, Discover, Inventory, "what machines and networks the site has")
CHECK_SOURCE = OrderKind(
    Kind.CHECK_SOURCE, CheckSource, SourceCheckFact, "can this machine be replicated from here"
)
CHECK_TARGET = OrderKind(Kind.CHECK_TARGET, CheckTarget, TargetCheckFact, "can this site hold and run it")
CHECK_HOST = OrderKind(Kind.CHECK_HOST, Nothing, HostCheckFact, "does any machine start here")
START_REPLICATION = OrderKind(
    Kind.START_REPLICATION, SourceSetup, Nothing, "replicate from now on, by yourself"
)
STOP_REPLICATION = OrderKind(Kind.STOP_REPLICATION, StopReplication, Nothing, "end the loop for good")
PAUSE_REPLICATION = OrderKind(Kind.PAUSE_REPLICATION, Nothing, Nothing, "pause the loop, keep everything")
HAND_OVER = OrderKind(
    Kind.HAND_OVER,
    FabricMachine,
    HandedOver,
    "the machine runs at another host: end the loop, and say how far",
)
TAKE_OVER = OrderKind(Kind.TAKE_OVER, TakeOver, Nothing, "the machine came here: go on with its replication")
RESYNCHRONIZE = OrderKind(Kind.RESYNCHRONIZE, Nothing, Nothing, "compare all blocks, send those that differ")
UPDATE_POLICY = OrderKind(
    Kind.UPDATE_POLICY, UpdatePolicy, Nothing, "new policy values, on either side", pace=Pace.LINK
)
SET_SITE = OrderKind(Kind.SET_SITE, SetSite, SiteFact, "settings of the whole site")
SHUT_DOWN = OrderKind(Kind.SHUT_DOWN, ShutDown, PowerFact, "power the machine off", pace=Pace.GUEST)
POWER = OrderKind(Kind.POWER, FabricMachine, PowerFact, "is the machine on")
PRE_COPY = OrderKind(
    Kind.PRE_COPY, PreCopy, CycleFact, "deltas while it runs until the rest is small", pace=Pace.LINK
)
RUN_CYCLE = OrderKind(Kind.RUN_CYCLE, RunCycle, CycleFact, "one delta now, with a point", pace=Pace.LINK)
RESTART = OrderKind(Kind.RESTART, Restart, PowerFact, "start the source again and resume the loop")
WITHDRAW = OrderKind(Kind.WITHDRAW, Withdraw, Nothing, "withdraw the old source, to be a target")
START_ANYWAY = OrderKind(
    Kind.START_ANYWAY, StartAnyway, PowerFact, "start the old copy although that is forbidden, once"
)
PREPARE_REPLICA = OrderKind(
    Kind.PREPARE_REPLICA, ReplicaSetup, Nothing, "make and keep a replica of this machine"
)
TAKE_REPLICA = OrderKind(
    Kind.TAKE_REPLICA,
    TakeReplica,
    TakenReplica,
    "take over a replica of another appliance, in a store that both reach",
    pace=Pace.LINK,
)
IMPORT_SEED = OrderKind(
    Kind.IMPORT_SEED, ImportSeed, SeedFact, "fill a new replica from shipped copies", pace=Pace.DISK
)
DRAIN = OrderKind(Kind.DRAIN, Drain, Points, "process what was sent", pace=Pace.LINK)
LIST_POINTS = OrderKind(Kind.LIST_POINTS, Nothing, Points, "which points there are")
FIND_INSTANT = OrderKind(
    Kind.FIND_INSTANT,
    FindInstant,
    InstantFact,
    "how the cycle at a given time can be recovered",
    pace=Pace.LINK,
)
ACCEPT_CYCLES = OrderKind(Kind.ACCEPT_CYCLES, AcceptCycles, Nothing, "close or open the replica's inbox")
START_REPLICA = OrderKind(Kind.START_REPLICA, StartReplica, StartFact, "run the machine from a point")
STOP_REPLICA = OrderKind(Kind.STOP_REPLICA, StopReplica, Nothing, "end that run and delete its overlays")
COMMIT_POINT = OrderKind(Kind.COMMIT_POINT, CommitPoint, Nothing, "keep the point, delete the others")
CONSOLIDATE = OrderKind(
    Kind.CONSOLIDATE, FabricMachine, Nothing, "bring a machine back onto its own disks", pace=Pace.DISK
)
CHECK_SETTLE = OrderKind(
    Kind.CHECK_SETTLE, Settle, Nothing, "can the machine's disks move to the site's own storage"
)
SETTLE = OrderKind(
    Kind.SETTLE, Settle, Nothing, "move a machine's disks to the site's own storage", pace=Pace.DISK
)
END_SETTLE = OrderKind(
    Kind.END_SETTLE, FabricMachine, Nothing, "give up that move: the machine stays on its former disks"
)
REMOVE_REPLICA = OrderKind(Kind.REMOVE_REPLICA, RemoveReplica, Nothing, "end protection at the target")
REMOVE_MACHINE = OrderKind(
    Kind.REMOVE_MACHINE, RemoveMachine, Nothing, "remove the machine at the site that was left"
)
HOLD_POINT = OrderKind(Kind.HOLD_POINT, HoldPoint, Points, "keep one point until it is released")
RELEASE_POINT = OrderKind(Kind.RELEASE_POINT, ReleasePoint, Points, "retention applies to it again")
VERIFY_POINT = OrderKind(
    Kind.VERIFY_POINT, PointOrder, Nothing, "read a point and compare its digest", pace=Pace.DISK
)
CREATE_NETWORK = OrderKind(
    Kind.CREATE_NETWORK, CreateNetwork, CreatedNetwork, "an isolated network for a drill"
)
REMOVE_NETWORK = OrderKind(Kind.REMOVE_NETWORK, CreateNetwork, Nothing, "remove a network of ours")
PROVE = OrderKind(Kind.PROVE, Prove, Proof, "did the machine's guest start", pace=Pace.GUEST)
REPEAT_CHECKS = OrderKind(
    Kind.REPEAT_CHECKS,
    RepeatChecks,
    RepeatedChecks,
    "do the checks of a failed-over machine still pass",
    pace=Pace.WATCH,
)
OPEN_WAY = OrderKind(
    Kind.OPEN_WAY, OpenWay, OpenedWay, "let a tester into a drill's machine", pace=Pace.GUEST
)
BOOT_POINT = OrderKind(
    Kind.BOOT_POINT,
    BootPoint,
    Proof,
    "does a point boot: start a copy, look at it, remove it",
    pace=Pace.GUEST,
)
RESTORE_COPY = OrderKind(
    Kind.RESTORE_COPY,
    RestoreCopy,
    RestoredCopy,
    "make a machine of its own from a point, beside the protected one",
    pace=Pace.DISK,
)
END_RESTORE_COPY = OrderKind(
    Kind.END_RESTORE_COPY, FabricMachine, Nothing, "give up that copy, and remove what is there of it"
)
LIST_FILES = OrderKind(
    Kind.LIST_FILES, ListFiles, GuestFiles, "which files a folder in a point has", pace=Pace.GUEST
)
FETCH_FILES = OrderKind(
    Kind.FETCH_FILES, FetchFiles, FetchedFiles, "write files of a point into a folder here", pace=Pace.DISK
)
END_FETCH_FILES = OrderKind(
    Kind.END_FETCH_FILES, EndFetchFiles, Nothing, "give up that fetch, and remove what is there of it"
)
SEND_FILES = OrderKind(
    Kind.SEND_FILES, SendFiles, Nothing, "send files of a point to whoever asked the vault", pace=Pace.GUEST
)
CHECK_SCRIPTS = OrderKind(
    Kind.CHECK_SCRIPTS, CheckScripts, MissingScripts, "which of these scripts cannot be run"
)
RUN_SCRIPT = OrderKind(
    Kind.RUN_SCRIPT, RunScript, ScriptResult, "run a script of the script folder, once", pace=Pace.GUEST
)
RUN_GUEST_SCRIPT = OrderKind(
    Kind.RUN_GUEST_SCRIPT,
    RunGuestScript,
    ScriptResult,
    "run a script of the script folder inside a machine, once",
    pace=Pace.GUEST,
)
UPDATE_NAMES = OrderKind(
    Kind.UPDATE_NAMES,
    UpdateNames,
    NamesFact,
    "let its DNS names point to the machine, which runs here",
    pace=Pace.GUEST,
)
KEEP = OrderKind(
    Kind.KEEP,
    KeepRescueManifest,
    RescueManifestFact,
    "keep in the store what starts machines without a vault",
)
SHOW_KEPT = OrderKind(
    Kind.SHOW_KEPT, ListAdoptable, AdoptableSite, "what is here of a vault that is gone", pace=Pace.LINK
)
ADOPT = OrderKind(Kind.ADOPT, Adopt, AdoptionFact, "the machine is this vault's from now on", pace=Pace.LINK)
