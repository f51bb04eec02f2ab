"""What an appliance is told of its machines, to be kept in its store: what starts them there without a
vault, and what a new vault would have to know of them."""

from typing import Annotated

from pydantic import Field

from ..common.base import Shape
from ..common.numbers import Number
from ..common.properties import AS_DEFINED, Sizing
from .adopting import AdoptionRecord, AdoptionSettings
from .cards import LocalCard


class RescueMachine(Shape):
    """A machine whose target is the appliance's site; `home`: it comes home to there, as it was.
    `fabric_id`, `name`: of what a failover makes there; `cards`: what each is connected to there; `macs`:
    MAC addresses there of cards that do not keep their own, by those at home. `epoch`: of its replica; a
    new one is told anew."""

    id: str
    epoch: Number
    machine: str
    fabric_id: str
    name: str
    cards: tuple[LocalCard, ...] = ()
    macs: dict[str, str] = Field(default_factory=dict)
    sizing: Sizing = AS_DEFINED
    home: bool = False


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
    """As a plan names it."""

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
    """All that an appliance keeps; in place of what it kept before. `site`: its own. `records`, `vault`:
    what a new vault would have to know, of the machines that the appliance is target or source of; an
    older vault says neither. Bounds are the vault's own, many times over."""

    site: str
    machines: Annotated[tuple[RescueMachine, ...], Field(max_length=100_000)] = ()
    plans: Annotated[tuple[RescuePlan, ...], Field(max_length=10_000)] = ()
    records: Annotated[tuple[AdoptionRecord, ...], Field(max_length=100_000)] = ()
    vault: AdoptionSettings | None = None


class RescueManifestFact(Shape):
    """`written`: how many files were written, as they were not so before."""

    written: Number = 0
