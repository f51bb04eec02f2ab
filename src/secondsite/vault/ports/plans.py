"""Recovery plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...domain.plans.plan import RecoveryPlan


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan as it was changed last."""

    name: str
    plan: RecoveryPlan
    created_at: datetime
    changed_at: datetime


class Plans(Protocol):
    def put(self, plan: PlanRecord) -> None:
        """A new one, or in place of the one of that name."""

    def find(self, name: str) -> PlanRecord | None: ...
    def list(self) -> Sequence[PlanRecord]:
        """By name."""

    def remove(self, name: str) -> None: ...
