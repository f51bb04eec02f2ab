"""Machines under protection, what is known of them, and what their drills showed."""

import dataclasses
import threading
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Engine,
    Select,
    and_,
    bindparam,
    delete,
    event,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from ...domain import errors
from .. import ports
from . import rows, tables

COLUMNS = tables.machines.c
# Made once: to build a query takes as long as to run it.
_BY_ID = select(tables.machines).where(COLUMNS.id == bindparam("wanted"))
_VERSIONS = select(COLUMNS.id, COLUMNS.version)
_VERSION_BY_ID = _VERSIONS.where(COLUMNS.id == bindparam("wanted"))
MOST_REMEMBERED = 20_000


class Decoded:
    """Machines as they were read last, so that a list does not decode the same hundreds of rows again and again. Safe from any thread.

    A committed version of a machine never changes: every change writes another version (`SqlMachines.put`), and a record that is
    made anew under the same id, by the retry of an enable, begins with other numbers. So what was read of a version is true for
    whoever sees that version. Only transactions that read see committed versions alone: those that write go without this.

    A standby of PostgreSQL that takes over may lack the last versions, and give their numbers to others: with the first connection
    that is lost everything is forgotten.
    """

    def __init__(self, engine: Engine) -> None:
        self._lock = threading.Lock()
        self._machines: dict[str, ports.MachineRecord] = {}
        event.listen(engine, "invalidate", lambda *_: self._forget())

    def machines(
        self,
        session: Session,
        places: Select[*tuple[object, ...]],
        values: Mapping[str, str] = rows.NO_VALUES,
    ) -> Sequence[ports.MachineRecord]:
        """The machines whose versions `places` selects, in its order; `values` are those of its parameters."""
        wanted = {each.id: each.version for each in session.execute(places, values)}
        known = self._machines
        last = [known.get(key) for key in wanted]
        found = {each.id: each for each in last if each and each.version == wanted[each.id]}
        missing = [key for key in wanted if key not in found]
        if missing:
            new = list(rows.many_of(session, ports.MachineRecord, tables.machines.c.id, missing))
            self._keep(known, new)
            found |= {each.id: each for each in new}
        return [found[key] for key in wanted if key in found]

    def _keep(self, known: dict[str, ports.MachineRecord], new: Sequence[ports.MachineRecord]) -> None:
        """In what was there when they were read, so that nothing old comes back after a lost connection."""
        with self._lock:
            for machine in new:
                known.pop(machine.id, None)
                known[machine.id] = machine
            while len(known) > MOST_REMEMBERED:
                del known[next(iter(known))]

    def _forget(self) -> None:
        with self._lock:
            self._machines = {}


class SqlMachines:
    """`decoded` is for transactions that only read."""

    def __init__(self, session: Session, decoded: Decoded | None = None) -> None:
        self._session = session
        self._decoded = decoded

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
        found = self._of_id({"wanted": machine_id})
        if found is None:
            raise errors.NotFound.named("machine", machine_id)
        return found

    def _of_id(self, wanted: Mapping[str, str]) -> ports.MachineRecord | None:
        if self._decoded is None:
            return rows.one(self._session, ports.MachineRecord, _BY_ID, wanted)
        return next(iter(self._decoded.machines(self._session, _VERSION_BY_ID, wanted)), None)

    def find(self, name_or_id: str, site: str | None = None) -> ports.MachineRecord | None:
        """By id, else by name; only of those that have `site` as source or target. Raises InvalidArgument when several
        machines have that name."""
        return self.find_all((name_or_id,), site).get(name_or_id)

    def find_all(
        self, names_or_ids: Sequence[str], site: str | None = None
    ) -> Mapping[str, ports.MachineRecord]:
        found: list[ports.MachineRecord] = []
        for begin in range(0, len(names_or_ids), rows.AT_ONCE):
            some = names_or_ids[begin : begin + rows.AT_ONCE]
            either = or_(COLUMNS.id.in_(some), COLUMNS.name.in_(some))
            found.extend(self._many(either, *_conditions(_of_site(site))))
        by_id = {machine.id: machine for machine in found}
        by_name: dict[str, dict[str, ports.MachineRecord]] = {}
        for machine in found:
            by_name.setdefault(machine.name, {})[machine.id] = machine
        meant = {each: by_id.get(each) or _only(each, by_name.get(each, {})) for each in names_or_ids}
        return {each: machine for each, machine in meant.items() if machine is not None}

    def several(self, machine_ids: Sequence[str]) -> Sequence[ports.MachineRecord]:
        return self._many(COLUMNS.id.in_(machine_ids))

    def by_fabric_id(self, site: str, fabric_id: str) -> ports.MachineRecord | None:
        """The protected machine that this machine of this site is the source or the target of."""
        source = and_(COLUMNS.source_site == site, COLUMNS.source_fabric_id == fabric_id)
        target = and_(COLUMNS.target_site == site, COLUMNS.target_fabric_id == fabric_id)
        found = self._many(or_(source, target))
        return found[0] if found else None

    def anywhere(self, fabric_id: str) -> Sequence[ports.MachineRecord]:
        """Those that this machine, at whichever site, is the source or the target of."""
        return self._many(or_(COLUMNS.source_fabric_id == fabric_id, COLUMNS.target_fabric_id == fabric_id))

    def list(self, site: str | None = None) -> Sequence[ports.MachineRecord]:
        """All, or those that have `site` as source or target; by name."""
        return self._many(*_conditions(_of_site(site)))

    def page(
        self, wanted: ports.MachinesWanted, limit: int, after: tuple[str, str] | None = None
    ) -> Sequence[ports.MachineRecord]:
        conditions = list(_conditions(wanted))
        if after is not None:
            conditions.append(tuple_(COLUMNS.name, COLUMNS.id) > after)
        return self._many(*conditions, limit=limit)

    def places(self, machine_ids: Sequence[str] | None = None) -> Sequence[ports.MachinePlace]:
        columns = (COLUMNS[field.name] for field in dataclasses.fields(ports.MachinePlace))
        query = select(*columns).order_by(COLUMNS.id)
        if machine_ids is None:
            return rows.many(self._session, ports.MachinePlace, query)
        return [
            place
            for ids in rows.parts(machine_ids)
            for place in rows.many(self._session, ports.MachinePlace, query.where(COLUMNS.id.in_(ids)))
        ]

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

    def _many(self, *where: ColumnElement[bool], limit: int | None = None) -> Sequence[ports.MachineRecord]:
        if self._decoded is not None:
            return self._decoded.machines(self._session, _ordered(_VERSIONS, where, limit))
        return rows.many(self._session, ports.MachineRecord, _ordered(select(tables.machines), where, limit))


def _only(name: str, named: Mapping[str, ports.MachineRecord]) -> ports.MachineRecord | None:
    """The only one of that name; raises InvalidArgument when there are several."""
    if len(named) > 1:
        ids = ", ".join(f"{machine.id} (site {machine.source_site})" for machine in named.values())
        raise errors.InvalidArgument(f"{len(named)} machines are named '{name}'.", do=f"Use an id: {ids}.")
    return next(iter(named.values()), None)


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


def _ordered(
    query: Select[*tuple[object, ...]], where: Sequence[ColumnElement[bool]], limit: int | None
) -> Select[*tuple[object, ...]]:
    return query.where(*where).order_by(COLUMNS.name, COLUMNS.id).limit(limit)


def _of_site(site: str | None) -> ports.MachinesWanted:
    return ports.MachinesWanted(frozenset() if site is None else frozenset({site}))


def _conditions(wanted: ports.MachinesWanted) -> Iterator[ColumnElement[bool]]:
    for site in sorted(wanted.sites):
        yield or_(COLUMNS.source_site == site, COLUMNS.target_site == site)
    if wanted.states:
        yield COLUMNS.state.in_(sorted(wanted.states))
    if wanted.policy is not None:
        yield COLUMNS.policy == wanted.policy
    if wanted.group is not None:
        yield COLUMNS.group == wanted.group


def _touched(result: object) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount
