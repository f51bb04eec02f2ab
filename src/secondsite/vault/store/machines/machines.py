"""Machines under protection: read, found and changed."""

import dataclasses
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from ....domain import errors, shell
from ....domain.lifecycle import DrillState, State
from ....jobs.storage.prepared import (
    BatchStatement,
    Columns,
    PreparedStatement,
    SubsetQuery,
    as_new,
    new_values,
    one_of,
)
from ..sql import rows
from ..sql.failures import ChangedMeanwhile
from . import page_versions
from .machine_cache import SOME, VERSIONS, DecodedMachines, read
from .records import MACHINES, MachineFilter, MachinePlace, MachineRecord, SeenNumbers
from .statuses import STATUSES

COLUMNS = MACHINES.c
_IDS = select(COLUMNS.id)
_SEEN_BY_ID = PreparedStatement(
    select(COLUMNS.version, STATUSES.c.generation, STATUSES.c.drill_generation)
    .select_from(MACHINES.outerjoin(STATUSES, STATUSES.c.machine_id == COLUMNS.id))
    .where(COLUMNS.id == bindparam("wanted"))
)
_PLACE = select(*(COLUMNS[field.name] for field in dataclasses.fields(MachinePlace))).order_by(COLUMNS.id)
_PLACES, _PLACES_OF = PreparedStatement(_PLACE), SubsetQuery(_PLACE, COLUMNS.id)
_VERSIONS_OF = SubsetQuery(VERSIONS, COLUMNS.id)
_AS_SOURCE, _AS_TARGET = (
    column == bindparam("wanted") for column in (COLUMNS.source_fabric_id, COLUMNS.target_fabric_id)
)
_BY_NAME = VERSIONS.order_by(COLUMNS.name, COLUMNS.id)
_ALL = BatchStatement(_BY_NAME)
_OF_SITE = BatchStatement(
    _BY_NAME.where(or_(COLUMNS.source_site == bindparam("there"), COLUMNS.target_site == bindparam("there")))
)
_ANYWHERE = BatchStatement(_BY_NAME.where(or_(_AS_SOURCE, _AS_TARGET)))
_THERE = BatchStatement(
    _BY_NAME.where(
        or_(
            and_(COLUMNS.source_site == bindparam("there"), _AS_SOURCE),
            and_(COLUMNS.target_site == bindparam("there"), _AS_TARGET),
        )
    )
)
_COMING_HOME = PreparedStatement(
    select(COLUMNS.id, COLUMNS.disks).where(
        or_(
            and_(
                COLUMNS.target_appliance_id == bindparam("there"),
                COLUMNS.target_site == COLUMNS.home_site,
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
FIELDS = tuple(field.name for field in dataclasses.fields(MachineRecord))
_ADD = PreparedStatement(insert(MACHINES).values(new_values(MACHINES, FIELDS)))
_NAMED = BatchStatement(
    _BY_NAME.where(or_(COLUMNS.id == bindparam("wanted"), COLUMNS.name == bindparam("wanted")))
)


class MachineRecords:
    """The records of protected machines. `decoded` is for transactions that only read."""

    def __init__(self, session: Session, decoded: DecodedMachines | None = None) -> None:
        self._session = session
        self._decoded = decoded
        self._read: dict[str, MachineRecord] = {}

    def add(self, machine: MachineRecord) -> None:
        """Raises AlreadyExists when the machine, at either of its sites, is under protection already."""
        there = self.by_fabric_id(machine.source_site, machine.source_fabric_id)
        if there:
            raise errors.AlreadyExists(
                f"Machine '{there.name}' of site {machine.source_site} is under protection already.",
                do=f"Look at it with 'secondsite machine show {shell.arguments(there.name)}'.",
            )
        _ADD.change(self._session, as_new(rows.row(machine)))

    def get(self, machine_id: str) -> MachineRecord:
        """The machine with this id. Raises NotFound."""
        found = self.by_id(machine_id)
        if found is None:
            raise errors.NotFound.named("machine", machine_id)
        return found

    def get_with_seen(self, machine_id: str) -> tuple[MachineRecord, SeenNumbers]:
        """As `get`, with the numbers that its appliances have seen."""
        seen = _SEEN_BY_ID.one(self._session, {"wanted": machine_id})
        if seen is None:
            raise errors.NotFound.named("machine", machine_id)
        if self._decoded is None:
            return self.get(machine_id), _numbers(seen)
        found = self._decoded.of_version(self._session, machine_id, seen["version"])
        if found is None:
            raise errors.NotFound.named("machine", machine_id)
        return found, _numbers(seen)

    def by_id(self, machine_id: str) -> MachineRecord | None:
        if self._decoded is not None:
            return self._decoded.machine(self._session, machine_id)
        found = read(self._session, machine_id)
        if found is not None:
            self._read[machine_id] = found
        return found

    def find(self, name_or_id: str, site: str | None = None) -> MachineRecord | None:
        """The machine by id, else by name; only if it has `site` as source or target. Raises InvalidArgument
        when several machines have that name."""
        if self._decoded is None or site is not None:
            return self.find_all((name_or_id,), site).get(name_or_id)
        return _meant(name_or_id, self._of(_NAMED.all(self._session, {"wanted": name_or_id})))

    def find_all(self, names_or_ids: Sequence[str], site: str | None = None) -> Mapping[str, MachineRecord]:
        """As `find`, for many: those that exist, by the name or id that was given."""
        found: list[MachineRecord] = []
        for some in rows.parts(names_or_ids):
            either = or_(COLUMNS.id.in_(some), COLUMNS.name.in_(some))
            found.extend(self._many(either, *_of_site(site)))
        by_key: dict[str, dict[str, MachineRecord]] = {}
        for machine in found:
            for key in {machine.id, machine.name}:
                by_key.setdefault(key, {})[machine.id] = machine
        meant = {each: _meant(each, by_key.get(each, {}).values()) for each in names_or_ids}
        return {each: machine for each, machine in meant.items() if machine is not None}

    def several(self, machine_ids: Sequence[str]) -> Sequence[MachineRecord]:
        """Those of these machines that exist, by name."""
        versions = [(row["id"], row["version"]) for row in _VERSIONS_OF.all(self._session, machine_ids)]
        return sorted(self._of(versions), key=lambda each: (each.name, each.id))

    def by_fabric_id(self, site: str, fabric_id: str) -> MachineRecord | None:
        """The protected machine whose source or target is this machine of the site."""
        found = self._of(_THERE.all(self._session, {"there": site, "wanted": fabric_id}))
        return found[0] if found else None

    def anywhere(self, fabric_id: str) -> Sequence[MachineRecord]:
        """Protected machines whose source or target is this machine, at any site."""
        return self._of(_ANYWHERE.all(self._session, {"wanted": fabric_id}))

    def ids_of_site(self, site: str) -> Select[tuple[str]]:
        """A query of the ids of the machines that have `site` as source or target."""
        return _IDS.where(or_(COLUMNS.source_site == site, COLUMNS.target_site == site))

    def list(self, site: str | None = None) -> Sequence[MachineRecord]:
        """All, or those that have `site` as source or target; by name."""
        found = _ALL.all(self._session) if site is None else _OF_SITE.all(self._session, {"there": site})
        return self._of(found)

    def ids(self) -> frozenset[str]:
        """The ids of all machines, without reading the rest of them."""
        return frozenset(self._session.execute(_IDS).scalars())

    def in_drill(self, states: Collection[DrillState]) -> Sequence[MachineRecord]:
        """Machines whose drill is in one of these states, by name."""
        return self._many(COLUMNS.drill_state.in_(sorted(states)))

    def in_state(self, state: State) -> Sequence[MachineRecord]:
        return self._many(COLUMNS.state == state)

    def coming_home(self, appliance_id: str, before: str) -> int:
        """How many disks of machines come home to this appliance: of machines that are protected to it from
        the other site, and of those that are about to be and whose ids come `before` this one."""
        found = _COMING_HOME.all(self._session, {"there": appliance_id, "before": before})
        return sum(len(row["disks"]) for row in found)

    def page(
        self, wanted: MachineFilter, limit: int, after: tuple[str, str] | None = None
    ) -> Sequence[MachineRecord]:
        """Machines by name and id: the first `limit` of them, or those after this name and id."""
        return self._of(page_versions.of(self._session, wanted, limit, after))

    def places(self, machine_ids: Sequence[str] | None = None) -> Sequence[MachinePlace]:
        """The places of these machines, or of all, by id, without reading the rest of them."""
        found = (
            _PLACES.all(self._session, {})
            if machine_ids is None
            else _PLACES_OF.all(self._session, machine_ids)
        )
        return [MachinePlace(**row) for row in found]

    def places_at_work(self, states: Collection[State]) -> Sequence[MachinePlace]:
        """The places of machines that a job has, or whose state is one of these."""
        found = _at_work(frozenset(states)).all(self._session, {})
        return [MachinePlace(**row) for row in found]

    def put(self, machine: MachineRecord) -> MachineRecord:
        """Writes it with version + 1; raises Conflict when another writer was faster."""
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
        self._session.execute(delete(MACHINES).where(COLUMNS.id == machine_id))

    def _many(self, *where: ColumnElement[bool]) -> Sequence[MachineRecord]:
        """Machines that match, by name."""
        return self._of([tuple(row) for row in self._session.execute(_BY_NAME.where(*where))])

    def _of(self, versions: Sequence[Columns]) -> Sequence[MachineRecord]:
        """The machines with these (id, version), in their order."""
        if self._decoded is not None:
            return self._decoded.machines(self._session, versions)
        ids = [machine_id for machine_id, _ in versions]
        found = {row["id"]: MachineRecord(**row) for row in SOME.all(self._session, ids)}
        return [found[each] for each in ids if each in found]


def _numbers(row: Mapping[str, int | None]) -> SeenNumbers:
    return SeenNumbers(row["generation"] or 0, row["drill_generation"] or 0)


def _differing(read: MachineRecord | None, machine: MachineRecord, newer: MachineRecord) -> tuple[str, ...]:
    """The columns to write: all, unless the transaction has read this version."""
    if read is None or read.version != machine.version:
        return FIELDS
    return tuple(name for name in FIELDS if getattr(read, name) != getattr(newer, name))


@functools.cache
def _replace(names: tuple[str, ...]) -> PreparedStatement:
    """The update, prepared for the few sets of columns that are changed together."""
    this = and_(COLUMNS.id == bindparam("wanted"), COLUMNS.version == bindparam("read"))
    return PreparedStatement(update(MACHINES).where(this).values(new_values(MACHINES, names)))


def _meant(name_or_id: str, found: Iterable[MachineRecord]) -> MachineRecord | None:
    """The machine with this id, or else with this name. Raises InvalidArgument when several machines have the
    name."""
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
def _at_work(states: frozenset[State]) -> PreparedStatement:
    """The query, prepared for the one set of states that is asked for."""
    return PreparedStatement(_PLACE.where(or_(COLUMNS.job_id.is_not(None), one_of(COLUMNS.state, states))))


def _of_site(site: str | None) -> Iterator[ColumnElement[bool]]:
    if site is not None:
        yield or_(COLUMNS.source_site == site, COLUMNS.target_site == site)
