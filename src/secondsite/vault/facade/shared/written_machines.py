"""Machines as they are answered, ready written.

A machine is written once for all that it shows, and again when some of that has changed. What the clock changes is found each time:
its findings, which are compared, and its RPO, which is put in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ....domain.health import Health, HealthFinding
from ....wire import rest
from ....wire.common.base import Shape
from ... import ports
from ...watch import health, rpo_series
from ...watch.derived import Derived
from ...watch.health import Situation
from . import machine_shapes

RPO = '"rpo":'
"""Nowhere else in a machine's JSON: in a text its quotes are written with a backslash."""
NO_RPO = f"{RPO}{rest.Rpo().model_dump_json()}"
Side = tuple[str, bool] | None
"""The appliance's name, and whether it is connected."""


@dataclass(frozen=True, slots=True)
class Written:
    """A machine as JSON. `text` is right for the instant at which it was asked for."""

    id: str
    name: str
    health: Health
    text: str


@dataclass(frozen=True, slots=True)
class _Made:
    """All that a version of a machine is written from, and the texts before and behind its RPO."""

    source: Shape | None
    replica: Shape | None
    sides: tuple[Side, Side]
    found: tuple[HealthFinding, ...]
    health: Health
    before: str
    behind: str

    def is_of(
        self, status: ports.StatusRecord, sides: tuple[Side, Side], found: tuple[HealthFinding, ...]
    ) -> bool:
        return (
            _same(self.source, status.source)
            and _same(self.replica, status.replica)
            and self.sides == sides
            and self.found == found
        )


class _Last:
    """What was made last of a version of a machine."""

    made: _Made | None = None


@Derived
def _last(_machine: ports.MachineRecord) -> _Last:
    return _Last()


def machine(situation: Situation, now: datetime) -> Written:
    """As it is at `now`, without the notes of its drills."""
    of, found = situation.machine, health.findings(situation, now)
    sides, last = (_side(situation.source), _side(situation.target)), _last(of)
    made = last.made
    if made is None or not made.is_of(situation.status, sides, found):
        made = last.made = _make(situation, sides, found)
    ages = machine_shapes.age(rpo_series.measure(situation.status, now)).model_dump_json()
    return Written(of.id, of.name, made.health, f"{made.before}{ages}{made.behind}")


def page(items: Sequence[Written], following: str | None) -> str:
    """As a `rest.MachinePage` is written; a cursor has no letter that JSON writes differently."""
    cursor = "null" if following is None else f'"{following}"'
    return f'{{"items":[{",".join(each.text for each in items)}],"next":{cursor}}}'


def _make(situation: Situation, sides: tuple[Side, Side], found: tuple[HealthFinding, ...]) -> _Made:
    shape = machine_shapes.described(situation, found, (), rest.Rpo())
    before, _, behind = shape.model_dump_json().partition(NO_RPO)
    status = situation.status
    return _Made(status.source, status.replica, sides, found, shape.health, before + RPO, behind)


def _side(appliance: ports.ApplianceRecord | None) -> Side:
    return None if appliance is None else (appliance.name, appliance.connected)


def _same(one: Shape | None, other: Shape | None) -> bool:
    """Most are one object; to compare what the store was asked for anew costs less than to write it."""
    return one is other or one == other
