"""What the check of the whole configuration found."""

from enum import StrEnum

from pydantic import AwareDatetime

from ..common.base import Shape


class FlawKind(StrEnum):
    """What is wrong. For a site that is away nothing new is found: what was found there before stays."""

    PREPARATION = "preparation"
    """A step before a failover that nobody has taken yet: a second site, an appliance, a protected
    machine, a test failover."""
    APPLIANCE_AWAY = "appliance-away"
    """An appliance that is needed has no connection, or is not enrolled any more: what depends on it was
    not checked."""
    NETWORK_MISSING = "network-missing"
    """A mapping, or the schedule of a drill, names a network that its site does not have."""
    STORE = "store"
    """A store cannot be used, is missing, or is nearly full."""
    POLICY = "policy"
    """A policy asks for something impossible."""
    PLAN = "plan"
    """A plan names a machine that is not protected any more, or that has no recovery point."""
    SCRIPT = "script"
    """A script of a plan, or of a machine's hook, cannot be run at its site."""
    SCHEDULE = "schedule"
    """Something that is scheduled cannot be run."""
    MACHINE = "machine"
    """The machine could not be failed over now."""
    MACHINE_WARNING = "machine-warning"
    """The machine could be failed over, but something about it should be known."""


TO_BE_KNOWN = frozenset({FlawKind.PREPARATION, FlawKind.MACHINE_WARNING})
"""Kinds of which nobody is notified."""


class Flaw(Shape):
    """One thing that is wrong."""

    kind: FlawKind
    """Which kind of thing."""
    about: str
    """What it is about, in words: a plan or a machine with its name, a mapping, a store."""
    what: str
    """What is wrong."""
    do: str
    """What to do about it."""
    sites: tuple[str, ...]
    """The sites that it concerns."""
    since: AwareDatetime
    """When it was first found (UTC)."""


class Validation(Shape):
    """What the last check of the whole configuration found, as far as the caller sees it."""

    checked_at: AwareDatetime | None = None
    """When that was (UTC); null: there was none yet."""
    machines: int = 0
    """How many machines were asked about at their sites."""
    not_asked: int = 0
    """How many were not: a site was away, or time was short. What was found of them before stays."""
    flaws: tuple[Flaw, ...] = ()
    """What is wrong, by kind and by what it is about."""
