"""Replication policies."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from ...domain.policies import ReplicationPolicy
from ...jobs.storage.prepared import Prepared, Remembered
from . import rows, tables


def _with_whether(policy: ReplicationPolicy, read_only: bool) -> tuple[ReplicationPolicy, bool]:
    return policy, read_only


_POLICY = Prepared(select(tables.policies.c.policy).where(tables.policies.c.name == bindparam("wanted")))
_ALL = Remembered(
    select(tables.policies.c.policy, tables.policies.c.read_only).order_by(tables.policies.c.name),
    _with_whether,
)


class SqlPolicies:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, policy: ReplicationPolicy, read_only: bool = False) -> None:
        values = {"name": policy.name, "policy": policy, "read_only": read_only}
        rows.upsert(self._session, tables.policies, values)

    def find(self, name: str) -> ReplicationPolicy | None:
        row = _POLICY.one(self._session, {"wanted": name})
        return None if row is None else row["policy"]

    def list(self) -> Sequence[tuple[ReplicationPolicy, bool]]:
        """Each policy with whether it is read-only, by name."""
        return _ALL.all(self._session)

    def remove(self, name: str) -> None:
        self._session.execute(delete(tables.policies).where(tables.policies.c.name == name))
