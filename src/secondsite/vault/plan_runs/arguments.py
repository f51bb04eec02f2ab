"""What the run of a plan is to do, as its job keeps it.

Steps are made of these arguments, also by later releases: `layout` says how. A run holds the plan as it was
when it was asked for; its machines' jobs carry the generation that each had then, so one that somebody else
takes meanwhile is left alone (ADR 76, 77).
"""

from typing import Final, Literal

from ...domain.lifecycle import Verb
from ...domain.plans.directions import Direction
from ...wire.common.base import Shape
from ..steps.batch import BatchChild

PLAN_RUN = "plan_run"
"""The job's name."""
IN_ORDER: Final = 1
"""Layout: one group after the other."""
IN_PHASES: Final = 2
"""Layout: of a planned failover (ADR 87)."""


class RunAction(Shape):
    """What a person is to do, or which script the appliance `at` runs; inside the machine `guest`, if it
    says one."""

    name: str
    instruction: str
    script: str | None = None
    timeout_seconds: float = 0
    at: str = ""
    guest: str | None = None


class RunGroup(Shape):
    """A group with the machines of it that are taken; `number` is that in the plan. `arrived`: none is,
    these had arrived before, and something is left to do after them."""

    number: int
    children: tuple[BatchChild, ...]
    arrived: tuple[str, ...] = ()
    before: tuple[RunAction, ...] = ()
    after: tuple[RunAction, ...] = ()


class PlanRunArguments(Shape):
    """One verb for the machines of a plan. `left_out` says of the others why they are not in it, `beside`
    are their ids: who sees the run sees all of them. `clean_up`: a test failover ends by itself; with
    `keep_if_failed` only if no proof failed."""

    layout: Literal[1, 2] = IN_ORDER
    plan: str
    verb: Verb
    direction: Direction
    groups: tuple[RunGroup, ...]
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    """Why machines of a drill did not reach each other: its result says it too."""
    beside: tuple[str, ...] = ()
    clean_up: bool = False
    keep_if_failed: bool = False
    networks_first: bool = False
    """The networks of the drill are made before the first step."""
    rto_goal_seconds: int = 0
    """The plan's, when it was asked for."""
