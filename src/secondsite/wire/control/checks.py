"""Checks before a machine is protected or started, and copies that were shipped: payloads and facts of
orders."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from ..common.base import Shape
from ..common.machines import MachineDefinition
from ..common.numbers import BoundedTuple, Bytes, Number, Text
from ..common.points import PointId
from ..common.properties import Sizing
from ..common.stores import Placement
from .cards import LocalCard
from .setups import Base

MOST_OBSTACLES = 1000


class ObstacleShape(Shape):
    """`about`: the field of CheckTarget.sizing that is in the way; of a source its power, such as saved,
    if that is it. None: something else, or an older appliance."""

    what: Text
    do: Text
    blocking: bool = True
    about: str | None = None


class Obstacles(Shape):
    obstacles: Annotated[tuple[ObstacleShape, ...], BoundedTuple(MOST_OBSTACLES)] = ()


class TriedView(Shape):
    """A frozen view that was opened, read and ended: of so many disks, in so many seconds; or why none was
    tried."""

    disks: Number = 0
    seconds: float = 0.0
    why_not: Text | None = None


class SourceCheckFact(Obstacles):
    """`needed_bytes`: what the disks occupy, which is the most that a full copy needs; None: an older
    appliance. `written_bytes`: what a machine that was failed over to here has written onto its point
    since; None: it has none, or an older appliance."""

    needed_bytes: Bytes | None = None
    written_bytes: Bytes | None = None
    peer_seconds: float | None = None
    """Seconds that connecting to the peer's data port took, if that was asked for."""
    sizes: dict[str, int] = Field(default_factory=dict)
    """Bytes of the disks as the machine has them now; none: it is not there, or an older appliance."""
    view: TriedView | None = None
    """What was tried if that was asked for; None: something is in the way, or an older appliance."""


class HostCheckFact(Obstacles):
    """What came of starting a tiny machine of the appliance's own, and of viewing it: seconds, None if that
    failed or was not tried."""

    start_seconds: float | None = None
    view_seconds: float | None = None


class NetworkCandidate(Shape):
    """A network that is asked about, as far as it is known here: its usable subnet (None: not known). One
    of a drill may stand for it."""

    network: str
    subnet: str | None = None
    ranges: tuple[str, ...] = ()
    """What is given out of the subnet: by the platform's DHCP server there, or out of its pool; none: not
    known, or all."""
    gives_addresses: bool | None = None
    """As in NetworkInfo."""
    unserved: str | None = None
    """Why a network that is made here cannot have this subnet."""


class TargetCheckFact(Obstacles):
    """`shares_networks`: machines of one test failover can share a network, and CREATE_NETWORK knows
    `serving`; False: an older appliance, or a fabric without. `sizes`: START_REPLICA knows `sizing`;
    False: an older appliance. `makes_several`: CREATE_NETWORK knows `more`, `stand_ins` are those that
    were asked for, and `serves` says whether networks that are made here can give addresses.
    `sets_cpu_model`: `sizing` may have one."""

    shares_networks: bool = False
    sizes: bool = False
    makes_several: bool = False
    serves: bool = False
    stand_ins: Annotated[tuple[NetworkCandidate, ...], BoundedTuple(MOST_OBSTACLES)] = ()
    keeps: bool = False
    """Whether PREPARE_REPLICA knows `keeping`; False: an older appliance."""
    copy_on: "CopyInstant | None" = None
    """What a copy stands on that was failed over to here: with `no_copy` any, else one that was started
    without a vault; None: none is here, or an older appliance."""
    sets_cpu_model: bool = False
    start_seconds: float | None = None
    """How long the trial start took that was made of `definition`; None: none succeeded, or an older
    appliance."""


class CheckSource(Shape):
    """`peer_addresses`: the data port of the other side is tried too (a TLS hello within seconds). `disks`
    are those to be protected; none given: all. `view`: a frozen view of them is tried as well."""

    fabric_id: str
    disks: tuple[str, ...] = ()
    peer_addresses: tuple[str, ...] = ()
    view: bool = False


class SeedDisk(Shape):
    """A copy of disk `key`, which has `size_bytes`, at a path on the target appliance's host."""

    key: str
    path: str
    size_bytes: Bytes


class ImportSeed(Shape):
    """Copy the seeds' data into the replica's head; they are only read, and may be removed afterwards."""

    seeds: tuple[SeedDisk, ...]


class SeedFact(Shape):
    data_bytes: Bytes
    size_bytes: Bytes
    seconds: float


class CopyInstant(Shape):
    """What a failed-over machine stands on: a point, with the journal's cycles up to `through_seq`."""

    point_id: PointId
    through_seq: Number | None = None


class ReplicaRequest(Shape):
    """What PREPARE_REPLICA will ask for. With EXISTING, `existing_fabric_id` is the machine here on whose
    disks it will stand: they are looked at, unless an older vault does not say it. `sizes`: bytes of the
    machine's disks, by key; an older vault does not say them."""

    epoch: Number
    base: Base
    existing_fabric_id: str | None = None
    disks: tuple[str, ...] = ()
    sizes: Mapping[str, Bytes] = {}


class HomeCards(Shape):
    """What the cards of the machine `fabric_id` are to be connected to if it is made anew here: each
    network must be here then. One that is here, or was withdrawn here, comes home as it was: it is warned
    of networks that are not here. An older appliance does not look."""

    fabric_id: str
    cards: tuple[LocalCard, ...] = ()


class MemoryNeed(Shape):
    """What the machine has at home, for a host that may have less: `blocking`, or only a warning if the
    machine must start anyway. Free memory is only warned of."""

    memory_bytes: Bytes
    blocking: bool = False


class PointCards(Shape):
    """A point, and how its cards are connected in a start from it: `networks_by_mac` are the networks that a
    person has set, `mappings` count for all other cards."""

    point_id: PointId
    networks_by_mac: dict[str, str | None] = Field(default_factory=dict)
    mappings: dict[str, str] = Field(default_factory=dict)


class CheckTarget(Shape):
    """`networks` are names that must exist here; `cards` are warned of if the network that is meant for
    one is not here, so that it would not be connected (an older appliance ignores them); `needed_bytes`
    must be free in the store for a full copy; `seeds` must be readable and as large as their disks.
    `encrypted`: a key must be here. `name` and `fabric_id` must be free here, or belong to the machine of
    the order."""

    definition: MachineDefinition | None = None
    at: PointCards | None = None
    """With `definition`: that of this point counts instead, with its cards. An older appliance does not
    look."""
    name: str | None = None
    fabric_id: str | None = None
    networks: tuple[str, ...] = ()
    cards: tuple[LocalCard, ...] = ()
    needed_bytes: Bytes = 0
    must_hold_replica: bool = False
    no_copy: bool = False
    """Whether it is an obstacle that a machine was failed over onto the replica."""
    but_on: CopyInstant | None = None
    """With `no_copy`: a machine on this instant is no obstacle."""
    seeds: tuple[SeedDisk, ...] = ()
    encrypted: bool = False
    replica: ReplicaRequest | None = None
    """The replica that is to be made: what exists already must not be in its way."""
    test_networks: tuple[str, ...] = ()
    """Those of `networks` that a test failover uses: a warning is given if they are production's."""
    names: tuple[str, ...] = ()
    """DNS names that are to point here; a warning is given for those that this site may not change."""
    serve: bool = False
    """Whether a network that is made must be able to give addresses."""
    serve_subnet: str | None = None
    """The subnet of these addresses; an older appliance does not look."""
    makes: tuple[str, ...] = ()
    """Networks that the test failover makes: one that another machine of it, or its run, has made already is
    no obstacle."""
    stand_ins: tuple[str, ...] = ()
    """Networks here whose subnets are asked for, such as those that ones of a drill stand for. One that is
    not here is no obstacle."""
    sizing: Sizing = Sizing()
    """vCPUs, memory and CPU model that the machine is to have here, which the host must have; an older
    appliance does not look."""
    keeping: Placement = Placement()
    """Where a replica is to be kept, if one is to be made: the space is checked there."""
    home: HomeCards | None = None
    """Set if the machine comes home to here, or is meant to."""
    home_in_need: HomeCards | None = None
    """The same for a machine that must start anyway: it starts without the cards whose networks are not here,
    which are only warnings; an older appliance does not look."""
    way_back: tuple[str, ...] = ()
    """The data port of the source's appliance is tried from here, and only warned of: the machine comes
    home that way. An older appliance does not look."""
    memory: MemoryNeed | None = None
    """What memory it needs, unless `sizing` sets another; an older appliance does not look."""
