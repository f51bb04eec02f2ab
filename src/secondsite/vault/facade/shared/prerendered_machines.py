"""Machines as JSON, written once and used for many answers.

A machine is written again when something that it shows has changed. Its findings are computed again when
something that they follow from is another object, or when a time has come at which they change; its RPO is
put in each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from ....domain import rpo_samples
from ....domain.health import Health, HealthFinding
from ....wire import rest
from ....wire.common.base import Shape
from ....wire.control import changes
from ....wire.rest.glance.machine_rows import MachineRow
from ...health import findings, machine_rpo
from ...health.findings import Situation
from ...health.identity_cache import IdentityCache
from ...store import ApplianceRecord, MachineRecord, StatusRecord
from . import machine_rows, machine_shapes

RPO = '"rpo":'
"""Occurs only once in a machine's JSON: in a text its quotes are written with a backslash."""
NO_RPO = f"{RPO}{rest.Rpo().model_dump_json()}"
Instants = tuple[datetime | None, datetime | None, datetime | None]
Side = tuple[str, bool, str | None] | None
"""Of one appliance: its name, whether it is connected, and its host."""


class RenderedMachine(NamedTuple):
    """A machine as JSON. `text` is right for the instant at which it was asked for."""

    id: str
    name: str
    health: Health
    text: str


@dataclass(frozen=True, slots=True)
class _RenderedMachine:
    """Everything that the JSON of a machine was written from, and the texts before and after its RPO."""

    source: Shape | None
    replica: Shape | None
    sides: tuple[Side, Side]
    found: tuple[HealthFinding, ...]
    health: Health
    before: str
    behind: str

    def is_of(self, status: StatusRecord, sides: tuple[Side, Side], found: tuple[HealthFinding, ...]) -> bool:
        return (
            _same(self.source, status.source)
            and _same(self.replica, status.replica)
            and self.sides == sides
            and self.found == found
        )


@dataclass(slots=True)
class _Steady:
    """The last findings, valid from `since` until `until` (None: only then) while everything that they follow
    from is the same object; and what was made of them when it was first asked for."""

    found: tuple[HealthFinding, ...]
    status: StatusRecord
    around: tuple[object, ...]
    instants: Instants
    since: datetime
    until: datetime | None
    made: _RenderedMachine | None = None
    row: MachineRow | None = None

    def is_right(self, situation: Situation, now: datetime) -> bool:
        of, status = self.status, situation.status
        return of.source is status.source and of.replica is status.replica and self._holds(situation, now)

    def after_a_cycle(self, situation: Situation, now: datetime) -> "_Steady | None":
        """The same for a status of which only figures changed, if no finding follows from these."""
        of, status = self.status, situation.status
        if of.source is None or status.source is None or of.replica is None or status.replica is None:
            return None
        of_a_cycle = changes.same_but_for_figures(of.source, status.source) and changes.same_but_for_figures(
            of.replica, status.replica
        )
        if not of_a_cycle or not self._holds(situation, now):
            return None
        machine_rpo.newest_point.same_of(of.replica, status.replica)
        is_behind = any(each.code == findings.BEHIND for each in self.found)
        if is_behind or machine_rpo.by_figures(of) != machine_rpo.by_figures(status):
            return None
        instants = machine_rpo.instants(status)
        return replace(self, status=status, instants=instants, since=now, made=None, row=None)

    def _holds(self, situation: Situation, now: datetime) -> bool:
        of, status = self.status, situation.status
        return (
            of.old_copy is status.old_copy
            and of.came is status.came
            and of.moved is status.moved
            and self.around == _around(situation)
            and not _went_back(of, status)
            and self.until is not None
            and self.since <= now <= self.until
        )


class _Last:
    """The last JSON and findings of one version of a machine."""

    made: _RenderedMachine | None = None
    steady: _Steady | None = None


@IdentityCache
def _last(_machine: MachineRecord) -> _Last:
    return _Last()


def machine(situation: Situation, now: datetime) -> RenderedMachine:
    """The machine as JSON at `now`, without the notes of its drills."""
    of, steady = situation.machine, _steady(situation, now)
    made = steady.made = steady.made or _found(situation, steady.found)
    return RenderedMachine(
        of.id, of.name, made.health, f"{made.before}{_ages(steady.instants, now)}{made.behind}"
    )


def findings_of(situation: Situation, now: datetime) -> tuple[HealthFinding, ...]:
    """The machine's findings at `now`; those of machines at rest are not computed again."""
    return _steady(situation, now).found


def row(situation: Situation, now: datetime) -> tuple[MachineRow, datetime | None]:
    """The machine as a row at `now`: the same object as long as nothing has changed. And until when that
    stays so by itself; None: not known."""
    steady = _steady(situation, now)
    made = steady.row = steady.row or machine_rows.row(situation, steady.found)
    return made, steady.until


def _steady(situation: Situation, now: datetime) -> _Steady:
    last = _last(situation.machine)
    steady = last.steady
    if steady is None or not steady.is_right(situation, now):
        same = steady.after_a_cycle(situation, now) if steady is not None else None
        steady = last.steady = same or _found_anew(situation, now)
    return steady


def _found_anew(situation: Situation, now: datetime) -> _Steady:
    return _Steady(
        findings.findings(situation, now),
        situation.status,
        _around(situation),
        machine_rpo.instants(situation.status),
        now,
        findings.steady_until(situation, now),
    )


def page(items: Sequence[RenderedMachine], following: str | None) -> str:
    """A page as a `rest.MachinePage` is written; a cursor has no letter that JSON escapes."""
    cursor = "null" if following is None else f'"{following}"'
    return f'{{"items":[{",".join(each.text for each in items)}],"next":{cursor}}}'


def _found(situation: Situation, found: tuple[HealthFinding, ...]) -> _RenderedMachine:
    """The last JSON, if the present findings and all else are the same; else a new one."""
    last, sides = _last(situation.machine), (_side(situation.source), _side(situation.target))
    made = last.made
    if made is None or not made.is_of(situation.status, sides, found):
        made = last.made = _make(situation, sides, found)
    return made


def _went_back(of: StatusRecord, now: StatusRecord) -> bool:
    """Whether a side was seen at an earlier time than before: the vault's clock was set back. Then
    conclusions from the order of such times no longer hold."""
    seen = ((of.source_at, now.source_at), (of.replica_at, now.replica_at), (of.old_copy_at, now.old_copy_at))
    return any(was is not None and (at is None or at < was) for was, at in seen)


def _around(situation: Situation) -> tuple[object, ...]:
    """What findings follow from besides the machine and its status."""
    of = situation
    return (
        of.policy,
        of.source,
        of.target,
        of.certificate_lifetime,
        of.ca_ends_at,
        of.listens_since,
        of.commits,
    )


def _ages(instants: Instants, now: datetime) -> str:
    """The ages as a `rest.Rpo` is written."""
    usable, sent, processed = (rpo_samples.age_seconds(each, now) for each in instants)
    return f'{{"seconds":{_number(usable)},"sent_seconds":{_number(sent)},"processed_seconds":{_number(processed)}}}'  # noqa: E501


def _number(seconds: float | None) -> str:
    return "null" if seconds is None else repr(seconds)


def _make(
    situation: Situation, sides: tuple[Side, Side], found: tuple[HealthFinding, ...]
) -> _RenderedMachine:
    shape = machine_shapes.described(situation, found, (), rest.Rpo())
    before, _, behind = shape.model_dump_json().partition(NO_RPO)
    status = situation.status
    return _RenderedMachine(status.source, status.replica, sides, found, shape.health, before + RPO, behind)


def _side(appliance: ApplianceRecord | None) -> Side:
    if appliance is None:
        return None
    return appliance.name, appliance.connected, appliance.hello.host if appliance.hello else None


def _same(one: Shape | None, other: Shape | None) -> bool:
    """Whether two shapes are equal. Most are one object; comparing what was read from the store again costs
    less than writing it."""
    return one is other or one == other
