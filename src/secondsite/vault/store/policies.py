"""Replication policies."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ...domain.policies import ReplicationPolicy
from . import rows, tables


class SqlPolicies:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, policy: ReplicationPolicy, read_only: bool = False) -> None:
        values = {"name": policy.name, "policy": policy, "read_only": read_only}
        rows.upsert(self._session, tables.policies, values)

    def find(self, name: str) -> ReplicationPolicy | None:
        query = select(tables.policies.c.policy).where(tables.policies.c.name == name)
        return self._session.execute(query).scalar_one_or_none()

    def list(self) -> Sequence[tuple[ReplicationPolicy, bool]]:
        """Each policy with whether it is read-only, by name."""
        columns = tables.policies.c
        query = select(columns.policy, columns.read_only).order_by(columns.name)
        return [(policy, read_only) for policy, read_only in self._session.execute(query)]

    def remove(self, name: str) -> None:
        self._session.execute(delete(tables.policies).where(tables.policies.c.name == name))
