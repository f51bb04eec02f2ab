"""Scripts of recovery plans and hooks of machines: the orders to check and to run them, and the context that
a script reads."""

from typing import Annotated, Literal

from pydantic import Field

from ...domain.lifecycle import State, Verb
from ...domain.machines.hooks import HookMoment
from ...domain.plans.actions import MOST_ACTIONS, MOST_SECONDS, SCRIPT
from ...domain.plans.directions import Direction, FailoverKind
from ..common.base import Shape
from ..common.cards import MOST_CARDS
from ..common.numbers import BoundedTuple, Text
from ..common.points import PointId

MOST_OF_THE_OUTPUT = 4000
"""Characters of a script's output that are kept: the last ones."""
AGENT_SECONDS = 180.0
"""How long the guest agent of a machine, which may be booting, is waited for before a script begins in it."""
MOST_SCRIPTS = 200 * MOST_ACTIONS
ScriptName = Annotated[str, Field(pattern=f"^{SCRIPT.pattern}$")]


class ScriptCard(Shape):
    """A network card of the machine where the script runs."""

    key: str
    """Its name in the machine's definition."""
    mac: str
    """Its MAC address there, in lower case."""
    network: str | None = None
    """Its network there; null: it is not connected."""
    address: str | None = None
    """The IPv4 address that is set for it there; null: none is."""
    addresses: tuple[str, ...] = ()
    """The IPv4 addresses that its guest agent says it has."""


class ScriptMachine(Shape):
    """A machine of the group, or that of the hook."""

    id: str
    """Stays the same whatever the machine is called."""
    name: str
    """Its name."""
    from_site: str
    """The site that it leaves; of a drill, where it runs on."""
    to_site: str
    """The site that it goes to. A cancelled failover brings it back."""
    state: State
    """Its state when the script was ordered."""
    drill: bool = False
    """Whether a copy of it runs as a test now."""
    point: PointId | None = None
    """The recovery point that it, or its test copy, was started from; null before its start."""
    networks: tuple[str, ...] = ()
    """The networks of its cards at the site where it was protected."""
    fabric_id: str | None = None
    """Of a hook: what the site where the script runs calls the machine; with libvirt its UUID."""
    cards: Annotated[tuple[ScriptCard, ...], Field(max_length=MOST_CARDS)] = ()
    """Of a hook: its cards where the script runs."""
    addresses: tuple[str, ...] = ()
    """Of a hook: its IPv4 addresses there, as its guest agent or the hypervisor tells them now; if nobody
    does, those that are set."""


class ScriptContext(Shape):
    """What a script reads as JSON from its standard input; the same in both directions."""

    format: Literal[1] = 1
    """The version of this format. It rises with a change that existing scripts could not read; new fields may
    be added without that."""
    plan: str
    """The plan's name; empty for a hook."""
    run: str
    """The id of the run's job, or of that whose hook this is."""
    verb: Verb
    """What the plan or the machine is run for."""
    kind: FailoverKind
    """Test, planned or unplanned."""
    direction: Direction
    """Away from the machines' home site, or home."""
    is_drill: bool
    """Whether this is a test: nothing of the production may be touched."""
    group: int
    """The group's number in the plan, from 1; 0 for a hook."""
    when: Literal["before", "after"]
    """Before the group's first machine, or after its last one; of a hook, before its stop, or after its
    start."""
    action: str
    """The action's name in the plan, or the hook's."""
    machines: tuple[ScriptMachine, ...]
    """The machines of the group that this run takes, failed ones too; of a hook, its machine."""
    guest: str | None = None
    """The machine inside which it runs; null: at the appliance."""
    moment: HookMoment | None = None
    """When the hook runs; null: this is a plan's script."""
    at_site: str = ""
    """The site at which the script runs."""


class CheckScripts(Shape):
    """The scripts to check, by file name."""

    names: Annotated[tuple[ScriptName, ...], Field(max_length=MOST_SCRIPTS)]
    in_guests: Annotated[tuple[ScriptName, ...], Field(max_length=MOST_SCRIPTS)] = ()
    """The scripts that are to be run inside machines."""


class MissingScripts(Shape):
    """Why some of them cannot be run, one sentence each."""

    problems: Annotated[tuple[Text, ...], BoundedTuple(MOST_SCRIPTS)] = ()
    knows_guests: bool = False
    """Whether the appliance runs scripts inside machines: an older one does not, and has not checked them."""


class RunScript(Shape):
    """Run the file of this name, for at most `timeout_seconds`, with the context as JSON on its standard
    input. `looks_at`: the machine here, by its fabric id, whose addresses are put into it first; an older
    appliance leaves them out."""

    name: ScriptName
    timeout_seconds: Annotated[float, Field(gt=0, le=MOST_SECONDS)]
    context: ScriptContext
    looks_at: str | None = None


class GuestOfScript(Shape):
    """A running machine, as the site knows it and as people call it."""

    fabric_id: str
    name: str


class RunGuestScript(RunScript):
    """The same, inside a machine, by its guest agent."""

    guest: GuestOfScript


class ScriptResult(Shape):
    """How a script ended. `exit_status` is negative for a signal, null if it was killed at its deadline or
    the appliance ended meanwhile: then it is `interrupted` and may have run, wholly or in part. `output` has
    its last lines."""

    exit_status: int | None = None
    interrupted: bool = False
    seconds: float = 0
    output: Annotated[str, Field(max_length=MOST_OF_THE_OUTPUT)] = ""
