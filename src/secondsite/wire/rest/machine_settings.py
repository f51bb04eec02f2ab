"""How the network cards of a machine are connected at its second site."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from ..common.base import Editable, Shape
from ..common.cards import MOST_CARDS as MOST_CARDS
from ..common.cards import CardSettings
from ..common.hooks import MOST_HOOKS, MachineHook
from ..common.machine_checks import MOST_CHECKS, MachineCheck
from ..common.properties import TargetProperties


class MachineSettingsChange(Shape):
    """What is set for the machine's cards; one that is not named is connected by the mappings."""

    cards: Annotated[tuple[CardSettings, ...], Field(max_length=MOST_CARDS)] = ()
    """Each card once."""


class MachineCard(CardSettings):
    """A card, with what is set for it."""

    mac: str
    """Its MAC address at home, which names it."""
    key: str
    """Its name in sentences of jobs."""
    source_network: str | None = None
    """What it is connected to where the machine runs."""
    becomes: str | None = None
    """The network that it is connected to after a failover, by the present settings and mappings; null:
    none."""
    subnets: tuple[str, ...] = ()
    """The IPv4 subnets of that network, as its site said last, or of its pool; none: not known. An address in
    none of them is refused by the check of a planned failover."""
    pool: str | None = None
    """The pool that its address comes from; null: it does not get one from a pool, or its network has no
    pool."""
    pool_address: str | None = None
    """The address that it has out of a pool; null: none now."""


class MachineSettings(Editable):
    """A machine's own settings for its second site."""

    machine: str
    """Its id."""
    name: str
    """Its name."""
    cards: tuple[MachineCard, ...]
    """Its network cards, in the platform's order."""
    notes: tuple[str, ...] = ()
    """What somebody should know about the settings, in words."""

    def edited(self) -> Mapping[str, object]:
        return {
            "cards": [
                card.model_dump(mode="json", include=set(CardSettings.model_fields)) for card in self.cards
            ]
        }


# What is checked of a machine after each start at its second site.


class MachineChecksChange(Shape):
    """The new checks of a machine: all of them."""

    checks: Annotated[tuple[MachineCheck, ...], Field(max_length=MOST_CHECKS)] = ()
    """Each name once."""


class MachineChecks(Editable):
    """What is checked of a machine."""

    machine: str
    """Its id."""
    name: str
    """Its name."""
    checks: tuple[MachineCheck, ...]
    """They run side by side after each start of the machine by a verb."""

    def edited(self) -> Mapping[str, object]:
        return {"checks": [check.model_dump(mode="json") for check in self.checks]}


# The scripts that run when a machine is moved.


class MachineHooksChange(Shape):
    """All hooks of a machine."""

    hooks: Annotated[tuple[MachineHook, ...], Field(max_length=MOST_HOOKS)] = ()
    """Each name once, in the order in which they run."""


class MachineHooks(Editable):
    """The hooks of a machine."""

    machine: str
    """Its id."""
    name: str
    """Its name."""
    hooks: tuple[MachineHook, ...]
    """In the order in which they run."""

    def edited(self) -> Mapping[str, object]:
        return {"hooks": [hook.model_dump(mode="json") for hook in self.hooks]}


# What a machine is to be like at its second site.


class MachinePropertiesChange(TargetProperties):
    """The new properties of a machine: all of them."""


class MachineProperties(Editable, TargetProperties):
    """What is set for a machine's second site, and what it has where it runs."""

    machine: str
    """Its id."""
    name: str
    """Its name."""
    own_vcpus: int
    """How many processors it has where it runs."""
    own_memory_bytes: int
    """How much memory it has where it runs."""
    job_id: str | None = None
    """After a change: the job by which another host takes its replica over, since it is to be kept apart from
    a machine at its present one; else null."""

    def edited(self) -> Mapping[str, object]:
        return self.model_dump(mode="json", include=set(TargetProperties.model_fields))
