"""Replication policies."""

from collections.abc import Sequence

from sqlalchemy import Boolean, Column, String, Table, bindparam, delete, select
from sqlalchemy.orm import Session

from ...domain.policies import ReplicationPolicy
from ...jobs.storage.prepared import CachedRecords, PreparedStatement
from .sql import rows
from .sql.columns import ShapeColumn, metadata

POLICIES = Table(
    "policies",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("policy", ShapeColumn(ReplicationPolicy), nullable=False),
    Column("read_only", Boolean, nullable=False),
)


def _with_whether(policy: ReplicationPolicy, read_only: bool) -> tuple[ReplicationPolicy, bool]:
    return policy, read_only


_POLICY = PreparedStatement(select(POLICIES.c.policy).where(POLICIES.c.name == bindparam("wanted")))
_ALL = CachedRecords(
    select(POLICIES.c.policy, POLICIES.c.read_only).order_by(POLICIES.c.name),
    _with_whether,
)


class Policies:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, policy: ReplicationPolicy, read_only: bool = False) -> None:
        values = {"name": policy.name, "policy": policy, "read_only": read_only}
        rows.upsert(self._session, POLICIES, values)

    def find(self, name: str) -> ReplicationPolicy | None:
        row = _POLICY.one(self._session, {"wanted": name})
        return None if row is None else row["policy"]

    def list(self) -> Sequence[tuple[ReplicationPolicy, bool]]:
        """Each policy with whether it is read-only, by name."""
        return _ALL.all(self._session)

    def remove(self, name: str) -> None:
        self._session.execute(delete(POLICIES).where(POLICIES.c.name == name))
