"""How often points are made and how long they stay.

Defaults: RPO threshold 15 minutes, retention 24 hours, app-consistent every 60 minutes (S-041 to S-043); a
crash-consistent point every 5 minutes. The cycles of the last hour are journaled.
"""

from dataclasses import dataclass

from ..ground.units import DAY, HOUR, MINUTE
from . import errors


@dataclass(frozen=True, slots=True)
class ReplicationPolicy:
    """All in seconds. `cycle_seconds` is the pause between deltas; points are sealed every crash_consistent_...;
    0 for app_consistent_every_seconds turns app-consistent points off; retention 0 keeps the latest point only.
    Cycles of the last `journal_seconds` can be recovered one by one; 0 for points only. Drills and failovers are measured by
    `rto_goal_seconds`; 0: there is no such goal."""

    name: str
    rpo_threshold_seconds: int = 15 * MINUTE
    retention_seconds: int = DAY
    crash_consistent_every_seconds: int = 5 * MINUTE
    app_consistent_every_seconds: int = HOUR
    cycle_seconds: float = 5
    journal_seconds: int = HOUR
    rto_goal_seconds: int = 0

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


def failback_twin(policy: ReplicationPolicy) -> ReplicationPolicy:
    """The policy for failing back: made automatically, read-only, with the values of S-041 to S-043 (C-19)."""
    return ReplicationPolicy(
        name=f"{policy.name}-failback",
        rpo_threshold_seconds=15 * MINUTE,
        retention_seconds=DAY,
        crash_consistent_every_seconds=policy.crash_consistent_every_seconds,
        app_consistent_every_seconds=HOUR,
        cycle_seconds=policy.cycle_seconds,
        journal_seconds=policy.journal_seconds,
        rto_goal_seconds=policy.rto_goal_seconds,
    )
