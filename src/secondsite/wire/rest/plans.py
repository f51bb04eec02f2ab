"""Recovery plans."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AwareDatetime, Field

from ...domain.lifecycle import State
from ...domain.plans import held_checks
from ...domain.plans.actions import (
    MOST_ACTIONS,
    MOST_OF_A_NAME,
    MOST_OF_AN_INSTRUCTION,
    MOST_SECONDS,
    SCRIPT,
    USUAL_SECONDS,
)
from ...domain.plans.directions import Direction, FailoverKind
from ...ground.units import DAY
from ..common.base import SITE_NAME, Editable, Shape
from .errors import Page
from .verbs import MOST_MACHINES

MOST_GROUPS = 100
MOST_OF_A_GOAL = 30 * DAY
MOST_OF_A_GUEST = 255
MOST_HELD_SECONDS = held_checks.MOST_SECONDS
LIVE = {"name", "source_site", "target_site", "state", "generation", "drill_generation"}
"""What is said of a plan's machine, and is not the plan's."""


class PlanAction(Shape):
    """What a person is to do, or which script is run, before or after a group."""

    name: str = Field(min_length=1, max_length=MOST_OF_A_NAME)
    """What people see of it in the run of a plan."""
    instruction: str = Field("", max_length=MOST_OF_AN_INSTRUCTION)
    """What is to be done; needed unless there is a script."""
    kinds: tuple[FailoverKind, ...] = Field(tuple(FailoverKind), min_length=1, max_length=len(FailoverKind))
    """The kinds of failover that it is for."""
    directions: tuple[Direction, ...] = Field(tuple(Direction), min_length=1, max_length=len(Direction))
    """Which way the machines go when it is to be done: away from their home site, or home."""
    script: str | None = Field(None, pattern=f"^{SCRIPT.pattern}$")
    """Instead of asking a person: the name of a file in the script folder of the target's appliance, which
    runs it."""
    timeout_seconds: float = Field(USUAL_SECONDS, gt=0, le=MOST_SECONDS)
    """How long the script may run."""
    guest: str | None = Field(None, min_length=1, max_length=MOST_OF_A_GUEST)
    """The machine of the plan, by name or id, inside which its guest agent runs the script; null: the
    appliance itself runs it. The machine has started by then: it is in an earlier group, or for what comes
    after a group, in that one."""


Actions = Annotated[tuple[PlanAction, ...], Field(max_length=MOST_ACTIONS)]


class PlanGroupChange(Shape):
    """Machines that are recovered side by side."""

    machines: tuple[str, ...] = Field(min_length=1, max_length=MOST_MACHINES)
    """By name or id. One whose protection has ended may stay."""
    before: Actions = ()
    """In their order, before its first machine."""
    after: Actions = ()
    """In their order, after its last machine."""


class PlanChange(Shape):
    """What a plan is to be: all of it."""

    groups: tuple[PlanGroupChange, ...] = Field(min_length=1, max_length=MOST_GROUPS)
    """In the order in which they are recovered. The vault's settings say how many are allowed."""
    rto_goal_seconds: int = Field(0, ge=0, le=MOST_OF_A_GOAL)
    """How long a run may take until its last machine is proven to run; 0: no goal."""
    commit_after_held_seconds: int = Field(0, ge=0, le=MOST_HELD_SECONDS)
    """For how long the checks of all its machines have to hold after a failover until it commits by itself:
    at least 300; 0: it never does. A vault of an earlier release ignores it."""


class PlanCreate(PlanChange):
    """A new recovery plan."""

    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""


class PlanMachine(Shape):
    """A machine of a plan."""

    id: str
    """The plan holds machines by their ids."""
    name: str
    """Its name; of one whose protection ended, its former name."""
    source_site: str
    """Where it runs; of one whose protection ended, where it ran when it was put into the plan."""
    target_site: str
    """Where it is recovered; the same holds."""
    state: State | None = None
    """Null: its protection ended."""
    generation: int = 0
    """Rises with every verb that moves it, or changes what it is started from."""
    drill_generation: int = 0
    """Rises with every test failover and every clean-up."""


class PlanGroup(Shape):
    """Machines that are recovered side by side."""

    machines: tuple[PlanMachine, ...]
    """As the plan was told them."""
    before: tuple[PlanAction, ...] = ()
    """In their order, before its first machine."""
    after: tuple[PlanAction, ...] = ()
    """In their order, after its last machine."""


class PlanHeldChecks(Shape):
    """What is known since the last failover of a plan that may commit by itself."""

    since: AwareDatetime | None = None
    """Since when the checks of all its machines have held (UTC); null: they do not, or nobody has looked."""
    commits_not_before: AwareDatetime | None = None
    """When it commits by itself at the earliest, if they go on holding (UTC); null: it does not."""
    problem: str = ""
    """Why they do not hold, or why it does not commit by itself whatever they say; empty: nothing."""
    kept_open_by: str | None = None
    """Who said that this failover is not committed by itself; null: nobody."""
    kept_open_at: AwareDatetime | None = None
    """When that was said (UTC)."""
    job_id: str | None = None
    """The job of the commit that began by itself; null: none did."""


class Plan(Editable):
    """A recovery plan."""

    name: str
    """Its name in all calls."""
    groups: tuple[PlanGroup, ...]
    """In the order in which they are recovered."""
    rto_goal_seconds: int = 0
    """How long a run may take until its last machine is proven to run; 0: no goal."""
    commit_after_held_seconds: int = 0
    """For how long the checks of all its machines have to hold after a failover until it commits by itself;
    0: it never does."""
    held_checks: PlanHeldChecks | None = None
    """What is known since its last failover; null: it does not commit by itself, or was not failed over."""
    created_at: AwareDatetime
    """When it was made (UTC)."""
    changed_at: AwareDatetime
    """When somebody changed it last (UTC)."""
    obstacles: tuple[str, ...] = ()
    """Why it cannot be run as it is: one sentence each."""

    def edited(self) -> Mapping[str, object]:
        live = {"__all__": {"machines": {"__all__": LIVE}}}
        return self.model_dump(mode="json", exclude={"obstacles": True, "held_checks": True, "groups": live})


class PlanPage(Page[Plan]):
    """Recovery plans, by name."""
