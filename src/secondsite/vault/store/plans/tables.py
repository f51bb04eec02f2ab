"""The rows of recovery plans. They name machines by their ids, without foreign keys: a plan outlives the protection of its machines."""

from sqlalchemy import Column, String, Table

from ....domain.plans.plan import RecoveryPlan
from ..columns import Shaped, UtcDateTime
from ..tables import metadata

plans = Table(
    "plans",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("plan", Shaped(RecoveryPlan), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)
