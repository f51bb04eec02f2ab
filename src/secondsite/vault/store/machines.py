"""Machines under protection, what is known of them, and what their drills showed."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, CursorResult, and_, delete, exists, insert, or_, select, true, update
from sqlalchemy.orm import Session

from ...domain import errors
from ...wire.control.statuses import OldCopyStatus, ReplicaStatus, SourceStatus
from .. import ports
from . import rows, tables

COLUMNS = tables.machines.c
AT_ONCE = 1000
"""Values in one query: databases have limits."""


class SqlMachines:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, machine: ports.MachineRecord) -> None:
        """Raises AlreadyExists when the machine, at either of its sites, is under protection already."""
        there = self.by_fabric_id(machine.source_site, machine.source_fabric_id)
        if there:
            raise errors.AlreadyExists(
                f"Machine '{there.name}' of site {machine.source_site} is under protection already.",
                do=f"Look at it with 'secondsite machine show {there.name}'.",
            )
        self._session.execute(insert(tables.machines).values(**rows.row(machine)))

    def get(self, machine_id: str) -> ports.MachineRecord:
        found = self._one(COLUMNS.id == machine_id)
        if found is None:
            raise errors.NotFound.named("machine", machine_id)
        return found

    def find(self, name_or_id: str, site: str | None = None) -> ports.MachineRecord | None:
        """By id, else by name; only of those that have `site` as source or target. Raises InvalidArgument when several
        machines have that name."""
        of_site = true() if site is None else or_(COLUMNS.source_site == site, COLUMNS.target_site == site)
        found = self._one(and_(COLUMNS.id == name_or_id, of_site))
        if found:
            return found
        named = self._many(COLUMNS.name == name_or_id, of_site)
        if len(named) > 1:
            ids = ", ".join(f"{machine.id} (site {machine.source_site})" for machine in named)
            raise errors.InvalidArgument(
                f"{len(named)} machines are named '{name_or_id}'.", do=f"Use an id: {ids}."
            )
        return named[0] if named else None

    def by_fabric_id(self, site: str, fabric_id: str) -> ports.MachineRecord | None:
        """The protected machine that this machine of this site is the source or the target of."""
        source = and_(COLUMNS.source_site == site, COLUMNS.source_fabric_id == fabric_id)
        target = and_(COLUMNS.target_site == site, COLUMNS.target_fabric_id == fabric_id)
        found = self._many(or_(source, target))
        return found[0] if found else None

    def list(self, site: str | None = None) -> Sequence[ports.MachineRecord]:
        """All, or those that have `site` as source or target; by name."""
        if site is None:
            return self._many()
        return self._many(or_(COLUMNS.source_site == site, COLUMNS.target_site == site))

    def places(self) -> Sequence[ports.MachinePlace]:
        query = select(COLUMNS.id, COLUMNS.state, COLUMNS.target_appliance_id)
        return rows.many(self._session, ports.MachinePlace, query)

    def put(self, machine: ports.MachineRecord) -> ports.MachineRecord:
        newer = dataclasses.replace(machine, version=machine.version + 1)
        where = and_(COLUMNS.id == machine.id, COLUMNS.version == machine.version)
        result = self._session.execute(update(tables.machines).where(where).values(**rows.row(newer)))
        if _touched(result) == 0:
            raise errors.Conflict(
                f"Machine '{machine.name}' was changed by somebody else meanwhile, or is gone."
            )
        return newer

    def remove(self, machine_id: str) -> None:
        self._session.execute(delete(tables.machines).where(COLUMNS.id == machine_id))

    def _one(self, where: ColumnElement[bool]) -> ports.MachineRecord | None:
        return rows.one(self._session, ports.MachineRecord, select(tables.machines).where(where))

    def _many(self, *where: ColumnElement[bool]) -> Sequence[ports.MachineRecord]:
        query = select(tables.machines).where(*where).order_by(COLUMNS.name, COLUMNS.id)
        return rows.many(self._session, ports.MachineRecord, query)


class SqlStatuses:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, machine_id: str) -> ports.StatusRecord:
        """What was said last; empty when nothing was."""
        query = select(tables.statuses).where(tables.statuses.c.machine_id == machine_id)
        return rows.one(self._session, ports.StatusRecord, query) or ports.StatusRecord(machine_id)

    def get_many(self, machine_ids: Sequence[str]) -> Mapping[str, ports.StatusRecord]:
        """Those of which something was said, by id."""
        found: dict[str, ports.StatusRecord] = {}
        for begin in range(0, len(machine_ids), AT_ONCE):
            ids = machine_ids[begin : begin + AT_ONCE]
            query = select(tables.statuses).where(tables.statuses.c.machine_id.in_(ids))
            found |= {each.machine_id: each for each in rows.many(self._session, ports.StatusRecord, query)}
        return found

    def put_source(self, status: SourceStatus, at: datetime) -> None:
        self._put(status.machine_id, {"source": status, "source_at": at})

    def put_replica(self, status: ReplicaStatus, at: datetime) -> None:
        self._put(status.machine_id, {"replica": status, "replica_at": at})

    def put_old_copy(self, status: OldCopyStatus, at: datetime) -> None:
        self._put(status.machine_id, {"old_copy": status, "old_copy_at": at})

    def generation(self, machine_id: str) -> int:
        """The highest number that an appliance said it had seen; 0 if none did."""
        return self._highest("generation", machine_id)

    def drill_generation(self, machine_id: str) -> int:
        """The same for drills."""
        return self._highest("drill_generation", machine_id)

    def put_generation(self, machine_id: str, generation: int) -> None:
        """The highest one stays, whoever else writes one meanwhile."""
        self._put(machine_id, {"generation": generation}, rising="generation")

    def put_drill_generation(self, machine_id: str, generation: int) -> None:
        self._put(machine_id, {"drill_generation": generation}, rising="drill_generation")

    def remove(self, machine_id: str) -> None:
        self._session.execute(delete(tables.statuses).where(tables.statuses.c.machine_id == machine_id))

    def _highest(self, column: str, machine_id: str) -> int:
        statuses = tables.statuses.c
        said = select(statuses[column]).where(statuses.machine_id == machine_id)
        return self._session.execute(said).scalar_one_or_none() or 0

    def _put(self, machine_id: str, values: dict[str, object], rising: str | None = None) -> None:
        # An appliance may still speak of a machine whose protection has just ended.
        if self._session.execute(select(exists().where(COLUMNS.id == machine_id))).scalar():
            rows.upsert(self._session, tables.statuses, {"machine_id": machine_id, **values}, rising=rising)


class SqlDrillNotes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, note: ports.DrillNote) -> None:
        self._session.execute(insert(tables.drill_notes).values(**rows.row(note)))

    def list(self, machine_id: str) -> Sequence[ports.DrillNote]:
        """Oldest first."""
        notes = tables.drill_notes
        fields = [notes.c[field.name] for field in dataclasses.fields(ports.DrillNote)]
        query = (
            select(*fields).where(notes.c.machine_id == machine_id).order_by(notes.c.completed_at, notes.c.id)
        )
        return rows.many(self._session, ports.DrillNote, query)


def _touched(result: object) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount
