"""Replication groups."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from ...domain import errors
from .. import ports
from . import rows, tables

GROUPS, MACHINES = tables.groups, tables.machines


class SqlGroups:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, group: ports.GroupRecord) -> None:
        """Raises AlreadyExists."""
        if self.find(group.name):
            raise errors.AlreadyExists(f"There is a group '{group.name}' already.")
        self._session.execute(insert(GROUPS).values(**rows.row(group)))

    def put(self, group: ports.GroupRecord) -> None:
        self._session.execute(update(GROUPS).where(GROUPS.c.name == group.name).values(**rows.row(group)))

    def find(self, name: str) -> ports.GroupRecord | None:
        return rows.one(self._session, ports.GroupRecord, select(GROUPS).where(GROUPS.c.name == name))

    def list(self) -> Sequence[ports.GroupRecord]:
        return rows.many(self._session, ports.GroupRecord, select(GROUPS).order_by(GROUPS.c.name))

    def members(self, name: str) -> Sequence[ports.MachineRecord]:
        query = select(MACHINES).where(MACHINES.c.group == name).order_by(MACHINES.c.name, MACHINES.c.id)
        return rows.many(self._session, ports.MachineRecord, query)

    def remove(self, name: str) -> None:
        self._session.execute(delete(GROUPS).where(GROUPS.c.name == name))
