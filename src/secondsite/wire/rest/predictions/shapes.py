"""How long a run will take, from the history of former ones; how long one took, beside what was predicted."""

from ....domain.lifecycle import Verb
from ....domain.prediction.predicting import Basis
from ....domain.prediction.timing import Part
from ...common.base import Shape


class PredictedPart(Shape):
    """A part of a run."""

    part: Part
    """Which."""
    seconds: float
    """How long."""


class Prediction(Shape):
    """How long a verb will take for a machine until the machine runs."""

    machine: str
    """Its name."""
    verb: Verb
    """What would be run."""
    basis: Basis
    """What the prediction stands on; nothing: no run is known, and all times are null."""
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
    """What would make it better known."""


class PlanPrediction(Shape):
    """How long a plan's run will take: in each group as long as its slowest machine."""

    seconds: float | None = None
    """Without people and scripts; null: of no machine is anything known."""
    most_seconds: float | None = None
    """As long as the slowest known run of each."""
    unknown_machines: int = 0
    """Machines of which nothing is known, and which are left out of it."""
    people: int = 0
    """Actions of people that the run waits for: their time is not in it."""
    scripts: int = 0
    """Scripts that the run runs: their time is not in it."""
    goal_seconds: int | None = None
    """What the plan sets as the goal; null: none is set."""


class RunTiming(Shape):
    """What a run that succeeded took."""

    seconds: float
    """Its parts together; waiting for others in a plan is not in it."""
    predicted_seconds: float | None = None
    """What was predicted before; null: nothing was known."""
    downtime_seconds: float | None = None
    """From when the machine began to shut down at one side until it was started at the other; null: the run did not shut it down, so
    that nobody knows when it stopped."""
    parts: tuple[PredictedPart, ...] = ()
    """In their order."""
