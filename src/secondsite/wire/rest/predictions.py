"""How long a run will take, from the history of former ones; how long one took, compared with the
prediction; and what it takes to protect machines."""

from enum import StrEnum

from pydantic import ConfigDict, Field

from ...domain.lifecycle import Verb
from ...domain.prediction import capacity
from ...domain.prediction.data_sync import DataSync
from ...domain.prediction.predicting import Basis
from ...domain.prediction.timing import Part
from ..common.base import Problem, Shape
from ..common.numbers import Name
from .preflights import PreflightObstacle
from .verbs import Location


class PredictedPart(Shape):
    """A part of a run."""

    part: Part
    """Which part."""
    seconds: float
    """How many seconds it takes."""


class Prediction(Shape):
    """How long a verb will take for a machine until the machine runs."""

    machine: str
    """Its name."""
    verb: Verb
    """What would be run."""
    basis: Basis
    """The history that the prediction is based on; nothing: no run is known, and all times are null."""
    runs: int = 0
    """How many former runs that is."""
    seconds: float | None = None
    """Until its guest is seen to run: the median of those runs."""
    least_seconds: float | None = None
    """What the fastest of them took."""
    most_seconds: float | None = None
    """What the slowest of them took."""
    downtime_seconds: float | None = None
    """How much of it the machine will run nowhere; null for a verb that does not shut it down first."""
    parts: tuple[PredictedPart, ...] = ()
    """In their order: the median of each."""
    goal_seconds: int | None = None
    """What its policy sets as the goal; null: none is set."""
    advice: str | None = None
    """What would make the prediction better."""
    hooks: tuple[str, ...] = ()
    """The machine's hooks that would run, by their names, in their order: their time is in none of these."""


class PlanPrediction(Shape):
    """How long a plan's run will take: in each group as long as its slowest machine."""

    seconds: float | None = None
    """Seconds without actions of people and scripts; null: nothing is known of any machine."""
    most_seconds: float | None = None
    """Seconds if each machine is as slow as its slowest known run."""
    unknown_machines: int = 0
    """Machines of which nothing is known, and which are left out of it."""
    people: int = 0
    """Actions of people that the run waits for: their time is not in it."""
    scripts: int = 0
    """Scripts that the run runs: their time is not in it."""
    goal_seconds: int | None = None
    """What the plan sets as the goal; null: none is set."""


class ReprotectPreview(Shape):
    """What a reprotect would send, and how long it would take."""

    machine: str
    """Its name."""
    location: Location
    """original: onto the old source's disks, which are compared; alternate: a full copy."""
    appliance: str | None = None
    """The name of the appliance that would hold the replica; null: it is no longer enrolled."""
    site: str = ""
    """The site that would hold it; empty: an older vault does not say it."""
    ready: bool = True
    """Whether nothing blocks it."""
    obstacles: tuple[PreflightObstacle, ...] = ()
    """What is in the way, and what is warned of; what blocks comes first."""
    disk_bytes: int
    """The size of its disks."""
    send_bytes: int | None = None
    """About how much is to be sent: what was written since the failover, or a full copy at most. What only
    the old disks have comes on top. Null: it is not known before."""
    seconds: float | None = None
    """About how long it will take until it is protected; null: no reprotect between these sites is known."""
    runs: int = 0
    """How many former reprotects the prediction is based on."""
    own: bool = False
    """Whether they are the machine's own."""
    data_sync: DataSync | None = None
    """How a failback would best synchronize, if the machine is not reprotected before; null: the site
    could not be asked."""
    data_sync_because: str = ""
    """Why that is recommended."""
    problem: Problem | None = None
    """Why the site where the machine runs could not be asked."""


class RunTiming(Shape):
    """What a run that succeeded took."""

    seconds: float
    """Its parts together; waiting for others in a plan is not in it."""
    predicted_seconds: float | None = None
    """What was predicted before; null: nothing was known."""
    downtime_seconds: float | None = None
    """From when the machine began to shut down at one side until it was started at the other; null: the
    run did not shut it down, so that nobody knows when it stopped."""
    parts: tuple[PredictedPart, ...] = ()
    """In their order."""


MOST_NAMED = 200
MOST_RATE = 10**15


class Which(StrEnum):
    """Which machines capacity is planned for."""

    ALL = "all"
    """Those that are protected this way, and those of the source that are not protected."""
    PROTECTED = "protected"
    """Those that are protected this way."""
    UNPROTECTED = "unprotected"
    """Those of the source that are not protected."""


class CapacityQuery(Shape):
    """Which machines, from where to where, and what is assumed."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    source: str
    """The site where they run."""
    target: str
    """The site that would hold their replicas."""
    policy: str = "default"
    """The replication policy that they would have."""
    machine: tuple[Name, ...] = Field((), max_length=MOST_NAMED)
    """Only these, by name or id, protected or not; none: those that `which` says."""
    which: Which = Which.ALL
    """Which machines, if none are named."""
    bandwidth: int | None = Field(None, ge=1, le=MOST_RATE)
    """What may be sent between the sites, in bytes per second; left out: no times are told."""
    daily_change_percent: float = Field(capacity.DAILY_CHANGE_PERCENT, ge=0, le=1000)
    """How much of its data a machine is taken to write in a day, if nothing is measured."""
    used_percent: float = Field(capacity.USED_PERCENT, gt=0, le=100)
    """How much of its disks a machine is taken to use, if it has no replica yet."""
    busiest_factor: float = Field(capacity.BUSIEST_FACTOR, ge=1, le=1000)
    """How many times the mean a machine is taken to write when it writes most, if nothing is measured."""


class MachineCapacity(Shape):
    """What one machine needs."""

    machine: str
    """Its name."""
    protected: bool
    """Whether it is under protection this way already."""
    basis: capacity.Basis
    """How it is known what it writes."""
    measured_seconds: float | None = None
    """Of how long its points tell what it writes; null: of too short a time."""
    disk_bytes: int
    """The size of its disks."""
    base_bytes: int
    """A copy of its data: what the oldest point takes in the store, or what is taken to be in use."""
    daily_bytes: int
    """What it writes in a day."""
    busiest_rate: int
    """Bytes per second in its busiest five minutes."""
    store_bytes: int
    """The copy, the history that the policy keeps, and the journal."""
    memory_bytes: int
    """Its memory at the target."""
    vcpus: int
    """Its processors there."""


class TargetCapacity(Shape):
    """What the target has, as its appliances reported last."""

    hosts: int
    """How many hosts reported what they have."""
    memory_bytes: int
    """Their memory in all."""
    free_bytes: int
    """What of it is free now."""
    largest_host_bytes: int
    """The memory of the largest of them."""
    vcpus: int
    """Their logical processors."""
    store_free_bytes: int
    """What is free in the stores there."""


class LargestPlan(Shape):
    """The recovery plan whose machines, of those that are looked at, need the most memory."""

    plan: str
    """Its name."""
    machines: int
    """How many of them are in it."""
    memory_bytes: int
    """Their memory together."""
    vcpus: int
    """Their processors together."""


class Capacity(Shape):
    """What it takes to protect machines from one site to another. All is counted before compression, which
    saves what it can."""

    source: str
    """The site where they run."""
    target: str
    """The site that would hold their replicas."""
    policy: str
    """The policy that counts."""
    rpo_goal_seconds: int
    """Its RPO threshold."""
    retention_seconds: int
    """How long it keeps points."""
    machines: tuple[MachineCapacity, ...]
    """What each machine needs, by name."""
    measured: int
    """Of how many it is measured what they write; of the others it is assumed."""
    mean_rate: int
    """What they write together, in bytes per second, as the mean of a day."""
    goal_rate: int
    """The least bandwidth, in bytes per second, at which each of them keeps the RPO threshold also when most
    is written."""
    bandwidth: int | None = None
    """The bandwidth that was asked for; null: none was."""
    first_copy_bytes: int
    """What is copied first of machines that have no replica there."""
    first_copy_seconds: float | None = None
    """How long that takes at that bandwidth, while they go on writing; null: no bandwidth was given, or it
    never ends."""
    store_bytes: int
    """What the store at the target has to hold for all of them."""
    more_store_bytes: int
    """What of it is not there yet."""
    scratch_bytes: int
    """Scratch space at the source."""
    memory_bytes: int
    """Memory at the target if all of them run there."""
    vcpus: int
    """Processors there."""
    largest_plan: LargestPlan | None = None
    """The plan that needs the most; null: none of them is in a plan."""
    there: TargetCapacity | None = None
    """What the target has; null: nobody told, or it is outside of what the caller may see."""
    assumptions: tuple[str, ...] = ()
    """What was assumed, in sentences."""
    warnings: tuple[str, ...] = ()
    """What would not be enough, in sentences."""
    problem: Problem | None = None
    """Why the source could not be asked for its machines now."""
