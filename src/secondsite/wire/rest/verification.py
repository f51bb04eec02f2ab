"""What a site gives to copies that are booted only to be looked at, as it crosses a process."""

from typing import Annotated, Literal

from pydantic import Field

from ...domain.verification_budget import MOST_AT_ONCE, MOST_DAYS, VerificationBudget
from ..common.base import Shape

CopyNetwork = Literal["none", "isolated"]


class VerificationShape(Shape):
    """What a site gives to copies of recovery points that are booted only to be looked at."""

    every_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] = 0
    """How many days pass between two scheduled looks at each machine; 0: none is scheduled."""
    at_once: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)] = 1
    """How many copies run there at once."""
    memory_bytes: Annotated[int, Field(ge=1)] | None = None
    """How much memory they have all together; null: no limit."""
    begins: str = "00:00"
    """"HH:MM" (UTC): from then on the schedule starts copies."""
    ends: str = "24:00"
    """"HH:MM", or "24:00"; earlier than `begins`: on the next day."""
    network: CopyNetwork = "none"
    """isolated: each copy has an isolated network of its own, in which ports and pages are checked; none:
    these checks are left out."""

    @classmethod
    def of(cls, budget: VerificationBudget) -> "VerificationShape":
        return cls(
            every_days=budget.every_days,
            at_once=budget.at_once,
            memory_bytes=budget.memory_bytes,
            begins=budget.begins,
            ends=budget.ends,
            network="isolated" if budget.network == "isolated" else "none",
        )

    def to_domain(self) -> VerificationBudget:
        """The budget that the domain uses. Raises InvalidArgument for invalid times."""
        return VerificationBudget(**self.model_dump(include=set(VerificationShape.model_fields)))
