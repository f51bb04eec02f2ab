"""Scripts of recovery plans: which there are, one that is run, and what it is told."""

from typing import Annotated, Literal

from pydantic import Field

from ...domain.lifecycle import State, Verb
from ...domain.plans.actions import MOST_ACTIONS, MOST_SECONDS, SCRIPT
from ...domain.plans.directions import Direction, FailoverKind
from ..common.base import Shape

MOST_OF_THE_OUTPUT = 4000
"""Characters of a script's output that are kept: the last ones."""
AGENT_SECONDS = 180.0
"""So long is waited for the guest agent of a machine, which may boot, before a script begins in it."""
MOST_SCRIPTS = 200 * MOST_ACTIONS
ScriptName = Annotated[str, Field(pattern=f"^{SCRIPT.pattern}$")]


class ScriptMachine(Shape):
    """A machine of the group."""

    id: str
    """Stays the same whatever the machine is called."""
    name: str
    """Its name."""
    from_site: str
    """The site that it leaves; of a drill, where it runs on."""
    to_site: str
    """The site that it goes to; the script runs there."""
    state: State
    """Its state when the script was ordered."""
    drill: bool = False
    """Whether a copy of it runs as a test now."""
    point: str | None = None
    """The recovery point that it, or its test copy, was started from; null before its start."""
    networks: tuple[str, ...] = ()
    """The networks of its cards at the site where it was protected."""


class ScriptContext(Shape):
    """What a script reads as JSON from its standard input; the same in both directions."""

    format: Literal[1] = 1
    """Rises when a script would have to read it in another way; new fields may come without that."""
    plan: str
    """The plan's name."""
    run: str
    """The id of the run's job."""
    verb: Verb
    """What the plan is run for."""
    kind: FailoverKind
    """Test, planned or unplanned."""
    direction: Direction
    """Away from the machines' home site, or home."""
    is_drill: bool
    """Whether this is a test: nothing of the production may be touched."""
    group: int
    """The group's number in the plan, from 1."""
    when: Literal["before", "after"]
    """Before the group's first machine, or after its last one."""
    action: str
    """The action's name in the plan."""
    machines: tuple[ScriptMachine, ...]
    """The machines of the group that this run takes, failed ones too."""
    guest: str | None = None
    """The machine inside which it runs; null: at the appliance."""


class CheckScripts(Shape):
    """By file name."""

    names: Annotated[tuple[ScriptName, ...], Field(max_length=MOST_SCRIPTS)]
    in_guests: Annotated[tuple[ScriptName, ...], Field(max_length=MOST_SCRIPTS)] = ()
    """Those that are to be run inside machines."""


class MissingScripts(Shape):
    """Why some of them cannot be run, one sentence each."""

    problems: tuple[str, ...] = ()
    knows_guests: bool = False
    """The appliance runs scripts inside machines: an older one does not, and has not looked for them."""


class RunScript(Shape):
    """Run the file of this name, for at most `timeout_seconds`, with the context as JSON on its standard input."""

    name: ScriptName
    timeout_seconds: Annotated[float, Field(gt=0, le=MOST_SECONDS)]
    context: ScriptContext


class GuestOfScript(Shape):
    """A running machine, as the site knows it and as people call it."""

    fabric_id: str
    name: str


class RunGuestScript(RunScript):
    """The same, inside a machine, by its guest agent."""

    guest: GuestOfScript


class ScriptRan(Shape):
    """How it ended. `exit_status` is negative for a signal, null if it was killed at its deadline or the appliance ended meanwhile:
    then it is `interrupted` and may have run, wholly or in part. `output` has its last lines."""

    exit_status: int | None = None
    interrupted: bool = False
    seconds: float = 0
    output: Annotated[str, Field(max_length=MOST_OF_THE_OUTPUT)] = ""
