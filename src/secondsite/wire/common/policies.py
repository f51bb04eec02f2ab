"""A replication policy as it crosses a process."""

import dataclasses
from typing import Self

from ...domain.policies import ReplicationPolicy
from .base import Shape

DEFAULT = ReplicationPolicy("default")


class PolicyShape(Shape):
    """How often points are made and how long they stay. The limits of the values are in
    `ReplicationPolicy`."""

    name: str
    """Letters, digits, '.', '_' and '-', at most 80."""
    rpo_threshold_seconds: int = DEFAULT.rpo_threshold_seconds
    """The age of the newest usable point, in seconds, from which the machine's health is a warning."""
    retention_seconds: int = DEFAULT.retention_seconds
    """How long points stay, in seconds; 0: only the newest one does."""
    crash_consistent_every_seconds: int = DEFAULT.crash_consistent_every_seconds
    """Seconds between two crash-consistent points."""
    app_consistent_every_seconds: int = DEFAULT.app_consistent_every_seconds
    """Seconds between two app-consistent points; 0: none are made."""
    cycle_seconds: float = DEFAULT.cycle_seconds
    """Seconds of pause between two cycles."""
    journal_seconds: int = DEFAULT.journal_seconds
    """How far back, in seconds, every single cycle can be recovered; 0: only points can."""
    rto_goal_seconds: int = DEFAULT.rto_goal_seconds
    """How long a drill or failover may take until the machine is proven to run, in seconds; 0: no goal is
    set."""
    encrypt: bool = DEFAULT.encrypt
    """Whether the replicas of machines that are protected by it from now on are encrypted, with the key of
    their target's appliance."""

    @classmethod
    def of(cls, policy: ReplicationPolicy) -> Self:
        return cls(**dataclasses.asdict(policy))

    def to_domain(self) -> ReplicationPolicy:
        """Raises InvalidArgument for values out of their limits."""
        return ReplicationPolicy(**{field: getattr(self, field) for field in PolicyShape.model_fields})
