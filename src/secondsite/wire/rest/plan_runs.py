"""Runs of recovery plans: what may be asked for, and what it would do."""

from typing import Annotated

from pydantic import ConfigDict, Field

from ...domain.drills.verdicts import Verdict
from ...domain.lifecycle import Verb
from ...domain.plans.directions import Direction
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ..common.base import Problem, Shape
from ..common.cards import DnsServers
from ..common.numbers import LONGEST_TEXT
from ..common.points import PointShape
from ..common.properties import TargetProperties
from .plans import MOST_GROUPS
from .predictions import PlanPrediction, ReprotectPreview
from .preflights import LineStanding
from .verbs import MOST_MACHINES, Location, SynchronizationPlace, WithoutSiteOptions

Groups = Annotated[tuple[int, ...], Field(max_length=MOST_GROUPS)]
LeftOut = Annotated[tuple[str, ...], Field(max_length=MOST_MACHINES)]


class PlanPart(Shape):
    """Which machines of a plan."""

    direction: Direction | None = None
    """Away from their home site, or home: needed if its machines would go different ways; those that go
    the other way are left out."""
    groups: Groups = ()
    """Only these groups, by their numbers from 1; none: all."""
    leave_out: LeftOut = ()
    """Not these machines, by name or id."""


class PlanTestFailover(PlanPart):
    """Copies are started at the target group after group, isolated from everything."""

    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST_PROCESSED
    """How each machine's point is chosen; not custom."""
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
    """Whether the run removes the copies by itself, the last group first, once the proof of each is there."""
    keep_if_failed: bool = False
    """With `clean_up`: if the proof of one failed, all stay until somebody has looked at them."""
    stay_open: bool = False
    """Whether the job waits at Complete testing until the test of each machine is completed; not with
    `clean_up`. The plan can be run for another verb meanwhile."""


class PlanCleanupTestFailover(WithoutSiteOptions, PlanPart):
    """The copies are removed, with everything that was made for them."""

    notes: str = Field("", max_length=LONGEST_TEXT)
    """What the drill showed; kept with each machine."""
    verdict: Verdict | None = None
    """Whether the machines can be used there; null: for each as its proof says, if that says anything."""


class PlanFailover(PlanPart):
    """The machines are started at the target group after group; if one fails, the others go on."""

    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST
    """How each machine's point is chosen; not custom."""
    shut_down_source: bool = False
    """Whether each machine is first shut down at its source and its last changes are sent, if possible."""


class PlanPlannedFailover(SynchronizationPlace, PlanPart):
    """Group after group the machines are shut down, their last changes are sent, and they are started at
    the target: nothing is lost. It stops at an error."""

    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST
    """latest: from their last state, so nothing is lost. Only on the way home also latest_app_consistent,
    or latest_multi_vm_app_consistent if one of them is in a replication group; the loss is that since
    these points."""
    data_sync: DataSync | None = None
    """On the way home, for machines that were committed and not reprotected. before: they are reprotected
    while they run, then a person is asked once for all of them; during: group after group they are shut
    down, and everything is sent to new disks without comparing."""
    target_appliance: str | None = Field(None, min_length=1, max_length=200)
    """With a data synchronization: the name or id of the appliance that will have all of them."""


class PlanChangeRecoveryPoint(PlanPart):
    """The failed-over machines are started again from other points, group after group."""

    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST_PROCESSED
    """How each machine's point is chosen; not custom."""


class PlanCommit(WithoutSiteOptions, PlanPart):
    """The failover is accepted: each machine's point is kept, the others are deleted."""


class PlanCancelFailover(WithoutSiteOptions, PlanPart):
    """The failover is cancelled; the machines run at their source again."""


class PlanReprotect(PlanPart):
    """Replication is reversed: source and target swap roles."""

    location: Location = Location.ORIGINAL
    """original: onto the old source's disks, only changes are sent; alternate: a full copy."""
    target_appliance: str | None = None
    """With alternate: the name or id of the appliance that will hold all replicas; null: of each machine
    the one that had it."""


class PlanPreviewQuery(PlanPart):
    """What would be run."""

    # Parameters of a query are described as they are made; the other shapes when a schema is asked for.
    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    direction: Direction | None = None
    """Away from their home site, or home."""
    groups: Groups = ()
    """Only these groups, by their numbers from 1."""
    leave_out: LeftOut = ()
    """Not these machines, by name or id."""
    verb: Verb = Verb.FAILOVER
    """What the plan would be run for."""
    choice: RecoveryPointChoice | None = None
    """How each machine's point would be chosen; null: the verb's default."""
    data_sync: DataSync | None = None
    """For planned_failover: how machines that were not reprotected would be synchronized."""
    location: Location | None = None
    """With a data synchronization: onto which disks; null: original before, alternate during the failover."""
    target_appliance: str | None = None
    """With a data synchronization: the appliance that would have all of them."""


class PlanPreviewMachine(Shape):
    """A machine that would be taken."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    from_site: str
    """Where it runs."""
    to_site: str
    """Where it would run."""
    host: str | None = None
    """Its host there, by the name of its appliance: another one if that of its replica does not answer; null:
    none."""
    other_hosts: tuple[str, ...] = ()
    """Which other hosts reach the store of its replica, and have memory for it."""
    point: PointShape | None = None
    """The recovery point that it would start from now; null: the verb starts from none, or moves without
    loss."""
    loses_seconds: float | None = None
    """How much of its work would be lost, at most."""
    second_site: TargetProperties = TargetProperties()
    """What it is to be like there; what is null is as at home."""
    problem: Problem | None = None
    """Why it has no such point: then no run with this choice begins."""
    predicted_seconds: float | None = None
    """How long it will take until it runs; null: no run is known, or the verb is not predicted."""
    predicted_downtime_seconds: float | None = None
    """How much of that it will run nowhere, beside waiting for others of the plan; null for a verb that
    does not shut it down first."""
    hooks: tuple[str, ...] = ()
    """Its hooks that would run, by their names, in their order."""
    connecting: tuple[LineStanding, ...] = ()
    """Of a verb that starts it at the other site: what lets somebody connect to it there."""
    synchronization: ReprotectPreview | None = None
    """What would be sent before it can come home, what is in the way, and how that would best be done; null:
    it is protected already, or no data synchronization was asked for."""


class PlanPreviewGroup(Shape):
    """A group of which machines would be taken."""

    number: int
    """In the plan, from 1."""
    machines: tuple[PlanPreviewMachine, ...]
    """Side by side."""
    before: tuple[str, ...] = ()
    """Names of what people do before it."""
    after: tuple[str, ...] = ()
    """Names of what people do after it."""
    scripts: tuple[str, ...] = ()
    """Of these names those for which the target's appliance runs a script, and nobody is asked."""


class PlanPreview(Shape):
    """What a run of the plan would do if it were asked for now."""

    plan: str
    """Its name."""
    verb: Verb
    """What it would be run for."""
    data_sync: DataSync | None = None
    """How machines that were not reprotected would be synchronized."""
    direction: Direction | None = None
    """Null: see `problem`."""
    groups: tuple[PlanPreviewGroup, ...] = ()
    """In their order."""
    shut_down: tuple[int, ...] = ()
    """Numbers of the groups, in the order in which their machines are shut down, all before the first one
    starts; none if the verb shuts none down so."""
    left_out: tuple[str, ...] = ()
    """Which machines of the plan would not be taken, and why."""
    warnings: tuple[str, ...] = ()
    """What somebody should know before it begins."""
    predicted: PlanPrediction | None = None
    """How long it will take; null for a verb that is not predicted."""
    problem: Problem | None = None
    """Why it could not be run so."""
