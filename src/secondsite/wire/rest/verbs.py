"""What a person may start: the request of every verb.

Each verb takes options; with `machines` they apply to each of several machines. A verb without options of its
own has only `machines`.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from ...domain.counters import MOST
from ...domain.drills.verdicts import Verdict
from ...domain.plans.directions import Direction
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ..common.base import Shape
from ..common.cards import DnsServers
from ..common.disk_places import DiskPlace
from ..common.numbers import LONGEST_TEXT, Instant
from ..common.points import MOST_DISKS, PointId
from ..common.properties import PlacementWord
from ..common.stores import StoreName

MOST_MACHINES = 1000
"""The most machines of one request: each is looked up while the request waits."""
SeveralMachines = Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_MACHINES)]
DiskKeys = Annotated[tuple[str, ...], Field(min_length=1)]


class NoOptions(Shape):
    """A verb that takes none."""


class MachinesRequest(Shape):
    """Several machines at once."""

    machines: SeveralMachines
    """Names or ids."""


class EnableProtection(MachinesRequest):
    """Replicate machines of a site to another site."""

    machines: SeveralMachines
    """Names, or ids of the hypervisor, at the source site."""
    source_site: str
    """Where they are."""
    target_site: str
    """Where their replicas will be."""
    target_appliance: str | None = None
    """The name or id of the appliance of the target site that will hold them, where it has several; null:
    each machine is placed on the host that is filled the least, of those that take it."""
    store: StoreName | None = None
    """The store of that appliance in which their replicas are kept; null: its default store. Without
    `target_appliance` one that has it is chosen."""
    policy: str = "default"
    """Their replication policy."""
    disks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The keys of the disks to protect, by machine as named in `machines`; for a machine that is not here:
    all."""
    seeds: dict[str, dict[str, str]] = Field(default_factory=dict)
    """The path on the target appliance's host of a copy of the disk that was shipped there, by machine and
    disk key."""
    encrypt: bool = False
    """Whether the replicas are encrypted, with the key of the target's appliance; they are in any case if
    the policy says so."""
    apart: PlacementWord | None = None
    """A word of your own: machines that have the same are never placed on one host; null: each may be beside
    any."""
    together: PlacementWord | None = None
    """A word of your own: machines that have the same are placed on one host, as far as it takes them; null:
    each goes where there is most space."""


class WithoutSiteOptions(Shape):
    """A site that is gone for good may be left out."""

    without_site: str | None = None
    """The name of a site that is gone for good: what the verb would do there is left out, and what is lost
    with it is said in the job's tasks. If the site returns within 30 days, it is done then. Refused while
    the site's appliance is connected."""


class DisableProtectionOptions(WithoutSiteOptions):
    """Options of ending protection."""

    runs_nowhere: bool = False
    """Whether to end it also for a machine that was failed over and runs at neither site, which is refused
    otherwise: nobody starts it any more then. Its files stay, and the job says where."""


class DisableProtection(DisableProtectionOptions, MachinesRequest):
    """Their replicas and recovery points are deleted."""


class PointOptions(Shape):
    """Which instant to start from."""

    point: PointId | None = None
    """The id of a recovery point, instead of a choice."""
    at: Instant | None = None
    """The newest processed cycle at or before that time, instead of a point or a choice."""


class HostOptions(Shape):
    """At which host of its site it starts."""

    target_appliance: str | None = Field(None, min_length=1, max_length=200)
    """Name or id of that host's appliance, which first takes the replica over, in a store that both reach;
    null: the one that has it."""


class TestFailoverOptions(HostOptions, PointOptions):
    """A copy is started at the target, isolated from everything."""

    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST_PROCESSED
    """How the point is chosen."""
    network: str = "create"
    """An existing isolated network's name; create: a new isolated one that all machines share;
    create-each: one for each network that the machines are in at home; none: not connected."""
    subnet: str | None = None
    """With create: the network gives addresses of this IPv4 subnet (10.9.0.0/24) by DHCP, and resolves the
    machines' names."""
    dns_servers: DnsServers = ()
    """With addresses: the DNS servers that DHCP names, up to three, in place of the network's own; each in
    the subnet that it is for."""
    clean_up: bool = False
    """Whether the job removes the copy by itself once its proof is there, and ends with the verdict that
    this gives."""
    keep_if_failed: bool = False
    """With `clean_up`: a copy whose proof failed stays until somebody has looked at it."""
    stay_open: bool = False
    """Whether the job stays open until somebody completes the test with the clean-up, and ends with that
    verdict and those notes; else it ends with the copy running."""


class TestFailover(TestFailoverOptions, MachinesRequest):
    """Copies are started at the target, isolated from everything."""


class CleanupTestFailoverOptions(WithoutSiteOptions):
    """The copy is removed, with everything that was made for it."""

    notes: str = Field("", max_length=LONGEST_TEXT)
    """What the drill showed; kept with the machine."""
    verdict: Verdict | None = None
    """Whether the machine can be used there; null: as its proof says, if that says anything."""


class CleanupTestFailover(CleanupTestFailoverOptions, MachinesRequest):
    """The copies are removed, with everything that was made for them."""


class OneWay(Shape):
    """Which way machines go that are named together."""

    direction: Direction | None = None
    """Needed if the machines would go different ways: away from their home site, or home; those of the
    other way are left out."""


class FailoverOptions(HostOptions, OneWay, PointOptions):
    """The machine is started at the target."""

    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST
    """How the point is chosen."""
    shut_down_source: bool = False
    """Whether the machine is first shut down at its source and its last changes are sent, if possible."""


class Failover(FailoverOptions, MachinesRequest):
    """The machines are started at the target."""


class Location(StrEnum):
    """Where a reprotected machine's replica is made."""

    ORIGINAL = "original"
    """The old source's disks: only changes are sent."""
    ALTERNATE = "alternate"
    """New disks: a full copy."""


class SynchronizationPlace(Shape):
    """Where the data goes that a planned failover synchronizes first."""

    location: Location | None = None
    """With a data synchronization. original: onto the disks that the machine left there; alternate: new
    disks, a full copy, for when nothing of the old ones is left; the machine is made there. Null: original
    before, alternate during the failover."""
    store: StoreName | None = None
    """With a data synchronization: as for a reprotect."""


class PlannedFailoverOptions(SynchronizationPlace, HostOptions, OneWay):
    """The machine is shut down, its last changes are sent, and it is started at the target."""

    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST
    """latest: from its last state, so nothing is lost. Only on the way home also an app-consistent kind:
    then it starts from the newest such point that is there, and what it wrote since is left behind until
    the failover is committed."""
    data_sync: DataSync | None = None
    """Only for one machine that was committed and not reprotected: the same job synchronizes its data and
    moves it home, or to the appliance that `target_appliance` names, of any other site. before: while it
    runs, then the job waits for a person; during: it is shut down first, and everything is sent without
    comparing."""
    at_most_down_seconds: float | None = Field(None, gt=0, le=86400)
    """A budget for the downtime, by what shutdown and start took before: changes are sent while the
    machine runs until the rest fits; if that does not come within 15 minutes, the machine is not shut down
    and runs on."""


class PlannedFailover(PlannedFailoverOptions, MachinesRequest):
    """They are shut down, their last changes are sent, and they are started at the target: nothing is
    lost, but by choice on the way home."""


class ChangeRecoveryPointOptions(PointOptions):
    """The failed-over machine is started again from another point."""

    choice: RecoveryPointChoice = RecoveryPointChoice.CUSTOM
    """How the point is chosen; custom: `point` or `at` names it."""


class ChangeRecoveryPoint(ChangeRecoveryPointOptions, MachinesRequest):
    """The failed-over machines are started again from other points."""


class Commit(WithoutSiteOptions, MachinesRequest):
    """The failover is accepted: its point is kept, the others are deleted."""


class CancelFailover(WithoutSiteOptions, MachinesRequest):
    """The failover is cancelled; the machines run at their source again."""


class ReprotectOptions(Shape):
    """Replication is reversed: source and target swap roles; or it goes on to a further site."""

    location: Location = Location.ORIGINAL
    """original: onto disks that the machine left there, only changes are sent; alternate: a full copy."""
    target_appliance: str | None = None
    """The name or id of the appliance that will hold the replica, of any site but the one where the machine
    runs; null: the one that had the machine. With original one that has disks of it."""
    store: StoreName | None = None
    """The store in which new disks are made, and in any case where arriving data and recovery points are
    kept; null: as the last time at that site, or the default store. A replica that is there already stays
    where it is."""
    seeds: dict[str, dict[str, str]] = Field(default_factory=dict)
    """With alternate: the path on that appliance's host of a copy of the disk that was shipped there, by
    machine and disk key."""


class Reprotect(ReprotectOptions, MachinesRequest):
    """Replication is reversed: source and target swap roles."""


class Resynchronize(MachinesRequest):
    """All blocks are compared; those that differ are sent."""


class SettleOptions(Shape):
    """The disks of a machine that was failed over and committed move from the appliance's store to the site's
    own storage, while it runs."""

    place: DiskPlace | None = None
    """Where all disks go that `disks` does not name."""
    disks: dict[str, DiskPlace] = Field(default_factory=dict, max_length=MOST_DISKS)
    """Where these go, by their keys."""
    unencrypted: bool = False
    """Whether disks that are encrypted in the replica move, too: they are not encrypted in their new
    place."""
    bytes_per_second: int | None = Field(None, ge=1, le=MOST)
    """The limit for the copies of a machine together; null: none."""


class Settle(SettleOptions, MachinesRequest):
    """The machines' disks move from the appliance's store to the site's own storage, while they run."""


class MoveReplicaOptions(Shape):
    """Another host of its site takes the machine's replica over, in a store that both reach."""

    target_appliance: str | None = Field(None, min_length=1, max_length=200)
    """Name or id of its appliance; null: the one that fits best."""
    host_is_gone: bool = False
    """Whether the present host is off for good, or its machines are: a machine that was failed over there
    starts at the other one."""


class MoveReplica(MoveReplicaOptions, MachinesRequest):
    """Other hosts of their sites take the machines' replicas over, in stores that both reach."""


class UpdateNames(MachinesRequest):
    """The machines' DNS names point to where they run now."""


class IncludeDiskOptions(Shape):
    """Disks that were added later are protected too."""

    disks: DiskKeys
    """Keys of the machine's disks that are not protected."""


class IncludeDisk(IncludeDiskOptions, MachinesRequest):
    """Disks that were added later are protected too."""


class ExcludeDiskOptions(Shape):
    """Disks are left out from now on."""

    disks: DiskKeys
    """Keys of disks, protected or recently added."""


class ExcludeDisk(ExcludeDiskOptions, MachinesRequest):
    """Disks are left out from now on."""
