"""Machines as rows of a list, which of them fit, and their order. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import dropwhile

from ....domain import health as catalogue
from ....domain.health import Health, HealthFinding, Severity
from ....wire.control.statuses import SourceStatus
from ....wire.rest.glance.machine_rows import MachineRow
from ....wire.rest.machines import Direction, MachineQuery, MachineSelection, MachineSort
from ...health import findings, machine_rpo
from ...health.findings import Situation
from . import machine_shapes, paging

WORST_LAST: Mapping[Severity, int] = {Severity.WARNING: 0, Severity.CRITICAL: 1}
HEALTHS: Mapping[Health, int] = {each: at for at, each in enumerate(
    (Health.HEALTHY, Health.NOT_APPLICABLE, Health.WARNING, Health.CRITICAL)
)}  # fmt: skip
DIGITS = 3
NEWEST = 10**12
"""Later than any time: the newest point has the smallest RPO."""
Place = tuple[str, str, str]
"""What a machine is sorted by, its name, and its id."""
Key = Callable[[MachineRow], str | int | None]


def row(situation: Situation, found: Sequence[HealthFinding]) -> MachineRow:
    """The machine with these findings. It does not depend on the clock."""
    machine, source, replica = situation.machine, situation.status.source, situation.status.replica
    codes = _codes(found)
    recoverable_at, _sent, _processed = machine_rpo.instants(situation.status)
    return MachineRow(
        id=machine.id,
        name=machine.name,
        source_site=machine.source_site,
        target_site=machine.target_site,
        active_site=findings.active_site(machine),
        state=machine.state,
        drill_state=machine.drill_state,
        health=findings.overall(machine, tuple(found)),
        severity=catalogue.CATALOGUE[codes[0]].severity if codes else None,
        findings=codes,
        power=machine_shapes.power(source),
        recoverable_at=_seconds(recoverable_at),
        rpo_goal_seconds=situation.policy.rpo_threshold_seconds if situation.policy else None,
        points=len(replica.points) if replica else 0,
        newest_point_at=_seconds(machine_rpo.newest_point_at(situation.status)),
        stored_bytes=rounded(replica.store_bytes) if replica else 0,
        synchronized_percent=_percent(source),
        job_id=machine.job_id,
        drilled_at=_seconds(machine.drilled_at),
        policy=machine.policy,
        group=machine.group,
        generation=machine.generation,
        drill_generation=machine.drill_generation,
        direction=Direction.REVERSE if machine.reversed else Direction.FORWARD,
    )


def rounded(count: int) -> int:
    """The count to three digits: what a list shows, and a row changes less often."""
    return round(count, DIGITS - len(str(count))) if count else 0


def fitting(rows: Iterable[MachineRow], wanted: MachineSelection) -> list[MachineRow]:
    """The rows that match everything that is asked for."""
    for fits in _conditions(wanted):
        rows = filter(fits, rows)
    return list(rows)


def in_order(rows: Iterable[MachineRow], wanted: MachineSelection) -> list[MachineRow]:
    """The rows in the order that is asked for."""
    return sorted(rows, key=place(wanted), reverse=wanted.descending)


def place(wanted: MachineSelection) -> Callable[[MachineRow], Place]:
    """A function of a row: its place in the order that is asked for."""
    key = KEYS[wanted.sort]
    nothing = "" if wanted.descending else "~"  # last in either direction

    def placed(each: MachineRow) -> Place:
        value = key(each)
        if value is None:
            return nothing, each.name, each.id
        return f" {value:020}" if isinstance(value, int) else f" {value}", each.name, each.id

    return placed


def place_of(query: MachineQuery) -> Place | None:
    """The place that the query's cursor names. Raises InvalidArgument for one of another list."""
    found = paging.place_of(query.cursor, (str, str, str))
    return None if found is None else (str(found[0]), str(found[1]), str(found[2]))


def after(rows: Sequence[MachineRow], wanted: MachineSelection, last: Place | None) -> Iterable[MachineRow]:
    """Those of the rows, which are in order, that come after this place."""
    if last is None:
        return rows
    of = place(wanted)
    if wanted.descending:
        return dropwhile(lambda each: of(each) >= last, rows)
    return dropwhile(lambda each: of(each) <= last, rows)


def _codes(found: Sequence[HealthFinding]) -> tuple[str, ...]:
    """The codes of the findings, which are the oldest first, each once."""
    worst = sorted(found, key=lambda each: -WORST_LAST[each.kind.severity])
    return tuple(dict.fromkeys(each.code for each in worst))


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def _percent(source: SourceStatus | None) -> int | None:
    fraction = source.sync_fraction if source and source.sync_mode is not None else None
    return None if fraction is None else int(100 * fraction)


def _conditions(wanted: MachineSelection) -> Iterable[Callable[[MachineRow], object]]:
    if wanted.search:
        text = wanted.search.casefold()
        yield lambda each: text in each.name.casefold()
    if wanted.site is not None:
        yield lambda each: wanted.site in (each.source_site, each.target_site)
    if wanted.state:
        yield lambda each: each.state in wanted.state
    if wanted.health:
        yield lambda each: each.health in wanted.health
    if wanted.finding:
        yield lambda each: not set(wanted.finding).isdisjoint(each.findings)
    if wanted.policy is not None:
        yield lambda each: each.policy == wanted.policy
    if wanted.group is not None:
        yield lambda each: each.group == wanted.group


KEYS: Mapping[MachineSort, Key] = {
    MachineSort.NAME: lambda each: each.name,
    MachineSort.STATE: lambda each: each.state.value,
    MachineSort.HEALTH: lambda each: HEALTHS[each.health],
    MachineSort.RPO: lambda each: NEWEST - each.recoverable_at if each.recoverable_at is not None else None,
    MachineSort.SOURCE_SITE: lambda each: each.source_site,
    MachineSort.TARGET_SITE: lambda each: each.target_site,
    MachineSort.POLICY: lambda each: each.policy,
    MachineSort.GROUP: lambda each: each.group,
    MachineSort.POINTS: lambda each: each.points,
    MachineSort.STORED_BYTES: lambda each: each.stored_bytes,
    MachineSort.DRILLED_AT: lambda each: each.drilled_at,
}
