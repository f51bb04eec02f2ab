"""The choices of a recovery point that there are now."""

from ...domain.lifecycle import Verb
from ...domain.plans.directions import Direction
from ...domain.points import RecoveryPointChoice
from ..common.base import Shape
from ..common.numbers import Instant
from ..common.points import PointShape


class RecoveryChoice(Shape):
    """A choice that can be made now."""

    choice: RecoveryPointChoice
    """How the point is chosen."""
    point: PointShape | None = None
    """The point that it would pick; null: custom names one, and a planned failover makes its last one."""
    taken_at: Instant | None = None
    """The instant of that point."""
    loses_seconds: float | None = None
    """How much work would be lost, at most; null for custom."""


class RecoveryChoices(Shape):
    """The choices of a recovery point that a machine has now."""

    machine: str
    """The machine's name."""
    verb: Verb
    """What it would be started for."""
    choices: tuple[RecoveryChoice, ...]
    """All that are possible; others are refused."""


class PlanChoiceMachine(Shape):
    """What a machine of a plan would start from."""

    name: str
    """Its name."""
    point: PointShape | None = None
    """The point that would be picked for it; null: a planned failover makes its last one."""
    taken_at: Instant | None = None
    """The instant of that point."""
    loses_seconds: float | None = None
    """How much of its work would be lost, at most."""


class PlanChoice(Shape):
    """A choice that all machines of a run have now."""

    choice: RecoveryPointChoice
    """How each machine's point is chosen."""
    machines: tuple[PlanChoiceMachine, ...]
    """In the order of the plan."""
    loses_seconds: float
    """What the machine that loses most would lose, at most."""


class PlanChoices(Shape):
    """The choices of a recovery point that a run of a plan has now."""

    plan: str
    """Its name."""
    verb: Verb
    """What it would be run for."""
    direction: Direction
    """Away from home, or home."""
    choices: tuple[PlanChoice, ...]
    """All that are possible; others are refused."""
