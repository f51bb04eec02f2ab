"""The directions and the kinds of failover that a plan is run for."""

from enum import StrEnum


class Direction(StrEnum):
    """The direction of a machine's move, seen from its home."""

    AWAY = "away"
    """From its home site to the other one."""
    HOME = "home"
    """Back to its home site."""


class FailoverKind(StrEnum):
    """The kind of failover that a plan is run for."""

    TEST = "test"
    PLANNED = "planned"
    UNPLANNED = "unplanned"
