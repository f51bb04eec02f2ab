"""Replication groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, delete, insert, select, update
from sqlalchemy.orm import Session

from ...domain import errors
from ...domain.groups import ReplicationGroup
from .machines.records import MACHINES, MachineRecord
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A replication group; its members are the machines that name it."""

    name: str
    group: ReplicationGroup
    created_at: datetime


GROUPS = Table(
    "groups",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("group", ShapeColumn(ReplicationGroup), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)


class Groups:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, group: GroupRecord) -> None:
        """Add a group. Raises AlreadyExists."""
        if self.find(group.name):
            raise errors.AlreadyExists(f"There is a group '{group.name}' already.")
        self._session.execute(insert(GROUPS).values(**rows.row(group)))

    def put(self, group: GroupRecord) -> None:
        self._session.execute(update(GROUPS).where(GROUPS.c.name == group.name).values(**rows.row(group)))

    def find(self, name: str) -> GroupRecord | None:
        return rows.one(self._session, GroupRecord, select(GROUPS).where(GROUPS.c.name == name))

    def list(self) -> Sequence[GroupRecord]:
        return rows.many(self._session, GroupRecord, select(GROUPS).order_by(GROUPS.c.name))

    def members(self, name: str) -> Sequence[MachineRecord]:
        """The machines of the group, by name."""
        query = select(MACHINES).where(MACHINES.c.group == name).order_by(MACHINES.c.name, MACHINES.c.id)
        return rows.many(self._session, MachineRecord, query)

    def remove(self, name: str) -> None:
        self._session.execute(delete(GROUPS).where(GROUPS.c.name == name))
