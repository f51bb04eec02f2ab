"""The order to write the rescue manifest: what an appliance keeps in its store to start its machines without
a vault, and what a new vault would have to know of them."""

from typing import Annotated

from pydantic import Field

from ..common.base import Shape
from ..common.numbers import Number
from ..common.properties import AS_DEFINED, Sizing, StandIns
from .adopting import AdoptionRecord, AdoptionSettings
from .cards import LocalCard


class RescueMachine(Shape):
    """A machine whose target is the appliance's site; `home`: it comes home to there, as it was. `fabric_id`,
    `name`: those of the machine that a failover makes there; `cards`: what each is connected to there;
    `macs`: MAC addresses there of cards that do not keep their own, by those at home. `epoch`: that of its
    replica; `stand_in`: what stands in for disks that were left out, by disk key."""

    id: str
    epoch: Number
    machine: str
    fabric_id: str
    name: str
    cards: tuple[LocalCard, ...] = ()
    macs: dict[str, str] = Field(default_factory=dict)
    sizing: Sizing = AS_DEFINED
    home: bool = False
    stand_in: StandIns = Field(default_factory=dict)


class RescueAction(Shape):
    """What is to be done before or after a group. `guest`: the name of the machine inside which the script
    is run."""

    name: str
    instruction: str = ""
    kinds: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    script: str | None = None
    guest: str | None = None


class RescuePlanMachine(Shape):
    """A machine by its name and id in a plan."""

    id: str
    name: str


class RescueGroup(Shape):
    """Machines that are started side by side."""

    machines: tuple[RescuePlanMachine, ...]
    before: tuple[RescueAction, ...] = ()
    after: tuple[RescueAction, ...] = ()


class RescuePlan(Shape):
    """A recovery plan that has a machine of the appliance's site."""

    name: str
    groups: tuple[RescueGroup, ...]


class KeepRescueManifest(Shape):
    """Everything that an appliance is to keep, in place of what it kept before. `site`: its own. `records`,
    `vault`: what a new vault would have to know about the machines of which the appliance is target or
    source; an older vault sends neither. The limits are many times the vault's own."""

    site: str
    machines: Annotated[tuple[RescueMachine, ...], Field(max_length=100_000)] = ()
    plans: Annotated[tuple[RescuePlan, ...], Field(max_length=10_000)] = ()
    records: Annotated[tuple[AdoptionRecord, ...], Field(max_length=100_000)] = ()
    vault: AdoptionSettings | None = None


class RescueManifestFact(Shape):
    """How many files were written, because their content had changed."""

    written: Number = 0
