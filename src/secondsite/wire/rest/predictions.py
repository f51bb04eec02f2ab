"""How long a run will take, from the history of former ones; and how long one took, compared with the
prediction."""

from ...domain.lifecycle import Verb
from ...domain.prediction.data_sync import DataSync
from ...domain.prediction.predicting import Basis
from ...domain.prediction.timing import Part
from ..common.base import Problem, Shape
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
