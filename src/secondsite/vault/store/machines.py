"""Machines under protection, what is known of them, and what their drills showed."""

import dataclasses
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from ...domain import errors, shell
from ...domain.lifecycle import DrillState, State
from ...jobs.storage.prepared import Columns, Gathered, Prepared, PreparedFor, as_new, new_values, one_of
from .. import ports
from . import page_versions, rows, tables
from .decoded_machines import SOME, VERSIONS, Decoded, read
from .failures import ChangedMeanwhile

COLUMNS = tables.machines.c
_IDS = select(COLUMNS.id)
_SEEN_BY_ID = Prepared(
    select(COLUMNS.version, tables.statuses.c.generation, tables.statuses.c.drill_generation)
    .select_from(tables.machines.outerjoin(tables.statuses, tables.statuses.c.machine_id == COLUMNS.id))
    .where(COLUMNS.id == bindparam("wanted"))
)
_PLACE = select(*(COLUMNS[field.name] for field in dataclasses.fields(ports.MachinePlace))).order_by(
    COLUMNS.id
)
_PLACES, _PLACES_OF = Prepared(_PLACE), PreparedFor(_PLACE, COLUMNS.id)
_VERSIONS_OF = PreparedFor(VERSIONS, COLUMNS.id)
_AS_SOURCE, _AS_TARGET = (
    column == bindparam("wanted") for column in (COLUMNS.source_fabric_id, COLUMNS.target_fabric_id)
)
_BY_NAME = VERSIONS.order_by(COLUMNS.name, COLUMNS.id)
_ANYWHERE = Gathered(_BY_NAME.where(or_(_AS_SOURCE, _AS_TARGET)))
_THERE = Gathered(
    _BY_NAME.where(
        or_(
            and_(COLUMNS.source_site == bindparam("there"), _AS_SOURCE),
            and_(COLUMNS.target_site == bindparam("there"), _AS_TARGET),
        )
    )
)
_COMING_HOME = Prepared(
    select(COLUMNS.id, COLUMNS.disks).where(
        or_(
            and_(
                COLUMNS.target_appliance_id == bindparam("there"),
                COLUMNS.source_site != COLUMNS.home_site,
                or_(COLUMNS.state == State.PROTECTED, COLUMNS.state == State.PLANNED_FAILING_OVER),
            ),
            and_(
                func.coalesce(COLUMNS.coming_appliance_id, COLUMNS.source_appliance_id) == bindparam("there"),
                COLUMNS.source_site == COLUMNS.home_site,
                COLUMNS.state == State.REPROTECTING,
                COLUMNS.id < bindparam("before"),
            ),
        )
    )
)
FIELDS = tuple(field.name for field in dataclasses.fields(ports.MachineRecord))
_ADD = Prepared(insert(tables.machines).values(new_values(tables.machines, FIELDS)))
_NAMED = Gathered(_BY_NAME.where(or_(COLUMNS.id == bindparam("wanted"), COLUMNS.name == bindparam("wanted"))))
_NOTES = tables.drill_notes
_NOTES_OF = Prepared(
    select(*(_NOTES.c[field.name] for field in dataclasses.fields(ports.DrillNote)))
    .where(_NOTES.c.machine_id == bindparam("wanted"))
    .order_by(_NOTES.c.completed_at, _NOTES.c.id)
)


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
                do=f"Look at it with 'secondsite machine show {shell.arguments(there.name)}'.",
            )
        _ADD.change(self._session, as_new(rows.row(machine)))

    def get(self, machine_id: str) -> ports.MachineRecord:
        found = self.by_id(machine_id)
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

    def by_id(self, machine_id: str) -> ports.MachineRecord | None:
        if self._decoded is not None:
            return self._decoded.machine(self._session, machine_id)
        found = read(self._session, machine_id)
        if found is not None:
            self._read[machine_id] = found
        return found

    def find(self, name_or_id: str, site: str | None = None) -> ports.MachineRecord | None:
        """By id, else by name; only of those that have `site` as source or target. Raises InvalidArgument when several
        machines have that name."""
        if self._decoded is None or site is not None:
            return self.find_all((name_or_id,), site).get(name_or_id)
        return _meant(name_or_id, self._of(_NAMED.all(self._session, {"wanted": name_or_id})))

    def find_all(
        self, names_or_ids: Sequence[str], site: str | None = None
    ) -> Mapping[str, ports.MachineRecord]:
        found: list[ports.MachineRecord] = []
        for some in rows.parts(names_or_ids):
            either = or_(COLUMNS.id.in_(some), COLUMNS.name.in_(some))
            found.extend(self._many(either, *_of_site(site)))
        by_key: dict[str, dict[str, ports.MachineRecord]] = {}
        for machine in found:
            for key in {machine.id, machine.name}:
                by_key.setdefault(key, {})[machine.id] = machine
        meant = {each: _meant(each, by_key.get(each, {}).values()) for each in names_or_ids}
        return {each: machine for each, machine in meant.items() if machine is not None}

    def several(self, machine_ids: Sequence[str]) -> Sequence[ports.MachineRecord]:
        versions = [(row["id"], row["version"]) for row in _VERSIONS_OF.all(self._session, machine_ids)]
        return sorted(self._of(versions), key=lambda each: (each.name, each.id))

    def by_fabric_id(self, site: str, fabric_id: str) -> ports.MachineRecord | None:
        """The protected machine that this machine of this site is the source or the target of."""
        found = self._of(_THERE.all(self._session, {"there": site, "wanted": fabric_id}))
        return found[0] if found else None

    def anywhere(self, fabric_id: str) -> Sequence[ports.MachineRecord]:
        """Those that this machine, at whichever site, is the source or the target of."""
        return self._of(_ANYWHERE.all(self._session, {"wanted": fabric_id}))

    def list(self, site: str | None = None) -> Sequence[ports.MachineRecord]:
        """All, or those that have `site` as source or target; by name."""
        return self._many(*_of_site(site))

    def ids(self) -> frozenset[str]:
        return frozenset(self._session.execute(_IDS).scalars())

    def in_drill(self, states: Collection[DrillState]) -> Sequence[ports.MachineRecord]:
        return self._many(COLUMNS.drill_state.in_(sorted(states)))

    def coming_home(self, appliance_id: str, before: str) -> int:
        found = _COMING_HOME.all(self._session, {"there": appliance_id, "before": before})
        return sum(len(row["disks"]) for row in found)

    def page(
        self, wanted: ports.MachinesWanted, limit: int, after: tuple[str, str] | None = None
    ) -> Sequence[ports.MachineRecord]:
        return self._of(page_versions.of(self._session, wanted, limit, after))

    def places(self, machine_ids: Sequence[str] | None = None) -> Sequence[ports.MachinePlace]:
        found = (
            _PLACES.all(self._session, {})
            if machine_ids is None
            else _PLACES_OF.all(self._session, machine_ids)
        )
        return [ports.MachinePlace(**row) for row in found]

    def places_at_work(self, states: Collection[State]) -> Sequence[ports.MachinePlace]:
        found = _at_work(frozenset(states)).all(self._session, {})
        return [ports.MachinePlace(**row) for row in found]

    def put(self, machine: ports.MachineRecord) -> ports.MachineRecord:
        newer = dataclasses.replace(machine, version=machine.version + 1)
        names = _differing(self._read.get(machine.id), machine, newer)
        values = as_new({name: getattr(newer, name) for name in names})
        where = {"wanted": machine.id, "read": machine.version}
        if _replace(names).change(self._session, {**where, **values}) == 0:
            raise ChangedMeanwhile(
                f"Machine '{machine.name}' was changed by somebody else meanwhile, or is gone."
            )
        self._read[machine.id] = newer
        return newer

    def remove(self, machine_id: str) -> None:
        self._read.pop(machine_id, None)
        self._session.execute(delete(tables.machines).where(COLUMNS.id == machine_id))

    def _many(self, *where: ColumnElement[bool]) -> Sequence[ports.MachineRecord]:
        """By name."""
        return self._of([tuple(row) for row in self._session.execute(_BY_NAME.where(*where))])

    def _of(self, versions: Sequence[Columns]) -> Sequence[ports.MachineRecord]:
        """The machines of which these (id, version) were read, in their order."""
        if self._decoded is not None:
            return self._decoded.machines(self._session, versions)
        ids = [machine_id for machine_id, _ in versions]
        found = {row["id"]: ports.MachineRecord(**row) for row in SOME.all(self._session, ids)}
        return [found[each] for each in ids if each in found]


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
    return Prepared(update(tables.machines).where(this).values(new_values(tables.machines, names)))


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


@functools.cache
def _at_work(states: frozenset[State]) -> Prepared:
    """For the one set of states that is asked for."""
    return Prepared(_PLACE.where(or_(COLUMNS.job_id.is_not(None), one_of(COLUMNS.state, states))))


class SqlDrillNotes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, note: ports.DrillNote) -> None:
        self._session.execute(insert(tables.drill_notes).values(**rows.row(note)))

    def list(self, machine_id: str) -> Sequence[ports.DrillNote]:
        """Oldest first."""
        return [ports.DrillNote(**row) for row in _NOTES_OF.all(self._session, {"wanted": machine_id})]


def _of_site(site: str | None) -> Iterator[ColumnElement[bool]]:
    if site is not None:
        yield or_(COLUMNS.source_site == site, COLUMNS.target_site == site)
