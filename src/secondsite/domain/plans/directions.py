"""The ways and the kinds of failover that a plan is run for."""

from enum import StrEnum


class Direction(StrEnum):
    """Which way a machine goes, seen from its home."""

    AWAY = "away"
    """From its home site to the other one."""
    HOME = "home"
    """Back to its home site."""


class FailoverKind(StrEnum):
    """What a plan is run for."""

    TEST = "test"
    PLANNED = "planned"
    UNPLANNED = "unplanned"
