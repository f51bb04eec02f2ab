"""The arguments of a plan's run, as its job keeps them.

Steps are made from these arguments, also by later releases: `layout` says how. A run keeps the plan as it was
when the run was started; its machines' jobs carry the generation that each machine had then, so a machine
that somebody else takes meanwhile is left alone (ADR 76, 77).
"""

from typing import Final, Literal

from ...domain.lifecycle import Verb
from ...domain.plans.directions import Direction
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ...wire.common.base import Shape
from ...wire.rest.verbs import Location
from ..steps.batch import BatchChild

PLAN_RUN = "plan_run"
"""The job's name."""
IN_ORDER: Final = 1
"""Layout: one group after the other."""
IN_PHASES: Final = 2
"""Layout of a planned failover, in phases (ADR 87)."""
MACHINES = "/machines"
"""The end of the keys of the steps that move the machines of a group."""


def machines_key(number: int) -> str:
    """The key of the step that moves the machines of the group with that number."""
    return f"g{number}{MACHINES}"


class RunAction(Shape):
    """What a person has to do, or the script that the appliance `at` runs; inside the machine `guest`, if
    given."""

    name: str
    instruction: str
    script: str | None = None
    timeout_seconds: float = 0
    at: str = ""
    guest: str | None = None


class RunGroup(Shape):
    """A group with those of its machines that are taken; `number` is that in the plan. `arrived`: no machine
    is taken, these had arrived before, and something is left to do after them."""

    number: int
    children: tuple[BatchChild, ...]
    arrived: tuple[str, ...] = ()
    before: tuple[RunAction, ...] = ()
    after: tuple[RunAction, ...] = ()


class Synchronization(Shape):
    """How the data of machines that were committed and not reprotected is synchronized on the way home.
    `committed` are the ids of these; `epochs` are by machine id those in which the machines move, so one that
    somebody else has moved meanwhile is noticed."""

    data_sync: DataSync
    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST
    committed: tuple[str, ...]
    epochs: dict[str, int]
    location: Location | None = None
    target_appliance: str | None = None
    store: str | None = None


class PlanRunArguments(Shape):
    """One verb for the machines of a plan. `left_out` says why the others are not in it, `beside` are their
    ids: only those who see all of them see the run. `clean_up`: a test failover ends by itself; with
    `keep_if_failed` only if no proof failed."""

    layout: Literal[1, 2] = IN_ORDER
    plan: str
    verb: Verb
    direction: Direction
    groups: tuple[RunGroup, ...]
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    """Why machines of a drill did not reach each other: the job's result says it too."""
    beside: tuple[str, ...] = ()
    clean_up: bool = False
    keep_if_failed: bool = False
    stay_open: bool = False
    """Whether a test failover waits until the test of each machine is completed."""
    networks_first: bool = False
    """Whether the networks of the drill are made before the first step."""
    rto_goal_seconds: int = 0
    """The plan's goal when the run was started, in seconds."""
    synchronization: Synchronization | None = None

    @property
    def synchronizes_first(self) -> bool:
        """Whether its machines are reprotected before any of them is moved."""
        return self.synchronization is not None and self.synchronization.data_sync is DataSync.BEFORE
