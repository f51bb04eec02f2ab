"""Replication policies: how often points are made and how long they stay.

Defaults: RPO threshold 15 minutes, retention 24 hours, app-consistent every 60 minutes (S-041 to S-043); a
crash-consistent point every 5 minutes. The cycles of the last hour are journaled.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..ground.units import DAY, HOUR, MINUTE
from . import errors


@dataclass(frozen=True, slots=True)
class ReplicationPolicy:
    """A policy; all values in seconds. `cycle_seconds` is the pause between cycles; a point is sealed every
    crash_consistent_every_seconds; app_consistent_every_seconds 0 turns app-consistent points off; retention
    0 keeps the latest point only. Cycles of the last `journal_seconds` can be recovered one by one; 0 for
    points only. `rto_goal_seconds` is the goal for drills and failovers; 0: none. `encrypt`: replicas of
    machines under the policy are encrypted."""

    name: str
    rpo_threshold_seconds: int = 15 * MINUTE
    retention_seconds: int = DAY
    crash_consistent_every_seconds: int = 5 * MINUTE
    app_consistent_every_seconds: int = HOUR
    cycle_seconds: float = 5
    journal_seconds: int = HOUR
    rto_goal_seconds: int = 0
    encrypt: bool = False

    def __post_init__(self) -> None:
        limits = {
            "rpo_threshold_seconds": (1, 7 * DAY),
            "retention_seconds": (0, 365 * DAY),
            "crash_consistent_every_seconds": (1, DAY),
            "app_consistent_every_seconds": (0, 7 * DAY),
            "cycle_seconds": (0.2, HOUR),
            "journal_seconds": (0, DAY),
            "rto_goal_seconds": (0, 30 * DAY),
        }
        for field, (low, high) in limits.items():
            value = getattr(self, field)
            if not low <= value <= high:
                raise errors.InvalidArgument(
                    f"Policy '{self.name}': {field} is {value}, but must lie between {low} and {high}.",
                    do=f"Choose a value from {low} to {high} seconds.",
                )


TWIN = "-failback"


def failback_twin(policy: ReplicationPolicy) -> ReplicationPolicy:
    """The policy for failing back: made automatically, read-only, with the values of S-041 to S-043 (C-19).
    Guests that the original policy never freezes are not frozen on the way back either."""
    return ReplicationPolicy(
        name=f"{policy.name}{TWIN}",
        rpo_threshold_seconds=15 * MINUTE,
        retention_seconds=DAY,
        crash_consistent_every_seconds=policy.crash_consistent_every_seconds,
        app_consistent_every_seconds=HOUR if policy.app_consistent_every_seconds else 0,
        cycle_seconds=policy.cycle_seconds,
        journal_seconds=policy.journal_seconds,
        rto_goal_seconds=policy.rto_goal_seconds,
        encrypt=policy.encrypt,
    )


def in_force(name: str, read_only: Mapping[str, bool], comes_home: bool) -> str:
    """The name of a machine's policy from a reprotect on, if it had `name` before: the failback twin on its
    way home (S-044), its own again from home. `read_only`: whether each policy, by name, is read-only. A
    machine whose twin is gone keeps its policy."""
    own = own_name(name, read_only)
    twin = f"{own}{TWIN}"
    return twin if comes_home and read_only.get(twin, False) else own


def own_name(name: str, read_only: Mapping[str, bool]) -> str:
    """The name of the policy whose failback twin this is; the same name for a policy that is no twin."""
    return name.removesuffix(TWIN) if read_only.get(name, False) else name
