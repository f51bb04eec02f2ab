"""Policies in which nothing happens by itself but what a figure is about."""

from __future__ import annotations

from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.rest import PolicyCreate


def policy(cycle_seconds: float = 1.0, point_every_seconds: int = 3600) -> PolicyShape:
    """As an appliance is told; app-consistent points are never due, and no point expires."""
    return PolicyShape(
        name="bench", rpo_threshold_seconds=60, retention_seconds=3600,
        crash_consistent_every_seconds=point_every_seconds, app_consistent_every_seconds=0,
        cycle_seconds=cycle_seconds,
    )  # fmt: skip


def for_vault(point_every_seconds: int, cycle_seconds: float = 5.0, name: str = "bench") -> PolicyCreate:
    """The same as a vault is told."""
    told = policy(cycle_seconds, point_every_seconds).model_dump()
    return PolicyCreate.model_validate({**told, "name": name})
