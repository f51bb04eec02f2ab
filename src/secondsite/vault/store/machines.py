"""Machines under protection, what is known of them, and what their drills showed."""

import dataclasses
import functools
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import (
    ColumnElement,
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
from ...domain.lifecycle import DrillState
from ...jobs.storage.prepared import Columns, Gathered, Prepared
from .. import ports
from . import page_versions, rows, tables

COLUMNS = tables.machines.c
_IDS = select(COLUMNS.id)
_VERSIONS = select(COLUMNS.id, COLUMNS.version)
_BY_ID = Prepared(select(tables.machines).where(COLUMNS.id == bindparam("wanted")))
_VERSION_BY_ID = Prepared(_VERSIONS.where(COLUMNS.id == bindparam("wanted")))
_SEEN_BY_ID = Prepared(
    select(COLUMNS.version, tables.statuses.c.generation, tables.statuses.c.drill_generation)
    .select_from(tables.machines.outerjoin(tables.statuses, tables.statuses.c.machine_id == COLUMNS.id))
    .where(COLUMNS.id == bindparam("wanted"))
)
FIELDS = tuple(field.name for field in dataclasses.fields(ports.MachineRecord))
_VERSIONS_NAMED = Gathered(
    _VERSIONS.where(or_(COLUMNS.id == bindparam("wanted"), COLUMNS.name == bindparam("wanted"))).order_by(
        COLUMNS.name, COLUMNS.id
    )
)
_NOTES = tables.drill_notes
_NOTES_OF = Prepared(
    select(*(_NOTES.c[field.name] for field in dataclasses.fields(ports.DrillNote)))
    .where(_NOTES.c.machine_id == bindparam("wanted"))
    .order_by(_NOTES.c.completed_at, _NOTES.c.id)
)
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

    def machine(self, session: Session, machine_id: str) -> ports.MachineRecord | None:
        there = _VERSION_BY_ID.one(session, {"wanted": machine_id})
        return None if there is None else self.of_version(session, machine_id, there["version"])

    def of_version(self, session: Session, machine_id: str, version: int) -> ports.MachineRecord | None:
        """The machine, whose version this is."""
        known = self._machines
        last = known.get(machine_id)
        if last is None or last.version != version:
            last = _read(session, machine_id)
            self._keep(known, [last] if last else [])
        return last

    def machines(self, session: Session, versions: Iterable[Columns]) -> Sequence[ports.MachineRecord]:
        """The machines of which these (id, version) were read, in their order."""
        wanted: dict[str, int] = dict(versions)
        known = self._machines
        found = {
            key: last
            for key, version in wanted.items()
            if (last := known.get(key)) is not None and last.version == version
        }
        if len(found) < len(wanted):
            missing = [key for key in wanted if key not in found]
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
        self._read: dict[str, ports.MachineRecord] = {}

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
        found = self._of_id(machine_id)
        if found is None:
            raise errors.NotFound.named("machine", machine_id)
        return found

    def get_with_seen(self, machine_id: str) -> tuple[ports.MachineRecord, ports.SeenNumbers]:
        seen = _SEEN_BY_ID.one(self._session, {"wanted": machine_id})
        if seen is None:
            raise errors.NotFound.named("machine", machine_id)
        if self._decoded is None:
            return self.get(machine_id), _numbers(seen)
        found = self._decoded.of_version(self._session, machine_id, seen["version"])
        if found is None:
            raise errors.NotFound.named("machine", machine_id)
        return found, _numbers(seen)

    def _of_id(self, machine_id: str) -> ports.MachineRecord | None:
        if self._decoded is not None:
            return self._decoded.machine(self._session, machine_id)
        found = _read(self._session, machine_id)
        if found is not None:
            self._read[machine_id] = found
        return found

    def find(self, name_or_id: str, site: str | None = None) -> ports.MachineRecord | None:
        """By id, else by name; only of those that have `site` as source or target. Raises InvalidArgument when several
        machines have that name."""
        if self._decoded is None or site is not None:
            return self.find_all((name_or_id,), site).get(name_or_id)
        named = _VERSIONS_NAMED.all(self._session, {"wanted": name_or_id})
        return _meant(name_or_id, self._decoded.machines(self._session, named))

    def find_all(
        self, names_or_ids: Sequence[str], site: str | None = None
    ) -> Mapping[str, ports.MachineRecord]:
        found: list[ports.MachineRecord] = []
        for begin in range(0, len(names_or_ids), rows.AT_ONCE):
            some = names_or_ids[begin : begin + rows.AT_ONCE]
            either = or_(COLUMNS.id.in_(some), COLUMNS.name.in_(some))
            found.extend(self._many(either, *_conditions(_of_site(site))))
        by_key: dict[str, dict[str, ports.MachineRecord]] = {}
        for machine in found:
            for key in {machine.id, machine.name}:
                by_key.setdefault(key, {})[machine.id] = machine
        meant = {each: _meant(each, by_key.get(each, {}).values()) for each in names_or_ids}
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

    def ids(self) -> frozenset[str]:
        return frozenset(self._session.execute(_IDS).scalars())

    def in_drill(self, states: Collection[DrillState]) -> Sequence[ports.MachineRecord]:
        return self._many(COLUMNS.drill_state.in_(sorted(states)))

    def page(
        self, wanted: ports.MachinesWanted, limit: int, after: tuple[str, str] | None = None
    ) -> Sequence[ports.MachineRecord]:
        if self._decoded is not None:
            versions = page_versions.of(self._session, wanted, limit, after)
            return self._decoded.machines(self._session, versions)
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
        names = _differing(self._read.get(machine.id), machine, newer)
        values = {f"new_{name}": getattr(newer, name) for name in names}
        where = {"wanted": machine.id, "read": machine.version}
        if _replace(names).change(self._session, {**where, **values}) == 0:
            raise errors.Conflict(
                f"Machine '{machine.name}' was changed by somebody else meanwhile, or is gone."
            )
        self._read[machine.id] = newer
        return newer

    def remove(self, machine_id: str) -> None:
        self._read.pop(machine_id, None)
        self._session.execute(delete(tables.machines).where(COLUMNS.id == machine_id))

    def _many(self, *where: ColumnElement[bool], limit: int | None = None) -> Sequence[ports.MachineRecord]:
        if self._decoded is not None:
            found = self._session.execute(_ordered(_VERSIONS, where, limit))
            versions = [tuple(row) for row in found]
            return self._decoded.machines(self._session, versions)
        return rows.many(self._session, ports.MachineRecord, _ordered(select(tables.machines), where, limit))


def _read(session: Session, machine_id: str) -> ports.MachineRecord | None:
    found = _BY_ID.one(session, {"wanted": machine_id})
    return None if found is None else ports.MachineRecord(**found)


def _numbers(row: Mapping[str, int | None]) -> ports.SeenNumbers:
    return ports.SeenNumbers(row["generation"] or 0, row["drill_generation"] or 0)


def _differing(
    read: ports.MachineRecord | None, machine: ports.MachineRecord, newer: ports.MachineRecord
) -> tuple[str, ...]:
    """What is to be written: all, unless the transaction has read this version."""
    if read is None or read.version != machine.version:
        return FIELDS
    return tuple(name for name in FIELDS if getattr(read, name) != getattr(newer, name))


@functools.cache
def _replace(names: tuple[str, ...]) -> Prepared:
    """For the few sets of columns that are changed together."""
    this = and_(COLUMNS.id == bindparam("wanted"), COLUMNS.version == bindparam("read"))
    values = {name: bindparam(f"new_{name}", type_=COLUMNS[name].type) for name in names}
    return Prepared(update(tables.machines).where(this).values(values))


def _meant(name_or_id: str, found: Iterable[ports.MachineRecord]) -> ports.MachineRecord | None:
    """Of those that have this name or id: an id comes before names. Raises InvalidArgument when several have the name."""
    named = {machine.id: machine for machine in found}
    if name_or_id in named:
        return named[name_or_id]
    if len(named) > 1:
        ids = ", ".join(f"{machine.id} (site {machine.source_site})" for machine in named.values())
        raise errors.InvalidArgument(
            f"{len(named)} machines are named '{name_or_id}'.", do=f"Use an id: {ids}."
        )
    return next(iter(named.values()), None)


class SqlDrillNotes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, note: ports.DrillNote) -> None:
        self._session.execute(insert(tables.drill_notes).values(**rows.row(note)))

    def list(self, machine_id: str) -> Sequence[ports.DrillNote]:
        """Oldest first."""
        return [ports.DrillNote(**row) for row in _NOTES_OF.all(self._session, {"wanted": machine_id})]


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
